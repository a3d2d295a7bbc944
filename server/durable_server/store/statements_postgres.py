"""Hot statements for PostgreSQL: prepared once per connection, keys and rows as arrays."""

from typing import NamedTuple

from durable_server.store.columns import (
    MESSAGES,
    QUERY_TASKS,
    RUN_ATTRIBUTES,
    RUNS,
    TABLES,
    TASKS,
    Column,
    Table,
)
from durable_server.store.questions import QUESTIONS, Question, listed


class Statement(NamedTuple):
    """What to prepare, and how to run it with one parameter per `%s`."""

    prepare: str
    execute: str


NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def _prepared(name: str, types: list[str], sql: str) -> Statement:
    given = ", ".join(f"%s::{each}" for each in types)
    return Statement(f"PREPARE {name} ({', '.join(types)}) AS {sql}", f"EXECUTE {name} ({given})")


def _rows(columns: tuple[Column, ...], start: int = 1) -> str:
    """Arrays number `start` and up, seen as rows `k`."""
    arrays = ", ".join(f"${start + i}::{each.type}[]" for i, each in enumerate(columns))
    names = ", ".join(f'"{each.name}"' for each in columns)
    return f"unnest({arrays}) AS k ({names})"


def _arrays(columns: tuple[Column, ...]) -> list[str]:
    return [f"{each.type}[]" for each in columns]


def _fetch(name: str, question: Question) -> Statement:
    sql = (
        f"SELECT {listed(question.table)} FROM {_rows(question.keys)}"
        f" JOIN {question.table.name} t ON {question.where}"
    )
    if question.order:
        sql += f" ORDER BY {question.order}"
    if question.lock:
        sql += " FOR UPDATE OF t"
    return _prepared(name, _arrays(question.keys), sql)


def _lock(name: str, ending: str) -> Statement:
    sql = (
        f"SELECT {listed(RUNS)} FROM runs t WHERE (t.shard, t.run_id) IN ("
        "SELECT * FROM unnest($1::bigint[], $2::text[])"
        " UNION SELECT x.shard, x.run_id FROM unnest($3::bigint[], $4::text[]) AS k (a, b)"
        " JOIN tasks x ON x.shard = k.a AND x.task_id = k.b"
        " UNION SELECT x.shard, x.run_id FROM unnest($5::bigint[], $6::text[]) AS k (a, b)"
        " JOIN activities x ON x.shard = k.a AND x.activity_execution_id = k.b"
        f") ORDER BY t.shard, t.run_id FOR UPDATE OF t{ending}"
    )
    return _prepared(name, ["bigint[]", "text[]"] * 3, sql)


def _claimable(name: str, condition: str, types: list[str]) -> Statement:
    sql = (
        f"SELECT {listed(TASKS)} FROM tasks t WHERE t.status = 'ready' AND t.namespace = $1"
        " AND t.task_queue = $2 AND t.kind = $3 AND t.available_at <= $4"
        f" AND (t.build_id IS NULL OR t.build_id = $6){condition}"
        " ORDER BY t.available_at, t.task_id LIMIT $5"
    )
    return _prepared(name, ["text", "text", "text", "bigint", "bigint", "text", *types], sql)


def _claimable_queries(name: str, condition: str, types: list[str]) -> Statement:
    sql = (
        f"SELECT {listed(QUERY_TASKS)} FROM query_tasks t WHERE t.status IN ('ready', 'leased')"
        " AND t.namespace = $1 AND t.task_queue = $2 AND t.deadline_at > $3"
        " AND (t.status = 'ready' OR t.lease_expires_at <= $3)"
        f" AND (t.build_id IS NULL OR t.build_id = $5){condition}"
        " ORDER BY t.created_at, t.query_task_id LIMIT $4 FOR UPDATE SKIP LOCKED"
    )
    return _prepared(name, ["text", "text", "bigint", "bigint", "text", *types], sql)


def _insert(table: Table) -> Statement:
    names = ", ".join(f'"{name}"' for name in table.names)
    sql = f"INSERT INTO {table.name} ({names}) SELECT * FROM {_rows(table.columns)}"
    return _prepared(f"insert_{table.name}", _arrays(table.columns), sql)


def _update(table: Table) -> Statement:
    names = [each.name for each in table.kept if each.name not in table.key]
    changed = ", ".join(f'"{name}" = k."{name}"' for name in names)
    same = " AND ".join(f't."{name}" = k."{name}"' for name in table.key)
    sql = f"UPDATE {table.name} t SET {changed} FROM {_rows(table.kept)} WHERE {same}"
    return _prepared(f"update_{table.name}", _arrays(table.kept), sql)


def _output() -> Statement:
    columns = tuple(
        Column(name, "bigint" if name == "shard" else "text")
        for name in ("shard", "run_id", "output_codec", "output_blob")
    )
    sql = (
        "UPDATE run_details t SET output_codec = k.output_codec, output_blob = k.output_blob"
        f" FROM {_rows(columns)} WHERE t.shard = k.shard AND t.run_id = k.run_id"
    )
    return _prepared("update_output", _arrays(columns), sql)


def _delete(table: Table) -> Statement:
    keys = tuple(each for each in table.columns if each.name in table.key)
    same = " AND ".join(f"t.{each.name} = k.{each.name}" for each in keys)
    sql = f"DELETE FROM {table.name} t USING {_rows(keys)} WHERE {same}"
    return _prepared(f"delete_{table.name}", _arrays(keys), sql)


def _insert_attributes() -> Statement:
    columns = tuple(Column(name, kind) for name, kind in RUN_ATTRIBUTES)
    names = ", ".join(f'"{each.name}"' for each in columns)
    sql = f"INSERT INTO run_attributes ({names}) SELECT * FROM {_rows(columns)}"
    return _prepared("insert_run_attributes", _arrays(columns), sql)


def _delete_attributes() -> Statement:
    keys = (Column("shard", "bigint"), Column("run_id", "text"))
    sql = (
        f"DELETE FROM run_attributes t USING {_rows(keys)}"
        " WHERE t.shard = k.shard AND t.run_id = k.run_id"
    )
    return _prepared("delete_run_attributes", _arrays(keys), sql)


STATEMENTS = {
    **{name: _fetch(name, question) for name, question in QUESTIONS.items()},
    **{f"insert_{table.name}": _insert(table) for table in TABLES},
    **{
        f"update_{table.name}": _update(table)
        for table in TABLES
        if any(name not in table.fixed for name in table.names)
    },
    "update_output": _output(),
    "delete_messages": _delete(MESSAGES),
    "insert_run_attributes": _insert_attributes(),
    "delete_run_attributes": _delete_attributes(),
    "lock_runs": _lock("lock_runs", ""),
    "lock_free_runs": _lock("lock_free_runs", " SKIP LOCKED"),
    "claimable": _claimable("claimable", "", []),
    "claimable_types": _claimable("claimable_types", " AND t.type_name = ANY($7)", ["text[]"]),
    "claimable_queries": _claimable_queries("claimable_queries", "", []),
    "claimable_queries_of_types": _claimable_queries(
        "claimable_queries_of_types", " AND t.type_name = ANY($6)", ["text[]"]
    ),
}
