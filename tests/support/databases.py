"""Databases of the tests' own: PostgreSQL databases and SQLite files, made and dropped here."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from durable_server.clock import Clock, ManualClock
from durable_server.store import migrate
from durable_server.store.database import Store, open_store

from tests.support.services import postgres_url

KINDS = ("sqlite", "postgresql")


@contextmanager
def own_database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database that is gone afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / (uuid.uuid4().hex + '.sqlite')}"
        return
    name = f"durable_test_{uuid.uuid4().hex[:16]}"
    _run(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(postgres_url())._replace(path=f"/{name}"))
    finally:
        _run(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def copied_database(url: str, folder: Path) -> Iterator[str]:
    """The URL of a copy, gone afterwards, of a database to which nobody is connected."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        copy = folder / f"{uuid.uuid4().hex}.sqlite"
        shutil.copyfile(url.removeprefix("sqlite:///"), copy)
        yield f"sqlite:///{copy}"
        for each in folder.glob(f"{copy.name}*"):
            each.unlink()
        return
    name = f"durable_test_{uuid.uuid4().hex[:16]}"
    _run(f'CREATE DATABASE "{name}" TEMPLATE "{parts.path.removeprefix("/")}"')
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        _run(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def own_store(kind: str, folder: Path, clock: Clock | None = None) -> Iterator[Store]:
    """A bootstrapped store; its clock is moved by hand unless another is given."""
    with own_database(kind, folder) as url:
        manual = clock is None
        store = open_store(url, clock=clock or ManualClock(), database_clock=not manual)
        migrate.bootstrap(store)
        yield store
        store.close()


def _run(statement: str) -> Any:
    connection = psycopg2.connect(postgres_url())
    connection.autocommit = True
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()
