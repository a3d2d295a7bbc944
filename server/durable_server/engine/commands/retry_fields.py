"""The retry policy of a command: how often to try, how long to wait, what not to try again."""

from typing import NamedTuple

from durable_server.engine.commands.fields import Fields


class RetryFields(NamedTuple):
    """A policy as the command states it."""

    max_attempts: int
    backoff_seconds: tuple[int, ...]
    non_retryable_error_types: tuple[str, ...]


ONCE = RetryFields(1, (), ())


def parse_retry_policy(fields: Fields) -> RetryFields | None:
    """Read `retry_policy`; None when the command has none."""
    policy = fields.raw.get("retry_policy")
    if policy is None:
        return None
    if not isinstance(policy, dict):
        fields.problem("retry_policy", "The retry_policy field must be an object.")
        return None
    inner = Fields(policy, f"{fields.path}.retry_policy", fields.errors)
    attempts = inner.integer("max_attempts", least=1)
    return RetryFields(1 if attempts is None else attempts, _backoff(inner), _error_types(inner))


def _backoff(policy: Fields) -> tuple[int, ...]:
    raw = policy.raw.get("backoff_seconds")
    if raw is None:
        return ()
    items = raw if isinstance(raw, list) else [raw]
    numbered = Fields(
        {str(index): item for index, item in enumerate(items)},
        f"{policy.path}.backoff_seconds",
        policy.errors,
    )
    return tuple(numbered.integer(str(index), least=0) or 0 for index in range(len(items)))


def _error_types(policy: Fields) -> tuple[str, ...]:
    raw = policy.raw.get("non_retryable_error_types") or []
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        policy.problem("non_retryable_error_types", "Error types must be a list of strings.")
        return ()
    return tuple(dict.fromkeys(item.strip() for item in raw if item.strip()))
