"""Namespaces that are being deleted: marked, emptied in bounded batches, forgotten.

A namespace is `deleting` until a batch finds nothing more of it, then `deleted`: its name is free,
and what a process that has not heard of it may still write is removed a while later.
"""

from collections import Counter
from typing import Any, NamedTuple

import orjson
from peewee import Tuple

from durable_server.store.models import (
    MODELS,
    Namespace,
    NamespacePurge,
    PayloadGarbage,
    PayloadHolder,
    PayloadRoot,
    Run,
)
from durable_server.store.payload_objects import release_some
from durable_server.store.removal import FIELDS, Removable, remove_runs, within_bounds
from durable_server.store.rows_of import RUNS_AT_ONCE_MAX, namespace_column

ROWS_AT_ONCE_MAX = 1_000
UNFINISHED_MAX = 100
# Kept until the objects of the namespace are gone, as nobody could open their place otherwise.
KEPT_TO_THE_END = (Namespace, NamespacePurge, PayloadRoot, PayloadGarbage)


class Purge(NamedTuple):
    """How far the removal of a namespace has come: rows by table, whether it found all."""

    deleted: dict[str, int]
    started_at: int
    swept_at: int | None


class Leaving(NamedTuple):
    """A namespace that is on its way out. status: deleting | deleted."""

    name: str
    status: str
    swept_at: int | None


def begin_purge(tx: Any, namespace: str) -> Purge:
    """Mark a namespace; the purge under way when it is marked already."""
    mine = Namespace.name == namespace
    changes = {Namespace.status: "deleting", Namespace.updated_at: tx.now}
    Namespace.update(changes).where(mine, Namespace.status == "active").execute(tx.database)
    row = {"namespace": namespace, "deleted": "{}", "started_at": tx.now, "swept_at": None}
    NamespacePurge.insert(row).on_conflict_ignore().execute(tx.database)
    return find_purge(tx, namespace) or Purge({}, tx.now, None)


def find_purge(tx: Any, namespace: str) -> Purge | None:
    """The purge of a namespace."""
    fields = (NamespacePurge.deleted, NamespacePurge.started_at, NamespacePurge.swept_at)
    query = NamespacePurge.select(*fields).where(NamespacePurge.namespace == namespace).tuples()
    found = next(iter(query.execute(tx.database)), None)
    return None if found is None else Purge(orjson.loads(found[0]), *found[1:])


def list_leaving(tx: Any) -> list[Leaving]:
    """Namespaces on their way out, oldest first, up to UNFINISHED_MAX."""
    query = Namespace.select(Namespace.name, Namespace.status, NamespacePurge.swept_at).join(
        NamespacePurge, on=(NamespacePurge.namespace == Namespace.name)
    )
    query = query.where(Namespace.status != "active").order_by(NamespacePurge.started_at)
    return [Leaving(*row) for row in query.limit(UNFINISHED_MAX).tuples().execute(tx.database)]


def purge_batch(tx: Any, namespace: str) -> bool:
    """Remove a bounded part of a namespace and note how much; whether there may be more."""
    if not _is_leaving(tx, namespace):
        return False
    removed = Counter(_remove_some_runs(tx, namespace)) or _remove_some_rows(tx, namespace)
    more = bool(removed) or _has_runs(tx, namespace)
    purge = find_purge(tx, namespace)
    if purge is None:
        return False
    told = orjson.dumps(dict(Counter(purge.deleted) + removed)).decode()
    swept_at = None if more else (purge.swept_at or tx.now)
    changes = {NamespacePurge.deleted: told, NamespacePurge.swept_at: swept_at}
    NamespacePurge.update(changes).where(NamespacePurge.namespace == namespace).execute(tx.database)
    if not more:
        gone = {Namespace.status: "deleted", Namespace.external_payload_storage: None}
        Namespace.update(gone).where(Namespace.name == namespace).execute(tx.database)
    return more


def forget_namespace(tx: Any, namespace: str) -> None:
    """The last that is known of a deleted namespace goes; not when it has been created again."""
    mine = (Namespace.name == namespace) & (Namespace.status == "deleted")
    if Namespace.delete().where(mine).execute(tx.database):
        for model in (NamespacePurge, PayloadRoot):
            model.delete().where(model.namespace == namespace).execute(tx.database)


def _is_leaving(tx: Any, namespace: str) -> bool:
    """Whether a namespace is on its way out still; locked against being created again."""
    query: Any = Namespace.select(Namespace.status).where(Namespace.name == namespace).tuples()
    if tx.kind == "postgresql":
        query = query.for_update()
    found = next(iter(query.execute(tx.database)), None)
    return found is not None and found[0] != "active"


def _remove_some_runs(tx: Any, namespace: str) -> dict[str, int]:
    query: Any = Run.select(*FIELDS).where(Run.namespace == namespace)
    query = query.order_by(Run.started_at.desc(), Run.run_id.desc()).limit(RUNS_AT_ONCE_MAX)
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    found = [Removable(*row) for row in query.tuples().execute(tx.database)]
    return remove_runs(tx, within_bounds(found))


def _has_runs(tx: Any, namespace: str) -> bool:
    query = Run.select(Run.run_id).where(Run.namespace == namespace).limit(1).tuples()
    return bool(list(query.execute(tx.database)))


def _remove_some_rows(tx: Any, namespace: str) -> Counter[str]:
    """Remove rows of the namespace from the first table that has any."""
    removed: Counter[str] = Counter()
    for model in tables_of_namespaces():
        # Schedules hold payloads, too, and are not released one by one.
        held = model is PayloadHolder
        count = (
            release_some(tx, namespace, ROWS_AT_ONCE_MAX) if held else _remove(tx, model, namespace)
        )
        if count:
            removed[model._meta.table_name] += count
            break
    return removed


def _remove(tx: Any, model: Any, namespace: str) -> int:
    key = model._meta.get_primary_keys()
    some = model.select(*key).where(namespace_column(model) == namespace).limit(ROWS_AT_ONCE_MAX)
    query = model.delete().where(Tuple(*key).in_(some) if len(key) > 1 else key[0].in_(some))
    count: int = query.execute(tx.database)
    return count


def tables_of_namespaces() -> list[Any]:
    """The tables whose rows belong to a namespace and go with it."""
    found = [model for model in MODELS if namespace_column(model) is not None]
    return [model for model in found if model not in KEPT_TO_THE_END]
