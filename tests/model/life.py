"""A random life of one run: leases, reports of every kind, failures, time passing, passes.

Hypothesis chooses what happens; after every step the promises are checked, and in the end it must
be possible to finish the run.
"""

import itertools
from collections.abc import Callable
from typing import Any

from durable_server.advance.intents import (
    CompleteActivity,
    CompleteWorkflowTask,
    EnforceActivityTimeout,
    ExpireTaskLease,
    FailActivity,
    FailWorkflowTask,
    FireTimer,
    HeartbeatActivity,
    HeartbeatWorkflowTask,
    Intent,
    ReturnTask,
    TimeOutRun,
)
from durable_server.engine import commands
from durable_server.engine.activity_report import Report
from durable_server.engine.run_state import Activity, Payload, Task
from durable_server.engine.tasks import digest_of
from durable_server.refusal import Refusal
from hypothesis import strategies as st

from tests.invariants import checks
from tests.invariants.rows import Rows
from tests.model import wishes
from tests.model.wishes import Command
from tests.model.worlds import LEASE_SECONDS, World

WORKERS = st.sampled_from(["anna", "boris"])
TIMEOUTS = st.none() | st.none() | st.integers(20, 400)
WRONGS = st.sampled_from(["stranger", "earlier", "later"])
REPORTS = st.sampled_from(["complete", "complete", "complete", "fail", "fail", "final", "beat"])
PAUSES = st.sampled_from([0.2, 1, 3, 10, 25, 60])
ROUNDS_MAX = 300


