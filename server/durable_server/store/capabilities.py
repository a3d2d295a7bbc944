"""What the database can do, found out by trying."""

from typing import Any

from durable_server.store.errors import StoreBusy, StoreLost, classify

_PROBES = {
    "postgresql": {
        "listen_notify": "LISTEN durable_probe; UNLISTEN durable_probe",
        "skip_locked": "SELECT 1 FROM (SELECT 1) AS probe FOR UPDATE SKIP LOCKED",
        "advisory_locks": "SELECT pg_try_advisory_xact_lock(7266311903)",
        "prepared_statements": "PREPARE durable_probe AS SELECT 1; DEALLOCATE durable_probe",
    },
    "sqlite": {
        "returning": "SELECT 1 WHERE sqlite_version() >= '3.35'",
        "json": "SELECT json('{}')",
    },
}
_NEVER = {
    "postgresql": (),
    "sqlite": ("listen_notify", "skip_locked", "advisory_locks", "prepared_statements"),
}


def probe(store: Any) -> dict[str, bool]:
    """By name, whether the database offers it; raises when the database does not answer."""
    connection = store.connect()
    try:
        found = dict.fromkeys(_NEVER[store.kind], False)
        for name, sql in _PROBES[store.kind].items():
            found[name] = _works(connection, sql)
        return found
    finally:
        connection.close()


def _works(connection: Any, sql: str) -> bool:
    """Each in a transaction of its own, since a failed statement ends the transaction."""
    try:
        with connection.transaction(write=False) as tx:
            tx.database.execute_sql(sql)
    except Exception as error:
        if isinstance(classify(error), StoreBusy | StoreLost):
            raise
        return False
    return True
