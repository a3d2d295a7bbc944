"""Compiled schemas, and what a value breaks in one, each with the place."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import jsonschema_rs
from durable_contracts import locate

from durable_conformance.contract import operations

FLAWS_MAX = 20

Validator = jsonschema_rs.Draft202012Validator
Place = tuple[object, ...]


def flaws(validator: Validator, value: Any) -> Iterator[tuple[Place, str]]:
    """Where a value breaks a schema, and how; a member that is missing is a place too."""
    if validator.is_valid(value):
        return
    for number, error in enumerate(validator.iter_errors(value)):
        if number == FLAWS_MAX:
            return
        place: Place = tuple(error.instance_path)
        if error.kind.name == "required":
            yield (*place, getattr(error.kind, "property", "")), "the member is required"
        else:
            yield place, error.message


@cache
def of_request(operation_id: str) -> Validator:
    """The schema of what an operation takes."""
    return Validator(operations()[operation_id].request_schema or {})


@cache
def of_answer(operation_id: str, status: int) -> Validator:
    """The schema of what an operation answers with a status."""
    return Validator(operations()[operation_id].responses[status] or {})


@cache
def of_parameter(operation_id: str, location: str, name: str) -> Validator:
    """The schema of one parameter."""
    for each in operations()[operation_id].parameters:
        if (each.location, each.name) == (location, name):
            return Validator(each.schema)
    raise LookupError(name)


@cache
def of_command(kind: str) -> Validator | None:
    """The schema of one command of a workflow task; None when the contract does not know it."""
    return _of_file("commands", kind)


@cache
def of_event(kind: str) -> Validator | None:
    """The schema of what one history event carries; None when the contract does not know it."""
    return _of_file("events", kind)


@cache
def members_of_commands() -> dict[str, frozenset[str]]:
    """The members that the contract knows, by the commands that may have them."""
    found: dict[str, set[str]] = {}
    for path in sorted((locate.tree().schemas / "commands").glob("*.json")):
        for member in json.loads(path.read_bytes()).get("properties", {}):
            found.setdefault(member, set()).add(path.stem)
    return {member: frozenset(kinds) for member, kinds in found.items()}


def _of_file(folder: str, kind: str) -> Validator | None:
    path = locate.tree().schemas.resolve() / folder / f"{kind}.json"
    if not kind.replace("_", "").isalpha() or not path.is_file():
        return None
    return Validator({"$ref": path.as_uri()}, retriever=_retrieve)


def _retrieve(uri: str) -> Any:
    return json.loads(Path(url2pathname(urlsplit(uri).path)).read_bytes())
