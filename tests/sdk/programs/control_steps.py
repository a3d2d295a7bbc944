"""The steps of the story of all control calls; each says what an honest server answers.

A step ends where the client at hand lacks a method, so what not every client has comes last.
"""

import uuid
from typing import Any

from control_story import LOOK_SECONDS, Story, step
from durable_workflow.client import ScheduleAction, ScheduleSpec
from listener import TYPE

LARGE_BYTES = 5000
BUILD = "build-2"
DAY = {"start_time": "2026-01-05T00:00:00Z", "end_time": "2026-01-06T00:00:00Z"}
# None fires by itself meanwhile, or it would be no matter.
YEARLY = ScheduleSpec(cron_expressions=["0 9 1 1 *"])
NINE = ScheduleSpec(cron_expressions=["0 */8 * * *"], timezone="Europe/Berlin")


@step
async def the_server(story: Story) -> None:
    assert (await story("health"))["status"] == "serving"
    info = await story("get_cluster_info")
    assert info["control_plane"]["version"] == "2"


@step
async def namespaces(story: Story) -> None:
    name = story.id("place")
    made = await story("create_namespace", name, description="before", retention_days=7)
    assert (made.name, made.retention_days, made.status) == (name, 7, "active")
    assert name in [each.name for each in (await story("list_namespaces")).namespaces]
    changed = await story("update_namespace", name, description="after", retention_days=9)
    assert (changed.description, changed.retention_days) == ("after", 9)
    assert (await story("describe_namespace", name)).description == "after"
    kept = await story("set_namespace_external_storage", name, driver="local", threshold_bytes=500)
    assert kept.external_payload_storage.threshold_bytes == 500
    assert (await story("delete_namespace", name)).name == name
    await story.refused("NamespaceNotFound", "describe_namespace", name)


@step
async def storage(story: Story) -> None:
    sizes = {"small_payload_bytes": 10, "large_payload_bytes": LARGE_BYTES}
    kept = {"driver": "local", "threshold_bytes": 4096}
    await story("set_namespace_external_storage", story.queue, **kept)
    tried = await story("test_external_storage", **sizes)
    assert (tried.status, tried.large_payload.bytes) == ("passed", LARGE_BYTES)
    await story("set_namespace_external_storage", story.queue, **kept, enabled=False)


@step
async def talking(story: Story) -> None:
    handle = await story.start(4, memo={"about": "talk"})
    named = handle.workflow_id
    assert handle.run_id
    await story("signal_workflow", named, "tell", args=["a"])
    await story("signal", "tell", ["b"], of=handle)

    async def both() -> Any:
        return (await story("query_workflow", named, "told"))["result"] == ["a", "b"]

    await story.until(both, "two signals in the answer to a query")
    assert (await story("query", "told", of=handle))["result"] == ["a", "b"]
    to_the_end = {"wait_for": "completed", "wait_timeout_seconds": 30}
    added = await story("update_workflow", named, "add", args=["c"], **to_the_end)
    assert (added["update_status"], added["result"]) == ("completed", 3)
    assert (await story("update", "add", ["d"], of=handle, **to_the_end))["result"] == 4
    told = ["a", "b", "c", "d"]
    assert await story("result", of=handle, poll_interval=LOOK_SECONDS) == told
    assert await story("get_result", handle, poll_interval=LOOK_SECONDS) == told
    assert (await story("describe", of=handle)).memo == {"about": "talk"}


@step
async def the_same_handle_again(story: Story) -> None:
    handle = await story.start(1)
    again = await story("get_workflow_handle", handle.workflow_id, run_id=handle.run_id)
    await story("signal", "tell", ["x"], of=again)
    assert await story("result", of=again, poll_interval=LOOK_SECONDS) == ["x"]


@step
async def looking(story: Story) -> None:
    handle = await story.start(9)
    named, run = handle.workflow_id, handle.run_id
    assert (await story("describe_workflow", named)).workflow_type == TYPE
    assert (await story("describe", of=handle)).run_id == run
    assert (await story("list_workflow_runs", named)).run_count == 1
    assert [each.run_id for each in (await story("list_runs", of=handle)).runs] == [run]
    assert (await story("describe_workflow_run", named, run)).run_id == run
    assert (await story("describe_run", of=handle)).run_id == run
    for history in (await story("get_history", named, run), await story("get_history", of=handle)):
        assert history["events"][1]["event_type"] == "WorkflowStarted"
    await story.refused("WorkflowNotFound", "describe_workflow", "workflow-of-nobody")


