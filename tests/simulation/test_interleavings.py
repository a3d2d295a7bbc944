"""The interleavings that break naive servers, each by its number in the protocol documents.

Both orders are tried wherever two things happen at the same moment: in one transaction, and in one
after the other.
"""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.scene import (
    PAST_LEASE,
    Scene,
    Sent,
    a_scene,
    completing,
    reporting,
    signalling,
    stopping,
    updating,
)

WAIT = {"type": "open_condition_wait", "condition_key": "ready"}
ACTIVITY = {"type": "schedule_activity", "activity_type": "charge"}
TIMER = {"type": "start_timer", "delay_seconds": 10}
END = {"type": "complete_workflow", "result": "AAA="}
CONTINUE = {"type": "continue_as_new"}
CHILD = {"type": "start_child_workflow", "workflow_type": "part"}
ENDINGS = ("ActivityCompleted", "ActivityFailed", "ActivityTimedOut", "ActivityCancelled")

Carry = Callable[..., list[Sent]]
BOTH_WAYS = pytest.mark.parametrize("way", [Scene.together, Scene.apart])
BOTH_ORDERS = pytest.mark.parametrize("order", [1, -1])


def group(*commands: dict[str, Any], base: int = 1) -> list[dict[str, Any]]:
    """Commands as one parallel group."""
    marked = []
    for index, command in enumerate(commands):
        fields = {
            "parallel_group_id": f"parallel-activities:{base}:{len(commands)}",
            "parallel_group_kind": "activity",
            "parallel_group_base_sequence": base,
            "parallel_group_size": len(commands),
            "parallel_group_index": index,
        }
        marked.append({**command, **fields, "parallel_group_path": [fields]})
    return marked


@BOTH_WAYS
@BOTH_ORDERS
def test_01_a_signal_between_claim_and_completion_wakes_the_wait(way: Carry, order: int) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        task = scene.poll()
        way(scene, *[signalling("s1"), completing(task, WAIT)][::order])
        assert scene.poll() is not None, "the wake-up was lost"
        assert scene.types(run_id).count("SignalReceived") == 1


@BOTH_ORDERS
@pytest.mark.parametrize("leased", [True, False])
def test_02_a_wait_is_satisfied_or_timed_out_but_not_both(order: int, leased: bool) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        scene.work({**WAIT, "timeout_seconds": 10})
        scene.signal("s1")
        task = scene.poll() if leased else None
        scene.let_pass(10)
        if order == 1:
            scene.sweep()
        scene.ask(*completing(task or scene.poll(), TIMER))
        scene.sweep()
        resolved = {"ConditionWaitSatisfied", "ConditionWaitTimedOut"} & set(scene.types(run_id))
        assert len(resolved) == 1
        if leased:
            # Whoever decided on the signal alone must not be told that time ran out before.
            assert resolved == {"ConditionWaitSatisfied"}


@BOTH_ORDERS
def test_03_an_activity_completes_at_the_moment_of_its_timeout(order: int) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        scene.work({**ACTIVITY, "start_to_close_timeout": 5})
        attempt = scene.poll("activity")
        scene.let_pass(5)
        if order == 1:
            scene.ask(*reporting(attempt))
            scene.sweep()
        else:
            scene.sweep()
            assert scene.ask(*reporting(attempt)).body["recorded"] is False
        ends = [each for each in scene.types(run_id) if each in ENDINGS]
        assert ends == [ENDINGS[0] if order == 1 else "ActivityTimedOut"]


@BOTH_WAYS
@BOTH_ORDERS
def test_04_two_workers_complete_the_same_task(way: Carry, order: int) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        first = scene.poll(worker="anna")
        scene.let_pass(PAST_LEASE)
        scene.sweep()
        second = scene.poll(worker="boris")
        assert second["task_id"] == first["task_id"]
        late, right = completing(first, TIMER), completing(second, END)
        answers = way(scene, *[late, right][::order])[::order]
        assert [sent.status for sent in answers] == [409, 200]
        assert scene.types(run_id)[2:] == ["WorkflowCompleted"]


@BOTH_WAYS
@BOTH_ORDERS
@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_05_a_run_is_stopped_while_its_end_is_in_flight(way: Carry, order: int, how: str) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        task = scene.poll()
        answers = way(scene, *[stopping(how), completing(task, END)][::order])
        assert [sent.status < 300 for sent in answers] == [True, False]
        wanted = "completed" if order == -1 else {"cancel": "cancelled"}.get(how, "terminated")
        assert scene.status(run_id) == (wanted, wanted)


