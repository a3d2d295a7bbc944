"""The compose file starts everything in order, and says nothing that the server does not know."""

import re
import shutil
import subprocess
from typing import Any

import pytest
from durable_server import config

from tests.deploy import images

SERVICES = images.compose()["services"]
CONDITIONS = {"service_healthy", "service_completed_successfully", "service_started"}


def waits_for(name: str) -> dict[str, str]:
    given: dict[str, Any] = SERVICES[name].get("depends_on", {})
    return {other: each["condition"] for other, each in given.items()}


def test_the_services_are_those_that_were_promised() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}

    assert always == {"postgres", "redis", "bootstrap", "api", "maintenance"}
    profiles = {name: each["profiles"] for name, each in SERVICES.items() if "profiles" in each}
    assert profiles == {
        **{name: ["cluster"] for name in ("api-2", "maintenance-2", "balancer")},
        "sqlite": ["sqlite"],
        "conformance": ["conformance"],
    }


def test_the_schema_is_there_before_anybody_serves() -> None:
    assert waits_for("bootstrap") == {"postgres": "service_healthy"}
    assert "--bootstrap" in SERVICES["sqlite"]["command"]
    for name in ("api", "api-2", "maintenance", "maintenance-2"):
        assert waits_for(name)["bootstrap"] == "service_completed_successfully"
        assert waits_for(name)["redis"] == "service_healthy"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_what_can_come_true(name: str) -> None:
    for other, condition in waits_for(name).items():
        assert condition in CONDITIONS
        if condition == "service_healthy":
            # The image brings a health check of its own; a foreign one must be given here.
            check = SERVICES[other].get("healthcheck")
            assert check != {"disable": True}
            assert check is not None or other in images.ours()
        assert name not in waits_for(other)


@pytest.mark.parametrize("name", images.ours())
def test_our_services_have_no_more_rights_than_they_need(name: str) -> None:
    service = images.ours()[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service


def test_the_server_listens_where_the_port_leads() -> None:
    api = SERVICES["api"]

    assert api["environment"]["WORKFLOW_SERVER_HOST"] == "0.0.0.0"
    assert api["ports"] == [f"${{WORKFLOW_SERVER_PORT:-8080}}:{images.given('EXPOSE')[-1]}"]
    assert api["environment"]["WORKFLOW_SERVER_PORT"] == images.given("EXPOSE")[-1]


def test_the_passes_run_in_one_place() -> None:
    for name in ("api", "api-2"):
        assert SERVICES[name]["environment"]["WORKFLOW_SERVER_MAINTENANCE"] == "false"
    for name in ("maintenance", "maintenance-2", "sqlite"):
        assert "WORKFLOW_SERVER_MAINTENANCE" not in SERVICES[name]["environment"]


def test_the_one_server_on_sqlite_needs_nobody_else() -> None:
    assert waits_for("sqlite") == {}
    assert SERVICES["sqlite"]["environment"]["DATABASE_URL"] == images.environment()["DATABASE_URL"]


def test_the_balancer_knows_every_node_and_waits_longer_than_any_poll() -> None:
    text = (images.ROOT / "deploy" / "haproxy.cfg").read_text()
    nodes = re.findall(r"^    server \S+ (\S+):(\d+)$", text, flags=re.MULTILINE)
    serving = [name for name, each in SERVICES.items() if "serve" in each.get("command", [])]
    seconds = dict(re.findall(r"^    timeout (server|client) (\d+)s$", text, flags=re.MULTILINE))
    (port,) = re.findall(r"bind :(\d+)", text)

    assert nodes == [(name, images.given("EXPOSE")[-1]) for name in serving if name != "sqlite"]
    assert set(waits_for("balancer")) == {name for name, _ in nodes}
    longest = config.Settings.model_fields["worker_poll_timeout"].metadata
    most = next(each.le for each in longest if hasattr(each, "le"))
    assert {int(value) > most for value in seconds.values()} == {True}
    assert len(seconds) == 2
    assert SERVICES["balancer"]["ports"] == [f"${{BALANCER_PORT:-{port}}}:{port}"]
    assert "GET /api/ready" in text


def test_every_variable_is_a_setting() -> None:
    known = {row.name for row in config.table()}
    for service in images.ours().values():
        names = {
            name
            for name in service.get("environment", {})
            if not name.startswith("DURABLE_CONFORMANCE_")
        }
        assert names <= known
    assert set(images.environment()) - known == {
        "PATH",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
    }


def test_what_the_shell_may_give_is_documented() -> None:
    text = (images.ROOT / "docker-compose.yml").read_text()
    names = set(re.findall(r"\$\{(\w+)", text))

    assert names - {row.name for row in config.table()} == {
        "BALANCER_PORT",
        "POSTGRES_PASSWORD",
    }
    page = (images.ROOT / "docs" / "deployment.md").read_text()
    assert "POSTGRES_PASSWORD" in page
    assert "BALANCER_PORT" in page


def test_every_volume_is_declared() -> None:
    declared = set(images.compose()["volumes"])
    used = {
        each.partition(":")[0]
        for service in SERVICES.values()
        for each in service.get("volumes", [])
        if not each.startswith("./")
    }

    assert used == declared


def test_the_compose_client_reads_it_where_there_is_one() -> None:
    words = ["docker", "compose", "--file", "docker-compose.yml", "config", "--services"]
    found = shutil.which("docker") is not None
    there = found and subprocess.run([*words[:2], "version"], capture_output=True).returncode == 0
    # Without the client the rules above are all that is checked.
    always = {name for name, each in SERVICES.items() if "profiles" not in each}
    listed = "\n".join(always)
    if there:
        environment_file = images.ROOT / ".env"
        made = not environment_file.exists()
        if made:
            environment_file.write_text((images.ROOT / ".env.example").read_text())
        try:
            listed = subprocess.check_output(words, cwd=images.ROOT, text=True)
        finally:
            if made:
                environment_file.unlink()

    assert set(listed.split()) == always
