"""What this program is called, and which release it is."""

from functools import cache

PROGRAM = "dw"
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
