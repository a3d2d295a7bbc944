"""A real server process on a database of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.databases import own_database
from tests.support.server_process import ServerProcess


@contextmanager
def serving(kind: str, folder: Path, http: str, settings: dict[str, str]) -> Iterator[str]:
    """The address of a server process on a database of its own."""
    with own_database(kind, folder) as database_url:
        log = folder / "server.log"
        process = ServerProcess(database_url, log, settings, arguments=("--http", http))
        process.start()
        try:
            yield process.url
        finally:
            process.stop()
