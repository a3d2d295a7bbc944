"""Debug: a bounded snapshot of one run for whoever looks for trouble; nothing is written."""

from typing import Any

from durable_server.call import Call, Reply
from durable_server.clock import SECOND
from durable_server.engine.run_state import Run
from durable_server.refusal import Refusal
from durable_server.store import history as histories
from durable_server.store import open_work as stored_open_work
from durable_server.store import runs as stored_runs
from durable_server.store import task_queues as stored_task_queues
from durable_server.views import task_queues as shown_queues
from durable_server.views.debug import FAILURES_MAX, Snapshot, snapshot
from durable_server.views.open_work import LISTED_MAX

COUNTED_MAX = 1000
EVENTS_LOOKED_AT_MAX = 1000


async def workflow(
    call: Call, workflow_id: str, include_last_event_payload: str | None = None
) -> Reply:
    """The current run of a workflow."""
    refusal = Refusal("instance_not_found", workflow_id=workflow_id)
    return await _look(call, (workflow_id, None), refusal, include_last_event_payload)


async def run(
    call: Call, workflow_id: str, run_id: str, include_last_event_payload: str | None = None
) -> Reply:
    """One run of a workflow."""
    refusal = Refusal("run_not_found", workflow_id=workflow_id, run_id=run_id)
    return await _look(call, (workflow_id, run_id), refusal, include_last_event_payload)


async def _look(
    call: Call, place: tuple[str, str | None], refusal: Refusal, payload: str | None
) -> Reply:
    now, silence = call.server.clock.now(), call.server.settings.worker_silence_seconds
    found = await call.server.read(_read, (call.namespace, *place), now, silence)
    if found is None:
        raise refusal
    shown, queue = found
    return Reply(200, snapshot(shown, queue, with_payload=payload in ("1", "true")))


def _read(
    tx: Any, place: tuple[str, str, str | None], now: int, silence: int
) -> tuple[Snapshot, dict[str, Any]] | None:
    run = _find(tx, place)
    if run is None:
        return None
    key = (run.shard, run.run_id)
    looked_at = run.last_sequence - EVENTS_LOOKED_AT_MAX
    return (
        Snapshot(
            run=run,
            open=stored_open_work.list_open(tx, *key, LISTED_MAX),
            recent=histories.list_events(
                tx, *key, max(0, run.last_sequence - LISTED_MAX), LISTED_MAX
            ),
            failures=histories.list_failures(tx, *key, max(0, looked_at), FAILURES_MAX),
            now=now,
        ),
        _queue(tx, run, now, silence),
    )


def _queue(tx: Any, run: Run, now: int, silence: int) -> dict[str, Any]:
    place, heard_since = (run.namespace, run.task_queue), now - silence * SECOND
    counted = stored_task_queues.count_queues(
        tx, run.namespace, [run.task_queue], now, heard_since, COUNTED_MAX
    )
    shown = shown_queues.summary(run.task_queue, counted[run.task_queue], silence, now)
    del shown["repair"]
    pollers = stored_task_queues.list_pollers(tx, *place, heard_since, LISTED_MAX)
    leased = stored_task_queues.list_leased(tx, *place, now, LISTED_MAX)
    return {**shown, **shown_queues.details(pollers, leased, silence, now)}


def _find(tx: Any, place: tuple[str, str, str | None]) -> Run | None:
    namespace, workflow_id, run_id = place
    if run_id is not None:
        found = stored_runs.find_run(tx, namespace, workflow_id, run_id)
        return None if found is None else found[0]
    current = stored_runs.find_current_run(tx, namespace, workflow_id)
    return None if current is None else current[1]
