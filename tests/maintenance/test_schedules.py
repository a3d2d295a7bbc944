"""Schedules fire once for each occurrence, whoever looks, and as their policies say."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from durable_server import app
from durable_server.advance.schedules import ChangeSchedule
from durable_server.clock import SECOND
from durable_server.engine import schedule as engine
from durable_server.engine import schedule_firing as firing
from durable_server.engine.schedule_state import Schedule, buffered, recent
from durable_server.ids import new_plain_id, shard_of
from durable_server.maintenance.messages import deliver_messages
from durable_server.maintenance.passes import PassReport, answer_of
from durable_server.maintenance.schedules import fire_due_schedules
from durable_server.server import Server
from durable_server.store import runs as stored_runs
from durable_server.store import schedules as stored

from tests.maintenance.running import complete, poll, running, until
from tests.support.databases import KINDS

NOTHING = PassReport()
NUMBERS = count()
EMPTY: dict[str, Any] = dict.fromkeys(Schedule._fields) | {
    "namespace": "default",
    "status": "active",
    "overlap_policy": "skip",
    "jitter_seconds": 0,
    "fires_count": 0,
    "failures_count": 0,
    "skipped_count": 0,
    "latest_open": False,
    "recent": "[]",
    "buffer": "[]",
    "last_sequence": 0,
}


@pytest.fixture(scope="module", params=KINDS)
def server(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(request.param, tmp_path_factory.mktemp("schedules")) as started:
        yield started


class Kept:
    """A schedule of a server, of a workflow type of its own."""

    def __init__(self, server: Server, spec: dict[str, Any], **columns: Any) -> None:
        self.server, self.name = server, f"s{next(NUMBERS)}"
        action = {"workflow_type": "order", "task_queue": self.name}
        row = Schedule(
            **EMPTY
            | {
                "shard": shard_of("default", self.name),
                "schedule_id": self.name,
                "uid": new_plain_id(),
                "workflow_type": "order",
                "task_queue": self.name,
                "spec": orjson.dumps(spec).decode(),
                "action": orjson.dumps(action).decode(),
                "created_at": 0,
                "updated_at": 0,
            }
            | columns
        )
        wanted = engine.Creation(row, False, {"source": "control_plane"})
        self.change(lambda found, moment, around: engine.create(found, moment, wanted))

    def change(self, change: Any) -> Any:
        """Carry a change out; gives what is answered."""
        wish = ChangeSchedule("default", self.name, change)
        return answer_of(self.server.lanes.put(wish)).answer

    def trigger(self, policy: str | None = None) -> str:
        """Fire by hand; gives the outcome."""
        wanted = firing.Trigger(new_plain_id(), policy, {})
        found = self.change(
            lambda found, moment, around: firing.trigger(found, moment, around, wanted)
        )
        return str(found["outcome"])

    @property
    def row(self) -> Schedule:
        """The schedule as it is stored."""
        key = (shard_of("default", self.name), "default", self.name)
        found: Schedule = answer_of(self.server.read(stored.find_schedule, key))
        return found

    def runs(self) -> list[str]:
        """The statuses of the runs that were started, oldest first."""
        wanted = stored_runs.RunFilter(namespace="default", task_queue=self.name)
        rows = answer_of(self.server.read(stored_runs.list_runs, wanted, None, 100))
        return [row.run.status for row in reversed(rows)]

    def events(self) -> list[str]:
        """The types of the events of its history."""
        rows = answer_of(self.server.read(stored.list_schedule_events, self.row.key, 0, 500))
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
        return [row.event_type for row in rows]


def every(seconds: int) -> dict[str, Any]:
    return {"intervals": [{"every": f"PT{seconds}S"}]}


def passes(server: Server) -> PassReport:
    return fire_due_schedules(server, server.clock.now(), 50)


def settle(server: Server) -> None:
    """Fire what is due until nothing is."""
    while passes(server).carried_out:
        pass


def test_a_due_schedule_fires_once_and_is_told_how_it_ended(server: Server) -> None:
    kept = Kept(server, every(10))
    assert passes(server) == NOTHING
    server.clock.advance(10)
    settle(server)
    until(lambda: kept.runs() == ["pending"])
    complete(server, poll(server, queue=kept.name), {"type": "complete_workflow", "result": None})

    until(lambda: not kept.row.latest_open)

    (entry,) = recent(kept.row)
    assert (entry["outcome"], entry["status"]) == ("scheduled", "completed")
    assert kept.events() == ["ScheduleCreated", "ScheduleTriggered"]


def test_what_was_missed_is_made_up_for_by_one_firing(server: Server) -> None:
    kept = Kept(server, every(10), overlap_policy="allow_all")
    server.clock.advance(3600)
    settle(server)

    row = kept.row
    assert row.fires_count == 1
    assert row.due_at is not None and row.due_at > server.clock.now()


def test_with_a_catch_up_window_each_missed_occurrence_in_it_fires(server: Server) -> None:
    kept = Kept(server, every(10), overlap_policy="allow_all", catch_up_window_seconds=120)
    server.clock.advance(3600)
    settle(server)

    assert kept.row.fires_count in (12, 13)
    assert kept.row.last_skip_reason == "catch_up_window_exceeded"
    until(lambda: len(kept.runs()) == kept.row.fires_count)


def test_a_clock_that_jumps_back_fires_nothing_twice(server: Server) -> None:
    kept = Kept(server, every(10), overlap_policy="allow_all")
    server.clock.advance(10)
    settle(server)
    server.clock.advance(-10)
    settle(server)
    server.clock.advance(10)
    settle(server)

    assert kept.row.fires_count == 1


@pytest.mark.parametrize(
    ("policy", "outcomes", "statuses"),
    [
        ("skip", ["triggered", "skipped", "skipped"], ["pending"]),
        ("buffer_one", ["triggered", "buffered", "buffer_full"], ["pending"]),
        ("buffer_all", ["triggered", "buffered", "buffered"], ["pending"]),
        ("allow_all", ["triggered"] * 3, ["pending"] * 3),
        ("cancel_other", ["triggered"] * 3, ["cancelled", "cancelled", "pending"]),
        ("terminate_other", ["triggered"] * 3, ["pending", "terminated", "terminated"]),
    ],
)
def test_each_policy_does_what_it_says_while_a_workflow_runs(
    server: Server, policy: str, outcomes: list[str], statuses: list[str]
) -> None:
    kept = Kept(server, every(86_400 * 365), overlap_policy=policy)

    found = [kept.trigger()]
    until(lambda: kept.runs() == ["pending"])
    found += [kept.trigger(), kept.trigger()]

    assert found == outcomes

    def stopped() -> bool:
        # One that is stopped before it began is stopped when messages are delivered again.
        server.clock.advance(6)
        deliver_messages(server, server.clock.now(), 50)
        return sorted(kept.runs()) == sorted(statuses)

    until(stopped)


def test_what_is_buffered_starts_one_after_the_other(server: Server) -> None:
    kept = Kept(server, every(86_400 * 365), overlap_policy="buffer_all")
    assert [kept.trigger() for _ in range(3)] == ["triggered", "buffered", "buffered"]
    for left in (1, 0):
        done = poll(server, queue=kept.name)
        complete(server, done, {"type": "complete_workflow", "result": None})
        until(lambda left=left: len(buffered(kept.row)) == left)

    assert [each["outcome"] for each in recent(kept.row)] == ["scheduled", "drained", "drained"]


def test_the_last_allowed_start_deletes_the_schedule_and_its_time_its_history(
    server: Server,
) -> None:
    kept = Kept(server, every(10), overlap_policy="allow_all", max_runs=2, remaining_actions=2)
    for _ in range(4):
        server.clock.advance(10)
        settle(server)

    assert (kept.row.fires_count, kept.row.status) == (2, "deleted")
    assert kept.events()[-1] == "ScheduleDeleted"
    server.clock.advance(31 * 86_400)
    settle(server)
    assert kept.row is None


def test_carried_out_again_after_a_lost_answer_a_request_does_nothing_twice(
    server: Server,
) -> None:
    kept = Kept(server, every(86_400 * 365), overlap_policy="allow_all")
    wanted = firing.Trigger(new_plain_id(), None, {})

    def change(found: Any, moment: Any, around: Any) -> Any:
        return firing.trigger(found, moment, around, wanted)

    assert kept.change(change) == kept.change(change)
    assert kept.row.fires_count == 1


def test_a_start_that_is_lost_after_the_commit_is_delivered_again(server: Server) -> None:
    kept = Kept(server, every(86_400 * 365))
    deliver, server.lanes.around.deliver = server.lanes.around.deliver, lambda messages: None
    try:
        assert kept.trigger() == "triggered"
        # The run is on its way, and counts as running.
        assert kept.trigger() == "skipped"
    finally:
        server.lanes.around.deliver = deliver
    assert kept.runs() == []
    for _ in range(2):
        server.clock.advance(6)
        deliver_messages(server, server.clock.now(), 50)
    assert kept.runs() == ["pending"]


@pytest.mark.parametrize("kind", KINDS)
def test_two_servers_on_one_database_fire_each_occurrence_once(kind: str, tmp_path: Path) -> None:
    with running(kind, tmp_path) as one:
        two = _beside(one)
        try:
            kept = [Kept(one, every(1), overlap_policy="allow_all") for _ in range(5)]
            for _ in range(10):
                one.clock.advance(1)
                now = one.clock.now()
                rows = answer_of(one.read(stored.due_schedules, now, 50))
                # Both have found all of them before either begins.
                wishes = [
                    server.lanes.put(ChangeSchedule(row.namespace, row.schedule_id, firing.fire))
                    for row in rows
                    for server in (one, two)
                ]
                for wish in wishes:
                    answer_of(wish)
            assert [each.row.fires_count for each in kept] == [10] * 5
            for each in kept:
                until(lambda each=each: len(each.runs()) == 10)
                assert each.row.occurrence_at == one.clock.now() // SECOND * SECOND + SECOND
        finally:
            app.stop(two)


def _beside(server: Server) -> Server:
    """Another server process's parts on the same database and clock."""

    settings = server.settings.model_copy(update={"server_id": new_plain_id()})
    other = app.build_server(settings, server.clock)
    app.start(other)
    return other
