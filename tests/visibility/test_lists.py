"""Declaring attributes, asking for runs and counting them, over the whole edge."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.http.asking import CONTROL, Asker, asking

HEADERS = {CONTROL: "2"}
RUNS: list[tuple[str, str, dict[str, Any]]] = [
    ("v-1", "order", {"Customer": "ann", "Amount": 5, "Tags": ["a", "b"], "Due": "2026-01-02"}),
    ("v-2", "order", {"Customer": "bob", "Amount": 50.5, "Tags": ["b"], "Paid": True}),
    ("v-3", "invoice", {"Customer": "ann_b", "Amount": 7, "Paid": False}),
    ("v-4", "order", {}),
]
TYPES = {
    "Customer": "keyword",
    "Amount": "double",
    "Tags": "keyword_list",
    "Due": "datetime",
    "Paid": "bool",
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def asker(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Asker]:
    folder: Path = tmp_path_factory.mktemp("visibility")
    with asking(request.param, folder, auth_driver="none") as started:
        for name, kind in TYPES.items():
            body = {"name": name, "type": kind}
            assert started.ask("POST", "/api/search-attributes", body, HEADERS).status == 201
        for workflow_id, kind, attributes in RUNS:
            body = {"workflow_id": workflow_id, "workflow_type": kind}
            body["search_attributes"] = attributes
            assert started.ask("POST", "/api/workflows", body, HEADERS).status == 201
        started.ask("POST", "/api/workflows/v-2/terminate", {}, HEADERS)
        yield started


def ask(asker: Asker, path: str = "/api/workflows", **parameters: Any) -> Any:
    return asker.ask("GET", f"{path}?{urlencode(parameters)}", headers=HEADERS)


def found(asker: Asker, query: str) -> list[str]:
    answer = ask(asker, query=query)
    assert answer.status == 200, answer.body
    return [run["workflow_id"] for run in answer.body["workflows"]]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("Customer = 'ann' and Status = 'running'", ["v-1"]),
        ("Customer starts_with 'ann'", ["v-3", "v-1"]),
        ("Customer != 'ann'", ["v-3", "v-2"]),
        ("not Customer = 'ann'", ["v-4", "v-3", "v-2"]),
        ("Customer is null", ["v-4"]),
        ("Amount between 5 and 7 order by Amount", ["v-1", "v-3"]),
        ("Amount > 7 or Paid = false", ["v-3", "v-2"]),
        ("Tags = 'b' and WorkflowType = 'order'", ["v-2", "v-1"]),
        ("Tags not in ('a')", ["v-2"]),
        ("Due < '2026-01-03T00:00:00+01:00'", ["v-1"]),
        ("Status in ('terminated', 'completed')", ["v-2"]),
        ("CloseTime is not null and ExecutionDuration < '1h'", ["v-2"]),
        ("WorkflowId >= 'v-3' order by WorkflowId desc", ["v-4", "v-3"]),
        ("order by CloseTime desc, WorkflowId", ["v-2", "v-1", "v-3", "v-4"]),
        ("order by Amount desc", ["v-2", "v-3", "v-1", "v-4"]),
        ("Customer = '\\' or 1=1 --'", []),
        ("Customer = 'x%'", []),
        ("v-", ["v-4", "v-3", "v-2", "v-1"]),
        ("v_1", []),
    ],
)
def test_a_query_finds_what_it_says(asker: Asker, query: str, wanted: list[str]) -> None:
    assert found(asker, query) == wanted


@pytest.mark.parametrize("order", ["CloseTime desc", "Amount", "Customer desc", "StartTime"])
def test_pages_hold_every_run_once(asker: Asker, order: str) -> None:
    query, seen, token = f"WorkflowId starts_with 'v-' order by {order}", [], ""
    while token is not None:
        body = ask(asker, query=query, page_size=1, next_page_token=token).body
        seen += [run["workflow_id"] for run in body["workflows"]]
        token = body["next_page_token"]
    assert seen == found(asker, query)
    assert sorted(seen) == ["v-1", "v-2", "v-3", "v-4"]


@pytest.mark.parametrize(
    ("query", "reason", "position"),
    [
        ("Customer = ", "invalid_visibility_query", 11),
        ("Customer = 'x'; drop table runs", "invalid_visibility_query", 14),
        ("Nobody = 'x'", "unknown_search_attribute", 0),
        ("Status = 'running' and Amount = 'x'", "unsupported_visibility_predicate", 23),
        ("Paid > true", "unsupported_visibility_predicate", 0),
    ],
)
def test_a_query_that_is_none_is_refused_where_it_breaks(
    asker: Asker, query: str, reason: str, position: int
) -> None:
    for path in ("/api/workflows", "/api/workflow-counts"):
        answer = ask(asker, path, query=query)
        assert (answer.status, answer.body["reason"]) == (422, reason)
        assert answer.body["position"] == position
        assert answer.body["violations"][0]["pointer"] == "/query"


def test_runs_are_counted_by_values(asker: Asker) -> None:
    plain = ask(asker, "/api/workflow-counts", query="WorkflowType = 'order'").body
    by_type = ask(asker, "/api/workflow-counts", group_by="WorkflowType,Status").body
    by_tag = ask(asker, "/api/workflow-counts", group_by="Tags").body

    assert plain == {"count": 3, "groups": []}
    assert by_type["groups"][0] == {"values": ["order", "pending"], "count": 2}
    assert {(each["values"][0], each["count"]) for each in by_tag["groups"]} == {
        ("b", 2),
        ("a", 1),
        (None, 2),
    }


def test_a_run_that_changes_does_not_move_a_page(asker: Asker) -> None:
    first = ask(asker, page_size=2).body
    asker.ask("POST", "/api/workflows", {"workflow_type": "late"}, HEADERS)
    second = ask(asker, page_size=2, next_page_token=first["next_page_token"]).body

    assert [run["workflow_id"] for run in second["workflows"]] == ["v-2", "v-1"]
    assert ask(asker, page_size=2, next_page_token="nonsense").body["workflow_count"] == 2
