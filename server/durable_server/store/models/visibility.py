"""By what runs are found: the attributes a namespace declares, and the values that runs have."""

from peewee import SQL, BigIntegerField, CompositeKey, DoubleField, Model, TextField

from durable_server.store.models.runs import Run

FAILED = "IN ('failed', 'cancelled', 'terminated')"


class SearchAttribute(Model):
    """See the engine value or the query module of the same name."""

    namespace = TextField()
    name = TextField()
    type = TextField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "search_attributes"
        primary_key = CompositeKey("namespace", "name")


class RunAttribute(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    run_id = TextField()
    name = TextField()
    position = BigIntegerField()
    namespace = TextField()
    text = TextField(null=True)
    whole = BigIntegerField(null=True)
    number = DoubleField(null=True)
    instant = BigIntegerField(null=True)
    started_at = BigIntegerField()

    class Meta:
        table_name = "run_attributes"
        primary_key = CompositeKey("shard", "run_id", "name", "position")


for _name in ("text", "whole", "number", "instant"):
    _value = getattr(RunAttribute, _name)
    RunAttribute.add_index(
        RunAttribute.index(
            RunAttribute.namespace,
            RunAttribute.name,
            _value,
            RunAttribute.started_at,
            RunAttribute.run_id,
            RunAttribute.shard,
            name=f"run_attributes_by_{_name}",
            where=SQL(f"{_name} IS NOT NULL"),
        )
    )
Run.add_index(
    Run.index(
        Run.namespace,
        Run.workflow_type,
        Run.started_at.desc(),
        Run.run_id.desc(),
        Run.shard,
        name="runs_by_type",
    )
)
Run.add_index(
    Run.index(
        Run.namespace,
        Run.closed_at,
        Run.started_at,
        Run.run_id,
        name="runs_closed",
        where=SQL("closed_at IS NOT NULL"),
    )
)
Run.add_index(
    Run.index(
        Run.namespace,
        Run.status,
        Run.started_at.desc(),
        Run.run_id.desc(),
        Run.shard,
        name="runs_failed",
        where=SQL(f"status {FAILED}"),
    )
)
