"""What runs are told: by each other through the outbox, by clients as signals and updates."""

from peewee import SQL, BigIntegerField, BooleanField, CompositeKey, Model, TextField


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


class Signal(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    signal_id = TextField()
    run_id = TextField()
    namespace = TextField()
    workflow_id = TextField()
    command_id = TextField()
    command_sequence = BigIntegerField()
    name = TextField()
    codec = TextField(null=True)
    arguments = TextField(null=True)
    request_id = TextField(null=True)
    status = TextField()
    recorded = BooleanField()
    wait_id = TextField(null=True)
    step = BigIntegerField(null=True)
    command = TextField(null=True)
    received_at = BigIntegerField()
    applied_at = BigIntegerField(null=True)
    trace = TextField(null=True)

    class Meta:
        table_name = "signals"
        primary_key = CompositeKey("shard", "signal_id")


class Update(Model):
    """See the engine value or the query module of the same name."""

    shard = BigIntegerField()
    update_id = TextField()
    run_id = TextField()
    namespace = TextField()
    workflow_id = TextField()
    command_id = TextField()
    command_sequence = BigIntegerField()
    name = TextField()
    codec = TextField(null=True)
    arguments = TextField(null=True)
    request_id = TextField(null=True)
    scope = TextField()
    status = TextField()
    recorded = BooleanField()
    step = BigIntegerField(null=True)
    result_codec = TextField(null=True)
    result = TextField(null=True)
    failure = TextField(null=True)
    command = TextField(null=True)
    accepted_at = BigIntegerField()
    closed_at = BigIntegerField(null=True)
    trace = TextField(null=True)

    class Meta:
        table_name = "updates"
        primary_key = CompositeKey("shard", "update_id")


Message.add_index(Message.index(Message.due_at, name="messages_due"))
Signal.add_index(
    Signal.index(Signal.run_id, Signal.shard, name="signals_open", where=SQL("status = 'received'"))
)
Update.add_index(
    Update.index(
        Update.run_id,
        Update.shard,
        name="updates_open",
        where=SQL("status IN ('accepted', 'validating')"),
    )
)
for _table, _name in ((Signal, "signals_requested"), (Update, "updates_requested")):
    _table.add_index(
        _table.index(
            _table.workflow_id,
            _table.request_id,
            _table.namespace,
            _table.shard,
            name=_name,
            unique=True,
            where=SQL("request_id IS NOT NULL"),
        )
    )
Signal.add_index(Signal.index(Signal.run_id, Signal.shard, name="signals_by_run"))
Update.add_index(Update.index(Update.run_id, Update.shard, name="updates_by_run"))
