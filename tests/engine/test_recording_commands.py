"""Commands that only record: version markers, upserts, local activities, failures of a run."""

from typing import Any

import orjson
import pytest
from durable_server import payloads
from durable_server.engine.commands import parse
from durable_server.engine.run_state import RunDetails
from durable_server.engine.tasks import Holder
from durable_server.refusal import Refusal

from tests.engine.builders import Story

ENTRIES = {"rush": True, "note": {"deep": [1, 2.5, None]}}
MARKER = {"type": "record_version_marker", "change_id": "c", "min_supported": 1, "max_supported": 3}
LOCAL = {"type": "record_local_activity", "activity_type": "price", "outcome": "completed"}


def leased(memo: str | None = None, sdk_version: str | None = None, **limits: int) -> Story:
    """A run whose first task is leased, with what it carries at hand."""
    story = Story(**limits)
    details = story.state.details
    assert isinstance(details, RunDetails)
    story.state.details = details._replace(memo=memo)
    story.lease(Holder("worker-1", sdk_version, "avro", None))
    return story


def last(story: Story) -> tuple[str, dict[str, Any]]:
    kind, payload = story.events[-1]
    return kind, orjson.loads(payload)


def attributes(**values: Any) -> dict[str, Any]:
    return {"type": "upsert_search_attributes", "attributes": values}


def memo(**values: Any) -> dict[str, Any]:
    envelope = {"codec": "avro", "blob": payloads.encode_avro(values)}
    return {"type": "upsert_memo", "entries": envelope}


def refused(story: Story, *raw: dict[str, Any]) -> Refusal:
    count = len(story.events)
    with pytest.raises(Refusal) as caught:
        story.complete(*raw)
    assert len(story.events) == count
    return caught.value


def test_attributes_are_merged_sorted_and_a_null_takes_a_name_away() -> None:
    story = leased()
    story.complete(attributes(b=" two ", a=1), attributes(b=None, c=["x", "y"], a=2.5))
    kind, payload = last(story)
    details = story.state.details

    assert kind == "SearchAttributesUpserted"
    assert payload["attributes"] == {"a": 2.5, "b": None, "c": ["x", "y"]}
    assert payload["merged"] == {"a": 2.5, "c": ["x", "y"]}
    assert payload["sequence"] == 2
    assert details is not None
    assert orjson.loads(details.search_attributes or "") == {"a": 2.5, "c": ["x", "y"]}


@pytest.mark.parametrize(
    "wrong", [{"a b": 1}, {"": 1}, {"a": {}}, {"a": [1]}, {"a": "x" * 256}, {"k" * 65: 1}]
)
def test_attributes_that_cannot_be_kept_refuse_the_batch(wrong: dict[str, Any]) -> None:
    refusal = refused(leased(), attributes(fine=1), {**attributes(), "attributes": wrong})

    assert refusal.reason == "invalid_commands"
    assert list(refusal.facts["errors"]) == ["commands.1"]


@pytest.mark.parametrize(
    ("declared", "value"),
    [("int", 1.5), ("int", "1"), ("bool", 1), ("datetime", "soon"), ("keyword_list", "x")],
)
def test_a_value_that_its_type_cannot_hold_is_a_problem_of_its_field(
    declared: str, value: Any
) -> None:
    with pytest.raises(Refusal) as caught:
        parse([{**attributes(a=value), "attribute_types": {"a": declared}}])

    assert list(caught.value.facts["errors"]) == ["commands.0.attributes.a"]


def test_attributes_have_a_size_and_a_number_that_they_keep() -> None:
    size = refused(leased(search_attribute_bytes_max=20), attributes(name="x" * 20))
    number = refused(leased(search_attributes_max=1), attributes(a=1, b=2))

    assert (size.facts["limit_kind"], size.facts["configured_limit"]) == (
        "search_attribute_size",
        20,
    )
    assert number.reason == "invalid_commands"


def test_a_memo_is_merged_and_recorded_as_envelopes_of_maps() -> None:
    story = leased(memo='{"note":"old","kept":1}')
    sent = memo(**ENTRIES, gone=None)
    story.complete(sent)
    kind, payload = last(story)
    merged = payloads.decode(payloads.from_envelope(payload["merged"]))
    details = story.state.details

    assert kind == "MemoUpserted"
    assert payload["entries"] == sent["entries"]
    assert merged == {"kept": 1, **ENTRIES}
    assert list(merged) == sorted(merged)
    assert details is not None
    assert orjson.loads(details.memo or "") == merged


def test_a_plain_map_stands_for_its_envelope() -> None:
    story = leased()
    story.complete({"type": "upsert_memo", "entries": ENTRIES})

    assert last(story)[1]["entries"] == memo(**ENTRIES)["entries"]


def test_what_only_a_start_could_set_stays_in_the_memo_but_not_in_what_workers_check() -> None:
    story = leased(memo='{"two words":1}')
    story.complete(memo(a=1))
    details = story.state.details

    assert payloads.decode(payloads.from_envelope(last(story)[1]["merged"])) == {"a": 1}
    assert details is not None
    assert orjson.loads(details.memo or "") == {"two words": 1, "a": 1}


