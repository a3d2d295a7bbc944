"""Hot statements for SQLite: keys as a list of values, rows through executemany."""

from durable_server.store.columns import QUERY_TASKS, RUN_ATTRIBUTES, RUNS, TABLES, TASKS, Table
from durable_server.store.questions import QUESTIONS, listed


def values(width: int, count: int) -> str:
    """`VALUES (?, ?), (?, ?)`; a list without rows when there are none."""
    row = f"({', '.join('?' * width)})"
    if not count:
        return f"SELECT {', '.join(['NULL'] * width)} WHERE 0"
    return f"VALUES {', '.join([row] * count)}"


def fetch(name: str, count: int) -> str:
    """The statement that answers a question for this many keys."""
    question = QUESTIONS[name]
    names = ", ".join(f'"{each.name}"' for each in question.keys)
    # CROSS JOIN keeps the keys on the outside, so that the table is always entered by its index.
    sql = (
        f"WITH k ({names}) AS ({values(len(question.keys), count)})"
        f" SELECT {listed(question.table)} FROM k CROSS JOIN {question.table.name} t"
        f" ON {question.where}"
    )
    return f"{sql} ORDER BY {question.order}" if question.order else sql


def lock_runs(runs: int, tasks: int, activities: int) -> str:
    """The runs of this many run, task and activity keys; the write transaction is the lock."""
    return (
        f"WITH r (a, b) AS ({values(2, runs)}), x (a, b) AS ({values(2, tasks)}),"
        f" y (a, b) AS ({values(2, activities)}),"
        " k (a, b) AS (SELECT a, b FROM r"
        " UNION SELECT t.shard, t.run_id FROM x CROSS JOIN tasks t"
        " ON t.shard = x.a AND t.task_id = x.b"
        " UNION SELECT t.shard, t.run_id FROM y CROSS JOIN activities t"
        " ON t.shard = y.a AND t.activity_execution_id = y.b)"
        f" SELECT {listed(RUNS)} FROM k CROSS JOIN runs t"
        " ON t.shard = k.a AND t.run_id = k.b ORDER BY t.shard, t.run_id"
    )


def claimable(types: int | None) -> str:
    """Ready tasks of a channel that are due, oldest first, of one build or of none, of this many
    types or of any.
    """
    condition = "" if types is None else f" AND t.type_name IN ({', '.join('?' * types)})"
    return (
        f"SELECT {listed(TASKS)} FROM tasks t WHERE t.status = 'ready' AND t.namespace = ?"
        " AND t.task_queue = ? AND t.kind = ? AND t.available_at <= ?"
        f" AND (t.build_id IS NULL OR t.build_id = ?){condition}"
        " ORDER BY t.available_at, t.task_id LIMIT ?"
    )


def claimable_queries(types: int | None) -> str:
    """Query tasks of a task queue that nobody holds and somebody waits for, oldest first."""
    condition = "" if types is None else f" AND t.type_name IN ({', '.join('?' * types)})"
    return (
        f"SELECT {listed(QUERY_TASKS)} FROM query_tasks t WHERE t.status IN ('ready', 'leased')"
        " AND t.namespace = ? AND t.task_queue = ? AND t.deadline_at > ?"
        " AND (t.status = 'ready' OR t.lease_expires_at <= ?)"
        f" AND (t.build_id IS NULL OR t.build_id = ?){condition}"
        " ORDER BY t.created_at, t.query_task_id LIMIT ?"
    )


def _insert(table: Table) -> str:
    names = ", ".join(f'"{name}"' for name in table.names)
    return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(table.names))})"


def _update(table: Table) -> str:
    place = {each.name: number + 1 for number, each in enumerate(table.kept)}
    changed = ", ".join(f'"{n}" = ?{place[n]}' for n in place if n not in table.key)
    same = " AND ".join(f'"{name}" = ?{place[name]}' for name in table.key)
    return f"UPDATE {table.name} SET {changed} WHERE {same}"


STATEMENTS = {
    **{f"insert_{table.name}": _insert(table) for table in TABLES},
    **{
        f"update_{table.name}": _update(table)
        for table in TABLES
        if any(name not in table.fixed for name in table.names)
    },
    "update_output": (
        "UPDATE run_details SET output_codec = ?3, output_blob = ?4"
        " WHERE shard = ?1 AND run_id = ?2"
    ),
    "insert_run_attributes": (
        f"INSERT INTO run_attributes ({', '.join(name for name, _ in RUN_ATTRIBUTES)})"
        f" VALUES ({', '.join('?' * len(RUN_ATTRIBUTES))})"
    ),
    "delete_run_attributes": "DELETE FROM run_attributes WHERE shard = ?1 AND run_id = ?2",
    "delete_messages": "DELETE FROM messages WHERE shard = ?1 AND message_id = ?2",
}
