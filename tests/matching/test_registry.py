"""Who may poll what, and how registrations are remembered."""

import pytest
from durable_server.maintenance.passes import answer_of
from durable_server.matching.channels import Channel
from durable_server.matching.registry import framing_of
from durable_server.pending import run_in_thread
from durable_server.refusal import Refusal
from durable_server.store import workers as stored_workers

from tests.maintenance.running import a_worker, running
from tests.support.databases import KINDS

WORKFLOWS = Channel("default", "orders", "workflow")
ACTIVITIES = Channel("default", "orders", "activity")


@pytest.fixture(params=KINDS)
def server(request, tmp_path):
    with running(request.param, tmp_path) as server:
        yield server


def register(server, **changes) -> None:
    row = a_worker(server.clock.now())._replace(**changes)
    answer_of(server.lanes.write(lambda tx: stored_workers.upsert_worker(tx, row)))


def polling(server, channel=WORKFLOWS, build_id=None):
    return run_in_thread(server.workers.polling(channel, "w1", build_id))


def test_a_worker_that_is_not_registered_may_not_poll(server):
    with pytest.raises(Refusal) as refused:
        polling(server)
    assert refused.value.reason == "worker_not_registered.poll"


def test_types_are_those_of_the_kind_and_empty_means_all(server):
    register(server, supported_workflow_types='["a"]', supported_activity_types="[]")
    assert polling(server).types == frozenset({"a"})
    assert polling(server, ACTIVITIES).types is None


def test_another_queue_is_refused_until_the_worker_registers_for_it(server):
    register(server)
    other = WORKFLOWS._replace(task_queue="other")
    polling(server)
    with pytest.raises(Refusal) as refused:
        polling(server, other)
    assert refused.value.reason == "task_queue_mismatch"
    assert refused.value.facts["registered_task_queue"] == "orders"
    register(server, task_queue="other")
    assert polling(server, other).worker_id == "w1"


def test_another_build_is_refused_unless_one_of_them_is_empty(server):
    register(server, build_id="v1")
    assert polling(server, build_id=None).build_id == "v1"
    assert polling(server, build_id="v1").build_id == "v1"
    with pytest.raises(Refusal) as refused:
        polling(server, build_id="v2")
    assert refused.value.reason == "build_id_mismatch"


def test_a_registration_is_read_again_when_forgotten_or_old(server):
    register(server, sdk_version="one")
    assert polling(server).sdk_version == "one"
    register(server, sdk_version="two")
    assert polling(server).sdk_version == "one"
    server.workers.forget("default", "w1")
    assert polling(server).sdk_version == "two"
    register(server, sdk_version="three")
    server.clock.advance(11)
    assert polling(server).sdk_version == "three"


def test_signs_of_life_are_handed_out_once(server):
    server.workers.seen("default", "w1", 1)
    server.workers.seen("default", "w1", 2)
    assert server.workers.take_seen() == [("default", "w1", 2)]
    assert server.workers.take_seen() == []


@pytest.mark.parametrize(
    ("sdk_version", "protocol_version", "framing"),
    [
        (None, "1.0", "json"),
        (None, "1.1", "json"),
        (None, "1.19", "avro"),
        ("durable-workflow-python/0.4.14", "1.0", "json"),
        ("durable-workflow-python/2.0.0", "1.0", "avro"),
        ("durable-workflow-python/2.0.0", "1.20", "avro"),
        ("durable-workflow-python/x", "1.0", "json"),
    ],
)
def test_the_framing_follows_the_sdk_and_the_protocol(sdk_version, protocol_version, framing):
    assert framing_of(sdk_version, protocol_version) == framing
