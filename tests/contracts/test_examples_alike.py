"""Every example gets its stated verdict, from the published document and from the routed one."""

from typing import Any

import jsonschema_rs
import pytest
from durable_contracts import bundle, examples
from durable_contracts.examples import Example

from tests.contracts.judges import verdicts

OPERATIONS = {operation.operation_id: operation for operation in bundle.operations()}
EXAMPLES = examples.load()


def _published(example: Example) -> dict[str, Any]:
    operation = OPERATIONS[example.operation_id]
    if example.part == "request":
        schema = operation.request_schema
    else:
        assert example.status is not None
        schema = operation.responses[example.status]
    assert schema is not None
    return schema


def _routed(example: Example) -> dict[str, Any]:
    document = bundle.lowered()
    operation = OPERATIONS[example.operation_id]
    stated = document["paths"][operation.path][operation.method.lower()]
    if example.part == "request":
        holder = stated["requestBody"]
    else:
        holder = stated["responses"][str(example.status)]
        if "$ref" in holder:
            holder = document["components"]["responses"][holder["$ref"].rsplit("/", 1)[1]]
    schema = holder["content"]["application/json"]["schema"]
    return {"allOf": [schema], "components": document["components"]}


def _judged() -> list[Example]:
    return [e for e in EXAMPLES if e.part == "request" or _has_schema(e)]


def _has_schema(example: Example) -> bool:
    return OPERATIONS[example.operation_id].responses.get(example.status or 0) is not None


@pytest.mark.parametrize("example", _judged(), ids=lambda e: f"{e.operation_id}-{e.part}-{e.name}")
def test_an_example_gets_its_verdict_from_every_judge(example: Example) -> None:
    said = verdicts(_published(example), _routed(example), example.document)

    assert set(said.values()) == {example.valid}, said


@pytest.mark.parametrize(
    "example",
    [e for e in _judged() if not e.valid],
    ids=lambda e: f"{e.operation_id}-{e.part}-{e.name}",
)
def test_an_invalid_example_is_faulted_where_it_says(example: Example) -> None:
    validator = jsonschema_rs.validator_for(_published(example))
    found = [
        "".join(f"/{name}" for name in error.instance_path)
        for error in validator.iter_errors(example.document)
    ]

    for pointer in example.violations:
        assert any(place == pointer or pointer.startswith(place) for place in found), found


def _mutations(document: Any) -> list[Any]:
    if not isinstance(document, dict):
        return [None, [], 1, "text"]
    result: list[Any] = []
    for name in document:
        result.append({key: value for key, value in document.items() if key != name})
        result.extend({**document, name: value} for value in (None, 1.0, -1, True, "", [], {}))
    return result


def test_mutated_examples_are_judged_alike() -> None:
    differing = []
    for example in _judged():
        if example.part != "request":
            continue
        published, routed = _published(example), _routed(example)
        for document in _mutations(example.document):
            said = verdicts(published, routed, document)
            if len(set(said.values())) != 1:
                differing.append((example.operation_id, document, said))

    assert differing == []