@step
async def listing(story: Story) -> None:
    named = sorted([(await story.start(9)).workflow_id for _ in range(3)])
    first = await story("list_workflows", workflow_type=TYPE, status="running", page_size=2)
    assert (len(first.executions), bool(first.next_page_token)) == (2, True)
    query = " OR ".join(f'WorkflowId = "{each}"' for each in named)
    found, token = [], None
    while True:
        page = await story("list_workflows", query=query, page_size=2, next_page_token=token)
        found += [each.workflow_id for each in page.executions]
        token = page.next_page_token
        if not token:
            break
    assert sorted(found) == named


@step
async def exports(story: Story) -> None:
    from durable_workflow.history_bundle_verify import verify_bundle

    handle = await story.start(1)
    await story("signal", "tell", ["ü"], of=handle)
    await story("result", of=handle, poll_interval=LOOK_SECONDS)
    for bundle in (
        await story("export_history", handle.workflow_id, handle.run_id),
        await story("export_history", of=handle),
    ):
        assert verify_bundle(bundle)["status"] == "ok"
    bundle["workflow"]["workflow_type"] = "forged"
    assert verify_bundle(bundle)["status"] != "ok"


@step
async def ends(story: Story) -> None:
    for method, status, kind in (
        ("cancel", "cancelled", "WorkflowCancelled"),
        ("terminate", "terminated", "WorkflowTerminated"),
    ):
        first, second = await story.start(9), await story.start(9)
        await story(f"{method}_workflow", first.workflow_id, reason="enough")
        await story(method, of=second, reason="enough")
        for handle in (first, second):
            assert (await story("describe", of=handle)).status == status
            await story.refused(kind, "result", of=handle, poll_interval=LOOK_SECONDS)


@step
async def repairs_and_archives(story: Story) -> None:
    handle = await story.start(9)
    named = handle.workflow_id
    assert (await story("repair_workflow", named)).outcome.startswith("repair_")
    assert (await story("repair", of=handle)).outcome.startswith("repair_")
    await story("terminate", of=handle)
    assert (await story("archive_workflow", named, reason="kept")).outcome == "archived"
    assert (await story("archive", of=handle)).outcome == "archive_not_needed"


@step
async def messages(story: Story) -> None:
    handle = await story.start(9)
    appended = await story("append_message", "letters", "m1", ["a"], of=handle)
    assert (appended["position"], appended["outcome"]) == (1, "message_appended")
    named = handle.workflow_id
    again = await story("append_message_stream", named, "letters", "m1", args=["a"])
    assert (again["position"], again["outcome"]) == (1, "message_duplicate")


@step
async def schedules(story: Story) -> None:
    action = ScheduleAction(workflow_type=TYPE, task_queue=story.queue, input=[0])
    named = story.id("schedule")
    made = await story("create_schedule", schedule_id=named, spec=YEARLY, action=action)
    assert made.schedule_id == named
    again = {"schedule_id": named, "spec": YEARLY, "action": action}
    await story.refused("ScheduleAlreadyExists", "create_schedule", **again)
    shown = await story("describe_schedule", named)
    assert shown.spec["cron_expressions"] == YEARLY.cron_expressions
    page = await story("list_schedules", workflow_type=TYPE)
    assert named in [each.schedule_id for each in page.schedules]
    await story("update_schedule", named, spec=NINE, note="thrice a day")
    assert (await story("describe_schedule", named)).note == "thrice a day"
    await story("pause_schedule", named, note="closed")
    assert (await story("describe_schedule", named)).status == "paused"
    await story("resume_schedule", named)
    fired = await story("trigger_schedule", named)
    assert (fired.outcome, bool(fired.workflow_id)) == ("triggered", True)
    filled = await story("backfill_schedule", named, **DAY, overlap_policy="allow_all")
    assert filled.fires_attempted == 3
    await story("delete_schedule", named)
    await story.refused("ScheduleNotFound", "describe_schedule", named)


