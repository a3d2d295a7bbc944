"""How the differences between two contracts are shown: as text, JSON or Markdown."""

import json
from collections import Counter
from collections.abc import Callable, Sequence

from durable_contracts.change import ADDITIVE, BREAKING, RULES, WORDING, Change
from durable_contracts.compare import verdict

_ORDER = (BREAKING, ADDITIVE, WORDING)
_OPERATIONS_SHOWN = 3


def as_text(changes: Sequence[Change]) -> str:
    """A line for each difference, the worst first, and the verdict last."""
    lines = []
    for change in _sorted(changes):
        lines.append(f"{change.kind:8} {change.rule} {change.pointer}")
        lines.append(f"{'':8} {change.text}{_reach(change)}")
    counts = Counter(change.kind for change in changes)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in _ORDER if counts[kind])
    return "\n".join([*lines, f"{verdict(changes)}{f' ({told})' if told else ''}"])


def as_json(changes: Sequence[Change]) -> str:
    """One object: the verdict, and every difference with its rule and pointer."""
    listed = [
        {
            "kind": change.kind,
            "rule": change.rule,
            "pointer": change.pointer,
            "text": change.text,
            "operations": list(change.operations),
        }
        for change in _sorted(changes)
    ]
    return json.dumps({"verdict": verdict(changes), "changes": listed}, indent=1)


def as_markdown(changes: Sequence[Change]) -> str:
    """A page for a review: a table for each sort of difference."""
    lines = ["# What changed in the contract", "", f"Verdict: **{verdict(changes)}**"]
    for kind in _ORDER:
        chosen = [change for change in _sorted(changes) if change.kind == kind]
        if not chosen:
            continue
        lines += ["", f"## {kind.capitalize()} ({len(chosen)})", ""]
        lines += ["| rule | where | what | operations |", "|---|---|---|---|"]
        for change in chosen:
            text = f"{change.text}: {RULES[change.rule].sentence}".replace("|", "\\|")
            cells = (f"`{change.rule}`", f"`{change.pointer}`", text, _names(change))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


FORMS: dict[str, Callable[[Sequence[Change]], str]] = {
    "text": as_text,
    "json": as_json,
    "markdown": as_markdown,
}


def _sorted(changes: Sequence[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: _ORDER.index(change.kind))


def _reach(change: Change) -> str:
    return f" ({_names(change)})" if change.operations else ""


def _names(change: Change) -> str:
    shown = ", ".join(change.operations[:_OPERATIONS_SHOWN])
    more = len(change.operations) - _OPERATIONS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
