"""System: what operators look at, and the passes that they can have run at once."""

import functools
from typing import Any

from durable_server.advance.intents import EnforceActivityTimeout, ExpireTaskLease, TimeOutRun
from durable_server.advance.run_requests import ChangeRun
from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.clock import SECOND, to_micro_text, to_second_text
from durable_server.engine.client_request import ClientRequest
from durable_server.ids import shard_in
from durable_server.refusal import Refusal
from durable_server.store import diagnosis, figures
from durable_server.store import namespaces as stored_namespaces
from durable_server.store import retention as stored_retention
from durable_server.store import runs as stored_runs
from durable_server.store import workers as stored_workers
from durable_server.views import operator_metrics as shown_metrics
from durable_server.views import system as shown

LIMIT_MAX = 100
FLEET_MAX = 100
LOST_AFTER = shown.LOST_AFTER_SECONDS * SECOND
_FAILURES = (
    *("existing_task_failures", "missing_run_failures", "deadline_expired_failures"),
    *("activity_timeout_failures", "command_contract_failures"),
)


async def repair(call: Call) -> Reply:
    """Tasks whose lease has run out, and open runs that nothing would resume."""
    now = call.server.clock.now()
    found = await call.server.read(_candidates, call.namespace, now)
    remedy = shown.REPAIR if found["total_candidates"] else None
    return Reply(200, {"policy": shown.POLICY, "candidates": found, "remedy": remedy})


def _candidates(tx: Any, namespace: str, now: int) -> dict[str, Any]:
    tasks = diagnosis.lost_tasks(tx, namespace, now - LOST_AFTER, LIMIT_MAX)
    look = diagnosis.stuck_runs(tx, namespace, None)
    more = (len(tasks) == LIMIT_MAX, look.ended_at is not None)
    return shown.candidates(shown.candidates_of(tasks, look.stuck), more, now)


async def repair_pass(call: Call, body: dict[str, Any]) -> Reply:
    """Mend what is stuck, in the namespace or among the named runs."""
    server, namespace = call.server, call.namespace
    run_ids, instance_id = body.get("run_ids") or [], body.get("instance_id")
    now = server.clock.now()
    keys, places = None, server.facts.setdefault("repair_places", {})
    if run_ids or instance_id:
        keys = await server.read(_named_runs, namespace, run_ids, instance_id)
    # Each pass goes on among the open runs where the last one of this process ended.
    work = await server.read(_work, namespace, now, keys, places.get(namespace))
    if keys is None:
        places[namespace] = work["place"]
    answer = {
        "connection": None,
        "queue": None,
        "run_ids": run_ids,
        "instance_id": instance_id,
        "respect_throttle": False,
        "throttled": False,
        **await _mend(call, work, command_of(call, body)),
        "selected_command_contract_candidates": 0,
        "backfilled_command_contracts": 0,
        "command_contract_backfill_unavailable": 0,
        "command_contract_failures": [],
    }
    failed = any(answer[name] for name in _FAILURES)
    answer["remedy"] = shown.AGAIN if failed else None
    return Reply(207 if failed else 200, answer)


async def _mend(call: Call, work: dict[str, Any], attribution: dict[str, Any]) -> dict[str, Any]:
    """Have what is stuck mended, kind by kind; what came of it."""
    wanted: dict[str, list[tuple[str, Any]]] = {
        "tasks": [
            (each.task_id, ExpireTaskLease(shard=each.shard, task_id=each.task_id))
            for each in work["tasks"]
        ],
        "runs": [(run.run_id, _repair(run, attribution)) for run in work["runs"]],
        "overdue": [
            (run.run_id, TimeOutRun(shard=run.shard, timed_run_id=run.run_id))
            for run in work["overdue"]
        ],
        "activities": [(each.activity_execution_id, _enforce(each)) for each in work["activities"]],
    }
    came = {kind: await _each(call, intents) for kind, intents in wanted.items()}
    done = {kind: _done(answers) for kind, answers in came.items()}
    return {
        "selected_existing_task_candidates": len(work["tasks"]),
        "selected_missing_task_candidates": len(work["runs"]),
        "selected_total_candidates": len(work["tasks"]) + len(work["runs"]),
        "repaired_existing_tasks": done["tasks"],
        "repaired_missing_tasks": done["runs"],
        "dispatched_tasks": done["tasks"] + done["runs"],
        "existing_task_failures": _failed("candidate_id", came["tasks"]),
        "missing_run_failures": _failed("run_id", came["runs"]),
        "deadline_expired_candidates": len(work["overdue"]),
        "deadline_expired_tasks_created": done["overdue"],
        "deadline_expired_failures": _failed("run_id", came["overdue"]),
        "activity_timeout_candidates": len(work["activities"]),
        "activity_timeouts_enforced": done["activities"],
        "activity_timeout_failures": _failed("execution_id", came["activities"]),
    }


