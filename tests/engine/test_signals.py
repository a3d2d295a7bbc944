"""Signals and waits, decided with values: what reaches the history when, and which task follows."""

import json

import pytest
from durable_server.engine import signal, timer, workflow_task
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.commands import TaskFailure
from durable_server.engine.decision import Decision
from durable_server.engine.run_state import Payload
from durable_server.engine.signal import Wanted
from durable_server.engine.tasks import Holder
from durable_server.refusal import Refusal

from tests.engine.builders import WORKER, Story

PYTHON = Holder("worker-1", "durable-workflow-python/2.12.0", "avro", None)
OLD_PYTHON = Holder("worker-1", "durable-workflow-python/0.4.50", "avro", None)
WAIT = {"type": "open_condition_wait", "condition_key": "k"}
TIMED = {**WAIT, "timeout_seconds": 60}
ACTIVITY = {"type": "schedule_activity", "activity_type": "charge"}
COMPLETE = {"type": "complete_workflow"}


def sent(name: str = "vote", request_id: str | None = None, **changes: object) -> Wanted:
    """A client's signal."""
    request = ClientRequest("signal", "order-42", None, None, {})
    fields = {"arguments": None, **changes}
    return Wanted(request, name, fields["arguments"], request_id)  # type: ignore[arg-type]


def send(story: Story, name: str = "vote", request_id: str | None = None) -> Decision:
    """Send a signal to the story's run."""
    return story.apply(signal.accept, sent(name, request_id))


def waiting(holder: Holder = PYTHON, *commands: dict[str, object]) -> Story:
    """A run whose first task was completed with these commands, a condition wait by default."""
    story = Story()
    story.lease(holder)
    story.complete(*(commands or (WAIT,)))
    return story


def payloads_of(story: Story, event_type: str) -> list[dict[str, object]]:
    """What the events of a type say."""
    return [json.loads(payload) for kind, payload in story.events if kind == event_type]


def test_a_signal_before_the_first_task_is_in_the_history_of_that_task() -> None:
    story = Story()

    answer = send(story).answer

    assert story.types == ["StartAccepted", "WorkflowStarted", "SignalReceived"]
    assert answer["outcome"] == "signal_received"
    assert answer["command_sequence"] == 2
    assert story.state.run.open_signals == 1
    assert len(story.state.tasks) == 1


def test_a_signal_wakes_a_run_that_waits_for_a_condition() -> None:
    story = waiting()

    send(story)

    task = story.state.tasks[story.task_id()]
    assert json.loads(task.resume or "")["signal_name"] == "vote"
    assert json.loads(task.resume or "")["workflow_wait_kind"] == "signal"


def test_a_signal_does_not_wake_a_run_that_an_activity_blocks() -> None:
    story = waiting(PYTHON, ACTIVITY)

    send(story)

    assert story.types[-1] == "SignalReceived"
    assert story.state.run.task_id is None


def test_a_signal_during_a_lease_is_recorded_behind_what_the_task_records() -> None:
    story = Story()
    story.lease(PYTHON)

    send(story)
    assert "SignalReceived" not in story.types
    assert story.state.run.held_messages == 1
    story.complete(WAIT)

    assert story.types[-2:] == ["ConditionWaitOpened", "SignalReceived"]
    assert story.state.run.held_messages == 0
    assert story.state.run.task_id is not None


def test_a_signal_during_a_lease_wakes_nobody_when_the_task_schedules_an_activity() -> None:
    story = waiting()
    send(story)
    story.lease(PYTHON)
    send(story, "second")

    story.complete(ACTIVITY)

    assert story.types[-3:] == ["ConditionWaitSatisfied", "ActivityScheduled", "SignalReceived"]
    assert story.state.run.task_id is None


def test_a_signal_during_a_lease_that_ends_the_run_comes_before_its_end() -> None:
    story = waiting()
    send(story)
    story.lease(PYTHON)
    send(story, "late")

    story.complete(COMPLETE)

    assert story.types[-2:] == ["SignalReceived", "WorkflowCompleted"]
    assert story.state.run.open_signals == 0