@step
async def handles_of_schedules(story: Story) -> None:
    action = ScheduleAction(workflow_type=TYPE, task_queue=story.queue, input=[0])
    named = story.id("schedule")
    await story("create_schedule", schedule_id=named, spec=YEARLY, action=action, paused=True)
    handle = await story("get_schedule_handle", named)
    assert (await story("describe", of=handle)).status == "paused"
    await story("resume", of=handle, note="open")
    await story("update", of=handle, spec=NINE)
    assert (await story("trigger", of=handle)).outcome == "triggered"
    filled = await story("backfill", of=handle, **DAY, overlap_policy="allow_all")
    assert filled.fires_attempted == 3
    await story("pause", of=handle)
    await story("delete", of=handle)
    kinds = [event.event_type for event in (await story("history", of=handle)).events]
    assert (kinds[0], kinds[-1]) == ("ScheduleCreated", "ScheduleDeleted")
    assert (await story("get_schedule_history", named, limit=1)).has_more
    for pages in (
        await story("iter_history", of=handle, limit=2),
        await story("iter_schedule_history", named, limit=2),
    ):
        assert [event.event_type async for event in pages] == kinds


@step
async def task_queues(story: Story) -> None:
    def seen() -> Any:
        return story("list_task_queues")

    listed = await story.until(seen, "a task queue")
    assert story.queue in [each.name for each in listed.task_queues]
    assert (await story("describe_task_queue", story.queue)).name == story.queue
    cohorts = (await story("list_task_queue_build_ids", story.queue)).build_ids
    assert None in [each.build_id for each in cohorts]
    drained = await story("drain_task_queue_build_id", story.queue, "build-1")
    assert drained.drain_intent == "draining"
    resumed = await story("resume_task_queue_build_id", story.queue, "build-1")
    assert resumed.drain_intent == "active"


def built_queue(queue: str, name: str) -> str:
    """The queue at which a worker of a build works for a story."""
    return f"{queue}-{name}-built"


@step
async def promoted_builds(story: Story) -> None:
    queue = built_queue(story.queue, story.name)

    async def registered() -> Any:
        cohorts = (await story("list_task_queue_build_ids", queue)).build_ids
        return BUILD in [each.build_id for each in cohorts]

    await story.until(registered, "a worker of a build")
    chosen = await story("promote_task_queue_build_id", queue, BUILD)
    assert chosen.build_id == BUILD


@step
async def workers(story: Story) -> None:
    queue = built_queue(story.queue, story.name)
    [named] = [each.worker_id for each in (await story("list_workers", task_queue=queue)).workers]
    assert (await story("describe_worker", named)).worker_id == named
    await story("deregister_worker", named)
    assert named not in [each.worker_id for each in (await story("list_workers")).workers]


@step
async def search_attributes(story: Story) -> None:
    name = f"colour_{uuid.uuid4().hex[:8]}"
    await story("create_search_attribute", name, "keyword")
    assert (await story("list_search_attributes")).custom_attributes[name] == "keyword"
    handle = await story.start(9, search_attributes={name: "red"})
    found = await story("list_workflows", query=f'{name}="red"')
    assert [each.workflow_id for each in found.executions] == [handle.workflow_id]
    await story("terminate_workflow", handle.workflow_id)
    await story("delete_search_attribute", name)
    assert name not in (await story("list_search_attributes")).custom_attributes


@step
async def the_system(story: Story) -> None:
    for what in ("repair", "retention", "activity_timeout"):
        assert isinstance(await story(f"{what}_status"), dict)
        assert isinstance(await story(f"{what}_pass"), dict)


@step
async def bridges(story: Story) -> None:
    event = {
        "action": "start_workflow",
        "idempotency_key": story.id("event"),
        "target": {"workflow_type": TYPE, "task_queue": story.queue},
    }
    outcomes = [await story("send_webhook_bridge_event", "shop", **event) for _ in range(2)]
    assert [each.outcome for each in outcomes] == ["accepted", "duplicate"]
    wrong = await story("send_webhook_bridge_event", "shop", **{**event, "action": "dance"})
    assert (wrong.accepted, wrong.reason) == (False, "unsupported_action")
