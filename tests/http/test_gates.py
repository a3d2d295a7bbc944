"""The order of the gates: as a public server of the same protocol answered, and for every pair."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_contracts import bundle
from durable_contracts.bundle import Operation

from tests.http.asking import CONTROL, TOKENS, WORKER, Answer, Asker, Headers, asking

LIMIT = 20_000
DATA = Path(__file__).with_name("data") / "gates.jsonl"
RECORDED = [json.loads(line) for line in DATA.read_text().splitlines()]
# Outside of these routes an absent control-plane version means 2.
VERSION_NEEDED = "/api/workflow"


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    tokens = {f"{role}_token": token for role, token in TOKENS.items()}
    settings = {"auth_driver": "token", "max_payload_bytes": LIMIT, **tokens}
    with asking("sqlite", tmp_path_factory.mktemp("gates"), **settings) as started:
        yield started


def credentials(role: str | None) -> Headers:
    """The headers of a role, of a wrong credential, or of none."""
    return {} if role is None else {"Authorization": f"Bearer {TOKENS.get(role, 'wrong')}"}


def _name(row: dict[str, Any]) -> str:
    return f"{row['story']}-{row['note']}".replace(" ", "-")


@pytest.mark.parametrize("row", RECORDED, ids=_name)
def test_a_refusal_is_the_recorded_one(asker: Asker, row: dict[str, Any]) -> None:
    asker.headers = {}
    body = row["raw_body"].encode() if "raw_body" in row else row.get("body")

    answer = asker.ask(
        row["method"], row["path"], body, {**row["headers"], **credentials(row["auth"])}
    )

    missing = row["reason"] == "missing_control_plane_version"
    if missing and not row["path"].startswith(VERSION_NEEDED):
        assert answer.body.get("reason") != row["reason"]
        return
    assert (answer.status, answer.body["reason"]) == (row["status"], row["reason"])
    if row["status"] == 405:
        assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


def refused(asker: Asker, operation: Operation, defects: set[str]) -> Answer:
    """What an operation answers to a request that has these defects."""
    asker.headers = {}
    role = next(iter(operation.roles), None)
    wrong = next((r for r in TOKENS if r not in operation.roles), None)
    version = CONTROL if operation.plane != "worker" else WORKER
    headers: Headers = {
        **credentials(wrong if "role" in defects else role),
        version: "2" if version == CONTROL else "1.0",
        "Content-Type": "application/json",
    }
    if "credential" in defects:
        headers["Authorization"] = "Bearer wrong"
    if "version" in defects:
        headers[version] = "99.0"
    if "namespace" in defects:
        headers["X-Namespace"] = "nowhere"
    if "media" in defects:
        headers["Content-Type"] = "text/plain"
    body = b"{" if "json" in defects else b"{}"
    if "size" in defects:
        body = body.ljust(LIMIT + 1)
    path = operation.path.replace("{", "").replace("}", "")
    method = "PATCH" if "method" in defects else operation.method
    if "path" in defects:
        path = "/api/no-" + path.removeprefix("/api").lstrip("/")
    return asker.ask(method, path, body, headers)


ORDER = {
    "path": (404, "not_found"),
    "method": (405, "method_not_allowed"),
    "size": (413, "payload_too_large"),
    "media": (415, "unsupported_media_type"),
    "json": (400, "malformed_json"),
    "credential": (401, "unauthorized"),
    "role": (403, "forbidden"),
    "version": (400, None),
    "namespace": (404, "namespace_not_found"),
}


def applicable(operation: Operation) -> list[str]:
    """The defects that a request for this operation can have, in the order of the gates."""
    defects = list(ORDER)
    if operation.method == "GET":
        defects = [each for each in defects if each not in ("media", "json")]
    if operation.plane == "public":
        defects = [each for each in defects if each not in ("credential", "role")]
    elif len(operation.roles) == len(TOKENS):
        defects.remove("role")
    if operation.version_rule == "none":
        defects.remove("version")
    if not operation.namespace_required:
        defects.remove("namespace")
    return defects


@pytest.mark.parametrize("operation", bundle.operations(), ids=lambda o: o.operation_id)
def test_the_first_failing_gate_answers(asker: Asker, operation: Operation) -> None:
    defects = applicable(operation)
    for index, first in enumerate(defects):
        status, reason = ORDER[first]
        # Alone, with each later one, and with all later ones at once.
        later = defects[index + 1 :]
        for others in [set(), set(later), *({each} for each in later)]:
            answer = refused(asker, operation, {first, *others})

            assert answer.status == status, (first, others, answer.body)
            if reason is not None:
                assert answer.body["reason"] == reason, (first, others)
            else:
                assert answer.body["reason"].startswith("unsupported_"), (first, others)


@pytest.mark.parametrize("operation", bundle.operations(), ids=lambda o: o.operation_id)
def test_without_a_defect_no_gate_answers(asker: Asker, operation: Operation) -> None:
    answer = refused(asker, operation, set())

    assert answer.status not in (400, 401, 403, 405, 413, 415, 500)
    if answer.headers["content-type"] == "application/json" and answer.status >= 400:
        gates = {"payload_too_large", "unauthorized", "forbidden"}
        assert answer.body["reason"] not in gates
