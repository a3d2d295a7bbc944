"""Says in the last lines what a run did not test, and fails it for that when CI=true."""

import os
from collections import Counter

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write one line per thing that was not tested."""
    untested = _untested(terminalreporter)
    if terminalreporter.config.option.markexpr == "not long":
        terminalreporter.write_line("left out on purpose: the long tests (make test-all)")
    for reason, count in untested.items():
        terminalreporter.write_line(f"NOT TESTED: {reason} ({count} tests)", red=True)
    if untested and not _in_ci():
        terminalreporter.write_line("with CI=true this would fail the run")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a run that left something untested has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and _in_ci() and _untested(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _untested(reporter: pytest.TerminalReporter) -> Counter[str]:
    skipped = reporter.stats.get("skipped", []) + reporter.stats.get("xfailed", [])
    return Counter(_reason(report) for report in skipped)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"
