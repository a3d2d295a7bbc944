"""What the proxy tells: a line of JSON and a line of text for each violation, sums at the end."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from durable_conformance import library
from durable_conformance.judging.finding import Finding
from durable_conformance.proxy.court import SIDES, Seen
from durable_conformance.proxy.forward import Exchange
from durable_conformance.report.redact import redact
from durable_conformance.suite import contract_digests, suite_version

SCHEMA = "durable-workflow.conformance.proxy.v1"
# Of one sort that many are written; all are counted.
WRITTEN_OF_A_SORT = 100


class Report:
    """Writes as things happen, so that a reader can follow."""

    def __init__(self, file: TextIO | None, say: Callable[[str], None]) -> None:
        self._file = file
        self._say = say
        self._clauses = library.load().clauses

    def begin(self, upstream: str, listening: str, sides: tuple[str, ...]) -> None:
        """Say what is about to be judged."""
        self._write(
            {
                "kind": "header",
                "schema": SCHEMA,
                "suite_version": suite_version(),
                "contract": contract_digests(),
                "upstream": redact(upstream, []),
                "listening": listening,
                "sides": list(sides),
                "started_at": _now(),
            }
        )

    def tell(self, finding: Finding, exchange: Exchange, number: int, times: int) -> None:
        """Tell of a violation: each in the file, the first of a sort in words too."""
        if times == 1:
            where = finding.operation or f"{exchange.method} {exchange.path[:100]}"
            sentence = self._clauses.get(finding.clause, "")
            self._say(f"{finding.side:6} {where} {finding.pointer}: {finding.message}")
            self._say(f"       {finding.rule}, {finding.clause}: {sentence}")
        if times <= WRITTEN_OF_A_SORT:
            self._write(self._violation(finding, exchange, number))

    def end(self, seen: Seen) -> None:
        """Sum up."""
        self._write(_footer(seen))
        for line in _sums(seen):
            self._say(line)

    def _violation(self, finding: Finding, exchange: Exchange, number: int) -> dict[str, Any]:
        return {
            "kind": "violation",
            "at": _now(),
            "side": finding.side,
            "operation": finding.operation,
            "rule": finding.rule,
            "clause": finding.clause,
            "sentence": self._clauses.get(finding.clause, ""),
            "pointer": finding.pointer,
            "message": finding.message,
            "exchange": {
                "number": number,
                "method": exchange.method,
                "path": exchange.path[:1000],
                "status": exchange.status,
                "request_id": exchange.answer_headers.get("x-request-id"),
            },
        }

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()


def _footer(seen: Seen) -> dict[str, Any]:
    return {
        "kind": "footer",
        "verdict": {0: "pass", 1: "fail", 2: "error"}[seen.exit_status],
        "exit_status": seen.exit_status,
        "exchanges": seen.exchanges,
        "operations": dict(sorted(seen.operations.items())),
        "judged": {side: seen.judged[side] for side in SIDES},
        "violations": {side: seen.violations[side] for side in SIDES},
        "sorts": [
            {"side": side, "operation": operation, "rule": rule, "pointer": place, "times": times}
            for (side, operation, rule, place), times in seen.sorts.most_common()
        ],
        "not_judged": dict(sorted(seen.not_judged.items())),
        "unanswered": seen.unanswered,
        "left": seen.left,
        "finished_at": _now(),
    }


def _sums(seen: Seen) -> list[str]:
    verdict = {0: "pass", 1: "fail", 2: "error"}[seen.exit_status]
    known = [name for name in seen.operations if name != "unknown"]
    lines = [f"{verdict}: {seen.exchanges} exchanges of {len(known)} operations"]
    for side in SIDES:
        sorts = sum(1 for sort in seen.sorts if sort[0] == side)
        lines.append(
            f"{side:6} {seen.judged[side]} judged, {seen.violations[side]} broken ({sorts})"
        )
    for reason, times in sorted(seen.not_judged.items()):
        lines.append(f"not judged for the {reason}: {times}")
    if seen.unanswered:
        lines.append(f"not answered by the server: {seen.unanswered}")
    if seen.left:
        lines.append(f"left by the client: {seen.left}")
    return lines


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
