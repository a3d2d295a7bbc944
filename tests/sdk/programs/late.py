"""Replays a closed run into which a letter came at the very end; prints what the run returned.

`late.py`: one JSON object, for each place of the letter the letters that the replayed run returned.
"""

import json
from typing import Any

from durable_workflow import serializer, workflow

Event = dict[str, Any]
CODEC = serializer.AVRO_CODEC
WHEN = "2026-04-13T12:00:00.000000Z"


@workflow.defn(name="late")
class Late:
    """Returns the letters that it has when its activity is done, at a wait that holds already."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    @workflow.signal("post")
    def post(self, letter: Any) -> None:
        self.letters.append(letter)

    def run(self, ctx: Any) -> Any:
        yield ctx.schedule_activity("answer", [])
        yield ctx.wait_condition(lambda: True)
        return list(self.letters)


def event(number: int, kind: str, **payload: Any) -> Event:
    """One event as workers are given it."""
    return {
        "id": f"event-{number}",
        "sequence": number,
        "event_type": kind,
        "recorded_at": WHEN,
        "payload": {"payload_codec": CODEC, **payload},
    }


def blob(value: Any) -> str:
    """A value as events hold it."""
    encoded: str = serializer.encode(value, codec=CODEC)
    return encoded


def returned(events: list[Event]) -> Any:
    """The letters that the last command of a replay carries."""
    replayer = workflow.Replayer(workflows=[Late])
    names = {"workflow_id": "letters", "run_id": "1", "payload_codec": CODEC}
    outcome = replayer.replay(events, [], workflow_type="late", **names)
    [command] = outcome.commands
    return command.result


def main() -> None:
    step = {"sequence": 1, "activity_type": "answer", "activity_execution_id": "a"}
    begun = [
        event(1, "WorkflowStarted", timestamp=WHEN, workflow_type="late", input=blob([])),
        event(2, "ActivityScheduled", **step),
        event(3, "ActivityCompleted", **step, result=blob(None)),
    ]
    letter = event(4, "SignalReceived", signal_name="post", signal_id="s", arguments=blob(["one"]))
    end = event(5, "WorkflowCompleted", output=blob([]))
    places = {
        "without": [*begun, end],
        "before the end": [*begun, letter, end],
        "behind the end": [*begun, end, letter],
    }
    print(json.dumps({place: returned(events) for place, events in places.items()}))


if __name__ == "__main__":
    main()