def _named_runs(
    tx: Any, namespace: str, run_ids: list[str], instance_id: str | None
) -> set[tuple[int, str]]:
    keys = {(shard, run_id) for run_id in run_ids if (shard := shard_in(run_id)) is not None}
    current = stored_runs.find_current_run(tx, namespace, instance_id) if instance_id else None
    return keys if current is None else {*keys, (current[1].shard, current[1].run_id)}


def _work(
    tx: Any, namespace: str, now: int, keys: set[tuple[int, str]] | None, place: Any
) -> dict[str, Any]:
    """What is to be mended; of the named runs only, where there are any."""
    tasks = diagnosis.lost_tasks(tx, namespace, now - LOST_AFTER, diagnosis.LOOK_MAX)
    overdue = diagnosis.overdue_runs(tx, namespace, now, diagnosis.LOOK_MAX)
    activities = diagnosis.overdue_activities(tx, namespace, now, diagnosis.LOOK_MAX)
    if keys is None:
        look = diagnosis.stuck_runs(tx, namespace, place)
        runs, place = look.stuck, look.ended_at
    else:
        runs = diagnosis.stuck_among(tx, namespace, sorted(keys))
        tasks = [each for each in tasks if (each.shard, each.run_id) in keys]
        overdue = [each for each in overdue if (each.shard, each.run_id) in keys]
        activities = [each for each in activities if (each.shard, each.run_id) in keys]
    return {
        "tasks": tasks[: shown.SCAN_LIMIT],
        "runs": runs[: shown.SCAN_LIMIT],
        "overdue": overdue[: shown.SCAN_LIMIT],
        "activities": activities[: shown.SCAN_LIMIT],
        "place": place,
    }


def _repair(run: Any, attribution: dict[str, Any]) -> ChangeRun:
    request = ClientRequest("repair", run.workflow_id, run.run_id, None, dict(attribution))
    return ChangeRun(shard=run.shard, namespace=run.namespace, request=request)


def _enforce(activity: Any) -> EnforceActivityTimeout:
    name = activity.activity_execution_id
    return EnforceActivityTimeout(shard=activity.shard, activity_execution_id=name)


