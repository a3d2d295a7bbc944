"""Bootstrap: the schema and the default namespace, once."""

from durable_server.clock import ManualClock
from durable_server.store import migrate, namespaces
from durable_server.store.database import open_store


def test_bootstrap_is_idempotent(database_url):
    store = open_store(database_url, clock=ManualClock(), database_clock=False)
    assert not store.migrated()

    assert migrate.bootstrap(store) == migrate.known()
    assert migrate.bootstrap(store) == []

    assert store.migrated()
    with store.connect().transaction(write=False) as tx:
        found = [each.name for each in namespaces.list_namespaces(tx)]
    assert found == ["default"]
