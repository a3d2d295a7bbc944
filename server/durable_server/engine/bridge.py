"""Events that adapters bring in from outside systems: what they ask for, and what is answered.

An event becomes one request to one workflow: a start, a signal or an update. What it did is
remembered by the run that it told, in the same transaction, and for as long as that run is kept:
a signal and an update by their request id, a start by its first event, which names the event.
"""

import hashlib
import re
from typing import Any, NamedTuple

import orjson

from durable_server.refusal import Refusal

SCHEMA = "durable-workflow.v2.bridge-adapter-outcome.contract"
ADAPTER = re.compile(r"[a-zA-Z0-9._:-]{1,128}")
CORRELATION_BYTES_MAX = 4096
MALFORMED = "Bridge event payload is malformed."
STATUSES = {"accepted": 202, "duplicate": 200, "rejected": 422, "unauthorized": 401}
DEDUPED = "deduped_existing_command"
NEEDED = {
    "start_workflow": ("workflow_type",),
    "signal_workflow": ("workflow_id", "signal_name"),
    "update_workflow": ("workflow_id", "update_name"),
}
_SHOWN = (
    *("workflow_id", "workflow_type", "signal_name", "update_name"),
    *("task_queue", "business_key"),
)
_STARTED_ID = re.compile(r"[a-zA-Z0-9._:-]{1,128}")


class Event(NamedTuple):
    """An event as an adapter brings it; `body` keeps the promises of its schema."""

    adapter: str
    body: dict[str, Any]

    @property
    def action(self) -> str:
        """What it asks for."""
        return str(self.body["action"])

    @property
    def key(self) -> str:
        """The sender's own name for it."""
        return str(self.body["idempotency_key"])

    @property
    def target(self) -> dict[str, Any]:
        """Whom it is for, with the workflow id that a start is given."""
        given: dict[str, Any] = self.body["target"]
        if self.action != "start_workflow" or given.get("workflow_id"):
            return given
        return {**given, "workflow_id": started_id(self.adapter, self.key)}

    @property
    def mark(self) -> dict[str, Any]:
        """How the request that it becomes names it."""
        mark: dict[str, Any] = {
            "adapter": self.adapter,
            "action": self.action,
            "idempotency_key": self.key,
        }
        if self.body.get("correlation"):
            mark["correlation"] = self.body["correlation"]
        return mark

    @property
    def request_id(self) -> str:
        """What its signal or its update is known by within the workflow: one for each name."""
        target = self.target
        name = target.get("signal_name" if self.action == "signal_workflow" else "update_name")
        said = orjson.dumps([self.adapter, self.action, self.key, name])
        return f"bridge:{self.adapter}:{hashlib.sha256(said).hexdigest()}"


class Taken(NamedTuple):
    """What became of an event: one of STATUSES, why, and what else is told."""

    outcome: str
    reason: str | None = None
    message: str | None = None
    errors: dict[str, list[str]] | None = None
    facts: dict[str, Any] | None = None


def started_id(adapter: str, key: str) -> str:
    """The workflow id of a start that names none."""
    return f"bridge-{adapter}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def defect(event: Event) -> Taken | None:
    """Why an event is not taken, whatever its workflow says; None when nothing is wrong."""
    needed = NEEDED.get(event.action)
    if needed is None:
        return Taken("rejected", "unsupported_action", "Bridge action is unsupported.")
    errors = {
        f"target.{name}": [f"The target.{name.replace('_', ' ')} field is required."]
        for name in needed
        if not event.target.get(name)
    }
    correlation = event.body.get("correlation")
    if correlation and len(orjson.dumps(correlation)) > CORRELATION_BYTES_MAX:
        text = f"The correlation exceeds the maximum allowed size of {CORRELATION_BYTES_MAX} bytes."
        errors["correlation"] = [text]
    if event.action == "start_workflow" and not _STARTED_ID.fullmatch(event.target["workflow_id"]):
        text = "The target.workflow id field must be 1 to 128 letters, digits and . _ : -."
        errors["target.workflow_id"] = [text]
    return malformed(errors) if errors else None


def malformed(errors: dict[str, list[str]]) -> Taken:
    """An event that breaks the rules of its fields."""
    return Taken("rejected", "malformed_payload", MALFORMED, errors)


def has_mark(command: dict[str, Any], event: Event) -> bool:
    """Whether a recorded request is the one that this event became."""
    mark = command.get("context", {}).get("bridge", {})
    return all(mark.get(name) == event.mark[name] for name in ("adapter", "action")) and (
        mark.get("idempotency_key") == event.key
    )


def rejected(refusal: Refusal) -> Taken:
    """What a refused request makes of its event. One that may succeed later is raised again."""
    facts = refusal.facts
    if refusal.reason == "instance_not_found":
        return Taken("rejected", "unknown_target")
    if refusal.reason == "validation_failed":
        named = facts["errors"].items()
        return malformed({f"target.{k}" if k in _SHOWN else k: texts for k, texts in named})
    if refusal.reason in PASSING:
        raise refusal
    told = {name: facts[name] for name in ("workflow_id", "run_id") if facts.get(name)}
    if facts.get("outcome"):
        told["control_plane_outcome"] = facts["outcome"]
    errors = facts.get("validation_errors") or None
    return Taken("rejected", refusal.reason, facts.get("failure_message"), errors, told)


# Nothing is wrong with the event, only with the moment: its sender should send it again.
PASSING = frozenset(
    {
        *("store_busy", "lane_full", "shutting_down", "database_not_ready"),
        *("too_many_polls", "server_error"),
    }
)


def body_of(adapter: str, taken: Taken, event: Event | None = None) -> dict[str, Any]:
    """The answer; nothing of it could be secret."""
    whole: dict[str, Any] = {
        "schema": SCHEMA,
        "version": 1,
        "adapter": adapter,
        "action": event and event.action,
        "accepted": taken.outcome == "accepted",
        "outcome": taken.outcome,
        "reason": taken.reason,
        "message": taken.message,
        "errors": taken.errors,
    }
    if event is not None:
        target = {name: event.target.get(name) for name in _SHOWN}
        whole["idempotency_key"] = event.key
        whole["target"] = {name: value for name, value in target.items() if value}
        whole["correlation"] = event.body.get("correlation") or None
    whole.update(taken.facts or {})
    return {name: value for name, value in whole.items() if value is not None}
