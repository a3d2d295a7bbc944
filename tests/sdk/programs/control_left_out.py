"""The steps about methods that this server does not serve: refused at once, and nothing changes."""

from typing import Any

from control_story import STEPS, Story, step
from durable_workflow import client, errors


def left_out(method: str, *given: Any, **named: Any) -> None:
    """A step of its own for a method that this server does not serve; it changes nothing."""

    async def refused(story: Story) -> None:
        await story.refused("Exception", method, *given, **named)

    refused.__name__ = method
    STEPS.append(refused)


RUN = ("workflow-none", "run-none")
left_out("start_activity", activity_type="a", task_queue="q")
left_out("describe_activity", "activity-none")
left_out("list_activities")
left_out("execute_nexus_operation", "e", "s", "o")
left_out("list_workflow_streams", *RUN)
left_out("describe_workflow_stream", *RUN, "s")
left_out("subscribe_workflow_stream", *RUN, "s")
left_out("close_workflow_stream", *RUN, "s")


@step
async def activities_by_themselves(story: Story) -> None:
    handle = await story("get_activity_handle", "activity-none")
    await story.refused("Exception", "get_activity_result", handle)
    await story.refused("Exception", "describe", of=handle)
    await story.refused("Exception", "result", of=handle)
    await story.refused("Exception", "cancel", of=handle)


@step
async def streams(story: Story) -> None:
    item = getattr(client, "WorkflowStreamAppendItem", dict)(payload=1)
    await story.refused("Exception", "append_workflow_stream", *RUN, "s", [item])
    pages = await story("iter_workflow_stream", *RUN, "s", wait_seconds=1)
    try:
        _ = [item async for item in pages]
    except errors.DurableWorkflowError:
        return
    raise AssertionError("a stream that nobody serves was read")


@step
async def redrives(story: Story) -> None:
    handle = await story.start(9)
    await story.refused("Exception", "redrive_workflow", handle.workflow_id, handle.run_id)
    await story.refused("Exception", "redrive", of=handle)


@step
async def cooperative_cancellation(story: Story) -> None:
    handle = await story.start(9)
    named = handle.workflow_id
    await story.refused("Exception", "request_workflow_cancellation", named)
    await story.refused("Exception", "request_cancellation", of=handle)
    assert (await story("describe", of=handle)).status not in ("cancelled", "terminated")
