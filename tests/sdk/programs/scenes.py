"""What a client does for each capability that concerns runs and their steps; its name is theirs."""

import asyncio
import uuid
from typing import Any

from definitions import Hello, Sequence
from durable_workflow import Worker, workflow
from stage import Facts, Stage, attempt, until
from steps import HEARD, UNDONE, greet

MANY = 50


async def sequence(stage: Stage) -> Facts:
    return await stage.run("sequence", 1, 5)


async def fan_out(stage: Stage) -> Facts:
    return await stage.run("fan_out", ["a", "b", "c", "d"])


async def nested_fan_out(stage: Stage) -> Facts:
    return await stage.run("nested_fan_out")


async def timer(stage: Stage) -> Facts:
    return await stage.run("timer", 2)


async def failure(stage: Stage) -> Facts:
    return await stage.run("failure", "the order is empty")


async def retry(stage: Stage) -> Facts:
    return await stage.run("retry")


async def non_retryable(stage: Stage) -> Facts:
    return await stage.run("non_retryable", "never again")


async def unlisted(stage: Stage) -> Facts:
    return await stage.run("unlisted", "not twice")


async def caught(stage: Stage) -> Facts:
    return await stage.run("caught", "the order is empty")


async def broken(stage: Stage) -> Facts:
    return await stage.run("broken", "nothing there")


async def local_activity(stage: Stage) -> Facts:
    return await stage.run("local")


async def select(stage: Stage) -> Facts:
    return await stage.run("first_of")


async def heartbeat(stage: Stage) -> Facts:
    return await stage.run("heartbeat")


async def silent(stage: Stage) -> Facts:
    return await stage.run("limited", "heartbeat_timeout")


async def too_long(stage: Stage) -> Facts:
    return await stage.run("limited", "start_to_close_timeout")


async def unheard_signal(stage: Stage) -> Facts:
    handle = await stage.start("timer", 3)
    await stage.until_event(handle, "TimerScheduled")
    sent = await attempt(handle.signal("post", ["nobody reads this"]))
    return {**await stage.end(handle), "sent": sent}


async def side_effect(stage: Stage) -> Facts:
    return await stage.run("side_effect")


async def version(stage: Stage) -> Facts:
    return await stage.run("version")


async def patched(stage: Stage) -> Facts:
    return await stage.run("patched")


async def compensation(stage: Stage) -> Facts:
    key = uuid.uuid4().hex
    facts = await stage.run("compensation", key)
    return {**facts, "undone": UNDONE.get(key)}


async def saga(stage: Stage) -> Facts:
    key = uuid.uuid4().hex
    facts = await stage.run("saga", key)
    return {**facts, "undone": UNDONE.get(key)}


async def cancel(stage: Stage) -> Facts:
    key = uuid.uuid4().hex
    handle = await stage.start("cancelled", key)
    await until(lambda: _heard(key, "beats"), "the activity beats")
    await handle.cancel(reason="changed our minds")
    facts = await stage.end(handle)
    await until(lambda: _heard(key, "ActivityCancelled"), "the activity learns of it")
    return facts


async def _heard(key: str, word: str) -> bool:
    return HEARD.get(key) == word


async def terminate(stage: Stage) -> Facts:
    handle = await stage.start("rest")
    await stage.until_event(handle, "TimerScheduled")
    await handle.terminate(reason="out of time")
    return await stage.end(handle)


async def search_attributes(stage: Stage) -> Facts:
    return await stage.run("attributed", search_attributes={"stage": "new", "customer": "ada"})


async def overdue(stage: Stage) -> Facts:
    return await stage.run("rest", run_timeout_seconds=2)


async def archive(stage: Stage) -> Facts:
    handle = await stage.start("hello", "once")
    facts = await stage.end(handle)
    return {**facts, "archived": vars(await handle.archive(reason="done with"))}


async def exported(stage: Stage) -> Facts:
    """A closed run is exported, verified, and replayed by itself; then one letter is changed."""
    from durable_workflow import history_bundle_verify

    handle = await stage.start("sequence", 1, 3)
    facts = await stage.end(handle)
    bundle = await handle.export_history()
    report = history_bundle_verify.verify_bundle(bundle)
    replayed = workflow.Replayer(workflows=[Sequence]).replay(bundle)
    bundle["history_events"][-1]["payload"]["closed_reason"] = "forged"
    forged = history_bundle_verify.verify_bundle(bundle)
    return {
        **facts,
        "verified": [report["status"], report["findings"]],
        "replayed": [vars(command) for command in replayed.commands],
        "forged": list(forged["summary"]["findings_by_rule"]),
    }


