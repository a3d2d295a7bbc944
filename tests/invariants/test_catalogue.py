"""None of the sixty invariants is missing, and every checker belongs to one."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.invariants.catalogue import WHERE
from tests.invariants.checks import checkers

ROOT = Path(__file__).resolve().parents[2]
COUNT = 60


def test_every_invariant_is_checked_somewhere() -> None:
    assert sorted(WHERE) == list(range(1, COUNT + 1))
    assert all(WHERE.values())


@pytest.mark.parametrize("name", sorted({name for names in WHERE.values() for name in names}))
def test_what_is_named_exists(name: str) -> None:
    if "/" in name:
        path, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / path).read_text() if test else (ROOT / path).exists()
    else:
        assert callable(_found(name))


def _found(name: str) -> Any:
    parts = name.split(".")
    module = import_module(".".join(parts[:3]))
    value: Any = module
    for part in parts[3:]:
        value = getattr(value, part)
    return value


def test_every_checker_is_named_after_its_invariant_and_listed_there() -> None:
    for name, checker in checkers():
        number = int(checker.__name__[1:3])
        assert name in WHERE[number], name
        assert checker.__doc__, f"{name} says nothing"
