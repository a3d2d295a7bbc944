"""The Dockerfile says what the image promises; there is no container engine to ask."""

import fnmatch
import json
import tomllib
from pathlib import PurePosixPath

import pytest
import typer
from durable_server import cli

from tests.deploy import images

KNOWN = {
    *("ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"),
    *("STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a file out; the last pattern that fits decides."""
    out = False
    for line in (images.ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        kept = pattern.startswith("!")
        if fits(path, pattern.removeprefix("!")):
            out = not kept
    return out


def fits(path: str, pattern: str) -> bool:
    parts = PurePosixPath(path).parts
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
    return any(fnmatch.fnmatch("/".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))


def test_every_instruction_is_one_that_docker_knows() -> None:
    assert {each.word for each in images.dockerfile()} <= KNOWN


def test_the_tools_of_the_build_stay_out_of_the_image() -> None:
    assert len(images.given("FROM")) == 2
    last = [each.word for each in images.dockerfile()]
    final = images.dockerfile()[len(last) - last[::-1].index("FROM") :]
    copied = [each.rest for each in final if each.word == "COPY"]

    assert copied == ["--from=build /opt/durable /opt/durable"]


def test_it_runs_as_a_user_without_rights() -> None:
    user, _, group = images.given("USER")[-1].partition(":")

    assert int(user) > 1000
    assert int(group) > 1000


def test_what_is_written_lies_on_a_volume() -> None:
    volume = images.given("VOLUME")[-1]

    assert images.environment()["DATABASE_URL"].startswith(f"sqlite:///{volume}/")
    assert images.given("WORKDIR")[-1] == volume
    assert images.environment()["PYTHONDONTWRITEBYTECODE"] == "1"


def test_its_health_is_the_readiness_of_the_server() -> None:
    words = json.loads(images.given("HEALTHCHECK")[-1].partition("CMD ")[2])

    assert words == ["durable-server", "probe"]


@pytest.mark.parametrize("name", ["WORKFLOW_PACKAGE_SOURCE", "WORKFLOW_PACKAGE_REF"])
def test_another_source_of_the_package_can_be_chosen(name: str) -> None:
    assert [line for line in images.given("ARG") if line.startswith(f"{name}=")]
    assert [line for line in images.given("RUN") if f"${{{name}}}" in line]


@pytest.mark.parametrize(
    "command",
    [
        images.command(),
        ["durable-server", "probe"],
        *(service["command"] for service in images.ours().values()),
    ],
    ids=" ".join,
)
def test_every_command_of_a_container_exists(command: list[str]) -> None:
    assert command[0] in images.scripts()
    if command[0] == "durable-server":
        group = typer.main.get_command(cli.cli)
        assert command[1] in group.commands  # type: ignore[attr-defined]


def test_the_bootstrap_keeps_its_name() -> None:
    module, _, function = images.scripts()["server-bootstrap"].partition(":")

    assert module == cli.__name__
    assert callable(getattr(cli, function))


def test_the_build_sees_what_the_wheel_is_made_of_and_no_more() -> None:
    hatch = tomllib.loads((images.ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    needed = [
        *hatch["targets"]["wheel"]["packages"],
        *hatch["targets"]["wheel"]["force-include"],
        *("pyproject.toml", "requirements.lock", "README.md", "LICENSE", "tools/package.sh"),
    ]

    assert [path for path in needed if ignored(path)] == []
    assert ignored(".env")
    assert ignored(".git/config")
    assert ignored("var/durable.sqlite")
    assert ignored("tests/conftest.py")
    assert ignored("server/durable_server/__pycache__/app.pyc")
