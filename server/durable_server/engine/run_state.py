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
    created_at: int


@dataclass(slots=True)
class Run:
    """One execution of a workflow. Key: shard, run_id. Field order is the column order.

    `task_id` names the open workflow task, if any (at most one); `task_leased` whether a worker
    holds it. `barriers` maps a barrier to [members, members closed]; a barrier is the group of
    blocking steps of one completion, named by its first step. `ready_barriers` are those that
    completed while the workflow task was leased: their closing events wait for its end.
    `held_messages` counts the signals and updates that arrived meanwhile and wait likewise.
    `command_count` numbers the client's requests that changed the run. `parent`: JSON text, whose
    child the run is and how it is tried again, or which schedule started it. `waits`: the open
    condition and signal waits.
    `digests`: what the commands of a barrier said, to know them by when they are sent again.
    `selections` maps the first step of a select group that has open members to [whether it is
    decided, the barriers of these members].
    `streams` maps a message stream to [the last position given out, the last one read].
    `pruned_at`: when retention removed everything but this row. `trace`: see `trace_context`.
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
    command_count: int = 0
    open_children: int = 0
    open_signals: int = 0
    open_updates: int = 0
    held_messages: int = 0
    parent: str | None = None
    archived_at: int | None = None
    pruned_at: int | None = None
    trace: str | None = None
    barriers: dict[str, list[int]] = field(default_factory=dict)
    ready_barriers: list[int] = field(default_factory=list)
    version_markers: dict[str, int] = field(default_factory=dict)
    waits: list[dict[str, Any]] = field(default_factory=list)
    digests: dict[str, int] = field(default_factory=dict)
    selections: dict[str, list[int]] = field(default_factory=dict)
    streams: dict[str, list[int]] = field(default_factory=dict)

    def copied(self) -> "Run":
        """A run that can be changed without changing this one."""
        run = Run(*_run_fields(self))
        if run.barriers:
            run.barriers = {name: list(counts) for name, counts in run.barriers.items()}
        else:
            run.barriers = {}
        run.ready_barriers = list(run.ready_barriers)
        run.version_markers = dict(run.version_markers)
        run.waits = [dict(wait) for wait in run.waits] if run.waits else []
        run.digests = dict(run.digests)
        run.selections = {base: list(open_) for base, open_ in run.selections.items()}
        run.streams = {name: list(place) for name, place in run.streams.items()}
        return run

    @property
    def codec_name(self) -> str:
        """The codec told to clients; plain input is encoded once its first worker is known."""
        return "avro" if self.payload_codec == "plain" else self.payload_codec

    @property
    def closed(self) -> bool:
        """Whether the run has reached a final status."""
        return self.status not in OPEN_STATUSES

    @property
    def has_open_work(self) -> bool:
        """Whether anything but the workflow task would be left behind if the run closed now."""
        counts = (self.open_activities, self.open_timers, self.open_children)
        return any(counts) or bool(self.open_signals or self.open_updates or self.waits)


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

    `kind` is None for a timer that workflow code started; one that bounds a wait has its kind, and
    in `wait` (JSON text) the wait's identity. `closing` and `group` as in Activity.
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
    wait: str | None = None


class Child(NamedTuple):
    """A child workflow as its parent knows it. Key: shard (the parent's), child_call_id.

    status: started | completed | failed | cancelled | terminated. The call lives over all runs of
    the child (tried again, continued): `child_run_id` and `child_run_number` name the last one that
    the parent has heard of. `options`: JSON text of what the command asked for.
    `closing` and `group` as in Activity.
    """

    shard: int
    child_call_id: str
    run_id: str
    step: int
    barrier: int
    workflow_type: str
    task_queue: str
    status: str
    child_shard: int
    child_workflow_id: str
    child_run_id: str
    child_run_number: int
    parent_close_policy: str
    options: str | None
    group: str | None
    created_at: int
    closed_at: int | None
    closing: str | None


class Signal(NamedTuple):
    """A signal that a run has accepted. Key: shard, signal_id. status: received | applied.

    `recorded`: whether its event is in the history; one that came while the workflow task was
    leased waits for the end of that task. `arguments` is a blob, None when there are none.
    `wait_id`: the signal wait that consumes it. `command`: JSON text, who sent it and how.
    `trace`: see `trace_context`.
    """

    shard: int
    signal_id: str
    run_id: str
    namespace: str
    workflow_id: str
    command_id: str
    command_sequence: int
    name: str
    codec: str | None
    arguments: str | None
    request_id: str | None
    status: str
    recorded: bool
    wait_id: str | None
    step: int | None
    command: str | None
    received_at: int
    applied_at: int | None
    trace: str | None = None


class Update(NamedTuple):
    """An update that a run was asked for. Key: shard, update_id. status: accepted | completed |
    failed | rejected; before it is accepted validating, or unjudged when that came to nothing.

    `scope`: instance | run, what the client addressed. `failure`: JSON text. The rest as in Signal.
    """

    shard: int
    update_id: str
    run_id: str
    namespace: str
    workflow_id: str
    command_id: str
    command_sequence: int
    name: str
    codec: str | None
    arguments: str | None
    request_id: str | None
    scope: str
    status: str
    recorded: bool
    step: int | None
    result_codec: str | None
    result: str | None
    failure: str | None
    command: str | None
    accepted_at: int
    closed_at: int | None
    trace: str | None = None


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
    """A run and those of its rows that are at hand, as left by the decisions taken so far.

    `workflow` and `details` are None unless an intent needs them. `requests` are the signals and
    updates of the workflow that carry a request id which an intent repeats: by kind and id.
    """

    run: Run
    tasks: dict[str, Task] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    signals: dict[str, Signal] = field(default_factory=dict)
    updates: dict[str, Update] = field(default_factory=dict)
    workflow: Workflow | None = None
    details: RunDetails | None = None
    requests: dict[tuple[str, str], Signal | Update] = field(default_factory=dict)