async def runs(stage: Stage) -> Facts:
    handle = await stage.start("countdown", 1, [])
    facts = await chain(stage, handle)
    listed = (await handle.list_runs()).runs
    each = [await handle.describe_run(run.run_id) for run in listed]
    return {**facts, "runs": [[run.run_id, run.status] for run in each]}


async def leaving(stage: Stage) -> Facts:
    """A worker of its own with a short poll, since its goodbye waits for that."""
    apart = Stage(stage.client, f"{stage.queue}-leaving")
    options = {"task_queue": apart.queue, "worker_id": f"leaver-{uuid.uuid4().hex}"}
    worker = Worker(
        stage.client, workflows=[Hello], activities=[greet], poll_timeout=1.0, **options
    )
    working = asyncio.create_task(worker.run())
    facts = await apart.run("hello", "bye")
    await worker.stop()
    working.cancel()
    gone = await attempt(stage.client.deregister_worker_registration(options["worker_id"]))
    return {**facts, "gone": gone}


async def memo(stage: Stage) -> Facts:
    return await stage.run("memoed", memo={"stage": "new", "customer": "ada"})


async def many(stage: Stage) -> Facts:
    runs = [stage.run("hello", f"n{number}") for number in range(MANY)]
    return {"runs": await asyncio.gather(*runs)}


async def held(stage: Stage) -> Facts:
    first = await stage.start("rest", duplicate_policy="fail")
    again = {"workflow_id": first.workflow_id, "duplicate_policy": "fail"}
    return await attempt(stage.start("rest", **again))


async def use_existing(stage: Stage) -> Facts:
    first = await stage.start("rest")
    again = {"workflow_id": first.workflow_id, "duplicate_policy": "use-existing"}
    second = await stage.start("rest", **again)
    return {"runs": [first.run_id, second.run_id]}


async def closed(stage: Stage) -> Facts:
    first = await stage.run("hello", "once")
    again: dict[str, Any] = {"workflow_id": first["workflow_id"]}
    policies = ("fail", "use-existing")
    return {
        policy: await attempt(stage.start("hello", "twice", duplicate_policy=policy, **again))
        for policy in policies
    }


async def unknown(stage: Stage) -> Facts:
    return await attempt(stage.client.describe_workflow("workflow-that-never-was"))


async def child(stage: Stage) -> Facts:
    return await stage.run("parent", 3)


async def children(stage: Stage) -> Facts:
    return await stage.run("family", ["a", "b", "c"])


async def failed_child(stage: Stage) -> Facts:
    return await stage.run("bereaved", "nothing there")


async def ended_child(stage: Stage) -> Facts:
    return {how: await _ended(stage, how) for how in ("cancel_workflow", "terminate_workflow")}


async def _ended(stage: Stage, how: str) -> Facts:
    handle = await stage.start("sorrow")
    started = (await stage.until_event(handle, "ChildRunStarted"))["payload"]
    await getattr(stage.client, how)(started["child_workflow_instance_id"], reason="enough")
    return await stage.end(handle)


async def child_policy(stage: Stage) -> Facts:
    handle = await stage.start("guardian")
    started = (await stage.until_event(handle, "ChildRunStarted"))["payload"]
    await handle.terminate(reason="gone")
    facts = await stage.end(handle)
    child_id = started["child_workflow_instance_id"]

    async def over() -> str | None:
        status = (await stage.client.describe_workflow(child_id)).status
        return None if status in ("pending", "running", "waiting") else status

    return {**facts, "child": await until(over, "the child has ended")}


async def retried_child(stage: Stage) -> Facts:
    return await stage.run("persistent", "no line")


async def continue_as_new(stage: Stage) -> Facts:
    handle = await stage.start("countdown", 3, [])
    return await chain(stage, handle)


async def chain(stage: Stage, first: Any) -> Facts:
    """The end of a chain of runs, seen through a handle that names no run."""
    whole = stage.client.get_workflow_handle(first.workflow_id)
    facts = await stage.end(whole)
    current = await stage.client.describe_workflow(first.workflow_id)
    return {**facts, "first_run_id": first.run_id, "run_id": current.run_id}
