"""`python -m tests.mutants`: how many of the planted defects the suite catches, and which not."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from tests.mutants.hold import Outcome
from tests.mutants.mutant import Mutant, mutants, stale
from tests.mutants.pack import hold_all, hold_none

PERCENT_MIN = 95
LINE_MAX = 200


def main() -> int:
    """The exit status: 0 when enough are caught, 1 when not, 2 when the honest server fails."""
    asked = _arguments()
    chosen = [each for each in mutants() if any(fnmatchcase(each.id, it) for it in asked.only)]
    with tempfile.TemporaryDirectory(prefix="durable-mutants-") as name:
        folder = Path(name)
        if not asked.trust and not _honest_passes(folder):
            return 2
        began, caught = time.monotonic(), set()
        names = {each.id for each in chosen}
        old = {name: why for name, why in stale().items() if name in names}
        fresh = [each for each in chosen if each.id not in old]
        for outcome in hold_all(fresh, folder, asked.parallel):
            print(_line(outcome), flush=True)
            if outcome.caught_by:
                caught.add(outcome.mutant)
    return _summary(chosen, caught, old, time.monotonic() - began)


def _honest_passes(folder: Path) -> bool:
    """Whether the suite finds nothing wrong with the server as it is."""
    honest = hold_none(folder)
    if honest.caught_by or honest.undecided:
        what = honest.caught_by or "; ".join(honest.undecided)
        print(f"the server without any defect does not pass: {what} {honest.reason}")
        return False
    print(f"honest   {honest.scenarios} scenarios in {honest.seconds} s, none failed", flush=True)
    return True


def _line(outcome: Outcome) -> str:
    if outcome.caught_by:
        said = f"caught   {outcome.mutant} ({outcome.seconds} s) by {outcome.caught_by}"
        return f"{said}: {outcome.reason}"[:LINE_MAX]
    why = outcome.reason or "; ".join(outcome.undecided)
    return f"SURVIVES {outcome.mutant} ({outcome.seconds} s) {why}".rstrip()[:LINE_MAX]


def _summary(
    chosen: Sequence[Mutant], caught: set[str], old: dict[str, str], seconds: float
) -> int:
    percent = 100 * len(caught) / max(1, len(chosen))
    print(f"\n{len(caught)} of {len(chosen)} mutants caught ({percent:.1f} %) in {seconds:.0f} s")
    for mutant in chosen:
        if mutant.id in old:
            print(f"  stale: {mutant.id}: {old[mutant.id]}")
        elif mutant.id not in caught:
            why = f" ({mutant.survives})" if mutant.survives else ""
            print(f"  survives: {mutant.id}: {mutant.breaks}{why}")
    return 0 if percent >= PERCENT_MIN else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("only", nargs="*", default=["*"], help="globs of ids; all when absent")
    parser.add_argument("--parallel", type=int, default=2, help="mutants at a time")
    parser.add_argument("--trust", action="store_true", help="do not run the honest server first")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
