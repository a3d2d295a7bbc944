"""A whole run as plain values, the one source of every report.

Credentials are taken out of whatever came from the caller or the target; our own words stay.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from durable_conformance.client import Exchange
from durable_conformance.report.redact import redact
from durable_conformance.runner import Result
from durable_conformance.suite import contract_digests, suite_version
from durable_conformance.target import Target
from durable_conformance.verdict import Verdict, worst

SCHEMA = "durable-workflow.conformance.report.v1"
_BODY_MAX = 8000
_CLAIMING = (Verdict.PASS, Verdict.UNSUPPORTED)


@dataclass(frozen=True)
class Circumstances:
    """When, how and on what the suite ran."""

    target: Target
    profiles: tuple[str, ...]
    order: str
    parallel: int
    started_at: str
    finished_at: str
    seconds: float


@dataclass(frozen=True)
class Record:
    """A run, ready to be written: every text in it may be shown to anybody."""

    header: dict[str, Any]
    results: list[dict[str, Any]]
    footer: dict[str, Any]

    @property
    def exit_status(self) -> int:
        """What the command answers to the shell."""
        return int(self.footer["exit_status"])


def record_of(
    results: list[Result], circumstances: Circumstances, known: Mapping[str, str]
) -> Record:
    """Put a run on record."""
    secrets = circumstances.target.secrets()
    ordered = sorted(results, key=lambda result: result.scenario.id)
    return Record(
        header=_header(ordered, circumstances, secrets),
        results=[_result(result, known, secrets) for result in ordered],
        footer=_footer(ordered, circumstances, known),
    )


def _header(
    results: list[Result], circumstances: Circumstances, secrets: list[str]
) -> dict[str, Any]:
    target = circumstances.target
    server = {
        "server_id": _text(target.advertised.get("server_id")),
        "version": _text(target.advertised.get("version")),
        "control_plane": _text((target.advertised.get("control_plane") or {}).get("version")),
        "worker_protocol": _text((target.advertised.get("worker_protocol") or {}).get("version")),
    }
    return {
        "kind": "header",
        "schema": SCHEMA,
        "suite_version": suite_version(),
        "contract": contract_digests(),
        "target": redact(target.url, secrets),
        "namespace": redact(target.namespace, secrets),
        "server": redact(server, secrets),
        "started_at": circumstances.started_at,
        "profiles": list(circumstances.profiles),
        "scenarios": len(results),
        "order": circumstances.order,
        "parallel": circumstances.parallel,
    }


def _result(result: Result, known: Mapping[str, str], secrets: list[str]) -> dict[str, Any]:
    scenario = result.scenario
    failed = result.verdict is Verdict.FAIL
    return {
        "kind": "result",
        "id": scenario.id,
        "clause": scenario.clause,
        "requirement": list(scenario.requirement),
        "title": scenario.title,
        "profile": scenario.profile,
        "verdict": result.verdict.value,
        "reason": redact(result.reason, secrets),
        "known_failure": redact(known.get(scenario.id) if failed else None, secrets),
        "seconds": result.seconds,
        "steps": [{"step": name, "verdict": verdict.value} for name, verdict in result.steps],
        "exchanges": [_exchange(exchange, secrets) for exchange in result.exchanges],
    }


def _footer(
    results: list[Result], circumstances: Circumstances, known: Mapping[str, str]
) -> dict[str, Any]:
    failing = {r.scenario.id for r in results if r.verdict is Verdict.FAIL}
    passing = {r.scenario.id for r in results if r.verdict is Verdict.PASS}
    surprising = [r.verdict for r in results if r.scenario.id not in failing & known.keys()]
    return {
        "kind": "footer",
        "verdict": worst(result.verdict for result in results).value,
        "exit_status": worst(surprising).exit_status,
        "counts": _counts(results),
        "profiles": {name: _profile(name, results) for name in circumstances.profiles},
        "known_failures": sorted(failing & known.keys()),
        "known_failures_passed": sorted(passing & known.keys()),
        "seconds": circumstances.seconds,
        "finished_at": circumstances.finished_at,
    }


def _profile(name: str, results: list[Result]) -> dict[str, Any]:
    own = [result for result in results if result.scenario.profile == name]
    verdict = worst(result.verdict for result in own)
    passed = any(result.verdict is Verdict.PASS for result in own)
    return {
        "verdict": verdict.value,
        "claimed": passed and verdict in _CLAIMING,
        "counts": _counts(own),
    }


def _counts(results: list[Result]) -> dict[str, int]:
    verdicts = [result.verdict for result in results]
    return {verdict.value: verdicts.count(verdict) for verdict in Verdict}


def _exchange(exchange: Exchange, secrets: list[str]) -> dict[str, Any]:
    body = exchange.body
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    # Texts are shortened last: half a credential would no longer be recognised.
    return {
        "method": exchange.method,
        "url": redact(exchange.url, secrets),
        "request_headers": redact(exchange.request_headers, secrets),
        "request_body": redact(exchange.request_text, secrets)[:_BODY_MAX],
        "status": exchange.status,
        "headers": redact(exchange.headers, secrets),
        "body": redact(text, secrets)[:_BODY_MAX],
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
