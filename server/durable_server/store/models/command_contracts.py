"""What workflow types declare of their signals, queries and updates; belongs to no run."""

from peewee import BigIntegerField, CompositeKey, Model, TextField


class CommandContract(Model):
    """See the engine value or the query module of the same name."""

    namespace = TextField()
    workflow_type = TextField()
    contract = TextField()
    declared_at = BigIntegerField()

    class Meta:
        table_name = "command_contracts"
        primary_key = CompositeKey("namespace", "workflow_type")
