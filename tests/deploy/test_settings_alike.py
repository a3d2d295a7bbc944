"""The sample file of the settings says exactly what the code says."""

import re

import pytest
from durable_server import config

from tests.deploy import images

SAMPLE = (images.ROOT / ".env.example").read_text()
LINES = dict(re.findall(r"^# ((?:[A-Z_]+))=(.*)$", SAMPLE, flags=re.MULTILINE))
ROWS = list(config.table())


def test_the_sample_lists_every_setting_once_in_the_order_of_the_code() -> None:
    names = re.findall(r"^#? ?([A-Z][A-Z_]+)=", SAMPLE, flags=re.MULTILINE)

    assert names == [row.name for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_sample_shows_the_default_and_the_sentence(row: config.SettingRow) -> None:
    unit = f" Unit: {row.unit}." if row.unit else ""

    assert LINES[row.name] == row.default
    assert f"# {row.sentence}{unit}\n# {row.name}=" in SAMPLE


def test_a_copied_sample_changes_nothing() -> None:
    active = [line for line in SAMPLE.splitlines() if line and not line.startswith("#")]

    assert active == []


def test_every_setting_has_an_alias_of_the_later_family() -> None:
    assert all(row.alias.startswith("DW_") for row in ROWS)
    assert len({row.alias for row in ROWS}) == len(ROWS)
