"""What a test says to a real server over plain connections of its own."""

import http.client
import json
import select
from typing import Any
from urllib.parse import urlsplit

from tests.support.server_process import TOKEN

HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "X-Durable-Workflow-Protocol-Version": "1.0",
    "X-Durable-Workflow-Control-Plane-Version": "2",
}
QUEUE = {"worker_id": "w", "task_queue": "q"}
POLL = "/api/worker/workflow-tasks/poll"


class Party:
    """One connection that stays open; `send` returns before the answer is there."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Send a request."""
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, HEADERS)

    def answer(self) -> tuple[int, Any]:
        """Status and body of the answer to what was sent."""
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def is_answered(self) -> bool:
        """Whether something of the answer is there already."""
        return bool(select.select([self._connection.sock], [], [], 0)[0])

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request and wait for its answer."""
        self.send(method, path, body)
        return self.answer()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def register(url: str) -> None:
    """Register the worker, and let the server look at its queue once."""
    party = Party(url)
    assert party.ask("POST", "/api/worker/register", {**QUEUE, "runtime": "python"})[0] == 201
    status, body = party.ask("POST", POLL, {**QUEUE, "timeout_seconds": 0})
    assert (status, body["task"]) == (200, None)
    party.close()


def parked_poll(url: str) -> Party:
    """A poll that waits; the answers to later requests say that it was taken in before them."""
    party, after = Party(url), Party(url)
    party.send("POST", POLL, QUEUE)
    for _ in range(3):
        assert after.ask("GET", "/api/namespaces")[0] == 200
    after.close()
    return party
