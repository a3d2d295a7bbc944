"""Judges the exchanges that passed, and counts what was seen."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from durable_conformance.judging import answers, documents, requests, routes
from durable_conformance.judging.finding import CLIENT, SERVER, Finding
from durable_conformance.proxy.forward import LEFT, Exchange

SIDES = (CLIENT, SERVER)
_SORTS_MAX = 10_000


@dataclass
class Seen:
    """What passed so far, in numbers."""

    exchanges: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)
    not_judged: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    left: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    sorts: Counter[tuple[str, str | None, str, str]] = field(default_factory=Counter)

    @property
    def exit_status(self) -> int:
        """0 when nothing broke the contract, 1 when something did, 2 when nothing was judged."""
        if self.violations.total():
            return 1
        return 0 if self.judged.total() else 2


class Court:
    """Looks at exchanges; `told` hears of every finding and how often its sort was seen."""

    def __init__(
        self, sides: tuple[str, ...], limit: int, told: Callable[[Finding, Exchange, int], None]
    ) -> None:
        self.seen = Seen()
        self._sides = sides
        self._limit = limit
        self._told = told

    def look(self, exchange: Exchange) -> None:
        """Judge one exchange."""
        self.seen.exchanges += 1
        match = routes.match(exchange.method, exchange.path)
        operation = match.operation
        self.seen.operations[operation.operation_id if operation else "unknown"] += 1
        self._count_trouble(exchange)
        if CLIENT in self._sides and exchange.trouble != LEFT:
            self._client(exchange)
        answered = exchange.status is not None and exchange.trouble is None
        if SERVER in self._sides and operation is not None and answered:
            answer = self._answer(exchange)
            self.seen.judged[SERVER] += 1
            self._tell(answers.judge(operation, answer), exchange)

    def _count_trouble(self, exchange: Exchange) -> None:
        if exchange.trouble == LEFT:
            self.seen.left += 1
        elif exchange.trouble is not None:
            self.seen.unanswered += 1

    def _client(self, exchange: Exchange) -> None:
        if exchange.sent.content is None:
            self.seen.not_judged["size of a request"] += 1
        request = requests.Request(
            exchange.method, exchange.path, exchange.query, exchange.headers, exchange.sent.content
        )
        self.seen.judged[CLIENT] += 1
        self._tell(requests.judge(request), exchange)

    def _answer(self, exchange: Exchange) -> answers.Answer:
        body = exchange.came.content
        if body is None:
            self.seen.not_judged["size of an answer"] += 1
        else:
            body = self._decoded(exchange, body)
        return answers.Answer(
            method=exchange.method,
            status=exchange.status or 0,
            headers=exchange.answer_headers,
            body=body,
            asked=exchange.headers,
        )

    def _decoded(self, exchange: Exchange, body: bytes) -> bytes | None:
        coding = exchange.answer_headers.get("content-encoding", "")
        try:
            return documents.decompressed(body, coding, self._limit)
        except documents.NotJudged as reason:
            self.seen.not_judged[f"{reason} of an answer"] += 1
            return None
        except documents.NoDocument:
            # What cannot be decoded cannot be read by anybody; as it stands it is no JSON.
            return body

    def _tell(self, findings: list[Finding], exchange: Exchange) -> None:
        for finding in findings:
            self.seen.violations[finding.side] += 1
            # Paths may be made of anything; what is remembered of them is bounded.
            if finding.sort in self.seen.sorts or len(self.seen.sorts) < _SORTS_MAX:
                self.seen.sorts[finding.sort] += 1
            self._told(finding, exchange, self.seen.sorts[finding.sort])