@pytest.mark.parametrize(
    "entries",
    [
        None,
        {},
        [],
        "AA==",
        {"codec": "avro", "blob": "AA=="},
        {"codec": "avro", "blob": payloads.encode_avro(["a"])},
        {"42": 1},
        {"a b": 1},
        {"a": "x" * 10_240},
        {f"k{number}": 1 for number in range(101)},
        {f"k{number}": "x" * 9_000 for number in range(8)},
    ],
)
def test_entries_that_are_no_fit_map_are_a_problem_of_the_field(entries: Any) -> None:
    with pytest.raises(Refusal) as caught:
        parse([{"type": "upsert_memo", "entries": entries}])

    assert list(caught.value.facts["errors"]) == ["commands.0.entries"]


def test_a_memo_keeps_its_size_and_its_number_of_entries() -> None:
    size = refused(leased(memo_bytes_max=20), memo(a="x" * 20))
    full = orjson.dumps({f"k{number}": 1 for number in range(100)}).decode()
    number = refused(leased(memo=full), memo(one_more=1))

    assert size.facts["limit_kind"] == "memo_size"
    assert number.reason == "invalid_commands"


def test_the_same_version_again_records_nothing_and_another_one_is_refused() -> None:
    story = leased()
    story.complete({**MARKER, "version": 2}, {**MARKER, "version": 2})
    again = leased()
    refusal = refused(again, {**MARKER, "version": 2}, {**MARKER, "version": 3})

    assert story.types.count("VersionMarkerRecorded") == 1
    assert refusal.reason == "invalid_commands"


@pytest.mark.parametrize(
    ("release", "markers"), [("0.4.106", 2), ("2.5.0", 2), ("2.5.1", 1), ("2.12.0", 1)]
)
def test_releases_that_look_for_a_marker_at_each_call_get_one(release: str, markers: int) -> None:
    story = leased(sdk_version=f"durable-workflow-python/{release}")
    story.complete({**MARKER, "version": 2}, {**MARKER, "version": 2})

    assert story.types.count("VersionMarkerRecorded") == markers


def test_a_version_outside_of_its_bounds_is_refused() -> None:
    assert refused(leased(), {**MARKER, "version": 4}).reason == "invalid_commands"


def test_a_local_activity_is_a_closed_step_without_a_task() -> None:
    story = leased()
    attempts = [{"attempt_number": 1, "outcome": "completed"}]
    answer = story.complete({**LOCAL, "result": {"cents": 42}, "attempts": attempts}).answer
    closing = last(story)[1]

    assert story.types[-2:] == ["ActivityScheduled", "ActivityCompleted"]
    assert (closing["sequence"], closing["execution_mode"], closing["attempts"]) == (
        1,
        "local",
        attempts,
    )
    assert payloads.decode(payloads.Payload("avro", closing["result"])) == {"cents": 42}
    assert answer["created_task_ids"] == []
    assert not story.state.activities
    assert story.state.run.open_activities == 0


@pytest.mark.parametrize(
    ("outcome", "event_type", "category"),
    [
        ("failed", "ActivityFailed", "activity"),
        ("timed_out", "ActivityTimedOut", "timeout"),
        ("cancelled", "ActivityCancelled", "cancelled"),
    ],
)
def test_a_local_activity_that_did_not_complete_tells_why(
    outcome: str, event_type: str, category: str
) -> None:
    story = leased()
    told = {"message": "no", "exception_type": "Declined", "non_retryable": True}
    attempts = [{"attempt_number": n, "outcome": "failed"} for n in (1, 2)]
    story.complete({**LOCAL, "outcome": outcome, **told, "attempts": attempts})
    kind, closing = last(story)

    assert (kind, closing["failure_category"], closing["attempt_number"]) == (
        event_type,
        category,
        2,
    )
    assert (closing["message"], closing["exception_type"], closing["non_retryable"]) == (
        "no",
        "Declined",
        True,
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"outcome": "done", "message": "m"}, "outcome"),
        ({"outcome": "failed"}, "message"),
        ({"execution_mode": "remote"}, "execution_mode"),
        ({"attempts": [1]}, "attempts"),
        ({"outcome": "timed_out", "message": "m", "timeout_kind": "soon"}, "timeout_kind"),
        ({"activity_type": ""}, "activity_type"),
        ({"heartbeat_timeout": 9, "start_to_close_timeout": 5}, "heartbeat_timeout"),
    ],
)
def test_a_local_activity_that_is_told_wrongly_is_refused_by_field(
    change: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refusal) as caught:
        parse([{**LOCAL, **change}])

    assert list(caught.value.facts["errors"]) == [f"commands.0.{field}"]


def test_a_failed_run_tells_what_it_did_not_handle() -> None:
    story = leased()
    step = {"failed_step_sequence": 3, "failed_activity_execution_id": "a-1"}
    exception = {"class": "Boom", "details": {"a": 1}}
    story.complete({"type": "fail_workflow", "message": "no", "exception": exception, **step})
    payload = last(story)[1]

    assert {name: payload[name] for name in step} == step
    assert payload["exception"] == {
        "class": "Boom",
        "message": "no",
        "code": 0,
        "details": {"a": 1},
    }


def test_a_cancellation_policy_is_echoed_on_the_events_of_its_activity() -> None:
    story = leased()
    policy = {"cancellation_policy": "wait_cancellation_completed"}
    story.complete({"type": "schedule_activity", "activity_type": "a", **policy})
    story.start_activity()
    shown = [orjson.loads(p) for kind, p in story.events if kind.startswith("Activity")]

    assert [each["cancellation_policy"] for each in shown] == [*policy.values()] * 2
