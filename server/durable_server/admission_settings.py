"""The settings that limit how many tasks go out; see `matching.admission` for what they mean."""

import json

from pydantic import field_validator
from pydantic_settings import BaseSettings

from durable_server.setting import setting


def _limit(sentence: str, unit: str) -> int | None:
    limit: int | None = setting(None, f"{sentence}; unset or 0: no limit.", unit=unit)
    return limit


class AdmissionSettings(BaseSettings):
    """Limits of every task queue, and what single queues have in their place."""

    workflow_task_max_active_leases_per_queue: int | None = _limit(
        "Most workflow tasks of a queue that workers hold at once", "tasks"
    )
    workflow_task_max_active_leases_per_namespace: int | None = _limit(
        "Most workflow tasks of a namespace that workers hold at once", "tasks"
    )
    workflow_task_max_dispatches_per_minute: int | None = _limit(
        "Most workflow tasks of a queue that are handed out in a minute of the clock", "tasks"
    )
    workflow_task_max_dispatches_per_minute_per_namespace: int | None = _limit(
        "Most workflow tasks of a namespace that are handed out in a minute of the clock", "tasks"
    )
    activity_task_max_active_leases_per_queue: int | None = _limit(
        "Most activity tasks of a queue that workers hold at once", "tasks"
    )
    activity_task_max_active_leases_per_namespace: int | None = _limit(
        "Most activity tasks of a namespace that workers hold at once", "tasks"
    )
    activity_task_max_dispatches_per_minute: int | None = _limit(
        "Most activity tasks of a queue that are handed out in a minute of the clock", "tasks"
    )
    activity_task_max_dispatches_per_minute_per_namespace: int | None = _limit(
        "Most activity tasks of a namespace that are handed out in a minute of the clock", "tasks"
    )
    task_queue_admission_overrides: str = setting(
        "{}",
        "Limits of single queues as JSON, by `namespace:queue`, `namespace:*`, `queue` or `*`.",
    )

    @field_validator("task_queue_admission_overrides")
    @classmethod
    def _object(cls, value: str) -> str:
        """A misspelled document must not lift every limit."""
        try:
            given = json.loads(value)
        except ValueError as error:
            raise ValueError(f"is no JSON: {error}") from None
        if not isinstance(given, dict) or not all(isinstance(v, dict) for v in given.values()):
            raise ValueError("is no JSON object of objects")
        return value
