"""Queries: what a client asks a workflow's code, answered by a worker from the history."""

from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.advance.queries import AskQuery, ChangeQuery, told
from durable_server.call import Call, Reply
from durable_server.clock import SECOND
from durable_server.command_contracts import arranged, declares
from durable_server.engine import dialects, query_task
from durable_server.engine.query_task import QueryTask, Question
from durable_server.engine.run_state import Payload, Run
from durable_server.ids import new_id
from durable_server.matching.timing import wait_at_most
from durable_server.refusal import Refusal, invalid
from durable_server.store import runs as stored_runs
from durable_server.store import workers as stored_workers
from durable_server.views.query_tasks import answer as shown_answer

NAME_BYTES_MAX = 256
CAPABILITY = "query_tasks"


class Asked(NamedTuple):
    """The run that is asked, and what each worker that may answer declares of its type."""

    run: Run
    declared: list[dict[str, Any] | None]


async def query(call: Call, workflow_id: str, query_name: str, body: dict[str, Any]) -> Reply:
    """Ask the current run of a workflow."""
    return await _query(call, body, (workflow_id, None), query_name)


async def query_run(
    call: Call, workflow_id: str, run_id: str, query_name: str, body: dict[str, Any]
) -> Reply:
    """Ask a run, which must be the current one of its workflow."""
    return await _query(call, body, (workflow_id, run_id), query_name)


async def _query(
    call: Call, body: dict[str, Any], ids: tuple[str, str | None], query_name: str
) -> Reply:
    if len(query_name.encode()) > NAME_BYTES_MAX:
        text = f"The query name field must not be greater than {NAME_BYTES_MAX} bytes."
        raise invalid({"query_name": [text]})
    server = call.server
    heard_since = server.clock.now() - server.settings.worker_silence_seconds * SECOND
    asked = await server.read(_asked, call.namespace, *ids, heard_since)
    question = _question(call, asked.run, query_name)
    if not asked.declared:
        raise Refusal("query_worker_unavailable", **told(question))
    arguments = _arguments(asked.declared, question, body.get("input"))
    task = await _ask(call, question._replace(codec=arguments.codec, arguments=arguments.blob))
    if task.status == "failed":
        raise _failure(task)
    return Reply(200, shown_answer(task))


async def _ask(call: Call, question: Question) -> QueryTask:
    """The task as a worker answered it; refuses when none did in time."""
    server = call.server
    name = (question.shard, question.query_task_id)
    pending = server.askers.expect(name)
    try:
        await server.lanes.put(AskQuery(question))
        call.lost(lambda: _leave(pending))
        answered = await wait_at_most(server.matcher.timers, pending, question.wait_seconds)
    finally:
        server.askers.forget(name)
    left = server.lanes.put(ChangeQuery(*name, query_task.leave))
    if answered is None:
        # A worker may have answered at the last moment; after this none can.
        answered = await left
    task: QueryTask | None = answered
    if task is not None and task.answered:
        return task
    if server.askers.closed:
        raise Refusal("shutting_down")
    raise Refusal("query_worker_timeout", **told(question), timeout_seconds=question.wait_seconds)


def _leave(pending: Any) -> None:
    pending.answer(None)


def _asked(
    tx: Any, namespace: str, workflow_id: str, run_id: str | None, heard_since: int
) -> Asked:
    found = stored_runs.find_current_run(tx, namespace, workflow_id)
    if found is None:
        raise Refusal("instance_not_found", workflow_id=workflow_id)
    run = found[1]
    if run_id not in (None, run.run_id):
        if stored_runs.find_run(tx, namespace, workflow_id, run_id or "") is None:
            raise Refusal("run_not_found", workflow_id=workflow_id, run_id=run_id)
        raise Refusal(
            "historical_run_command_rejected",
            workflow_id=workflow_id,
            run_id=run_id,
            target_scope="run",
        )
    if run.pruned_at is not None:
        raise Refusal("run_pruned", workflow_id=workflow_id, run_id=run.run_id)
    workers = stored_workers.workers_of_queue(tx, namespace, run.task_queue, heard_since)
    return Asked(run, [_declared(each, run) for each in workers if _may_answer(each, run)])


def _may_answer(worker: stored_workers.Worker, run: Run) -> bool:
    """Whether a worker would be given the query, and takes such tasks at all."""
    if worker.runtime == "php" and CAPABILITY not in orjson.loads(worker.capabilities):
        return False
    if not dialects.answers_queries(worker.sdk_version):
        return False
    if worker.status == "draining" or run.build_id not in (None, worker.build_id):
        return False
    listed = worker.supported_workflow_types
    return listed is None or run.workflow_type in orjson.loads(listed)


def _declared(worker: stored_workers.Worker, run: Run) -> dict[str, Any] | None:
    contracts = orjson.loads(worker.details).get("workflow_command_contracts") or {}
    declared: dict[str, Any] | None = contracts.get(run.workflow_type)
    return declared


def _question(call: Call, run: Run, query_name: str) -> Question:
    settings = call.server.settings
    return Question(
        shard=run.shard,
        query_task_id=new_id(run.shard),
        namespace=run.namespace,
        task_queue=run.task_queue,
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        type_name=run.workflow_type,
        build_id=run.build_id,
        query_name=query_name,
        codec=payloads.EMPTY_ARGUMENTS.codec,
        arguments=payloads.EMPTY_ARGUMENTS.blob,
        wait_seconds=settings.query_seconds,
        keep_seconds=settings.query_task_ttl_seconds,
        trace=call.trace,
    )


def _arguments(declared: list[dict[str, Any] | None], question: Question, given: Any) -> Payload:
    """What the query is asked with; judged by a worker's declaration, where there is one."""
    name = question.query_name
    fitting = [each for each in declared if declares(each, "query", name)]
    if not fitting:
        text = f"No worker of workflow type [{question.type_name}] declares a query [{name}]."
        raise Refusal("rejected_unknown_query", **told(question), detail=text)
    if payloads.is_envelope(given):
        errors = payloads.envelope_errors(given, "input")
        if errors:
            raise invalid(errors)
        return payloads.from_envelope(given)
    arguments = arranged(fitting[0], "query", name, given)
    if arguments.errors:
        raise _bad_arguments(question, "The arguments do not fit the query.", arguments.errors)
    return payloads.plain(arguments.values)


def _failure(task: QueryTask) -> Refusal:
    """What the caller is told of a worker's refusal, in the worker's words."""
    failure = orjson.loads(task.failure or "{}")
    reason, text = failure.get("reason"), failure.get("message")
    if reason == "rejected_unknown_query":
        return Refusal("rejected_unknown_query", **told(task), detail=text)
    if reason == "invalid_query_arguments":
        return _bad_arguments(task, text, failure.get("validation_errors") or {})
    refusal = Refusal("query_rejected", **told(task), detail=text)
    refusal.facts["reason"] = reason
    return refusal


def _bad_arguments(asked: Question | QueryTask, text: str, errors: dict[str, list[str]]) -> Refusal:
    return Refusal("invalid_query_arguments", **told(asked), detail=text, validation_errors=errors)
