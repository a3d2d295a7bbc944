"""`python -m bench`: measure everything in one run and print the tables; `--write` keeps them."""

import argparse
import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench import edge, growth, lifecycle, parked, start, timers, visibility

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
HEAD = """# Performance

What this server costs on one machine, measured by `make bench` in one run, so that the ratios can
be trusted more than the figures: machines are noisy. `make bench` prints these tables;
`python -m bench --write` writes this page.

The naive variant serves the same contract with stock Connexion, looks for tasks in the database,
and writes every row through the ORM in a transaction for each request. It shares the engine and the
tables with the server.
"""
COUNTED = """
Counted instead of timed, a completion costs SQLite 803 instructions of its machine, whether the run
has recorded 10, 1,000 or 5,000 steps and whether it has 10 or 1,800 activities open:
`tests/model/test_cost.py` holds it to that on every machine, however busy.
"""


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table under a heading."""
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def lifecycles() -> str:
    """Server and naive variant, on both databases."""
    rows = []
    for kind in ("postgresql", "sqlite"):
        ours, naive = lifecycle.measure(kind, "server"), lifecycle.measure(kind, "naive")
        ratio = naive.cpu_milliseconds / ours.cpu_milliseconds
        indexed = lifecycle.measure(kind, lifecycle.INDEXED)
        notes = ((ours, f"{ratio:.1f} times less CPU"), (indexed, ""), (naive, ""))
        for each, note in notes:
            rate = f"{each.workflows_per_second:.0f}"
            rows.append((each.variant, kind, rate, f"{each.cpu_milliseconds:.2f}", note))
    head = ("variant", "database", "workflows/s", "CPU ms per workflow (server + database)", "")
    return table("Lifecycle: start, task, activity, task, complete; 64 in flight", head, rows)


def polls() -> str:
    """Parked polls, hand-over, idle queries."""
    found, idle = parked.measure_parked(), parked.measure_idle()
    rows = [
        ("memory for each parked poll", f"{found.kilobytes_each:.1f} KB"),
        ("another request beside them, p50", f"{found.other_request_p50_ms:.1f} ms"),
        ("another request beside them, p99", f"{found.other_request_p99_ms:.1f} ms"),
        ("task in the hands of a parked poll after the start is answered, p50", _ms(found, 50)),
        ("the same, p99", _ms(found, 99)),
        (
            f"PostgreSQL transactions per second with {idle.polls} idle polls",
            f"{idle.transactions_per_second:.1f}",
        ),
    ]
    return table(f"{found.polls} parked polls in one process", ("what", "figure"), rows)


def _ms(found: parked.Parked, share: int) -> str:
    value = found.handover_p50_ms if share == 50 else found.handover_p99_ms
    return f"{value:.1f} ms"


def lateness() -> str:
    """Timers that are due at once."""
    rows = []
    for kind in ("postgresql", "sqlite"):
        late = timers.measure(kind)
        rows.append((kind, f"{late.p50_ms:.0f} ms", f"{late.p99_ms:.0f} ms"))
    return table(
        f"Lateness of {timers.TIMERS} timers due at once", ("database", "p50", "p99"), rows
    )


def starting() -> str:
    """An idle server."""
    found = start.measure()
    rows = [
        ("start to ready, SQLite", f"{found.ready_seconds:.2f} s"),
        ("resident memory, idle", f"{found.resident_megabytes:.0f} MB"),
    ]
    return table("An idle server", ("what", "figure"), rows)


def dispatch() -> str:
    """One request through the edge."""
    rows = [(name, f"{nanoseconds / 1000:.1f}") for name, nanoseconds in edge.measure().items()]
    return table("One request, in process", ("path", "microseconds"), rows)


def growing() -> str:
    """Completions of long runs, and runs with many steps at once."""
    rows = []
    for kind in ("postgresql", "sqlite"):
        costs = growth.measure(kind)
        least = min(each.cpu_milliseconds for each in costs)
        for each in costs:
            ratio = f"{each.cpu_milliseconds / least:.2f} times the least"
            rows.append((each.what, kind, f"{each.cpu_milliseconds:.2f}", ratio))
        for fan in growth.fan_out(kind):
            note = f"the whole run in {fan.seconds:.1f} s, one request at a time"
            rows.append((f"{fan.what}, each", kind, f"{fan.cpu_milliseconds:.2f}", note))
    head = ("run with", "database", "CPU ms per completion (server + database)", "")
    return table("Growth: what one more completion costs a run", head, rows) + COUNTED


def finding(runs: int = visibility.RUNS) -> str:
    """Lists and counts over many runs."""
    found = {kind: visibility.measure(kind, runs) for kind in ("postgresql", "sqlite")}
    rows = []
    for ours, light in zip(found["postgresql"], found["sqlite"], strict=True):
        times = (ours.p50_ms, ours.p95_ms, ours.cpu_ms, light.p50_ms, light.p95_ms, light.cpu_ms)
        rows.append((ours.what, *(f"{each:.1f}" for each in times), f"{ours.found:,}"))
    times = ("p95", "CPU")
    head = ("query", "PostgreSQL p50 ms", *times, "SQLite p50 ms", *times, "found by the last")
    title = f"Lists and counts over {runs:,} runs, a page of 50, one request at a time over HTTP"
    return table(title, head, rows)


PARTS = {
    "lifecycle": lifecycles,
    "polls": polls,
    "timers": lateness,
    "start": starting,
    "edge": dispatch,
    "growth": growing,
    "visibility": finding,
}


def main() -> None:
    """Measure what was asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"any of: {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument(
        "--runs", type=int, default=visibility.RUNS, help="how many runs lists are asked over"
    )
    given = parser.parse_args()
    machine = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores.\n"
    )
    sections = [HEAD + "\n" + machine]
    for name in given.parts or PARTS:
        section = finding(given.runs) if name == "visibility" else PARTS[name]()
        print(section, flush=True)
        sections.append(section)
    if given.write:
        PAGE.write_text("\n".join(sections))


if __name__ == "__main__":
    main()
