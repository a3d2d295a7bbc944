"""Derive the documents that code and contract already say: settings, clauses, reasons, operations.

Usage: documents.py [--check]; with --check nothing is written, and a stale document is an error.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import requirement_table
from durable_conformance import library
from durable_conformance.scenario import Scenario
from durable_contracts import bundle, refusals
from durable_contracts.change import RULES
from durable_server import config

ROOT = Path(__file__).resolve().parents[1]
PLANES = {
    "HT": ("http", "HTTP conventions", "What holds for every request, whatever it asks for."),
    "CP": ("control-plane", "Control plane", "What clients and operators can rely on."),
    "WP": ("worker-plane", "Worker plane", "What workers can rely on."),
}
DERIVED = "<!-- Derived by `make docs`; edit {source} instead. -->"


def documents() -> Iterator[tuple[str, str]]:
    """Every derived document: its path in the repository, and its text."""
    yield "docs/configuration.md", configuration()
    yield ".env.example", sample()
    yield "docs/reference/refusals.md", reasons()
    yield "docs/reference/operations.md", operations()
    yield "docs/reference/contract-rules.md", rules()
    yield "contracts/manifests/requirements.json", requirement_table.table()
    known = library.load()
    by_clause: dict[str, list[Scenario]] = {}
    for scenario in known.scenarios:
        by_clause.setdefault(scenario.clause, []).append(scenario)
    for prefix, (name, title, opening) in PLANES.items():
        clauses = {k: v for k, v in known.clauses.items() if k.startswith(f"{prefix}-")}
        yield f"docs/protocol/{name}.md", protocol(title, opening, clauses, by_clause)


def configuration() -> str:
    """The page of the settings."""
    lines = [
        "# Configuration",
        "",
        DERIVED.format(source="server/durable_server/config.py"),
        "",
        "Every setting is an environment variable. `DW_*` names are accepted as aliases; what the",
        "command line says wins. An unknown `WORKFLOW_SERVER_*` or `DW_*` name is reported at the",
        "start, and refuses it where `WORKFLOW_SERVER_ENV_AUDIT_STRICT` is true.",
        "",
        "| variable | alias | type | default | unit | since | what it says |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in config.table():
        default = f"`{row.default}`" if row.default else ""
        cells = (f"`{row.name}`", f"`{row.alias}`", row.kind, default, row.unit, row.since)
        lines.append(f"| {' | '.join(cells)} | {_cell(row.sentence)} |")
    return _text(lines)


def sample() -> str:
    """The sample file of the settings; copied as it is, it changes nothing."""
    lines = [
        "# Every setting, with its default. Names with DW_ in place of WORKFLOW_SERVER_ work too.",
    ]
    for row in config.table():
        unit = f" Unit: {row.unit}." if row.unit else ""
        lines += ["", f"# {row.sentence}{unit}", f"# {row.name}={row.default}"]
    return _text(lines)


def reasons() -> str:
    """The page of the reasons for which requests are refused."""
    lines = [
        "# Why requests are refused",
        "",
        DERIVED.format(source="contracts/refusals.yaml"),
        "",
        "After a refusal nothing has changed. `reason` is for programs, the text for people;",
        "words in braces are facts of the request. Where a word stands behind a dot, only the part",
        "before it is sent.",
        "",
        "| reason | status | planes | text | what to do |",
        "|---|---|---|---|---|",
    ]
    for entry in refusals.load().values():
        statuses = sorted({entry.on(plane).status for plane in entry.planes})
        cells = (
            f"`{entry.reason}`",
            " or ".join(map(str, statuses)),
            ", ".join(entry.planes),
            _cell(entry.message),
            _cell(entry.remedy),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return _text(lines)


def rules() -> str:
    """The page of the rules by which two contracts are compared."""
    lines = [
        "# Rules of the contract gate",
        "",
        DERIVED.format(source="contracts/durable_contracts/change.py"),
        "",
        "`durable-contracts diff OLD NEW` names one of these rules for each difference.",
        "*Breaking*: somebody who kept the old contract fails under the new one. *Additive*:",
        "nobody does, and there is more than before. *Wording*: only words differ, which counts",
        "as identical.",
        "",
        "| rule | means | what differs |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {rule.kind} | {rule.sentence} |" for name, rule in RULES.items()]
    return _text(lines)


def operations() -> str:
    """The page of the operations, by address."""
    lines = [
        "# Operations",
        "",
        DERIVED.format(source="openapi/paths/"),
        "",
        "Every path is also served below `/protocol/<version>/`, with that worker protocol version",
        "advertised. Bodies are in the published document, `GET /api/openapi.json`.",
        "",
        "| operation | address | roles | version header | namespace | answers |",
        "|---|---|---|---|---|---|",
    ]
    for each in bundle.operations():
        cells = (
            f"`{each.operation_id}`",
            f"`{each.method} {each.path}`",
            ", ".join(sorted(each.roles)) or "everyone",
            {"required": "needed", "optional": "may be absent", "none": "none"}[each.version_rule],
            "selected" if each.namespace_required else "",
            ", ".join(str(status) for status in sorted(each.responses)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return _text(lines)


def protocol(
    title: str, opening: str, clauses: dict[str, str], scenarios: dict[str, list[Scenario]]
) -> str:
    """The page of one plane: its clauses, each with the facts that scenarios check."""
    lines = [
        f"# {title}",
        "",
        DERIVED.format(source="conformance/durable_conformance/clauses.yaml and scenarios/"),
        "",
        f"{opening} Below each clause stand the facts that the conformance suite checks.",
    ]
    for number, sentence in clauses.items():
        lines += ["", f"## {number}", "", sentence, ""]
        for scenario in scenarios.get(number, []):
            requirement = f" ({', '.join(scenario.requirement)})" if scenario.requirement else ""
            lines.append(f"- {scenario.title}{requirement}: `{scenario.id}`")
    return _text(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _text(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


def main(arguments: list[str]) -> int:
    """Write or compare; the exit status."""
    stale = []
    for name, text in documents():
        path = ROOT / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"rebuilt {name}")
    if stale and "--check" in arguments:
        print(f"stale: {', '.join(stale)}; run `make docs`", file=sys.stderr)
        return 1
    if "--check" in arguments:
        print("the documents are fresh")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
