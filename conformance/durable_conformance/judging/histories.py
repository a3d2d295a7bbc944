"""What the histories inside an answer break in the contract: payloads, and gaps."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from durable_conformance.judging import schemas
from durable_conformance.judging.schemas import Place

Flaw = tuple[Place, str, str]


def flaws(body: dict[str, Any]) -> Iterator[Flaw]:
    """The place, the rule and the text of everything that is wrong with the events."""
    for holder, where in ((body, ()), (body.get("task"), ("task",))):
        for member in ("events", "history_events"):
            listed = holder.get(member) if isinstance(holder, dict) else None
            if isinstance(listed, list) and listed:
                yield from _of_events(listed, (*where, member))


def _of_events(listed: list[Any], where: Place) -> Iterator[Flaw]:
    for index, event in enumerate(listed):
        yield from _of_one(event, (*where, index))
    numbers = [event["sequence"] for event in listed]
    for index, (before, after) in enumerate(pairwise(numbers), start=1):
        if after != before + 1:
            text = f"event {after} follows event {before}: a gap, or one twice"
            yield (*where, index, "sequence"), "event_order", text
            return


def _of_one(event: dict[str, Any], where: Place) -> Iterator[Flaw]:
    kind = event["event_type"]
    validator = schemas.of_event(kind)
    if validator is None:
        yield (*where, "event_type"), "unknown_event", f"the contract has no event {kind}"
        return
    for place, text in schemas.flaws(validator, event["payload"]):
        yield (*where, "payload", *place), "event_field", f"{kind}: {text}"
