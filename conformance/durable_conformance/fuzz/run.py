"""Generated and directed requests against a target, judged by every check, until the time is up."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import hypothesis
import schemathesis
from durable_contracts import bundle
from durable_contracts.operations import Operation
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.core.control import SkipTest
from schemathesis.core.failures import FailureGroup

from durable_conformance import library
from durable_conformance.client import ANSWER_SECONDS_MAX, Client, Exchange, Request
from durable_conformance.contract import operations
from durable_conformance.fuzz import directed, linked
from durable_conformance.fuzz.bounds import Bounds
from durable_conformance.fuzz.coverage import Coverage
from durable_conformance.fuzz.excuses import AUTHENTICATION, excused, wait_briefly
from durable_conformance.fuzz.live import Live, headers_of
from durable_conformance.judging import answers
from durable_conformance.runner import Limits, run_all
from durable_conformance.target import Target
from durable_conformance.verdict import Verdict

# A bundle that a run was exported to is not made by chance.
NEVER_BY_CHANCE = frozenset({"imports.history_export"})
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
BYTES_MAX_USUAL = 2 * 1024 * 1024
_TEXT_MAX = 1000
SCENARIO_SECONDS_MAX = 60
AT_ONCE = 8


class _Noting(Client):
    """A client that tells of each answer."""

    def __init__(self, target: Target, note: Callable[[Operation, int], None]) -> None:
        super().__init__(target)
        self._note = note

    def send(self, request: Request, seconds: float = ANSWER_SECONDS_MAX) -> Exchange:
        """Send one request, and tell of its answer."""
        exchange = super().send(request, seconds)
        if exchange.operation is not None:
            self._note(exchange.operation, exchange.status)
        return exchange


@dataclass
class Found:
    """What came of it."""

    coverage: Coverage = field(default_factory=Coverage)
    requests: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)
    out_of_time: bool = False


class Fuzz:
    """One run; `say` hears of each failure that was not seen before."""

    def __init__(self, target: Target, bounds: Bounds, say: Callable[[str], None]) -> None:
        self.found = Found()
        self._target = target
        self._bounds = bounds
        self._say = say
        self._live = Live(target)
        self._known: set[tuple[str, str]] = set()

    def run(self) -> Found:
        """Try directed requests, then what the contract allows and forbids, here and there."""
        with httpx.Client(timeout=ANSWER_SECONDS_MAX) as client:
            for operation in operations().values():
                self._directed(operation, client)
        self.generated()
        self.linked()
        self._scenarios()
        return self.found

    def generated(self, only: str | None = None) -> None:
        """Try what the contract allows and forbids, of one operation or of all."""
        for mode, aimed in ((POSITIVE, False), (NEGATIVE, False), (POSITIVE, True)):
            for each in schema_of(self._target.namespace, mode.value).get_all_operations():
                if only in (None, each.ok().definition.raw["operationId"]):
                    self._generated(each.ok(), mode, aimed)

    def linked(self) -> None:
        """Follow the links of the contract from reply to reply."""
        schema = schema_of(self._target.namespace, POSITIVE.value)
        linked.follow(schema, self._live, self._judge, self._bounds)

    def _directed(self, operation: Operation, client: httpx.Client) -> None:
        limits = self._target.advertised.get("limits") or {}
        bytes_max = int(limits.get("max_payload_bytes") or BYTES_MAX_USUAL)
        gates = directed.requests(operation, self._target, bytes_max)
        fields = directed.of_fields(operation, self._target)
        names = directed.of_names(operation, self._target)
        for each in (*gates, *fields, *names, *directed.of_closed_runs(operation, self._live)):
            if self._late():
                return
            response = directed.send(client, each)
            self._judge_directed(operation, each, response)
            if "etag" in response.headers:
                again = directed.known_already(each, response.headers["etag"])
                self._judge_directed(operation, again, directed.send(client, again))

    def _judge_directed(
        self, operation: Operation, sent: directed.Directed, response: httpx.Response
    ) -> None:
        self._note(operation, response.status_code)
        method, url, headers, _ = sent
        answer = answers.Answer(
            method=method,
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=response.content,
            asked={name.lower(): value for name, value in headers.items()},
        )
        for finding in answers.judge(operation, answer):
            told = f"{finding.pointer}: {finding.message}"
            self._fail(operation.operation_id, finding.rule, told, f"{method} {url}")

    def _scenarios(self) -> None:
        """Let the suite's own scenarios lead where neither chance nor a single request comes."""
        client = _Noting(self._target, self._note)
        limits = Limits(SCENARIO_SECONDS_MAX, self._bounds.ends_at)
        try:
            for result in run_all(list(library.load().scenarios), client, AT_ONCE, limits):
                if result.verdict is Verdict.FAIL:
                    self._fail(result.scenario.id, "scenario", result.reason, result.scenario.title)
        finally:
            client.close()

    def _generated(self, operation: Any, mode: GenerationMode, aimed: bool) -> None:
        name = operation.definition.raw["operationId"]
        if aimed and name in NEVER_BY_CHANCE:
            return

        def try_one(case: Any) -> None:
            if not self._late():
                self._try(name, case, aimed)

        bounded = hypothesis.settings(
            max_examples=self._bounds.examples,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        strategy = operation.as_strategy(generation_mode=mode)
        test = hypothesis.seed(self._bounds.seed)(bounded(hypothesis.given(case=strategy)(try_one)))
        # Nothing can be wrong with a request that has no parts.
        with suppress(Unsatisfiable, SkipTest):
            test()

    def _try(self, name: str, case: Any, aimed: bool) -> None:
        if aimed:
            self._live.aim(name, case.path_parameters, case.body)
        wait_briefly(case.body)
        caller = headers_of(self._target, operations()[name].plane)
        self._judge(name, case, case.call(base_url=self._target.url, headers=caller))

    def _judge(self, name: str, case: Any, response: Any, recorder: Any = None) -> None:
        operation = operations()[name]
        self._note(operation, response.status_code)
        left_out = excused(response.status_code, _document(response), case.body)
        if not self._target.credentials:
            left_out.append(AUTHENTICATION)
        checks = [check for each, check in _checks().items() if each in left_out]
        caller = headers_of(self._target, operation.plane)
        try:
            case.validate_response(
                response, excluded_checks=checks, headers=caller, recorder=recorder
            )
        except FailureGroup as group:
            for failure in group.exceptions:
                title = getattr(failure, "title", type(failure).__name__)
                self._fail(name, title, str(failure), f"{case.method} {case.path}")

    def _note(self, operation: Operation, status: int) -> None:
        self.found.requests += 1
        self.found.coverage.note(operation.operation_id, status)

    def _fail(self, operation_id: str, check: str, message: str, request: str) -> None:
        if (operation_id, check) in self._known:
            return
        self._known.add((operation_id, check))
        self.found.failures.append(
            {
                "operation": operation_id,
                "check": check,
                "message": message[:_TEXT_MAX],
                "request": request,
            }
        )
        self._say(f"fail  {operation_id} {check}: {message[:200]}")

    def _late(self) -> bool:
        late = self._bounds.late()
        self.found.out_of_time = self.found.out_of_time or late
        return late


def schema_of(namespace: str, mode: str) -> Any:
    """The published document as a source of requests of one mode."""
    # A namespace that does not exist ends every request at the same gate.
    inside = {"header.X-Namespace": namespace, "query.namespace": namespace}
    # Links are those of the contract, not guesses.
    phases: dict[str, Any] = {"stateful": {"inference": {"algorithms": []}}}
    config = SchemathesisConfig.from_dict(
        {"parameters": inside, "generation": {"mode": mode}, "phases": phases}
    )
    return schemathesis.openapi.from_dict(bundle.published(), config=config)


def chosen_seed(seed: int | None) -> int:
    """The seed that was asked for, else a new one."""
    return seed if seed is not None else random.SystemRandom().randrange(2**32)


def _document(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _checks() -> dict[str, Any]:
    return {name: CHECKS.get_one(name) for name in CHECKS.get_all_names()}
