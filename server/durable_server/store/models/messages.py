"""Messages between runs: the outbox, and what has been received."""

from peewee import BigIntegerField, CompositeKey, Model, TextField


class Message(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    message_id = TextField()
    sender_run_id = TextField()
    kind = TextField()
    to_shard = BigIntegerField()
    to_run_id = TextField()
    body = TextField()
    created_at = BigIntegerField()
    due_at = BigIntegerField()

    class Meta:
        table_name = "messages"
        primary_key = CompositeKey("shard", "message_id")


class ReceivedMessage(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    message_id = TextField()
    received_at = BigIntegerField()

    class Meta:
        table_name = "received_messages"
        primary_key = CompositeKey("shard", "message_id")


Message.add_index(Message.index(Message.due_at, name="messages_due"))
