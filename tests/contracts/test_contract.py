"""The contract of this repository is whole, and its derived files are fresh."""

import pytest
from durable_contracts import bundle, consistency, locate, manifests, operations, refusals
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator


def test_both_documents_are_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(bundle.published()).iter_errors()) == []
    assert list(OpenAPIV30SpecValidator(bundle.lowered()).iter_errors()) == []


def test_derived_files_are_fresh() -> None:
    tree = locate.tree()

    assert list(manifests.stale(tree, manifests.derive(tree))) == []


def test_the_contract_files_fit_together() -> None:
    tree = locate.tree()

    assert list(consistency.violations(tree, manifests.derive(tree))) == []


@pytest.mark.parametrize(
    ("reason", "status"),
    [("unauthorized", 401), ("forbidden", 403), ("payload_too_large", 413)],
)
def test_reasons_of_the_gates_have_their_status(reason: str, status: int) -> None:
    assert refusals.load()[reason].status == status


def test_whatever_has_a_name_in_its_path_can_refuse_one_that_cannot_be_kept() -> None:
    named = [
        each
        for each in operations.operations_of(bundle.published())
        if each.plane != "public" and any(one.location == "path" for one in each.parameters)
    ]
    assert len(named) > 40
    assert [each.operation_id for each in named if 422 not in each.responses] == []


def test_whole_numbers_of_addresses_have_bounds() -> None:
    numbers = [
        (each.operation_id, one.name, one.schema)
        for each in operations.operations_of(bundle.published())
        for one in each.parameters
        if "integer" in one.schema.get("type", ())
    ]
    assert len(numbers) > 5
    assert [each for each in numbers if not {"minimum", "maximum"} <= set(each[2])] == []
