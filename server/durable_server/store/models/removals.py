"""Namespaces on their way out, and runs that came in for reading only."""

from peewee import BigIntegerField, CompositeKey, Model, TextField


class NamespacePurge(Model):
    """How far the removal of a namespace has come. deleted: JSON text, rows by table."""

    namespace = TextField(primary_key=True)
    deleted = TextField()
    started_at = BigIntegerField()
    swept_at = BigIntegerField(null=True)

    class Meta:
        table_name = "namespace_purges"


class ImportedRun(Model):
    """A run that was imported, with the document that it came in."""

    shard = BigIntegerField()
    run_id = TextField()
    namespace = TextField()
    workflow_id = TextField()
    checksum = TextField()
    document = TextField()
    imported_at = BigIntegerField()

    class Meta:
        table_name = "imported_runs"
        primary_key = CompositeKey("shard", "run_id")


ImportedRun.add_index(ImportedRun.index(ImportedRun.namespace, name="imported_runs_by_namespace"))
