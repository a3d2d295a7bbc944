"""Tasks, activities and timers of runs."""

from peewee import SQL, BigIntegerField, CompositeKey, Model, TextField


class Task(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    task_id = TextField()
    run_id = TextField()
    namespace = TextField()
    workflow_id = TextField()
    task_queue = TextField()
    kind = TextField()
    status = TextField()
    type_name = TextField()
    build_id = TextField(null=True)
    activity_execution_id = TextField(null=True)
    available_at = BigIntegerField()
    attempt = BigIntegerField()
    leased_at = BigIntegerField(null=True)
    lease_owner = TextField(null=True)
    lease_expires_at = BigIntegerField(null=True)
    poll_request_id = TextField(null=True)
    history_sequence = BigIntegerField()
    failure_count = BigIntegerField()
    last_error = TextField(null=True)
    resume = TextField(null=True)
    digest = TextField(null=True)
    answer = TextField(null=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "tasks"
        primary_key = CompositeKey("shard", "task_id")


class Activity(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    activity_execution_id = TextField()
    run_id = TextField()
    step = BigIntegerField()
    barrier = BigIntegerField()
    activity_type = TextField()
    task_queue = TextField()
    status = TextField()
    attempt = BigIntegerField()
    max_attempts = BigIntegerField(null=True)
    task_id = TextField(null=True)
    options = TextField(null=True)
    group = TextField(null=True)
    payload_codec = TextField()
    scheduled_sequence = BigIntegerField()
    schedule_to_start_at = BigIntegerField(null=True)
    start_to_close_at = BigIntegerField(null=True)
    schedule_to_close_at = BigIntegerField(null=True)
    heartbeat_at = BigIntegerField(null=True)
    due_at = BigIntegerField(null=True)
    created_at = BigIntegerField()
    started_at = BigIntegerField(null=True)
    last_heartbeat_at = BigIntegerField(null=True)
    closed_at = BigIntegerField(null=True)
    lease_owner = TextField(null=True)
    digest = TextField(null=True)
    answer = TextField(null=True)
    closing = TextField(null=True)

    class Meta:
        table_name = "activities"
        primary_key = CompositeKey("shard", "activity_execution_id")


class Timer(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    timer_id = TextField()
    run_id = TextField()
    step = BigIntegerField()
    barrier = BigIntegerField()
    kind = TextField(null=True)
    delay_seconds = BigIntegerField()
    fire_at = BigIntegerField()
    status = TextField()
    group = TextField(null=True)
    closing = TextField(null=True)
    wait = TextField(null=True)

    class Meta:
        table_name = "timers"
        primary_key = CompositeKey("shard", "timer_id")


Task.add_index(
    Task.index(
        Task.namespace,
        Task.task_queue,
        Task.kind,
        Task.available_at,
        Task.task_id,
        name="tasks_ready",
        where=SQL("status = 'ready'"),
    )
)
Task.add_index(
    Task.index(Task.lease_expires_at, name="tasks_leased", where=SQL("status = 'leased'"))
)
Task.add_index(
    Task.index(
        Task.namespace,
        Task.lease_owner,
        Task.poll_request_id,
        name="tasks_by_poll",
        where=SQL("status = 'leased'"),
    )
)
Task.add_index(
    Task.index(
        Task.run_id, Task.shard, name="tasks_open", where=SQL("status IN ('ready', 'leased')")
    )
)
Task.add_index(
    Task.index(
        Task.run_id,
        Task.shard,
        name="tasks_ended",
        where=SQL("status IN ('completed', 'failed', 'cancelled')"),
    )
)
Task.add_index(
    Task.index(
        Task.namespace,
        Task.type_name,
        Task.failure_count,
        name="tasks_failing",
        where=SQL("failure_count > 0 AND status IN ('ready', 'leased')"),
    )
)
Activity.add_index(
    Activity.index(Activity.due_at, name="activities_due", where=SQL("due_at IS NOT NULL"))
)
Activity.add_index(
    Activity.index(Activity.run_id, Activity.barrier, Activity.shard, name="activities_by_barrier")
)
Timer.add_index(Timer.index(Timer.fire_at, name="timers_due", where=SQL("status = 'pending'")))
Timer.add_index(Timer.index(Timer.run_id, Timer.barrier, Timer.shard, name="timers_by_barrier"))
