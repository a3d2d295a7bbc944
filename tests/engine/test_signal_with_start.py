"""A signal with start, decided with values: one step that reaches an open run or begins one."""

import itertools

import pytest
from durable_server.engine import signal, start
from durable_server.engine.decision import Decision, Moment
from durable_server.refusal import Refusal

from tests.engine.builders import WORKER, Story, wanted
from tests.engine.test_signals import sent

NEXT = wanted(run_id="run-2", task_queue="elsewhere", run_timeout_seconds=1)


def tell(
    story: Story, asked: start.Start = NEXT, *, anew: bool = False, key: str | None = None
) -> Decision:
    """Send a signal with start to the story's workflow."""
    return story.apply(signal.accept_with_start, sent(request_id=key), asked, anew)


def closed() -> Story:
    """A workflow whose run has completed."""
    story = Story()
    story.lease(WORKER)
    story.complete({"type": "complete_workflow"})
    return story


def test_a_workflow_that_is_not_there_begins_with_the_signal() -> None:
    ids, other = itertools.count(), Story()
    moment = Moment(other.now, lambda shard: f"new-{next(ids)}", other.limits)

    decision = signal.accept_with_start(None, moment, sent(), wanted(), False)

    assert [each.event_type for each in decision.events] == [
        *("StartAccepted", "WorkflowStarted", "SignalReceived"),
    ]
    assert decision.answer["started"] is True
    assert decision.answer["command_sequence"] == 2
    assert decision.new_run
    assert len(decision.tasks) == 1


def test_an_open_run_is_told_and_stays_as_it_is() -> None:
    story = Story()

    answer = tell(story).answer

    assert (answer["started"], answer["run_id"]) == (False, "run-1")
    assert story.types == ["StartAccepted", "WorkflowStarted", "SignalReceived"]
    assert (story.state.run.task_queue, story.state.run.run_timeout_seconds) == ("orders", None)


def test_another_type_than_that_of_the_workflow_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        tell(Story(), wanted(workflow_type="other"))

    assert refused.value.reason == "validation_failed"


def test_a_closed_run_is_told_nothing() -> None:
    with pytest.raises(Refusal) as refused:
        tell(closed())

    assert refused.value.reason == "run_not_active"


def test_a_workflow_whose_run_is_closed_begins_anew_when_asked() -> None:
    story = closed()

    decision = tell(story, anew=True)

    assert decision.answer["started"] is True
    assert (story.state.run.run_id, story.state.run.run_number) == ("run-2", 2)
    assert story.state.workflow is not None
    assert (story.state.workflow.current_run_id, story.state.workflow.run_count) == ("run-2", 2)


def test_asked_again_it_starts_and_tells_nothing_twice() -> None:
    story = closed()
    first = tell(story, anew=True, key="r-1").answer
    recorded = len(story.types)

    again = tell(story, wanted(run_id="run-3"), anew=True, key="r-1").answer

    assert again == {**first, "started": False, "retained": True, "intent_verified": True}
    assert len(story.types) == recorded
