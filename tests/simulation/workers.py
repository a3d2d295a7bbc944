"""Simulated workers: they poll, decide by chance, report late, twice, wrongly or never."""

from typing import TYPE_CHECKING, Any

from durable_server.engine import commands

from tests.simulation.network import Lost
from tests.simulation.node import LEASE_SECONDS
from tests.simulation.parties import QUEUE, Command, Party

if TYPE_CHECKING:
    from tests.simulation.world import World

DIALECTS = (None, "durable-workflow-python/0.4.106", "durable-workflow-python/2.12.0")
HISTORY_MAX = 40
GROUP_MAX = 3
AGAIN = {"lease_expired", "lease_owner_mismatch", "run_already_closed", "run_closed"} | {
    *("task_not_found", "task_not_leased", "workflow_task_attempt_mismatch", "run_timed_out"),
}


class Worker(Party):
    """One process that works on the queue until it dies; another one with its name follows."""

    def __init__(self, world: "World", name: str) -> None:
        super().__init__(world, name)
        self.dialect = world.dialect
        self.life = 0

    def begin(self) -> None:
        """Register, then poll for both kinds of tasks."""
        self.life += 1
        self._follow(self._register())
        self._follow(self._poll("workflow"))
        self._follow(self._poll("activity"))

    def die(self) -> None:
        """Everything it held is left to its leases."""
        self.life += 1
        self.world.later(self.chance.choice((0.1, 5.0, 60.0)), f"{self.name} starts", self.begin)

    def _follow(self, coroutine: Any) -> None:
        life = self.life
        self.world.follow(self.name, coroutine, lambda: self.life == life)

    async def _register(self) -> None:
        body = {"worker_id": self.name, "task_queue": QUEUE, "runtime": "python"}
        if self.dialect is not None:
            body["sdk_version"] = self.dialect
        while True:
            try:
                status, _ = await self.insist("POST", "/api/worker/register", body)
            except Lost:
                continue
            if status == 201:
                return

    async def _poll(self, kind: str) -> None:
        path = f"/api/worker/{kind}-tasks/poll"
        while True:
            seconds = self.chance.choice((0, 5, 30, 30))
            body = {"worker_id": self.name, "task_queue": QUEUE, "timeout_seconds": seconds}
            if self.chance.random() < 0.7:
                body["poll_request_id"] = self.new_request_id()
            task = await self._task(path, body, seconds)
            if task is None:
                await self.world.sleep(1 if seconds else 5)
            elif self.happens(0.03):
                self.die()
            elif not self.happens(0.03):
                await (self._decide(task) if kind == "workflow" else self._carry_out(task))

    async def _task(self, path: str, body: dict[str, Any], seconds: float) -> Any:
        """The task that a poll gives; a poll without answer may be repeated as it was."""
        for _ in range(2):
            try:
                status, answer = await self.ask("POST", path, body, seconds)
            except Lost:
                continue
            return answer["task"] if status == 200 else None
        return None

    async def _decide(self, task: dict[str, Any]) -> None:
        """Answer a workflow task in one of many ways."""
        path = f"/api/worker/workflow-tasks/{task['task_id']}"
        lease = {
            "lease_owner": self.name,
            "workflow_task_attempt": task["workflow_task_attempt"],
        }
        await self._dawdle(path, lease)
        if self.happens(0.06):
            failure = {"message": "no", "type": "Crash"}
            await self._report(f"{path}/fail", {**lease, "failure": failure})
            return
        if self.happens(0.05):
            lease["workflow_task_attempt"] += 1
        wanted = self._commands(task)
        await self._complete(path, lease, task, wanted)

    async def _complete(
        self, path: str, lease: dict[str, Any], task: dict[str, Any], wanted: list[Command]
    ) -> None:
        body = {**lease, "commands": wanted}
        given = await self._report(f"{path}/complete", body)
        if given is None:
            return
        status, answer = given
        attempt = lease["workflow_task_attempt"]
        if status == 200:
            self.world.judge.completion_accepted(task["task_id"], attempt, wanted)
        elif answer.get("reason") not in AGAIN:
            self.world.refused(f"{status} {answer.get('reason')} {answer.get('errors')}")
            failure = {"message": "refused", "type": "CommandsRefused"}
            await self._report(f"{path}/fail", {**lease, "failure": failure})

    async def _report(self, path: str, body: dict[str, Any]) -> Any:
        try:
            return await self.insist("POST", path, body)
        except Lost:
            return None

    async def _dawdle(self, path: str, lease: dict[str, Any]) -> None:
        """Think for a while, perhaps for longer than the lease lasts, perhaps with heartbeats."""
        if self.happens(0.1):
            await self.world.sleep(self.chance.choice((1, LEASE_SECONDS - 1, LEASE_SECONDS + 5)))
        if self.happens(0.1):
            await self._report(f"{path}/heartbeat", lease)
            await self.world.sleep(self.chance.choice((1, LEASE_SECONDS - 1)))

    def _commands(self, task: dict[str, Any]) -> list[Command]:
        """What the workflow's code asks for, such as its history allows it."""
        updates = self._answers(task)
        if task.get("workflow_update_id") and updates:
            return updates
        if self.world.calm or task["total_history_events"] > HISTORY_MAX:
            return [*updates, self._ending(calm=True)]
        waits = _open_waits(task["history_events"])
        if waits and self.chance.random() < 0.2:
            return updates
        if self.happens(0.04):
            return [{"type": "fly"}]
        wanted = [self._step() for _ in range(self.chance.choice((0, 1, 1, 2, 3)))]
        draw = self.chance.random()
        if draw < 0.15:
            return [*updates, *wanted, self._ending(calm=False)]
        if draw < 0.35 and self.dialect is not None and self.dialect.endswith("2.12.0"):
            return [*updates, *self._group(task)]
        return [*updates, *wanted, self._blocking()]

    def _answers(self, task: dict[str, Any]) -> list[Command]:
        """Commands that finish the update that the task is about, or others if it is not."""
        wanted = task.get("workflow_update_id")
        accepted: dict[str, None] = {}
        for event in task["history_events"]:
            name = event["payload"].get("update_id")
            if event["event_type"] == "UpdateAccepted":
                accepted[name] = None
            elif event["event_type"] == "UpdateCompleted":
                accepted.pop(name, None)
        if wanted not in accepted:
            return []
        if self.chance.random() < 0.3:
            return [{"type": "fail_update", "update_id": wanted, "message": "no"}]
        return [{"type": "complete_update", "update_id": wanted, "result": "AAA="}]

    def _step(self) -> Command:
        """A command that may be followed by others."""
        known = [
            self._activity(),
            {"type": "start_timer", "delay_seconds": self.chance.choice((0, 1, 30))},
            {"type": "record_side_effect", "result": "AAA="},
            {
                "type": "record_version_marker",
                "change_id": self.chance.choice(("first", "second")),
                "version": 1,
                "min_supported": 1,
                "max_supported": 1,
            },
            {
                "type": "upsert_search_attributes",
                "attributes": {"stage": self.chance.choice(("early", "late"))},
            },
        ]
        return self.chance.choice([each for each in known if each["type"] in commands.MODULES])

    def _blocking(self) -> Command:
        """A command that the run then waits for."""
        known: list[Command] = [
            self._activity(),
            {"type": "start_timer", "delay_seconds": self.chance.choice((0, 1, 30))},
            self._child(),
            self._wait(),
            self._wait(),
            {
                "type": "open_signal_wait",
                "signal_name": "ready",
                "timeout_seconds": self.chance.choice((0, 5, 60)),
            },
        ]
        return self.chance.choice([each for each in known if each["type"] in commands.MODULES])

    def _wait(self) -> Command:
        wait: Command = {"type": "open_condition_wait", "condition_key": "ready"}
        # A wait without an end needs somebody who signals.
        wait["timeout_seconds"] = self.chance.choice((0, 1, 20, 300))
        return wait

    def _child(self) -> Command:
        child: Command = {"type": "start_child_workflow", "workflow_type": "order.part"}
        child["parent_close_policy"] = self.chance.choice(
            ("abandon", "request_cancel", "terminate")
        )
        if self.chance.random() < 0.4:
            child["retry_policy"] = {"max_attempts": 2, "backoff_seconds": [1]}
        if self.chance.random() < 0.2:
            child["run_timeout_seconds"] = 60
        return child

    def _activity(self) -> Command:
        wanted: Command = {"type": "schedule_activity", "activity_type": "charge"}
        if self.chance.random() < 0.5:
            wanted["retry_policy"] = {
                "max_attempts": self.chance.randint(1, 3),
                "backoff_seconds": self.chance.choice(([], [0], [1, 5])),
            }
        if self.chance.random() < 0.4:
            wanted["start_to_close_timeout"] = self.chance.choice((5, 30))
        if self.chance.random() < 0.3:
            wanted["schedule_to_close_timeout"] = self.chance.choice((30, 60))
        if self.chance.random() < 0.2:
            wanted["schedule_to_start_timeout"] = self.chance.choice((5, 20))
        if self.chance.random() < 0.2:
            wanted["heartbeat_timeout"] = 5
        return wanted

    def _group(self, task: dict[str, Any]) -> list[Command]:
        """A parallel group, as SDKs number it."""
        steps = [
            event["payload"]["sequence"]
            for event in task["history_events"]
            if "sequence" in event["payload"]
            and event["event_type"] not in ("UpdateApplied", "UpdateCompleted")
        ]
        base, size = max(steps, default=0) + 1, self.chance.randint(2, GROUP_MAX)
        members = []
        for index in range(size):
            group = {
                "parallel_group_id": f"parallel-activities:{base}:{size}",
                "parallel_group_kind": "activity",
                "parallel_group_base_sequence": base,
                "parallel_group_size": size,
                "parallel_group_index": index,
            }
            members.append({**self._activity(), **group, "parallel_group_path": [group]})
        return members

    def _ending(self, *, calm: bool) -> Command:
        """A command that ends the run."""
        known: list[Command] = [
            {"type": "complete_workflow", "result": "AAA="},
            {"type": "fail_workflow", "message": "no stock"},
            {"type": "continue_as_new"},
        ]
        if calm or self.world.calm:
            return known[0]
        return self.chance.choice([each for each in known if each["type"] in commands.MODULES])

    async def _carry_out(self, task: dict[str, Any]) -> None:
        """Report on an activity in one of many ways."""
        path = f"/api/worker/activity-tasks/{task['task_id']}"
        report = {name: task[name] for name in ("activity_attempt_id", "lease_owner")}
        if self.happens(0.15):
            await self.world.sleep(self.chance.choice((1, 10, LEASE_SECONDS + 5, 90)))
        if self.happens(0.2):
            given = await self._report(f"{path}/heartbeat", report)
            if given is not None and not given[1].get("can_continue", True):
                return
        if self.happens(0.3):
            failure = {"message": "no", "non_retryable": self.chance.random() < 0.3}
            await self._report(f"{path}/fail", {**report, "failure": failure})
            return
        given = await self._report(f"{path}/complete", {**report, "result": "AAA="})
        if given is not None and given[0] == 200 and given[1]["recorded"]:
            self.world.judge.outcome_recorded(report["activity_attempt_id"], "completed")


def _open_waits(events: list[dict[str, Any]]) -> set[str]:
    """The condition waits of a history that were not resolved."""
    found: set[str] = set()
    for event in events:
        name = event["payload"].get("condition_wait_id")
        if event["event_type"] == "ConditionWaitOpened":
            found.add(name)
        elif event["event_type"] in ("ConditionWaitSatisfied", "TimerFired"):
            found.discard(name)
    return found
