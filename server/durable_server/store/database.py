"""Opening a database and running transactions on it; the one place where dialects differ.

A `Connection` belongs to one thread. Drivers' errors leave as StoreBusy, StoreLost, StoreConflict.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import peewee
from playhouse.db_url import parse

from durable_server.clock import Clock, monotonic_seconds
from durable_server.store import statements_postgres
from durable_server.store.errors import StoreBusy, StoreConflict, StoreLost, StoreSlow, classify
from durable_server.store.transaction import PostgresTransaction, SqliteTransaction, Transaction

__all__ = [
    "Connection",
    "Store",
    "StoreBusy",
    "StoreConflict",
    "StoreLost",
    "StoreSlow",
    "Transaction",
    "classify",
    "open_store",
]

BUSY_MILLISECONDS_MAX = 5000
CONNECT_SECONDS_MAX = 5
# How many steps of its machine SQLite takes between two looks at the time.
SQLITE_STEPS = 1000
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "busy_timeout": BUSY_MILLISECONDS_MAX,
    "foreign_keys": 0,
    "cache_size": -32_000,
}
# A read transaction of SQLite is one anyway.
_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Tables of a new database have no statistics; these keep every plan on the indexes all the same.
_SESSION = (
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
    " SET jit = off; SET plan_cache_mode = force_generic_plan"
)


class Connection:
    """One connection, made at its first use and again after it was lost."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._database: Any = None
        self._prepared: set[str] = set()

    @contextmanager
    def transaction(
        self, write: bool = True, snapshot: bool = False, milliseconds_max: int = 0
    ) -> Iterator[Transaction]:
        """Commits at the end, rolls back on any exception.

        `snapshot`: all that is read is of one moment, and nothing is written or locked.
        `milliseconds_max`: a statement that takes longer ends with StoreSlow; 0: none does.
        """
        try:
            opened = self._begin(write, snapshot)
            if milliseconds_max:
                self._limit(milliseconds_max)
        except Exception as error:
            self._after(error)
            raise classify(error) from error
        try:
            with closing(opened):
                yield opened
            self._unlimit(milliseconds_max)
            self._database.connection().cursor().execute("COMMIT")
        except BaseException as error:
            self._after(error)
            translated = classify(error)
            if translated is error:
                raise
            raise translated from error

    def _limit(self, milliseconds_max: int) -> None:
        connection = self._database.connection()
        if self._store.kind == "postgresql":
            # Of this transaction alone.
            connection.cursor().execute(f"SET LOCAL statement_timeout = {milliseconds_max:d}")
            return
        until = monotonic_seconds() + milliseconds_max / 1000
        connection.set_progress_handler(lambda: monotonic_seconds() > until, SQLITE_STEPS)

    def _unlimit(self, milliseconds_max: int) -> None:
        if milliseconds_max and self._store.kind == "sqlite":
            self._database.connection().set_progress_handler(None, 0)

    def close(self) -> None:
        """Give the connection up."""
        database, self._database, self._prepared = self._database, None, set()
        if database is not None:
            try:
                database.close()
            except Exception as error:
                if not isinstance(classify(error), StoreLost):
                    raise

    def _begin(self, write: bool, snapshot: bool) -> Transaction:
        if self._database is None:
            self._database = self._store.new_database()
            self._database.connect()
            if self._store.kind == "postgresql":
                self._database.connection().cursor().execute(_SESSION)
        store = self._store
        cursor = self._database.connection().cursor()
        if store.kind == "sqlite":
            cursor.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            return SqliteTransaction(self._database, cursor, store.clock.now())
        begin = _BEGIN_SNAPSHOT if snapshot else "BEGIN"
        if not store.database_clock:
            cursor.execute(begin)
            return PostgresTransaction(self._database, cursor, store.clock.now(), self._prepared)
        cursor.execute(f"{begin}; SELECT {statements_postgres.NOW}")
        return PostgresTransaction(self._database, cursor, cursor.fetchone()[0], self._prepared)

    def _after(self, error: BaseException) -> None:
        """Roll back; a connection that cannot be rolled back is thrown away."""
        if self._database is None:
            return
        lost = isinstance(classify(error), StoreLost)
        postgres = self._store.kind == "postgresql"
        try:
            # A closed SQLite connection keeps its lock for as long as one of its cursors lives,
            # and the error that is on its way holds some: rolled back first, it keeps none.
            connection = self._database.connection()
            if not postgres:
                # The rollback takes the time it needs.
                connection.set_progress_handler(None, 0)
            if not (postgres and lost) and (postgres or connection.in_transaction):
                connection.cursor().execute("ROLLBACK")
            # A statement prepared in a transaction stays prepared; only a failed one is unsure.
        except Exception:
            lost = True
        if lost:
            self.close()


class Store:
    """A database that the server keeps its runs in."""

    def __init__(self, url: str, clock: Clock, server_id: str, database_clock: bool) -> None:
        self.url, self.clock, self.server_id = url, clock, server_id
        self.kind = "sqlite" if url.startswith("sqlite") else "postgresql"
        self.database_clock = database_clock and self.kind == "postgresql"
        self.capabilities = {
            "listen_notify": self.kind == "postgresql",
            "skip_locked": self.kind == "postgresql",
            "advisory_locks": self.kind == "postgresql",
            "many_writers": self.kind == "postgresql",
        }

    def new_database(self) -> Any:
        """A Peewee database that is not connected yet."""
        if self.kind == "sqlite":
            path = self.url.removeprefix("sqlite:///").removeprefix("sqlite://") or ":memory:"
            return peewee.SqliteDatabase(path, pragmas=_PRAGMAS, thread_safe=False)
        given = parse(self.url.replace("postgres://", "postgresql://", 1))
        name = given.pop("database")
        given.setdefault("connect_timeout", CONNECT_SECONDS_MAX)
        given.setdefault("application_name", f"durable-server {self.server_id}".strip()[:63])
        return peewee.PostgresqlDatabase(name, thread_safe=False, **given)

    def connect(self) -> Connection:
        """A connection for one thread."""
        return Connection(self)

    def migrated(self) -> bool:
        """Whether every migration of this version has been applied."""
        from durable_server.store import migrate

        return not migrate.pending(self)

    def close(self) -> None:
        """Nothing is held open by the store itself."""


def open_store(
    url: str, *, clock: Clock, server_id: str = "", database_clock: bool = True
) -> Store:
    """The store at a database URL; nothing is connected yet."""
    return Store(url, clock, server_id, database_clock)
