"""No release can be told that a letter came when the last task had been decided (decision 0017)."""

import json
import subprocess

import pytest

from tests.sdk.environments import python_for
from tests.sdk.fleet import PROGRAMS, environment

pytestmark = pytest.mark.sdk


@pytest.mark.parametrize("release", ["0.4.106", "2.12.0"])
def test_a_replayer_applies_a_late_letter_wherever_it_stands(release: str) -> None:
    printed = subprocess.run(
        [python_for(release), PROGRAMS / "late.py"],
        capture_output=True,
        check=True,
        text=True,
        env=environment(),
    )
    assert json.loads(printed.stdout) == {
        "without": [],
        "before the end": ["one"],
        "behind the end": ["one"],
    }
