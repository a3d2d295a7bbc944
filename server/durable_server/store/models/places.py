"""Namespaces, workers and applied migrations: what belongs to no run."""

from peewee import BigIntegerField, CompositeKey, Model, TextField


class Namespace(Model):
    """See the engine value or the query module of the same name."""

    name = TextField(primary_key=True)
    description = TextField(null=True)
    retention_days = BigIntegerField()
    status = TextField()
    external_payload_storage = TextField(null=True)
    created_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "namespaces"


class Worker(Model):
    """See the engine value or the query module of the same name."""

    namespace = TextField()
    worker_id = TextField()
    task_queue = TextField()
    runtime = TextField()
    sdk_version = TextField(null=True)
    build_id = TextField(null=True)
    protocol_version = TextField(null=True)
    supported_workflow_types = TextField(null=True)
    supported_activity_types = TextField(null=True)
    workflow_definition_fingerprints = TextField()
    max_concurrent_workflow_tasks = BigIntegerField()
    max_concurrent_activity_tasks = BigIntegerField()
    capabilities = TextField()
    details = TextField()
    status = TextField()
    registered_at = BigIntegerField()
    updated_at = BigIntegerField()
    last_heartbeat_at = BigIntegerField()

    class Meta:
        table_name = "workers"
        primary_key = CompositeKey("namespace", "worker_id")


class SchemaMigration(Model):
    """See the engine value or the query module of the same name."""

    name = TextField(primary_key=True)
    applied_at = BigIntegerField()

    class Meta:
        table_name = "schema_migrations"


Worker.add_index(Worker.index(Worker.last_heartbeat_at, name="workers_heard"))
Worker.add_index(Worker.index(Worker.namespace, Worker.task_queue, name="workers_by_queue"))
