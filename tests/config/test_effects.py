"""What each setting changes. The last test holds the list against the settings there are."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from durable_server import app, config, logs, serve
from durable_server.admission_settings import AdmissionSettings
from durable_server.config import Settings
from durable_server.matching.wakes import check_seconds
from pydantic import SecretStr

from tests.config.test_bounds import BOUNDS
from tests.http.asking import Asker, asking
from tests.support.services import postgres_url, redis_url

ROOT = Path(__file__).parents[1]
WORKER = {"worker_id": "w", "task_queue": "q"}
START = {"workflow_type": "order", "task_queue": "q"}
SHOWN: set[str] = set()
# Settings of a whole process: the file whose tests start one, and what it says there.
ELSEWHERE = {
    "http": ("serve/test_ending.py", "--http"),
    "processes": ("serve/test_processes.py", "--processes"),
    "poll_slots": ("serve/test_waitress.py", "WORKFLOW_SERVER_POLL_SLOTS"),
    "maintenance": ("serve/test_waiting.py", "WORKFLOW_SERVER_MAINTENANCE"),
    "env_audit_strict": ("serve/test_start.py", "WORKFLOW_SERVER_ENV_AUDIT_STRICT"),
    "bootstrap_retries": ("deploy/test_startup.py", "WORKFLOW_SERVER_BOOTSTRAP_RETRIES"),
    "bootstrap_delay_seconds": ("deploy/test_startup.py", "WORKFLOW_SERVER_BOOTSTRAP_DELAY"),
    "mode": ("config/test_names.py", "WORKFLOW_SERVER_MODE"),
    "visibility_query_timeout_milliseconds": ("visibility/test_time_limit.py", "timeout_milli"),
    "parked_polls_max": ("http/test_outages.py", "parked_polls_max"),
    "lane_queue_max": ("http/test_outages.py", "lane_queue_max"),
    "signature_strict": ("auth/test_drivers.py", "strict=True"),
    "auth_backward_compatible": ("auth/test_roles.py", "auth_backward_compatible"),
    "bridge_adapter_secrets": ("auth/test_webhooks.py", "bridge_adapter_secrets"),
    "payload_storage_folder": ("http/test_payload_storage.py", "payload_storage_folder"),
    "payload_storage_profiles": ("http/test_payload_buckets.py", "payload_storage_profiles"),
    "payload_storage_endpoints": ("http/test_payload_buckets.py", "payload_storage_endpoints"),
    "metrics_access": ("telemetry/test_exposition.py", "metrics_access"),
    "metrics_labels_max": ("telemetry/test_exposition.py", "metrics_labels_max"),
    "metrics_port": ("telemetry/test_own_port.py", "WORKFLOW_SERVER_METRICS_PORT"),
    "metrics_host": ("telemetry/test_own_port.py", "WORKFLOW_SERVER_METRICS_HOST"),
    **{
        name: ("tracing/test_across_processes.py", name.upper())
        for name in (
            "otel_exporter_otlp_endpoint",
            "otel_exporter_otlp_traces_endpoint",
            "otel_service_name",
            "otel_sdk_disabled",
        )
    },
    "limit_pending_children": ("config/test_bounds.py", "limit_pending_children"),
    **{
        name: ("http/test_exports.py", name)
        for name in (
            "history_export_max_bytes",
            "history_export_signing_key",
            "history_export_signing_key_id",
        )
    },
    "update_wait_completion_timeout_seconds": (
        "http/test_updates.py",
        "update_wait_completion_timeout_seconds",
    ),
    **{
        name: ("served/test_queries.py", name.upper())
        for name in (
            "query_task_timeout",
            "query_task_lease_timeout",
            "query_task_ttl_seconds",
            "query_task_max_pending_per_queue",
        )
    },
    **{name: ("config/test_bounds.py", f'"{name}"') for name in BOUNDS},
    **dict.fromkeys(AdmissionSettings.model_fields, ("matching/test_admission.py", "tail")),
}
Test = TypeVar("Test", bound=Callable[..., Any])


def shows(*attributes: str) -> Callable[[Test], Test]:
    """Say which settings a test shows the effect of."""
    SHOWN.update(attributes)
    return lambda test: test


def started(asker: Asker, **wanted: Any) -> dict[str, Any]:
    answer = asker.ask("POST", "/api/workflows", {**START, **wanted})
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def workflow_task(asker: Asker) -> dict[str, Any]:
    asker.ask("POST", "/api/worker/register", {**WORKER, "runtime": "python"})
    answer = asker.ask("POST", "/api/worker/workflow-tasks/poll", {**WORKER, "timeout_seconds": 5})
    task: dict[str, Any] = answer.body["task"]
    return task


def complete(asker: Asker, task: dict[str, Any], *commands: dict[str, Any]) -> Any:
    held = {"lease_owner": "w", "workflow_task_attempt": task["workflow_task_attempt"]}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    return asker.ask("POST", path, {**held, "commands": list(commands)})


@shows("host", "port")
def test_host_and_port_are_listened_on() -> None:
    first = serve.listen("127.0.0.1", 0)
    port = first.getsockname()[1]
    first.close()
    second = serve.listen("localhost", port)

    assert second.getsockname()[1] == port
    second.close()


@shows("database_url")
def test_the_database_is_the_one_named(tmp_path: Path) -> None:
    file = tmp_path / "named.sqlite"
    with asking("sqlite", tmp_path) as asker:
        assert asker.server.store.kind == "sqlite"
    assert app.build_server(Settings(database_url=postgres_url())).store.kind == "postgresql"
    app.build_server(Settings(database_url=f"sqlite:///{file}")).database.look()
    assert file.exists()


@shows("redis_url")
def test_redis_carries_the_wakes_when_it_is_named(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, redis_url=redis_url()) as asker:
        checks = asker.ask("GET", "/api/ready").body["checks"]

    assert checks["cache"]["store"] == "redis"


@shows("id")
def test_a_server_goes_by_its_name(tmp_path: Path) -> None:
    import socket

    with asking("sqlite", tmp_path, id="blue-1") as named, asking("sqlite", tmp_path) as unnamed:
        assert named.ask("GET", "/api/cluster/info").body["server_id"] == "blue-1"
        assert unnamed.ask("GET", "/api/cluster/info").body["server_id"] == socket.gethostname()


@shows("default_namespace")
def test_requests_that_name_no_namespace_get_the_default(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, default_namespace="Shop") as asker:
        run = started(asker)
        ready = asker.ask("GET", "/api/ready").body

    assert run["namespace"] == "shop"
    assert ready["checks"]["default_namespace"] == {"status": "ok", "namespace": "shop"}


@shows("auth_driver")
@pytest.mark.parametrize("name", ["token", "signature", "none"])
def test_the_driver_is_the_one_named(name: str) -> None:
    assert app.driver_of(Settings(auth_driver=name)).name == name


@shows("auth_token", "worker_token", "operator_token", "admin_token")
@pytest.mark.parametrize("role", ["worker", "operator", "admin", None])
def test_tokens_are_those_of_their_role(role: str | None) -> None:
    from durable_server.auth.drivers import Credentials

    attribute = f"{role}_token" if role else "auth_token"
    driver = app.driver_of(Settings(**{attribute: "one, two"}))  # type: ignore[arg-type]
    for token in (b"one", b"two"):
        sent = Credentials("GET", b"/", b"", {b"authorization": b"Bearer " + token}, b"")
        assert driver.authenticate(sent).role == (role or "admin")


@shows("signature_key", "worker_signature_key", "operator_signature_key", "admin_signature_key")
@pytest.mark.parametrize("role", ["worker", "operator", "admin", None])
def test_signature_keys_are_those_of_their_role(role: str | None) -> None:
    import hashlib
    import hmac

    from durable_server.auth.drivers import Credentials

    attribute = f"{role}_signature_key" if role else "signature_key"
    settings = Settings(auth_driver="signature", **{attribute: SecretStr("k")})  # type: ignore[arg-type]
    made = hmac.new(b"k", b"{}", hashlib.sha256).hexdigest().encode()
    sent = Credentials("POST", b"/", b"", {b"x-signature": made}, b"{}")

    assert app.driver_of(settings).authenticate(sent).role == (role or "admin")


@shows("worker_poll_timeout")
def test_a_poll_waits_as_long_as_the_setting_says(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, worker_poll_timeout=0) as asker:
        asker.ask("POST", "/api/worker/register", {**WORKER, "runtime": "python"})
        answer = asker.ask("POST", "/api/worker/workflow-tasks/poll", WORKER)

    assert (answer.status, answer.body["task"]) == (200, None)
    assert answer.body["server_capabilities"]["long_poll_timeout"] == 0


@shows("worker_poll_interval_ms")
def test_queues_are_looked_at_as_often_as_the_setting_says(tmp_path: Path) -> None:
    settings = Settings(worker_poll_interval_ms=250)
    wakes = app.build_server(Settings(database_url=f"sqlite:///{tmp_path}/a", processes=2)).wakes

    assert check_seconds(settings, wakes)() == 0.25


@shows("worker_poll_signal_check_interval_ms")
def test_a_shared_file_is_looked_at_as_often_as_the_setting_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a"
    shared = Settings(database_url=url, processes=2, worker_poll_signal_check_interval_ms=7)

    assert app.build_server(shared).wakes.seconds == 0.007


@shows("max_tasks_per_poll")
def test_a_poll_hands_out_one_task_whatever_the_setting_says(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, max_tasks_per_poll=5) as asker:
        runs = {started(asker)["run_id"] for _ in range(2)}
        tasks = [workflow_task(asker) for _ in range(2)]

    assert {task["run_id"] for task in tasks} == runs


@shows("worker_protocol_version")
def test_the_advertised_version_is_the_one_set(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, worker_protocol_version="1.0") as asker:
        info = asker.ask("GET", "/api/cluster/info").body

    assert info["worker_protocol"]["version"] == "1.0"


@shows("history_page_size_default", "history_page_size_max")
def test_pages_of_history_are_as_long_as_the_settings_say(tmp_path: Path) -> None:
    sizes = {"history_page_size_default": 1, "history_page_size_max": 2}
    with asking("sqlite", tmp_path, **sizes) as asker:
        started(asker)
        activity = {"type": "schedule_activity", "activity_type": "a"}
        complete(asker, workflow_task(asker), activity)
        passed = {"history_page_size": 100, "lease_owner": "w", "workflow_task_attempt": 1}
        attempt = asker.ask("POST", "/api/worker/activity-tasks/poll", WORKER).body["task"]
        report = {"activity_attempt_id": attempt["activity_attempt_id"], "lease_owner": "w"}
        asker.ask("POST", f"/api/worker/activity-tasks/{attempt['task_id']}/complete", report)
        task = workflow_task(asker)
        token = {"next_history_page_token": task["next_history_page_token"]}
        path = f"/api/worker/workflow-tasks/{task['task_id']}/history"
        page = asker.ask("POST", path, {**passed, **token}).body
        told = page["server_capabilities"]

    assert len(task["history_events"]) == 1
    assert len(page["history_events"]) == 2
    assert (told["history_page_size_default"], told["history_page_size_max"]) == (1, 2)


@shows("compression_enabled")
@pytest.mark.parametrize("enabled", [True, False])
def test_replies_are_compressed_only_if_the_setting_says_so(tmp_path: Path, enabled: bool) -> None:
    with asking("sqlite", tmp_path, compression_enabled=enabled) as asker:
        answer = asker.ask("GET", "/api/cluster/info", headers={"Accept-Encoding": "gzip"})

    assert ("content-encoding" in answer.headers) == enabled


FORWARDED = {
    "caller_type_header": "gateway",
    "caller_label_header": "the shop",
    "auth_status_header": "verified",
    "auth_method_header": "oidc",
}


@shows("trust_forwarded_attribution_headers", *FORWARDED)
@pytest.mark.parametrize("trusted", [True, False])
def test_a_trusted_proxy_says_who_asked(tmp_path: Path, trusted: bool) -> None:
    named = {attribute: f"X-My-{number}" for number, attribute in enumerate(FORWARDED)}
    headers = {named[attribute]: text for attribute, text in FORWARDED.items()}
    settings: dict[str, Any] = {**named, "trust_forwarded_attribution_headers": trusted}
    with asking("sqlite", tmp_path, **settings) as asker:
        run = asker.ask("POST", "/api/workflows", START, headers).body
        path = f"/api/workflows/{run['workflow_id']}/runs/{run['run_id']}/history"
        command = asker.ask("GET", path).body["events"][0]["payload"]["command"]

    said = (command["caller_label"], command["auth_status"], command["auth_method"])
    if trusted:
        assert said == ("the shop", "verified", "oidc")
        assert command["context"]["caller"] == {"type": "gateway", "label": "the shop"}
    else:
        assert said == ("Standalone Server", "not_configured", "none")
        assert "context" not in command


def _lease_seconds(task: dict[str, Any], since: str) -> float:
    from datetime import datetime

    ends = datetime.fromisoformat(task["lease_expires_at"])
    return (ends - datetime.fromisoformat(since)).total_seconds()


@shows("workflow_task_timeout", "activity_task_timeout")
def test_leases_last_as_long_as_the_settings_say(tmp_path: Path) -> None:
    with asking(
        "sqlite", tmp_path, workflow_task_timeout=1000, activity_task_timeout=5000
    ) as asker:
        started(asker)
        task = workflow_task(asker)
        begun = task["history_events"][0]["recorded_at"]
        complete(asker, task, {"type": "schedule_activity", "activity_type": "a"})
        activity = asker.ask("POST", "/api/worker/activity-tasks/poll", WORKER).body["task"]

    assert 1000 <= _lease_seconds(task, begun) < 1100
    assert 5000 <= _lease_seconds(activity, begun) < 5100


@shows("history_retention_days")
def test_namespaces_keep_histories_as_long_as_the_setting_says(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, history_retention_days=7) as asker:
        made = asker.ask("POST", "/api/namespaces", {"name": "brief"}).body
        default = asker.ask("GET", "/api/namespaces/default").body

    assert (made["retention_days"], default["retention_days"]) == (7, 7)


@shows("max_history_events")
def test_a_run_whose_history_grows_too_long_fails(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, max_history_events=4) as asker:
        run = started(asker)
        effects = [{"type": "record_side_effect", "result": "{}"} for _ in range(4)]
        assert complete(asker, workflow_task(asker), *effects).status == 200
        shown = asker.ask("GET", f"/api/workflows/{run['workflow_id']}").body

    assert shown["status"] == "failed"


@shows("max_payload_bytes")
def test_a_body_may_be_as_large_as_the_setting_says(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, max_payload_bytes=100) as asker:
        answer = asker.ask("POST", "/api/workflows", {**START, "input": ["x" * 100]})
        limits = asker.ask("GET", "/api/cluster/info").body["limits"]

    assert (answer.status, answer.body["limit"]) == (413, 100)
    assert limits["max_payload_bytes"] == 100


@shows("max_memo_bytes")
def test_a_memo_may_be_as_large_as_the_setting_says(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, max_memo_bytes=10) as asker:
        started(asker, memo={"a": 1})
        answer = asker.ask("POST", "/api/workflows", {**START, "memo": {"a": "0123456789"}})
        limits = asker.ask("GET", "/api/cluster/info").body["limits"]

    assert (answer.status, list(answer.body["errors"])) == (422, ["memo"])
    assert limits["max_memo_bytes"] == 10


@shows("max_search_attributes")
def test_there_may_be_as_many_search_attributes_as_the_setting_says(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, max_search_attributes=1) as asker:
        started(asker, search_attributes={"a": 1})
        two = {**START, "search_attributes": {"a": 1, "b": 2}}
        answer = asker.ask("POST", "/api/workflows", two)

    assert (answer.status, list(answer.body["errors"])) == (422, ["search_attributes"])


@shows("max_pending_activities")
def test_there_may_be_as_many_open_activities_as_the_setting_says(tmp_path: Path) -> None:
    activity = {"type": "schedule_activity", "activity_type": "a"}
    with asking("sqlite", tmp_path, max_pending_activities=2) as asker:
        started(asker)
        task = workflow_task(asker)
        refused = complete(asker, task, *[activity] * 3)
        taken = complete(asker, task, *[activity] * 2)

    assert (refused.status, refused.body["reason"]) == (422, "structural_limit_exceeded")
    assert refused.body["configured_limit"] == 2
    assert taken.status == 200


@shows("max_pending_children")
def test_how_many_children_there_may_be_is_told(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, max_pending_children=9) as asker:
        info = asker.ask("GET", "/api/cluster/info").body

    assert info["limits"]["max_pending_children"] == 9
    assert info["structural_limits"]["pending_child_count"] == 9


@shows("worker_stale_after_seconds")
@pytest.mark.parametrize(
    ("given", "seconds"),
    [({}, 60), ({"worker_poll_timeout": 45}, 90), ({"worker_stale_after_seconds": 5}, 5)],
)
def test_a_silent_worker_is_stale_after_what_the_setting_says(
    given: dict[str, int], seconds: int
) -> None:
    assert Settings(**given).worker_silence_seconds == seconds  # type: ignore[arg-type]


@shows("lane_count")
@pytest.mark.parametrize("count", [1, 3])
def test_there_are_as_many_lanes_as_the_setting_says(tmp_path: Path, count: int) -> None:
    with asking("postgresql", tmp_path, lane_count=count) as many:
        assert _lanes() == count
        assert started(many)
    with asking("sqlite", tmp_path, lane_count=count):
        assert _lanes() == 1


def _lanes() -> int:
    import threading

    return sum(thread.name.startswith("lane-") for thread in threading.enumerate())


@shows("batch_max")
def test_a_batch_is_as_large_as_the_setting_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a"

    assert app.build_server(Settings(database_url=url, batch_max=3)).lanes.around.batch_max == 3


@shows("log_level")
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_log_says_as_much_as_the_setting_says(level: str) -> None:
    root = logging.getLogger()
    before, handlers = root.level, list(root.handlers)
    try:
        logs.set_up(Settings(log_level=level).log_level)  # type: ignore[arg-type]
        assert root.level == getattr(logging, level.upper())
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)


@pytest.mark.parametrize("attribute", ELSEWHERE)
def test_what_is_shown_elsewhere_is_there(attribute: str) -> None:
    file, words = ELSEWHERE[attribute]

    assert words in (ROOT / file).read_text()


def test_every_setting_has_a_test_of_its_effect() -> None:
    assert SHOWN | set(ELSEWHERE) == {row.attribute for row in config.table()}
