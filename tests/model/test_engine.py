"""Random lives of a run, decided by the engine alone."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.life import Life
from tests.model.worlds import EngineWorld

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=CHECKS)
@given(st.data())
def test_a_run_keeps_its_promises_whatever_happens(data: st.DataObject) -> None:
    Life(EngineWorld(), data).live(60)


@pytest.mark.long
@settings(max_examples=1000, deadline=None, suppress_health_check=CHECKS)
@given(st.data())
def test_a_run_keeps_its_promises_in_long_random_lives(data: st.DataObject) -> None:
    Life(EngineWorld(), data).live(100)
