"""A process is killed before every statement of what it does for a schedule: what is to be
fired for is fired for once, and what the schedule tells is what is there.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.parties import QUEUE
from tests.simulation.scene import Scene, a_scene, completing

HOUR = 3600
STATEMENTS_MAX = 200
END = {"type": "complete_workflow", "result": "AAA="}
RANGE = {"start_time": "2020-01-01T00:00:00Z", "end_time": "2020-01-01T03:00:00Z"}
Deed = Callable[[], Any]


def create(scene: Scene, **wanted: Any) -> None:
    """A schedule that fires every hour."""
    body = {
        "schedule_id": "hourly",
        "spec": {"intervals": [{"every": "PT1H"}]},
        "action": {"workflow_type": "order", "task_queue": QUEUE},
        **wanted,
    }
    assert scene.ask("POST", "/api/schedules", body).status == 201


def asking(scene: Scene, how: str, body: Any) -> Deed:
    """A request that is sent, and answered if nobody dies."""
    path = f"/api/schedules/hourly/{how}"
    return lambda: (scene.send("POST", path, body), scene.carry_out())


def passing(scene: Scene) -> Deed:
    """The pass that fires schedules, and what follows from it."""
    return lambda: (scene.node.sweep("schedules"), scene.carry_out())


def firing(scene: Scene) -> Deed:
    """The pass finds the schedule due."""
    create(scene)
    scene.let_pass(HOUR)
    return passing(scene)


def catching_up(scene: Scene) -> Deed:
    """The pass finds three occurrences due, each of which is to be fired for."""
    create(scene, catch_up_window_seconds=4 * HOUR, overlap_policy="allow_all")
    scene.let_pass(3 * HOUR)
    return passing(scene)


def ending_the_one_before(scene: Scene) -> Deed:
    """A workflow ends for which another one waits."""
    create(scene, overlap_policy="buffer_all")
    assert scene.ask("POST", "/api/schedules/hourly/trigger", {}).body["outcome"] == "triggered"
    assert scene.ask("POST", "/api/schedules/hourly/trigger", {}).body["outcome"] == "buffered"
    scene.deliver_messages()
    task = scene.poll()
    return lambda: (scene.send(*completing(task, END)), scene.carry_out())


def triggering(scene: Scene) -> Deed:
    """A client has the schedule fire; whether it did is not told."""
    create(scene)
    return asking(scene, "trigger", {})


def backfilling(scene: Scene) -> Deed:
    """A client has the schedule fire for three hours of the past."""
    create(scene, overlap_policy="allow_all")
    return asking(scene, "backfill", RANGE)


# How many workflows there are in the end: none where a request is lost before it is stored.
DEEDS: dict[str, tuple[Callable[[Scene], Deed], set[int]]] = {
    "fire": (firing, {1}),
    "catch up": (catching_up, {3}),
    "end the one before": (ending_the_one_before, {2}),
    "trigger": (triggering, {0, 1}),
    "backfill": (backfilling, {0, 3}),
}


def started(scene: Scene) -> int:
    """How many workflows there are; the schedule and its history tell the same."""
    execute = scene.world.judge.execute
    runs = sorted(row[0] for row in execute("SELECT workflow_id FROM runs", ()))
    told = execute(
        "SELECT workflow_id FROM schedule_events WHERE event_type = 'ScheduleTriggered'", ()
    )
    ((count,),) = execute("SELECT fires_count FROM schedules", ())
    assert sorted(row[0] for row in told) == runs
    assert count == len(runs) == len(set(runs))
    assert execute("SELECT 1 FROM messages", ()) == []
    return len(runs)


def statements_of(prepared: Callable[[Scene], Deed]) -> int:
    """How many statements it takes when nobody dies."""
    with a_scene() as scene:
        deed = prepared(scene)
        scene.node.store.faults.left = 0
        deed()
        return -scene.node.store.faults.left


def after_crash(prepared: Callable[[Scene], Deed], statement: int) -> int:
    """How many workflows there are once another process has gone on."""
    with a_scene() as scene:
        deed = prepared(scene)
        scene.node.store.faults.plan("kill-before", statement)
        deed()
        assert not scene.node.alive, "nobody was killed"
        scene.node.start()
        scene.sweep()
        scene.deliver_messages()
        scene.bring_to_an_end()
        scene.deliver_messages()
        return started(scene)


@pytest.mark.parametrize("name", DEEDS)
def test_killed_at_some_statements_a_schedule_fires_once(name: str) -> None:
    _kill_at_every(4, name)


@pytest.mark.long
@pytest.mark.parametrize("name", DEEDS)
def test_killed_at_any_statement_a_schedule_fires_once(name: str) -> None:
    _kill_at_every(1, name)


def _kill_at_every(step: int, name: str) -> None:
    prepared, expected = DEEDS[name]
    count = statements_of(prepared)
    assert 3 < count < STATEMENTS_MAX

    found = {after_crash(prepared, statement) for statement in range(0, count, step)}

    assert found <= expected
    assert max(found) == max(expected) or step > 1