def test_a_signal_during_a_lease_that_is_lost_is_shown_to_the_next_worker() -> None:
    story = Story()
    task_id = story.lease(PYTHON)
    send(story)

    story.apply(workflow_task.release, story.state.tasks[task_id])

    assert story.types[-1] == "SignalReceived"
    assert story.state.run.held_messages == 0


def test_one_completion_uses_every_signal_that_a_handler_has_seen() -> None:
    story = waiting()
    for _ in range(3):
        send(story)
    story.lease(PYTHON)

    story.complete(WAIT)

    assert story.state.run.open_signals == 0
    assert {each.status for each in story.state.signals.values()} == {"applied"}
    assert {each.step for each in story.state.signals.values()} == {1}
    assert story.state.run.task_id is None


def test_a_worker_without_handlers_gets_one_task_for_each_signal() -> None:
    story = waiting(WORKER)
    for _ in range(3):
        send(story)

    for left in (2, 1, 0):
        story.lease(WORKER)
        story.complete(WAIT)
        assert story.state.run.open_signals == left

    assert story.state.run.task_id is None


def test_a_wait_ends_and_begins_anew_with_every_completion() -> None:
    story = waiting(PYTHON, TIMED)
    send(story)
    story.lease(PYTHON)

    story.complete(TIMED)

    assert story.types[-4:] == [
        *("ConditionWaitSatisfied", "TimerCancelled"),
        *("ConditionWaitOpened", "TimerScheduled"),
    ]
    first, second = payloads_of(story, "ConditionWaitOpened")
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert first["condition_wait_id"] != second["condition_wait_id"]
    assert [each.status for each in story.state.timers.values()] == ["cancelled", "pending"]
    assert story.state.run.open_timers == 1


def test_a_release_that_would_take_that_for_an_end_keeps_its_wait_open() -> None:
    story = waiting(OLD_PYTHON, TIMED)
    send(story)
    story.lease(OLD_PYTHON)

    story.complete(TIMED)

    assert story.types[-1] == "SignalReceived"
    assert story.state.run.open_signals == 0
    assert [each.status for each in story.state.timers.values()] == ["pending"]


def test_a_release_that_keeps_its_wait_open_ends_it_when_it_goes_on() -> None:
    story = waiting(OLD_PYTHON, TIMED)
    send(story)
    story.lease(OLD_PYTHON)

    story.complete(ACTIVITY)

    assert story.types[-3:] == ["ConditionWaitSatisfied", "TimerCancelled", "ActivityScheduled"]
    assert story.state.run.waits == []


def test_what_satisfied_a_wait_is_told() -> None:
    story = waiting()
    send(story)
    story.lease(PYTHON)
    story.complete(ACTIVITY)

    [satisfied] = payloads_of(story, "ConditionWaitSatisfied")
    [received] = payloads_of(story, "SignalReceived")

    assert satisfied["workflow_signal_id"] == received["signal_id"]
    assert satisfied["signal_name"] == "vote"
    assert satisfied["condition_key"] == "k"


def test_a_wait_whose_time_is_up_wakes_the_run() -> None:
    story = waiting(PYTHON, TIMED)
    [timer_id] = story.state.timers
    story.advance(60)

    story.apply(timer.fire, timer_id)

    assert story.types[-2:] == ["TimerFired", "ConditionWaitTimedOut"]
    [fired] = payloads_of(story, "TimerFired")
    assert fired["timer_kind"] == "condition_timeout"
    reason = json.loads(story.state.tasks[story.task_id()].resume or "")
    assert reason["workflow_wait_kind"] == "condition"
    assert reason["condition_wait_id"] == fired["condition_wait_id"]
    assert story.state.run.open_timers == 0


def test_a_wait_whose_time_was_up_is_not_satisfied_as_well() -> None:
    story = waiting(PYTHON, TIMED)
    [timer_id] = story.state.timers
    story.advance(60)
    story.apply(timer.fire, timer_id)
    story.lease(PYTHON)

    story.complete(ACTIVITY)

    assert "ConditionWaitSatisfied" not in story.types
    assert story.state.run.waits == []


