"""`dw server start-dev`: a server within seconds, and `dw doctor`, which says what it lacks."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Within
from tests.support.services import free_port, wait_until

STOP_SECONDS_MAX = 20


@pytest.fixture
def address(tmp_path: Path, within: Within) -> Iterator[str]:
    port = free_port()
    # What a server would read, and what would close it to whoever has no credential.
    foreign = {"WORKFLOW_SERVER_AUTH_TOKEN": "closed", "DW_AUTH_DRIVER": "token"}
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            [PROGRAM, "server", "start-dev", "--port", str(port)],
            stdout=log,
            stderr=log,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "DW_CONFIG_HOME": str(tmp_path), **foreign},
        )
    url = f"http://127.0.0.1:{port}"
    asked = ("server", "health", "--retries=0", f"--server={url}")
    wait_until(lambda: within(*asked).exit_code == 0, f"{url} serves")
    yield url
    running.send_signal(signal.SIGINT)
    assert running.wait(STOP_SECONDS_MAX) == 0, (tmp_path / "log").read_text()


def test_a_server_for_development_is_open_to_its_owner(
    address: str, within: Within, tmp_path: Path
) -> None:
    open_to_all = {"DURABLE_WORKFLOW_AUTH_TOKEN": "", "DURABLE_WORKFLOW_SERVER_URL": address}

    started = within("workflow", "start", "--type=t", **open_to_all)
    told = within("doctor", "--json", **open_to_all)

    assert started.exit_code == 0, started.output
    assert (tmp_path / "durable-dev.sqlite").exists()
    assert address in (tmp_path / "log").read_text()
    findings = {each["check"]: each for each in json.loads(told.stdout)["findings"]}
    assert told.exit_code == 0
    assert findings["workers"]["state"] == "warning"
    assert {findings[name]["state"] for name in ("connection", "readiness", "versions")} == {"ok"}


def test_a_port_that_is_taken_is_said(address: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "server", "start-dev", "--port", address.rpartition(":")[2]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "DW_CONFIG_HOME": str(tmp_path)},
    )

    assert done.returncode == 1
    assert "Name another" in done.stderr


@pytest.mark.parametrize(
    ("options", "check", "code"),
    [
        (["--server=http://127.0.0.1:9", "--retries=0"], "connection", 3),
        (["--token=wrong"], "credential", 4),
        (["--namespace=nowhere"], "namespace", 5),
    ],
)
def test_the_doctor_names_what_is_wrong(
    options: list[str], check: str, code: int, within: Within
) -> None:
    done = within("doctor", "--json", *options)

    wrong = [each for each in json.loads(done.stdout)["findings"] if each["state"] == "error"]
    assert done.exit_code == code
    assert wrong[-1]["check"] == check
    assert wrong[-1]["remedy"]
