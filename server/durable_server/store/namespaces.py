"""Namespaces, by name."""

from typing import Any, NamedTuple

from durable_server.store.models import Namespace as Row
from durable_server.store.models import NamespacePurge

NAMESPACES_MAX = 10_000


class Namespace(NamedTuple):
    """An isolation boundary. status: active | deleting. `external_payload_storage`: JSON text."""

    name: str
    description: str | None
    retention_days: int
    status: str
    external_payload_storage: str | None
    created_at: int
    updated_at: int


_FIELDS = [getattr(Row, name) for name in Namespace._fields]
# What is left of a namespace once it is gone: its name is free.
_GONE = Row.status == "deleted"


def list_namespaces(tx: Any) -> list[Namespace]:
    """Every namespace by name, up to NAMESPACES_MAX."""
    query = Row.select(*_FIELDS).where(~_GONE).order_by(Row.name).limit(NAMESPACES_MAX).tuples()
    return [Namespace(*row) for row in query.execute(tx.database)]


def find_namespace(tx: Any, name: str) -> Namespace | None:
    """The namespace of this name."""
    query = Row.select(*_FIELDS).where(Row.name == name, ~_GONE).tuples()
    return next((Namespace(*row) for row in query.execute(tx.database)), None)


def insert_namespace(tx: Any, name: str, description: str | None, retention_days: int) -> Namespace:
    """A new namespace; StoreConflict when the name is taken."""
    created = Namespace(name, description, retention_days, "active", None, tx.now, tx.now)
    if Row.delete().where(Row.name == name, _GONE).execute(tx.database):
        NamespacePurge.delete().where(NamespacePurge.namespace == name).execute(tx.database)
    Row.insert(created._asdict()).execute(tx.database)
    return created


def ensure_namespace(tx: Any, name: str, description: str | None, retention_days: int) -> None:
    """Create the namespace unless it is there."""
    created = Namespace(name, description, retention_days, "active", None, tx.now, tx.now)
    Row.insert(created._asdict()).on_conflict_ignore().execute(tx.database)


def update_namespace(
    tx: Any, name: str, description: str | None, retention_days: int
) -> Namespace | None:
    """Change description and retention; the namespace as it is afterwards."""
    changes = {
        "description": description,
        "retention_days": retention_days,
        "updated_at": tx.now,
    }
    Row.update(changes).where(Row.name == name).execute(tx.database)
    return find_namespace(tx, name)


def is_active(tx: Any, name: str) -> bool:
    """Whether requests may name this namespace."""
    query = Row.select(Row.name).where(Row.name == name, Row.status == "active").tuples()
    return bool(list(query.execute(tx.database)))


def update_storage(tx: Any, name: str, policy: str) -> Namespace | None:
    """Replace the storage policy (JSON text); the namespace as it is afterwards."""
    changes = {Row.external_payload_storage: policy, Row.updated_at: tx.now}
    Row.update(changes).where(Row.name == name, ~_GONE).execute(tx.database)
    return find_namespace(tx, name)
