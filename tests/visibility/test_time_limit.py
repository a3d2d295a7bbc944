"""A list that takes too long is ended and refused; whoever asks next is served."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from durable_server.pending import Pending
from durable_server.readers import Readers
from durable_server.refusal import Refusal
from durable_server.store.errors import StoreSlow

from bench.visibility_data import ATTRIBUTES, load
from tests.http.asking import CONTROL, Asker, asking

HEADERS = {CONTROL: "2"}
RUNS = 3_000
# Looks for three attributes of each run, and has no index to begin with.
SLOW = " AND ".join(f"NOT {name} STARTS_WITH 'x'" for name in ("Customer", "Region", "Ref"))
# Counts far more rows than any machine does in the time that is given.
COUNTING = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)"
    " SELECT count(*) FROM n"
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def asker(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Asker]:
    folder: Path = tmp_path_factory.mktemp("slow")
    given = {"auth_driver": "none", "visibility_query_timeout_milliseconds": 1}
    with asking(request.param, folder, **given) as started:
        for name, kind in ATTRIBUTES.items():
            body = {"name": name, "type": kind}
            assert started.ask("POST", "/api/search-attributes", body, HEADERS).status == 201
        load(started.server.settings.database_url, RUNS)
        yield started


def count(tx: Any) -> Any:
    return tx.database.execute_sql(COUNTING).fetchone()


def answer_of(asker: Asker, pending: Pending) -> Any:
    async def awaited() -> Any:
        return await pending

    return asker.runner.run(awaited())


def one(tx: Any) -> Any:
    return tx.database.execute_sql("SELECT 1").fetchone()[0]


@pytest.mark.parametrize("path", ["/api/workflows", "/api/workflow-counts"])
def test_a_query_that_takes_too_long_is_refused_by_name(asker: Asker, path: str) -> None:
    answer = asker.ask("GET", f"{path}?{urlencode({'query': SLOW})}", headers=HEADERS)

    assert (answer.status, answer.body["reason"]) == (422, "visibility_query_timeout")
    assert answer.body["timeout_milliseconds"] == 1


def test_a_dry_run_that_takes_too_long_is_refused_and_the_operation_is_not(asker: Asker) -> None:
    wish = {"operation": "cancel", "query": SLOW, "limit": 1}

    dry = asker.ask("POST", "/api/bulk-operations", {**wish, "dry_run": True}, HEADERS)
    begun = asker.ask("POST", "/api/bulk-operations", wish, HEADERS)

    assert (dry.status, dry.body["reason"]) == (422, "visibility_query_timeout")
    assert (begun.status, begun.body["status"]) == (202, "running")
    assert begun.body["progress"]["matched_exact"] is False


def test_the_connection_serves_the_next_reader_without_a_limit(asker: Asker) -> None:
    readers = Readers(asker.server.store, count=1)
    readers.start()
    try:
        with pytest.raises(StoreSlow):
            answer_of(asker, readers.run(count, milliseconds_max=20, snapshot=True))
        assert answer_of(asker, readers.run(one)) == 1
        assert answer_of(asker, readers.run(one, milliseconds_max=60_000)) == 1
    finally:
        readers.stop()


def test_what_no_query_asked_to_end_is_busy(asker: Asker) -> None:
    def ended(tx: Any) -> None:
        raise StoreSlow("by an administrator")

    readers = Readers(asker.server.store, count=1)
    readers.start()
    try:
        with pytest.raises(Refusal) as refused:
            answer_of(asker, readers.run(ended))
    finally:
        readers.stop()
    assert refused.value.reason == "store_busy"
