"""The other half of the thousand seeds, in a file of its own so that two processes share them."""

import pytest

from tests.simulation.life import live
from tests.simulation.test_seeds import GROUP, SEEDS


@pytest.mark.parametrize("first", range(SEEDS // 2, SEEDS, GROUP))
def test_nothing_breaks_a_promise_whatever_is_lost_doubled_or_killed(first: int) -> None:
    for seed in range(first, first + GROUP):
        live(seed)
