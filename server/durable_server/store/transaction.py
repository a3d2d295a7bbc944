"""What can be asked and written within one transaction, on either database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from durable_server.engine.decision import Decision
from durable_server.engine.query_task import QueryTask
from durable_server.engine.run_state import Run, Task
from durable_server.store import commit, statements_postgres, statements_sqlite
from durable_server.store.columns import QUERY_TASKS, RUNS, TASKS
from durable_server.store.errors import StoreConflict, classify
from durable_server.store.questions import QUESTIONS

Keys = Sequence[tuple[Any, ...]]


class Taker(NamedTuple):
    """Whose tasks are asked for: of these types (None: of any), of this build or of none."""

    types: list[str] | None
    build_id: str | None


class Transaction:
    """An open transaction. `database` runs the cold queries; `now` is its one instant."""

    kind = ""

    def __init__(self, database: Any, cursor: Any, now: int) -> None:
        self.database, self.now, self._cursor = database, now, cursor

    def close(self) -> None:
        """Let go of the cursor, on the thread of its connection.

        The traceback of a refusal keeps the transaction for whoever answers it. On another thread
        the end of a SQLite cursor resets the statement that it ran last, which the next transaction
        may be running.
        """
        self._cursor.close()

    def fetch(self, name: str, keys: Keys) -> list[Any]:
        """The rows that a question finds for all these keys, with one statement."""
        if not keys:
            return []
        to_value = QUESTIONS[name].table.to_value
        return [to_value(row) for row in self._fetch_rows(name, list(dict.fromkeys(keys)))]

    def leased_to(self, keys: Keys) -> list[Task]:
        """Leased tasks by (namespace, lease owner, poll request id)."""
        return self.fetch("leased_to", keys)

    def lock_runs(
        self, run_keys: Keys, task_keys: Keys, activity_keys: Keys, *, skip_locked: bool = False
    ) -> list[Run]:
        """The runs of these keys, locked in key order; perhaps without those held elsewhere."""
        if not (run_keys or task_keys or activity_keys):
            return []
        rows = self._lock_rows((run_keys, task_keys, activity_keys), skip_locked)
        return [RUNS.to_value(row) for row in rows]

    def claimable(
        self, channel: tuple[str, str, str], now: int, limit: int, taker: Taker
    ) -> list[Task]:
        """Ready tasks of a channel that are due and the taker's, oldest first, not locked."""
        return [TASKS.to_value(row) for row in self._claimable_rows(channel, now, limit, taker)]

    def lock_query_tasks(self, keys: Keys) -> list[QueryTask]:
        """The query tasks of these keys (shard, query task id), locked in key order."""
        return self.fetch("query_tasks_to_change", keys)

    def claimable_query_tasks(
        self, place: tuple[str, str], now: int, limit: int, taker: Taker
    ) -> list[QueryTask]:
        """Free query tasks of a (namespace, task queue) that are the taker's, oldest first,
        locked; those that are locked elsewhere are left out.
        """
        rows = self._claimable_query_rows(place, now, limit, taker)
        return [QUERY_TASKS.to_value(row) for row in rows]

    def write(self, decisions: list[Decision]) -> None:
        """Write decisions; see `commit.write`."""
        commit.write(self, decisions)

    def delete_messages(self, keys: Keys) -> None:
        """Take delivered messages, by (shard, message id), out of the outbox; others may have."""
        self._run_for_rows("delete_messages", list(dict.fromkeys(keys)))

    def delete_run_attributes(self, keys: Keys) -> None:
        """Take the attributes of these runs, by (shard, run id), out of the index."""
        self._run_for_rows("delete_run_attributes", keys)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What fails inside is undone alone; driver errors leave as the store's own."""
        self._cursor.execute("SAVEPOINT part")
        try:
            yield
        except BaseException as error:
            translated = classify(error)
            try:
                self._cursor.execute("ROLLBACK TO SAVEPOINT part")
            except Exception as lost:
                raise classify(lost) from error
            if translated is error:
                raise
            raise translated from error
        self._cursor.execute("RELEASE SAVEPOINT part")

    def _fetch_rows(self, name: str, keys: Keys) -> list[Any]:
        raise NotImplementedError

    def _lock_rows(self, keys: tuple[Keys, Keys, Keys], skip_locked: bool) -> list[Any]:
        raise NotImplementedError

    def _claimable_rows(
        self, channel: tuple[str, str, str], now: int, limit: int, taker: Taker
    ) -> list[Any]:
        raise NotImplementedError

    def _claimable_query_rows(
        self, place: tuple[str, str], now: int, limit: int, taker: Taker
    ) -> list[Any]:
        raise NotImplementedError

    def write_rows(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        """Run an insert or update for all rows; StoreConflict when one is missing."""
        self._run_for_rows(name, rows)
        _check_count(self._cursor.rowcount, len(rows), name)

    def _run_for_rows(self, name: str, rows: Keys) -> None:
        raise NotImplementedError


def _check_count(found: int, wanted: int, name: str) -> None:
    if found != wanted:
        raise StoreConflict(f"{name}: {found} of {wanted} rows")


class PostgresTransaction(Transaction):
    """Statements are prepared at their first use on a connection."""

    kind = "postgresql"

    def __init__(self, database: Any, cursor: Any, now: int, prepared: set[str]) -> None:
        super().__init__(database, cursor, now)
        self._prepared = prepared

    def _run(self, name: str, parameters: Sequence[Any]) -> None:
        statement = statements_postgres.STATEMENTS[name]
        if name not in self._prepared:
            self._cursor.execute(statement.prepare)
            self._prepared.add(name)
        self._cursor.execute(statement.execute, parameters)

    def _fetch_rows(self, name: str, keys: Keys) -> list[Any]:
        self._run(name, _transposed(keys, len(QUESTIONS[name].keys)))
        found: list[Any] = self._cursor.fetchall()
        return found

    def _lock_rows(self, keys: tuple[Keys, Keys, Keys], skip_locked: bool) -> list[Any]:
        parameters = [column for each in keys for column in _transposed(each, 2)]
        self._run("lock_free_runs" if skip_locked else "lock_runs", parameters)
        found: list[Any] = self._cursor.fetchall()
        return found

    def _claimable_rows(
        self, channel: tuple[str, str, str], now: int, limit: int, taker: Taker
    ) -> list[Any]:
        parameters: list[Any] = [*channel, now, limit, taker.build_id]
        if taker.types is None:
            self._run("claimable", parameters)
        else:
            self._run("claimable_types", [*parameters, taker.types])
        found: list[Any] = self._cursor.fetchall()
        return found

    def _claimable_query_rows(
        self, place: tuple[str, str], now: int, limit: int, taker: Taker
    ) -> list[Any]:
        parameters: list[Any] = [*place, now, limit, taker.build_id]
        if taker.types is None:
            self._run("claimable_queries", parameters)
        else:
            self._run("claimable_queries_of_types", [*parameters, taker.types])
        found: list[Any] = self._cursor.fetchall()
        return found

    def _run_for_rows(self, name: str, rows: Keys) -> None:
        self._run(name, _transposed(rows, len(rows[0])))


def _transposed(rows: Keys, width: int) -> list[str]:
    """Rows as one array literal per column: the driver's own adaptation costs ten times more."""
    if not rows:
        return ["{}"] * width
    return [f"{{{','.join(map(_element, column))}}}" for column in zip(*rows, strict=True)]


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


class SqliteTransaction(Transaction):
    """The write transaction holds the whole database, so that no row needs a lock."""

    kind = "sqlite"

    def _all(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        found: list[Any] = self._cursor.execute(sql, parameters).fetchall()
        return found

    def _fetch_rows(self, name: str, keys: Keys) -> list[Any]:
        flat = [value for key in keys for value in key]
        return self._all(statements_sqlite.fetch(name, len(keys)), flat)

    def _lock_rows(self, keys: tuple[Keys, Keys, Keys], skip_locked: bool) -> list[Any]:
        flat = [value for each in keys for key in each for value in key]
        return self._all(statements_sqlite.lock_runs(*(len(each) for each in keys)), flat)

    def _claimable_rows(
        self, channel: tuple[str, str, str], now: int, limit: int, taker: Taker
    ) -> list[Any]:
        sql = statements_sqlite.claimable(None if taker.types is None else len(taker.types))
        return self._all(sql, [*channel, now, taker.build_id, *(taker.types or ()), limit])

    def _claimable_query_rows(
        self, place: tuple[str, str], now: int, limit: int, taker: Taker
    ) -> list[Any]:
        sql = statements_sqlite.claimable_queries(None if taker.types is None else len(taker.types))
        return self._all(sql, [*place, now, now, taker.build_id, *(taker.types or ()), limit])

    def _run_for_rows(self, name: str, rows: Keys) -> None:
        self._cursor.executemany(statements_sqlite.STATEMENTS[name], rows)
