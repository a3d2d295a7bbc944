"""Random lives of a run that is updated: whatever comes in whatever order, nothing is lost."""

import random
from collections import Counter

import orjson
import pytest
from durable_server.engine import cancel, timeouts, update_validation
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.run_state import Update
from durable_server.engine.update_events import OPEN, VALIDATING

from tests.engine.builders import WORKER, Story
from tests.engine.test_update_validation import FAILURE, REFUSAL, ask_judged, verdict
from tests.engine.test_updates import ask

STEPS = 40
STEP = {"type": "schedule_activity", "activity_type": "charge"}
MARK = {"type": "record_side_effect", "result": "AAIxAg=="}
LAST = {"type": "complete_workflow"}


class Life:
    """One run, and clients and workers that do anything at any time."""

    def __init__(self, seed: int) -> None:
        self.choice = random.Random(seed)
        self.story = Story()
        self.asked: list[str] = []
        self.taken: dict[str, int] = {}

    def step(self) -> None:
        """One thing happens, if it can."""
        does = [self.ask, self.ask_judged, self.take, self.judge, self.withdraw, self.expire]
        self.choice.choice([*does, self.lease, self.complete, self.complete, self.lose])()

    def ask(self) -> None:
        self.asked.append(ask(self.story).update.update_id)

    def ask_judged(self) -> None:
        self.asked.append(ask_judged(self.story))

    def take(self) -> None:
        for task in self.story.state.tasks.values():
            if task.kind == "update_validation" and task.status == "ready":
                self.story.apply(update_validation.lease, task, WORKER)
                self.taken[task.task_id] = self.story.state.tasks[task.task_id].attempt
                return

    def judge(self) -> None:
        held = [name for name in self.taken if self.story.state.tasks[name].status == "leased"]
        if held:
            name = self.choice.choice(held)
            failure = self.choice.choice([None, None, REFUSAL, FAILURE])
            judged = verdict(name, failure, attempt=self.taken[name])
            self.story.apply(update_validation.judge, judged)

    def withdraw(self) -> None:
        if self.asked:
            self.story.apply(update_validation.withdraw, self.choice.choice(self.asked))

    def expire(self) -> None:
        self.story.advance(update_validation.LEASE_SECONDS)
        for task in list(self.story.state.tasks.values()):
            if task.kind == "update_validation":
                self.story.apply(timeouts.expire_lease, task.task_id)

    def lease(self) -> None:
        run = self.story.state.run
        if run.task_id is not None and not run.task_leased:
            task = self.story.state.tasks[run.task_id]
            if task.available_at <= self.story.now:
                self.story.lease()

    def complete(self) -> None:
        run = self.story.state.run
        if run.task_id is None or not run.task_leased or self.lost():
            return
        resume = self.story.state.tasks[run.task_id].resume
        update_id = orjson.loads(resume).get("workflow_update_id") if resume else None
        if update_id is None:
            self.story.complete(*self.choice.choice([[], [MARK], [MARK], [STEP]]))
            return
        fails = {"type": "fail_update", "update_id": update_id, "message": "no"}
        does = {"type": "complete_update", "update_id": update_id}
        self.story.complete(*self.choice.choice([[does], [does], [fails], []]))

    def lose(self) -> None:
        run = self.story.state.run
        if run.task_id is not None and run.task_leased:
            self.story.apply(timeouts.return_task, run.task_id, "worker-1", None)

    def lost(self) -> bool:
        """Whether the lease of the workflow task has run out."""
        task = self.story.state.tasks[self.story.task_id()]
        return (task.lease_expires_at or 0) <= self.story.now

    def end(self) -> None:
        if self.choice.random() < 0.5:
            self.story.apply(cancel.stop, ClientRequest("cancel", "order-42", None, None, {}))
            return
        if self.story.state.run.task_leased:
            self.lose()
        if self.story.state.run.task_id is None:
            ask(self.story)
        self.story.advance(3600)
        self.story.lease()
        self.story.complete(LAST)


def check(life: Life) -> None:
    """What is true at every moment."""
    story = life.story
    rows: list[Update] = list(story.state.updates.values())
    waiting = [each for each in rows if each.status in (OPEN, VALIDATING)]
    assert story.state.run.open_updates == (0 if story.state.run.closed else len(waiting))
    assert story.state.run.held_messages == sum(not each.recorded for each in rows)
    names = [(name, orjson.loads(text)) for name, text in story.events if name.startswith("Update")]
    seen = Counter((name, told["update_id"]) for name, told in names)
    assert not seen or max(seen.values()) == 1
    for row in rows:
        events = {name for name, update_id in seen if update_id == row.update_id}
        assert ("UpdateAccepted" in events) == (row.status in _COUNTED and row.recorded)
        assert ("UpdateApplied" in events) == (row.status == "completed")
        assert ("UpdateCompleted" in events) == (row.status in ("completed", "failed"))
    numbers = [each.command_sequence for each in rows]
    assert len(numbers) == len(set(numbers))


_COUNTED = ("accepted", "completed", "failed")


@pytest.mark.parametrize("seed", range(150))
def test_whatever_happens_every_update_comes_to_one_end(seed: int) -> None:
    life = Life(seed)
    for _ in range(STEPS):
        life.step()
        check(life)

    life.end()

    check(life)
    assert life.story.state.run.closed
    over = {each.status for each in life.story.state.updates.values()}
    assert over <= {"completed", "failed", "rejected", "unjudged"}
    open_tasks = [t for t in life.story.state.tasks.values() if t.status in ("ready", "leased")]
    assert [task.kind for task in open_tasks if task.kind != "activity"] == []


def test_lives_reach_every_state() -> None:
    reached: set[str] = set()
    for seed in range(60):
        life = Life(seed)
        for _ in range(STEPS):
            life.step()
        reached |= {each.status for each in life.story.state.updates.values()}

    assert reached >= {"accepted", "completed", "failed", "rejected", "unjudged", "validating"}
