"""Queries on their way to a worker and back; rows live for seconds and belong to no run."""

from peewee import SQL, BigIntegerField, CompositeKey, Model, TextField


class QueryTask(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    query_task_id = TextField()
    namespace = TextField()
    task_queue = TextField()
    workflow_id = TextField()
    run_id = TextField()
    type_name = TextField()
    build_id = TextField(null=True)
    query_name = TextField()
    codec = TextField()
    arguments = TextField()
    status = TextField()
    attempt = BigIntegerField()
    lease_owner = TextField(null=True)
    lease_expires_at = BigIntegerField(null=True)
    poll_request_id = TextField(null=True)
    created_at = BigIntegerField()
    deadline_at = BigIntegerField()
    expires_at = BigIntegerField()
    result = TextField(null=True)
    result_codec = TextField(null=True)
    result_blob = TextField(null=True)
    failure = TextField(null=True)
    trace = TextField(null=True)

    class Meta:
        table_name = "query_tasks"
        primary_key = CompositeKey("shard", "query_task_id")


QueryTask.add_index(
    QueryTask.index(
        QueryTask.namespace,
        QueryTask.task_queue,
        QueryTask.created_at,
        QueryTask.query_task_id,
        name="query_tasks_open",
        where=SQL("status IN ('ready', 'leased')"),
    )
)
QueryTask.add_index(QueryTask.index(QueryTask.expires_at, name="query_tasks_expiring"))
