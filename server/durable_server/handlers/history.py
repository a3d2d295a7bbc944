"""The history of a run: page by page, waiting for a new event, or whole as a bundle."""

from typing import Any

from durable_server.call import Call, Reply
from durable_server.clock import monotonic_seconds
from durable_server.ids import shard_of
from durable_server.matching.timing import wait_until_changed
from durable_server.refusal import Refusal
from durable_server.store import history as histories
from durable_server.store import imports as stored_imports
from durable_server.store import open_work as stored_open_work
from durable_server.store import runs as stored_runs
from durable_server.views.events import for_client, page_token, sequence_of
from durable_server.views.export import Exported, SigningKey, document

PAGE_SIZE_DEFAULT = 1000
# Of each kind; more open rows than this no run has unless its bounds were lifted.
OPEN_ROWS_MAX = 10_000


async def list(
    call: Call,
    workflow_id: str,
    run_id: str,
    page_size: int = PAGE_SIZE_DEFAULT,
    next_page_token: str | None = None,
    wait_new_event: str | int = 0,
) -> Reply:
    """Events in order. With `wait_new_event`, an empty page is held until an event comes."""
    shard = shard_of(call.namespace, workflow_id)
    place = (call.namespace, workflow_id, shard, run_id)
    after = (sequence_of(next_page_token) if next_page_token else None) or 0
    events = await call.server.read(_page, place, after, page_size + 1)
    if not events and str(wait_new_event) == "1":
        events = await _wait_for_events(call, run_id, place, after, page_size + 1)
    more = len(events) > page_size
    events = events[:page_size]
    return Reply(
        200,
        {
            "workflow_id": workflow_id,
            "run_id": run_id,
            "events": [for_client(event) for event in events],
            "next_page_token": page_token(events[-1].sequence) if more else None,
        },
    )


async def export(call: Call, workflow_id: str, run_id: str) -> Reply:
    """The whole run as one document with a checksum, also while it is open."""
    settings = call.server.settings
    secret = settings.history_export_signing_key.get_secret_value()
    key = SigningKey(secret, settings.history_export_signing_key_id or None) if secret else None
    place, bytes_max = (call.namespace, workflow_id, run_id), settings.history_export_max_bytes
    now = call.server.clock.now()
    # A run goes on while it is read.
    reply: Reply = await call.server.read(_bundle, place, now, key, bytes_max, snapshot=True)
    return reply


def _bundle(
    tx: Any, place: tuple[str, str, str], now: int, key: SigningKey | None, bytes_max: int
) -> Reply:
    """Read and written out in one go, away from the loop that serves others."""
    namespace, workflow_id, run_id = place
    found = stored_runs.find_run(tx, namespace, workflow_id, run_id)
    current = stored_runs.find_current_run(tx, namespace, workflow_id)
    if found is None or current is None:
        raise Refusal("run_not_found", workflow_id=workflow_id, run_id=run_id)
    run, details = found
    imported = stored_imports.find_document(tx, run.shard, run.run_id)
    if imported is not None:
        return Reply(200, raw=(imported[1].encode(), "application/json"))
    if run.pruned_at is not None:
        raise Refusal("run_pruned", workflow_id=workflow_id, run_id=run_id)
    if 0 < bytes_max < run.history_bytes:
        raise Refusal(
            "history_too_large",
            workflow_id=workflow_id,
            run_id=run_id,
            history_size_bytes=run.history_bytes,
            limit=bytes_max,
        )
    key_of_run = (run.shard, run.run_id)
    exported = Exported(
        run=run,
        details=details,
        current_run_id=current[0].current_run_id,
        events=histories.list_events(tx, *key_of_run, 0, run.last_sequence),
        open=stored_open_work.list_open(tx, *key_of_run, OPEN_ROWS_MAX),
        now=now,
    )
    return Reply(200, raw=(document(exported, key), "application/json"))


async def _wait_for_events(
    call: Call, run_id: str, place: tuple[str, str, int, str], after: int, limit: int
) -> Any:
    """The events after a point; waits for one, since a run may have changed without any."""
    ends_at = monotonic_seconds() + call.server.settings.worker_poll_timeout
    while True:
        watch = call.server.watchers.watch(run_id)
        events = await call.server.read(_page, place, after, limit)
        left = ends_at - monotonic_seconds()
        if events or left <= 0:
            return events
        if not await wait_until_changed(call.server, watch, left):
            return await call.server.read(_page, place, after, limit)


def _page(tx: Any, place: tuple[str, str, int, str], after: int, limit: int) -> Any:
    namespace, workflow_id, shard, run_id = place
    found = stored_runs.find_run(tx, namespace, workflow_id, run_id)
    if found is None:
        raise Refusal("run_not_found", workflow_id=workflow_id, run_id=run_id)
    return histories.list_events(tx, shard, run_id, after, limit)
