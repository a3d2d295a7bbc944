"""Children as their parents know them."""

from peewee import SQL, BigIntegerField, CompositeKey, Model, TextField


class Child(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    child_call_id = TextField()
    run_id = TextField()
    step = BigIntegerField()
    barrier = BigIntegerField()
    workflow_type = TextField()
    task_queue = TextField()
    status = TextField()
    child_shard = BigIntegerField()
    child_workflow_id = TextField()
    child_run_id = TextField()
    child_run_number = BigIntegerField()
    parent_close_policy = TextField()
    options = TextField(null=True)
    group = TextField(null=True)
    created_at = BigIntegerField()
    closed_at = BigIntegerField(null=True)
    closing = TextField(null=True)

    class Meta:
        table_name = "children"
        primary_key = CompositeKey("shard", "child_call_id")


Child.add_index(
    Child.index(Child.run_id, Child.shard, name="children_open", where=SQL("status = 'started'"))
)
Child.add_index(Child.index(Child.run_id, Child.barrier, Child.shard, name="children_by_barrier"))
