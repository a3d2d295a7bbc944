"""Lowering never changes a verdict, and refuses what it cannot say."""

from typing import Any

import pytest
from durable_contracts.defect import Defect
from durable_contracts.lower import exact_end, lower, lower_schema
from hypothesis import given, settings

from tests.contracts.judges import verdicts
from tests.contracts.schemas import documents, schemas


@settings(max_examples=600, deadline=None)
@given(schemas, documents)
def test_every_schema_of_the_profile_judges_alike_in_both_dialects(
    schema: Any, document: Any
) -> None:
    said = verdicts(schema, lower_schema(schema), document)

    assert len(set(said.values())) == 1, said


@pytest.mark.parametrize(
    ("schema", "lowered"),
    [
        ({"const": "x"}, {"enum": ["x"]}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": "integer"}, {"type": "number", "multipleOf": 1}),
        ({"type": "null"}, {"type": "string", "nullable": True, "enum": [None]}),
        ({"exclusiveMinimum": 3}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"required": []}, {}),
        ({"format": "date-time", "$comment": "why", "examples": [1]}, {}),
        (True, {}),
        (False, {"not": {}}),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        (
            {"$ref": "#/components/schemas/x", "description": "why"},
            {"allOf": [{"$ref": "#/components/schemas/x"}], "description": "why"},
        ),
    ],
)
def test_a_newer_keyword_is_said_in_the_older_dialect(schema: Any, lowered: Any) -> None:
    assert lower_schema(schema) == lowered


def test_an_enum_without_null_is_not_nullable() -> None:
    lowered = lower_schema({"type": ["string", "null"], "enum": ["a"]})

    assert lowered == {"type": "string", "enum": ["a"]}


@pytest.mark.parametrize(
    "keyword", ["if", "prefixItems", "contains", "patternProperties", "dependentRequired"]
)
def test_a_keyword_that_cannot_be_said_is_refused_with_its_pointer(keyword: str) -> None:
    schema = {"properties": {"a/b": {"items": {keyword: {}}}}}

    with pytest.raises(Defect) as refused:
        lower_schema(schema)

    assert refused.value.place == f"#/properties/a~1b/items/{keyword}"


def test_the_end_of_a_text_is_exact_outside_classes_and_escapes() -> None:
    assert exact_end("^a$") == r"^a$(?!\n)"
    assert exact_end(r"\$") == r"\$"
    assert exact_end(r"\\$") == r"\\$(?!\n)"
    assert exact_end("[$]") == "[$]"


def _document(parameter: dict[str, Any]) -> dict[str, Any]:
    operation = {
        "operationId": "a.b",
        "x-plane": "control",
        "security": [{"bearer": []}],
        "parameters": [parameter],
        "responses": {"200": {"description": "well"}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "t",
            "version": "1",
            "summary": "s",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": {"/a": {"get": operation}},
        "components": {
            "schemas": {"count": {"type": "integer", "minimum": 1}},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def test_a_parameter_shows_its_type_where_the_router_looks_for_it() -> None:
    schema = {"$ref": "#/components/schemas/count", "description": "how many"}

    lowered = lower(_document({"name": "n", "in": "query", "schema": schema}))

    shown = lowered["paths"]["/a"]["get"]["parameters"][0]["schema"]
    assert shown == {"type": "integer", "minimum": 1, "description": "how many"}
    assert lowered["components"]["schemas"]["count"]["type"] == "number"


def test_credentials_and_newer_members_are_left_out_and_extensions_stay() -> None:
    lowered = lower(_document({"name": "n", "in": "query", "schema": {"type": "string"}}))

    operation = lowered["paths"]["/a"]["get"]
    assert lowered["openapi"] == "3.0.3"
    assert "security" not in operation and "securitySchemes" not in lowered["components"]
    assert operation["x-plane"] == "control"
    assert lowered["info"] == {"title": "t", "version": "1", "license": {"name": "MIT"}}
    assert "jsonSchemaDialect" not in lowered
