"""Everybody who judges a document: the published dialect and the one that the router runs."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import jsonschema_rs
from connexion.json_schema import Draft4RequestValidator
from durable_contracts.lower import exact_end
from jsonschema.validators import extend
from openapi_schema_validator import OAS30Validator

Schema = dict[str, Any]
Judge = Callable[[Schema | bool, Any], bool]


def _exact_pattern(
    validator: Any, pattern: str, instance: Any, schema: Schema
) -> Iterator[jsonschema.ValidationError]:
    # Python's own `$` also stands before a line feed; the dialect's does not.
    if isinstance(instance, str) and not re.search(exact_end(pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


Published = extend(jsonschema.Draft202012Validator, {"pattern": _exact_pattern})


def published_in_python(schema: Schema | bool, document: Any) -> bool:
    return bool(Published(schema).is_valid(document))


def published_in_rust(schema: Schema | bool, document: Any) -> bool:
    return bool(jsonschema_rs.validator_for(schema).is_valid(document))


def routed_by_connexion(schema: Schema | bool, document: Any) -> bool:
    return bool(Draft4RequestValidator(schema).is_valid(document))


def routed_by_openapi(schema: Schema | bool, document: Any) -> bool:
    return bool(OAS30Validator(schema).is_valid(document))


PUBLISHED: tuple[Judge, ...] = (published_in_python, published_in_rust)
ROUTED: tuple[Judge, ...] = (routed_by_connexion, routed_by_openapi)


def verdicts(published: Schema | bool, routed: Schema | bool, document: Any) -> dict[str, bool]:
    """What each judge says, by its name."""
    said = {judge.__name__: judge(published, document) for judge in PUBLISHED}
    return said | {judge.__name__: judge(routed, document) for judge in ROUTED}
