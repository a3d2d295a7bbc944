"""Writing the decisions of a batch: one statement per table and kind of write."""

from collections.abc import Iterable
from typing import Any

from durable_server.engine import references
from durable_server.engine.decision import Decision
from durable_server.store import columns, payload_objects, run_attributes
from durable_server.store.columns import Table

Rows = dict[Any, Any]


class Changes:
    """The rows of a batch, each once, as its last decision leaves it."""

    def __init__(self) -> None:
        self.inserts: dict[str, Rows] = {table.name: {} for table in columns.TABLES}
        self.updates: dict[str, Rows] = {table.name: {} for table in columns.TABLES}
        self.outputs: dict[tuple[int, str], tuple[str, str]] = {}

    def put(self, table: Table, key: Any, value: Any, new: bool) -> None:
        """Keep a row; one that this batch inserts stays an insert."""
        inserts = self.inserts[table.name]
        if new or key in inserts:
            inserts[key] = value
        else:
            self.updates[table.name][key] = value


def merge(decisions: Iterable[Decision]) -> Changes:
    """What a batch changes; of a row written twice the later version counts."""
    changes = Changes()
    for decision in decisions:
        run, new = decision.state.run, decision.new_rows
        key = (run.shard, run.run_id)
        changes.put(columns.RUNS, key, run, decision.new_run)
        for table, rows in (
            (columns.TASKS, decision.tasks),
            (columns.ACTIVITIES, decision.activities),
            (columns.TIMERS, decision.timers),
            (columns.CHILDREN, decision.children),
            (columns.SIGNALS, decision.signals),
            (columns.UPDATES, decision.updates),
        ):
            for name, row in rows.items():
                changes.put(table, name, row, name in new)
        for event in decision.events:
            changes.inserts["events"][event[:3]] = event
        for message in decision.messages:
            changes.inserts["messages"][message.message_id] = message
        _merge_holder(changes, decision, key)
    return changes


def _merge_holder(changes: Changes, decision: Decision, key: tuple[int, str]) -> None:
    workflow, details = decision.workflow, decision.details
    if workflow is not None:
        changes.put(columns.WORKFLOWS, workflow[:3], workflow, _is_first(decision))
    if details is not None:
        changes.put(columns.RUN_DETAILS, key, details, decision.new_run)
    if decision.output is None:
        return
    fresh = changes.inserts["run_details"].get(key)
    if fresh is None:
        changes.outputs[key] = decision.output
    else:
        changes.inserts["run_details"][key] = fresh._replace(output=decision.output)


def _is_first(decision: Decision) -> bool:
    workflow = decision.workflow
    return decision.new_run and workflow is not None and workflow.run_count == 1


def write(transaction: Any, decisions: list[Decision]) -> None:
    """Write all decisions; StoreConflict when a row is there already, or missing."""
    changes = merge(decisions)
    for table in columns.TABLES:
        for verb, rows in (("insert", changes.inserts), ("update", changes.updates)):
            given = [table.to_row(value) for value in rows[table.name].values()]
            if verb == "update":
                given = [table.pick_kept(row) for row in given]
            if given:
                transaction.write_rows(f"{verb}_{table.name}", given)
    if changes.outputs:
        rows_of_outputs = [(*key, *output) for key, output in changes.outputs.items()]
        transaction.write_rows("update_output", rows_of_outputs)
    run_attributes.write(transaction, decisions)
    if held := _held(changes):
        payload_objects.hold(transaction, held)


def _held(changes: Changes) -> set[payload_objects.Holder]:
    """Which runs hold which objects from now on, since something written names these."""
    found: dict[tuple[int, str], set[str]] = {}
    for event in changes.inserts["events"].values():
        if uris := references.uris_of_event(event.payload):
            found.setdefault((event.shard, event.run_id), set()).update(uris)
    for table in ("run_details", "signals", "updates"):
        for row in changes.inserts[table].values():
            blob = row.input.blob if table == "run_details" else row.arguments
            if uri := references.uri_of_blob(blob):
                found.setdefault((row.shard, row.run_id), set()).add(uri)
    runs = {**changes.updates["runs"], **changes.inserts["runs"]}
    return {
        payload_objects.Holder(*key, uri, runs[key].namespace)
        for key, uris in found.items()
        for uri in uris
    }
