"""Values that a shell can complete without asking a server."""

from durable_cli import profiles
from durable_cli.connection import FORMATS
from durable_cli.problem import Problem


def formats(incomplete: str) -> list[str]:
    """The output formats."""
    return [each for each in FORMATS if each.startswith(incomplete)]


def profile_names(incomplete: str) -> list[str]:
    """The names of the profiles; none where the file cannot be read."""
    try:
        known = profiles.load().named
    except Problem:
        return []
    return [each for each in known if each.startswith(incomplete)]
