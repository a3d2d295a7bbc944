"""The alert rules ask for metrics that there are, in PromQL, and say what to do."""

import re
import runpy
from typing import Any

import promql_parser
import pytest
import yaml
from durable_server.telemetry.metrics import Metrics

from tests.deploy import images

GROUPS = yaml.safe_load((images.ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
PAGE = (images.ROOT / "docs" / "metrics.md").read_text()
GAUGES = set(
    re.findall(
        r'"(durable_\w+)"', (images.ROOT / "server/durable_server/telemetry/gauges.py").read_text()
    )
)


def counted() -> set[str]:
    names = {each.name for each in Metrics(1).registry.collect()}
    endings = ("", "_total", "_bucket", "_count", "_sum")
    return {name + ending for name in names for ending in endings} | GAUGES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    promql_parser.parse(rule["expr"])

    asked = set(re.findall(r"durable_\w+", rule["expr"]))
    assert asked
    assert asked <= counted()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook_url"] == f"docs/metrics.md#{rule['alert'].lower()}"
    assert f"\n### {rule['alert']}\n" in PAGE


def test_the_page_names_every_metric() -> None:
    names = {re.sub("_total$", "", name) for name in re.findall(r"durable_\w+", PAGE)}

    assert {each.name for each in Metrics(1).registry.collect()} | GAUGES <= names


def test_the_table_of_the_page_is_what_a_server_exposes() -> None:
    source = runpy.run_path(str(images.ROOT / "tools" / "metrics_page.py"))

    assert source["page"]() == PAGE
