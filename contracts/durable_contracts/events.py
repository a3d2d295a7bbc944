"""What each history event carries: payloads held against the file of the event's name."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from durable_contracts import locate
from durable_contracts.reading import read

_NAME = re.compile(r"[A-Za-z]{1,64}")


def payload_problems(event_type: str, payload: Any) -> list[str]:
    """In what a payload breaks the contract of its event; empty when it keeps it."""
    validator = _validator(event_type)
    if validator is None:
        return [f"the contract has no event {event_type}"]
    found = sorted(validator.iter_errors(payload), key=lambda problem: problem.json_path)
    return [f"{event_type} {problem.json_path}: {problem.message[:200]}" for problem in found]


@cache
def _validator(event_type: str) -> Draft202012Validator | None:
    path = locate.tree().schemas.resolve() / "events" / f"{event_type}.json"
    if not _NAME.fullmatch(event_type) or not path.is_file():
        return None
    registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]
    return Draft202012Validator({"$ref": path.as_uri()}, registry=registry)


@cache
def _retrieve(uri: str) -> Resource[Any]:
    path = Path(url2pathname(urlsplit(uri).path))
    return Resource.from_contents(read(path), default_specification=DRAFT202012)
