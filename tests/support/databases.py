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
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


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
def lent_database(url: str, folder: Path) -> Iterator[str]:
    """The URL of what a database holds, to which nobody is connected; it keeps nothing of it.

    SQLite gives a copy. PostgreSQL waits for a checkpoint whenever a database is dropped, so that
    there the tables themselves are lent, and get their first rows back.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        copy = folder / f"{uuid.uuid4().hex}.sqlite"
        shutil.copyfile(url.removeprefix("sqlite:///"), copy)
        yield f"sqlite:///{copy}"
        for each in folder.glob(f"{copy.name}*"):
            each.unlink()
        return
    tables = [name for (name,) in _run(_TABLES, url)]
    # What is lent need not outlive the machine.
    _run(f'ALTER DATABASE "{parts.path[1:]}" SET synchronous_commit = off', url)
    _run("CREATE SCHEMA IF NOT EXISTS first", url)
    for name in tables:
        _run(f'CREATE TABLE IF NOT EXISTS first."{name}" AS TABLE public."{name}"', url)
    try:
        yield url
    finally:
        back = 'DELETE FROM public."{0}"; INSERT INTO public."{0}" TABLE first."{0}"'
        _run("; ".join(back.format(name) for name in tables), url)


@contextmanager
def own_store(kind: str, folder: Path, clock: Clock | None = None) -> Iterator[Store]:
    """A bootstrapped store; its clock is moved by hand unless another is given."""
    with own_database(kind, folder) as url:
        manual = clock is None
        store = open_store(url, clock=clock or ManualClock(), database_clock=not manual)
        migrate.bootstrap(store)
        yield store
        store.close()


def _run(statement: str, url: str | None = None) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url or postgres_url())
    connection.autocommit = True
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        return [] if cursor.description is None else cursor.fetchall()
    finally:
        connection.close()
