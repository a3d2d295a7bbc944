"""What README and quickstart show works as printed: Python programs and the calls with curl."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.sdk.environments import RELEASES, python_for
from tests.support.databases import KINDS, own_database
from tests.support.server_process import ServerProcess

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()
QUICKSTART = (ROOT / "docs" / "quickstart.md").read_text()
PRINTED = "http://127.0.0.1:8080"
LINKS = re.compile(r"\]\((?!https?:)([^)#]+)\)")


def block(language: str, containing: str, text: str = TEXT) -> str:
    """The code block of a page, the README unless told, that holds these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    return next(each for each in blocks if containing in each)


@pytest.fixture(scope="module", params=KINDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp(f"readme-{request.param}")
    with own_database(request.param, folder) as url:
        opened = {"WORKFLOW_SERVER_AUTH_DRIVER": "none"}
        process = ServerProcess(url, folder / "server.log", opened).start()
        yield process.url
        process.stop()


def test_the_python_program_runs_on_the_newest_release(server: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(block("python", "durable_workflow").replace(PRINTED, server))

    done = subprocess.run(
        [python_for(RELEASES[-1]), program], capture_output=True, text=True, timeout=120
    )

    expected = {"order": "order-42", "sent": "confirmed order-42"}
    assert done.stdout.strip() == str(expected), done.stderr


def test_the_running_workflow_of_the_quickstart_is_talked_to(server: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(block("python", "update_workflow", QUICKSTART).replace(PRINTED, server))

    done = subprocess.run(
        [python_for(RELEASES[-1]), program], capture_output=True, text=True, timeout=120
    )

    assert done.stdout.split("\n") == ["1", "['tea']", "['tea']", ""], done.stderr


def test_the_nine_calls_with_curl_run_as_printed(server: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl: not installed")
    script = "set -eu\n" + block("sh", "curl").replace(PRINTED, server)

    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    assert '"error"' not in done.stdout
    headers = {"X-Durable-Workflow-Control-Plane-Version": "2"}
    described = httpx.get(f"{server}/api/workflows/order-43", headers=headers).json()
    assert described["status"] == "completed"
    assert described["output"] == {"status": "shipped"}
    assert done.stdout.count('"WorkflowCompleted"') == 1


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_link_leads_to_something(path: Path) -> None:
    links = LINKS.findall(path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_dependency_earns_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[\[<>=;]", each)[0].strip() for each in asked}
    record = (ROOT / "docs" / "decisions" / "0011-libraries-and-what-each-earns.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \|", record, flags=re.MULTILINE)
    told = {name for row in rows for name in row.split(", ")} - {"library", "types-*"}

    assert {name for name in names if not name.startswith("types-")} == told


def test_decisions_are_numbered_without_a_gap() -> None:
    records = sorted(path.name for path in (ROOT / "docs" / "decisions").iterdir())

    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
