"""Workflows, their runs and histories."""

from peewee import SQL, BigIntegerField, BooleanField, CompositeKey, Model, TextField


class Workflow(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    namespace = TextField()
    workflow_id = TextField()
    workflow_type = TextField()
    current_run_id = TextField()
    run_count = BigIntegerField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "workflows"
        primary_key = CompositeKey("shard", "namespace", "workflow_id")


class Run(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    run_id = TextField()
    namespace = TextField()
    workflow_id = TextField()
    run_number = BigIntegerField()
    workflow_type = TextField()
    task_queue = TextField()
    build_id = TextField(null=True)
    status = TextField()
    closed_reason = TextField(null=True)
    business_key = TextField(null=True)
    payload_codec = TextField()
    framing = TextField(null=True)
    sdk_version = TextField(null=True)
    execution_timeout_seconds = BigIntegerField(null=True)
    run_timeout_seconds = BigIntegerField(null=True)
    execution_deadline_at = BigIntegerField(null=True)
    run_deadline_at = BigIntegerField(null=True)
    deadline_at = BigIntegerField(null=True)
    started_at = BigIntegerField()
    closed_at = BigIntegerField(null=True)
    last_progress_at = BigIntegerField()
    last_sequence = BigIntegerField()
    history_bytes = BigIntegerField()
    next_step = BigIntegerField()
    open_activities = BigIntegerField()
    open_timers = BigIntegerField()
    task_id = TextField(null=True)
    task_leased = BooleanField()
    wake_requested = BooleanField()
    command_count = BigIntegerField(constraints=[SQL("DEFAULT 0")])
    open_children = BigIntegerField(constraints=[SQL("DEFAULT 0")])
    open_signals = BigIntegerField(constraints=[SQL("DEFAULT 0")])
    open_updates = BigIntegerField(constraints=[SQL("DEFAULT 0")])
    held_messages = BigIntegerField(constraints=[SQL("DEFAULT 0")])
    parent = TextField(null=True)
    archived_at = BigIntegerField(null=True)
    pruned_at = BigIntegerField(null=True)
    trace = TextField(null=True)
    steps = TextField(null=True)

    class Meta:
        table_name = "runs"
        primary_key = CompositeKey("shard", "run_id")


class RunDetails(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    run_id = TextField()
    input_codec = TextField()
    input_blob = TextField()
    output_codec = TextField(null=True)
    output_blob = TextField(null=True)
    memo = TextField(null=True)
    search_attributes = TextField(null=True)

    class Meta:
        table_name = "run_details"
        primary_key = CompositeKey("shard", "run_id")


class Event(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    run_id = TextField()
    sequence = BigIntegerField()
    event_id = TextField()
    event_type = TextField()
    payload = TextField()
    task_id = TextField(null=True)
    command_id = TextField(null=True)
    recorded_at = BigIntegerField()

    class Meta:
        table_name = "events"
        primary_key = CompositeKey("shard", "run_id", "sequence")


Run.add_index(
    Run.index(
        Run.namespace, Run.workflow_id, Run.run_number, Run.shard, name="runs_numbered", unique=True
    )
)
Run.add_index(
    Run.index(Run.deadline_at, name="runs_deadline", where=SQL("deadline_at IS NOT NULL"))
)
Run.add_index(
    Run.index(
        Run.namespace, Run.started_at.desc(), Run.run_id.desc(), Run.shard, name="runs_listed"
    )
)
Run.add_index(
    Run.index(
        Run.namespace,
        Run.started_at,
        Run.run_id,
        Run.shard,
        name="runs_open",
        where=SQL("closed_at IS NULL"),
    )
)
Run.add_index(
    Run.index(
        Run.namespace,
        Run.closed_at,
        Run.status,
        name="runs_kept",
        where=SQL("closed_at IS NOT NULL AND archived_at IS NULL AND pruned_at IS NULL"),
    )
)
Run.add_index(
    Run.index(Run.namespace, Run.status, name="runs_archived", where=SQL("archived_at IS NOT NULL"))
)
