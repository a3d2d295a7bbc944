"""A log line is one JSON object with known facts and nothing else."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from durable_server.logs import JsonLines

from tests.http.asking import asking


def line(message: str, *arguments: Any, **facts: Any) -> dict[str, Any]:
    record = logging.getLogger("t").makeRecord(
        "t", logging.WARNING, "f.py", 1, message, arguments, None, extra=facts
    )
    written = JsonLines().format(record)
    assert "\n" not in written
    parsed: dict[str, Any] = json.loads(written)
    return parsed


def test_a_line_says_when_what_and_about_which_request() -> None:
    written = line("a %s failed", "pass\nof two lines", request_id="r-1", reason="store_busy")

    assert written["message"] == "a pass\nof two lines failed"
    assert (written["level"], written["logger"]) == ("warning", "t")
    assert (written["request_id"], written["reason"]) == ("r-1", "store_busy")
    assert written["at"].endswith("Z")


def test_a_fact_that_is_not_known_is_left_out() -> None:
    written = line("x", token="secret", body={"input": "private"})

    assert "secret" not in json.dumps(written) and "private" not in json.dumps(written)


def test_a_traceback_stays_on_the_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.getLogger("t").makeRecord(
            "t", logging.ERROR, "f.py", 1, "x", (), sys.exc_info()
        )
    written = JsonLines().format(record)

    assert "\n" not in written
    assert "ValueError" in json.loads(written)["traceback"]


def test_requests_are_logged_without_credentials_and_payloads(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        asking("sqlite", tmp_path, auth_driver="token", admin_token="hunter2") as asker,
    ):
        headers = {"Authorization": "Bearer hunter2", "X-Request-Id": "r-7"}
        body = {"workflow_type": "order", "input": ["private-value"]}
        assert asker.ask("POST", "/api/workflows?x=hunter3", body, headers).status == 201
        assert asker.ask("GET", "/api/workflows", headers={"Authorization": "x hunter4"}).status

    ours = [record for record in caplog.records if record.name.startswith("durable_server")]
    written = "".join(JsonLines().format(record) for record in ours)
    assert '"r-7"' in written
    for secret in ("hunter2", "hunter3", "hunter4", "private-value"):
        assert secret not in written
