"""What a worker is told that still works on a task of a closed run."""

import pytest
from durable_server.engine import workflow_task
from durable_server.refusal import Refusal

from tests.engine.builders import Story


def test_a_late_heartbeat_learns_how_the_run_closed_and_of_no_lease() -> None:
    story = Story()
    task_id = story.lease()
    story.complete({"type": "complete_workflow"})

    with pytest.raises(Refusal) as refused:
        workflow_task.heartbeat(story.state, story.moment, task_id, "worker-1", 1)

    facts = refused.value.facts
    assert refused.value.reason == "run_closed"
    assert (facts["stop_reason"], facts["task_status"]) == ("run_completed", "completed")
    assert facts["lease_expires_at"] is None
