"""Playing a story against our server, in this process, on a database of its own."""

import asyncio
import hashlib
import hmac
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from durable_server import app
from durable_server.clock import SECOND
from durable_server.config import Settings
from durable_server.server import Server
from durable_server.store import migrate
from durable_server.store.messages import due_messages

from tests.recordings.compare import Comparison, Difference
from tests.recordings.stories import Exchange, Story, story

HERE = Path(__file__).parent
POLLS_MAX = 20
TOLD_CHECKS_MAX = 2000
MESSAGES_AHEAD = 3600 * SECOND
_ROLES = ("worker", "operator", "admin")
_TOKENS = {role: f"{role}-secret" for role in _ROLES} | {
    "legacy": "legacy-secret",
    "bad": "not-a-valid-token",
}
_KEYS = {role: f"{role}-hmac-key" for role in _ROLES} | {"bad": "not-a-valid-key"}
_SETTINGS: dict[str, dict[str, Any]] = {
    "token": {f"{role}_token": _TOKENS[role] for role in _ROLES},
    "signature": {
        "auth_driver": "signature",
        **{f"{role}_signature_key": _KEYS[role] for role in _ROLES},
    },
    "none": {"auth_driver": "none"},
    "legacy": {"auth_token": _TOKENS["legacy"]},
}
_SETTINGS["declared"] = _SETTINGS["token"]


@cache
def differences_of(name: str) -> tuple[Difference, ...]:
    """Play a story once; gives every place where our answers differ from the recorded ones."""
    played = story(name)
    with _running(played.profile) as server:
        return tuple(asyncio.run(_play(played, server)))


@contextmanager
def _running(profile: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="durable-story-") as folder:
        settings = Settings(
            database_url=f"sqlite:///{Path(folder) / 'story.sqlite'}",
            worker_poll_timeout=2,
            **_SETTINGS[profile],
        )
        server = app.build_server(settings)
        migrate.bootstrap(server.store, settings)
        app.start(server)
        try:
            yield server
        finally:
            app.stop(server)
            server.store.close()


async def _play(played: Story, server: Server) -> list[Difference]:
    comparison = Comparison()
    late: list[tuple[str, Exchange, asyncio.Task[httpx.Response]]] = []
    transport = httpx.ASGITransport(app=app.build_asgi(server), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        # What httpx adds by itself was not sent when the story was recorded.
        for name in ("accept-encoding", "accept"):
            del client.headers[name]
        if played.profile == "declared":
            await _declare(client)
        for position, exchange in enumerate(played.exchanges):
            comparison.request = f"{position} {exchange.method} {exchange.path}"
            if exchange.method == "GET":
                await _all_told(server)
            sending = asyncio.create_task(_send(client, played.profile, exchange, comparison))
            if exchange.asynchronous:
                # What follows happens while it waits.
                late.append((comparison.request, exchange, sending))
                if "/update/" in exchange.path:
                    await _accepted(server)
            else:
                _hold_against(exchange, await sending, comparison)
        for comparison.request, exchange, sending in late:
            _hold_against(exchange, await sending, comparison)
    return comparison.differences


async def _declare(client: httpx.AsyncClient) -> None:
    """What the recorded server knew of a workflow type, a worker of that type tells ours."""
    declared = {"demo.declared": json.loads((HERE / "declared.json").read_text())}
    registration = {
        "worker_id": "declares",
        "task_queue": "nobody-polls-here",
        "runtime": "python",
        "supported_workflow_types": list(declared),
        "workflow_command_contracts": declared,
    }
    headers = {
        "X-Durable-Workflow-Protocol-Version": "1.0",
        "Authorization": f"Bearer {_TOKENS['worker']}",
    }
    answer = await client.post("/api/worker/register", json=registration, headers=headers)
    assert answer.is_success, answer.text


async def _all_told(server: Server) -> None:
    """Wait until runs have told each other everything; the recorded server did so at once."""
    due_by = server.clock.now() + MESSAGES_AHEAD
    for _ in range(TOLD_CHECKS_MAX):
        if not await server.read(due_messages, due_by, 1):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("runs have not told each other everything in time")


async def _accepted(server: Server) -> None:
    """Wait until the update that was just sent has been accepted; it is the only open one then."""
    for _ in range(TOLD_CHECKS_MAX):
        if await server.read(_count_open_updates):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the update was not accepted in time")


def _count_open_updates(tx: Any) -> int:
    counted = "SELECT count(*) FROM updates WHERE status = 'accepted'"
    found: int = tx.database.execute_sql(counted).fetchone()[0]
    return found


async def _send(
    client: httpx.AsyncClient, profile: str, exchange: Exchange, comparison: Comparison
) -> httpx.Response:
    content = _content(exchange, comparison)
    headers = {**exchange.headers, **_credentials(profile, exchange.auth, content)}
    path = comparison.fill(exchange.path)
    assert "<id:" not in path, f"{path} needs an id that our answers did not have"
    request = client.build_request(exchange.method, path, headers=headers, content=content)
    for _ in range(POLLS_MAX):
        answer = await client.send(request)
        if not exchange.repeated or answer.status_code != 200 or answer.json().get("task"):
            return answer
    raise AssertionError(f"{exchange.path} was not given a task in {POLLS_MAX} polls")


def _content(exchange: Exchange, comparison: Comparison) -> bytes | None:
    if exchange.raw_body is not None:
        return exchange.raw_body.encode()
    if exchange.body is None:
        return None
    return json.dumps(comparison.fill(exchange.body), ensure_ascii=False).encode()


def _credentials(profile: str, who: str | None, content: bytes | None) -> dict[str, str]:
    if who is None or profile == "none":
        return {}
    if profile == "signature":
        key = _KEYS[who].encode()
        return {"X-Signature": hmac.new(key, content or b"", hashlib.sha256).hexdigest()}
    return {"Authorization": f"Bearer {_TOKENS[who]}"}


def _hold_against(exchange: Exchange, answer: httpx.Response, comparison: Comparison) -> None:
    if answer.status_code != exchange.status:
        comparison.note("status", "status", exchange.status, answer.status_code)
        return
    for name, value in exchange.response["headers"].items():
        comparison.compare(f"headers.{name}", value, answer.headers.get(name))
    recorded = exchange.response.get("body")
    if recorded is None or recorded == "<html page>":
        return
    comparison.compare("body", recorded, answer.json())
