"""Sample file, page, image, compose and Kubernetes say of settings exactly what the code says."""

import re
from typing import Any

import pytest
import yaml
from durable_server import config
from durable_server.setting import SettingRow

from tests.deploy import images

SAMPLE = (images.ROOT / ".env.example").read_text()
LINES = dict(re.findall(r"^# ((?:[A-Z_]+))=(.*)$", SAMPLE, flags=re.MULTILINE))
ROWS = list(config.table())


def test_the_sample_lists_every_setting_once_in_the_order_of_the_code() -> None:
    names = re.findall(r"^#? ?([A-Z][A-Z_]+)=", SAMPLE, flags=re.MULTILINE)

    assert names == [row.name for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_sample_shows_the_default_and_the_sentence(row: SettingRow) -> None:
    unit = f" Unit: {row.unit}." if row.unit else ""

    assert LINES[row.name] == row.default
    assert f"# {row.sentence}{unit}\n# {row.name}=" in SAMPLE


def test_a_copied_sample_changes_nothing() -> None:
    active = [line for line in SAMPLE.splitlines() if line and not line.startswith("#")]

    assert active == []


def test_every_setting_has_an_alias_of_the_later_family() -> None:
    assert all(row.alias.startswith("DW_") for row in ROWS)
    assert len({row.alias for row in ROWS}) == len(ROWS)


PAGE = (images.ROOT / "docs" / "configuration.md").read_text()
KNOWN = {row.name: row for row in ROWS}
SECRETS = {row.name for row in ROWS if row.secret}
# Of the conformance suite, which is no server.
FOREIGN = {"DURABLE_CONFORMANCE_TOKEN"}
# What a node of a cluster must be told, wherever it runs.
APART = {
    "WORKFLOW_SERVER_HOST": "0.0.0.0",
    "WORKFLOW_SERVER_PORT": "8080",
    "WORKFLOW_SERVER_MAINTENANCE": "false",
}


def manifests() -> list[dict[str, Any]]:
    files = sorted((images.ROOT / "k8s").glob("*.yaml"))
    return [each for path in files for each in yaml.safe_load_all(path.read_text())]


def containers() -> dict[str, dict[str, str]]:
    """What the manifests set for each container, by its name."""
    pods = [each["spec"]["template"] for each in manifests() if "template" in each.get("spec", {})]
    return {
        container["name"]: {each["name"]: each["value"] for each in container.get("env", [])}
        for pod in pods
        for container in pod["spec"]["containers"]
    }


def places() -> dict[str, dict[str, str]]:
    """Every place that sets variables for the server: image, services of compose, containers."""
    compose = {
        f"compose {name}": each.get("environment", {}) for name, each in images.ours().items()
    }
    kubernetes = {f"k8s {name}": given for name, given in containers().items()}
    (secret,) = [each["stringData"] for each in manifests() if each["kind"] == "Secret"]
    ours = {name: value for name, value in images.environment().items() if name in KNOWN}
    return {"image": ours, **compose, **kubernetes, "k8s secret": secret}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_page_says_of_a_setting_what_the_code_says(row: SettingRow) -> None:
    (line,) = [each for each in PAGE.splitlines() if each.startswith(f"| `{row.name}` |")]
    cells = [each.strip().strip("`") for each in re.split(r"(?<!\\)\|", line)[1:-1]]

    assert cells[1:3] == [row.alias, row.kind]
    assert cells[3:6] == [row.default, row.unit, row.since]
    assert cells[6].replace("\\|", "|").replace("`", "") == row.sentence.replace("`", "")


def test_the_page_knows_no_setting_that_there_is_not() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, flags=re.MULTILINE)) == set(KNOWN)


@pytest.mark.parametrize("place", places())
def test_every_place_sets_only_settings_to_values_that_they_take(place: str) -> None:
    given = {name: value for name, value in places()[place].items() if name not in FOREIGN}
    assert set(given) <= set(KNOWN)

    fixed = {name: value for name, value in given.items() if value and "${" not in value}
    chosen = config.load(**{KNOWN[name].attribute: value for name, value in fixed.items()})

    for name in fixed:
        assert getattr(chosen, KNOWN[name].attribute) is not None


def test_no_place_but_the_secret_holds_a_credential() -> None:
    for place, given in places().items():
        tokens = (set(given) & SECRETS) - {"DATABASE_URL", "REDIS_URL"}
        assert not tokens or place == "k8s secret", place


def test_compose_and_kubernetes_tell_a_node_the_same() -> None:
    nodes = {name: places()[name] for name in ("compose api", "compose api-2", "k8s server")}

    for name, given in nodes.items():
        assert {each: given.get(each) for each in APART} == APART, name
    for name in ("compose maintenance", "compose maintenance-2", "k8s maintenance"):
        assert not set(APART) & set(places()[name]), name
