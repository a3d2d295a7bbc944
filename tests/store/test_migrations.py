"""Models and migrations describe the same schema."""

from durable_server.clock import ManualClock
from durable_server.store import migrate
from durable_server.store.database import open_store
from durable_server.store.models import MODELS


def schema_of(database):
    found = {}
    for table in sorted(database.get_tables()):
        columns = [
            (c.name, c.data_type.upper(), c.null, c.primary_key, c.default)
            for c in database.get_columns(table)
        ]
        indexes = sorted(
            (
                (
                    tuple(i.columns),
                    i.unique,
                    (i.sql or "").upper().partition(" WHERE ")[2].strip("()"),
                )
                for i in database.get_indexes(table)
            ),
            # An expression is a column without a name.
            key=repr,
        )
        found[table] = (sorted(columns), indexes)
    return found


def test_models_and_migrations_agree(database_url, tmp_path):
    store = open_store(database_url, clock=ManualClock(), database_clock=False)
    migrate.apply(store)
    database = store.new_database()
    migrated = schema_of(database)

    with database.bind_ctx(MODELS):
        database.drop_tables(MODELS)
        database.create_tables(MODELS, safe=False)
    modelled = schema_of(database)
    database.close()
    assert len(modelled) == len(MODELS)
    assert modelled == migrated
