"""Schedules, their histories, and the attributes that they are found by."""

from peewee import SQL, BigIntegerField, BooleanField, CompositeKey, Model, TextField


class Schedule(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    namespace = TextField()
    schedule_id = TextField()
    uid = TextField()
    status = TextField()
    workflow_type = TextField()
    task_queue = TextField(null=True)
    spec = TextField()
    action = TextField()
    overlap_policy = TextField()
    jitter_seconds = BigIntegerField()
    catch_up_window_seconds = BigIntegerField(null=True)
    max_runs = BigIntegerField(null=True)
    remaining_actions = BigIntegerField(null=True)
    memo = TextField(null=True)
    search_attributes = TextField(null=True)
    note = TextField(null=True)
    occurrence_at = BigIntegerField(null=True)
    due_at = BigIntegerField(null=True)
    last_fired_at = BigIntegerField(null=True)
    paused_at = BigIntegerField(null=True)
    deleted_at = BigIntegerField(null=True)
    last_skip_reason = TextField(null=True)
    last_skipped_at = BigIntegerField(null=True)
    fires_count = BigIntegerField()
    failures_count = BigIntegerField()
    skipped_count = BigIntegerField()
    latest_workflow_id = TextField(null=True)
    latest_open = BooleanField()
    recent = TextField()
    buffer = TextField()
    last_sequence = BigIntegerField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "schedules"
        primary_key = CompositeKey("shard", "namespace", "schedule_id")


class ScheduleEvent(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    namespace = TextField()
    schedule_id = TextField()
    sequence = BigIntegerField()
    event_id = TextField()
    event_type = TextField()
    payload = TextField()
    workflow_id = TextField(null=True)
    run_id = TextField(null=True)
    recorded_at = BigIntegerField()

    class Meta:
        table_name = "schedule_events"
        primary_key = CompositeKey("shard", "namespace", "schedule_id", "sequence")


class ScheduleAttribute(Model):
    """A value of a search attribute of a schedule that is not deleted, as JSON text."""

    shard = BigIntegerField()
    namespace = TextField()
    schedule_id = TextField()
    name = TextField()
    value = TextField()

    class Meta:
        table_name = "schedule_attributes"
        primary_key = CompositeKey("shard", "namespace", "schedule_id", "name", "value")


Schedule.add_index(
    Schedule.index(
        Schedule.due_at,
        name="schedules_due",
        where=SQL("due_at IS NOT NULL AND status <> 'paused'"),
    )
)
Schedule.add_index(
    Schedule.index(
        Schedule.namespace,
        Schedule.created_at.desc(),
        Schedule.schedule_id,
        name="schedules_listed",
        where=SQL("status <> 'deleted'"),
    )
)
