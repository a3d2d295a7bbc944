"""What a client says of a schedule, as the engine takes it."""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.call import Call
from durable_server.engine.schedule_spec import spec_problems
from durable_server.engine.schedule_state import Schedule
from durable_server.ids import new_plain_id, shard_of
from durable_server.refusal import Refusal, invalid
from durable_server.search_attributes import attribute_errors

TIMEOUTS = {
    "workflow_execution_timeout": "execution_timeout_seconds",
    "workflow_run_timeout": "run_timeout_seconds",
}
# Fields of an update for which null means that they stay as they are.
STAYING = ("overlap_policy", "jitter_seconds", "note", "max_runs")
Fields = dict[str, Any]


def schedule_of(call: Call, body: Fields) -> Schedule:
    """The row of a schedule to create; refuses what breaks a rule that no schema can say."""
    check(call, body)
    action = action_of(body["action"])
    schedule_id = body.get("schedule_id") or new_plain_id()
    return Schedule(
        shard=shard_of(call.namespace, schedule_id),
        namespace=call.namespace,
        schedule_id=schedule_id,
        uid=new_plain_id(),
        status="active",
        workflow_type=action["workflow_type"],
        task_queue=action.get("task_queue"),
        spec=_text(without_nulls(body["spec"])),
        action=_text(action),
        overlap_policy=body.get("overlap_policy") or "skip",
        jitter_seconds=body.get("jitter_seconds") or 0,
        catch_up_window_seconds=body.get("catch_up_window_seconds"),
        max_runs=body.get("max_runs"),
        remaining_actions=body.get("max_runs"),
        memo=_optional(body.get("memo")),
        search_attributes=_optional(body.get("search_attributes")),
        note=body.get("note"),
        occurrence_at=None,
        due_at=None,
        last_fired_at=None,
        paused_at=None,
        deleted_at=None,
        last_skip_reason=None,
        last_skipped_at=None,
        fires_count=0,
        failures_count=0,
        skipped_count=0,
        latest_workflow_id=None,
        latest_open=False,
        recent="[]",
        buffer="[]",
        last_sequence=0,
        created_at=0,
        updated_at=0,
    )


def changes_of(body: Fields, schedule: Schedule) -> Fields:
    """The columns that an update changes; an action is merged over the one that is kept."""
    changes = {name: body[name] for name in STAYING if body.get(name) is not None}
    if body.get("spec") is not None:
        changes["spec"] = _text(without_nulls(body["spec"]))
    if body.get("action") is not None:
        merged = {**orjson.loads(schedule.action), **action_of(body["action"])}
        changes["action"] = _text(merged)
        changes["workflow_type"] = merged["workflow_type"]
        changes["task_queue"] = merged.get("task_queue")
    for name in ("memo", "search_attributes"):
        if name in body:
            changes[name] = _optional(body[name])
    if "catch_up_window_seconds" in body:
        changes["catch_up_window_seconds"] = body["catch_up_window_seconds"]
    return changes


def action_of(given: Fields) -> Fields:
    """An action without nulls, its timeouts under their own names and as numbers."""
    action = {TIMEOUTS.get(name, name): value for name, value in without_nulls(given).items()}
    for name in TIMEOUTS.values():
        if name in action:
            action[name] = int(action[name])
    kept = ("workflow_type", "task_queue", "input", *TIMEOUTS.values())
    return {name: action[name] for name in kept if name in action}


def check(call: Call, body: Fields) -> None:
    """Refuse what breaks a rule that no schema can say."""
    limits, errors = call.server.limits, {}
    if body.get("spec") is not None:
        errors.update(spec_problems(body["spec"]))
    given = (body.get("action") or {}).get("input")
    if payloads.is_envelope(given):
        errors.update(payloads.envelope_errors(given, "action.input"))
    blob = "" if errors else payloads.arguments_of(given).blob
    if 0 < limits.payload_bytes_max < len(blob):
        text = f"The input exceeds the maximum allowed size of {limits.payload_bytes_max} bytes."
        errors["action.input"] = [text]
    attributes = body.get("search_attributes") or {}
    problems = attribute_errors(attributes, limits.search_attributes_max)
    if 0 < limits.search_attribute_bytes_max < len(_text(attributes)):
        most = limits.search_attribute_bytes_max
        problems.append(f"The search attributes exceed the maximum allowed size of {most} bytes.")
    if problems:
        errors["search_attributes"] = problems
    if errors:
        raise invalid(errors)
    if 0 < limits.memo_bytes_max < len(_text(body.get("memo") or {}).encode()):
        raise Refusal("memo_too_large", limit=limits.memo_bytes_max)


def without_nulls(given: Fields) -> Fields:
    """The members that are set."""
    return {name: value for name, value in given.items() if value is not None}


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _optional(value: Any) -> str | None:
    return _text(value) if value else None
