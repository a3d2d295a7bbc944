"""A page that stands alone: claims, findings with what was exchanged, filters, nothing to load."""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

from durable_conformance import library
from durable_conformance.report.record import Record

_VERDICTS = ("fail", "error", "skipped", "unsupported", "pass")
_TEMPLATE = Path(__file__).with_name("page.html")


def render(record: Record) -> str:
    """The page."""
    header, footer = record.header, record.footer
    ordered = sorted(
        record.results, key=lambda each: (_VERDICTS.index(each["verdict"]), each["id"])
    )
    clauses = library.load().clauses
    present = [name for name in _VERDICTS if footer["counts"][name]]
    counts = ", ".join(f"{footer['counts'][name]} {name}" for name in reversed(present))
    values = {
        "title": f"Conformance: {footer['verdict']}",
        "verdict": footer["verdict"],
        "summary": escape(f"{header['target']}, {counts}, {header['started_at']}"),
        "profiles": "\n".join(_profile(*each) for each in footer["profiles"].items()),
        "verdict_options": _options(present),
        "profile_options": _options(list(footer["profiles"])),
        "count": len(ordered),
        "cases": "\n".join(_case(each, clauses.get(each["clause"], "")) for each in ordered),
        "facts": "\n".join(_fact(*each) for each in _facts(record)),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(values)


def _profile(name: str, profile: dict[str, Any]) -> str:
    counts = profile["counts"]
    bar = "".join(
        f'<i class="{verdict}" style="flex:{counts[verdict]}"></i>'
        for verdict in reversed(_VERDICTS)
        if counts[verdict]
    )
    told = ", ".join(f"{counts[each]} {each}" for each in reversed(_VERDICTS) if counts[each])
    claimed = "may be claimed" if profile["claimed"] else "may not be claimed"
    verdict = profile["verdict"]
    return (
        f'<div class="profile"><h3>{escape(name)} <span class="{verdict}">{verdict}</span></h3>'
        f'<div class="bar" aria-hidden="true">{bar}</div>'
        f'<p class="soft">{told or "nothing ran"}; {claimed}</p></div>'
    )


def _case(result: dict[str, Any], sentence: str) -> str:
    numbers = " ".join(result["requirement"])
    verdict = result["verdict"]
    text = f"{result['id']} {result['title']} {result['clause']} {numbers} {result['reason']}"
    parts = [
        f'<article class="case" data-verdict="{verdict}" data-profile="{escape(result["profile"])}"'
        f' data-text="{escape(text.lower())}"><div class="row">'
        f'<span class="verdict {verdict}">{verdict}</span>'
        f'<span class="title">{escape(result["title"])}</span>'
        f'<span class="clause" title="{escape(sentence)}">{escape(result["clause"])}</span>'
        f'<span class="id"><code>{escape(result["id"])}</code> {numbers}</span></div>'
    ]
    if result["reason"]:
        known = result["known_failure"]
        note = f" (known: {known})" if known else ""
        parts.append(f'<p class="reason">{escape(result["reason"] + note)}</p>')
        parts.append(f'<p class="reason soft">{escape(result["clause"])}: {escape(sentence)}</p>')
    if result["exchanges"]:
        shown = "\n".join(_exchange(each) for each in result["exchanges"])
        parts.append(f"<details><summary>What was exchanged</summary>{shown}</details>")
    return "".join([*parts, "</article>"])


def _exchange(exchange: dict[str, Any]) -> str:
    sent = "\n".join(f"{name}: {value}" for name, value in exchange["request_headers"].items())
    came = "\n".join(f"{name}: {value}" for name, value in exchange["headers"].items())
    text = (
        f"{exchange['method']} {exchange['url']}\n{sent}\n\n{exchange['request_body']}\n\n"
        f"{exchange['status']}\n{came}\n\n{exchange['body']}"
    )
    return f"<pre>{escape(text)}</pre>"


def _options(names: list[str]) -> str:
    return "".join(f"<option>{escape(name)}</option>" for name in names)


def _facts(record: Record) -> list[tuple[str, Any]]:
    header, footer = record.header, record.footer
    server = header["server"]
    return [
        ("Target", f"{header['target']}, namespace {header['namespace']}"),
        ("Server", f"{server['server_id']}, version {server['version']}"),
        ("Control plane", server["control_plane"]),
        ("Worker protocol", server["worker_protocol"]),
        ("Suite", header["suite_version"]),
        ("Order", f"{header['order']}, {header['parallel']} at a time"),
        ("Time", f"{header['started_at']} to {footer['finished_at']}, {footer['seconds']} s"),
        *((f"Contract {name}", f"sha256 {digest}") for name, digest in header["contract"].items()),
    ]


def _fact(name: str, value: Any) -> str:
    shown = "unknown" if value is None else str(value)
    return f"<dt>{escape(name)}</dt><dd>{escape(shown)}</dd>"
