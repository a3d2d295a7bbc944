"""Namespaces on their way out."""

from peewee import BigIntegerField, Model, TextField


class NamespacePurge(Model):
    """How far the removal of a namespace has come. deleted: JSON text, rows by table."""

    namespace = TextField(primary_key=True)
    deleted = TextField()
    started_at = BigIntegerField()
    swept_at = BigIntegerField(null=True)

    class Meta:
        table_name = "namespace_purges"
