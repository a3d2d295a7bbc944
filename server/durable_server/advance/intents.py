"""Validated wishes to change one run, each with the engine function that decides it.

An intent names its shard (which decides the lane), the rows that the decision needs, and how to
decide. Its answer is a plain JSON-ready value, stored where a repeat must get the same.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from durable_server.engine import (
    activity_report,
    timeouts,
    timer,
    update_validation,
    workflow_task,
)
from durable_server.engine import start as starting
from durable_server.engine import update as updating
from durable_server.engine.activity_report import Report
from durable_server.engine.commands import (
    OF_DETAILS,
    TERMINAL,
    Completion,
    TaskFailure,
    members_given_up,
)
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.run_state import Payload, Run, RunState
from durable_server.pending import Pending

# How many events one command of a completion, or the end of an open wait, may add to the history.
EVENTS_OF_COMMAND_MAX = 4
# How many may come of what the run is told between the look at what is needed and the decision.
EVENTS_OF_BATCH_MAX = 1_000


class Needs(NamedTuple):
    """What a decision needs beside the rows that its intent names.

    `open_work`: everything of the run that is open (tasks, activities, timers, children, signals,
    updates). `workflow`: the holder of the workflow id. `details`: what the run carries.
    `open_task`: its open workflow task.
    """

    open_work: bool = False
    workflow: bool = False
    details: bool = False
    open_task: bool = False


NOTHING_MORE = Needs()


@dataclass(slots=True, kw_only=True)
class Intent:
    """The common part: where it belongs, and who waits for the answer.

    Either `workflow_key` (namespace, workflow id) names the run: the current one, or
    `wanted_run_id`. Or `run_key`, `task_key` or `activity_key` does, an id of this shard; then the
    run is that of the first one given, and not found when `namespace` is given and another one.
    The rows of these ids, of `timer_key`, `child_key` and `update_key` are at hand for the
    decision, and for a workflow those signals and updates that carry `request_id`.
    `closes_step` says that the activity, timer or child may reach its end, `ends_task` that a
    workflow task may, `stops_run` that the run may be stopped, with what is held back of it.
    `barriers` are those whose steps the decision needs with their tasks.
    """

    shard: int
    namespace: str | None = None
    workflow_key: tuple[str, str] | None = None
    wanted_run_id: str | None = None
    request_id: str | None = None
    run_key: str | None = None
    task_key: str | None = None
    activity_key: str | None = None
    timer_key: str | None = None
    child_key: str | None = None
    update_key: str | None = None
    closes_step: bool = False
    ends_task: bool = False
    stops_run: bool = False
    barriers: tuple[int, ...] = ()
    pending: Pending = field(default_factory=Pending)

    def needs(self, run: Run, moment: Moment) -> Needs:
        """What must be at hand beside the named rows."""
        return NOTHING_MORE

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """Decide; raises Refusal. None means that there is nothing to do."""
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class StartRun(Intent):
    """A client starts a workflow; `state` is that of the run that holds the workflow id."""

    wanted: starting.Start

    def __post_init__(self) -> None:
        self.workflow_key = (self.wanted.namespace, self.wanted.workflow_id)

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """Start a new run, or answer for the run that holds the id."""
        if state is None:
            return starting.start(self.wanted, moment)
        return starting.start_again(self.wanted, state, moment)


@dataclass(slots=True, kw_only=True)
class CompleteWorkflowTask(Intent):
    """A worker completes a workflow task with commands."""

    completion: Completion

    def __post_init__(self) -> None:
        self.task_key = self.completion.task_id
        self.ends_task = True
        self.barriers = members_given_up(self.completion)

    def needs(self, run: Run, moment: Moment) -> Needs:
        """A run that ends takes its open work with it; a child that fails may be tried again."""
        kinds = {kind for kind, _ in self.completion.commands}
        limit = moment.limits.history_events_max
        added = EVENTS_OF_COMMAND_MAX * (len(self.completion.commands) + 1) + run.open_signals
        full = 0 < limit < run.last_sequence + added + EVENTS_OF_BATCH_MAX
        ends = full or not kinds.isdisjoint(TERMINAL)
        fails = "fail_workflow" in kinds and run.parent is not None
        return Needs(
            open_work=ends and run.has_open_work,
            workflow=fails or "continue_as_new" in kinds,
            details=fails or not kinds.isdisjoint(OF_DETAILS),
        )

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `workflow_task.complete`."""
        return workflow_task.complete(state, moment, self.completion)


@dataclass(slots=True, kw_only=True)
class FailWorkflowTask(Intent):
    """A worker could not carry out a workflow task."""

    report: TaskFailure

    def __post_init__(self) -> None:
        self.task_key = self.report.task_id
        self.ends_task = True

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `workflow_task.fail`."""
        return workflow_task.fail(state, moment, self.report)


@dataclass(slots=True, kw_only=True)
class HeartbeatWorkflowTask(Intent):
    """A worker extends the lease of a workflow task."""

    task_id: str
    lease_owner: str
    attempt: int

    def __post_init__(self) -> None:
        self.task_key = self.task_id

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `workflow_task.heartbeat`."""
        return workflow_task.heartbeat(state, moment, self.task_id, self.lease_owner, self.attempt)


