"""Bulk operations: one request for all open runs that match a query."""

from typing import Any

import orjson

from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.client_input import check_name, plain_input
from durable_server.clock import to_micro_text
from durable_server.engine import bulk
from durable_server.engine.bulk import BulkOperation
from durable_server.ids import new_plain_id
from durable_server.refusal import Refusal, invalid
from durable_server.searches import found_in_time
from durable_server.store import bulk_operations as stored
from durable_server.store import selections
from durable_server.views.bulk_operations import shown

PAGE_SIZE_DEFAULT = 50
PASS = "bulk_operations"


async def start(call: Call, body: dict[str, Any]) -> Reply:
    """Begin an operation, or tell what it would do."""
    _check(body)
    wanted = _wanted(call, body)
    try:
        wanted = await _counted(call, wanted)
    except Refusal as refusal:
        # What is too much to be counted in time can be carried out all the same.
        if body.get("dry_run") or refusal.reason != "visibility_query_timeout":
            raise
    if body.get("dry_run"):
        return Reply(200, await _dry(call, wanted))
    kept: BulkOperation = await call.server.lanes.write(lambda tx: _begin(tx, wanted))
    call.server.agenda.note(PASS, wanted.created_at)
    return Reply(202, shown(kept))


async def list(
    call: Call,
    status: str | None = None,
    page_size: int = PAGE_SIZE_DEFAULT,
    next_page_token: str | None = None,
) -> Reply:
    """Operations of the namespace, newest first, one page."""
    find = stored.list_operations
    rows = await call.server.read(find, call.namespace, status, next_page_token, page_size + 1)
    page = rows[:page_size]
    token = page[-1].operation_id if len(rows) > page_size else None
    return Reply(200, {"bulk_operations": [shown(row) for row in page], "next_page_token": token})


async def describe(call: Call, operation_id: str) -> Reply:
    """One operation with its progress."""
    found = await call.server.read(stored.find_operation, call.namespace, operation_id)
    return Reply(200, shown(_known(call, found, operation_id)))


async def stop(call: Call, body: dict[str, Any], operation_id: str) -> Reply:
    """Begin nothing more of an operation."""
    reason = body.get("reason") or None
    found = await call.server.lanes.write(
        lambda tx: stored.stop(tx, call.namespace, operation_id, reason)
    )
    return Reply(200, shown(_known(call, found, operation_id)))


def _known(call: Call, found: BulkOperation | None, operation_id: str) -> BulkOperation:
    if found is None:
        facts = {"operation_id": operation_id, "namespace": call.namespace}
        raise Refusal("bulk_operation_not_found", **facts)
    return found


def _check(body: dict[str, Any]) -> None:
    name = body.get("signal_name")
    if body["operation"] != "signal":
        if name or body.get("input"):
            text = "The signal name and input fields are for the operation signal alone."
            raise invalid({"signal_name": [text]})
        return
    if not name:
        raise invalid({"signal_name": ["The signal name field is required."]})
    check_name("signal", name)
    plain_input(body.get("input"))


def _wanted(call: Call, body: dict[str, Any]) -> BulkOperation:
    now, operation_id = call.server.clock.now(), new_plain_id()
    command = command_of(call, body)
    context = {**command.get("context", {}), "bulk_operation": operation_id}
    given = body.get("input")
    return BulkOperation(
        namespace=call.namespace,
        operation_id=operation_id,
        kind=body["operation"],
        query=body["query"],
        reason=body.get("reason") or None,
        signal_name=body.get("signal_name") or None,
        input=orjson.dumps(given).decode() if given else None,
        request_id=body.get("request_id") or None,
        fingerprint=command["request_fingerprint"],
        command=orjson.dumps({**command, "context": context}).decode(),
        runs_max=body.get("limit"),
        rate=body.get("requests_per_second") or bulk.RATE_DEFAULT,
        status="running",
        closed_reason=None,
        matched=0,
        matched_exact=False,
        done=0,
        skipped=0,
        failed=0,
        failures=bulk.NO_FAILURES,
        cursor=None,
        batch=None,
        lease_owner=None,
        lease_expires_at=None,
        due_at=now,
        created_at=now,
        updated_at=now,
        closed_at=None,
    )


async def _counted(call: Call, wanted: BulkOperation) -> BulkOperation:
    """The operation with how many runs it would address, up to MATCHED_MAX."""
    matched = await found_in_time(call, selections.count_open, wanted, bulk.MATCHED_MAX + 1)
    exact = matched <= bulk.MATCHED_MAX
    return wanted._replace(matched=min(matched, bulk.MATCHED_MAX), matched_exact=exact)


async def _dry(call: Call, wanted: BulkOperation) -> dict[str, Any]:
    found = await found_in_time(call, selections.open_runs, wanted, bulk.SAMPLE_MAX)
    sample = [
        {
            "workflow_id": each.target.workflow_id,
            "run_id": each.target.run_id,
            "workflow_type": each.target.workflow_type,
            "status": each.status,
            "started_at": to_micro_text(each.started_at),
        }
        for each in found
    ]
    return {
        "dry_run": True,
        "operation": wanted.kind,
        "query": wanted.query,
        "matched": wanted.matched,
        "matched_exact": wanted.matched_exact,
        "sample": sample,
    }


def _begin(tx: Any, wanted: BulkOperation) -> BulkOperation:
    """Keep a new operation, or find the one that was asked for with its request id."""
    if wanted.request_id is not None:
        known = stored.find_by_request(tx, wanted.namespace, wanted.request_id)
        if known is not None:
            return _same(known, wanted)
    if stored.count_running(tx, wanted.namespace) >= stored.RUNNING_MAX:
        raise Refusal("too_many_bulk_operations", limit=stored.RUNNING_MAX)
    return _same(stored.insert_operation(tx, wanted), wanted)


def _same(known: BulkOperation, wanted: BulkOperation) -> BulkOperation:
    if known.fingerprint != wanted.fingerprint:
        raise Refusal("request_id_conflict", request_id=wanted.request_id)
    return known