def test_a_timer_that_fires_unseen_is_dropped_with_the_wait_that_a_signal_ended() -> None:
    story = waiting(PYTHON, TIMED)
    [timer_id] = story.state.timers
    send(story)
    story.lease(PYTHON)
    story.advance(60)
    story.apply(timer.fire, timer_id)

    story.complete(ACTIVITY)

    assert "TimerFired" not in story.types
    assert story.types[-3:] == ["ConditionWaitSatisfied", "TimerCancelled", "ActivityScheduled"]
    assert story.state.run.open_timers == 0
    assert story.state.run.task_id is None


def test_a_timer_that_fires_unseen_is_told_of_when_the_worker_waits_on() -> None:
    story = waiting(OLD_PYTHON, TIMED)
    [timer_id] = story.state.timers
    send(story)
    story.lease(OLD_PYTHON)
    story.advance(60)
    story.apply(timer.fire, timer_id)
    assert story.types[-1] == "SignalReceived"

    story.complete(TIMED)

    assert story.types[-2:] == ["TimerFired", "ConditionWaitTimedOut"]
    assert story.state.run.task_id is not None


def test_a_wait_of_no_seconds_is_over_at_once() -> None:
    story = waiting(PYTHON, {**WAIT, "timeout_seconds": 0})

    assert story.types[-4:] == [
        *("ConditionWaitOpened", "TimerScheduled"),
        *("TimerFired", "ConditionWaitTimedOut"),
    ]
    assert story.state.run.task_id is not None
    assert story.state.run.open_timers == 0


def test_a_signal_before_the_first_wait_is_looked_at_once_more_there() -> None:
    story = Story()
    send(story)
    story.lease(PYTHON)

    story.complete(WAIT)
    assert story.state.run.open_signals == 1
    story.lease(PYTHON)
    story.complete(WAIT)

    assert story.state.run.open_signals == 0
    assert story.state.run.task_id is None


def test_a_signal_before_the_first_step_is_used_when_that_is_an_activity() -> None:
    story = Story()
    send(story)
    story.lease(PYTHON)

    story.complete(ACTIVITY)

    assert story.state.run.open_signals == 0


SIGNAL_WAIT = {"type": "open_signal_wait", "signal_name": "approve"}


def test_a_signal_wait_takes_the_signal_of_its_name() -> None:
    story = waiting(WORKER, SIGNAL_WAIT)
    send(story, "other")
    assert story.state.run.task_id is None
    send(story, "approve")
    story.lease(WORKER)

    story.complete(COMPLETE)

    assert story.types[-2:] == ["SignalApplied", "WorkflowCompleted"]
    [opened] = payloads_of(story, "SignalWaitOpened")
    [applied] = payloads_of(story, "SignalApplied")
    assert applied["signal_wait_id"] == opened["signal_wait_id"]
    assert applied["sequence"] == 1


def test_a_buffered_signal_is_taken_by_the_next_wait_and_not_by_the_one_after() -> None:
    story = Story()
    send(story, "approve")
    story.lease(WORKER)
    story.complete({**SIGNAL_WAIT, "timeout_seconds": 60})

    [opened] = payloads_of(story, "SignalWaitOpened")
    assert str(opened["signal_wait_id"]).startswith("signal-command:")
    assert story.state.timers == {}
    story.lease(WORKER)
    story.complete(SIGNAL_WAIT)

    assert story.types[-2:] == ["SignalApplied", "SignalWaitOpened"]
    assert story.state.run.task_id is None


def test_a_signal_wait_whose_time_is_up_wakes_the_run() -> None:
    story = waiting(WORKER, {**SIGNAL_WAIT, "timeout_seconds": 5})
    [timer_id] = story.state.timers
    story.advance(5)

    story.apply(timer.fire, timer_id)

    assert story.types[-1] == "TimerFired"
    [fired] = payloads_of(story, "TimerFired")
    assert (fired["timer_kind"], fired["signal_name"]) == ("signal_timeout", "approve")
    assert story.state.run.waits == []
    assert story.state.run.task_id is not None


