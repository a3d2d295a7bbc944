"""The wheel and the sdist carry everything; the wheel serves from an empty environment."""

import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.services import free_port, wait_until
from tests.support.wheels import ROOT, build, install_alone, run

SHIPPED = "durable_contracts/_shipped"
VERSIONED = {"X-Durable-Workflow-Control-Plane-Version": "2"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    build(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(built: Path, wheel: Path) -> Path:
    """The programs of an environment that holds the wheel and what it asks for, nothing else."""
    return install_alone(wheel, built)


@pytest.fixture(scope="module")
def served(environment: Path, built: Path) -> Iterator[str]:
    """The address of a server that runs from the environment."""
    port = free_port()
    with open(built / "server.log", "wb") as log:
        process = subprocess.Popen(
            [environment / "durable-server", "serve", "--bootstrap", "--port", str(port)],
            cwd=built,
            env={
                "DATABASE_URL": f"sqlite:///{built}/durable.sqlite",
                "WORKFLOW_SERVER_AUTH_DRIVER": "none",
            },
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}/api"
    try:
        wait_until(lambda: ready(process, url), "the installed server is ready")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def ready(process: "subprocess.Popen[bytes]", url: str) -> bool:
    assert process.poll() is None
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False


def data_files() -> set[str]:
    """The files of the contract, as paths of the repository."""
    found = [path for path in (ROOT / "openapi").rglob("*") if path.is_file()]
    for name in ("schemas", "examples", "manifests", "published"):
        found += [path for path in (ROOT / "contracts" / name).rglob("*") if path.is_file()]
    names = {path.relative_to(ROOT).as_posix() for path in found}
    return names | {f"contracts/{n}" for n in ("refusals.yaml", "profile.json", "CHANGELOG.md")}


def package_files() -> set[str]:
    """The files of the three packages, as paths of a wheel."""
    packages = {
        "server": "durable_server",
        "contracts": "durable_contracts",
        "conformance": "durable_conformance",
        "cli": "durable_cli",
    }
    return {
        path.relative_to(ROOT / folder).as_posix()
        for folder, package in packages.items()
        for path in (ROOT / folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_the_contract_and_the_three_packages_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names == package_files() | {f"{SHIPPED}/{name}" for name in data_files()}


def test_the_sdist_carries_the_contract_too(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert data_files() <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", ".env.example", "requirements.lock"} <= names


def test_the_installed_server_says_what_it_is(served: str) -> None:
    info = httpx.get(f"{served}/cluster/info").json()

    assert info["control_plane"]["version"] == "2"
    assert info["control_plane"]["request_contract"]["operations"]["start"]


def test_the_installed_server_publishes_the_contract(served: str) -> None:
    published = httpx.get(f"{served}/openapi.json").json()
    committed = json.loads((ROOT / "contracts" / "manifests" / "openapi-3.1.json").read_text())

    assert published["paths"].keys() == committed["paths"].keys()
    assert published["components"]["schemas"].keys() == committed["components"]["schemas"].keys()
    assert httpx.get(f"{served}/docs").status_code == 200


def test_the_installed_server_starts_workflows(served: str) -> None:
    asked = {"workflow_type": "greet", "task_queue": "q"}

    reply = httpx.post(f"{served}/workflows", json=asked, headers=VERSIONED)

    assert reply.status_code == 201
    assert reply.json()["outcome"] == "started_new"


def test_the_installed_programs_find_their_files(environment: Path, built: Path) -> None:
    assert "the contract is whole" in run(environment / "durable-contracts", "check", folder=built)
    assert "Usage" in run(environment / "durable-conformance", "--help", folder=built)
    assert "Usage" in run(environment / "server-bootstrap", "--help", folder=built)


def test_a_package_can_be_made_of_another_repository_and_ref(tmp_path: Path) -> None:
    ref = run("git", "-C", ROOT, "rev-parse", "HEAD", folder=tmp_path).strip()
    out = tmp_path / "wheels"

    script = ROOT / "tools" / "package.sh"
    run("sh", script, sys.executable, f"file://{ROOT}", ref, out, folder=tmp_path)

    assert len(list(out.glob("durable_workflow_server-*.whl"))) == 1
    assert (out / "requirements.lock").exists()
