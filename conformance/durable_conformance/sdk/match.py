"""Holding what a worker sends against the contract, and against what the case expects."""

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from durable_conformance import expect
from durable_conformance.contract import operations
from durable_conformance.sdk import payloads

PROBLEMS_MAX = 5
_SEEN = re.compile(r"\$([0-9]+)\.([a-z_]+)")
_PAYLOADS = ("arguments", "input", "result", "entries", "output")


def contract_problems(operation_id: str, body: Any) -> list[str]:
    """In what a request breaks the contract of its operation."""
    validator = _validator(operation_id)
    if validator is None:
        return []
    found = sorted(validator.iter_errors(body), key=lambda problem: problem.json_path)
    texts = [f"{each.json_path} breaks the contract: {each.message[:160]}" for each in found]
    return texts[:PROBLEMS_MAX]


def readable(commands: Any, codec: str) -> Any:
    """Commands with their payloads as values; what cannot be read is said in its place."""
    if not isinstance(commands, list):
        return commands
    return [_opened(command, codec) for command in commands]


def command_problems(expected: Any, commands: Any) -> list[str]:
    """The differences between the commands that came, made readable, and those that must come."""
    return expect.mismatches(expected, commands, "commands")


def filled(expected: Any, seen: list[Any]) -> Any:
    """The expectation with each `$2.result` replaced by that member of the third command so far."""
    if isinstance(expected, dict):
        return {name: filled(value, seen) for name, value in expected.items()}
    if isinstance(expected, list):
        return [filled(value, seen) for value in expected]
    found = _SEEN.fullmatch(expected) if isinstance(expected, str) else None
    return seen[int(found[1])].get(found[2]) if found else expected


def _opened(command: Any, codec: str) -> Any:
    if not isinstance(command, dict):
        return command
    shown = dict(command)
    for name in _PAYLOADS:
        if name in shown:
            shown[name] = value_of(shown[name], command.get("payload_codec") or codec)
    return shown


def value_of(sent: Any, codec: str) -> Any:
    """What a worker sent as a payload: an envelope, a blob, or a plain value."""
    try:
        if payloads.is_envelope(sent):
            return payloads.opened(sent)
        encoded = isinstance(sent, str) and codec in ("json", "avro")
        return payloads.decode(sent, codec) if encoded else sent
    except payloads.Unreadable as problem:
        return sent if not payloads.is_envelope(sent) else f"unreadable: {problem}"


@cache
def _validator(operation_id: str) -> Draft202012Validator | None:
    schema = operations()[operation_id].request_schema
    return None if schema is None else Draft202012Validator(schema)
