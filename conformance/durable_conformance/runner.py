"""Runs scenarios against a target: each on its own, in any order, several at a time."""

import math
import random
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from durable_conformance.client import Client, Exchange, Request
from durable_conformance.contract import operations
from durable_conformance.scenario import Scenario
from durable_conformance.steps import STEPS
from durable_conformance.steps.context import Context
from durable_conformance.target import ANY_ROLE, ROLES, Target
from durable_conformance.variables import Variables
from durable_conformance.verdict import Broken, LeftOut, Undecided, Verdict

PARALLEL_MAX = 64
_EXCHANGES_KEPT = 6
# What `brief:` asks of the target: a run stays short by default.
BRIEF_SECONDS_MAX = 10


@dataclass(frozen=True)
class Result:
    """What came of one scenario."""

    scenario: Scenario
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    steps: tuple[tuple[str, Verdict], ...] = ()
    exchanges: tuple[Exchange, ...] = ()


@dataclass
class _Progress:
    steps: list[tuple[str, Verdict]] = field(default_factory=list)

    def note(self, name: str, verdict: Verdict) -> None:
        self.steps.append((name, verdict))


def discover(client: Client) -> Target:
    """The target with what its cluster info advertises; Undecided when nobody answers."""
    operation = operations()["cluster.info"]
    request = Request(operation.method, operation.path, operation.plane, operation=operation)
    try:
        exchange = client.send(request)
    except LeftOut:
        return client.target
    known = exchange.status == 200 and isinstance(exchange.body, dict)
    return client.target.knowing(exchange.body if known else {})


@dataclass(frozen=True)
class Limits:
    """How long one scenario may take, and when all of them end, by the monotonic clock."""

    seconds: float = math.inf
    ends_at: float = math.inf


NO_LIMITS = Limits()


def run_all(
    scenarios: list[Scenario], client: Client, parallel: int, limits: Limits = NO_LIMITS
) -> Iterator[Result]:
    """Run the scenarios, yielding each result as soon as it is known."""
    with ThreadPoolExecutor(max_workers=min(parallel, PARALLEL_MAX)) as pool:
        futures = [pool.submit(run_one, scenario, client, limits) for scenario in scenarios]
        for future in as_completed(futures):
            yield future.result()


def run_one(scenario: Scenario, client: Client, limits: Limits = NO_LIMITS) -> Result:
    """Run one scenario; whatever goes wrong becomes a verdict."""
    missing = _missing(scenario, client.target)
    if missing is not None:
        return Result(scenario, *missing)
    began = time.monotonic()
    ends_at = min(began + limits.seconds, limits.ends_at)
    context = Context(client, _variables(client.target), ends_at)
    progress = _Progress()
    verdict, reason = _carry_out(scenario, context, progress)
    return Result(
        scenario=scenario,
        verdict=verdict,
        reason=reason,
        seconds=round(time.monotonic() - began, 3),
        steps=tuple(progress.steps),
        exchanges=() if verdict is Verdict.PASS else tuple(context.trace[-_EXCHANGES_KEPT:]),
    )


def in_order(scenarios: list[Scenario], order: str) -> list[Scenario]:
    """The scenarios `sorted`, `reversed`, or `shuffled:<seed>`."""
    listed = sorted(scenarios, key=lambda scenario: scenario.id)
    if order == "reversed":
        return listed[::-1]
    if order.startswith("shuffled:"):
        # A reproducible order is wanted here, not an unpredictable one.
        random.Random(order).shuffle(listed)
    return listed


def _carry_out(scenario: Scenario, context: Context, progress: _Progress) -> tuple[Verdict, str]:
    for number, (name, step) in enumerate(scenario.steps, start=1):
        try:
            STEPS[name](step, context)
        except Broken as broken:
            progress.note(name, Verdict.FAIL)
            return Verdict.FAIL, f"step {number} ({name}): {broken}"
        except LeftOut as left_out:
            progress.note(name, Verdict.SKIPPED)
            return Verdict.SKIPPED, f"step {number} ({name}): {left_out}"
        except Undecided as undecided:
            progress.note(name, Verdict.ERROR)
            return Verdict.ERROR, f"step {number} ({name}): {undecided}"
        except Exception as error:
            # A fault of the suite must neither blame the target nor stop the other scenarios.
            progress.note(name, Verdict.ERROR)
            return Verdict.ERROR, f"step {number} ({name}): {type(error).__name__}: {error}"
        progress.note(name, Verdict.PASS)
    return Verdict.PASS, ""


def _missing(scenario: Scenario, target: Target) -> tuple[Verdict, str] | None:
    for need in scenario.needs:
        kind, _, name = need.partition(":")
        if kind == "command" and not target.takes_command(name):
            return Verdict.UNSUPPORTED, f"the target does not advertise the command {name}"
        if kind == "capability" and not target.offers(name):
            return Verdict.UNSUPPORTED, f"the target does not advertise {name}"
        if kind == "auth" and target.auth != name:
            return Verdict.SKIPPED, f"the target is not under test with the driver {name}"
        if kind == "brief" and not (target.query_seconds() or math.inf) <= BRIEF_SECONDS_MAX:
            told = f"a query may wait longer than {BRIEF_SECONDS_MAX} s at the target"
            return Verdict.UNSUPPORTED, told
        if kind == "credential" and not _given(target, name):
            return Verdict.SKIPPED, f"no credential of its own was given for {name}"
    return None


def _given(target: Target, name: str) -> bool:
    if target.auth == "none":
        return False
    if name == "any":
        return bool(target.secrets())
    if name == "shared":
        return list(target.credentials) == [ANY_ROLE]
    return name in ROLES and target.has_own_credential(name)


def _variables(target: Target) -> Variables:
    unique = secrets.token_hex(6)
    return Variables(unique, {"namespace": target.namespace, "server": dict(target.advertised)})
