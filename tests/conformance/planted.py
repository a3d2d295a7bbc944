"""Violations planted on purpose: how each is made, and where it must be found."""

import json
from dataclasses import dataclass
from typing import Any

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.20"}
JSON = {"Content-Type": "application/json"}
VERSION = "/headers/x-durable-workflow-control-plane-version"
WORKER_VERSION = "/headers/x-durable-workflow-protocol-version"
START = {"workflow_type": "echo", "task_queue": "queue"}
COMPLETE = "/api/worker/workflow-tasks/task-1/complete"
LEASE = {"lease_owner": "worker-1", "workflow_task_attempt": 1}


@dataclass(frozen=True)
class Sent:
    """A request, and what must be said of it: rule, pointer, clause; None when it is in order."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    content: bytes
    expected: tuple[str, str, str] | None


def _of(name: str, call: str, headers: dict[str, str], body: Any, *expected: str) -> Sent:
    method, _, path = call.partition(" ")
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    found = (expected[0], expected[1], expected[2]) if expected else None
    return Sent(name, method, path, headers, content, found)


def _start(name: str, body: Any, *expected: str) -> Sent:
    return _of(name, "POST /api/workflows", {**CONTROL, **JSON}, body, *expected)


def _worker(name: str, path: str, body: Any, *expected: str) -> Sent:
    return _of(name, f"POST /api/worker/{path}", {**WORKER, **JSON}, body, *expected)


def _command(name: str, command: Any, rule: str, place: str, clause: str) -> Sent:
    body = {**LEASE, "commands": [{"type": "record_side_effect", "result": 1}, command]}
    pointer = f"/body/commands/1{place}"
    return _of(name, f"POST {COMPLETE}", {**WORKER, **JSON}, body, rule, pointer, clause)


TIMER = {"type": "start_timer", "delay_seconds": 1}
REGISTER = {"worker_id": "w", "task_queue": "q", "runtime": "python"}

REQUESTS = [
    _start("a start in order", START),
    _of("a look in order", "GET /api/health", {}, None),
    _of("a poll in order", f"POST {COMPLETE}", {**WORKER, **JSON}, {**LEASE, "commands": [TIMER]}),
    _of("wrong method", "PUT /api/workflows", CONTROL, None, "wrong_method", "/method", "HT-6"),
    _of("unknown path", "GET /api/workflow", CONTROL, None, "unknown_path", "/path", "HT-5"),
    _of("outside the API", "GET /workflows", CONTROL, None, "unknown_path", "/path", "HT-5"),
    _of("no control version", "GET /api/workflows", {}, None, "header_missing", VERSION, "CP-22"),
    _of(
        "blank control version",
        "GET /api/workflows",
        {"X-Durable-Workflow-Control-Plane-Version": ""},
        None,
        *("header_missing", VERSION, "CP-22"),
    ),
    _of(
        "old control version",
        "GET /api/workflows",
        {"X-Durable-Workflow-Control-Plane-Version": "1"},
        None,
        *("header_invalid", VERSION, "CP-22"),
    ),
    _of(
        "no worker version",
        "POST /api/worker/register",
        JSON,
        REGISTER,
        *("header_missing", WORKER_VERSION, "WP-6"),
    ),
    _of(
        "version of another plane",
        "POST /api/worker/register",
        {**CONTROL, **JSON},
        REGISTER,
        *("header_missing", WORKER_VERSION, "WP-6"),
    ),
    _of(
        "worker version from the future",
        "POST /api/worker/register",
        {"X-Durable-Workflow-Protocol-Version": "2.0", **JSON},
        REGISTER,
        *("header_invalid", WORKER_VERSION, "WP-6"),
    ),
    _of(
        "wrong content type",
        "POST /api/workflows",
        {**CONTROL, "Content-Type": "text/plain"},
        START,
        *("content_type", "/headers/content-type", "HT-7"),
    ),
    _of(
        "no content type",
        "POST /api/workflows",
        CONTROL,
        START,
        *("content_type", "/headers/content-type", "HT-7"),
    ),
    _start("bad JSON", b'{"workflow_type": ', "no_json", "/body", "HT-8"),
    _start("a key twice", b'{"workflow_type":"a","workflow_type":"b"}', "no_json", "/body", "HT-8"),
    _start("no UTF-8", b'{"workflow_type":"\xff"}', "no_json", "/body", "HT-8"),
    _start("no number", b'{"workflow_type":"a","input":[NaN]}', "no_json", "/body", "HT-8"),
    _start("a body that is no object", "text", "no_object", "/body", "HT-25"),
    _start("no body", None, "body_missing", "/body", "HT-10"),
    _of(
        "a body where none is",
        "GET /api/workflows",
        {**CONTROL, **JSON},
        {"page_size": 5},
        *("body_unexpected", "/body", "HT-25"),
    ),
    _start("missing field", {"task_queue": "q"}, "field", "/body/workflow_type", "HT-10"),
    _start("wrong type", {**START, "workflow_id": 7}, "field", "/body/workflow_id", "HT-10"),
    _start(
        "bad enum",
        {**START, "duplicate_policy": "perhaps"},
        *("field", "/body/duplicate_policy", "HT-10"),
    ),
    _start(
        "a number below its bound",
        {**START, "run_timeout_seconds": 0},
        *("field", "/body/run_timeout_seconds", "HT-10"),
    ),
    _of(
        "a page that is too large",
        "GET /api/workflows?page_size=100000",
        CONTROL,
        None,
        *("query_parameter", "/query/page_size", "HT-10"),
    ),
    _of(
        "a query parameter that is no number",
        "GET /api/workflows?page_size=many",
        CONTROL,
        None,
        *("query_parameter", "/query/page_size", "HT-10"),
    ),
    _of(
        "a missing query parameter",
        "GET /api/worker/query-tasks/q-1/status?lease_owner=w",
        WORKER,
        None,
        *("query_missing", "/query/query_task_attempt", "HT-10"),
    ),
    _worker(
        "a queue that is missing",
        "register",
        {"worker_id": "w", "runtime": "python"},
        *("field", "/body/task_queue", "HT-10"),
    ),
    _worker(
        "types that are no list",
        "register",
        {**REGISTER, "supported_workflow_types": "echo"},
        *("field", "/body/supported_workflow_types", "HT-10"),
    ),
    _worker(
        "a poll without a worker",
        "workflow-tasks/poll",
        {"task_queue": "q"},
        *("field", "/body/worker_id", "HT-10"),
    ),
    _worker(
        "a completion without its owner",
        "workflow-tasks/t/complete",
        {"workflow_task_attempt": 1, "commands": []},
        *("field", "/body/lease_owner", "WP-7"),
    ),
    _worker(
        "a completion without its attempt",
        "workflow-tasks/t/complete",
        {"lease_owner": "w", "commands": []},
        *("field", "/body/workflow_task_attempt", "WP-7"),
    ),
    _worker(
        "an attempt that is zero",
        "workflow-tasks/t/complete",
        {"lease_owner": "w", "workflow_task_attempt": 0, "commands": []},
        *("field", "/body/workflow_task_attempt", "WP-7"),
    ),
    _worker(
        "commands that are no list",
        "workflow-tasks/t/complete",
        {**LEASE, "commands": TIMER},
        *("field", "/body/commands", "HT-10"),
    ),
    _worker(
        "an activity without its attempt",
        "activity-tasks/t/complete",
        {"lease_owner": "w", "result": 1},
        *("field", "/body/activity_attempt_id", "WP-24"),
    ),
    _worker(
        "a failure without its failure",
        "activity-tasks/t/fail",
        {"lease_owner": "w", "activity_attempt_id": "a"},
        *("field", "/body/failure", "HT-10"),
    ),
    _command("unknown command", {"type": "fly"}, "unknown_command", "/type", "WP-37"),
    _command("a command without a type", {"delay_seconds": 1}, "field", "/type", "HT-10"),
    _command("a command that is no object", "fly", "field", "", "HT-10"),
    _command(
        "a timer without its delay",
        {"type": "start_timer"},
        *("command_field", "/delay_seconds", "WP-34"),
    ),
    _command(
        "a delay below zero",
        {"type": "start_timer", "delay_seconds": -1},
        *("command_field", "/delay_seconds", "WP-34"),
    ),
    _command(
        "a delay on an activity",
        {"type": "schedule_activity", "activity_type": "a", "delay_seconds": 1},
        *("misplaced_field", "/delay_seconds", "WP-32"),
    ),
    _command(
        "an activity without its type",
        {"type": "schedule_activity"},
        *("command_field", "/activity_type", "WP-32"),
    ),
    _command(
        "a child that goes on somehow",
        {"type": "start_child_workflow", "workflow_type": "c", "parent_close_policy": "hope"},
        *("command_field", "/parent_close_policy", "WP-40"),
    ),
    _command(
        "a version below its bounds",
        {"type": "record_version_marker", "change_id": "c", "version": "new"},
        *("command_field", "/version", "WP-36"),
    ),
    _worker(
        "a command after the end",
        "workflow-tasks/t/complete",
        {**LEASE, "commands": [{"type": "complete_workflow"}, TIMER]},
        *("command_after_the_end", "/body/commands/1", "WP-39"),
    ),
]
