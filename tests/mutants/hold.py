"""Hold one mutant against the suite: a server with the defect, until a scenario fails twice."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from durable_conformance import library
from durable_conformance.client import Client
from durable_conformance.runner import Result, discover, run_one
from durable_conformance.scenario import Scenario
from durable_conformance.steps import poll
from durable_conformance.target import Target
from durable_conformance.verdict import Undecided, Verdict

from tests.mutants.mutant import Mutant
from tests.mutants.plant import plant

CREDENTIALS = {role: f"token-of-{role}" for role in ("worker", "operator", "admin", "legacy")}
# Leases end and polls give up soon, so that what waits for them takes seconds.
SETTINGS: dict[str, Any] = {
    "worker_token": CREDENTIALS["worker"],
    "operator_token": CREDENTIALS["operator"],
    "admin_token": CREDENTIALS["admin"],
    "auth_token": CREDENTIALS["legacy"],
    "workflow_task_timeout": 4,
    "worker_poll_timeout": 1,
    "worker_poll_interval_ms": 50,
    # As long as a poll otherwise, which is too short for a busy machine.
    "query_task_timeout": 5,
}
PARALLEL = 8
# A task that does not come is waited for in vain; on this server it comes at once, or is waited for
# longer by the scenario itself.
WITHIN_SECONDS = 6
VOUCHED = frozenset({"short_leases"})
START_SECONDS_MAX = 30


@dataclass(frozen=True)
class Outcome:
    """What caught a mutant, or nothing; `undecided` are scenarios that could not tell."""

    mutant: str
    caught_by: str = ""
    reason: str = ""
    undecided: tuple[str, ...] = ()
    scenarios: int = 0
    seconds: float = 0.0


def hold(mutant: Mutant | None, template: Path, folder: Path) -> Outcome:
    """Run scenarios, the likeliest first, until one fails twice; this process is lost for others.

    Without a mutant it is the honest server, of which no scenario may fail.
    """
    began = time.monotonic()
    poll.WITHIN_SECONDS = WITHIN_SECONDS
    if mutant is not None:
        plant(mutant)
    name = mutant.id if mutant else "nothing"
    database = folder / f"{name}.sqlite"
    shutil.copy(template, database)
    try:
        url = _serve(database)
        client = Client(Target(url, auth="token", credentials=CREDENTIALS, capabilities=VOUCHED))
        client.target = discover(client)
    except Exception as problem:
        # A server that does not start, or not answer, passes nothing; the list has none of these.
        return Outcome(name, "", f"the server did not start: {problem!r}", ("start",))
    return _judged(name, began, _results(mutant, client), client)


def _judged(name: str, began: float, results: Iterator[Result], client: Client) -> Outcome:
    undecided: list[str] = []
    done = 0
    for result in results:
        done += 1
        if result.verdict is Verdict.ERROR:
            undecided.append(f"{result.scenario.id}: {result.reason}")
        # Twice, so that nothing is put down to the defect that was only chance.
        again = run_one(result.scenario, client) if result.verdict is Verdict.FAIL else None
        if again is not None and again.verdict is Verdict.FAIL:
            seconds = round(time.monotonic() - began, 1)
            return Outcome(name, result.scenario.id, again.reason, (), done, seconds)
    seconds = round(time.monotonic() - began, 1)
    return Outcome(name, "", "", tuple(undecided), done, seconds)


def bootstrap(database: Path) -> None:
    """An empty database, migrated; in a process of its own, like `hold`."""
    from durable_server import app
    from durable_server.store import migrate

    settings = _settings(database)
    server = app.build_server(settings)
    migrate.bootstrap(server.store, settings)
    server.store.close()


def _settings(database: Path) -> Any:
    from durable_server.config import Settings

    return Settings(database_url=f"sqlite:///{database}", **SETTINGS)


def _serve(database: Path) -> str:
    from durable_server import app
    from durable_server.http.waitress_server import WaitressServer

    server = app.build_server(_settings(database))
    app.start(server)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # Waitress starts in a third of the time, as it does without Connexion's look at the document.
    running = WaitressServer(app.build_edge(server), listener)
    threading.Thread(target=running.run, args=(0,), daemon=True).start()
    deadline = time.monotonic() + START_SECONDS_MAX
    while not server.database.settled:
        if time.monotonic() > deadline:
            raise Undecided("the server is not ready in time")
        time.sleep(0.01)
    return url


def _results(mutant: Mutant | None, client: Client) -> Iterator[Result]:
    for scenarios in waves(mutant):
        pool = ThreadPoolExecutor(PARALLEL)
        futures = [pool.submit(run_one, scenario, client) for scenario in scenarios]
        for future in as_completed(futures):
            yield future.result()


def waves(mutant: Mutant | None) -> list[list[Scenario]]:
    """Every scenario once: those named first, those of the clause, of its stems, the others."""
    left = list(library.load().scenarios)
    if mutant is None:
        return [left]
    of_clause = [each for each in left if each.clause == mutant.clause]
    named = [each for each in left if fnmatchcase(each.id, mutant.first)]
    stems = {each.stem for each in named or of_clause}
    found: list[list[Scenario]] = []
    for wave in (named, of_clause, [each for each in left if each.stem in stems], left):
        fresh = [each for each in wave if not any(each in earlier for earlier in found)]
        if fresh:
            found.append(fresh)
    return found
