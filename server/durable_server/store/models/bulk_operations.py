"""What is done to many runs at once, and how far it has come."""

from peewee import SQL, BigIntegerField, BooleanField, CompositeKey, Model, TextField


class BulkOperation(Model):
    """See the engine value of the same name."""

    namespace = TextField()
    operation_id = TextField()
    kind = TextField()
    query = TextField()
    reason = TextField(null=True)
    signal_name = TextField(null=True)
    input = TextField(null=True)
    request_id = TextField(null=True)
    fingerprint = TextField()
    command = TextField()
    runs_max = BigIntegerField(null=True)
    rate = BigIntegerField()
    status = TextField()
    closed_reason = TextField(null=True)
    matched = BigIntegerField()
    matched_exact = BooleanField()
    done = BigIntegerField()
    skipped = BigIntegerField()
    failed = BigIntegerField()
    failures = TextField()
    cursor = TextField(null=True)
    batch = TextField(null=True)
    lease_owner = TextField(null=True)
    lease_expires_at = BigIntegerField(null=True)
    due_at = BigIntegerField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    closed_at = BigIntegerField(null=True)

    class Meta:
        table_name = "bulk_operations"
        primary_key = CompositeKey("namespace", "operation_id")


BulkOperation.add_index(
    BulkOperation.index(
        BulkOperation.namespace,
        BulkOperation.request_id,
        unique=True,
        name="bulk_operations_by_request",
    )
)
BulkOperation.add_index(
    BulkOperation.index(
        BulkOperation.due_at, name="bulk_operations_due", where=SQL("status = 'running'")
    )
)
BulkOperation.add_index(
    BulkOperation.index(
        BulkOperation.closed_at,
        name="bulk_operations_closed",
        where=SQL("closed_at IS NOT NULL"),
    )
)
