"""Owner, attempt and lease of a workflow task under every order of what its workers may do."""

import itertools
from collections.abc import Callable

import pytest
from durable_server.engine import timeouts, workflow_task
from durable_server.engine.commands import Completion, TaskFailure, parse
from durable_server.engine.tasks import Holder, digest_of
from durable_server.refusal import Refusal

from tests.engine.builders import Story

STALE = {
    *("lease_expired", "lease_owner_mismatch.workflow", "workflow_task_attempt_mismatch"),
    *("task_not_leased", "run_closed"),
}


class Race:
    """One task, worker `a` with its first lease, and whoever comes later."""

    def __init__(self) -> None:
        self.story = Story()
        self.task_id = self.story.lease(Holder("a", None, "avro", None))
        self.holder: tuple[str, int] | None = ("a", 1)
        self.leases = 1
        self.applied: list[str] = []

    def expire(self) -> None:
        """Time passes beyond every lease, and the pass takes the task back."""
        self.story.advance(400)
        self.story.apply(timeouts.expire_lease, self.task_id)
        self.holder = None

    def overdue(self) -> None:
        """Time passes beyond every lease, and nobody has noticed yet."""
        self.story.advance(400)
        self.holder = None

    def lease(self) -> None:
        """Worker `b` takes the task if it is free."""
        task = self.story.state.tasks[self.task_id]
        if task.status == "ready":
            self.story.now = max(self.story.now, task.available_at)
            self.story.apply(workflow_task.lease, task, Holder("b", None, "avro", None))
            self.leases += 1
            self.holder = ("b", self.leases)

    def complete(self, owner: str, attempt: int) -> None:
        """A completion with a step that tells whose it is."""
        raw = [{"type": "record_side_effect", "result": owner}]
        sent = Completion(self.task_id, owner, attempt, parse(list(raw)), digest_of([owner]))
        self._try(owner, attempt, workflow_task.complete, sent, ends=True)

    def heartbeat(self, owner: str, attempt: int) -> None:
        """A sign of life."""
        told = (self.task_id, owner, attempt)
        self._try(owner, attempt, workflow_task.heartbeat, *told, ends=False)

    def fail(self, owner: str, attempt: int) -> None:
        """A report that the task could not be carried out."""
        report = TaskFailure(self.task_id, owner, attempt, "no", None, f"fail-{owner}")
        self._try(owner, attempt, workflow_task.fail, report, ends=True)

    def _try(
        self, owner: str, attempt: int, decide: Callable[..., object], *told: object, ends: bool
    ) -> None:
        before, count = self.story.state, len(self.story.events)
        holds = self.holder == (owner, attempt)
        try:
            self.story.apply(decide, *told)
        except Refusal as refusal:
            assert not holds, f"{decide} of the holder is refused: {refusal.reason}"
            assert refusal.reason in STALE
            assert (self.story.state, len(self.story.events)) == (before, count)
            return
        assert holds, f"{decide} of {owner} with attempt {attempt} is applied"
        if ends:
            self.holder = None
            self.applied.append(owner)


MOVES: dict[str, Callable[[Race], None]] = {
    "the lease ends": Race.expire,
    "b takes the task": Race.lease,
    "a completes": lambda race: race.complete("a", 1),
    "b completes": lambda race: race.complete("b", 2),
    "a completes with b's attempt": lambda race: race.complete("a", 2),
    "b fails": lambda race: race.fail("b", 2),
    "a beats": lambda race: race.heartbeat("a", 1),
}


@pytest.mark.parametrize("first", MOVES)
def test_at_most_the_holder_of_a_live_lease_is_heard_in_every_order(first: str) -> None:
    others = [name for name in MOVES if name != first]
    for order in itertools.permutations(others):
        race = Race()
        for name in (first, *order):
            MOVES[name](race)
        effects = race.story.types.count("SideEffectRecorded")
        assert effects == len([owner for owner in race.applied if owner]) - (
            1 if _failed(race) else 0
        )
        assert len(race.applied) <= 1, order


def _failed(race: Race) -> bool:
    return race.story.state.tasks[race.task_id].last_error == "no"


@pytest.mark.parametrize("late", [Race.complete, Race.heartbeat, Race.fail])
def test_a_lease_that_has_ended_fences_before_anybody_has_noticed(
    late: Callable[[Race, str, int], None],
) -> None:
    race = Race()
    race.overdue()
    late(race, "a", 1)

    assert race.applied == []


def test_a_completion_that_comes_again_after_a_lost_answer_adds_nothing() -> None:
    race = Race()
    race.complete("a", 1)
    count = len(race.story.events)
    sent = Completion(race.task_id, "a", 1, [], digest_of(["a"]))
    answer = race.story.apply(workflow_task.complete, sent).answer

    assert answer["recorded"] is True
    assert len(race.story.events) == count


def test_a_heartbeat_extends_the_lease_and_revives_none() -> None:
    race = Race()
    race.story.advance(299)
    race.heartbeat("a", 1)
    race.story.advance(299)
    race.heartbeat("a", 1)
    race.overdue()
    race.heartbeat("a", 1)
    task = race.story.state.tasks[race.task_id]

    assert (task.attempt, task.lease_owner) == (1, "a")
