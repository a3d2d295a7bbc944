"""A history as a server would have written it: commands accepted, steps closed, messages received.

What a worker said of a step (its group, its policies) stands in the events of that step, as SDKs
compare it on replay.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from durable_conformance.sdk import payloads

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_ECHOED = ("parallel_group_", "selection_", "cancellation_policy", "execution_mode")
_CLOSED_AT = "2026-01-01T00:01:00.000000Z"
Event = dict[str, Any]
Command = dict[str, Any]


class History:
    """The history of one run, and the commands that its steps came from."""

    def __init__(self, place: dict[str, str], workflow_type: str, codec: str) -> None:
        self.events: list[Event] = []
        self.codec = codec
        self._place = place
        self._step = 0
        self._steps: list[tuple[int, Command]] = []
        about = {
            "workflow_class": workflow_type,
            "workflow_type": workflow_type,
            "workflow_instance_id": place["workflow_id"],
            "workflow_run_id": place["run_id"],
        }
        command_id = f"{place['run_id']}-start"
        self._add(
            "StartAccepted",
            {"workflow_command_id": command_id, **about, "outcome": "started_new"},
        )
        self._add(
            "WorkflowStarted",
            {**about, "timestamp": _instant(1), "payload_codec": codec}
            | {"workflow_command_id": command_id},
        )

    def begin_turn(self) -> None:
        """From now on `tell` speaks of commands by their place since here."""
        self._steps = []

    def accept(self, commands: list[Command]) -> None:
        """Record what commands ask for."""
        for command in commands:
            record = _ACCEPTED.get(command["type"])
            if record is None:
                self._steps.append((0, command))
                continue
            self._step += 1
            self._steps.append((self._step, command))
            for event_type, payload in record(self, self._step, command):
                self._add(event_type, {**payload, **_echoed(command)})

    def tell(self, move: dict[str, Any]) -> None:
        """Record one move: a step that closes, or a message that comes."""
        kind = next(iter(move))
        getattr(self, f"_tell_{kind}")(move[kind], move)

    def _tell_completed(self, place: int, move: dict[str, Any]) -> None:
        step, command = self._steps[place]
        blob = payloads.encode(move.get("result"), self.codec)
        self._add(
            "ActivityCompleted",
            {
                **_of_activity(self, step, command, attempt=True),
                "result": blob,
                "payload_codec": self.codec,
                **_echoed(command),
            },
        )

    def _tell_failed(self, place: int, move: dict[str, Any]) -> None:
        step, command = self._steps[place]
        text = move["message"]
        failure = {
            "failure_id": f"failure-{step}",
            "failure_category": "activity",
            "non_retryable": False,
            "exception_type": "JudgeError",
            "exception_class": "JudgeError",
            "message": text,
            "exception": {"class": "JudgeError", "type": "JudgeError", "message": text, "code": 0},
        }
        about = _of_activity(self, step, command, attempt=True)
        self._add("ActivityFailed", {**about, **failure, **_echoed(command)})

    def _tell_fired(self, place: int, move: dict[str, Any]) -> None:
        step, command = self._steps[place]
        timer = {**_of_timer(self, step, command), "fired_at": _CLOSED_AT}
        self._add("TimerFired", {**timer, **_echoed(command)})

    def _tell_child_completed(self, place: int, move: dict[str, Any]) -> None:
        step, command = self._steps[place]
        blob = payloads.encode(move.get("result"), self.codec)
        ended = {"child_status": "completed", "closed_reason": "completed", "closed_at": _CLOSED_AT}
        value = {"output": blob, "result": blob, "payload_codec": self.codec}
        self._add("ChildRunCompleted", {**_of_child(self, step, command), **ended, **value})

    def _tell_signal(self, name: str, move: dict[str, Any]) -> None:
        number = len(self.events) + 1
        arguments = move.get("arguments", [])
        told = {
            "workflow_command_id": f"command-{number}",
            "signal_id": f"signal-{number}",
            "workflow_instance_id": self._place["workflow_id"],
            "workflow_run_id": self._place["run_id"],
            "signal_name": name,
            "signal_wait_id": f"signal-command:command-{number}",
            "arguments": payloads.envelope(arguments, self.codec),
            "payload_codec": self.codec,
        }
        self._add("SignalReceived", told)

    def _tell_update(self, name: str, move: dict[str, Any]) -> None:
        told = {
            "workflow_command_id": f"command-{move['id']}",
            "update_id": move["id"],
            "workflow_instance_id": self._place["workflow_id"],
            "workflow_run_id": self._place["run_id"],
            "update_name": name,
            "arguments": payloads.encode(move.get("arguments", []), self.codec),
            "payload_codec": self.codec,
            "ordering_state": "ready",
        }
        self._add("UpdateAccepted", told)

    def _add(self, event_type: str, payload: dict[str, Any]) -> None:
        number = len(self.events) + 1
        self.events.append(
            {
                "id": f"{self._place['run_id']}-{number}",
                "sequence": number,
                "event_type": event_type,
                "namespace": self._place["namespace"],
                "payload": payload,
                "workflow_task_id": None,
                "workflow_command_id": payload.get("workflow_command_id"),
                "recorded_at": _instant(number),
            }
        )


def _accepted_activity(history: History, step: int, command: Command) -> list[Any]:
    started = {**_of_activity(history, step, command, attempt=True)}
    return [
        ("ActivityScheduled", _of_activity(history, step, command, attempt=False)),
        ("ActivityStarted", started),
    ]


def _accepted_timer(history: History, step: int, command: Command) -> list[Any]:
    return [("TimerScheduled", _of_timer(history, step, command))]


def _accepted_side_effect(history: History, step: int, command: Command) -> list[Any]:
    sent = command.get("result")
    codec, blob = history.codec, sent
    if isinstance(sent, dict):
        codec, blob = sent["codec"], sent["blob"]
    elif command.get("payload_codec"):
        codec = command["payload_codec"]
    return [("SideEffectRecorded", {"sequence": step, "result": blob, "payload_codec": codec})]


def _accepted_marker(history: History, step: int, command: Command) -> list[Any]:
    names = ("change_id", "version", "min_supported", "max_supported")
    told = {name: command[name] for name in names}
    return [("VersionMarkerRecorded", {"sequence": step, **told})]


def _accepted_child(history: History, step: int, command: Command) -> list[Any]:
    about = _of_child(history, step, command)
    return [
        ("ChildWorkflowScheduled", about),
        ("ChildRunStarted", {**about, "child_status": "pending"}),
    ]


def _accepted_attributes(history: History, step: int, command: Command) -> list[Any]:
    sent = command["attributes"]
    merged = {name: value for name, value in sent.items() if value is not None}
    told = {"sequence": step, "attributes": sent, "merged": merged}
    return [("SearchAttributesUpserted", told)]


def _accepted_wait(history: History, step: int, command: Command) -> list[Any]:
    told = {
        "condition_wait_id": f"wait-{step}",
        "condition_key": command.get("condition_key"),
        "condition_definition_fingerprint": command.get("condition_definition_fingerprint"),
        "sequence": step,
        "timeout_seconds": command.get("timeout_seconds"),
    }
    return [("ConditionWaitOpened", {k: v for k, v in told.items() if v is not None})]


_ACCEPTED = {
    "schedule_activity": _accepted_activity,
    "start_timer": _accepted_timer,
    "record_side_effect": _accepted_side_effect,
    "record_version_marker": _accepted_marker,
    "start_child_workflow": _accepted_child,
    "upsert_search_attributes": _accepted_attributes,
    "open_condition_wait": _accepted_wait,
}


def _of_activity(history: History, step: int, command: Command, *, attempt: bool) -> dict[str, Any]:
    execution = f"{history.events[0]['payload']['workflow_run_id']}-activity-{step}"
    number = {"activity_attempt_id": f"{execution}.1", "attempt_number": 1} if attempt else {}
    return {
        "activity_execution_id": execution,
        "activity_class": command["activity_type"],
        "activity_type": command["activity_type"],
        "sequence": step,
        **number,
    }


def _of_timer(history: History, step: int, command: Command) -> dict[str, Any]:
    return {
        "timer_id": f"timer-{step}",
        "sequence": step,
        "delay_seconds": command["delay_seconds"],
        "fire_at": _CLOSED_AT,
    }


def _of_child(history: History, step: int, command: Command) -> dict[str, Any]:
    call = f"{history.events[0]['payload']['workflow_run_id']}-child-{step}"
    policy = command.get("parent_close_policy") or "abandon"
    return {
        "sequence": step,
        "workflow_link_id": call,
        "child_call_id": call,
        "child_workflow_instance_id": f"{call}-workflow",
        "child_workflow_run_id": f"{call}-run",
        "child_workflow_class": command["workflow_type"],
        "child_workflow_type": command["workflow_type"],
        "child_run_number": 1,
        "parent_close_policy": policy,
        **_echoed(command),
    }


def _echoed(command: Command) -> dict[str, Any]:
    """What a worker says of a step that its events repeat."""
    return {name: value for name, value in command.items() if name.startswith(_ECHOED)}


def _instant(number: int) -> str:
    return (BEGINNING + timedelta(seconds=number)).isoformat(timespec="microseconds")[:-6] + "Z"
