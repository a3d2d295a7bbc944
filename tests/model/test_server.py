"""Random lives of runs on a real server: store, lanes and matcher on either database."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.model.life import Life
from tests.model.worlds import ServerWorld, server_world
from tests.support.databases import KINDS

PHASES = [Phase.explicit, Phase.generate, Phase.shrink]


def live(kind: str, folder: Path, lives: int, steps: int, *, repeatable: bool) -> None:
    """Live a number of random lives on one server."""
    with server_world(kind, folder) as server:

        @settings(
            max_examples=lives,
            deadline=None,
            derandomize=repeatable,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def one_life(data: st.DataObject) -> None:
            Life(ServerWorld(server), data).live(steps)

        one_life()


@pytest.mark.parametrize("kind", KINDS)
def test_stored_runs_keep_their_promises_whatever_happens(kind: str, tmp_path: Path) -> None:
    live(kind, tmp_path, 15, 40, repeatable=True)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_stored_runs_keep_their_promises_in_long_random_lives(kind: str, tmp_path: Path) -> None:
    live(kind, tmp_path, 150, 80, repeatable=False)
