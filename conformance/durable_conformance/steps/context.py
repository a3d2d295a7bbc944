"""What the steps of one scenario share: the client, the saved names, the exchanges so far."""

import math
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from durable_conformance import contract, expect
from durable_conformance.client import ANSWER_SECONDS_MAX, Client, Exchange, Request
from durable_conformance.variables import Variables, dig
from durable_conformance.verdict import Broken, Undecided

RESERVED = frozenset({"as", "save", "expect", "role", "headers", "namespace"})


@dataclass
class Context:
    """One run of one scenario."""

    client: Client
    variables: Variables
    ends_at: float = math.inf
    trace: list[Exchange] = field(default_factory=list)
    registered: dict[str, str] = field(default_factory=dict)
    begun: dict[str, "Future[Exchange]"] = field(default_factory=dict)

    def send(self, request: Request) -> Exchange:
        """Send a request, remember the exchange, and hold the answer against the contract."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise Undecided("the time for it was over")
        exchange = self.client.send(request, min(left, ANSWER_SECONDS_MAX))
        self.trace.append(exchange)
        problems = exchange.contract_problems()
        if problems:
            raise Broken("; ".join(problems) + told(exchange))
        return exchange

    def save(self, names: dict[str, str], value: Any) -> None:
        """Save members of an answer under names; an answer that lacks one breaks its promise."""
        for name, path in names.items():
            try:
                self.variables.save(name, dig(value, path.split(".")))
            except LookupError as error:
                raise Broken(f"the answer has nothing at {path}: {error}") from error

    def conclude(self, step: dict[str, Any], exchange: Exchange, default: dict[str, Any]) -> None:
        """Check an answer against the step's expectation, and save what the step names."""
        self.check(step, exchange, default)
        self.save(step.get("save", {}), exchange.body)
        if "as" in step:
            self.variables.save(step["as"], exchange.body)

    def check(self, step: dict[str, Any], exchange: Exchange, default: dict[str, Any]) -> None:
        """Check an answer against the step's expectation, or the usual one when it has none."""
        wanted = step.get("expect", default)
        try:
            expect.check(wanted, exchange.status, exchange.headers, exchange.body)
        except Broken as broken:
            surprised = step.get("expect", {}).get("status") != exchange.status
            raise Broken(f"{broken}{told(exchange) if surprised else ''}") from broken


def told(exchange: Exchange) -> str:
    """What a refusing answer says about itself."""
    if exchange.status < 400 or not isinstance(exchange.body, dict):
        return ""
    reason = exchange.body.get("reason")
    text = exchange.body.get("message") or exchange.body.get("error")
    return f" (the answer says {reason}: {text})"


def plane_request(step: dict[str, Any], operation_id: str, context: Context) -> dict[str, Any]:
    """The parts of a request that every step on an operation may state."""
    operation = contract.operations().get(operation_id)
    if operation is None:
        raise Undecided(f"the contract has no operation {operation_id}")
    headers = dict(step.get("headers", {}))
    if "namespace" in step:
        headers.setdefault("X-Namespace", step["namespace"])
    return {
        "method": operation.method,
        "plane": operation.plane,
        "operation": operation,
        "role": step.get("role"),
        "headers": headers,
    }


def fields_of(step: dict[str, Any]) -> dict[str, Any]:
    """The members of a step that belong into the body it sends."""
    return {name: value for name, value in step.items() if name not in RESERVED}
