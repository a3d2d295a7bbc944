"""Which rows belong to a run or to a namespace, told by the columns of their table.

A table belongs to runs when it has a shard and names the run; it belongs to namespaces when it
has a column of that name. Every table is one or the other, or is named in OF_NOBODY.
"""

from functools import reduce
from operator import or_
from typing import Any

from durable_server.store.models import MODELS, Message, Run, SchemaMigration

OF_NOBODY = (SchemaMigration,)
RUNS_AT_ONCE_MAX = 64


def run_column(model: Any) -> Any:
    """The column that names the run a row belongs to, or None."""
    if model is Message:
        return Message.sender_run_id
    fields = model._meta.fields
    return fields.get("run_id") if "shard" in fields else None


def namespace_column(model: Any) -> Any:
    """The column that names the namespace a row belongs to, or None."""
    return model._meta.fields.get("namespace")


def tables_of_runs() -> list[Any]:
    """The tables whose rows belong to a run, the runs themselves last."""
    found = [model for model in MODELS if run_column(model) is not None and model is not Run]
    return [*found, Run]


def of_runs(model: Any, keys: list[tuple[int, str]]) -> Any:
    """The condition that a row belongs to one of these runs, by (shard, run id)."""
    assert 0 < len(keys) <= RUNS_AT_ONCE_MAX
    column = run_column(model)
    return reduce(or_, [(model.shard == shard) & (column == run) for shard, run in keys])