@dataclass(slots=True, kw_only=True)
class AcceptUpdate(Intent):
    """A client asks the current run of a workflow to carry an update out."""

    wanted: updating.Wanted

    def __post_init__(self) -> None:
        assert self.namespace is not None
        self.workflow_key = (self.namespace, self.wanted.request.workflow_id)
        self.request_id = self.wanted.request_id

    def needs(self, run: Run, moment: Moment) -> Needs:
        """A task that is ready may become that of the update."""
        return Needs(open_task=True)

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `update.accept`."""
        return updating.accept(state, moment, self.wanted)


@dataclass(slots=True, kw_only=True)
class JudgeUpdate(Intent):
    """A worker approves or refuses an update that is not accepted yet."""

    verdict: update_validation.Verdict

    def __post_init__(self) -> None:
        self.task_key = self.update_key = self.verdict.task_id

    def needs(self, run: Run, moment: Moment) -> Needs:
        """A task that is ready may become that of the update."""
        return Needs(open_task=True)

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `update_validation.judge`."""
        return update_validation.judge(state, moment, self.verdict)


@dataclass(slots=True, kw_only=True)
class WithdrawUpdate(Intent):
    """The client of an update that is not accepted yet waits no more."""

    update_id: str

    def __post_init__(self) -> None:
        self.task_key = self.update_key = self.update_id

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `update_validation.withdraw`."""
        return update_validation.withdraw(state, moment, self.update_id)


@dataclass(slots=True, kw_only=True)
class CompleteActivity(Intent):
    """A worker reports the result of an activity."""

    report: Report
    result: Payload

    def __post_init__(self) -> None:
        self.task_key = self.report.task_id
        self.activity_key = self.report.activity_execution_id
        self.closes_step = True

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `activity_report.complete`."""
        return activity_report.complete(state, moment, self.report, self.result)


@dataclass(slots=True, kw_only=True)
class FailActivity(Intent):
    """A worker reports that an attempt of an activity failed."""

    report: Report
    failure: dict[str, Any]

    def __post_init__(self) -> None:
        self.task_key = self.report.task_id
        self.activity_key = self.report.activity_execution_id
        self.closes_step = True

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `activity_report.fail`."""
        return activity_report.fail(state, moment, self.report, self.failure)


@dataclass(slots=True, kw_only=True)
class HeartbeatActivity(Intent):
    """A worker extends the lease of an activity and tells of its progress."""

    report: Report
    progress: dict[str, Any]

    def __post_init__(self) -> None:
        self.task_key = self.report.task_id
        self.activity_key = self.report.activity_execution_id

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `activity_report.heartbeat`."""
        return activity_report.heartbeat(state, moment, self.report, self.progress)


@dataclass(slots=True, kw_only=True)
class RenewActivityLease(Intent):
    """A worker extends the lease of an activity without telling of progress."""

    report: Report

    def __post_init__(self) -> None:
        self.task_key = self.report.task_id
        self.activity_key = self.report.activity_execution_id

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `activity_report.renew`."""
        return activity_report.renew(state, moment, self.report)


@dataclass(slots=True, kw_only=True)
class FireTimer(Intent):
    """A timer is due."""

    timer_run_id: str
    timer_id: str

    def __post_init__(self) -> None:
        self.run_key, self.timer_key = self.timer_run_id, self.timer_id
        self.closes_step = True

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `timer.fire`."""
        return None if state is None else timer.fire(state, moment, self.timer_id)


@dataclass(slots=True, kw_only=True)
class ExpireTaskLease(Intent):
    """The lease of a task has run out."""

    task_id: str

    def __post_init__(self) -> None:
        self.task_key = self.task_id
        self.ends_task = self.closes_step = True

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `timeouts.expire_lease`."""
        return None if state is None else timeouts.expire_lease(state, moment, self.task_id)


@dataclass(slots=True, kw_only=True)
class ReturnTask(Intent):
    """A lease is given up; with `attempt`, because the worker never received the task."""

    task_id: str
    lease_owner: str
    attempt: int | None = None

    def __post_init__(self) -> None:
        self.task_key = self.task_id
        self.ends_task = self.closes_step = True

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `timeouts.return_task`."""
        if state is None:
            return None
        return timeouts.return_task(state, moment, self.task_id, self.lease_owner, self.attempt)


@dataclass(slots=True, kw_only=True)
class EnforceActivityTimeout(Intent):
    """A deadline of an activity has passed."""

    activity_execution_id: str

    def __post_init__(self) -> None:
        self.activity_key = self.activity_execution_id
        self.closes_step = True

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `timeouts.time_out_activity`."""
        if state is None:
            return None
        return timeouts.time_out_activity(state, moment, self.activity_execution_id)


@dataclass(slots=True, kw_only=True)
class TimeOutRun(Intent):
    """The deadline of a run has passed."""

    timed_run_id: str

    def __post_init__(self) -> None:
        self.run_key = self.timed_run_id
        self.stops_run = True

    def needs(self, run: Run, moment: Moment) -> Needs:
        """Everything that is open is cancelled with an event each."""
        return Needs(True, run.parent is not None, run.parent is not None)

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `timeouts.time_out_run`."""
        return None if state is None else timeouts.time_out_run(state, moment)
