"""The bounds that decisions keep, each with its documented default; 0 means unlimited."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds and lease lengths in force. Units are in the names; 0 switches a bound off."""

    workflow_task_lease_seconds: int = 300
    activity_task_lease_seconds: int = 300
    query_task_lease_seconds: int = 60
    query_tasks_max: int = 1024
    pending_activities_max: int = 2000
    pending_children_max: int = 1000
    pending_timers_max: int = 2000
    pending_signals_max: int = 5000
    pending_updates_max: int = 500
    commands_per_task_max: int = 1000
    events_per_transaction_max: int = 5000
    payload_bytes_max: int = 2_097_152
    memo_bytes_max: int = 262_144
    search_attributes_max: int = 100
    search_attribute_bytes_max: int = 40_960
    warning_percent: int = 80
    history_events_max: int = 50_000
    history_events_soft: int = 8_000
    history_events_hard: int = 10_000
    history_bytes_soft: int = 4_194_304
    history_bytes_hard: int = 5_242_880
    history_fan_out_soft: int = 160
    history_fan_out_hard: int = 200
    task_backoff_seconds_max: int = 60
    quiet_lease_expiries_max: int = 2
    schedule_history_days: int = 30
