"""Stories of a public server, played against ours: every difference is a deliberate one."""

import pytest

from tests.recordings.differences import covering, deliberate
from tests.recordings.player import differences_of
from tests.recordings.stories import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_our_answers_differ_from_the_recorded_only_where_it_is_meant(name: str) -> None:
    unmeant = [each for each in differences_of(name) if not covering(name, each)]

    assert not unmeant, "\n".join(str(each) for each in unmeant)


def test_every_deliberate_difference_is_met() -> None:
    met = {
        entry for name in NAMES for each in differences_of(name) for entry in covering(name, each)
    }

    unused = [entry for entry in deliberate() if entry not in met]

    assert not unused, "\n".join(f"{entry.paths}: {entry.why}" for entry in unused)
