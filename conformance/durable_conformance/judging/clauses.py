"""The sentence of the protocol behind a finding."""

from collections import Counter
from functools import cache

from durable_contracts.operations import Operation

from durable_conformance import library
from durable_conformance.scenario import Scenario

UNKNOWN_PATH = "HT-5"
WRONG_METHOD = "HT-6"
NOT_SENT_AS_JSON = "HT-7"
NOT_JSON = "HT-8"
FIELDS = "HT-10"
REQUEST_NAMED = "HT-21"
NO_OBJECT = "HT-25"
UNKNOWN_COMMAND = "WP-37"
AFTER_THE_END = "WP-39"
EVENTS_IN_ORDER = "CP-20"
ASKED_VERSION = {"control": "CP-22", "worker": "WP-6"}
ECHOED_VERSION = {"control": "CP-23", "worker": "WP-8"}
_ENVELOPES = {"control_plane": "CP-24", "server_capabilities": "WP-9", "protocol_version": "WP-8"}
# What a worker was given and says again.
_ECHOED = {
    "workflow_tasks": ("WP-7", {"lease_owner", "workflow_task_attempt"}),
    "activity_tasks": ("WP-24", {"lease_owner", "activity_attempt_id"}),
    "query_tasks": ("WP-81", {"lease_owner", "query_task_attempt"}),
}
_COMMANDS = {
    "cancel_selection_operation": "WP-103",
    "complete_update": "WP-91",
    "complete_workflow": "WP-29",
    "continue_as_new": "WP-31",
    "fail_update": "WP-91",
    "fail_workflow": "WP-30",
    "open_condition_wait": "WP-74",
    "open_signal_wait": "WP-76",
    "record_local_activity": "WP-102",
    "record_side_effect": "WP-35",
    "record_version_marker": "WP-36",
    "schedule_activity": "WP-32",
    "start_child_workflow": "WP-40",
    "start_timer": "WP-34",
    "upsert_memo": "WP-101",
    "upsert_search_attributes": "WP-100",
}


def of_command(kind: str) -> str:
    """The sentence about a command of workflow tasks."""
    return _COMMANDS.get(kind, "WP-17")


def of_member(operation: Operation, member: str) -> str:
    """The sentence about a member of a request's body."""
    clause, echoed = _ECHOED.get(operation.operation_id.partition(".")[0], (FIELDS, set()))
    return clause if member in echoed else FIELDS


def of_answer(operation: Operation, status: int, member: str) -> str:
    """The sentence about an answer, or about a member at the top of its body."""
    if member in _ENVELOPES:
        return _ENVELOPES[member]
    return of_operation(operation.operation_id) if status < 400 else _of_refusal(status)


@cache
def of_operation(operation_id: str) -> str:
    """What most scenarios about an operation say; those about its noun when none calls it."""
    stem = operation_id.partition(".")[0]
    own: Counter[str] = Counter()
    near: Counter[str] = Counter()
    for scenario in _scenarios():
        if scenario.stem == stem:
            near[scenario.clause] += 1
            calls = any(operation_id in str(step) for _, step in scenario.steps)
            own[scenario.clause] += calls
    counted = own if own.total() else near
    return min(counted, key=lambda clause: (-counted[clause], clause)) if counted else FIELDS


@cache
def _scenarios() -> tuple[Scenario, ...]:
    return library.load().scenarios


def _of_refusal(status: int) -> str:
    known = {401: "HT-12", 404: "CP-21", 405: "HT-6", 413: "HT-9", 415: "HT-7"}
    return known.get(status, FIELDS)
