"""Four processes, restarted at random: every occurrence and every timer once, and none lost."""

import random
import time
from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.kill.cluster import NAPS, QUEUE, Clients, Cluster, Workers
from tests.support.databases import own_database
from tests.support.services import wait_until

CATCH_UP_SECONDS = 3600
PAUSE_SECONDS_MAX = 1.0
END_SECONDS_MAX = 240
STILL_SECONDS_MAX = 60


def test_two_servers_and_two_maintenance_processes_fire_everything_once(tmp_path: Path) -> None:
    _restart_under_load(tmp_path, Load(schedules=5, every=1, naps=25), restarts=5)


@pytest.mark.long
def test_many_restarts_fire_everything_once(tmp_path: Path) -> None:
    _restart_under_load(tmp_path, Load(schedules=12, every=5, naps=150), restarts=60)


class Load(NamedTuple):
    """So many schedules that fire every so many seconds, and workflows that sleep."""

    schedules: int
    every: int
    naps: int


def _restart_under_load(folder: Path, load: Load, restarts: int) -> None:
    chance = random.Random(restarts)
    with own_database("postgresql", folder) as url, ExitStack() as ending:
        cluster = Cluster.on(url, folder)
        ending.callback(cluster.stop)
        clients = Clients(cluster.servers)
        ending.callback(clients.close)
        workers = Workers(clients)
        ending.callback(workers.end)
        names = [_schedule(clients, number, load.every) for number in range(load.schedules)]
        workers.begin()
        for number in range(restarts):
            share = (number * load.naps // restarts, (number + 1) * load.naps // restarts)
            for nap in range(*share):
                _start_nap(clients, nap)
            # The moment of the end is the point: anywhere in what the process does.
            time.sleep(chance.uniform(0, PAUSE_SECONDS_MAX))
            cluster.restart(chance)
        _settle(clients, names)
        found = Counter(ticks=_judge_schedules(clients, names, load.every))
        found["timers"] = _judge_naps(clients, load.naps)
    assert not workers.surprises, "\n".join(workers.surprises[:10])
    assert "Traceback" not in cluster.log(), cluster.log()[-4000:]
    print(f"{restarts} restarts: {dict(found)}, each once")


def _schedule(clients: Clients, number: int, every: int) -> str:
    name = f"tick-{number}"
    body = {
        "schedule_id": name,
        "spec": {"intervals": [{"every": f"PT{every}S"}]},
        "action": {"workflow_type": "tick", "task_queue": QUEUE},
        "overlap_policy": "allow_all",
        "catch_up_window_seconds": CATCH_UP_SECONDS,
    }
    assert clients.send("POST", "/schedules", body).status_code == 201
    return name


def _start_nap(clients: Clients, number: int) -> None:
    body = {"workflow_id": f"nap-{number}", "workflow_type": "nap", "task_queue": QUEUE}
    # The answer to a start that was recorded may have been lost.
    assert clients.send("POST", "/workflows", body).status_code in (201, 409)


def _settle(clients: Clients, names: list[str]) -> None:
    """Wait until what is due now has been fired for, and let nothing fire any more."""
    now = datetime.now().astimezone()
    for name in names:

        def caught_up(name: str = name) -> bool:
            actions = clients.get(f"/schedules/{name}")["info"]["recent_actions"]
            return bool(actions) and _instant(actions[-1]["occurrence_time"]) >= now

        wait_until(caught_up, f"{name} has caught up", END_SECONDS_MAX)
        assert clients.send("POST", f"/schedules/{name}/pause", {}).status_code == 200
    left = _open(clients)
    while left:

        def gone_on(before: int = left) -> bool:
            return _open(clients) != before

        wait_until(gone_on, f"one of {left} workflows ends", STILL_SECONDS_MAX)
        left = _open(clients)


def _open(clients: Clients) -> int:
    found: int = clients.get(f"/workflow-counts?task_queue={QUEUE}&status=running")["count"]
    return found


def _judge_schedules(clients: Clients, names: list[str], every: int) -> int:
    """Each occurrence from the first one on was fired for once, and each firing has its run."""
    expected: Counter[str] = Counter()
    for name in names:
        created = _instant(clients.get(f"/schedules/{name}")["created_at"])
        events = [e for e in _events(clients, name) if e["event_type"] == "ScheduleTriggered"]
        times = [int(_instant(e["payload"]["occurrence_time"]).timestamp()) for e in events]
        first = int(created.timestamp()) // every * every + every
        assert times == [*range(first, first + every * len(times), every)], name
        assert [e["payload"]["trigger_number"] for e in events] == list(range(1, len(events) + 1))
        expected.update(event["workflow_instance_id"] for event in events)
    rows = clients.pages(f"/workflows?task_queue={QUEUE}&workflow_type=tick", "workflows")
    assert Counter(row["workflow_id"] for row in rows) == expected
    assert {row["status"] for row in rows} == {"completed"}
    assert set(expected.values()) == {1}
    return expected.total()


def _events(clients: Clients, name: str) -> list[Any]:
    found: list[Any] = []
    while True:
        after = found[-1]["sequence"] if found else 0
        page = clients.get(f"/schedules/{name}/history?limit=500&after_sequence={after}")
        found += page["events"]
        if not page["has_more"]:
            return found


def _judge_naps(clients: Clients, naps: int) -> int:
    """Each timer that was started fired once, and its workflow ended."""
    fired = 0
    for number in range(naps):
        run_id = clients.get(f"/workflows/nap-{number}")["run_id"]
        path = f"/workflows/nap-{number}/runs/{run_id}/history?page_size=200"
        events = clients.get(path)["events"]
        types = Counter(event["event_type"] for event in events)
        assert (types["TimerScheduled"], types["TimerFired"]) == (NAPS, NAPS), types
        timers = [e["payload"]["timer_id"] for e in events if e["event_type"] == "TimerFired"]
        assert len(set(timers)) == NAPS
        assert events[-1]["event_type"] == "WorkflowCompleted"
        fired += NAPS
    return fired


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
