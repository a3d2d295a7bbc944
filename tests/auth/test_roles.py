"""Which role reaches what, over the whole edge, for every operation."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_contracts import bundle
from durable_contracts.bundle import Operation

from tests.http.asking import CONTROL, TOKENS, WORKER, Asker, asking

OPERATIONS = bundle.operations()
EVERY = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.operation_id)
OPERATORS = (
    *("workflows.", "runs.", "history.", "debug.", "signals.", "message_streams.", "updates."),
    *("queries.", "imports.", "schedules.", "search_attributes.", "task_queues.", "metrics."),
    *("bridge_adapters.", "bulk_operations."),
    *("workers.list", "workers.describe"),
)


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    settings: dict[str, Any] = {f"{role}_token": token for role, token in TOKENS.items()}
    settings.update(auth_driver="token", auth_token="legacy,legacy-before")
    with asking("sqlite", tmp_path_factory.mktemp("roles"), **settings) as started:
        yield started


def status(
    asker: Asker, operation: Operation, token: str | None, namespace: str = "default"
) -> int:
    headers = {CONTROL: "2", WORKER: "1.0", "X-Namespace": namespace}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    path = operation.path.replace("{", "").replace("}", "")
    body: Any = {} if operation.request_schema is not None else None
    return asker.ask(operation.method, path, body, headers).status


def reached(operation: Operation) -> set[str]:
    """The roles that the founding text lets through."""
    name = operation.operation_id
    if operation.plane == "public":
        return {"worker", "operator", "admin"}
    if name == "cluster.info":
        return {"worker", "operator", "admin"}
    if operation.plane == "worker":
        return {"worker"}
    if name in ("namespaces.list", "namespaces.describe") or name.startswith(OPERATORS):
        return {"operator", "admin"}
    return {"admin"}


@EVERY
@pytest.mark.parametrize("role", TOKENS)
def test_a_role_reaches_what_it_may_and_nothing_else(
    asker: Asker, operation: Operation, role: str
) -> None:
    answered = status(asker, operation, TOKENS[role])

    if role in reached(operation):
        assert answered not in (401, 403)
    else:
        assert answered == 403


@EVERY
def test_a_wrong_role_learns_nothing_about_namespaces(asker: Asker, operation: Operation) -> None:
    for role in set(TOKENS) - reached(operation):
        assert status(asker, operation, TOKENS[role], "nowhere") == 403


@EVERY
def test_nobody_reaches_only_what_is_public(asker: Asker, operation: Operation) -> None:
    for token in (None, "wrong", ""):
        answered = status(asker, operation, token)
        assert (answered == 401) == (operation.plane != "public")


@EVERY
@pytest.mark.parametrize("token", ["legacy", "legacy-before"])
def test_beside_role_tokens_the_legacy_token_is_an_administrator(
    asker: Asker, operation: Operation, token: str
) -> None:
    answered = status(asker, operation, token)

    assert (answered == 403) == ("admin" not in reached(operation))


def test_a_legacy_token_alone_reaches_everything(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, auth_driver="token", auth_token="only") as asker:
        for operation in OPERATIONS:
            assert status(asker, operation, "only") not in (401, 403)


def test_without_compatibility_the_legacy_token_reaches_nothing(tmp_path: Path) -> None:
    settings = {"auth_token": "old", "admin_token": "new", "auth_backward_compatible": "false"}
    with asking("sqlite", tmp_path, auth_driver="token", **settings) as asker:
        for operation in OPERATIONS:
            if operation.plane != "public":
                assert status(asker, operation, "old") == 401


def test_a_driver_without_keys_is_an_error_of_the_operator(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, auth_driver="token") as asker:
        answer = asker.ask("GET", "/api/workflows", headers={"Authorization": "Bearer x"})
        health = asker.ask("GET", "/api/health")
        ready = asker.ask("GET", "/api/ready")

    assert (answer.status, answer.body["reason"]) == (500, "server_error")
    assert "WORKFLOW_SERVER_AUTH_TOKEN is not configured" in answer.body["message"]
    assert health.status == 200
    assert (ready.status, ready.body["checks"]["auth"]["status"]) == (503, "invalid")


def test_the_open_driver_needs_no_credential(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, auth_driver="none") as asker:
        for operation in OPERATIONS:
            assert status(asker, operation, None) not in (401, 403)


def test_a_forbidden_caller_is_told_its_role_and_the_roles_that_may(asker: Asker) -> None:
    headers = {CONTROL: "2", "Authorization": f"Bearer {TOKENS['worker']}"}
    body = asker.ask("GET", "/api/workflows", headers=headers).body

    assert (body["role"], body["allowed_roles"]) == ("worker", ["operator", "admin"])


@pytest.mark.parametrize("target", ["/api/workflows?token=token-of-admin", "/api/workflows"])
def test_a_token_elsewhere_is_not_looked_at(asker: Asker, target: str) -> None:
    headers = {CONTROL: "2", "X-Api-Key": TOKENS["admin"], "Cookie": f"token={TOKENS['admin']}"}

    assert asker.ask("GET", target, headers=headers).status == 401


def test_signatures_are_made_over_the_bytes_that_were_sent(tmp_path: Path) -> None:
    def sign(body: bytes) -> dict[str, str]:
        return {"X-Signature": hmac.new(b"key", body, hashlib.sha256).hexdigest()}

    text = b'{ "workflow_type" : "order" }'
    with asking("sqlite", tmp_path, auth_driver="signature", operator_signature_key="key") as asker:
        good = asker.ask("POST", "/api/workflows", text, sign(text))
        bad = asker.ask("POST", "/api/workflows", text, sign(b'{"workflow_type":"order"}'))
        bare = asker.ask("GET", "/api/workflows", headers=sign(b""))

    assert (good.status, bad.status, bare.status) == (201, 401, 200)
