"""Processes that share a database file see each other's commits."""

from pathlib import Path

import pytest
from durable_server import app
from durable_server.config import Settings
from durable_server.matching.wakes_sqlite import SqliteWakes
from durable_server.store import migrate, namespaces
from durable_server.store.database import open_store

from tests.support.services import wait_until


def settings(folder: Path, **given: object) -> Settings:
    return Settings(database_url=f"sqlite:///{folder / 'db.sqlite'}", **given)  # type: ignore[arg-type]


def test_a_commit_of_another_connection_is_seen(tmp_path: Path) -> None:
    server = app.build_server(settings(tmp_path))
    migrate.bootstrap(server.store)
    wakes = SqliteWakes(server.store, "a", 0.01)
    seen: list[int] = []
    wakes.subscribe(lambda _: None, lambda _: None, lambda: seen.append(1))
    wakes.start()
    try:
        wait_until(lambda: wakes.connected, "wakes look")
        assert seen == []
        with server.store.connect().transaction() as tx:
            namespaces.insert_namespace(tx, "other", None, 1)
        wait_until(lambda: seen != [], "the commit is seen")
    finally:
        wakes.stop()
    assert not wakes.connected


def test_reads_are_no_changes(tmp_path: Path) -> None:
    from durable_server.clock import SystemClock

    store = open_store(settings(tmp_path).database_url, clock=SystemClock())
    migrate.bootstrap(store)
    wakes = SqliteWakes(store, "a", 0.001)
    seen: list[int] = []
    wakes.subscribe(lambda _: None, lambda _: None, lambda: seen.append(1))
    wakes.start()
    try:
        wait_until(lambda: wakes.connected, "wakes look")
        for _ in range(20):
            with store.connect().transaction(write=False) as tx:
                namespaces.list_namespaces(tx)
    finally:
        wakes.stop()
    assert seen == []


@pytest.mark.parametrize(
    ("given", "kind"),
    [({}, "process"), ({"processes": 2}, "sqlite"), ({"maintenance": False}, "sqlite")],
)
def test_the_file_is_looked_at_only_when_others_write_to_it(
    tmp_path: Path, given: dict[str, object], kind: str
) -> None:
    assert app.build_server(settings(tmp_path, **given)).wakes.kind == kind
