"""Payloads kept outside of the database: where, and which runs hold them."""

from peewee import BigIntegerField, CompositeKey, Model, TextField


class PayloadRoot(Model):
    """A place that payloads of a namespace are, or once were, kept at. policy: JSON text."""

    namespace = TextField()
    root = TextField()
    policy = TextField()
    known_at = BigIntegerField()

    class Meta:
        table_name = "payload_roots"
        primary_key = CompositeKey("namespace", "root")


class PayloadHolder(Model):
    """A run whose history or input names an object; as long as there is one, the object stays."""

    shard = BigIntegerField()
    run_id = TextField()
    uri = TextField()
    namespace = TextField()

    class Meta:
        table_name = "payload_holders"
        primary_key = CompositeKey("shard", "run_id", "uri")


class PayloadGarbage(Model):
    """An object to be looked at once it is due: it goes unless a run holds it."""

    namespace = TextField()
    uri = TextField()
    due_at = BigIntegerField()

    class Meta:
        table_name = "payload_garbage"
        primary_key = CompositeKey("namespace", "uri")


PayloadHolder.add_index(PayloadHolder.index(PayloadHolder.uri, name="payload_holders_by_uri"))
PayloadGarbage.add_index(PayloadGarbage.index(PayloadGarbage.due_at, name="payload_garbage_due"))
