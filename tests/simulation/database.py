"""A SQLite store whose statements can fail, or be the last thing that their process does.

The SQL, the transactions and the file are the server's own; only the driver's connection and
cursor are told apart, so that every statement can be counted.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from durable_server.clock import Clock
from durable_server.engine.decision import Decision
from durable_server.store.database import Connection, Store, Transaction

OnCommit = Callable[[list[Decision]], None]


class Crash(BaseException):
    """The process that was carrying this out is killed."""


class Faults:
    """What is to happen to the statements of one process: at most one thing at a time."""

    def __init__(self) -> None:
        self.left = 0
        self.kind = ""

    def plan(self, kind: str, statements: int) -> None:
        """After so many statements: `kill-before`, `kill-after`, `busy` or `lost`."""
        self.kind, self.left = kind, statements

    def run(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """Have a statement executed, or not."""
        due = bool(self.kind) and self.left <= 0
        self.left -= 1
        if not due:
            return execute(*arguments)
        kind, self.kind = self.kind, ""
        if kind == "kill-after":
            execute(*arguments)
        if kind.startswith("kill"):
            raise Crash
        failure = sqlite3.OperationalError(f"simulated: {kind}")
        busy = kind == "busy"
        failure.sqlite_errorcode = sqlite3.SQLITE_BUSY if busy else sqlite3.SQLITE_IOERR
        raise failure


class FaultyCursor(sqlite3.Cursor):
    """A cursor whose every statement may be the last one."""

    connection: "FaultyConnection"

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        """One statement."""
        return self.connection.faults.run(super().execute, sql, parameters)

    def executemany(self, sql: str, rows: Any) -> Any:
        """One statement for many rows."""
        return self.connection.faults.run(super().executemany, sql, rows)


class FaultyConnection(sqlite3.Connection):
    """A driver's connection; `faults` decides what its statements come to."""

    def __init__(self, faults: Faults, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.faults = faults

    def cursor(self, factory: Any = FaultyCursor) -> Any:
        """A cursor that asks before every statement."""
        return super().cursor(factory)


class WatchedConnection(Connection):
    """A connection that tells which decisions its transactions have made true."""

    def __init__(self, store: "FaultyStore") -> None:
        super().__init__(store)
        self._faulty = store

    @contextmanager
    def transaction(self, write: bool = True) -> Iterator[Transaction]:
        """As always; what was written is told after the commit."""
        written: list[Decision] = []
        with super().transaction(write) as tx:
            if write:
                tx.write = _noting(tx.write, written)  # type: ignore[method-assign]
            yield tx
        if written:
            self._faulty.on_commit(written)


def _noting(
    write: Callable[[list[Decision]], None], written: list[Decision]
) -> Callable[[list[Decision]], None]:
    def both(decisions: list[Decision]) -> None:
        write(decisions)
        written.extend(decisions)

    return both


class FaultyStore(Store):
    """The store of one simulated process."""

    def __init__(self, path: str, clock: Clock, server_id: str, on_commit: OnCommit) -> None:
        super().__init__(f"sqlite:///{path}", clock, server_id, database_clock=False)
        self.faults = Faults()
        self.on_commit = on_commit
        self._opened: list[FaultyConnection] = []

    def new_database(self) -> Any:
        """A database whose connections can fail."""
        database = super().new_database()

        def opened(*given: Any, **options: Any) -> FaultyConnection:
            self._opened.append(FaultyConnection(self.faults, *given, **options))
            return self._opened[-1]

        database.connect_params["factory"] = opened
        return database

    def connect(self) -> Connection:
        """A connection that tells what it has committed."""
        return WatchedConnection(self)

    def die(self) -> None:
        """Drop every connection; what was not committed is gone."""
        self.faults.kind = ""
        for connection in self._opened:
            with suppress(sqlite3.ProgrammingError):
                connection.rollback()
                connection.close()
        self._opened.clear()
