"""What `dw doctor` looks at, and what it says about it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from durable_cli.cells import instant
from durable_cli.problem import COMPATIBILITY, FAILURE, NOT_FOUND, Problem
from durable_cli.session import Body, Session

SKEW_SECONDS_MAX = 5.0
_CONTROL_VERSION = "2"


@dataclass(frozen=True)
class Finding:
    """One check: ok, warning or error, what was found, and what to do."""

    check: str
    state: str
    message: str
    remedy: str | None = None
    exit_code: int = 0


def examine(session: Session) -> list[Finding]:
    """Every check in order; without a connection there is nothing more to look at."""
    try:
        health = session.call("health.health")
    except Problem as problem:
        return [_failed("connection", problem)]
    found = [Finding("connection", "ok", "the server answers and serves"), clock(health)]
    found.append(_ready(session))
    try:
        found.append(versions(session.call("cluster.info")))
    except Problem as problem:
        return [*found, _failed("credential", problem)]
    found.append(_credential(session))
    if not found[-1].exit_code:
        found.append(_workers(session))
    return found


def clock(health: Body, now: datetime | None = None) -> Finding:
    """Whether the clocks of this machine and of the server agree."""
    theirs = instant(health.get("timestamp"))
    if theirs is None:
        return Finding("clock", "warning", "the server does not tell its time")
    seconds = ((now or datetime.now(UTC)) - theirs).total_seconds()
    if abs(seconds) > SKEW_SECONDS_MAX:
        return Finding(
            "clock",
            "warning",
            f"the clock here is {seconds:+.0f} s off that of the server",
            "Have both take their time from NTP; ages shown here are off by as much.",
        )
    return Finding("clock", "ok", "both clocks agree")


def versions(info: Body) -> Finding:
    """Whether this program and the server speak the same control plane."""
    spoken = (info.get("control_plane") or {}).get("version")
    if spoken == _CONTROL_VERSION:
        return Finding("versions", "ok", f"release {info.get('version')}, control plane {spoken}")
    return Finding(
        "versions",
        "error",
        f"the server speaks control plane {spoken}, and this program {_CONTROL_VERSION}",
        "Install the release of dw that belongs to the server.",
        COMPATIBILITY,
    )


def _ready(session: Session) -> Finding:
    try:
        checks = session.call("health.ready").get("checks") or {}
    except Problem as problem:
        checks = (problem.body or {}).get("checks") or {}
        if not isinstance(checks, dict) or not checks:
            return _failed("readiness", problem)
    bad: list[str] = [name for name, each in checks.items() if each.get("status") != "ok"]
    if not bad:
        return Finding(
            "readiness", "ok", "database, migrations, namespace, cache and auth are ready"
        )
    remedies = [
        str(checks[name].get("remediation")) for name in bad if checks[name].get("remediation")
    ]
    hint = " ".join(remedies) or "Run: durable-server bootstrap"
    return Finding("readiness", "error", f"not ready: {', '.join(bad)}", hint, FAILURE)


def _credential(session: Session) -> Finding:
    """The role shows by what the server lets this credential do."""
    try:
        session.call("workflows.list", query={"page_size": 1})
    except Problem as problem:
        return _failed("namespace" if problem.code == NOT_FOUND else "credential", problem)
    return Finding("credential", "ok", "it may work with workflows (operator or admin)")


def _workers(session: Session) -> Finding:
    try:
        workers: list[Any] = session.call("workers.list")["workers"]
    except Problem as problem:
        return _failed("workers", problem)
    live = [each for each in workers if each.get("status") == "active"]
    if live:
        return Finding(
            "workers", "ok", f"{len(live)} of {len(workers)} registered workers are alive"
        )
    return Finding(
        "workers",
        "warning",
        "no worker is alive in this namespace",
        "Start one; nothing runs until then.",
    )


def _failed(check: str, problem: Problem) -> Finding:
    return Finding(check, "error", problem.message, problem.remedy, problem.code)
