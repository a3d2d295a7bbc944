"""The variant to compare with: stock Connexion, and the ORM row by row in a transaction a request.

The same contract, the same engine and the same tables as the server; what differs is only how
requests are dispatched and how decisions reach the database. Run: `python -m bench.naive PORT URL`.
"""

import sys
import time
from typing import Any

import connexion
import orjson
import uvicorn
from connexion.resolver import Resolver
from durable_contracts import bundle
from durable_server import clock, ids, payloads
from durable_server.advance.batch import decide_lease
from durable_server.engine import activity_report, commands, start, workflow_task
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.limits import Limits
from durable_server.engine.run_state import Activity, Event, Payload, Run, RunState, Task, Timer
from durable_server.engine.tasks import Holder, digest_of
from durable_server.matching.channels import LeasedTask
from durable_server.store import columns, migrate, models
from durable_server.store.database import open_store
from durable_server.views import tasks as shown
from playhouse.db_url import connect

POLL_SECONDS = 0.02
HOLD_SECONDS = 5.0
_CLOCK = clock.SystemClock()
_database: Any = None


def _moment() -> Moment:
    return Moment(_CLOCK.now(), ids.new_id, Limits())


def _row(model: Any, kind: Any, condition: Any) -> Any:
    found = model.select().where(condition).tuples().first()
    return None if found is None else kind(*found)


def _run(shard: int, run_id: str) -> Run:
    query = models.Run.select().where((models.Run.shard == shard) & (models.Run.run_id == run_id))
    if type(_database).__name__.startswith("Postgres"):
        query = query.for_update()
    return columns.run_of_row(query.tuples().get())


def _state(shard: int, run_id: str) -> RunState:
    """The run and all its open rows, one query a table."""
    state = RunState(_run(shard, run_id))
    for model, kind, put in (
        (models.Task, Task, state.tasks),
        (models.Activity, Activity, state.activities),
        (models.Timer, Timer, state.timers),
    ):
        rows = model.select().where((model.shard == shard) & (model.run_id == run_id)).tuples()
        for row in rows:
            put[row[1]] = kind(*row)
    return state


def _save(decision: Decision) -> None:
    """Write a decision row by row."""
    run = decision.state.run
    values = dict(zip(columns.RUNS.names, columns.run_to_row(run), strict=True))
    if decision.new_run:
        models.Workflow.create(**decision.workflow._asdict())  # type: ignore[union-attr]
        models.Run.create(**values)
        details = columns.details_to_row(decision.details)  # type: ignore[arg-type]
        names = columns.RUN_DETAILS.names
        models.RunDetails.create(**dict(zip(names, details, strict=True)))
    else:
        models.Run.update(values).where(
            (models.Run.shard == run.shard) & (models.Run.run_id == run.run_id)
        ).execute()
    if decision.output is not None:
        models.RunDetails.update(
            output_codec=decision.output.codec, output_blob=decision.output.blob
        ).where(models.RunDetails.run_id == run.run_id).execute()
    for event in decision.events:
        models.Event.create(**event._asdict())
    for model, key, rows in (
        (models.Task, "task_id", decision.tasks),
        (models.Activity, "activity_execution_id", decision.activities),
    ):
        for name, row in rows.items():
            if name in decision.new_rows:
                model.create(**row._asdict())
            else:
                model.update(row._asdict()).where(getattr(model, key) == name).execute()


async def start_workflow(body: dict[str, Any], **_: Any) -> Any:
    """Start one workflow in its own transaction."""
    workflow_id = body.get("workflow_id") or ids.new_plain_id()
    shard = ids.shard_of("default", workflow_id)
    wanted = start.Start(
        shard=shard,
        run_id=ids.new_id(shard),
        namespace="default",
        workflow_id=workflow_id,
        workflow_type=body["workflow_type"],
        task_queue=body["task_queue"],
        input=payloads.from_envelope(body["input"]),
        build_id=None,
        business_key=None,
        memo=None,
        search_attributes=None,
        duplicate_policy="fail",
        execution_timeout_seconds=None,
        run_timeout_seconds=None,
        command={},
    )
    with _database.atomic():
        decision = start.start(wanted, _moment())
        _save(decision)
    return decision.answer, 201


async def register(body: dict[str, Any], **_: Any) -> Any:
    """Every worker is welcome here."""
    return {"worker_id": body["worker_id"], "registered": True}, 201


