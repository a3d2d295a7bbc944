"""The matrix of releases and capabilities as a document, made from what the releases say.

`python -m tests.sdk.matrix` asks every release and writes the document anew.
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.sdk.environments import RELEASES, python_for
from tests.sdk.fleet import PROGRAMS, environment
from tests.sdk.programs.capabilities import CAPABILITIES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "sdk.md"
CAN, CANNOT = "yes", "-"
OPENING = """# What every release of the Python SDK does here

<!-- Derived by `python -m tests.sdk.matrix`; the tests of `tests/sdk` hold every cell to a run. -->

Each cell is a program that the unmodified release carries out against this server, on SQLite and
on PostgreSQL. A dash says that the release itself has no way to say it: it was asked whether it has
what the second column names. Releases between those shown belong to the same protocol classes.
What releases could say and this server does not offer is listed, with the reasons, in
[decision 0020](../decisions/0020-optional-capabilities-that-are-left-out.md).

"""


def lacking(release: str) -> dict[str, str | None]:
    """What a release lacks for each capability, asked of its own environment."""
    asked = subprocess.run(
        [str(python_for(release)), str(PROGRAMS / "asking.py")],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    answer: dict[str, str | None] = json.loads(asked.stdout)
    return answer


def cell(lacks: str | None) -> str:
    """What the document says about one capability of one release."""
    return CAN if lacks is None else CANNOT


def written() -> dict[tuple[str, str], str]:
    """The cells of the committed document, by release and sentence."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    releases = cells_of(lines[0])[2:]
    rows = [cells_of(line) for line in lines[1:]]
    return {
        (release, row[0]): shown
        for row in rows
        for release, shown in zip(releases, row[2:], strict=True)
    }


def text(answers: dict[str, dict[str, str | None]]) -> str:
    """The document for what the releases answered."""
    lines = [_line(["capability", "needs", *answers]), "|---" * (len(answers) + 2) + "|"]
    for name, capability in CAPABILITIES.items():
        needs = ", ".join(f"`{_shortened(ask)}`" for ask in capability.asks)
        cells = [cell(answer[name]) for answer in answers.values()]
        lines.append(_line([capability.sentence, needs, *cells]))
    return OPENING + "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cells_of(line: str) -> list[str]:
    """The cells of a line of a table."""
    return [part.strip() for part in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _shortened(ask: str) -> str:
    return ask.removeprefix("workflow.").removeprefix("WorkflowContext.")


def main() -> None:
    """Ask all releases and write the document."""
    with ThreadPoolExecutor() as pool:
        answers = dict(zip(RELEASES, pool.map(lacking, RELEASES), strict=True))
    DOCUMENT.write_text(text(answers))


if __name__ == "__main__":
    main()