@BOTH_WAYS
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_06_a_run_continues_while_it_is_told_things(way: Carry, order: tuple[int, ...]) -> None:
    with a_scene() as scene:
        scene.start()
        task = scene.poll()
        requests = [completing(task, CONTINUE), signalling("s1"), updating("u1")]
        requests.append(stopping("cancel"))
        answers = way(scene, *[requests[place] for place in order])
        by_request = dict(zip(order, answers, strict=True))
        last = scene.world.judge.current("order-1")
        # Whatever was answered as accepted is in the history of the run that is current now, or
        # of the one before, where it was used or failed with its run.
        accepted = [place for place in (1, 2) if by_request[place].status == 202]
        found = [
            kind
            for kind in ("SignalReceived", "UpdateAccepted")
            if any(kind in scene.types(run_id) for run_id in _runs(scene))
        ]
        assert len(found) == len(accepted)
        assert last.run.status == "cancelled"
        assert by_request[3].status == 200


def _runs(scene: Scene) -> list[str]:
    listed = scene.ask("GET", "/api/workflows/order-1/runs").body["runs"]
    return [each["run_id"] for each in listed]


@BOTH_WAYS
@BOTH_ORDERS
@pytest.mark.parametrize("policy", ["abandon", "request_cancel", "terminate"])
def test_07_a_child_completes_as_its_parent_is_terminated(
    way: Carry, order: int, policy: str
) -> None:
    with a_scene() as scene:
        parent = scene.start()
        scene.work({**CHILD, "parent_close_policy": policy})
        task = scene.poll()
        way(scene, *[completing(task, END), stopping("terminate")][::order])
        scene.let_pass(10)
        scene.sweep()
        assert scene.status(parent) == ("terminated", "terminated")
        child = scene.world.judge.rows_of(task["run_id"])
        assert child.run.closed
        if policy == "abandon":
            assert child.run.status == "completed"


@BOTH_WAYS
@BOTH_ORDERS
def test_08_the_last_two_of_a_group_complete_at_once_and_wake_once(way: Carry, order: int) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        scene.work(*group(ACTIVITY, ACTIVITY, ACTIVITY))
        attempts = [scene.poll("activity") for _ in range(3)]
        scene.ask(*reporting(attempts[0]))
        assert scene.poll() is None
        way(scene, *[reporting(attempts[1]), reporting(attempts[2])][::order])
        assert scene.poll() is not None
        assert scene.poll() is None, "woken twice"
        results = [each for each in scene.types(run_id) if each in ENDINGS]
        assert results == ["ActivityCompleted"] * 3


def test_09_a_group_with_a_failure_and_a_slow_success_is_told_in_order() -> None:
    with a_scene() as scene:
        run_id = scene.start()
        scene.work(*group(ACTIVITY, ACTIVITY))
        slow, failing = scene.poll("activity"), scene.poll("activity")
        scene.ask(*reporting(failing, "fail", failure={"message": "no"}))
        scene.let_pass(3)
        scene.ask(*reporting(slow))
        assert scene.poll() is not None
        assert scene.poll() is None
        # In the order of the commands, whatever the order of the reports.
        ends = [each for each in scene.types(run_id) if each in ENDINGS]
        assert ends == ["ActivityCompleted", "ActivityFailed"]


def test_10_an_update_waits_for_the_signal_that_came_before_it() -> None:
    with a_scene() as scene:
        run_id = scene.start()
        scene.work(WAIT)
        scene.signal("s1")
        task = scene.poll()
        accepted = scene.ask(*updating("u1"))
        assert accepted.status == 202
        # The signal's task goes first; the update gets a task of its own afterwards.
        assert task["workflow_update_id"] is None
        scene.ask(*completing(task, WAIT))
        following = scene.poll()
        assert following["workflow_update_id"] == accepted.body["update_id"]
        end = {"type": "complete_update", "update_id": accepted.body["update_id"]}
        assert scene.ask(*completing(following, end)).status == 200
        types = scene.types(run_id)
        assert types.index("SignalReceived") < types.index("UpdateAccepted")
        assert types.count("UpdateCompleted") == 1


