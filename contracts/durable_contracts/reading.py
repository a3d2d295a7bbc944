"""Reading contract files: YAML and JSON with the same strict meaning, and JSON pointers.

YAML is read as JSON would be: no dates, no `yes` and `no`, text keys, no key twice.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from durable_contracts.defect import Defect

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOLEANS = "tag:yaml.org,2002:bool"
_DATES = "tag:yaml.org,2002:timestamp"
_WORDS = {"yes", "no", "on", "off", "y", "n"}


class _StrictLoader(_Loader):  # type: ignore[misc]
    """Safe loading restricted to what JSON can say."""


def _resolvers() -> dict[str, list[tuple[str, Any]]]:
    kept = {}
    for first, rules in _Loader.yaml_implicit_resolvers.items():
        kept[first] = [rule for rule in rules if rule[0] != _DATES]
    return kept


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        if key in result:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is there twice", key_node.start_mark
            )
        result[key] = loader.construct_object(value_node, deep=True)
    return result


def _boolean(loader: Any, node: yaml.ScalarNode) -> bool | str:
    text = str(node.value)
    return text if text.lower() in _WORDS else bool(loader.construct_yaml_bool(node))


_StrictLoader.yaml_implicit_resolvers = _resolvers()
_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_StrictLoader.add_constructor(_BOOLEANS, _boolean)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return result


def parse(text: str, name: str) -> Any:
    """The value of a JSON or YAML text; the ending of its name tells which."""
    try:
        if name.endswith(".json"):
            return json.loads(text, object_pairs_hook=_unique)
        return yaml.load(text, Loader=_StrictLoader)
    except (ValueError, yaml.YAMLError) as error:
        raise Defect(name, f"cannot be read: {error}") from error


@cache
def _read(path: Path, changed_ns: int, size: int) -> Any:
    return parse(path.read_text(encoding="utf-8"), str(path))


def read(path: Path) -> Any:
    """The value of a contract file; treat it as constant, it is shared."""
    try:
        state = path.stat()
    except FileNotFoundError as error:
        raise Defect(str(path), "there is no such file") from error
    return _read(path, state.st_mtime_ns, state.st_size)


def tokens(pointer: str) -> tuple[str, ...]:
    """The member names of a JSON pointer."""
    if not pointer or pointer == "/":
        return ()
    parts = pointer.lstrip("/").split("/")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def escape(token: object) -> str:
    """A member name or index as one token of a JSON pointer."""
    return str(token).replace("~", "~0").replace("/", "~1")


def pointer(*names: object) -> str:
    """The JSON pointer that these member names spell."""
    return "".join(f"/{escape(name)}" for name in names)


def at(value: Any, names: tuple[str, ...], place: str) -> Any:
    """The value that a pointer names inside another."""
    for name in names:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            raise Defect(place, f"nothing is named {name!r} here")
    return value


def files(directory: Path, *endings: str) -> Iterator[Path]:
    """The files below a directory with one of the endings, in a stable order."""
    if not directory.is_dir():
        return
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name.endswith(endings):
            yield path
