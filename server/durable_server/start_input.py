"""What a client says when it starts a workflow, as the engine takes it."""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.attribution import command_of
from durable_server.call import Call
from durable_server.engine.start import Start
from durable_server.external_payloads import moved_out, stored_as, verified
from durable_server.ids import new_id, shard_of
from durable_server.refusal import invalid
from durable_server.search_attributes import attribute_errors

TASK_QUEUE_DEFAULT = "default"


def start_of(call: Call, body: dict[str, Any], workflow_id: str) -> Start:
    """The start that a body asks for; refuses what breaks a rule that no schema can say."""
    _check(call, body)
    shard = shard_of(call.namespace, workflow_id)
    task_queue = body.get("task_queue") or TASK_QUEUE_DEFAULT
    build_id = body.get("build_id") or body.get("compatibility") or None
    if build_id is None:
        build_id = call.server.rollouts.build_for_start(call.namespace, task_queue)
    return Start(
        shard=shard,
        run_id=new_id(shard),
        namespace=call.namespace,
        workflow_id=workflow_id,
        workflow_type=body["workflow_type"],
        input=payloads.arguments_of(body.get("input")),
        task_queue=task_queue,
        build_id=build_id,
        business_key=body.get("business_key") or None,
        memo=_json_text(body.get("memo")),
        search_attributes=_json_text(body.get("search_attributes")),
        duplicate_policy=body.get("duplicate_policy") or "fail",
        execution_timeout_seconds=_seconds(body.get("execution_timeout_seconds")),
        run_timeout_seconds=_seconds(body.get("run_timeout_seconds")),
        command=command_of(call, body),
        trace=call.trace_of(body),
    )


async def start_in(call: Call, body: dict[str, Any], workflow_id: str) -> Start:
    """As `start_of`; a reference is verified first, and a large input moved out."""
    await call.server.rollouts.known()
    given = body.get("input")
    inline = await verified(call, given, "input")
    wanted = start_of(call, body if inline is given else {**body, "input": inline}, workflow_id)
    if inline is not given:
        return wanted._replace(input=stored_as(given, wanted.input) or wanted.input)
    moved = await moved_out(call, wanted.input, wanted.run_id)
    return wanted if moved is None else wanted._replace(input=moved)


def _check(call: Call, body: dict[str, Any]) -> None:
    errors: dict[str, Any] = {}
    given = body.get("input")
    if payloads.is_envelope(given):
        errors.update(payloads.envelope_errors(given, "input"))
    limits = call.server.limits
    if not errors and 0 < limits.payload_bytes_max < len(payloads.arguments_of(given).blob):
        text = f"The input exceeds the maximum allowed size of {limits.payload_bytes_max} bytes."
        errors["input"] = [text]
    memo = _json_text(body.get("memo"))
    if memo is not None and 0 < limits.memo_bytes_max < len(memo.encode()):
        text = f"The memo exceeds the maximum allowed size of {limits.memo_bytes_max} bytes."
        errors["memo"] = [text]
    attributes = body.get("search_attributes")
    problems = attribute_errors(attributes or {}, limits.search_attributes_max)
    most = limits.search_attribute_bytes_max
    if 0 < most < len((_json_text(attributes) or "").encode()):
        problems.append(f"The search attributes exceed the maximum allowed size of {most} bytes.")
    if problems:
        errors["search_attributes"] = problems
    if errors:
        raise invalid(errors)


def _json_text(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def _seconds(value: Any) -> int | None:
    return None if value in (None, "") else int(value)
