"""Message streams, decided with values: positions, what was read, and what goes along."""

from typing import Any

import orjson
import pytest
from durable_server import payloads
from durable_server.engine import message_streams, workflow_task
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision
from durable_server.engine.message_streams import STREAMS_MAX, Append
from durable_server.engine.run_state import Event, Payload
from durable_server.refusal import Refusal

from tests.engine.builders import Story, completion
from tests.engine.test_signals import ACTIVITY, PYTHON, WAIT

CONTINUE = {"type": "continue_as_new"}


def append(story: Story, message_id: str, stream: str = "inbox") -> Decision:
    """Append a message to a stream of the story's run."""
    request = ClientRequest("signal", "order-42", None, None, {})
    wanted = Append(request, stream, message_id, payloads.plain([message_id]))
    return story.apply(message_streams.append, wanted)


def complete(story: Story, cursor: int, *raw: dict[str, object]) -> Decision:
    """Complete the leased task of code that has read its inbox so far."""
    done = completion(story.state, story.task_id(), *raw)
    return story.apply(workflow_task.complete, done._replace(cursors=(("inbox", cursor),)))


def told(event: Event) -> Any:
    """The one argument of a message's event."""
    arguments = orjson.loads(event.payload)["arguments"]
    [argument] = payloads.decode(Payload(arguments["codec"], arguments["blob"]))
    return argument


def reading() -> Story:
    """A run that waits for the first message of its inbox."""
    story = Story()
    story.lease(PYTHON)
    story.complete(WAIT)
    return story


def test_messages_of_a_stream_are_numbered_from_one() -> None:
    story = reading()

    answers = [append(story, name).answer for name in ("a", "b")]
    elsewhere = append(story, "a", "other").answer

    assert [each["position"] for each in answers] == [1, 2]
    assert (elsewhere["position"], elsewhere["outcome"]) == (1, "message_appended")
    first = next(each for each in story.recorded if each.event_type == "SignalReceived")
    assert told(first) == {
        "schema": message_streams.MESSAGE,
        "stream_name": "inbox",
        "message_id": "a",
        "position": 1,
        "payload_envelope": payloads.to_envelope(payloads.render(payloads.plain(["a"]), None)),
    }


def test_a_message_is_appended_once() -> None:
    story = reading()
    first = append(story, "a").answer

    again = append(story, "a").answer

    assert again == {**first, "outcome": "message_duplicate"}
    assert story.types.count("SignalReceived") == 1


def test_a_message_wakes_the_run_once_and_is_used_when_it_was_read() -> None:
    story = reading()
    append(story, "a")
    append(story, "b")
    story.lease(PYTHON)

    complete(story, 1, WAIT)

    assert story.state.run.task_id is None
    assert story.state.run.open_signals == 1
    assert story.state.run.streams == {"inbox": [2, 1]}


def test_a_message_that_was_read_later_is_used_then() -> None:
    story = reading()
    append(story, "a")
    story.lease(PYTHON)
    complete(story, 0, WAIT)
    append(story, "b")
    story.lease(PYTHON)

    complete(story, 2, ACTIVITY)

    assert story.state.run.open_signals == 0


def test_the_next_run_is_told_what_was_read_and_given_what_was_not() -> None:
    story = reading()
    for name in ("a", "b", "c"):
        append(story, name)
    story.lease(PYTHON)

    decision = complete(story, 2, CONTINUE)

    [following] = decision.further
    messages = [each for each in following.events if each.event_type == "SignalReceived"]
    cursor, unread = (told(each) for each in messages)
    assert (cursor["schema"], cursor["through_position"]) == (message_streams.CURSOR, 2)
    assert (unread["message_id"], unread["position"]) == ("c", 3)
    run = following.state.run
    assert (run.streams, run.open_signals) == ({"inbox": [3, 2]}, 1)


def test_a_run_has_so_many_streams_and_no_more() -> None:
    story = reading()
    for number in range(STREAMS_MAX):
        append(story, "a", f"stream-{number}")

    with pytest.raises(Refusal) as refused:
        append(story, "a", "one-more")

    assert refused.value.facts["limit_kind"] == "message_stream_count"
