"""What is remembered of events that adapters brought in: the requests that they became."""

from typing import Any

import orjson

from durable_server.engine.run_state import Signal, Update
from durable_server.ids import shard_of
from durable_server.store.models import Event, Run


def find_signal(tx: Any, namespace: str, workflow_id: str, request_id: str) -> Signal | None:
    """The signal of a workflow that has this request id."""
    key = (shard_of(namespace, workflow_id), namespace, workflow_id, request_id)
    found: list[Signal] = tx.fetch("signals_by_request", [key])
    return found[0] if found else None


def find_update(tx: Any, namespace: str, workflow_id: str, request_id: str) -> Update | None:
    """The update of a workflow that has this request id."""
    key = (shard_of(namespace, workflow_id), namespace, workflow_id, request_id)
    found: list[Update] = tx.fetch("updates_by_request", [key])
    return found[0] if found else None


def starting_command(tx: Any, namespace: str, workflow_id: str) -> tuple[str, dict[str, Any]]:
    """The first run of a workflow, and the request that started it; empty when it is gone."""
    shard = shard_of(namespace, workflow_id)
    mine = (Run.shard == shard) & (Run.namespace == namespace) & (Run.workflow_id == workflow_id)
    same = (Event.shard == Run.shard) & (Event.run_id == Run.run_id) & (Event.sequence == 1)
    query = (
        Run.select(Run.run_id, Event.payload)
        .join(Event, on=same)
        .where(mine, Run.run_number == 1)
        .tuples()
    )
    found = next(iter(query.execute(tx.database)), None)
    if found is None:
        return "", {}
    command: dict[str, Any] = orjson.loads(found[1]).get("command", {})
    return found[0], command
