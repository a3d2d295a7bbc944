"""A mutant: one small defect of the server, and the clause of the protocol that it breaks.

The list lies in `defects/`. `code` replaces one text of one module of the server; `answer` changes
the answers of an operation on their way out, of `Rewrite`'s kinds.
"""

from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.repo.sources import ROOT

DEFECTS = Path(__file__).resolve().parent / "defects"
SERVER = ROOT / "server" / "durable_server"


@dataclass(frozen=True)
class Edit:
    """In this module, this text, which stands there once, by that one."""

    module: str
    replace: str
    by: str

    @property
    def name(self) -> str:
        """The module as Python imports it."""
        name = self.module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return f"durable_server.{name}"

    def text(self) -> str:
        """The module with the defect."""
        source = (SERVER / self.module).read_text()
        found = source.count(self.replace)
        if found != 1:
            raise LookupError(f"{self.module} has {found} times {self.replace!r}")
        return source.replace(self.replace, self.by)


@dataclass(frozen=True)
class Rewrite:
    """What becomes of the answers of an operation that have the status `when`; of all when None.

    Members are named by dotted paths, `*` for every item of an array.
    """

    operation: str
    when: int | None = None
    status: int | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    put: dict[str, Any] = field(default_factory=dict)
    reverse: str | None = None
    shorten: str | None = None
    double: str | None = None

    @property
    def of_body(self) -> bool:
        """Whether the body changes, too."""
        return bool(self.drop or self.put or self.reverse or self.shorten or self.double)


@dataclass(frozen=True)
class Mutant:
    """One defect, the clause that should catch it, and scenarios (a glob) to begin with.

    `survives` explains why nobody outside can see it, where that is so.
    """

    id: str
    breaks: str
    clause: str
    first: str = ""
    survives: str = ""
    code: Edit | None = None
    answer: Rewrite | None = None


@cache
def mutants() -> tuple[Mutant, ...]:
    """The whole list, in the order of its files."""
    found: list[Mutant] = []
    for path in sorted(DEFECTS.glob("*.yaml")):
        found += [_mutant(document) for document in yaml.safe_load(path.read_text())]
    return tuple(found)


def stale() -> dict[str, str]:
    """The mutants whose text is no longer in the server, each with what is wrong."""
    found = {}
    for mutant in mutants():
        try:
            if mutant.code is not None:
                compile(mutant.code.text(), mutant.code.module, "exec")
        except (LookupError, OSError, SyntaxError) as problem:
            found[mutant.id] = str(problem)
    return found


def _mutant(document: dict[str, Any]) -> Mutant:
    code, answer = document.pop("code", None), document.pop("answer", None)
    if (code is None) == (answer is None):
        raise ValueError(f"{document['id']} needs code or answer, and not both")
    if answer is not None:
        answer = _rewrite(answer)
    return Mutant(**document, code=Edit(**code) if code else None, answer=answer)


def _rewrite(document: dict[str, Any]) -> Rewrite:
    unknown = set(document) - {each.name for each in fields(Rewrite)}
    if unknown:
        raise ValueError(f"no rewrite is called {sorted(unknown)}")
    return Rewrite(**{**document, "drop": tuple(document.get("drop", ()))})
