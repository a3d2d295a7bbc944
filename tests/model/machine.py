"""A server under random requests of clients and workers, passing time, passes and restarts.

Hypothesis chooses what is asked and what for; after every step the invariants of all runs are
checked, and in the end it must be possible to bring every run to its end. Nothing but these choices
decides what happens, so that what Hypothesis prints of a failure happens again.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.invariants import checks
from tests.invariants.rows import Everything
from tests.model import wishes
from tests.model.asking import Asker
from tests.model.still import StillServer
from tests.model.wishes import Command

WORKERS = ("anna", "boris")
NAMES_MAX = 2
ROUNDS_MAX = 400
LATE = {"lease_expired", "lease_owner_mismatch", "run_closed", "run_already_closed"} | {
    *("task_not_found", "task_not_leased", "workflow_task_attempt_mismatch", "run_timed_out"),
}
Task = dict[str, Any]
NAMES = st.integers(0, NAMES_MAX - 1)


class ServerMachine(RuleBasedStateMachine):
    """A server of its own, with one task queue."""

    open_server: ClassVar[Callable[..., AbstractContextManager[StillServer]]]
    steps: ClassVar[int] = 0
    queue = "orders"

    def __init__(self) -> None:
        super().__init__()
        self.workflow_tasks: list[Task] = []
        self.activity_tasks: list[Task] = []
        self.done: list[tuple[str, Any, int]] = []
        self.known = Everything({}, [])
        self._stack = ExitStack()
        self.still = self._stack.enter_context(self.open_server())

    @property
    def asker(self) -> Asker:
        """Asks whichever process runs now."""
        return self.still.asker

    @initialize()
    def begin(self) -> None:
        """Two workers, and one workflow to begin with."""
        for worker in WORKERS:
            self.asker.register(worker, self.queue)
        self._ask("POST", "/api/workflows", self._start(0))

    # What clients do.

    @rule(number=NAMES, seconds=st.none() | st.none() | st.integers(20, 300), again=st.booleans())
    def start(self, number: int, seconds: int | None, again: bool) -> None:
        """Start a workflow, perhaps one that is there already."""
        body = self._start(number)
        if seconds is not None:
            body["run_timeout_seconds"] = seconds
        body["duplicate_policy"] = "use-existing" if again else "fail"
        status, _ = self._ask("POST", "/api/workflows", body)
        assert status in (200, 201, 409)

    @rule(number=NAMES, request=st.none() | st.integers(0, 5))
    def signal(self, number: int, request: int | None) -> None:
        """Send a signal; the same request is the same signal (I33)."""
        body: dict[str, Any] = {"input": ["go"]}
        if request is not None:
            body["request_id"] = f"s{request}"
        status, _ = self._ask("POST", f"/api/workflows/{self._name(number)}/signal/ready", body)
        assert status in (202, 404, 409)

    @rule(number=NAMES, request=st.integers(0, 5))
    def update(self, number: int, request: int) -> None:
        """Ask for an update; the same request is the same update (I38)."""
        body = {"input": ["blue"], "request_id": f"u{request}", "wait_for": "accepted"}
        status, _ = self._ask("POST", f"/api/workflows/{self._name(number)}/update/change", body)
        assert status in (200, 202, 404, 409, 422)

    @rule(number=NAMES, how=st.sampled_from(["cancel", "terminate"]), really=st.integers(0, 19))
    def stop(self, number: int, how: str, really: int) -> None:
        """Stop a workflow; seldom, so that runs live."""
        if really == 0:
            status, _ = self._ask("POST", f"/api/workflows/{self._name(number)}/{how}", {})
            assert status in (200, 404, 409)

    @rule(number=NAMES)
    def look(self, number: int) -> None:
        """Describe a workflow, which changes nothing (I60)."""
        before = self.asker.everything(self.queue)
        status, _ = self._ask("GET", f"/api/workflows/{self._name(number)}")
        assert status in (200, 404)
        assert self.asker.everything(self.queue) == before, "I60"

    # What workers do.

    @rule(worker=st.sampled_from(WORKERS), data=st.data())
    def work(self, worker: str, data: st.DataObject) -> None:
        """Take a workflow task and complete it at once, as nearly always happens."""
        self.poll_workflow(worker)
        if self.workflow_tasks:
            self.complete(data, data.draw(st.integers(0, 12)))

    @rule(worker=st.sampled_from(WORKERS), data=st.data())
    def work_on(self, worker: str, data: st.DataObject) -> None:
        """The same, so that it happens more often."""
        self.work(worker, data)

    @rule(worker=st.sampled_from(WORKERS), data=st.data())
    def carry_out(self, worker: str, data: st.DataObject) -> None:
        """Take an activity task and report at once; else let time pass for what is due."""
        self.poll_activity(worker)
        if self.activity_tasks:
            self.report(data, "complete")
        else:
            self.wait(data.draw(st.sampled_from([1, 10])))
            self.passes()

    @rule(worker=st.sampled_from(WORKERS))
    def poll_workflow(self, worker: str) -> None:
        """Take a workflow task."""
        task = self.asker.poll("workflow", worker, self.queue)
        if task is not None:
            self.workflow_tasks.append(task)

    @rule(worker=st.sampled_from(WORKERS))
    def poll_activity(self, worker: str) -> None:
        """Take an activity task."""
        task = self.asker.poll("activity", worker, self.queue)
        if task is not None:
            self.activity_tasks.append(task)

    @precondition(lambda self: self.workflow_tasks)
    @rule(data=st.data(), ends=st.integers(0, 5))
    def complete(self, data: st.DataObject, ends: int) -> None:
        """Complete a workflow task, perhaps one that is no longer held."""
        task = data.draw(st.sampled_from(self.workflow_tasks))
        answers = self._answers(task, data.draw(st.booleans()))
        wanted = data.draw(wishes.STORY)
        if answers and ends < 4:
            wanted = []
        elif ends == 0:
            wanted = [*wanted, data.draw(wishes.STORY_ENDINGS)]
        self._complete(task, [*answers, *wanted])

    @precondition(lambda self: self.workflow_tasks)
    @rule(data=st.data())
    def fail_task(self, data: st.DataObject) -> None:
        """Say that a workflow task cannot be carried out."""
        task = data.draw(st.sampled_from(self.workflow_tasks))
        self.workflow_tasks.remove(task)
        body = {**_lease(task), "failure": {"message": "no", "type": "Crash"}}
        status, _ = self._ask("POST", f"{_path(task)}/fail", body)
        assert status in (200, 409)

    @precondition(lambda self: self.workflow_tasks or self.activity_tasks)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        """Extend a lease (I28)."""
        task = data.draw(st.sampled_from([*self.workflow_tasks, *self.activity_tasks]))
        given = _lease(task) if "workflow_task_attempt" in task else _attempt(task)
        status, _ = self._ask("POST", f"{_path(task)}/heartbeat", given)
        assert status in (200, 409)

    @precondition(lambda self: self.activity_tasks)
    @rule(data=st.data(), how=st.sampled_from(["complete", "complete", "fail", "final"]))
    def report(self, data: st.DataObject, how: str) -> None:
        """Report on an activity, perhaps on an attempt that is over."""
        task = data.draw(st.sampled_from(self.activity_tasks))
        self.activity_tasks.remove(task)
        body: dict[str, Any] = {**_attempt(task), "result": "AAA="}
        if how != "complete":
            failure = {"message": "no", "non_retryable": how == "final"}
            body = {**_attempt(task), "failure": failure}
        path = f"{_path(task)}/{'complete' if how == 'complete' else 'fail'}"
        status, _ = self._ask("POST", path, body)
        assert status in (200, 409)
        self.done.append((path, body, status))

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Send a request again whose answer was lost: it adds nothing (I20)."""
        path, body, _ = data.draw(st.sampled_from(self.done))
        before = self.asker.everything(self.queue)
        self._ask("POST", path, body)
        after = self.asker.everything(self.queue)
        for run_id, rows in before.runs.items():
            added = after.runs[run_id].events[len(rows.events) :]
            assert after.runs[run_id].events == rows.events, f"I20: {path} {body} added {added}"

    # What time does.

    @rule(seconds=st.sampled_from([0.2, 1, 3, 10, 25, 60]))
    def wait(self, seconds: float) -> None:
        """Time passes, and nobody looks."""
        self.still.clock.advance(seconds)

    @rule()
    def passes(self) -> None:
        """Every pass does what is due; once more changes nothing (I57)."""
        now = self.still.clock.now()
        self.asker.sweep()
        everything = self.asker.everything(self.queue)
        for rows in everything.runs.values():
            checks.check_after_passes(rows, now)
        self.asker.sweep()
        assert self.asker.everything(self.queue) == everything, "I57"

    @rule(really=st.integers(0, 9))
    def start_anew(self, really: int) -> None:
        """The process ends, and another one goes on from the database alone; seldom."""
        if really == 0:
            self.still.restart()

    @rule(lost=st.booleans())
    def lose_messages(self, lost: bool) -> None:
        """Whether what runs tell each other is delivered at once, or left to the passes."""
        self.still.loses_messages = lost

    @invariant()
    def promises_are_kept(self) -> None:
        """Every invariant of every run, after every step."""
        type(self).steps += 1
        everything = self.asker.everything(self.queue)
        for run_id, rows in everything.runs.items():
            checks.check_run(rows)
            if run_id in self.known.runs:
                checks.check_change(self.known.runs[run_id], rows)
        self.known = everything

    def teardown(self) -> None:
        """However it was, every run can be brought to its end; then the server is gone."""
        with self._stack:
            # What has failed already is what is to be told.
            if sys.exc_info()[0] is None:
                self._bring_to_its_end()

    def _bring_to_its_end(self) -> None:
        for _ in range(ROUNDS_MAX):
            everything = self.asker.everything(self.queue)
            if all(rows.run.closed for rows in everything.runs.values()):
                break
            self._carry_on(everything)
        else:
            raise AssertionError("a run does not end")
        self.asker.sweep()
        everything = self.asker.everything(self.queue)
        for rows in everything.runs.values():
            checks.check_run(rows)
        checks.check_everything(everything)

    def _carry_on(self, everything: Everything) -> None:
        self.asker.sweep()
        task = self.asker.poll("workflow", "anna", self.queue)
        attempt = self.asker.poll("activity", "anna", self.queue)
        if task is not None:
            self._complete(task, [{"type": "complete_workflow"}])
        if attempt is not None:
            self._ask("POST", f"{_path(attempt)}/complete", {**_attempt(attempt), "result": "AAA="})
        if task is None and attempt is None:
            self.still.clock.advance(15)
            for rows in everything.runs.values():
                # Nothing but a message ends a wait that has no timer.
                if any(wait["timer_id"] is None for wait in rows.run.waits):
                    self._ask("POST", f"/api/workflows/{rows.run.workflow_id}/signal/ready", {})

    def _complete(self, task: Task, wanted: list[Command]) -> None:
        body = {**_lease(task), "commands": wanted}
        path = f"{_path(task)}/complete"
        status, answer = self._ask("POST", path, body)
        assert status == 200 or answer["reason"] in LATE, f"a holder is refused: {answer}"
        if task in self.workflow_tasks:
            self.workflow_tasks.remove(task)
        if status == 200:
            self.done.append((path, body, status))

    def _answers(self, task: Task, fails: bool) -> list[Command]:
        """What finishes the update that the task is about, as it stands now."""
        update_id = task["workflow_update_id"]
        if update_id is None:
            return []
        if fails:
            return [{"type": "fail_update", "update_id": update_id, "message": "no"}]
        return [{"type": "complete_update", "update_id": update_id, "result": "AAA="}]

    def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.asker.ask(method, path, body)
        # Shown of the failure that Hypothesis tells in the end.
        note(f"{method} {path} {body} -> {answer[0]} {(answer[1] or {}).get('reason', '')}")
        return answer

    def _name(self, number: int) -> str:
        return f"{self.queue}-{number}"

    def _start(self, number: int) -> dict[str, Any]:
        return {
            "workflow_id": self._name(number),
            "workflow_type": "order",
            "task_queue": self.queue,
        }


def _path(task: Task) -> str:
    kind = "workflow" if "workflow_task_attempt" in task else "activity"
    return f"/api/worker/{kind}-tasks/{task['task_id']}"


def _lease(task: Task) -> dict[str, Any]:
    return {name: task[name] for name in ("lease_owner", "workflow_task_attempt")}


def _attempt(task: Task) -> dict[str, Any]:
    return {name: task[name] for name in ("lease_owner", "activity_attempt_id")}
