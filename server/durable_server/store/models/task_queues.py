"""What is kept of task queues themselves; belongs to no run."""

from peewee import BigIntegerField, CompositeKey, Model, TextField


class BuildRollout(Model):
    """See the query module `rollouts`; the build id of workers without one is an empty text."""

    namespace = TextField()
    task_queue = TextField()
    build_id = TextField()
    drained_at = BigIntegerField(null=True)
    promoted_at = BigIntegerField(null=True)

    class Meta:
        table_name = "build_rollouts"
        primary_key = CompositeKey("namespace", "task_queue", "build_id")


class DispatchCounter(Model):
    """See the query module `admission`."""

    namespace = TextField()
    kind = TextField()
    scope = TextField()
    name = TextField()
    minute = BigIntegerField()
    dispatches = BigIntegerField()

    class Meta:
        table_name = "dispatch_counters"
        primary_key = CompositeKey("namespace", "kind", "scope", "name")
