"""The dashboard asks for metrics that there are, in PromQL, and leaves none out."""

import json
import re
import runpy
from typing import Any

import promql_parser
import pytest

from tests.deploy import images
from tests.deploy.test_alerts import counted

DOCUMENT = json.loads((images.ROOT / "deploy" / "grafana-dashboard.json").read_text())
PANELS = [each for each in DOCUMENT["panels"] if each["type"] != "row"]
# Grafana's own names, as it would fill them in.
FILLED = {"$__rate_interval": "5m", "$namespace": ".*"}
PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
UNITS = {"s", "bytes", "short", "ops", "reqps", "percentunit", "bool_yes_no"}


def expressions(panel: dict[str, Any]) -> list[str]:
    found = [target["expr"] for target in panel["targets"]]
    for name, value in FILLED.items():
        found = [text.replace(name, value) for text in found]
    return found


def asked(panel: dict[str, Any]) -> set[str]:
    text = " ".join(expressions(panel))
    return set(re.findall(r"\b(?:durable|process)_\w+", text))


def test_the_file_is_what_its_source_says() -> None:
    source = runpy.run_path(str(images.ROOT / "tools" / "dashboard.py"))

    assert source["dashboard"]() == DOCUMENT


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_metrics_that_there_are(panel: dict[str, Any]) -> None:
    for text in expressions(panel):
        assert "$" not in text
        promql_parser.parse(text)
    assert asked(panel)
    assert asked(panel) <= counted() | PROCESS


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_has_a_title_a_unit_and_a_sentence(panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["description"].endswith(".")
    assert all(target["legendFormat"] for target in panel["targets"])
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_panels_have_names_ids_and_places_of_their_own() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DOCUMENT["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not places & own, panel["title"]
        assert at["x"] + at["w"] <= 24
        places |= own
    for name in ("id", "title"):
        values = [panel[name] for panel in DOCUMENT["panels"]]
        assert len(values) == len(set(values))


def test_every_metric_of_the_server_is_on_the_dashboard() -> None:
    shown = {re.sub("_(total|bucket|count|sum)$", "", n) for panel in PANELS for n in asked(panel)}

    every = {re.sub("_(total|bucket|count|sum)$", "", name) for name in counted()}
    assert every - shown == set()
