"""What the programs show, by name: a sentence, and what a release must have to be able to say it.

Pure data: the tests read it, and the programs ask their own release (`asking.py`).
"""

from dataclasses import dataclass

CONTEXT = "workflow.WorkflowContext"


@dataclass(frozen=True)
class Capability:
    """One line of the matrix."""

    sentence: str
    # Dotted names inside the package `durable_workflow`; `name(option)` is a parameter of it.
    asks: tuple[str, ...] = ()


def _activity(option: str) -> str:
    return f"{CONTEXT}.schedule_activity({option})"


CAPABILITIES = {
    "sequence": Capability("activities one after the other"),
    "fan_out": Capability("activities side by side, results in authored order"),
    "nested_fan_out": Capability(
        "fan-outs within a fan-out", ("workflow._apply_parallel_group_metadata",)
    ),
    "timer": Capability("a timer"),
    "failure": Capability("one attempt without a retry policy; its failure reaches the client"),
    "retry": Capability("retries after a delay", (_activity("retry_policy"),)),
    "non_retryable": Capability("a failure that is not retried", (_activity("retry_policy"),)),
    "unlisted": Capability(
        "failure types that are not retried",
        (_activity("retry_policy"), "workflow.ActivityRetryPolicy(non_retryable_error_types)"),
    ),
    "caught": Capability("a failed activity in workflow code", ("errors.ActivityFailed",)),
    "broken": Capability("a failing workflow"),
    "local_activity": Capability(
        "activities within the workflow's own worker", (f"{CONTEXT}.local_activity",)
    ),
    "select": Capability("the first of several; the others go on", (f"{CONTEXT}.select",)),
    "heartbeat": Capability("heartbeats that keep an activity alive"),
    "silent": Capability("an activity without heartbeats", (_activity("heartbeat_timeout"),)),
    "too_long": Capability(
        "an activity that takes too long", (_activity("start_to_close_timeout"),)
    ),
    "side_effect": Capability("a side effect"),
    "version": Capability("a version marker"),
    "patched": Capability("a patch marker", (f"{CONTEXT}.patched",)),
    "compensation": Capability("compensation by hand", ("errors.ActivityFailed",)),
    "saga": Capability("the saga helper", (f"{CONTEXT}.saga",)),
    "unheard_signal": Capability("a signal to a workflow that knows none"),
    "signal": Capability("signals, in the order in which they were sent", ("workflow.signal",)),
    "burst": Capability("many signals at once", ("workflow.signal",)),
    # Releases before 0.4.90 take two waits in a row with one key for one. No name tells them apart;
    # of the releases shown, those that have this call are the later ones.
    "rounds": Capability(
        "waiting anew for what a signal changes each time",
        ("workflow.signal", "client.Client.poll_workflow_task_response"),
    ),
    "unsatisfied": Capability(
        "a wait that times out although a signal came",
        ("workflow.signal", f"{CONTEXT}.wait_condition(timeout)"),
    ),
    "early_signal": Capability("signals before and during the first step", ("workflow.signal",)),
    "wait_timeout": Capability("a wait that times out", (f"{CONTEXT}.wait_condition(timeout)",)),
    "query": Capability("queries, while running and after the end", ("workflow.query",)),
    "unknown_query": Capability("an unknown query is refused", ("workflow.query",)),
    "update": Capability("updates", ("workflow.update",)),
    "failed_update": Capability("an update whose handler fails", ("workflow.update",)),
    "validated_update": Capability("a validator refuses an update", ("workflow.update_validator",)),
    "child": Capability("a child workflow"),
    "children": Capability("children side by side"),
    "failed_child": Capability("a child that fails"),
    "ended_child": Capability("a child that is cancelled or terminated from outside"),
    "child_policy": Capability("a child that ends with its parent"),
    "retried_child": Capability(
        "a child that is retried", (f"{CONTEXT}.start_child_workflow(retry_policy)",)
    ),
    "continue_as_new": Capability("continue-as-new"),
    "message_stream": Capability(
        "message streams, across continue-as-new", ("client.Client.append_message_stream",)
    ),
    "carried_signal": Capability("signals across continue-as-new", ("workflow.signal",)),
    "cancel": Capability("cancel; the running activity learns of it"),
    "terminate": Capability("terminate"),
    "search_attributes": Capability("search attributes, at the start and from within"),
    "overdue": Capability("a run that takes too long"),
    "memo": Capability("memo, from within", (f"{CONTEXT}.upsert_memo",)),
    "archive": Capability("archive, after the end", ("client.WorkflowHandle.archive",)),
    "exported": Capability(
        "history exported and verified",
        ("client.WorkflowHandle.export_history", "history_bundle_verify.verify_bundle"),
    ),
    "runs": Capability("the runs of a workflow, one by one", ("client.WorkflowHandle.list_runs",)),
    "leaving": Capability(
        "a worker that takes its leave", ("client.Client.deregister_worker_registration",)
    ),
    "many": Capability("50 workflows at once"),
    "held": Capability("a second start of a held id"),
    "use_existing": Capability("a start that joins the running workflow"),
    "closed": Capability("no start with the id of a closed workflow"),
    "unknown": Capability("a workflow that never was"),
    "replaced_between": Capability("a worker killed between two steps"),
    "replaced_within": Capability("a worker killed in the middle of an activity"),
}
