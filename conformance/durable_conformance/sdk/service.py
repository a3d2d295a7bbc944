"""The worker plane as the judge serves it: real addresses, prepared answers."""

import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from durable_contracts import manifests, versions

from durable_conformance.sdk.adversity import SLOW_SECONDS, Adversity
from durable_conformance.sdk.court import (
    ATTEMPT_OF,
    FIRST_PAGE,
    LEASE_SECONDS,
    Court,
    Delivery,
    instant,
)
from durable_conformance.sdk.match import contract_problems

POLL_SECONDS_MAX = 20.0
_PREFIX = re.compile(r"^/protocol/(?P<version>1\.[0-9]+)")
_TASK = re.compile(r"^/api/worker/(workflow|activity|query)-tasks/([^/]+)/([a-z-]+)$")
_WHY = {
    "lease_expired": "The lease of the task has ended.",
    "run_closed": "The run is closed.",
    "task_not_found": "There is no such task.",
    "not_found": "The judge serves workers only.",
}
_CONTRACTS = (
    *("external_execution_surface_contract", "external_executor_config_contract"),
    *("invocable_carrier_contract", "external_task_input_contract"),
    "external_task_result_contract",
)
_LIMITS = (
    *("max_payload_bytes", "max_memo_bytes", "max_search_attributes"),
    *("max_search_attribute_key_length", "max_search_attribute_value_bytes"),
    *("max_operation_name_length", "max_pending_activities", "max_pending_children"),
)


class Answer(NamedTuple):
    """What goes back; `lost`: nothing does, the connection just ends."""

    status: int
    body: dict[str, Any]
    lost: bool = False
    seconds: float = 0.0
    skewed: bool = False


