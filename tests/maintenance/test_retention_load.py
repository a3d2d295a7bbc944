"""Many runs to be removed: in bounded batches, and without holding up those that start."""

import time

import pytest
from durable_server.clock import SystemClock
from durable_server.ids import new_id, shard_of
from durable_server.maintenance.loop import PASSES, PassLoop
from durable_server.maintenance.passes import answer_of
from durable_server.server import Server
from durable_server.store import retention
from durable_server.store.models import Event, Run, RunDetails, Task

from tests.maintenance.running import running, start, until
from tests.store.rows import a_start
from tests.support.databases import KINDS

MANY = 100_000
AT_ONCE = 1_000
EVENTS_OF_RUN = 4
ROWS_OF_STATEMENT = 500


def put_closed(tx, first: int) -> None:
    """AT_ONCE runs that closed long ago, with details, a task and events."""
    decision = a_start()
    run, task, event = decision.state.run, *decision.tasks.values(), decision.events[0]
    plain = {name: getattr(run, name) for name in Run._meta.fields if hasattr(run, name)}
    rows: dict = {Run: [], RunDetails: [], Task: [], Event: []}
    for number in range(first, first + AT_ONCE):
        workflow_id = f"old-{number}"
        shard = shard_of("default", workflow_id)
        run_id = new_id(shard)
        mine = {"shard": shard, "run_id": run_id}
        ended = {"status": "completed", "closed_at": tx.now - 40 * retention.DAY}
        unset = {"task_id": None, "deadline_at": None, "last_sequence": EVENTS_OF_RUN}
        rows[Run].append({**plain, **mine, **ended, **unset, "workflow_id": workflow_id})
        rows[RunDetails].append({**mine, "input_codec": "json", "input_blob": "x" * 200})
        done = {"status": "completed", "task_id": new_id(shard), "workflow_id": workflow_id}
        rows[Task].append({**task._asdict(), **mine, **done})
        for sequence in range(1, EVENTS_OF_RUN + 1):
            place = {"sequence": sequence, "event_id": new_id(shard), "payload": "y" * 200}
            rows[Event].append({**event._asdict(), **mine, **place})
    for model, values in rows.items():
        for begin in range(0, len(values), ROWS_OF_STATEMENT):
            model.insert_many(values[begin : begin + ROWS_OF_STATEMENT]).execute(tx.database)


def left(server: Server) -> int:
    return answer_of(server.read(retention.count_expired, 1))


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_many_runs_are_removed_without_holding_up_starts(kind, tmp_path):
    with running(kind, tmp_path, clock=SystemClock()) as server:
        for first in range(0, MANY, AT_ONCE):
            answer_of(server.lanes.write(lambda tx, first=first: put_closed(tx, first)))
        loop = PassLoop(server, {"retention": PASSES["retention"]})
        begun_at, waits = time.monotonic(), []
        loop.start()
        while loop.totals.get("retention") is None or left(server):
            asked_at = time.monotonic()
            start(server)
            waits.append(time.monotonic() - asked_at)
        seconds = time.monotonic() - begun_at
        until(lambda: loop.totals["retention"].carried_out == MANY)
        loop.stop()
        waits.sort()
        p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
        print(f"{kind}: {MANY / seconds:.0f} runs/s, {len(waits)} starts, p50 {p50:.1f} ms,")
        print(f"p99 {p99:.1f} ms, longest {waits[-1] * 1000:.0f} ms")
        assert p99 < 1_000
