"""Mutants in processes of their own, a few at a time, each forked from one that has loaded all
libraries and nothing of the server."""

import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from durable_conformance import contract, library
from durable_contracts import bundle

from tests.mutants.hold import Outcome, bootstrap, hold
from tests.mutants.mutant import Mutant

SECONDS_MAX = 300
LIBRARIES = (
    "connexion",
    "uvicorn",
    "peewee",
    "jsonschema_rs",
    "redis",
    "psycopg2",
    "obstore",
    "pydantic_settings",
    "orjson",
    "cronsim",
    "lark",
    "prometheus_client",
)
_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class _Held:
    name: str
    process: Any
    deadline: float


def hold_none(folder: Path) -> Outcome:
    """The suite against the server as it is, in the way in which it meets mutants."""
    template = _template(folder)
    return next(_gathered({"nothing": lambda: hold(None, template, folder)}, 1))


def hold_all(chosen: Sequence[Mutant], folder: Path, parallel: int) -> Iterator[Outcome]:
    """The outcome of every mutant, as each becomes known."""
    template = _template(folder)
    tasks = {each.id: _task(each, template, folder) for each in chosen}
    return _gathered(tasks, parallel)


def _task(mutant: Mutant, template: Path, folder: Path) -> Callable[[], Outcome]:
    return lambda: hold(mutant, template, folder)


def _template(folder: Path) -> Path:
    for name in LIBRARIES:
        importlib.import_module(name)
    library.load()
    contract.operations()
    bundle.operations()
    template = folder / "template.sqlite"
    if not template.exists():
        process = _fork.Process(target=bootstrap, args=(template,))
        process.start()
        process.join()
        if process.exitcode != 0:
            raise RuntimeError("no database could be made for the mutants")
    return template


def _gathered(tasks: dict[str, Callable[[], Outcome]], parallel: int) -> Iterator[Outcome]:
    waiting, held = list(tasks.items()), dict[Any, _Held]()
    while waiting or held:
        while waiting and len(held) < parallel:
            name, task = waiting.pop(0)
            connection, process = _begun(task)
            held[connection] = _Held(name, process, time.monotonic() + SECONDS_MAX)
        for connection in wait(list(held), timeout=1):
            yield _ended(held.pop(connection), connection)
        for connection, one in list(held.items()):
            if time.monotonic() > one.deadline:
                one.process.kill()
                one.process.join()
                del held[connection]
                yield Outcome(one.name, "", f"not decided in {SECONDS_MAX} s", ("time",))


def _begun(task: Callable[[], Outcome]) -> tuple[Any, Any]:
    ours, theirs = _fork.Pipe(duplex=False)

    def run() -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
        theirs.send(task())
        # Threads of the server and of scenarios that are still under way end with the process.
        os._exit(0)

    process = _fork.Process(target=run)
    process.start()
    theirs.close()
    return ours, process


def _ended(one: _Held, connection: Any) -> Outcome:
    try:
        outcome: Outcome = connection.recv()
    except EOFError:
        outcome = Outcome(one.name, "", "its process ended without a word", ("process",))
    connection.close()
    one.process.join()
    return outcome
