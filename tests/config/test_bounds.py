"""The settings that bound a run, and that each reaches the engine and the published limits."""

from pathlib import Path

import pytest
from durable_server.app import limits_of
from durable_server.config import Settings

from tests.http.asking import asking

BOUNDS = {
    "limit_pending_timers": "pending_timers_max",
    "limit_pending_signals": "pending_signals_max",
    "limit_pending_updates": "pending_updates_max",
    "limit_command_batch_size": "commands_per_task_max",
    "limit_history_transaction_size": "events_per_transaction_max",
    "limit_payload_size_bytes": "payload_bytes_max",
    "limit_search_attribute_size_bytes": "search_attribute_bytes_max",
    "limit_warning_percent": "warning_percent",
    "history_budget_events_soft": "history_events_soft",
    "history_budget_events_hard": "history_events_hard",
    "history_budget_bytes_soft": "history_bytes_soft",
    "history_budget_bytes_hard": "history_bytes_hard",
    "history_budget_fan_out_soft": "history_fan_out_soft",
    "history_budget_fan_out_hard": "history_fan_out_hard",
    "task_backoff_max_seconds": "task_backoff_seconds_max",
}


@pytest.mark.parametrize(("attribute", "bound"), BOUNDS.items())
def test_a_setting_decides_the_bound_that_the_engine_keeps(attribute: str, bound: str) -> None:
    settings = Settings(**{attribute: 7})  # type: ignore[arg-type]

    assert getattr(limits_of(settings), bound) == 7


@pytest.mark.parametrize(("cap", "limit", "bound"), [(9, 5, 5), (5, 9, 5), (0, 5, 5), (0, 0, 0)])
def test_the_lower_bound_of_children_counts(cap: int, limit: int, bound: int) -> None:
    settings = Settings(max_pending_children=cap, limit_pending_children=limit)

    assert limits_of(settings).pending_children_max == bound


def test_cluster_info_tells_the_bounds_in_force(tmp_path: Path) -> None:
    settings = {"limit_pending_signals": 3, "limit_pending_updates": 4, "limit_warning_percent": 0}
    with asking("sqlite", tmp_path, **settings) as asker:
        told = asker.ask("GET", "/api/cluster/info").body["structural_limits"]

    assert (told["pending_signal_count"], told["pending_update_count"]) == (3, 4)
    assert told["warning_threshold_percent"] == 0
