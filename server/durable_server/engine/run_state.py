"""What the engine knows of a run: rows of values, never live records.

A run's state is one `Run` (small, of bounded size), plus those tasks, activities and timers that
the intent at hand concerns. Nothing here grows with the length of the history.

Instants are microseconds since 1970 (`clock.Instant`). Payloads are (codec, blob) pairs.
"""

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, NamedTuple

OPEN_STATUSES = frozenset({"pending", "waiting"})


class Payload(NamedTuple):
    """User bytes with the name of their codec; the blob leaves as it arrived.

    Codec `plain` marks a JSON text that arrived without an envelope and has not been encoded yet.
    """

    codec: str
    blob: str


class Workflow(NamedTuple):
    """The holder of a workflow id. Key: shard, namespace, workflow_id."""

    shard: int
    namespace: str
    workflow_id: str
    workflow_type: str
    current_run_id: str
    run_count: int
    command_count: int
    created_at: int


@dataclass(slots=True)
class Run:
    """One execution of a workflow. Key: shard, run_id. Field order is the column order.

    `task_id` names the open workflow task, if any (at most one); `task_leased` whether a worker
    holds it. `barriers` maps a barrier to [members, members closed]; a barrier is the group of
    blocking steps of one completion, named by its first step. `ready_barriers` are those that
    completed while the workflow task was leased: their closing events wait for its end.
    """

    shard: int
    run_id: str
    namespace: str
    workflow_id: str
    run_number: int
    workflow_type: str
    task_queue: str
    build_id: str | None
    status: str
    closed_reason: str | None
    business_key: str | None
    payload_codec: str
    framing: str | None
    sdk_version: str | None
    execution_timeout_seconds: int | None
    run_timeout_seconds: int | None
    execution_deadline_at: int | None
    run_deadline_at: int | None
    deadline_at: int | None
    started_at: int
    closed_at: int | None
    last_progress_at: int
    last_sequence: int
    history_bytes: int
    next_step: int
    open_activities: int
    open_timers: int
    task_id: str | None
    task_leased: bool
    wake_requested: bool
    barriers: dict[str, list[int]] = field(default_factory=dict)
    ready_barriers: list[int] = field(default_factory=list)
    version_markers: dict[str, int] = field(default_factory=dict)

    def copied(self) -> "Run":
        """A run that can be changed without changing this one."""
        run = Run(*_run_fields(self))
        if run.barriers:
            run.barriers = {name: list(counts) for name, counts in run.barriers.items()}
        else:
            run.barriers = {}
        run.ready_barriers = list(run.ready_barriers)
        run.version_markers = dict(run.version_markers)
        return run

    @property
    def codec_name(self) -> str:
        """The codec told to clients; plain input is encoded once its first worker is known."""
        return "avro" if self.payload_codec == "plain" else self.payload_codec

    @property
    def closed(self) -> bool:
        """Whether the run has reached a final status."""
        return self.status not in OPEN_STATUSES


_run_fields = attrgetter(*(each.name for each in fields(Run)))


class RunDetails(NamedTuple):
    """What a run carries but no decision reads. Key: shard, run_id. memo, attributes: JSON text."""

    shard: int
    run_id: str
    input: Payload
    output: Payload | None
    memo: str | None
    search_attributes: str | None


class Task(NamedTuple):
    """A unit leased to a worker. Key: shard, task_id. Field order is the column order.

    kind: workflow | activity. status: ready | leased | completed | failed | cancelled.
    `type_name` is the workflow or activity type that a worker must support. `attempt` counts
    leases. `history_sequence` is the last event that the holder of a workflow task was given.
    `resume`: JSON text, why a workflow task exists. `digest` and `answer` (JSON text): the request
    that finished the task and what it was answered, so that a repeat gets the same.
    """

    shard: int
    task_id: str
    run_id: str
    namespace: str
    workflow_id: str
    task_queue: str
    kind: str
    status: str
    type_name: str
    build_id: str | None
    activity_execution_id: str | None
    available_at: int
    attempt: int
    leased_at: int | None
    lease_owner: str | None
    lease_expires_at: int | None
    poll_request_id: str | None
    history_sequence: int
    failure_count: int
    last_error: str | None
    resume: str | None
    digest: str | None
    answer: str | None
    created_at: int


class Activity(NamedTuple):
    """One activity of a run over all its attempts. Key: shard, activity_execution_id.

    status: pending | running | completed | failed | cancelled. An attempt's id is
    `<activity_execution_id>.<attempt>`. `options`: JSON text of the retry snapshot. `group`: JSON
    text of the parallel fields to echo. `due_at`: the earliest deadline now in force, or None.
    `closing`: JSON text [event type, payload] of a closed step whose event is not yet in history.
    `scheduled_sequence`: the ActivityScheduled event, which holds the arguments.
    """

    shard: int
    activity_execution_id: str
    run_id: str
    step: int
    barrier: int
    activity_type: str
    task_queue: str
    status: str
    attempt: int
    max_attempts: int | None
    task_id: str | None
    options: str | None
    group: str | None
    payload_codec: str
    scheduled_sequence: int
    schedule_to_start_at: int | None
    start_to_close_at: int | None
    schedule_to_close_at: int | None
    heartbeat_at: int | None
    due_at: int | None
    created_at: int
    started_at: int | None
    last_heartbeat_at: int | None
    closed_at: int | None
    lease_owner: str | None
    digest: str | None
    answer: str | None
    closing: str | None


class Timer(NamedTuple):
    """A durable timer. Key: shard, timer_id. status: pending | fired | cancelled.

    `kind` is None for a timer that workflow code started. `closing` and `group` as in Activity.
    """

    shard: int
    timer_id: str
    run_id: str
    step: int
    barrier: int
    kind: str | None
    delay_seconds: int
    fire_at: int
    status: str
    group: str | None
    closing: str | None


class Event(NamedTuple):
    """One fact of a history. Key: shard, run_id, sequence. payload: JSON text."""

    shard: int
    run_id: str
    sequence: int
    event_id: str
    event_type: str
    payload: str
    task_id: str | None
    command_id: str | None
    recorded_at: int


class Message(NamedTuple):
    """Something one run must tell another, in the sender's outbox until delivered.

    Key: shard, message_id (the sender's shard). body: JSON text.
    """

    shard: int
    message_id: str
    sender_run_id: str
    kind: str
    to_shard: int
    to_run_id: str
    body: str
    created_at: int
    due_at: int


@dataclass(slots=True)
class RunState:
    """A run and those of its rows that are at hand, as left by the decisions taken so far."""

    run: Run
    tasks: dict[str, Task] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)


JsonObject = dict[str, Any]
