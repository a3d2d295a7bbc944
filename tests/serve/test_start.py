"""What a server says when it starts, and when it does not."""

import socket
from pathlib import Path

import pytest

from tests.support.server_process import ServerProcess


def a_server(folder: Path, settings: dict[str, str]) -> ServerProcess:
    return ServerProcess(f"sqlite:///{folder / 'db.sqlite'}", folder / "log", settings)


def ended(server: ServerProcess) -> int:
    """The exit status of a server that does not stay."""
    server.launch()
    assert server.process is not None
    return server.process.wait(30)


def test_a_name_that_is_no_setting_is_reported(tmp_path: Path) -> None:
    server = a_server(tmp_path, {"WORKFLOW_SERVER_PROT": "1", "DW_ENV": "test"}).start()
    try:
        assert "unknown setting WORKFLOW_SERVER_PROT" in server.log()
        assert "DW_ENV" not in server.log()
    finally:
        server.stop()


def test_strict_mode_refuses_a_name_that_is_no_setting(tmp_path: Path) -> None:
    strict = {"DW_PROT": "1", "WORKFLOW_SERVER_ENV_AUDIT_STRICT": "1"}
    server = a_server(tmp_path, strict)

    assert ended(server) == 2
    assert "unknown settings: DW_PROT" in server.log()


@pytest.mark.parametrize("name", ["WORKFLOW_SERVER_PROCESSES", "WORKFLOW_SERVER_HTTP"])
def test_a_value_that_a_setting_cannot_have_refuses_the_start(tmp_path: Path, name: str) -> None:
    server = a_server(tmp_path, {name: "many"})

    assert ended(server) == 2
    assert "Traceback" not in server.log()


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    server = a_server(tmp_path, {})
    with socket.create_server(("127.0.0.1", server.port)):
        assert ended(server) == 1

    assert f"cannot listen on 127.0.0.1:{server.port}" in server.log()
    assert "Traceback" not in server.log()


def test_an_open_server_says_so_loudly(tmp_path: Path) -> None:
    settings = {"WORKFLOW_SERVER_AUTH_DRIVER": "none", "WORKFLOW_SERVER_AUTH_TOKEN": ""}
    server = a_server(tmp_path, settings).start()
    try:
        assert "the auth driver is none" in server.log()
    finally:
        server.stop()


def test_signatures_that_can_be_replayed_are_warned_of(tmp_path: Path) -> None:
    settings = {
        "WORKFLOW_SERVER_AUTH_DRIVER": "signature",
        "WORKFLOW_SERVER_SIGNATURE_KEY": "the-key-of-the-tests",
    }
    server = a_server(tmp_path, settings).start()
    try:
        assert "signatures over the body alone can be replayed" in server.log()
        assert "the-key-of-the-tests" not in server.log()
    finally:
        server.stop()


def test_a_driver_without_keys_is_reported(tmp_path: Path) -> None:
    server = a_server(tmp_path, {"WORKFLOW_SERVER_AUTH_TOKEN": ""})
    server.launch()
    try:
        from tests.support.services import wait_until

        wait_until(lambda: "AUTH_TOKEN is not configured" in server.log(), "it is reported")
    finally:
        server.stop()
