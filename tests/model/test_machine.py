"""Random requests at a whole server, on either database."""

from pathlib import Path
from typing import Any

import pytest
from durable_server import app
from durable_server.clock import ManualClock
from durable_server.config import Settings
from durable_server.http.compile import Router
from durable_server.ids import new_plain_id
from durable_server.server import Server
from durable_server.store import migrate
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import ServerMachine
from tests.model.worlds import LEASE_SECONDS
from tests.support.databases import KINDS, own_database

PHASES = [Phase.explicit, Phase.generate, Phase.shrink]
LONG_EXAMPLES, LONG_STEPS = 700, 100


def live(kind: str, folder: Path, examples: int, steps: int, *, repeatable: bool) -> int:
    """Have machines run against one server, restarted now and then; gives the steps taken."""
    with own_database(kind, folder) as url:
        chosen = Settings(
            database_url=url,
            maintenance=False,
            auth_driver="none",
            server_id=new_plain_id(),
            workflow_task_timeout=LEASE_SECONDS,
            activity_task_timeout=LEASE_SECONDS,
        )
        clock = ManualClock()

        def begun() -> Server:
            server = app.build_server(chosen, clock)
            migrate.bootstrap(server.store, chosen)
            app.start(server)
            return server

        class Machine(ServerMachine):
            router = Router()
            server = begun()

            @staticmethod
            def restart() -> Server:
                app.stop(Machine.server, 5.0)
                return begun()

        run_state_machine_as_test(Machine, settings=_settings(examples, steps, repeatable))
        app.stop(Machine.server)
        return Machine.steps


def _settings(examples: int, steps: int, repeatable: bool) -> Any:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=repeatable,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_keeps_its_promises_whatever_is_asked(kind: str, tmp_path: Path) -> None:
    assert live(kind, tmp_path, 12, 40, repeatable=True) > 200


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_keeps_its_promises_over_many_steps(kind: str, tmp_path: Path) -> None:
    # Both databases together take at least a hundred thousand steps.
    taken = live(kind, tmp_path, LONG_EXAMPLES, LONG_STEPS, repeatable=False)
    assert taken >= 50_000