def test_a_signal_wait_that_has_its_signal_does_not_run_out_of_time() -> None:
    story = waiting(WORKER, {**SIGNAL_WAIT, "timeout_seconds": 5})
    [timer_id] = story.state.timers
    send(story, "approve")
    story.advance(5)

    story.apply(timer.fire, timer_id)
    story.lease(WORKER)
    story.complete(COMPLETE)

    assert "TimerFired" not in story.types
    assert story.types[-3:] == ["SignalApplied", "TimerCancelled", "WorkflowCompleted"]


def test_a_signal_wait_gives_back_the_argument() -> None:
    story = waiting(WORKER, SIGNAL_WAIT)
    wanted = sent("approve", arguments=Payload("json", '["yes"]'))
    story.apply(signal.accept, wanted)
    story.lease(WORKER)
    story.complete(COMPLETE)

    [applied] = payloads_of(story, "SignalApplied")
    assert applied["payload_codec"] == "avro"


def test_the_same_request_id_tells_the_run_nothing_twice() -> None:
    story = Story()
    first = send(story, request_id="r-1").answer

    again = send(story, request_id="r-1").answer

    assert story.types.count("SignalReceived") == 1
    assert again == {**first, "retained": True, "intent_verified": True}


def test_the_same_request_id_for_another_signal_is_refused() -> None:
    story = Story()
    send(story, request_id="r-1")

    with pytest.raises(Refusal) as refused:
        send(story, "other", request_id="r-1")

    assert refused.value.reason == "request_id_conflict"
    assert refused.value.facts["conflict"] == ["signal_name"]


def test_a_request_id_is_remembered_after_the_end_of_the_run() -> None:
    story = Story()
    send(story, request_id="r-1")
    story.lease(PYTHON)
    story.complete(COMPLETE)

    assert send(story, request_id="r-1").answer["retained"] is True


def test_a_closed_run_takes_no_signal() -> None:
    story = waiting(PYTHON, COMPLETE)

    with pytest.raises(Refusal) as refused:
        send(story)

    assert refused.value.reason == "run_not_active"
    assert refused.value.facts["signal_name"] == "vote"


def test_more_signals_than_the_run_may_keep_are_refused() -> None:
    story = Story(pending_signals_max=2)
    send(story)
    send(story)

    with pytest.raises(Refusal) as refused:
        send(story)

    assert refused.value.reason == "structural_limit_exceeded"
    assert refused.value.facts["limit_kind"] == "pending_signal_count"


def test_a_run_that_waits_for_nothing_is_woken_by_a_signal() -> None:
    story = Story()
    story.lease(WORKER)
    story.complete()

    send(story)

    assert story.state.run.task_id is not None


def test_a_completion_without_commands_does_not_bring_the_same_signal_back() -> None:
    story = Story()
    story.lease(PYTHON)
    story.complete()
    send(story)
    story.lease(PYTHON)

    story.complete()

    assert story.state.run.task_id is None


def test_a_worker_that_waits_for_history_is_not_shown_the_same_signal_again() -> None:
    story = Story()
    story.lease(PYTHON)
    story.complete()
    send(story)
    task_id = story.lease(PYTHON)
    waits = TaskFailure(task_id, "worker-1", 1, "waits", workflow_task.WAITING_FOR_HISTORY, "d")

    story.apply(workflow_task.fail, waits)

    assert story.state.run.open_signals == 0
    assert story.state.run.task_id is None


def test_a_signal_that_is_carried_out_again_by_the_server_is_told_once() -> None:
    story = Story()
    wanted = sent()._replace(own_key="key-1")
    first = story.apply(signal.accept, wanted).answer

    again = story.apply(signal.accept, wanted).answer

    assert again == first
    assert again["request_id"] is None
    assert story.types.count("SignalReceived") == 1
