"""`dw` as a program: what the founding text shows, lives of workflows, profiles; the contract."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml
from durable_cli import refused
from durable_cli.routes import ROUTES
from durable_contracts import bundle, refusals
from durable_contracts.operations import operations_of

from tests.cli.conftest import Dw

FACTS = ("workflow_id", "run_id", "task_queue", "namespace", "schedule_id")
# Not for people at a shell: documents for tools, and figures for a collector.
NOT_FOR_PEOPLE = re.compile(r"documents\.|metrics\.read")


def test_a_workflow_is_started_as_the_readme_says(dw: Dw) -> None:
    done = dw("workflow", "start", "--type=my-workflow", '--input={"name":"world"}')

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Started workflow ")


def test_workflows_are_listed_in_every_form(dw: Dw) -> None:
    assert dw("workflow:start", "--type=t", "--id=forms").returncode == 0

    table = dw("workflow", "list")
    whole = json.loads(dw("workflow", "list", "--output=json").stdout)
    lines = dw("workflow", "list", "-o", "jsonl").stdout.splitlines()
    told = yaml.safe_load(dw("workflow:list", "-o", "yaml").stdout)

    assert table.returncode == 0
    assert table.stdout.splitlines()[0].split()[:3] == ["WORKFLOW", "ID", "TYPE"]
    assert "forms" in {each["workflow_id"] for each in whole["workflows"]}
    assert [json.loads(line) for line in lines] == whole["workflows"] == told["workflows"]


def test_the_server_says_that_it_serves(dw: Dw) -> None:
    done = dw("server", "health")

    assert done.returncode == 0
    assert "serving" in done.stdout


def test_a_run_is_described_ended_exported_and_verified(dw: Dw, tmp_path: Path) -> None:
    assert dw("workflow", "start", "-t", "t", "--id=life", "-i", "@-", stdin="[1]").returncode == 0
    assert dw("workflow", "signal", "life", "go", "-i", '"now"').returncode == 0
    assert dw("workflow", "cancel", "life", "--reason", "enough").returncode == 0

    described = json.loads(dw("workflow", "describe", "life", "--json").stdout)
    followed = dw("history", "show", "life", "--follow", "-o", "jsonl").stdout.splitlines()
    file = tmp_path / "life.json"
    exported = dw("history", "export", "life", "--to", str(file))

    assert described["input"] == [1]
    assert described["status"] == "cancelled"
    assert json.loads(followed[-1])["event_type"] == "WorkflowCancelled"
    assert exported.returncode == 0
    assert dw("history", "verify", str(file)).returncode == 0
    file.write_text(file.read_text().replace("life", "lief"))
    assert dw("history", "verify", str(file)).returncode == 1


def test_a_refusal_names_its_fields_reason_and_remedy(dw: Dw) -> None:
    done = dw("workflow", "start", "--type=", "--json")

    error = json.loads(done.stderr)["error"]
    assert error["reason"] == "validation_failed"
    assert error["fields"][0]["pointer"] == "/workflow_type"
    assert error["remedy"]


def test_remedies_name_commands_and_no_requests() -> None:
    found = {
        reason: refused.problem_of(422, {"reason": reason, **dict.fromkeys(FACTS, "x")}, {}).remedy
        for reason, entry in refusals.load().items()
        if "control" in entry.planes
    }

    assert len([each for each in found.values() if each]) > 20
    assert [reason for reason, told in found.items() if told and "/api/" in told] == ["not_found"]


def test_profiles_keep_a_server_and_never_show_its_token(dw: Dw, tmp_path: Path) -> None:
    made = dw("profile", "set", "here", "--token=very-secret", "--namespace=default")
    shown = dw("profile", "show", "here", "-o", "json")

    assert made.returncode == shown.returncode == 0
    assert "very-secret" not in made.stdout + shown.stdout
    assert (tmp_path / "config.yaml").stat().st_mode & 0o077 == 0


def test_profiles_are_managed_without_the_secrets_that_they_name(dw: Dw) -> None:
    first = dw("profile", "set", "prod", "--token-command=false", "--signature-key-env=NONE")
    second = dw("profile", "set", "play", "--use")

    assert "whenever none is named" in first.stdout
    assert (first.returncode, second.returncode) == (0, 0)
    assert dw("profile", "use", "prod").returncode == 0
    assert dw("profile", "list").returncode == 0
    assert dw("completion", "bash").returncode == 0
    assert dw("workflow", "list").returncode == 4


def test_the_help_loads_nothing_of_a_server() -> None:
    program = (
        "import sys; from durable_cli.main import main; sys.argv = ['dw', '--help']\ntry: main()"
    )
    program += "\nfinally: print('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = done.stdout.rpartition("loaded")[2].split()

    assert "durable_cli" in loaded
    assert not {"durable_server", "connexion", "peewee", "httpx"} & set(loaded)


def test_the_routes_are_those_of_the_contract() -> None:
    contract = {
        each.operation_id: f"{each.method} {each.path.removeprefix('/api')}"
        for each in operations_of(bundle.published())
        if each.plane != "worker" and not NOT_FOR_PEOPLE.match(each.operation_id)
    }

    assert {name: ROUTES.get(name) for name in contract} == contract
