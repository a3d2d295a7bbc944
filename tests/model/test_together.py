"""Many clients and workers at once: nobody waits for somebody who waits for them."""

import random
import threading
from pathlib import Path
from typing import Any

import pytest
from durable_server import app
from durable_server.config import Settings
from durable_server.http.compile import Router
from durable_server.ids import new_plain_id
from durable_server.server import Server
from durable_server.store import migrate

from tests.invariants import checks
from tests.model.asking import Asker
from tests.support.databases import KINDS, own_database

CLIENTS, WORKERS, REQUESTS = 4, 4, 40
NAMES = [f"order-{number}" for number in range(3)]
QUEUE = "orders"
STEPS: list[dict[str, Any]] = [
    {"type": "schedule_activity", "activity_type": "charge"},
    {"type": "start_timer", "delay_seconds": 0},
    {"type": "start_child_workflow", "workflow_type": "part", "parent_close_policy": "terminate"},
    {"type": "start_child_workflow", "workflow_type": "part", "parent_close_policy": "abandon"},
    {"type": "open_condition_wait", "condition_key": "ready", "timeout_seconds": 1},
    {"type": "continue_as_new"},
    {"type": "complete_workflow"},
]


def be_a_client(asker: Asker, chance: random.Random) -> None:
    """Start, signal, update, stop and look at the same few workflows as everybody."""
    for number in range(REQUESTS):
        name = chance.choice(NAMES)
        path, request = f"/api/workflows/{name}", f"{threading.get_ident()}-{number}"
        draw = chance.random()
        if draw < 0.3:
            body = {"workflow_id": name, "workflow_type": "order", "task_queue": QUEUE}
            asker.ask("POST", "/api/workflows", {**body, "duplicate_policy": "use-existing"})
        elif draw < 0.6:
            asker.ask("POST", f"{path}/signal/ready", {"request_id": request})
        elif draw < 0.8:
            body = {"request_id": request, "wait_for": "accepted"}
            asker.ask("POST", f"{path}/update/change", body)
        elif draw < 0.85:
            asker.ask("POST", f"{path}/{chance.choice(('cancel', 'terminate'))}", {})
        else:
            asker.ask("GET", path)


def be_a_worker(asker: Asker, chance: random.Random) -> None:
    """Take what there is and complete it."""
    for _ in range(REQUESTS):
        name = f"worker-{chance.randrange(2)}"
        task = asker.poll("workflow", name, QUEUE)
        if task is not None:
            lease = {key: task[key] for key in ("lease_owner", "workflow_task_attempt")}
            update = task["workflow_update_id"]
            commands = [chance.choice(STEPS)]
            if update is not None:
                commands = [{"type": "complete_update", "update_id": update}]
            path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
            asker.ask("POST", path, {**lease, "commands": commands})
        attempt = asker.poll("activity", name, QUEUE)
        if attempt is not None:
            report = {key: attempt[key] for key in ("lease_owner", "activity_attempt_id")}
            path = f"/api/worker/activity-tasks/{attempt['task_id']}/complete"
            asker.ask("POST", path, {**report, "result": "AAA="})


def all_at_once(servers: list[Server]) -> None:
    """Every party on a thread of its own; what goes wrong on one is raised here."""
    router, wrong = Router(), []
    askers = [Asker(server, router) for server in servers]
    asker = askers[0]
    for number in range(2):
        asker.register(f"worker-{number}", QUEUE)

    def run(party: Any, seed: int) -> None:
        try:
            party(askers[seed % len(askers)], random.Random(seed))
        except BaseException as error:
            wrong.append(error)

    parties = [be_a_client] * CLIENTS + [be_a_worker] * WORKERS
    threads = [
        threading.Thread(target=run, args=(party, seed)) for seed, party in enumerate(parties)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    everything = asker.everything(QUEUE)
    assert set(NAMES) <= {rows.run.workflow_id for rows in everything.runs.values()}
    for rows in everything.runs.values():
        checks.check_run(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_clients_and_workers_never_wait_for_each_other(kind: str, tmp_path: Path) -> None:
    with own_database(kind, tmp_path) as url:
        chosen = Settings(database_url=url, auth_driver="none", server_id=new_plain_id(), writers=4)
        # Two processes' worth of lanes and passes on one database.
        servers = [app.build_server(chosen) for _ in range(2)]
        migrate.bootstrap(servers[0].store, chosen)
        for server in servers:
            app.start(server)
        try:
            all_at_once(servers)
        finally:
            for server in servers:
                app.stop(server)
