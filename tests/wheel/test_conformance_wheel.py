"""The suite installs alone: without the server and what only the server needs, and judges one."""

import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.conformance.toy_server import HEALTHY, JSON, toy_server
from tests.support.wheels import ROOT, build, install_alone, run

ALONE = ROOT / "conformance"
OF_THE_SERVER = {"durable_server", "connexion", "peewee", "redis", "orjson", "starlette"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the suite."""
    folder = tmp_path_factory.mktemp("alone")
    build(ALONE, folder, "--wheel")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def program(wheel: Path) -> Path:
    """The command in an environment that holds the wheel and what it asks for, nothing else."""
    return install_alone(wheel, wheel.parent) / "durable-conformance"


def test_both_wheels_have_one_version() -> None:
    versions = {
        tomllib.loads((folder / "pyproject.toml").read_text())["project"]["version"]
        for folder in (ROOT, ALONE)
    }

    assert len(versions) == 1


def test_the_wheel_holds_the_suite_and_the_contract(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.partition("/")[0] for name in names}

    assert folders >= {"durable_conformance", "durable_contracts"}
    assert not any(name.endswith(".pyc") for name in names)
    for needed in ("report/page.html", "profiles/core.yaml", "schemas/proxy-line.schema.json"):
        assert f"durable_conformance/{needed}" in names
    assert "durable_contracts/_shipped/contracts/manifests/openapi-3.1.json" in names


def test_nothing_of_the_server_comes_along(program: Path) -> None:
    libraries = next((program.parents[1] / "lib").glob("python*")) / "site-packages"

    assert {path.name for path in libraries.iterdir()} & OF_THE_SERVER == set()


def test_it_lists_checks_and_judges(program: Path, tmp_path: Path) -> None:
    with toy_server({"GET /api/health": (200, JSON, HEALTHY)}) as url:
        listed = run(program, "list", "--profile", "core", folder=tmp_path)
        checked = run(program, "check", folder=tmp_path)
        judged = run(
            *(program, "run", "--server", url, "--only", "health/answers*"), folder=tmp_path
        )

    assert "health/answers-without-credentials\tHT-1\t" in listed
    assert "nothing to complain about" in checked
    assert judged.startswith("pass: 1 pass")