def _lease(kind: str, body: dict[str, Any]) -> LeasedTask | None:
    holder = Holder(body["worker_id"], None, "avro", body.get("poll_request_id"))
    with _database.atomic():
        query = models.Task.select().where(
            (models.Task.status == "ready")
            & (models.Task.namespace == "default")
            & (models.Task.task_queue == body["task_queue"])
            & (models.Task.kind == kind)
        )
        if type(_database).__name__.startswith("Postgres"):
            query = query.for_update("FOR UPDATE SKIP LOCKED")
        row = query.limit(1).tuples().first()
        if row is None:
            return None
        task = Task(*row)
        state = _state(task.shard, task.run_id)
        decision = decide_lease(state, _moment(), task.task_id, holder)
        if decision is None:
            return None
        _save(decision)
        return _leased(decision, task.task_id)


def _leased(decision: Decision, task_id: str) -> LeasedTask:
    run = decision.state.run
    events = [
        Event(*row)
        for row in models.Event.select()
        .where((models.Event.shard == run.shard) & (models.Event.run_id == run.run_id))
        .order_by(models.Event.sequence)
        .tuples()
    ]
    task = decision.state.tasks[task_id]
    activity = decision.state.activities.get(task.activity_execution_id or "")
    if activity is None:
        details = _row(
            models.RunDetails,
            lambda *row: columns.details_of_row(row),
            models.RunDetails.run_id == run.run_id,
        )
        return LeasedTask(task, run, details.input, events)
    scheduled = orjson.loads(events[activity.scheduled_sequence - 1].payload)
    blob = scheduled["activity"].get("arguments")
    return LeasedTask(task, run, Payload(activity.payload_codec, blob), [], activity)


async def _poll(kind: str, body: dict[str, Any]) -> Any:
    import asyncio

    until = time.monotonic() + HOLD_SECONDS
    while time.monotonic() < until:
        leased = _lease(kind, body)
        if leased is not None:
            if kind == "workflow":
                task = shown.workflow_task(leased, None, Limits())
            else:
                task = shown.leased_activity(leased, None)["task"]
            return orjson.loads(orjson.dumps({"task": task})), 200
        await asyncio.sleep(POLL_SECONDS)
    return {"task": None}, 200


async def poll_workflow_task(body: dict[str, Any], **_: Any) -> Any:
    """Look for a task every few milliseconds."""
    return await _poll("workflow", body)


async def poll_activity_task(body: dict[str, Any], **_: Any) -> Any:
    """Look for a task every few milliseconds."""
    return await _poll("activity", body)


async def complete_workflow_task(body: dict[str, Any], task_id: str, **_: Any) -> Any:
    """Apply the commands in their own transaction."""
    completion = commands.Completion(
        task_id,
        body["lease_owner"],
        body["workflow_task_attempt"],
        commands.parse(body["commands"]),
        digest_of(body["commands"]),
    )
    with _database.atomic():
        task = _row(models.Task, Task, models.Task.task_id == task_id)
        decision = workflow_task.complete(_state(task.shard, task.run_id), _moment(), completion)
        _save(decision)
    return decision.answer, 200


async def complete_activity_task(body: dict[str, Any], task_id: str, **_: Any) -> Any:
    """Record the result in its own transaction."""
    report = activity_report.Report(
        task_id, body["activity_attempt_id"], body["lease_owner"], "completed", "digest"
    )
    result = payloads.from_envelope(body["result"])
    with _database.atomic():
        task = _row(models.Task, Task, models.Task.task_id == task_id)
        state = _state(task.shard, task.run_id)
        decision = activity_report.complete(state, _moment(), report, result)
        _save(decision)
    return decision.answer, 200


HANDLERS = {
    "workflows.start": start_workflow,
    "workers.register": register,
    "workflow_tasks.poll": poll_workflow_task,
    "workflow_tasks.complete": complete_workflow_task,
    "activity_tasks.poll": poll_activity_task,
    "activity_tasks.complete": complete_activity_task,
}


async def nothing(**_: Any) -> Any:
    """An operation that the load does not use."""
    return {"message": "not part of the measurement"}, 404


def main(port: int, database_url: str) -> None:
    """Serve until killed."""
    global _database
    store = open_store(database_url, clock=_CLOCK)
    migrate.bootstrap(store)
    _database = connect(database_url)
    _database.bind(models.MODELS)
    application = connexion.AsyncApp(__name__)
    resolver = Resolver(lambda name: HANDLERS.get(name, nothing))
    application.add_api(bundle.lowered(), resolver=resolver)
    uvicorn.run(application, host="127.0.0.1", port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
