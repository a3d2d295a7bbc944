"""What workflow types declare of their signals, queries and updates: the newest word of a worker.

It is kept by type and not by worker, since it binds clients while no worker is running, too.
"""

from typing import Any

import orjson

from durable_server.store.models import CommandContract as Row


def find_contract(tx: Any, namespace: str, workflow_type: str) -> dict[str, Any] | None:
    """What a type declares; None when no worker has said anything of it."""
    query = Row.select(Row.contract).where(_is(namespace, [workflow_type])).tuples()
    found = next(iter(query.execute(tx.database)), None)
    contract: dict[str, Any] | None = None if found is None else orjson.loads(found[0])
    return contract


def declare(
    tx: Any, namespace: str, workflow_types: list[str], contracts: dict[str, Any], now: int
) -> None:
    """Take over what a worker says of its types; of which it says nothing, nothing is declared."""
    silent = [name for name in workflow_types if name not in contracts]
    if silent:
        Row.delete().where(_is(namespace, silent)).execute(tx.database)
    for workflow_type, contract in sorted(contracts.items()):
        changes = {"contract": orjson.dumps(contract).decode(), "declared_at": now}
        row = {"namespace": namespace, "workflow_type": workflow_type, **changes}
        insert = Row.insert(row).on_conflict(
            conflict_target=[Row.namespace, Row.workflow_type], update=changes
        )
        insert.execute(tx.database)


def _is(namespace: str, workflow_types: list[str]) -> Any:
    return (Row.namespace == namespace) & Row.workflow_type.in_(workflow_types)
