"""Reading the fields of a raw command, collecting every problem by its dotted path.

Shapes that the contract states are checked before; here are the rules that relate fields to command
types and to each other.
"""

from typing import Any

from durable_server import payloads
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload

OF_RUN = ""

_ACTIVITY_TIMEOUTS = (
    "start_to_close_timeout",
    "schedule_to_start_timeout",
    "schedule_to_close_timeout",
    "heartbeat_timeout",
)
_CHILD = ("start_child_workflow",)
_LOCAL = ("record_local_activity",)
_SCOPES: dict[str, tuple[str, ...]] = {
    "retry_policy": ("schedule_activity", *_CHILD, *_LOCAL),
    **dict.fromkeys(_ACTIVITY_TIMEOUTS, ("schedule_activity", *_LOCAL)),
    "worker_session": ("schedule_activity",),
    "execution_timeout_seconds": _CHILD,
    "run_timeout_seconds": _CHILD,
    "parent_close_policy": _CHILD,
    "non_retryable": ("fail_workflow", "fail_update", *_LOCAL),
    "exception": ("fail_workflow",),
    "delay_seconds": ("start_timer",),
    "timeout_seconds": ("open_condition_wait", "open_signal_wait"),
}


class Fields:
    """One raw command, and the problems found in it so far."""

    def __init__(self, raw: dict[str, Any], path: str, errors: dict[str, list[str]]) -> None:
        self.raw = raw
        self.path = path
        self.errors = errors

    def problem(self, field: str, text: str) -> None:
        """Note a problem of one field."""
        self.errors.setdefault(f"{self.path}.{field}" if field else self.path, []).append(text)

    def check_scope(self, kind: str) -> None:
        """Refuse by name a known field that belongs to another command."""
        for field, value in self.raw.items():
            kinds = _SCOPES.get(field)
            if kinds is not None and value is not None and kind not in kinds:
                allowed = " and ".join(kinds)
                self.problem(field, f"{field} is only supported for {allowed} commands.")

    def text(self, field: str) -> str | None:
        """A string, trimmed; blank counts as absent."""
        value = self.raw.get(field)
        if value is None:
            return None
        if not isinstance(value, str):
            self.problem(field, f"The {field} field must be a string.")
            return None
        return value.strip() or None

    def verbatim(self, field: str) -> str | None:
        """A string exactly as it came."""
        value = self.raw.get(field)
        if value is None or isinstance(value, str):
            return value
        self.problem(field, f"The {field} field must be a string.")
        return None

    def required_text(self, field: str, text: str) -> str:
        """A string that must be there; `text` says so when it is not."""
        value = self.text(field)
        if value is None:
            self.problem(field, text)
            return ""
        return value

    def integer(self, field: str, least: int | None = None) -> int | None:
        """A whole number, which may come as a decimal string."""
        value = self.raw.get(field)
        if value is None:
            return None
        number = _as_integer(value)
        if number is None:
            self.problem(field, f"{field} must be an integer")
            return None
        if least is not None and number < least:
            kind = "positive" if least == 1 else "non-negative"
            self.problem(field, f"{field} must be a {kind} integer when provided.")
        return number

    def boolean(self, field: str) -> bool:
        """A truth value; absent is false."""
        return self.raw.get(field) in (True, 1, "1")

    def payload(self, *names: str) -> Payload | None:
        """The payload under the first name that is present.

        A string is a blob in the codec of the run, an envelope is kept as it is, and any other
        JSON value is encoded when the command is applied.
        """
        field = next((name for name in names if self.raw.get(name) is not None), None)
        if field is None:
            return None
        value = self.raw[field]
        if isinstance(value, str):
            return Payload(OF_RUN, value) if value else None
        if payloads.is_envelope(value):
            errors = payloads.envelope_errors(value, f"{self.path}.{field}")
            self.errors.update(errors)
            return None if errors else payloads.from_envelope(value)
        return payloads.plain(value)


def encoded(draft: Draft, payload: Payload | None) -> Payload | None:
    """The payload of a command with its codec named and its plain value encoded for the run."""
    if payload is None:
        return None
    if payload.codec == OF_RUN:
        return Payload(draft.run.codec_name, payload.blob)
    return payloads.render(payload, draft.run.framing)


def _as_integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        digits = value.strip().removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) < 19:
            return int(value)
    return None
