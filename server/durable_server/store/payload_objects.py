"""Payloads kept outside: the places of a namespace, who holds an object, and what may go.

An object stays for as long as a run holds it: a run does from the transaction on in which its
history or its input first names the object, until the run is removed. A schedule holds the input
that it starts runs with. What is uploaded is noted as garbage beforehand, due once any request that
may name it is over; what nobody holds by then goes. So neither a crash nor a refusal leaves an
object behind, and none goes that a run needs.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from durable_server.store.models import PayloadGarbage, PayloadHolder, PayloadRoot
from durable_server.store.rows_of import of_runs

ROOTS_MAX = 64
Keys = list[tuple[int, str]]


class Root(NamedTuple):
    """A place and the policy (JSON text) that opens it."""

    root: str
    policy: str


class Holder(NamedTuple):
    """A run that holds an object; a schedule holds the input of its runs, by its uid."""

    shard: int
    run_id: str
    uri: str
    namespace: str


class Garbage(NamedTuple):
    """An object of a namespace that is to be looked at."""

    namespace: str
    uri: str


def know_root(tx: Any, namespace: str, root: str, policy: str) -> None:
    """Keep a place of a namespace, with the newest policy that opens it."""
    row = {"namespace": namespace, "root": root, "policy": policy, "known_at": tx.now}
    query = PayloadRoot.insert(row).on_conflict(
        conflict_target=[PayloadRoot.namespace, PayloadRoot.root],
        update={PayloadRoot.policy: policy, PayloadRoot.known_at: tx.now},
    )
    query.execute(tx.database)


def list_roots(tx: Any, namespace: str) -> list[Root]:
    """The places of a namespace, newest first, up to ROOTS_MAX."""
    query = PayloadRoot.select(PayloadRoot.root, PayloadRoot.policy)
    query = query.where(PayloadRoot.namespace == namespace)
    query = query.order_by(PayloadRoot.known_at.desc(), PayloadRoot.root).limit(ROOTS_MAX)
    return [Root(*row) for row in query.tuples().execute(tx.database)]


def hold(tx: Any, holders: Iterable[Holder]) -> None:
    """From now on these runs hold these objects, if they did not before."""
    rows = [holder._asdict() for holder in sorted(holders)]
    PayloadHolder.insert_many(rows).on_conflict_ignore().execute(tx.database)


def note_garbage(tx: Any, namespace: str, uris: Iterable[str], due_at: int) -> None:
    """Have objects looked at once they are due, or later if that was noted before."""
    rows = [{"namespace": namespace, "uri": uri, "due_at": due_at} for uri in sorted(set(uris))]
    if not rows:
        return
    later = PayloadGarbage.due_at < due_at
    query = PayloadGarbage.insert_many(rows).on_conflict(
        conflict_target=[PayloadGarbage.namespace, PayloadGarbage.uri],
        update={PayloadGarbage.due_at: due_at},
        where=later,
    )
    query.execute(tx.database)


def release_payloads(tx: Any, keys: Keys, due_in: int = 0) -> int:
    """These runs hold nothing any more; how many objects they held. At most 64 runs at once.

    `due_in`: how much later the objects are looked at, for a holder that handed them on.
    """
    query = PayloadHolder.select(PayloadHolder.namespace, PayloadHolder.uri)
    held = list(query.where(of_runs(PayloadHolder, keys)).tuples().execute(tx.database))
    for namespace in sorted({each for each, _ in held}):
        uris = [uri for each, uri in held if each == namespace]
        note_garbage(tx, namespace, uris, tx.now + due_in)
    if held:
        PayloadHolder.delete().where(of_runs(PayloadHolder, keys)).execute(tx.database)
    return len(set(held))


def release_some(tx: Any, namespace: str, limit: int) -> int:
    """Holders of a namespace, whoever they are, hold nothing any more; how many there were."""
    key = (PayloadHolder.shard, PayloadHolder.run_id, PayloadHolder.uri)
    query = PayloadHolder.select(*key).where(PayloadHolder.namespace == namespace).limit(limit)
    held = list(query.tuples().execute(tx.database))
    note_garbage(tx, namespace, [uri for _, _, uri in held], tx.now)
    for shard, run_id, uri in held:
        mine = (PayloadHolder.shard == shard) & (PayloadHolder.run_id == run_id)
        PayloadHolder.delete().where(mine, PayloadHolder.uri == uri).execute(tx.database)
    return len(held)


def due_garbage(tx: Any, now: int, limit: int) -> list[Garbage]:
    """Objects to be looked at, oldest first."""
    query = PayloadGarbage.select(PayloadGarbage.namespace, PayloadGarbage.uri)
    query = query.where(PayloadGarbage.due_at <= now)
    query = query.order_by(PayloadGarbage.due_at, PayloadGarbage.uri).limit(limit)
    return [Garbage(*row) for row in query.tuples().execute(tx.database)]


def next_due(tx: Any) -> int | None:
    """When the next object is to be looked at."""
    query = PayloadGarbage.select(PayloadGarbage.due_at).order_by(PayloadGarbage.due_at).limit(1)
    return next((row[0] for row in query.tuples().execute(tx.database)), None)


def is_held(tx: Any, uri: str) -> bool:
    """Whether a run of any namespace holds an object."""
    query = PayloadHolder.select(PayloadHolder.run_id).where(PayloadHolder.uri == uri).limit(1)
    return bool(list(query.tuples().execute(tx.database)))


def forget_garbage(tx: Any, items: Iterable[Garbage]) -> None:
    """These objects need not be looked at any more."""
    for namespace, uri in items:
        mine = (PayloadGarbage.namespace == namespace) & (PayloadGarbage.uri == uri)
        PayloadGarbage.delete().where(mine).execute(tx.database)


def has_garbage(tx: Any, namespace: str) -> bool:
    """Whether objects of a namespace are still to be looked at."""
    query = PayloadGarbage.select(PayloadGarbage.uri)
    query = query.where(PayloadGarbage.namespace == namespace).limit(1)
    return bool(list(query.tuples().execute(tx.database)))
