"""Removing what closed runs leave behind, once they are older than their namespace keeps them.

What belongs to a run is found in the models: every table with a shard and a run id, whoever added
it. The run itself stays, so that its workflow id stays taken and messages to it find it closed.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from peewee import SQL, fn

from durable_server.clock import SECOND
from durable_server.store import models
from durable_server.store.models import Message, Namespace, PayloadHolder, Run
from durable_server.store.payload_objects import release_payloads

DAY = 24 * 3600 * SECOND
# Events of one batch, beyond its first run: what is removed together holds its lane up.
EVENTS_MAX = 5_000
RUNS_MAX = 50
OWNED = tuple(
    model
    for model in models.MODELS
    # What a schedule did is its own history, not that of the run it started.
    if model not in (Run, models.ScheduleEvent) and {"shard", "run_id"} <= set(model._meta.fields)
)
_KEPT = "closed_at IS NOT NULL AND archived_at IS NULL AND pruned_at IS NULL"
# Conditions under which an index finds the rows of a run; together they are true of every row.
_PARTS = {
    "tasks": (
        "status IN ('ready', 'leased')",
        "status IN ('completed', 'failed', 'cancelled')",
    )
}
Key = tuple[int, str]


class Expired(NamedTuple):
    """A closed run that may go, with what decides whether it really may."""

    shard: int
    run_id: str
    namespace: str
    closed: bool
    archived: bool
    pruned: bool
    events: int
    owes: bool

    @property
    def key(self) -> Key:
        """Where the run is."""
        return self.shard, self.run_id


class Pruned(NamedTuple):
    """A run that was removed, how many rows of each table went with it, and how many payloads that
    are kept outside it held; the pass over garbage removes these.
    """

    run_id: str
    deleted: dict[str, int]
    external_payloads: int


def cutoff(now: int, retention_days: int) -> int:
    """Runs that closed no later than this are no longer kept."""
    return now - retention_days * DAY


def expired_runs(tx: Any, namespace: str, closed_by: int, limit: int) -> list[str]:
    """Ids of runs that may go, those that closed first first; what others owe them is not."""
    query = Run.select(Run.run_id).where(_kept(namespace), Run.closed_at <= closed_by)
    query = query.where(~_owes()).order_by(Run.closed_at).limit(limit).tuples()
    return [run_id for (run_id,) in query.execute(tx.database)]


def namespaces_with_expired(tx: Any) -> list[tuple[str, int]]:
    """Namespaces (name, cutoff) of which a run may go."""
    found = [(name, cutoff(tx.now, days), at) for name, days, at in _earliest(tx, 0)]
    ripe = [(name, by) for name, by, at in found if at is not None and at <= by]
    return [each for each in ripe if expired_runs(tx, *each, 1)]


def count_expired(tx: Any, limit: int) -> int:
    """How many runs of all namespaces may go, counted up to a limit."""
    count = 0
    for namespace, closed_by in namespaces_with_expired(tx):
        count += len(expired_runs(tx, namespace, closed_by, limit - count))
        if count >= limit:
            break
    return count


def next_due(tx: Any) -> int | None:
    """When the next run will have been kept long enough; those that have been are not meant."""
    return min(
        (at + days * DAY for _, days, at in _earliest(tx, tx.now) if at is not None), default=None
    )


def prune_expired(tx: Any, namespace: str, closed_by: int, limit: int) -> list[Pruned]:
    """Remove runs that may go, first closed first, within the bounds of one transaction."""
    return remove(tx, bounded(lock_expired(tx, namespace, closed_by, limit)))


def prune_named(
    tx: Any, namespace: str, keys: Sequence[Key]
) -> tuple[list[Pruned], dict[str, str]]:
    """Remove these runs whatever their age, as many as the bounds of one transaction allow.

    Gives those that were removed, and of others the reason why they were not, by run id; those that
    are in neither are to be asked for again.
    """
    locked = {run.run_id: run for run in lock_named(tx, namespace, keys)}
    known = {run.run_id: run for run in find_named(tx, namespace, keys)}
    may_go = {run_id: run for run_id, run in locked.items() if why_kept(run) is None}
    taken = bounded(may_go.values())
    reasons = {}
    for _, run_id in keys:
        run = locked.get(run_id) or known.get(run_id)
        if run is None:
            reasons[run_id] = "run_not_found"
        elif why_kept(run) is not None:
            reasons[run_id] = str(why_kept(run))
        elif run_id not in locked:
            reasons[run_id] = "run_busy"
    return remove(tx, taken), reasons


def why_kept(run: Expired) -> str | None:
    """Why a run may not be removed, whatever its age; None when it may."""
    if not run.closed:
        return "run_not_terminal"
    if run.archived:
        return "run_archived"
    if run.pruned:
        return "run_already_pruned"
    return "messages_undelivered" if run.owes else None


def lock_expired(tx: Any, namespace: str, closed_by: int, limit: int) -> list[Expired]:
    """Runs that may go, first closed first, locked; those that others hold are left out."""
    query = _candidates().where(_kept(namespace), Run.closed_at <= closed_by)
    return _locked(tx, query.where(~_owes()).order_by(Run.closed_at).limit(limit))


def lock_named(tx: Any, namespace: str, keys: Sequence[Key]) -> list[Expired]:
    """These runs, where they are of the namespace, locked; those that others hold are left out."""
    return _locked(tx, _named(namespace, keys))


def find_named(tx: Any, namespace: str, keys: Sequence[Key]) -> list[Expired]:
    """These runs, where they are of the namespace."""
    return [Expired(*row) for row in _named(namespace, keys).tuples().execute(tx.database)]


def remove(tx: Any, runs: Sequence[Expired]) -> list[Pruned]:
    """Delete all rows of these runs, which are locked, and mark the runs."""
    keys = [run.key for run in runs]
    released = _release(tx, keys)
    deleted: dict[str, dict[str, int]] = {run.run_id: {} for run in runs}
    for model in OWNED if keys else ():
        table = model._meta.table_name
        for part in _PARTS.get(table, ("",)):
            for run_id, count in _delete(tx, table, part, keys):
                counts = deleted[run_id]
                counts[table] = counts.get(table, 0) + count
    if keys:
        Run.update(pruned_at=tx.now).where(_are(keys)).execute(tx.database)
    return [Pruned(run.run_id, deleted[run.run_id], released.get(run.key, 0)) for run in runs]


def bounded(runs: Iterable[Expired]) -> list[Expired]:
    """As many of the runs as one transaction may remove, and at least one."""
    taken: list[Expired] = []
    events = 0
    for run in itertools.islice(runs, RUNS_MAX):
        events += run.events
        if taken and events > EVENTS_MAX:
            break
        taken.append(run)
    return taken


def _release(tx: Any, keys: Sequence[Key]) -> dict[Key, int]:
    """How many payloads kept outside each run held; they are no longer theirs."""
    held = PayloadHolder.select(PayloadHolder.shard, PayloadHolder.run_id).distinct()
    held = held.where(_are(keys, PayloadHolder)).tuples()
    holders = list(held.execute(tx.database)) if keys else []
    return {key: release_payloads(tx, [key]) for key in holders}


def _candidates() -> Any:
    closed = Run.closed_at.is_null(False)
    archived, pruned = Run.archived_at.is_null(False), Run.pruned_at.is_null(False)
    return Run.select(
        Run.shard,
        Run.run_id,
        Run.namespace,
        closed.alias("closed"),
        archived.alias("archived"),
        pruned.alias("pruned"),
        Run.last_sequence,
        _owes().alias("owes"),
    )


def _named(namespace: str, keys: Sequence[Key]) -> Any:
    mine = (Run.namespace == namespace) & _are(keys)
    return _candidates().where(mine).order_by(Run.shard, Run.run_id)


def _are(keys: Sequence[Key], model: Any = Run) -> Any:
    by_shard: dict[int, list[str]] = {}
    for shard, run_id in keys:
        by_shard.setdefault(shard, []).append(run_id)
    mine: Any = SQL("1 = 0")
    for shard, run_ids in sorted(by_shard.items()):
        mine = mine | ((model.shard == shard) & model.run_id.in_(run_ids))
    return mine


def _locked(tx: Any, query: Any) -> list[Expired]:
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE OF t1 SKIP LOCKED")
    return [Expired(*row) for row in query.tuples().execute(tx.database)]


def _kept(namespace: str) -> Any:
    # As literally as in the partial index, which is of no use otherwise.
    return (Run.namespace == namespace) & SQL(_KEPT)


def _owes() -> Any:
    """Whether a run has something to tell that has not been delivered."""
    told = Message.select(SQL("1")).where(
        Message.shard == Run.shard, Message.sender_run_id == Run.run_id
    )
    return fn.EXISTS(told)


def _earliest(tx: Any, now: int) -> list[tuple[str, int, int | None]]:
    """By namespace its days and the first closing: of all runs, or of those not yet expired."""
    first = Run.select(Run.closed_at).where(Run.namespace == Namespace.name, SQL(_KEPT))
    if now:
        first = first.where(Run.closed_at > now - Namespace.retention_days * DAY)
    first = first.order_by(Run.closed_at).limit(1)
    query = Namespace.select(Namespace.name, Namespace.retention_days, first)
    return list(query.tuples().execute(tx.database))


def _delete(tx: Any, table: str, part: str, keys: Sequence[Key]) -> list[tuple[str, int]]:
    """Delete rows of runs; how many of each run, where there were any."""
    condition = f" AND {part}" if part else ""
    if tx.kind == "postgresql":
        sql = (
            f'WITH gone AS (DELETE FROM "{table}" t USING'
            " unnest(%s::bigint[], %s::text[]) AS k (shard, run_id)"
            f" WHERE t.shard = k.shard AND t.run_id = k.run_id{condition} RETURNING t.run_id)"
            " SELECT run_id, count(*) FROM gone GROUP BY run_id"
        )
        arrays = [list(column) for column in zip(*keys, strict=True)]
        return list(tx.database.execute_sql(sql, arrays).fetchall())
    sql = f'DELETE FROM "{table}" WHERE shard = ? AND run_id = ?{condition}'
    counts = [
        (run_id, tx.database.execute_sql(sql, (shard, run_id)).rowcount) for shard, run_id in keys
    ]
    return [each for each in counts if each[1]]