async def _each(call: Call, wanted: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Have intents carried out together; what each was answered, or why it was not."""
    pendings = [(name, call.server.lanes.put(intent)) for name, intent in wanted]
    answers: list[tuple[str, Any]] = []
    for name, pending in pendings:
        try:
            answers.append((name, await pending))
        except Refusal as refusal:
            answers.append((name, refusal))
    return answers


def _done(answers: list[tuple[str, Any]]) -> int:
    return sum(bool(answer) and not isinstance(answer, Refusal) for _, answer in answers)


def _failed(name: str, answers: list[tuple[str, Any]]) -> list[dict[str, str]]:
    failed = [(given, each) for given, each in answers if isinstance(each, Refusal)]
    return [{name: given, "message": f"Refused: {each.reason}."} for given, each in failed]


async def activity_timeouts(call: Call, limit: int | None = None) -> Reply:
    """Activities past a deadline that is not enforced yet."""
    count = _limit(limit)
    now = call.server.clock.now()
    found = await call.server.read(diagnosis.overdue_activities, call.namespace, now, count)
    return Reply(
        200,
        {
            "expired_count": len(found),
            "expired_execution_ids": [each.activity_execution_id for each in found],
            "scan_limit": count,
            "scan_pressure": len(found) == count,
            "remedy": shown.ENFORCE if found else None,
        },
    )


async def activity_timeouts_pass(call: Call, body: dict[str, Any]) -> Reply:
    """Enforce deadlines of activities: of those that are due, or of the named ones."""
    server, count = call.server, _limit(body.get("limit"))
    names = body.get("execution_ids")
    if names is None:
        now = server.clock.now()
        due = await server.read(diagnosis.overdue_activities, call.namespace, now, count)
        names = [each.activity_execution_id for each in due]
    names = list(dict.fromkeys(names))
    keys = [(shard, name) for name in names if (shard := shard_in(name)) is not None]
    known = await server.read(diagnosis.find_activities, call.namespace, keys)
    answers = dict(await _each(call, [(name, _enforce(each)) for name, each in known.items()]))
    after = await server.read(diagnosis.find_activities, call.namespace, keys)
    results = [_enforced(name, answers, after) for name in names]
    return _outcomes(results, "enforced")


def _enforced(name: str, answers: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    if name not in answers:
        return shown.skipped("execution_id", name, "execution_not_found")
    answer, activity = answers[name], after.get(name)
    if isinstance(answer, Refusal):
        remedy = "Ask again."
        told = {"outcome": "error", "reason": answer.reason, "remedy": remedy}
        return {"execution_id": name, **told}
    open_now = activity is not None and activity.status in ("pending", "running")
    if not answer:
        reason = "deadline_not_passed" if open_now else "activity_not_open"
        return shown.skipped("execution_id", name, reason)
    return {"execution_id": name, "outcome": "enforced", "has_retry": open_now}


async def retention(call: Call, limit: int | None = None) -> Reply:
    """Closed runs that are older than the namespace keeps them."""
    count, now = _limit(limit), call.server.clock.now()
    known = await call.server.read(stored_namespaces.find_namespace, call.namespace)
    closed_by = stored_retention.cutoff(now, known.retention_days)
    found = await call.server.read(stored_retention.expired_runs, call.namespace, closed_by, count)
    return Reply(
        200,
        {
            "namespace": call.namespace,
            "retention_days": known.retention_days,
            "cutoff": to_second_text(closed_by),
            "expired_run_count": len(found),
            "expired_run_ids": found,
            "scan_limit": count,
            "scan_pressure": len(found) == count,
            "remedy": shown.PRUNE if found else None,
        },
    )


async def retention_pass(call: Call, body: dict[str, Any]) -> Reply:
    """Remove closed runs: those that have been kept long enough, or the named ones."""
    named = body.get("run_ids")
    results = await (_prune_named(call, named) if named else _prune(call, body.get("limit")))
    return _outcomes(results, "pruned")


async def _prune(call: Call, limit: Any) -> list[dict[str, Any]]:
    """As many batches as it takes for the limit."""
    server, left = call.server, _limit(limit)
    known = await server.read(stored_namespaces.find_namespace, call.namespace)
    closed_by = stored_retention.cutoff(server.clock.now(), known.retention_days)
    results: list[dict[str, Any]] = []
    while len(results) < left:
        count = left - len(results)
        removed = await server.lanes.write(
            lambda tx, count=count: stored_retention.prune_expired(
                tx, call.namespace, closed_by, count
            )
        )
        if not removed:
            break
        results += [shown.pruned(*each) for each in removed]
    return results


async def _prune_named(call: Call, run_ids: list[str]) -> list[dict[str, Any]]:
    results: dict[str, dict[str, Any]] = {}
    keys = {}
    for run_id in dict.fromkeys(run_ids):
        shard = shard_in(run_id)
        results[run_id] = shown.skipped("run_id", run_id, "run_not_found")
        if shard is not None:
            keys[run_id] = (shard, run_id)
    while keys:
        left = tuple(keys.values())
        prune = functools.partial(stored_retention.prune_named, keys=left)
        removed, reasons = await call.server.lanes.write(lambda tx, p=prune: p(tx, call.namespace))
        results.update({each.run_id: shown.pruned(*each) for each in removed})
        results.update({name: shown.skipped("run_id", name, why) for name, why in reasons.items()})
        for name in (*(each.run_id for each in removed), *reasons):
            keys.pop(name)
    return list(results.values())


def _outcomes(results: list[dict[str, Any]], done: str) -> Reply:
    counts = {
        outcome: sum(each["outcome"] == outcome for each in results)
        for outcome in (done, "skipped", "error")
    }
    answer = {
        "processed": len(results),
        done: counts[done],
        "skipped": counts["skipped"],
        "failed": counts["error"],
        "results": results,
    }
    return Reply(207 if counts["error"] else 200, answer)


def _limit(given: Any) -> int:
    return LIMIT_MAX if given in (None, "") else min(int(given), LIMIT_MAX)


async def metrics(call: Call) -> Reply:
    """Workflow tasks that fail again and again, by workflow type."""
    failing = await call.server.read(figures.failing_types, call.namespace)
    now = call.server.clock.now()
    return Reply(200, shown_metrics.metrics(call.namespace, failing, to_micro_text(now)))


async def operator_metrics(call: Call) -> Reply:
    """Everything an operator may want to know of the namespace, at one moment."""
    server = call.server
    settings, now = server.settings, server.clock.now()
    heard_since = now - settings.worker_silence_seconds * SECOND
    measured = await server.read(
        _measure, call.namespace, now, heard_since, server.limits, snapshot=True
    )
    around = shown_metrics.Around(
        call.namespace,
        now,
        server.store.kind,
        server.limits,
        settings.worker_silence_seconds,
        settings.update_wait_completion_timeout_seconds,
    )
    return Reply(200, shown_metrics.operator_metrics(measured, around))


def _measure(
    tx: Any, namespace: str, now: int, heard_since: int, limits: Any
) -> shown_metrics.Measured:
    hard = (limits.history_events_hard, limits.history_bytes_hard)
    return shown_metrics.Measured(
        closed=figures.closed_runs(tx, namespace),
        archived=figures.archived_runs(tx, namespace),
        continued=figures.continued_runs(tx, namespace),
        running=figures.count_open_runs(tx, namespace),
        open=figures.open_runs(tx, namespace, *hard),
        ready=figures.ready_tasks(tx, namespace, now),
        leased=figures.leased_tasks(tx, namespace),
        lost=diagnosis.lost_tasks(tx, namespace, now, diagnosis.LOOK_MAX),
        activities=figures.open_activities(tx, namespace),
        overdue=diagnosis.overdue_activities(tx, namespace, now, diagnosis.LOOK_MAX),
        repair=_candidates(tx, namespace, now),
        schedules=figures.schedules(tx, namespace, now),
        workers=stored_workers.fresh_workers(tx, namespace, heard_since, FLEET_MAX),
    )
