"""Applying numbered migrations, safely when several processes start at once, and the bootstrap."""

import importlib
import pkgutil
from typing import Any

from durable_server.store import migrations
from durable_server.store import namespaces as stored_namespaces

DEFAULT_DESCRIPTION = "Default namespace"
DEFAULT_RETENTION_DAYS = 30
_LOCK = 7_266_311_902
_TABLE = {
    "postgresql": "name TEXT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL",
    "sqlite": "name TEXT NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL",
}


def known() -> list[str]:
    """The names of all migrations, in order."""
    return sorted(each.name for each in pkgutil.iter_modules(migrations.__path__))


def pending(store: Any) -> list[str]:
    """The migrations that this database has not had yet, in order."""
    connection = store.connect()
    try:
        with connection.transaction(write=False) as tx:
            return _missing(tx)
    finally:
        connection.close()


def apply(store: Any) -> list[str]:
    """Apply what is pending, all or nothing; returns the names applied here."""
    connection = store.connect()
    try:
        with connection.transaction() as tx:
            cursor = tx.database.connection().cursor()
            if tx.kind == "postgresql":
                cursor.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            cursor.execute(f"CREATE TABLE IF NOT EXISTS schema_migrations ({_TABLE[tx.kind]})")
            missing = _missing(tx)
            for name in missing:
                importlib.import_module(f"{migrations.__name__}.{name}").apply(tx.kind, cursor)
                tx.database.execute_sql(
                    f"INSERT INTO schema_migrations (name, applied_at) VALUES ('{name}', {tx.now})"
                )
            return missing
    finally:
        connection.close()


def bootstrap(store: Any, settings: Any = None) -> list[str]:
    """Apply what is pending and see to the default namespace; may be run again at any time."""
    applied = apply(store)
    name = getattr(settings, "default_namespace", None) or "default"
    days = getattr(settings, "history_retention_days", None) or DEFAULT_RETENTION_DAYS
    connection = store.connect()
    try:
        with connection.transaction() as tx:
            stored_namespaces.ensure_namespace(tx, name, DEFAULT_DESCRIPTION, days)
    finally:
        connection.close()
    return applied


def _missing(tx: Any) -> list[str]:
    if not tx.database.table_exists("schema_migrations"):
        return known()
    rows = tx.database.execute_sql("SELECT name FROM schema_migrations").fetchall()
    applied = {name for (name,) in rows}
    return [name for name in known() if name not in applied]