@BOTH_WAYS
@BOTH_ORDERS
def test_11_a_late_report_of_an_earlier_attempt_changes_nothing(way: Carry, order: int) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        policy = {"max_attempts": 3, "backoff_seconds": [0]}
        scene.work({**ACTIVITY, "retry_policy": policy, "start_to_close_timeout": 5})
        first = scene.poll("activity")
        scene.let_pass(6)
        scene.sweep()
        second = scene.poll("activity", "boris")
        assert second["attempt_number"] == 2
        late, right = reporting(first), reporting(second)
        answers = way(scene, *[late, right][::order])[::order]
        assert answers[0].body["recorded"] is False
        assert answers[1].body["recorded"] is True
        assert scene.types(run_id).count("ActivityCompleted") == 1


@BOTH_WAYS
@BOTH_ORDERS
def test_12_a_completion_after_its_lease_ended_and_was_given_away(way: Carry, order: int) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        first = scene.poll(worker="anna")
        lease = {"lease_owner": "anna", "workflow_task_attempt": 1}
        path = f"/api/worker/workflow-tasks/{first['task_id']}"
        scene.let_pass(PAST_LEASE)
        # The lease fences although nobody has claimed the task yet.
        assert scene.ask(*completing(first, END)).body["reason"] == "lease_expired"
        assert scene.ask("POST", f"{path}/heartbeat", lease).status == 409
        scene.sweep()
        second = scene.poll(worker="boris")
        beat = ("POST", f"{path}/heartbeat", lease)
        answers = way(scene, *[beat, completing(second, END)][::order])[::order]
        assert [sent.status for sent in answers] == [409, 200]
        assert scene.ask(*completing(first, END)).status == 409
        assert scene.types(run_id)[2:] == ["WorkflowCompleted"]


@BOTH_WAYS
@BOTH_ORDERS
def test_13_a_start_that_uses_the_existing_run_races_with_its_end(way: Carry, order: int) -> None:
    with a_scene() as scene:
        run_id = scene.start()
        task = scene.poll()
        again = {"workflow_id": "order-1", "workflow_type": "order", "task_queue": "orders"}
        start = ("POST", "/api/workflows", {**again, "duplicate_policy": "use-existing"})
        started, _ = way(scene, *[start, completing(task, END)][::order])[::order]
        if order == 1:
            assert (started.status, started.body["run_id"]) == (200, run_id)
        else:
            assert started.status == 409
        assert _runs(scene) == [run_id]


@pytest.mark.parametrize("order", list(itertools.permutations(("timers", "run_timeouts"))))
def test_14_the_clock_jumps_past_timers_a_wait_and_the_deadline(order: tuple[str, ...]) -> None:
    with a_scene() as scene:
        run_id = scene.start(run_timeout_seconds=60)
        scene.work(TIMER, {**WAIT, "timeout_seconds": 20})
        scene.let_pass(3600)
        for kind in order:
            scene.node.sweep(kind)
            scene.carry_out()
        scene.sweep()
        assert scene.status(run_id) == ("failed", "timed_out")
        scene.let_pass(3600)
        scene.sweep()
        assert scene.types(run_id)[-1] == "WorkflowTimedOut"
        assert scene.poll() is None


def test_15_what_is_due_is_found_on_two_nodes_in_the_same_second() -> None:
    with a_scene(nodes=2) as scene:
        run_id = scene.start()
        scene.work(TIMER)
        scene.let_pass(10)
        first, second = scene.world.nodes
        # The second node's pass runs within the wait of the first one's.
        second.server.agenda.note("timers", scene.world.clock.now())
        first.sweep("timers")
        scene.sweep(second)
        assert scene.types(run_id).count("TimerFired") == 1


def test_16_a_poll_whose_answer_was_lost_is_repeated() -> None:
    with a_scene() as scene:
        scene.start()
        first = scene.poll(poll_request_id="p1")
        again = scene.poll(poll_request_id="p1")
        assert (again["task_id"], again["workflow_task_attempt"]) == (first["task_id"], 1)
        assert scene.poll(poll_request_id="p2") is None
        # Also after the process that gave it is gone.
        scene.world.killed(scene.node)
        scene.node.start()
        once_more = scene.poll(poll_request_id="p1")
        assert (once_more["task_id"], once_more["workflow_task_attempt"]) == (first["task_id"], 1)
        assert scene.ask(*completing(first, END)).status == 200
