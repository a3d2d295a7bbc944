"""What a client says when it tells a workflow something: a name, and arguments for it.

Signals and updates are told alike: names are bounded, and arguments are what the workflow's type
declares. An envelope stays as it came; what nobody here can read is left to the worker to judge.
"""

from typing import Any, NamedTuple

from durable_server import payloads
from durable_server.command_contracts import Declared, arranged, declares
from durable_server.engine.run_state import Payload
from durable_server.refusal import invalid

TASK_QUEUE_LENGTH_MAX = 255
NAME_BYTES_MAX = 256


class Input(NamedTuple):
    """The arguments to be stored; what is wrong: an undeclared name, or errors by argument."""

    arguments: Payload | None
    unknown: bool
    errors: dict[str, list[str]]


def check_name(kind: str, name: str) -> None:
    """Refuse a name beyond its bounds. `kind`: signal or update."""
    if len(name.encode()) > NAME_BYTES_MAX:
        text = f"The {kind} name exceeds the maximum length of {NAME_BYTES_MAX} bytes."
    elif any(sign < " " or sign == "\x7f" for sign in name):
        text = f"The {kind} name must not contain control characters."
    else:
        return
    raise invalid({f"{kind}_name": [text]})


def check_task_queue(task_queue: str) -> None:
    """Refuse the name of a task queue in a path that no queue can have."""
    if len(task_queue) > TASK_QUEUE_LENGTH_MAX:
        text = f"The task_queue must not be longer than {TASK_QUEUE_LENGTH_MAX} characters."
        raise invalid({"task_queue": [text]})


def input_of(declared: Declared | None, kind: str, name: str, given: Any) -> Input:
    """Judge the arguments that came as `input`; refuses an envelope that is none."""
    payload, values = None, given
    if payloads.is_envelope(given):
        errors = payloads.envelope_errors(given, "input")
        if errors:
            raise invalid(errors)
        payload = payloads.from_envelope(given)
        values = payloads.decode(payload)
    if not declares(declared, kind, name):
        return Input(_stored(payload, values), True, {})
    if payload is not None and not isinstance(values, list | dict):
        return Input(payload, False, {})
    found = arranged(declared, kind, name, values)
    return Input(_stored(payload, found.values), False, found.errors)


def plain_input(given: Any) -> Payload | None:
    """The arguments that came as `input`, where nothing declares them."""
    if not payloads.is_envelope(given):
        return _stored(None, given)
    errors = payloads.envelope_errors(given, "input")
    if errors:
        raise invalid(errors)
    return payloads.from_envelope(given)


def _stored(payload: Payload | None, values: Any) -> Payload | None:
    """The payload that came, else plain values in order; none when there are none."""
    if payload is not None or not values:
        return payload
    return payloads.plain([*values.values()] if isinstance(values, dict) else values)
