"""The values by which runs are found, written in the transaction of their runs.

A run without search attributes costs nothing here.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.engine.decision import Decision
from durable_server.engine.run_state import Run, RunDetails
from durable_server.visibility.indexing import indexed_values

CHANGED = "SearchAttributesUpserted"


class RunAttribute(NamedTuple):
    """A row: one value of one attribute of a run; see IndexedValue."""

    shard: int
    run_id: str
    name: str
    position: int
    namespace: str
    text: str | None
    whole: int | None
    number: float | None
    instant: int | None
    started_at: int


def changes_attributes(decision: Decision) -> bool:
    """Whether the values by which the run is found are others than before."""
    if decision.details is None:
        return False
    if decision.new_run:
        return decision.details.search_attributes is not None
    return any(event.event_type == CHANGED for event in decision.events)


def write(transaction: Any, decisions: list[Decision]) -> None:
    """Index the attributes that these decisions change; of a run decided twice the last counts."""
    last = {
        (decision.state.run.shard, decision.state.run.run_id): decision
        for decision in decisions
        if changes_attributes(decision)
    }
    if not last:
        return
    transaction.delete_run_attributes(list(last))
    rows = [
        row
        for decision in last.values()
        if decision.details is not None
        for row in rows_of(decision.state.run, decision.details)
    ]
    if rows:
        transaction.write_rows("insert_run_attributes", rows)


def rows_of(run: Run, details: RunDetails) -> list[RunAttribute]:
    """The rows by which a run is found."""
    return [
        RunAttribute(
            shard=run.shard,
            run_id=run.run_id,
            namespace=run.namespace,
            started_at=run.started_at,
            **value._asdict(),
        )
        for value in indexed_values(orjson.loads(details.search_attributes or "{}"))
    ]
