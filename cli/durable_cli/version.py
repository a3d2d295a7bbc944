"""What this program is called, and which release it is."""

from functools import cache

PROGRAM = "dw"
# The variable by which the script of a shell asks what a word can become.
COMPLETING = "_DW_COMPLETE"
DISTRIBUTION = "durable-workflow-server"


@cache
def version() -> str:
    """The release that is installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"
