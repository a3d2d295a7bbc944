"""A thousand seeds, each a rough life of the whole server; a failing one says how to see it again.

`python -m tests.simulation SEED --trace` lives a seed again, step by step.
"""

import os
import subprocess
import sys

import pytest

from tests.simulation.life import live

SEEDS = 1000
GROUP = 50
LONG_SEEDS = 20_000


@pytest.mark.parametrize("first", range(0, SEEDS // 2, GROUP))
def test_nothing_breaks_a_promise_whatever_is_lost_doubled_or_killed(first: int) -> None:
    for seed in range(first, first + GROUP):
        live(seed)


@pytest.mark.long
@pytest.mark.parametrize("first", range(SEEDS, LONG_SEEDS, GROUP * 10))
def test_nothing_breaks_a_promise_in_many_more_lives(first: int) -> None:
    for seed in range(first, first + GROUP * 10):
        live(seed)


def test_a_seed_decides_everything_that_happens() -> None:
    traces = {_trace_elsewhere(hash_seed) for hash_seed in ("1", "2")}
    assert len(traces) == 1


def _trace_elsewhere(hash_seed: str) -> str:
    """The trace of some seeds in a process of its own, whose hashes are others."""
    command = [sys.executable, "-m", "tests.simulation", "--trace", "3", "4", "7"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) > 300
    return "\n".join(line for line in lines if " failed, " not in line)
