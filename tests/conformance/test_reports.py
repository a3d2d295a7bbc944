"""Reports that people read and that others can check: the page, and signatures."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from durable_conformance.cli import app
from durable_conformance.library import schema
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tests.conformance.toy_server import HEALTHY, JSON, toy_server

ANSWERS = {"GET /api/health": (200, JSON, {**HEALTHY, "status": "<b>asleep</b>"})}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reports of a run that found something."""
    folder = tmp_path_factory.mktemp("reports")
    with toy_server(ANSWERS) as url:
        words = ["run", "--server", url, "--only", "health/*", "--timeout-seconds", "20"]
        written = ["--html", str(folder / "r.html"), "--jsonl", str(folder / "r.jsonl")]
        assert CliRunner().invoke(app, [*words, *written]).exit_code == 1
    return folder


def keys(folder: Path, name: str) -> tuple[str, str]:
    """The files of a new private key and of its public key."""
    private = Ed25519PrivateKey.generate()
    pem = serialization.Encoding.PEM
    whole = private.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pem").write_bytes(whole)
    (folder / f"{name}.pub").write_bytes(public)
    return str(folder / f"{name}.pem"), str(folder / f"{name}.pub")


def test_the_page_stands_alone_and_shows_what_came_as_text(reports: Path) -> None:
    page = (reports / "r.html").read_text()

    assert "<b>asleep" not in page
    assert "&lt;b&gt;asleep" in page
    assert re.findall(r'(?:src|href)="', page) == []
    assert "health/answers-without-credentials" in page
    assert page.count('class="case"') == 3


def test_the_page_is_drawn_by_a_browser(reports: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium: not installed, so that the page is not drawn")
    words = [chromium, "--headless", "--no-sandbox", f"--user-data-dir={tmp_path}", "--dump-dom"]
    drawn = subprocess.run(
        [*words, (reports / "r.html").as_uri()], capture_output=True, text=True, check=True
    ).stdout

    assert drawn.count("<article") == 3


def test_a_header_says_which_contract_was_held_against_the_target(reports: Path) -> None:
    header = json.loads((reports / "r.jsonl").read_text().splitlines()[0])

    assert set(header["contract"]) >= {"openapi-3.1", "worker_protocol", "response_contract"}
    assert set(header["server"]) == {"server_id", "version", "control_plane", "worker_protocol"}


def test_a_signed_report_verifies_until_it_is_changed(reports: Path, tmp_path: Path) -> None:
    report = shutil.copy(reports / "r.jsonl", tmp_path / "signed.jsonl")
    private, public = keys(tmp_path, "own")
    _, other = keys(tmp_path, "other")
    run = CliRunner().invoke

    assert run(app, ["verify", str(report), "--key", public]).exit_code == 1
    assert run(app, ["sign", str(report), "--key", private]).exit_code == 0
    assert run(app, ["sign", str(report), "--key", private]).exit_code == 2
    assert run(app, ["verify", str(report), "--key", public]).exit_code == 0
    assert run(app, ["verify", str(report), "--key", other]).exit_code == 1
    assert run(app, ["verify", str(report), "--key", private]).exit_code == 2

    text = report.read_text()
    validator = Draft202012Validator(schema("report-line"))
    assert [list(validator.iter_errors(json.loads(line))) for line in text.splitlines()] == [[]] * 6
    report.write_text(text.replace('"fail"', '"pass"', 1))
    assert run(app, ["verify", str(report), "--key", public]).exit_code == 1
