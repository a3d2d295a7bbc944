"""A process is killed before every single statement of what it does, and goes on from what is
stored: that is always a state which is there without the crash as well, and every run can be
brought to its end from it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.invariants.reading import read_everything
from tests.invariants.rows import Everything
from tests.simulation.scene import (
    PAST_LEASE,
    Scene,
    a_scene,
    completing,
    reporting,
    signalling,
    stopping,
    updating,
)

WAIT = {"type": "open_condition_wait", "condition_key": "ready", "timeout_seconds": 60}
ACTIVITY = {"type": "schedule_activity", "activity_type": "charge"}
RETRIED = {**ACTIVITY, "retry_policy": {"max_attempts": 2, "backoff_seconds": [1]}}
TIMER = {"type": "start_timer", "delay_seconds": 10}
CHILD = {"type": "start_child_workflow", "workflow_type": "part"}
END = {"type": "complete_workflow", "result": "AAA="}
CONTINUE = {"type": "continue_as_new"}
STATEMENTS_MAX = 400
Deed = Callable[[], Any]


def asking(scene: Scene, *request: Any) -> Deed:
    """A request that is sent, and answered if nobody dies."""
    return lambda: (scene.send(*request), scene.carry_out())


def starting(scene: Scene) -> Deed:
    """A workflow is started while a worker waits for it."""
    body = {"workflow_id": "order-1", "workflow_type": "order", "task_queue": "orders"}
    return asking(scene, "POST", "/api/workflows", body)


def claiming(scene: Scene) -> Deed:
    """A worker polls for a task that is stored."""
    scene.start()
    body = {"worker_id": "anna", "task_queue": "orders", "timeout_seconds": 0}
    return asking(scene, "POST", "/api/worker/workflow-tasks/poll", body)


def completing_with(*commands: dict[str, Any]) -> Callable[[Scene], Deed]:
    """A worker completes the first task with these commands."""

    def prepared(scene: Scene) -> Deed:
        scene.start()
        return asking(scene, *completing(scene.poll(), *commands))

    return prepared


def telling(*request: Any) -> Callable[[Scene], Deed]:
    """A client tells a run something while it waits."""

    def prepared(scene: Scene) -> Deed:
        scene.start()
        scene.work(WAIT)
        return asking(scene, *request)

    return prepared


def telling_a_leased_run(scene: Scene) -> Deed:
    """A worker completes a task while a signal and an update are held."""
    scene.start()
    task = scene.poll()
    scene.signal("s1")
    scene.ask(*updating("u1"))
    return asking(scene, *completing(task, CONTINUE))


def reporting_with(how: str) -> Callable[[Scene], Deed]:
    """A worker reports on an activity."""

    def prepared(scene: Scene) -> Deed:
        scene.start()
        scene.work(RETRIED)
        more = {"failure": {"message": "no"}} if how == "fail" else {}
        return asking(scene, *reporting(scene.poll("activity"), how, **more))

    return prepared


def ending_a_child(scene: Scene) -> Deed:
    """A child ends, which its parent is told."""
    scene.start()
    scene.work(CHILD)
    return asking(scene, *completing(scene.poll(), END))


def ending_a_parent(scene: Scene) -> Deed:
    """A run is terminated whose children are to be terminated with it."""
    scene.start()
    scene.work({**CHILD, "parent_close_policy": "terminate"}, ACTIVITY, TIMER)
    return asking(scene, *stopping("terminate"))


def sweeping(scene: Scene) -> Deed:
    """Passes fire a timer, end a lease and a wait, and retry an activity."""
    scene.start()
    scene.work(TIMER, {**RETRIED, "start_to_close_timeout": 5})
    scene.poll("activity")
    scene.start("order-2", run_timeout_seconds=10)
    scene.start("order-3")
    while scene.poll() is not None:
        pass
    scene.let_pass(PAST_LEASE)
    return scene.sweep


DEEDS: dict[str, Callable[[Scene], Deed]] = {
    "start": starting,
    "claim": claiming,
    "complete with activity, timer, child and wait": completing_with(ACTIVITY, TIMER, CHILD, WAIT),
    "complete and continue as new": completing_with(CONTINUE),
    "complete and end": completing_with(END),
    "complete with held messages": telling_a_leased_run,
    "signal": telling(*signalling("s1")),
    "update": telling(*updating("u1")),
    "cancel": telling(*stopping("cancel")),
    "terminate with a child": ending_a_parent,
    "complete an activity": reporting_with("complete"),
    "fail an activity": reporting_with("fail"),
    "end a child": ending_a_child,
    "passes": sweeping,
}


def stored(scene: Scene) -> Everything:
    """Everything as it is in the database."""
    return read_everything(scene.world.judge.execute)


def without_crash(prepared: Callable[[Scene], Deed]) -> tuple[int, list[Everything]]:
    """How many statements it takes, and every state that is stored on the way."""
    with a_scene() as scene:
        deed = prepared(scene)
        states, store = [stored(scene)], scene.node.store
        judged = store.on_commit

        def noted(decisions: list[Any]) -> None:
            judged(decisions)
            states.append(stored(scene))

        store.on_commit, store.faults.left = noted, 0
        deed()
        return -store.faults.left, states


def with_crash(prepared: Callable[[Scene], Deed], kind: str, statement: int) -> Everything:
    """What is stored after a process was killed at this statement, and can be carried on."""
    with a_scene() as scene:
        deed = prepared(scene)
        scene.node.store.faults.plan(kind, statement)
        deed()
        assert not scene.node.alive, "nobody was killed"
        left = stored(scene)
        scene.node.start()
        # Each of the states that can be left is brought to an end several times; that is enough.
        if statement % 4 == 0 or kind == "kill-after":
            scene.bring_to_an_end()
        else:
            scene.deliver_messages()
        return left


@pytest.mark.parametrize("name", DEEDS)
def test_killed_at_any_statement_what_is_stored_is_whole(name: str) -> None:
    count, states = without_crash(DEEDS[name])
    assert len(states) > 1
    assert 3 < count < STATEMENTS_MAX
    for statement in range(count):
        assert with_crash(DEEDS[name], "kill-before", statement) in states, statement
    assert with_crash(DEEDS[name], "kill-after", count - 1) == states[-1]
