"""`durable-conformance run`, `list` and `check`: the scenarios against a target."""

import re
import time
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import typer
from durable_contracts.defect import Defect

from durable_conformance import check as suite_check
from durable_conformance import known_failures, library
from durable_conformance.client import Client
from durable_conformance.options import RunOptions, taking
from durable_conformance.report import badge, jsonl, junit, markdown, page
from durable_conformance.report.record import Circumstances, Record, record_of
from durable_conformance.runner import Limits, Result, discover, in_order, run_all
from durable_conformance.scenario import Scenario
from durable_conformance.target import Target, target_of
from durable_conformance.verdict import Undecided, Verdict

UNDECIDED = 2
_ORDERS = re.compile(r"sorted|reversed|shuffled:.+")


@taking(RunOptions)
def run(options: RunOptions) -> None:
    """Run scenarios against a target and write reports.

    Exit status: 0 when no promise was broken, 1 when one was, 2 when the suite could not tell.
    """
    try:
        record = _record(options)
        _write(record, options)
    except (Defect, Undecided, OSError) as problem:
        typer.echo(f"durable-conformance: {problem}", err=True)
        raise typer.Exit(UNDECIDED) from problem
    _summary(record)
    raise typer.Exit(record.exit_status)


def list_scenarios(
    profile: str = typer.Option("", help="Profiles, with commas; all when absent."),
) -> None:
    """List the scenarios: id, clause, requirements, title."""
    suite = library.load()
    for scenario in _in_profiles(suite.scenarios, _profiles(profile, suite)):
        numbers = ",".join(scenario.requirement)
        typer.echo(f"{scenario.id}\t{scenario.clause}\t{numbers}\t{scenario.title}")


def check() -> None:
    """Check the suite's own files."""
    problems = suite_check.problems()
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(UNDECIDED)
    typer.echo(f"{len(library.load().scenarios)} scenarios, nothing to complain about")


def _record(options: RunOptions) -> Record:
    suite = library.load()
    if suite.defects:
        raise Defect("suite", "; ".join(suite.defects))
    if not _ORDERS.fullmatch(options.order):
        raise Defect("--order", "say sorted, reversed, or shuffled:<seed>")
    profiles = _profiles(options.profile or "", suite)
    chosen = _chosen(options, suite, profiles)
    known = _known(options.known_failures, suite)
    client = Client(_target(options))
    try:
        client.target = discover(client)
        started, began = _now(), time.monotonic()
        limits = Limits(options.timeout_seconds, began + options.total_seconds)
        ordered = in_order(chosen, options.order)
        results = []
        for result in run_all(ordered, client, options.parallel, limits):
            results.append(result)
            _echo(result, client.target)
        circumstances = Circumstances(
            target=client.target,
            profiles=tuple(profiles),
            order=options.order,
            parallel=options.parallel,
            started_at=started,
            finished_at=_now(),
            seconds=round(time.monotonic() - began, 3),
        )
    finally:
        client.close()
    return record_of(results, circumstances, known)


def _target(options: RunOptions) -> Target:
    stated = {
        "url": options.server,
        "namespace": options.namespace,
        "auth": options.auth,
        "credentials": options.credentials(),
        "capabilities": options.capability,
    }
    return target_of(stated, options.target)


def _profiles(text: str, suite: library.Library) -> list[str]:
    known = [profile.name for profile in suite.profiles]
    wanted = [name.strip() for name in text.split(",") if name.strip()] or known
    for name in wanted:
        if name not in known:
            raise Defect("--profile", f"there is no profile {name}; there are {', '.join(known)}")
    return wanted


def _chosen(options: RunOptions, suite: library.Library, profiles: list[str]) -> list[Scenario]:
    pattern = options.only or "*"
    chosen = [
        scenario
        for scenario in _in_profiles(suite.scenarios, profiles)
        if fnmatchcase(scenario.id, pattern)
    ]
    if not chosen:
        raise Defect("--only", f"no scenario of {', '.join(profiles)} fits {pattern}")
    return chosen


def _in_profiles(scenarios: tuple[Scenario, ...], profiles: list[str]) -> list[Scenario]:
    return [scenario for scenario in scenarios if scenario.profile in profiles]


def _known(path: Path | None, suite: library.Library) -> dict[str, str]:
    if path is None:
        return {}
    return known_failures.load(path, {scenario.id for scenario in suite.scenarios})


def _write(record: Record, options: RunOptions) -> None:
    reports = (
        (options.jsonl, jsonl.render),
        (options.junit, junit.render),
        (options.markdown, markdown.render),
        (options.html, page.render),
        (options.badge, badge.render),
    )
    for path, render in reports:
        if path is not None:
            path.write_text(render(record), encoding="utf-8")


def _echo(result: Result, target: Target) -> None:
    if result.verdict in (Verdict.PASS, Verdict.UNSUPPORTED, Verdict.SKIPPED):
        return
    reason = result.reason
    for secret in target.secrets():
        reason = reason.replace(secret, "[removed]")
    scenario = result.scenario
    typer.echo(f"{result.verdict.value:5} {scenario.id} ({scenario.clause}): {reason}")


def _summary(record: Record) -> None:
    footer = record.footer
    for scenario_id in footer["known_failures_passed"]:
        typer.echo(f"known failure passes now: {scenario_id}")
    counts = ", ".join(f"{count} {name}" for name, count in footer["counts"].items() if count)
    typer.echo(f"{footer['verdict']}: {counts} in {footer['seconds']} s")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