class Service(ThreadingHTTPServer):
    """Serves a court to workers."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int, court: Court) -> None:
        super().__init__((host, port), _Handler)
        self.court = court

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that goes away before its answer is no fault of the judge."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Where workers find it."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def answer(self) -> None:
        """Any request."""
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        body = json.loads(raw) if raw else {}
        path, version = self.path.partition("?")[0], self._version()
        found = _PREFIX.match(path)
        if found:
            path, version = path[found.end() :], found["version"]
        answer = respond(self.server.court, self.command, path, body, version)
        time.sleep(answer.seconds)
        if answer.lost:
            self.close_connection = True
            return
        self._send(answer, path, version)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_: Any) -> None:
        """Reports say what happened."""

    def _version(self) -> str:
        return versions.echoed_worker(self.headers.get(versions.WORKER_HEADER))

    def _send(self, answer: Answer, path: str, version: str) -> None:
        if answer.skewed:
            version = f"1.{int(version.partition('.')[2]) + 1}"
        body = answer.body
        if path.startswith("/api/worker/"):
            capabilities = manifests.load("worker_protocol")["server_capabilities"]
            told = {"protocol_version": version, "server_capabilities": capabilities}
            body = {**told, **body}
        content = json.dumps(body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header(versions.WORKER_HEADER, version)
        self.end_headers()
        self.wfile.write(content)


def respond(court: Court, method: str, path: str, body: Any, version: str) -> Answer:
    """The answer to a request of a worker."""
    if path == "/api/cluster/info":
        return Answer(200, cluster_info(version))
    if path == "/api/health":
        return Answer(200, {"status": "serving", "timestamp": "2026-01-01T00:00:00+00:00"})
    if path == "/api/worker/register":
        return _register(court, body, version)
    if path == "/api/worker/heartbeat":
        _check(court, "workers.heartbeat", body)
        told = {"worker_id": body.get("worker_id"), "acknowledged": True}
        return Answer(200, {**told, "heartbeat_interval_seconds": 30})
    if path.endswith("/deregister") or (method == "DELETE" and "/registrations/" in path):
        return Answer(200, {"outcome": "deregistered", "recovered_workflow_task_count": 0})
    for kind in ("workflow", "activity", "query"):
        if path == f"/api/worker/{kind}-tasks/poll":
            return _poll(court, kind, body)
    found = _TASK.match(path)
    delivery = court.find(found[2]) if found else None
    if found is None or delivery is None or delivery.kind != found[1]:
        return refused("task_not_found" if found else "not_found", 404)
    return _on_task(court, delivery, found[3], body)


def _register(court: Court, body: dict[str, Any], version: str) -> Answer:
    worker_id = body.get("worker_id") or f"worker-{len(court.workers) + 1}"
    _check(court, "workers.register", body)
    court.register(worker_id, body, version)
    told = {"worker_id": worker_id, "registered": True, "heartbeat_interval_seconds": 30}
    return Answer(201, {**told, "registration_token": "0123456789abcdef0123456789abcdef"})


def _poll(court: Court, kind: str, body: dict[str, Any]) -> Answer:
    _check(court, f"{kind}_tasks.poll", body)
    seconds = min(float(body.get("timeout_seconds") or POLL_SECONDS_MAX), POLL_SECONDS_MAX)
    delivery = court.take(kind, body.get("worker_id", ""), seconds)
    if delivery is None:
        return Answer(200, {"task": None, "poll_status": "empty"})
    told = {"task": delivery.shown(), "poll_status": "leased"}
    if kind == "activity":
        told["server_time"] = instant(0)
    return _weathered(delivery, Answer(200, told))


def _on_task(court: Court, delivery: Delivery, verb: str, body: dict[str, Any]) -> Answer:
    if delivery.kind == "workflow" and verb == "history":
        return _page(delivery, body)
    if delivery.kind == "query" and verb == "status":
        return Answer(200, _standing(delivery))
    _fence(delivery, verb, body)
    if verb == "renew-lease":
        return _weathered(delivery, Answer(200, _renewed(delivery)))
    if verb == "heartbeat":
        return _weathered(delivery, Answer(200, _heartbeat(delivery)))
    if verb not in ("complete", "fail"):
        return refused("not_found", 404)
    delivery.problems += contract_problems(f"{delivery.kind}_tasks.{verb}", body)
    count = court.report(delivery, verb, body)
    first = count == 1 and verb == "complete"
    if first and delivery.adversity is Adversity.AGAIN:
        return refused("lease_expired", 409, delivery)
    if first and delivery.adversity is Adversity.CLOSED:
        return refused("run_closed", 409, delivery)
    if first and delivery.adversity is Adversity.LOST:
        return Answer(200, {}, lost=True)
    return _weathered(delivery, Answer(200, _recorded(delivery, verb)))


def _fence(delivery: Delivery, verb: str, body: dict[str, Any]) -> None:
    expected: dict[str, Any] = {"lease_owner": delivery.owner}
    if delivery.kind in ATTEMPT_OF:
        expected[ATTEMPT_OF[delivery.kind]] = delivery.attempt
    else:
        expected["activity_attempt_id"] = delivery.task["activity_attempt_id"]
    for name, value in expected.items():
        if body.get(name) != value:
            delivery.problems.append(f"{verb} says {name} {body.get(name)!r}, not {value!r}")


def _page(delivery: Delivery, body: dict[str, Any]) -> Answer:
    delivery.problems += contract_problems("workflow_tasks.history", body)
    token = str(body.get("next_history_page_token") or body.get("page_token") or "")
    after = int(token.removeprefix("after-")) if token.startswith("after-") else 0
    shown = after + FIRST_PAGE
    delivery.pages_read += 1
    told = {
        "task_id": delivery.task_id,
        "workflow_task_attempt": delivery.attempt,
        "history_events": delivery.task["history_events"][after:shown],
        "total_history_events": len(delivery.task["history_events"]),
        "next_history_page_token": delivery.token_after(shown),
    }
    return Answer(200, told)


def _heartbeat(delivery: Delivery) -> dict[str, Any]:
    lease: dict[str, Any] = {
        "lease_owner": delivery.owner,
        "lease_expires_at": instant(LEASE_SECONDS),
        "reason": None,
    }
    if delivery.kind == "workflow":
        renewed = {"workflow_task_attempt": delivery.attempt, "renewed": True}
        return {"task_id": delivery.task_id, **lease, **renewed, "run_status": "waiting"}
    stops = bool(delivery.task.get("stops"))
    told: dict[str, Any] = {
        "task_id": delivery.task_id,
        "activity_attempt_id": delivery.task["activity_attempt_id"],
        "cancel_requested": stops,
        "can_continue": not stops,
        "heartbeat_recorded": not stops,
        "last_heartbeat_at": None,
        "run_closed_reason": "cancelled" if stops else None,
        "run_closed_at": instant(0) if stops else None,
    }
    return {**lease, **told, "reason": "run_cancelled" if stops else None}


def _standing(delivery: Delivery) -> dict[str, Any]:
    return {
        "query_task_id": delivery.task_id,
        "query_task_attempt": delivery.attempt,
        "query_task_status": "leased",
        "lease_owner": delivery.owner,
        **delivery.times,
        "server_time": instant(0),
        "can_continue": True,
        "reason": None,
    }


def _renewed(delivery: Delivery) -> dict[str, Any]:
    names = ("activity_execution_id", "activity_attempt_id", "attempt_number")
    return {
        "workflow_task_id": delivery.task_id,
        "workflow_instance_id": delivery.task["workflow_id"],
        "workflow_run_id": delivery.task["run_id"],
        **{name: delivery.task[name] for name in names},
        "lease_owner": delivery.owner,
        "lease_renewed": True,
        "can_continue": True,
        "cancel_requested": False,
        "heartbeat_recorded": False,
        "reason": None,
        "server_time": instant(0),
        "lease_expires_at": instant(LEASE_SECONDS),
        "last_heartbeat_at": None,
        "heartbeat_deadline_at": None,
    }


def _recorded(delivery: Delivery, verb: str) -> dict[str, Any]:
    outcome = "completed" if verb == "complete" else "failed"
    told: dict[str, Any] = {"outcome": outcome, "recorded": True, "reason": None}
    if delivery.kind == "query":
        task_id = {"query_task_id": delivery.task_id, "query_task_attempt": delivery.attempt}
        return {**task_id, "outcome": outcome, "status": 200, "reason": None}
    told["task_id"] = delivery.task_id
    if delivery.kind == "activity":
        attempt_id = delivery.task["activity_attempt_id"]
        return {**told, "activity_attempt_id": attempt_id, "next_task_id": None}
    told["workflow_task_attempt"] = delivery.attempt
    if verb == "fail":
        return {**told, "next_task_id": None}
    run = {"run_id": delivery.task["run_id"], "run_status": "waiting", "created_task_ids": []}
    return {**told, **run}


def refused(reason: str, status: int, delivery: Delivery | None = None) -> Answer:
    """A refusal as the contract has it."""
    body: dict[str, Any] = {"reason": reason, "error": _WHY[reason], "message": _WHY[reason]}
    if delivery is not None:
        body |= {"task_id": delivery.task_id, "workflow_task_attempt": delivery.attempt}
        stop = {"stop_reason": "run_cancelled", "can_continue": False, "cancel_requested": True}
        closed = {"run_status": "cancelled", "run_closed_reason": "cancelled"}
        body |= {**stop, **closed} if reason == "run_closed" else {"task_status": "leased"}
        body["lease_owner"] = delivery.owner
    return Answer(status, body)


def _weathered(delivery: Delivery, answer: Answer) -> Answer:
    if delivery.adversity is Adversity.SLOW:
        return answer._replace(seconds=SLOW_SECONDS)
    return answer._replace(skewed=delivery.adversity is Adversity.SKEW)


def _check(court: Court, operation_id: str, body: Any) -> None:
    for problem in contract_problems(operation_id, body):
        told = f"{operation_id}: {problem}"
        if told not in court.problems:
            court.problems.append(told)


def cluster_info(version: str) -> dict[str, Any]:
    """What the judge says of itself, so that an SDK takes it for a server."""
    stated = {**manifests.load("worker_protocol"), "version": version}
    stated |= {name: manifests.load(name) for name in _CONTRACTS}
    return {
        "server_id": "judge",
        "version": "2.0.0",
        "default_namespace": "default",
        "supported_sdk_versions": manifests.load("supported_sdk_versions"),
        "capabilities": manifests.load("capabilities"),
        "limits": dict.fromkeys(_LIMITS, 1_000_000),
        "structural_limits": manifests.load("structural_limits"),
        "client_compatibility": manifests.load("client_compatibility"),
        "auth_composition_contract": manifests.load("auth_composition_contract"),
        "control_plane": {
            "version": versions.CONTROL_VERSION,
            "header": versions.CONTROL_HEADER,
            "response_contract": manifests.load("response_contract"),
            "request_contract": manifests.load("request_contract"),
        },
        "worker_protocol": stated,
    }
