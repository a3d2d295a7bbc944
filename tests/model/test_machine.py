"""Random requests at a whole server, on either database."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from durable_server.clock import ManualClock
from durable_server.http.compile import Router
from durable_server.store import migrate
from durable_server.store.database import open_store
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import ServerMachine
from tests.model.still import still_server
from tests.model.worlds import LEASE_SECONDS
from tests.support.databases import KINDS, own_database

PHASES = [Phase.explicit, Phase.generate, Phase.shrink]
LONG_EXAMPLES, LONG_STEPS = 700, 100
LEASES = {"workflow_task_timeout": LEASE_SECONDS, "activity_task_timeout": LEASE_SECONDS}


def live(kind: str, folder: Path, examples: int, steps: int, chosen: int) -> int:
    """Have machines run, each against a server of its own; gives the steps taken."""
    with own_database(kind, folder) as url:
        migrate.bootstrap(open_store(url, clock=ManualClock(), database_clock=False))
        router = Router()

        @seed(chosen)
        class Machine(ServerMachine):
            @staticmethod
            def open_server() -> Any:
                return still_server(url, folder, router, **LEASES)

        run_state_machine_as_test(Machine, settings=_settings(examples, steps))
        return Machine.steps


def _settings(examples: int, steps: int) -> Any:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=PHASES,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_keeps_its_promises_whatever_is_asked(kind: str, tmp_path: Path) -> None:
    assert live(kind, tmp_path, 12, 40, 1) > 200


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_keeps_its_promises_over_many_steps(kind: str, tmp_path: Path) -> None:
    # Both databases together take at least a hundred thousand steps.
    chosen = secrets.randbelow(1 << 32)
    print(f"the seed is {chosen}")
    taken = live(kind, tmp_path, LONG_EXAMPLES, LONG_STEPS, chosen)
    assert taken >= 50_000
