"""A summary for people: the claims, and what stands in their way."""

from typing import Any

from durable_conformance.report.record import Record

_VERDICTS = ("pass", "unsupported", "skipped", "fail", "error")


def render(record: Record) -> str:
    """The report as Markdown."""
    return "\n".join([*_heading(record), *_profiles(record), *_findings(record)]) + "\n"


def _heading(record: Record) -> list[str]:
    header, footer = record.header, record.footer
    server = header["server"]
    return [
        "# Conformance",
        "",
        f"- target: {_cell(header['target'])}, namespace {_cell(header['namespace'])}",
        f"- server: {_cell(server['server_id'])}, version {_cell(server['version'])}, "
        f"worker protocol {_cell(server['worker_protocol'])}",
        f"- suite: {header['suite_version']}, {header['scenarios']} scenarios in "
        f"{footer['seconds']} s, {header['started_at']}",
        f"- verdict: **{footer['verdict']}**",
        "",
    ]


def _profiles(record: Record) -> list[str]:
    lines = [
        "| profile | claimed | verdict | " + " | ".join(_VERDICTS) + " |",
        "|---|---|---|" + "--:|" * len(_VERDICTS),
    ]
    for name, profile in record.footer["profiles"].items():
        counts = " | ".join(str(profile["counts"][verdict]) for verdict in _VERDICTS)
        claimed = "yes" if profile["claimed"] else "no"
        lines.append(f"| {name} | {claimed} | {profile['verdict']} | {counts} |")
    return [*lines, ""]


def _findings(record: Record) -> list[str]:
    lines: list[str] = []
    for verdict in reversed(_VERDICTS[1:]):
        found = [result for result in record.results if result["verdict"] == verdict]
        if found:
            lines += [f"## {verdict}", ""]
            lines += [_finding(result) for result in found]
            lines.append("")
    passed = record.footer["known_failures_passed"]
    if passed:
        lines += ["## Known failures that pass now", ""]
        lines += [f"- `{scenario_id}`" for scenario_id in passed]
        lines.append("")
    return lines


def _finding(result: dict[str, Any]) -> str:
    known = f" (known: {_cell(result['known_failure'])})" if result["known_failure"] else ""
    place = f"`{result['id']}` ({result['clause']})"
    return f"- {place}: {result['title']}{known}. {_cell(result['reason'])}"


def _cell(value: Any) -> str:
    text = "unknown" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
