"""Hundreds of edits of the real contract, where they fit: each is judged as its maker knows."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from durable_contracts import compare, locate, sources
from durable_contracts.change import RULES
from durable_contracts.reading import tokens

from tests.contracts import document_edits, schema_edits
from tests.contracts.places import Place, at, schemas, with_changed

SEED = 20260401
PER_EDIT = 4
CONTRACT = sources.of_tree(locate.tree())
WORST = ("identical", "additive", "breaking")
NEIGHBOURS = {"anyOf", "allOf", "not"}
# Edits of alternatives themselves; all others stay away from what stands in a choice.
OF_CHOICES = ("alternative", "apart")


@dataclass(frozen=True)
class Case:
    """One edited contract, and what the edit means."""

    name: str
    contract: dict[str, Any]
    expected: str


def _schema_cases(pick: random.Random) -> Iterator[Case]:
    places = [place for place in schemas(CONTRACT) if not place.inside & NEIGHBOURS]
    for name, (meaning, edit) in schema_edits.EDITS.items():
        fitting = [(place, new) for place in places if (new := edit(place)) is not None]
        for place, new in pick.sample(fitting, min(PER_EDIT, len(fitting))):
            expected = max((_means(meaning, way) for way in place.directions), key=WORST.index)
            changed = with_changed(CONTRACT, place.path, lambda _, new=new: new)
            yield Case(f"{name} {_label(place)}", changed, expected)


def _means(meaning: tuple[str, str], way: str) -> str:
    return meaning[0] if way == "request" else meaning[1]


def _label(place: Place) -> str:
    return f"{'+'.join(sorted(place.directions))} {'/'.join(map(str, place.path[1:]))}"


def _document_cases(pick: random.Random) -> Iterator[Case]:
    for name, (verdict, make) in document_edits.MAKERS.items():
        made = list(make(CONTRACT))
        for index, changed in enumerate(pick.sample(made, min(PER_EDIT, len(made)))):
            yield Case(f"{name} {index}", changed, verdict)


_pick = random.Random(SEED)
CASES = [*_schema_cases(_pick), *_document_cases(_pick)]


def test_there_are_many_edits_of_every_sort() -> None:
    assert len(CASES) >= 400
    made = {case.name.split()[0] for case in CASES}
    assert {*schema_edits.EDITS, *document_edits.MAKERS} - made == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_edit_is_judged_by_what_it_means(case: Case) -> None:
    changes = compare.diff(CONTRACT, case.contract)

    assert compare.verdict(changes) == case.expected, changes[:5]
    for change in changes:
        assert change.rule in RULES
        assert _stands_somewhere(change.pointer, case.contract), change


def _stands_somewhere(pointer: str, contract: dict[str, Any]) -> bool:
    """A pointer names what is, what was, or a keyword that a place that is or was may have."""
    for document in (contract, CONTRACT):
        for names in (tokens(pointer), tokens(pointer)[:-1]):
            try:
                at(document, _indexed(document, names))
            except (KeyError, IndexError, TypeError, ValueError):
                continue
            return True
    return False


def _indexed(document: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    path: list[Any] = []
    for name in names:
        path.append(int(name) if isinstance(document, list) else name)
        document = document[path[-1]]
    return tuple(path)


def test_a_breaking_edit_is_not_hidden_by_one_that_adds() -> None:
    pick = random.Random(SEED)
    broken = [case for case in CASES if case.expected == "breaking"]
    others = [make for verdict, make in document_edits.MAKERS.values() if verdict == "additive"]

    for case in pick.sample(broken, 40):
        made = [new for make in pick.sample(others, 3) for new in list(make(case.contract))[:1]]
        for both in made:
            assert compare.verdict(compare.diff(CONTRACT, both)) == "breaking", case.name


def test_two_edits_that_add_do_not_break_together() -> None:
    pick = random.Random(SEED)
    added = [case for case in CASES if case.expected == "additive"]

    for case in pick.sample(added, 30):
        both = {**case.contract, "deprecated-note": 1}
        both["x-refusals"] = {**case.contract["x-refusals"], "brand_new_too": {}}
        assert compare.verdict(compare.diff(CONTRACT, both)) == "additive", case.name
