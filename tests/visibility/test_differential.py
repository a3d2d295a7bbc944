"""Generated queries find the same runs in the same order as a naive search through all of them."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.asking import CONTROL, Asker, asking
from tests.visibility.bounds import BOUNDS, set_bounds
from tests.visibility.naive import Asked, Joined, Says, Seen, counted, found, text_of

HEADERS = {CONTROL: "2"}
RUNS = 60
TEXTS = ["", "a", "ab", "b", "ä", "A", "a%", "a_b", "'\\", "z\U0001f600", "true"]
INSTANTS = [
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+02:00",
    "2026-03-04",
    "2026-01-02T00:00:00.5Z",
]
NUMBERS = [-1, 0, 1, 2, 2.5, 7, 1e3]
CUSTOM = {
    "Kind": "keyword",
    "Words": "text",
    "Whole": "int",
    "Real": "double",
    "Flag": "bool",
    "Due": "datetime",
    "Tags": "keyword_list",
}
KINDS = {
    **CUSTOM,
    **dict.fromkeys(("WorkflowType", "WorkflowId", "TaskQueue", "BusinessKey"), "system keyword"),
    **dict.fromkeys(("StartTime", "CloseTime"), "system datetime"),
    **dict.fromkeys(("Status", "StatusBucket"), "system status"),
    "RunId": "system keyword",
    "RunNumber": "system int",
    "ExecutionDuration": "system duration",
}
GROUPS = ["Kind", "Whole", "Flag", "Tags", "WorkflowType", "Status", "TaskQueue", "BusinessKey"]
_COMPARE = ["=", "!=", "<", "<=", ">", ">=", "BETWEEN", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]
_SAME = ["=", "!=", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]


class Place(NamedTuple):
    """A server with runs, and the runs as the naive search has them."""

    asker: Asker
    runs: list[Seen]


def _attributes(draw: random.Random) -> dict[str, Any]:
    """Values that fit, and some that do not."""
    given: dict[str, Any] = {
        "Kind": draw.choice([*TEXTS[1:], ["a", "b"], True, 5]),
        "Words": draw.choice(TEXTS[1:]),
        "Whole": draw.choice([*NUMBERS, "a", 2**60]),
        "Real": draw.choice([*NUMBERS, True]),
        "Flag": draw.choice([True, False, "true", "maybe", ["false", "x"]]),
        "Due": draw.choice([*INSTANTS, "soon", [INSTANTS[1], INSTANTS[0]]]),
        "Tags": [draw.choice(TEXTS[1:]) for _ in range(draw.randrange(4))],
    }
    return {name: value for name, value in given.items() if draw.random() < 0.7}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("differential")
    with asking(request.param, folder, auth_driver="none") as asker:
        yield Place(asker, _fill(asker, random.Random(7)))


def _fill(asker: Asker, draw: random.Random) -> list[Seen]:
    for name, kind in CUSTOM.items():
        body = {"name": name, "type": kind}
        assert asker.ask("POST", "/api/search-attributes", body, HEADERS).status == 201
    given = {}
    for number in range(RUNS):
        workflow_id = f"{draw.choice('aAb_')}-{number:02}"
        given[workflow_id] = _attributes(draw)
        body = {"workflow_id": workflow_id, "workflow_type": draw.choice(["a", "b", "B"])}
        body |= {"task_queue": draw.choice(["q", "r"]), "search_attributes": given[workflow_id]}
        if draw.random() < 0.5:
            body["business_key"] = draw.choice(TEXTS[1:])
        assert asker.ask("POST", "/api/workflows", body, HEADERS).status == 201
        if draw.random() < 0.5:
            how = draw.choice(["terminate", "cancel"])
            asker.ask("POST", f"/api/workflows/{workflow_id}/{how}", {}, HEADERS)
    shown = asker.ask("GET", "/api/workflows?page_size=200", headers=HEADERS).body["workflows"]
    return [Seen(each, given[each["workflow_id"]]) for each in shown]


def _values(name: str) -> st.SearchStrategy[Any]:
    kind = KINDS[name]
    if kind == "system status":
        buckets = ["running", "completed", "failed"]
        exact = ["pending", "waiting", "cancelled", "terminated"]
        return st.sampled_from(buckets if name == "StatusBucket" else [*buckets, *exact])
    if kind in ("datetime", "system datetime"):
        return st.sampled_from([*INSTANTS, "2027-01-01T00:00:00Z"])
    if kind in ("int", "system int"):
        return st.sampled_from([-1, 0, 1, 2, 7, 1000, 2**60])
    if kind in ("double", "system duration"):
        return st.sampled_from([-1, 0, 1, 2.5, 1e3])
    if kind == "bool":
        return st.booleans()
    return st.sampled_from([*TEXTS, "b-", "A-0", "a-1", "_", "q"])


@st.composite
def _predicates(draw: st.DrawFn) -> Says:
    name = draw(st.sampled_from(list(KINDS)))
    kind, values = KINDS[name], _values(name)
    operators = _SAME if kind in ("bool", "system status") else _COMPARE
    if kind in ("keyword", "text", "keyword_list", "system keyword"):
        operators = [*operators, "STARTS_WITH"]
    operator = draw(st.sampled_from(operators))
    count = {"BETWEEN": 2, "IS NULL": 0, "IS NOT NULL": 0}.get(operator, 1)
    count = draw(st.integers(1, 3)) if operator in ("IN", "NOT IN") else count
    return Says(name, operator, tuple(draw(values) for _ in range(count)))


def _join(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    joined = st.builds(Joined, st.sampled_from(["AND", "AND", "OR"]), several)
    return joined | st.builds(Joined, st.just("NOT"), st.tuples(parts))


_SORTED = [name for name in KINDS if name not in ("Tags", "StatusBucket")]
_ORDERS = st.lists(
    st.tuples(st.sampled_from(_SORTED), st.booleans()), max_size=3, unique_by=lambda key: key[0]
).map(tuple)
_CONDITIONS = st.none() | st.recursive(_predicates(), _join, max_leaves=5)
ASKED = st.builds(Asked, _CONDITIONS, _ORDERS)
PAGES = st.sampled_from([1, 7, 200])


def _pages(place: Place, text: str, size: int) -> list[str]:
    seen, token = [], ""
    while token is not None:
        asked = {"query": text, "page_size": size, "next_page_token": token}
        answer = place.asker.ask("GET", f"/api/workflows?{urlencode(asked)}", headers=HEADERS)
        assert answer.status == 200, (text, answer.body)
        seen += [run["workflow_id"] for run in answer.body["workflows"]]
        token = answer.body["next_page_token"]
        assert len(seen) <= RUNS, text
    return seen


def _differ(place: Place, asked: Asked, size: int, names: list[str], bound: str) -> None:
    text = text_of(asked)
    wanted = found(asked, place.runs, KINDS)
    with pytest.MonkeyPatch.context() as patch:
        set_bounds(patch, bound)
        seen = _pages(place, text, size) if len(wanted) < 4 or size > 1 else None
        told = {"query": text, "group_by": ",".join(names)}
        path = f"/api/workflow-counts?{urlencode(told)}"
        body = place.asker.ask("GET", path, headers=HEADERS).body
    if seen is not None:
        assert seen == [run.shown["workflow_id"] for run in wanted], text
    assert body["count"] == len(wanted), text
    groups = counted(wanted, names, KINDS) if names else {}
    assert {tuple(each["values"]): each["count"] for each in body["groups"]} == groups, text
    counts = [each["count"] for each in body["groups"]]
    assert counts == sorted(counts, reverse=True), text


_NAMES = st.lists(st.sampled_from(GROUPS), max_size=2, unique=True)
_CHECKS = list(HealthCheck)


@settings(max_examples=75, deadline=None, suppress_health_check=_CHECKS, derandomize=True)
@given(asked=ASKED, size=PAGES, names=_NAMES, bound=st.sampled_from(BOUNDS))
def test_a_query_finds_what_a_naive_search_finds(
    place: Place, asked: Asked, size: int, names: list[str], bound: str
) -> None:
    _differ(place, asked, size, names, bound)


@pytest.mark.long
@settings(max_examples=2_000, deadline=None, suppress_health_check=_CHECKS)
@given(asked=ASKED, size=PAGES, names=_NAMES, bound=st.sampled_from(BOUNDS))
def test_many_queries_find_what_a_naive_search_finds(
    place: Place, asked: Asked, size: int, names: list[str], bound: str
) -> None:
    _differ(place, asked, size, names, bound)