class Life:
    """One run in one world."""

    def __init__(self, world: World, data: st.DataObject) -> None:
        self.world = world
        self.answered: list[tuple[Intent, Any]] = []
        self._draw = data.draw
        self._digests = itertools.count()

    def live(self, steps: int) -> None:
        """Start the run, let things happen to it, and end it."""
        draw = self._draw
        self.world.start(
            execution_timeout_seconds=draw(TIMEOUTS), run_timeout_seconds=draw(TIMEOUTS)
        )
        for _ in range(steps):
            happening = draw(st.sampled_from(self._possible()))
            happening()
            checks.check_run(self.world.rows())
        self._finish()

    def _possible(self) -> list[Callable[[], None]]:
        """What can happen now; what is named more than once happens more often."""
        ever = [self.lease, self.lease, self.lease, self.passes, self.wait, self.pass_early]
        if self._held("workflow"):
            ever += [self.complete] * 6
            ever += [self.end, self.fail_task, self.beat, self.give_back]
            ever += [self.complete_without_right, self.complete_malformed, self.complete_late]
        if self._held("activity"):
            ever += [self.report] * 6
            ever += [self.report_without_right, self.give_back]
        if self.answered:
            ever.append(self.repeat)
        return ever

    # What workers do right.

    def lease(self) -> None:
        """A worker takes a task that is due."""
        before = self.world.rows()
        worker = self._draw(WORKERS)
        task = self.world.lease("workflow", worker) or self.world.lease("activity", worker)
        if task is None:
            # Nothing is due: let time pass, as a worker that polls does.
            self.wait()
            self.passes()
            return
        (was,) = [each for each in before.tasks if each.task_id == task.task_id]
        assert was.status == "ready", "I18: leased twice"
        assert was.available_at <= self.world.clock.now(), "I24: offered early"
        assert task.attempt == was.attempt + 1, "I18"

    def complete(self) -> None:
        """A worker completes its workflow task and the run goes on."""
        rows = self.world.rows()
        mark = self._draw(st.sampled_from([wishes.grouped, wishes.selected, None]))
        if mark is None:
            wanted = self._draw(wishes.BATCHES)
        else:
            wanted = mark(self._draw(wishes.GROUPS), rows.run.next_step)
        if not wishes.waits(wanted):
            wanted = [*wanted, {"type": "start_timer", "delay_seconds": 1}]
        self._complete(rows, wanted)

    def end(self) -> None:
        """A worker completes its workflow task and the run ends; seldom, so that runs live."""
        if self._draw(st.integers(0, 3)) == 0:
            wanted = [*self._draw(wishes.BATCHES), self._draw(wishes.ENDINGS)]
            self._complete(self.world.rows(), wanted)

    def fail_task(self) -> None:
        """A worker cannot carry its workflow task out."""
        (task,) = self._held("workflow")
        kind = "Crash"
        # A task that only waits ends with it: the server relies on what the run waits for.
        if self._waits_for_something() and self._draw(st.booleans()):
            kind = "WorkflowTaskWaitingForHistory"
        digest, owner = str(next(self._digests)), task.lease_owner or ""
        report = commands.TaskFailure(task.task_id, owner, task.attempt, "no", kind, digest)
        self._put(FailWorkflowTask(shard=task.shard, report=report))

    def report(self) -> None:
        """A worker reports on the activity it holds."""
        task, how = self._draw(st.sampled_from(self._held("activity"))), self._draw(REPORTS)
        refused = self._put(self._activity_intent(task, task.attempt, task.lease_owner or "", how))
        assert refused is None, f"a holder's report is refused: {refused}"
        if how in ("complete", "final"):
            assert self._activity(task).status in ("completed", "failed"), "I25"
            assert self._activity(task).attempt == task.attempt

    # What workers do wrong.

    def complete_without_right(self) -> None:
        """Somebody else, or an earlier or invented attempt, completes the workflow task."""
        (task,) = self._held("workflow")
        owner, attempt = self._wrong(task)
        intent = self._completion(task, owner, attempt, self._draw(wishes.BATCHES))
        assert self._put(intent) is not None, "I17"

    def complete_late(self) -> None:
        """The holder completes after its lease ended, though nobody else was given the task."""
        self.world.clock.advance(LEASE_SECONDS)
        self._complete(self.world.rows(), self._draw(wishes.BATCHES))

    def complete_malformed(self) -> None:
        """One of the commands is no command; none of them may be carried out."""
        (task,) = self._held("workflow")
        batch, position = self._draw(wishes.BATCHES), self._draw(st.integers(0, 4))
        wanted = [*batch[:position], self._draw(wishes.MALFORMED), *batch[position:]]
        try:
            intent = self._completion(task, task.lease_owner or "", task.attempt, wanted)
        except Refusal:
            return
        assert self._put(intent) is not None, "I19"

    def report_without_right(self) -> None:
        """A report of somebody else, or on another attempt, changes no outcome."""
        task = self._draw(st.sampled_from(self._held("activity")))
        owner, attempt = self._wrong(task)
        before = self.world.rows()
        self._put(self._activity_intent(task, attempt, owner, self._draw(REPORTS)))
        assert self.world.rows().events == before.events, "I17"

    def repeat(self) -> None:
        """A worker whose answer was lost sends its request again."""
        intent, answer = self._draw(st.sampled_from(self.answered))
        before = self.world.rows()
        try:
            given = self.world.put(_again(intent))
        except Refusal as refusal:
            assert refusal.reason in ("stale_attempt", "lease_owner_mismatch.activity")
        else:
            assert given == answer, "I20"
        assert self.world.rows().events == before.events, "I20"

    # What time does.

    def wait(self) -> None:
        """Time passes, and nobody looks."""
        self.world.clock.advance(self._draw(PAUSES))

    def passes(self) -> None:
        """Every pass does what is due; doing it twice changes nothing more."""
        self._passes()
        rows = self.world.rows()
        now = self.world.clock.now()
        checks.check_after_passes(rows, now)
        self._passes()
        assert self.world.rows() == rows, "I57"

    def pass_early(self) -> None:
        """A pass that comes to rows that are not due leaves them alone."""
        now, before = self.world.clock.now(), self.world.rows()
        for intent in self._enforcements(before, lambda at: at is not None and at > now):
            self._put(intent)
        assert self.world.rows() == before

    def give_back(self) -> None:
        """A worker goes away, or never received the task that was handed to it."""
        held = [*self._held("workflow"), *self._held("activity")]
        task = self._draw(st.sampled_from(held))
        attempt = None if self._draw(st.booleans()) else task.attempt
        name = task.lease_owner or ""
        wish = ReturnTask(shard=task.shard, task_id=task.task_id, lease_owner=name, attempt=attempt)
        assert self._put(wish) is None

    def beat(self) -> None:
        """The holder of a workflow task extends its lease, unless it has ended."""
        (task,) = self._held("workflow")
        alive = (task.lease_expires_at or 0) > self.world.clock.now()
        owner = task.lease_owner or ""
        refused = self._put(
            HeartbeatWorkflowTask(
                shard=task.shard, task_id=task.task_id, lease_owner=owner, attempt=task.attempt
            )
        )
        assert (refused is None) == alive
        (held,) = self._held("workflow")
        assert not alive or (held.lease_expires_at or 0) >= (task.lease_expires_at or 0), "I28"

    def _finish(self) -> None:
        """However its life was, the run can be brought to its end."""
        for _ in range(ROUNDS_MAX):
            rows = self.world.rows()
            checks.check_run(rows)
            if rows.run.closed:
                return
            self._passes()
            for task in self._held("activity"):
                owner = task.lease_owner or ""
                self._put(self._activity_intent(task, task.attempt, owner, "complete"))
            if self._held("workflow"):
                self._complete(self.world.rows(), [{"type": "complete_workflow"}])
            elif not any(self.world.lease(kind, "anna") for kind in ("workflow", "activity")):
                self.world.clock.advance(15)
        raise AssertionError("the run does not end")

    # How it is done.

    def _complete(self, rows: Rows, wanted: list[Command]) -> None:
        (task,) = self._held("workflow")
        now, deadline = self.world.clock.now(), rows.run.deadline_at
        refused = self._put(self._completion(task, task.lease_owner or "", task.attempt, wanted))
        if (task.lease_expires_at or 0) <= now:
            assert refused == "lease_expired"
        elif deadline is not None and deadline <= now:
            assert refused == "run_timed_out"
        else:
            assert refused is None, f"a holder's completion is refused: {refused}"

    def _put(self, intent: Intent) -> str | None:
        """Have it carried out; gives the reason of a refusal, which must have changed nothing."""
        before = self.world.rows()
        try:
            answer = self.world.put(intent)
        except Refusal as refusal:
            assert self.world.rows() == before, f"I19: {refusal.reason} changed something"
            return refusal.reason
        if isinstance(intent, CompleteWorkflowTask | CompleteActivity | FailActivity):
            self.answered.append((intent, answer))
        after = self.world.rows()
        checks.check_change(before, after)
        return None

    def _completion(
        self, task: Task, owner: str, attempt: int, wanted: list[Command]
    ) -> CompleteWorkflowTask:
        parsed = commands.parse(wanted)
        completion = commands.Completion(task.task_id, owner, attempt, parsed, digest_of(wanted))
        return CompleteWorkflowTask(shard=task.shard, completion=completion)

    def _activity_intent(self, task: Task, attempt: int, owner: str, how: str) -> Intent:
        name = f"{task.activity_execution_id}.{attempt}"
        outcome = "completed" if how == "complete" else "failed"
        report = Report(task.task_id, name, owner, outcome, f"{how}-{attempt}")
        if how == "complete":
            return CompleteActivity(shard=task.shard, report=report, result=Payload("avro", "AA=="))
        if how == "beat":
            return HeartbeatActivity(shard=task.shard, report=report, progress={})
        failure = {"type": "Flaky", "message": "no", "non_retryable": how == "final"}
        return FailActivity(shard=task.shard, report=report, failure=failure)

    def _passes(self) -> None:
        now = self.world.clock.now()
        for intent in self._enforcements(self.world.rows(), lambda at: bool(at and at <= now)):
            self._put(intent)

    def _enforcements(self, rows: Rows, is_meant: Any) -> list[Intent]:
        """What the passes would wish for: everything whose moment is meant."""
        shard, run = rows.run.shard, rows.run
        found: list[Intent] = []
        if not run.closed and is_meant(run.deadline_at):
            found.append(TimeOutRun(shard=shard, timed_run_id=run.run_id))
        for timer in rows.timers:
            if timer.status == "pending" and is_meant(timer.fire_at):
                found.append(
                    FireTimer(shard=shard, timer_run_id=run.run_id, timer_id=timer.timer_id)
                )
        for activity in rows.activities:
            if is_meant(activity.due_at):
                name = activity.activity_execution_id
                found.append(EnforceActivityTimeout(shard=shard, activity_execution_id=name))
        for task in rows.tasks:
            if task.status == "leased" and is_meant(task.lease_expires_at):
                found.append(ExpireTaskLease(shard=shard, task_id=task.task_id))
        return found

    def _held(self, kind: str) -> list[Task]:
        tasks = self.world.rows().tasks
        return [each for each in tasks if (each.kind, each.status) == (kind, "leased")]

    def _waits_for_something(self) -> bool:
        run = self.world.rows().run
        return bool(run.open_activities or run.open_timers)

    def _activity(self, task: Task) -> Activity:
        name, known = task.activity_execution_id, self.world.rows().activities
        return next(each for each in known if each.activity_execution_id == name)

    def _wrong(self, task: Task) -> tuple[str, int]:
        how = self._draw(WRONGS)
        if how == "stranger":
            return "carol", task.attempt
        change = -1 if how == "earlier" else 1
        return task.lease_owner or "", task.attempt + change


def _again(intent: Intent) -> Intent:
    """The same wish once more, to be answered anew."""
    if isinstance(intent, CompleteWorkflowTask):
        return CompleteWorkflowTask(shard=intent.shard, completion=intent.completion)
    if isinstance(intent, CompleteActivity):
        return CompleteActivity(shard=intent.shard, report=intent.report, result=intent.result)
    assert isinstance(intent, FailActivity)
    return FailActivity(shard=intent.shard, report=intent.report, failure=intent.failure)
