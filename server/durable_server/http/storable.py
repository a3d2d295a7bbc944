"""Texts that no database column can hold: those with the character U+0000.

Values that are kept as JSON text may hold it, since JSON writes it as an escape.
"""

from typing import Any

from durable_server.http.bind import Problems, label_of

_RAW = frozenset({"blob", "codec", "payload_codec", "description"})
_VALUES = frozenset({"arguments", "details", "input", "memo", "result", "search_attributes"})
_ENVELOPE = {"codec", "blob"}
# Objects whose names are stored as they are.
_NAMED = frozenset({"workflow_command_contracts"})


def check_ids(ids: dict[str, str]) -> None:
    """Refuse parts of a path that cannot be anybody's id."""
    problems = Problems()
    for name, text in ids.items():
        _check(problems, [name], text)
    problems.refuse()


def check_body(body: dict[str, Any]) -> None:
    """Refuse a body in which a text that is stored as it is cannot be stored."""
    problems = Problems()
    _walk(problems, [], body)
    problems.refuse()


def _walk(problems: Problems, path: list[Any], node: Any) -> None:
    if isinstance(node, list):
        for index, each in enumerate(node):
            _walk(problems, [*path, index], each)
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if isinstance(value, str):
            if name in _RAW or name in _VALUES:
                _check(problems, [*path, name], value)
        elif name not in _VALUES or _is_envelope(value):
            for inner in value if name in _NAMED and isinstance(value, dict) else ():
                _check(problems, [*path, name, inner], inner)
            _walk(problems, [*path, name], value)


def _is_envelope(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == _ENVELOPE


def _check(problems: Problems, path: list[Any], text: str) -> None:
    if "\0" in text:
        problems.add(path, f"The {label_of(path)} field must not contain the character U+0000.")
