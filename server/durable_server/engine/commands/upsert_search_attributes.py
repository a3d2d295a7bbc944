"""`upsert_search_attributes`: values by which a run can be found, merged into those it has.

A null takes a name away. The shape of the command is judged when it is read; what its names and
values may be, when it is applied, since those rules answer for the whole batch.
"""

import re
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from durable_server.engine import bounds
from durable_server.engine.commands.fields import Fields
from durable_server.engine.decision import Draft

VALUE_BYTES_MAX = 255
_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_EMPTY = "Upsert search attributes commands require a non-empty attributes object."


class UpsertSearchAttributes(NamedTuple):
    """The patch as it was sent; null takes a name away."""

    attributes: dict[str, Any]


def parse(fields: Fields) -> UpsertSearchAttributes:
    """Read the command; a value that its declared type cannot hold is a problem of its field."""
    attributes = fields.raw.get("attributes")
    if not isinstance(attributes, dict) or not attributes:
        fields.problem("attributes", _EMPTY)
        return UpsertSearchAttributes({})
    types = fields.raw.get("attribute_types") or {}
    if not isinstance(types, dict):
        fields.problem("attribute_types", "The attribute_types field must be an object.")
        types = {}
    for name, declared in types.items():
        fits = _TYPES.get(declared) if isinstance(declared, str) else None
        if fits is None:
            text = f"Search attribute type [{declared}] is not known."
            fields.problem(f"attribute_types.{name}", text)
        elif attributes.get(name) is not None and not fits(attributes[name]):
            text = f"Search attribute [{name}] cannot be stored as {declared}."
            fields.problem(f"attributes.{name}", text)
    return UpsertSearchAttributes(attributes)


def apply(draft: Draft, command: UpsertSearchAttributes, batch: Any) -> None:
    """Merge the patch into the attributes of the run."""
    patch = {}
    for name, value in sorted(command.attributes.items()):
        if not _KEY.fullmatch(name):
            raise batch.refuse(f"[{name}] cannot be the name of a search attribute.")
        patch[name] = _stored(name, value, batch)
    details = draft.details
    before: dict[str, Any] = orjson.loads(details.search_attributes or "{}")
    merged = {**before, **patch}
    merged = {name: merged[name] for name in sorted(merged) if merged[name] is not None}
    allowed = draft.moment.limits.search_attributes_max
    if 0 < allowed < len(merged):
        raise batch.refuse(f"A run can have at most {allowed} search attributes.")
    text = orjson.dumps(merged).decode()
    bounds.keep(
        draft,
        "search_attribute_size",
        len((details.search_attributes or "").encode()),
        len(text.encode()),
        **batch.completion.refused(),
    )
    draft.put_details(details._replace(search_attributes=text))
    draft.append(
        "SearchAttributesUpserted",
        {"sequence": draft.take_step(), "attributes": patch, "merged": merged},
    )


def _stored(name: str, value: Any, batch: Any) -> Any:
    """The value as it is kept: texts trimmed, blank ones taken away."""
    if value is None or isinstance(value, bool | int | float):
        return value
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        text = "must be a text, a number, a truth value or a list of texts."
        raise batch.refuse(f"Search attribute [{name}] {text}")
    trimmed = [item.strip() for item in items]
    if any(len(item.encode()) > VALUE_BYTES_MAX for item in trimmed):
        text = f"exceeds the maximum of {VALUE_BYTES_MAX} bytes."
        raise batch.refuse(f"Search attribute [{name}] value {text}")
    return trimmed if isinstance(value, list) else trimmed[0] or None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_instant(value: Any) -> bool:
    try:
        datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        return False
    return True


_TYPES = {
    "string": lambda value: isinstance(value, str),
    "keyword": lambda value: isinstance(value, str),
    "keyword_list": lambda value: isinstance(value, list),
    "int": lambda value: _is_number(value) and float(value).is_integer(),
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "datetime": _is_instant,
}
