"""Workflows: start, list, describe, and the runs of a workflow."""

from typing import Any

from durable_server import external_payloads
from durable_server.advance.intents import StartRun
from durable_server.call import Call, Reply
from durable_server.clock import instant_of
from durable_server.engine.liveness import OpenWork
from durable_server.ids import new_plain_id
from durable_server.refusal import Refusal, invalid
from durable_server.searches import found_in_time
from durable_server.start_input import start_in
from durable_server.store import open_work as stored_open_work
from durable_server.store import runs as stored_runs
from durable_server.store import visibility
from durable_server.views import runs as shown
from durable_server.visibility import grammar
from durable_server.visibility.attributes import BUCKETS as STATUSES_OF
from durable_server.visibility.terms import Query

PAGE_SIZE_DEFAULT = 50


async def start(call: Call, body: dict[str, Any]) -> Reply:
    """Start a workflow, or answer for the run that holds its id."""
    wanted = await start_in(call, body, body.get("workflow_id") or new_plain_id())
    answer = await call.server.lanes.put(StartRun(shard=wanted.shard, wanted=wanted))
    return Reply(201 if answer["outcome"] == "started_new" else 200, answer)


async def list(
    call: Call,
    workflow_type: str | None = None,
    status: str | None = None,
    task_queue: str | None = None,
    query: str | None = None,
    started_after: str | None = None,
    started_before: str | None = None,
    page_size: int = PAGE_SIZE_DEFAULT,
    next_page_token: str | None = None,
) -> Reply:
    """Runs of the namespace that match, in the order of the query, one page."""
    started = (started_after, started_before)
    wanted = _wanted(call, workflow_type, status, task_queue, query, started)
    order = ",".join(f"{each.name} {each.descending}" for each in wanted.query.order)
    after = shown.cursor_of(next_page_token, order)
    rows = await found_in_time(call, visibility.list_matching, wanted, after, page_size + 1)
    page = rows[:page_size]
    more = len(rows) > page_size
    token = shown.cursor_token(order, page[-1].keys, page[-1].run.run_id) if more else None
    return Reply(
        200,
        {
            "workflows": [
                shown.list_item(row.run, row.search_attributes, row.memo) for row in page
            ],
            "workflow_count": len(page),
            "next_page_token": token,
        },
    )


async def count(
    call: Call,
    workflow_type: str | None = None,
    status: str | None = None,
    task_queue: str | None = None,
    query: str | None = None,
    started_after: str | None = None,
    started_before: str | None = None,
    group_by: str | None = None,
) -> Reply:
    """How many runs of the namespace match, and how many of each group."""
    started = (started_after, started_before)
    wanted = _wanted(call, workflow_type, status, task_queue, query, started)
    names = [name.strip() for name in group_by.split(",")] if group_by else []
    total = await found_in_time(call, visibility.count_matching, wanted)
    rows = await found_in_time(call, visibility.count_by, wanted, names) if names else []
    groups = [{"values": row[:-1], "count": row[-1]} for row in rows]
    return Reply(200, {"count": total, "groups": groups})


def _wanted(
    call: Call,
    workflow_type: str | None,
    status: str | None,
    task_queue: str | None,
    query: str | None,
    started: tuple[str | None, str | None],
) -> visibility.Wanted:
    text = (query or "").strip()
    asked = grammar.parse(query or "") if grammar.is_expression(text) else Query()
    plain = text if text and not grammar.is_expression(text) else None
    return visibility.Wanted(
        call.namespace,
        asked,
        workflow_type=workflow_type or None,
        statuses=STATUSES_OF.get(status, (status,)) if status else (),
        task_queue=task_queue or None,
        text=plain,
        started_after=_instant("started_after", started[0]),
        started_before=_instant("started_before", started[1]),
    )


async def describe(call: Call, workflow_id: str) -> Reply:
    """The current run of a workflow."""
    found = await call.server.read(_describe, call.namespace, workflow_id, None)
    if found is None:
        raise Refusal("instance_not_found", workflow_id=workflow_id)
    return Reply(200, await external_payloads.shown(call, found))


async def describe_run(call: Call, workflow_id: str, run_id: str) -> Reply:
    """One run of a workflow."""
    found = await call.server.read(_describe, call.namespace, workflow_id, run_id)
    if found is None:
        raise Refusal("run_not_found", workflow_id=workflow_id, run_id=run_id)
    return Reply(200, await external_payloads.shown(call, found))


async def list_runs(call: Call, workflow_id: str) -> Reply:
    """Every run of a workflow, in the order of their numbers."""
    runs = await call.server.read(stored_runs.list_runs_of_workflow, call.namespace, workflow_id)
    if not runs:
        raise Refusal("instance_not_found", workflow_id=workflow_id)
    items = [shown.chain_item(run) for run in runs]
    return Reply(200, {"workflow_id": workflow_id, "run_count": len(items), "runs": items})


def _describe(
    tx: Any, namespace: str, workflow_id: str, run_id: str | None
) -> dict[str, Any] | None:
    current = stored_runs.find_current_run(tx, namespace, workflow_id)
    if current is None:
        return None
    workflow, run, details = current
    if run_id is not None and run_id != run.run_id:
        other = stored_runs.find_run(tx, namespace, workflow_id, run_id)
        if other is None:
            return None
        run, details = other
    work = stored_open_work.first_open(tx, run) if not run.closed else None
    standing = shown.Standing(workflow.current_run_id, workflow.run_count, work or OpenWork())
    return shown.description(run, details, standing)


def _instant(field: str, text: str | None) -> int | None:
    if not text:
        return None
    instant = instant_of(text)
    if instant is None:
        raise invalid({field: [f"The {field} field must be a valid date."]})
    return instant
