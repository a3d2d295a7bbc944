"""The search attributes that namespaces declare, by name."""

from typing import Any

from durable_server.refusal import Refusal
from durable_server.store.models import SearchAttribute as Row
from durable_server.visibility.attributes import SYSTEM

CUSTOM_MAX = 100


def definitions(tx: Any, namespace: str) -> dict[str, str]:
    """The types of a namespace's attributes by name, sorted."""
    query = Row.select(Row.name, Row.type).where(Row.namespace == namespace)
    query = query.order_by(Row.name).limit(CUSTOM_MAX).tuples()
    return dict(query.execute(tx.database))


def declare(tx: Any, namespace: str, name: str, kind: str) -> None:
    """A new attribute; refused when the name is the system's or taken, or there are too many.

    StoreConflict when another process declares the name at this moment.
    """
    if name in SYSTEM:
        raise Refusal("name_reserved", name=name)
    known = definitions(tx, namespace)
    if name in known:
        raise Refusal("attribute_already_exists", name=name, type=known[name], namespace=namespace)
    if len(known) >= CUSTOM_MAX:
        raise Refusal("search_attribute_limit_reached", namespace=namespace, limit=CUSTOM_MAX)
    row = {"namespace": namespace, "name": name, "type": kind, "created_at": tx.now}
    Row.insert(row).execute(tx.database)


def remove(tx: Any, namespace: str, name: str) -> None:
    """Take a declaration away; values of runs stay."""
    if name in SYSTEM:
        raise Refusal("system_attribute", name=name)
    mine = (Row.namespace == namespace) & (Row.name == name)
    if not Row.delete().where(mine).execute(tx.database):
        raise Refusal("attribute_not_found", name=name, namespace=namespace)
