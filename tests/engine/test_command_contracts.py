"""What a workflow type declares binds the names and arguments of signals, queries and updates."""

from typing import Any

import pytest
from durable_server.command_contracts import arranged, declares, has_validator


def parameter(name: str, position: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "position": position,
        "required": True,
        "variadic": False,
        "default_available": False,
        "default": None,
        "type": None,
        "allows_null": True,
        **more,
    }


def declared(*parameters: dict[str, Any]) -> dict[str, Any]:
    contract = {"name": "set", "parameters": [*parameters]}
    return {"updates": ["set"], "update_contracts": [contract], "update_validators": ["set"]}


NAME = parameter("name", 0, type="string", allows_null=False)
COUNT = parameter("count", 1, type="int", required=False, default_available=True, default=1)
REST = parameter("rest", 1, type="int", variadic=True, required=False)


def test_of_a_type_that_declares_nothing_every_name_is_accepted() -> None:
    assert declares(None, "update", "set")
    assert declares({"signals": ["go"]}, "update", "set")
    assert not declares({"updates": []}, "update", "set")
    assert not has_validator(None, "set")


def test_a_declared_name_is_accepted_and_another_is_not() -> None:
    assert declares(declared(NAME), "update", "set")
    assert not declares(declared(NAME), "update", "unset")
    assert has_validator(declared(NAME), "set")
    assert not has_validator(declared(NAME), "unset")


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (["ada", 3], ["ada", 3]),
        (["ada"], ["ada", 1]),
        ({"count": 2, "name": "ada"}, ["ada", 2]),
        ({"name": "ada"}, ["ada", 1]),
        (["ada", None], ["ada", None]),
    ],
)
def test_arguments_come_in_the_order_of_the_parameters(given: Any, values: list[Any]) -> None:
    assert arranged(declared(COUNT, NAME), "update", "set", given) == (values, {})


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        (None, {"name": ["The name argument is required."]}),
        ([None], {"name": ["The name argument cannot be null."]}),
        (["ada", "three"], {"count": ["The count argument must be of type int."]}),
        (["ada", True], {"count": ["The count argument must be of type int."]}),
        (["ada", 1, 2], {"arguments": ["Too many arguments were provided for update [set]."]}),
        ({"name": "ada", "x": 1}, {"x": ["Unknown argument [x]."]}),
    ],
)
def test_every_problem_is_named(given: Any, errors: dict[str, list[str]]) -> None:
    assert arranged(declared(NAME, COUNT), "update", "set", given).errors == errors


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (["ada"], ["ada"]),
        (["ada", 1, 2], ["ada", 1, 2]),
        ({"name": "ada", "rest": [1, 2]}, ["ada", 1, 2]),
        ({"name": "ada", "rest": 1}, ["ada", 1]),
    ],
)
def test_a_variadic_parameter_takes_the_rest(given: Any, values: list[Any]) -> None:
    assert arranged(declared(NAME, REST), "update", "set", given) == (values, {})


def test_each_value_of_a_variadic_parameter_is_judged() -> None:
    errors = arranged(declared(NAME, REST), "update", "set", ["ada", 1, "two"]).errors
    assert errors == {"rest": ["The rest argument must be of type int."]}


@pytest.mark.parametrize(
    ("kind", "fitting", "other"),
    [
        ("float", [1, 1.5], ["1", True]),
        ("bool", [True, False], [0, "true"]),
        ("array", [[], {}], ["a", 1]),
        ("object", [{}], [[], 1]),
        ("scalar", [1, 1.5, "a", True], [[], {}]),
        ("true", [True], [False, 1]),
        ("int|string", [1, "a"], [[], 1.5]),
        ("?int", [1], ["a"]),
        ("array&iterable", [[], {}], ["a"]),
        ("mixed", [1, "a", [], {}], []),
        ("App\\Money", [1, "a", {}], []),
    ],
)
def test_types(kind: str, fitting: list[Any], other: list[Any]) -> None:
    takes = declared(parameter("value", 0, type=kind))
    for value in fitting:
        assert arranged(takes, "update", "set", [value]).errors == {}
    for value in other:
        assert "value" in arranged(takes, "update", "set", [value]).errors


def test_without_parameters_values_are_taken_in_order() -> None:
    assert arranged(None, "signal", "go", {"b": 1, "a": 2}).values == [1, 2]
    assert arranged({"signals": ["go"]}, "signal", "go", [1]).values == [1]
    assert arranged(None, "signal", "go", None).values == []
