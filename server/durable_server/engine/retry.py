"""Whether, and when, an activity is tried again. The server never computes exponentials itself:
SDKs send the list of delays.
"""

from typing import Any, NamedTuple

import orjson


class ActivityOptions(NamedTuple):
    """Retry policy and timeouts of an activity, in seconds."""

    max_attempts: int | None = 1
    backoff_seconds: tuple[int, ...] = ()
    start_to_close_timeout: int | None = None
    schedule_to_start_timeout: int | None = None
    schedule_to_close_timeout: int | None = None
    heartbeat_timeout: int | None = None
    non_retryable_error_types: tuple[str, ...] = ()

    def snapshot(self) -> dict[str, Any]:
        """The form in which histories and workers get it."""
        return {"snapshot_version": 1, **self._asdict()}


NO_OPTIONS = ActivityOptions()


def options_text(options: ActivityOptions | None) -> str | None:
    """The JSON text kept on the activity's row."""
    return None if options is None else orjson.dumps(options.snapshot()).decode()


def options_of(text: str | None) -> ActivityOptions:
    """The options kept on an activity's row."""
    if text is None:
        return NO_OPTIONS
    raw = orjson.loads(text)
    raw.pop("snapshot_version")
    raw["backoff_seconds"] = tuple(raw["backoff_seconds"])
    raw["non_retryable_error_types"] = tuple(raw["non_retryable_error_types"])
    return ActivityOptions(**raw)


def backoff_seconds(options: ActivityOptions, attempt: int) -> int:
    """How long to wait after this attempt; the last delay of the list repeats."""
    delays = options.backoff_seconds
    return delays[min(attempt, len(delays)) - 1] if delays else 0


def may_retry(options: ActivityOptions, attempt: int, failure: dict[str, Any]) -> bool:
    """Whether a failure of this attempt leaves another one."""
    if failure.get("non_retryable") is True:
        return False
    named = {failure.get("type"), failure.get("class")}
    if named & set(options.non_retryable_error_types):
        return False
    return attempts_left(options.max_attempts, attempt)


def attempts_left(max_attempts: int | None, attempt: int) -> bool:
    """Whether another attempt is allowed after this one; None allows any number."""
    return max_attempts is None or attempt < max_attempts
