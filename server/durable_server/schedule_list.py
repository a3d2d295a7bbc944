"""How schedules are asked for: the query grammar of lists, and the tokens of their pages.

A token tells behind which schedule a page begins, and of which namespace and filters. It is not
signed: whoever makes one up sees nothing but what a list of the same namespace shows anyway.
"""

import base64
import hashlib
import re
from typing import Any, NamedTuple

import orjson

from durable_server.refusal import Refusal

FIELDS = {
    "ScheduleId": "schedule_id",
    "Status": "status",
    "WorkflowType": "workflow_type",
    "TaskQueue": "task_queue",
    "Note": "note",
}
PREDICATES_MAX = 20
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<sign><=|>=|!=|<>|[=<>(),]))"""
)
_UNSUPPORTED = {"OR", "NOT", "IN", "BETWEEN", "LIKE", "STARTS_WITH", "IS", "ORDER", "LIMIT"}
_ESCAPED = re.compile(r"\\(.)")


class Predicate(NamedTuple):
    """A field or a search attribute, and the value that it is to have."""

    name: str
    value: Any


def parse(query: str) -> list[Predicate]:
    """The predicates of a query, all of which have to hold; refuses what cannot be asked."""
    found: list[Predicate] = []
    position, tokens = 0, _tokens(query)
    while position < len(tokens):
        if found:
            _expect_and(tokens[position])
            position += 1
        found.append(_predicate(tokens[position : position + 3]))
        position += 3
    if not found or len(found) > PREDICATES_MAX:
        raise Refusal(
            "invalid_schedule_visibility_query", **_problem(f"it has {len(found)} predicates")
        )
    return found


def token_of(place: dict[str, Any], created_at: int, schedule_id: str) -> str:
    """The token of the page behind a schedule; `place`: namespace and filters."""
    said = [place["namespace"], _digest(place), created_at, schedule_id]
    return base64.urlsafe_b64encode(orjson.dumps([*said, _check(said)])).decode()


def cursor_of(place: dict[str, Any], token: str | None) -> tuple[int, str] | None:
    """The place that a token names; refuses one of another namespace, or of other filters."""
    if not token:
        return None
    try:
        namespace, digest, created_at, schedule_id, check = orjson.loads(
            base64.urlsafe_b64decode(token)
        )
        sound = check == _check([namespace, digest, created_at, schedule_id])
    except (ValueError, TypeError):
        sound = False
    if not sound:
        raise Refusal("malformed_schedule_page_token", **_BAD_TOKEN)
    if namespace != place["namespace"]:
        raise Refusal("schedule_page_token_namespace_mismatch", **_BAD_TOKEN)
    if digest != _digest(place):
        raise Refusal("schedule_page_token_filter_mismatch", **_BAD_TOKEN)
    return created_at, schedule_id


def _tokens(query: str) -> list[tuple[str, str]]:
    tokens, position, end = [], 0, len(query.rstrip())
    while position < end:
        match = _TOKEN.match(query, position)
        if match is None:
            text = f"it cannot be read from character {position + 1} on"
            raise Refusal("invalid_schedule_visibility_query", **_problem(text))
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        position = match.end()
    for kind, text in tokens:
        ordering = kind == "sign" and text != "="
        if ordering or (kind == "word" and text.upper() in _UNSUPPORTED):
            raise Refusal("unsupported_schedule_visibility_predicate", **_problem(text))
    return tokens


def _expect_and(token: tuple[str, str]) -> None:
    if token[0] != "word" or token[1].upper() != "AND":
        raise Refusal(
            "invalid_schedule_visibility_query", **_problem(f"AND is missing before {token[1]}")
        )


def _predicate(tokens: list[tuple[str, str]]) -> Predicate:
    if [kind for kind, _ in tokens[:2]] != ["word", "sign"] or len(tokens) < 3:
        text = "a predicate is not of the form Name = value"
        raise Refusal("invalid_schedule_visibility_query", **_problem(text))
    name, (kind, text) = tokens[0][1], tokens[2]
    value = _value(kind, text)
    if name in FIELDS and not isinstance(value, str):
        raise Refusal(
            "invalid_schedule_visibility_query", **_problem(f"{name} is compared with a text")
        )
    return Predicate(name, value)


def _value(kind: str, text: str) -> Any:
    if kind == "text":
        return _ESCAPED.sub(r"\1", text[1:-1])
    if kind == "number":
        return float(text) if "." in text else int(text)
    if kind == "word" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise Refusal(
        "invalid_schedule_visibility_query", **_problem(f"{text} is no value; quote texts")
    )


def _digest(place: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(place, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _check(said: list[Any]) -> str:
    return hashlib.sha256(orjson.dumps(said)).hexdigest()[:16]


def _problem(text: str) -> dict[str, Any]:
    return {"problem": text, **_field("query", text)}


def _field(name: str, text: str) -> dict[str, Any]:
    errors = {name: [text]}
    return {"field": name, "errors": errors, "validation_errors": errors, "last_safe_cursor": None}


_BAD_TOKEN = _field("next_page_token", "The next_page_token cannot be used here.")
