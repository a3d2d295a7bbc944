"""`python -m durable_contracts`: the command line without an installed script."""

from durable_contracts.cli import main

main()
