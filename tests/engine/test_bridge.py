"""Events that adapters bring in: what they become, and what is answered."""

from typing import Any

import pytest
from durable_server.engine import bridge
from durable_server.engine.bridge import Event, Taken
from durable_server.refusal import Refusal, invalid


def an_event(action: str = "signal_workflow", adapter: str = "shop", **body: Any) -> Event:
    target = {"workflow_id": "order-1", "signal_name": "paid", "update_name": "paint"}
    target["workflow_type"] = "orders.Fulfil"
    return Event(adapter, {"action": action, "idempotency_key": "e-1", "target": target, **body})


def test_a_start_without_a_workflow_id_has_one_from_adapter_and_key() -> None:
    event = an_event("start_workflow", target={"workflow_type": "orders.Fulfil"})

    assert event.target["workflow_id"] == bridge.started_id("shop", "e-1")
    assert event.target["workflow_id"].startswith("bridge-shop-")
    assert len(event.target["workflow_id"]) == len("bridge-shop-") + 32


def test_a_signal_is_never_given_a_workflow_id() -> None:
    event = an_event(target={"signal_name": "paid"})

    taken = bridge.defect(event)

    assert taken is not None and taken.reason == "malformed_payload"
    assert list(taken.errors or {}) == ["target.workflow_id"]


@pytest.mark.parametrize(
    "other",
    [
        an_event(adapter="shop:e"),
        an_event("update_workflow"),
        an_event(idempotency_key="e-2"),
        an_event(target={"workflow_id": "order-1", "signal_name": "sent"}),
    ],
    ids=["adapter", "action", "key", "name"],
)
def test_events_that_differ_in_what_counts_have_request_ids_of_their_own(other: Event) -> None:
    assert an_event().request_id != other.request_id


def test_events_that_differ_in_nothing_that_counts_are_the_same() -> None:
    assert an_event().request_id == an_event(input=["other"], correlation={"trace": 1}).request_id


def test_the_longest_names_make_a_request_id_that_can_be_kept() -> None:
    event = an_event(adapter="a" * 128, idempotency_key="k" * 255)

    assert bridge.ADAPTER.fullmatch(event.adapter)
    assert len(event.request_id) <= 255


def test_a_correlation_is_bounded() -> None:
    taken = bridge.defect(an_event(correlation={"text": "x" * bridge.CORRELATION_BYTES_MAX}))

    assert taken is not None and list(taken.errors or {}) == ["correlation"]


def test_the_request_that_an_event_became_is_known_by_its_mark() -> None:
    event = an_event("start_workflow", correlation={"trace": 1})
    command = {"context": {"bridge": event.mark}}

    assert bridge.has_mark(command, event)
    assert not bridge.has_mark(command, an_event("start_workflow", idempotency_key="e-2"))
    assert not bridge.has_mark({}, event)


@pytest.mark.parametrize("reason", sorted(bridge.PASSING))
def test_what_only_the_moment_forbids_is_no_outcome(reason: str) -> None:
    with pytest.raises(Refusal):
        bridge.rejected(Refusal(reason))


def test_a_refused_request_gives_its_reason_to_the_event() -> None:
    told = bridge.rejected(
        Refusal("run_not_active", workflow_id="order-1", run_id="r", outcome="rejected_not_active")
    )

    assert told == Taken(
        "rejected",
        "run_not_active",
        facts={
            "workflow_id": "order-1",
            "run_id": "r",
            "control_plane_outcome": "rejected_not_active",
        },
    )


def test_fields_of_the_target_are_named_as_the_event_has_them() -> None:
    taken = bridge.rejected(invalid({"workflow_type": ["no"], "input": ["no"]}))

    assert list(taken.errors or {}) == ["target.workflow_type", "input"]


def test_an_answer_shows_nothing_of_the_target_that_could_be_secret() -> None:
    event = an_event(target={"workflow_id": "order-1", "signal_name": "paid", "token": "secret"})

    body = bridge.body_of("shop", Taken("accepted"), event)

    assert body["target"] == {"workflow_id": "order-1", "signal_name": "paid"}
    assert "secret" not in str(body)
