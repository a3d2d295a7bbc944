"""Bind a request's parts to a handler's arguments, and say of each what is wrong with it."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs
from durable_contracts.bundle import Operation, Parameter

from durable_server.refusal import Refusal

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(slots=True)
class Problems:
    """What is wrong with a request, by field."""

    errors: dict[str, list[str]] = field(default_factory=dict)
    violations: list[dict[str, str]] = field(default_factory=list)

    def add(self, path: list[Any], text: str) -> None:
        """Note one problem of one field."""
        dotted = ".".join(str(part) for part in path) or "body"
        self.errors.setdefault(dotted, []).append(text)
        pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
        self.violations.append({"pointer": pointer, "message": text})

    def refuse(self) -> None:
        """Refuse when there is any problem."""
        if self.errors:
            raise Refusal("validation_failed", errors=self.errors, violations=self.violations)


class BodyRule:
    """The schema of a request body."""

    def __init__(self, operation: Operation) -> None:
        assert operation.request_schema is not None
        self._schema = operation.request_schema
        self._validator = jsonschema_rs.Draft202012Validator(operation.request_schema)

    def check(self, body: dict[str, Any]) -> None:
        """Refuse a body that breaks the schema, naming every field."""
        if self._validator.is_valid(body):
            return
        problems = Problems()
        for error in self._validator.iter_errors(body):
            path = list(error.instance_path)
            named = _QUOTED.match(error.message)
            own = _own_text(self._schema, error.schema_path)
            if isinstance(own, dict):
                for field, text in own.items():
                    problems.add([*path, field], text)
            elif own is not None:
                problems.add(path, own)
            elif error.message.endswith("is a required property") and named:
                path.append(named[1])
                problems.add(path, f"The {label_of(path)} field is required.")
            else:
                problems.add(path, f"The {label_of(path)} field is invalid: {error.message}"[:500])
        problems.refuse()


def _own_text(schema: Any, schema_path: list[Any]) -> str | dict[str, str] | None:
    """What the contract itself says about values that break this part of a schema, or by field."""
    text = None
    for step in schema_path:
        if isinstance(schema, dict):
            text = schema.get("x-refusal", text)
            schema = schema.get(step)
        elif isinstance(schema, list) and isinstance(step, int):
            schema = schema[step]
        else:
            break
    return text


class QueryRule:
    """The query parameters of an operation."""

    def __init__(self, operation: Operation) -> None:
        self._rules = {
            each.name: (each, jsonschema_rs.Draft202012Validator(each.schema))
            for each in operation.parameters
            if each.location == "query" and each.name != "namespace"
        }
        self.required = {name for name, (each, _) in self._rules.items() if each.required}

    @property
    def names(self) -> frozenset[str]:
        """The parameters that the handler knows."""
        return frozenset(self._rules)

    def read(self, query: bytes) -> dict[str, Any]:
        """The parameters that are present, each of its type."""
        if not self._rules or (not query and not self.required):
            return {}
        found: dict[str, Any] = {}
        problems = Problems()
        for name, text in parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True):
            rule = self._rules.get(name)
            if rule is None or text == "":
                continue
            value = _typed(rule[0], text)
            if not rule[1].is_valid(value):
                problems.add([name], f"The {label_of([name])} field is invalid.")
            found[name] = value
        for name in sorted(self.required - found.keys()):
            problems.add([name], f"The {label_of([name])} field is required.")
        problems.refuse()
        return found


def _typed(parameter: Parameter, text: str) -> Any:
    kinds = parameter.schema.get("type", "string")
    wants_number = "integer" in (kinds if isinstance(kinds, list) else [kinds])
    return int(text) if wants_number and _INTEGER.fullmatch(text) else text


def label_of(path: list[Any]) -> str:
    """A field's path as texts name it."""
    dotted = ".".join(str(part) for part in path) or "body"
    has_index = any(isinstance(part, int) for part in path)
    return dotted if has_index else dotted.replace("_", " ")
