"""Simulated clients: they start workflows and then send them all that a client can send."""

from typing import TYPE_CHECKING, Any

from tests.simulation.network import Lost
from tests.simulation.node import router
from tests.simulation.parties import QUEUE, Party

if TYPE_CHECKING:
    from tests.simulation.world import World

REQUESTS_MAX = 10


def _known(method: str, path: str) -> bool:
    return router().find(method, path.encode()).plan is not None


class Client(Party):
    """Somebody who starts workflows and then watches, signals, updates and stops them."""

    def __init__(self, world: "World", name: str, workflow_ids: list[str]) -> None:
        super().__init__(world, name)
        self._workflow_ids = workflow_ids
        self.busy = True

    def begin(self) -> None:
        """Start to ask."""
        self.world.follow(self.name, self._live(), done=self._done)

    def _done(self, _: Any) -> None:
        self.busy = False

    async def _live(self) -> None:
        for workflow_id in self._workflow_ids:
            await self._try(self._start(workflow_id))
        wishes = [self._describe, self._describe, self._signal, self._signal, self._signal]
        wishes += [self._update, self._update, self._cancel, self._terminate, self._start]
        wishes += [self._repair, self._archive, self._look_into]
        wishes += [self._signal_with_start, self._append]
        for _ in range(self.chance.randrange(REQUESTS_MAX)):
            if self.world.calm:
                return
            await self.world.sleep(self.chance.choice((0.01, 0.3, 3.0, 20.0)))
            wish = self.chance.choice(wishes)
            await self._try(wish(self.chance.choice(self._workflow_ids)))

    async def _try(self, request: Any) -> None:
        try:
            await request
        except Lost:
            return

    async def _start(self, workflow_id: str) -> None:
        body: dict[str, Any] = {
            "workflow_id": workflow_id,
            "workflow_type": "order",
            "task_queue": QUEUE,
            "duplicate_policy": self.chance.choice(("fail", "use-existing")),
        }
        if self.chance.random() < 0.2:
            body["run_timeout_seconds"] = self.chance.choice((30, 120))
        if self.chance.random() < 0.2:
            body["execution_timeout_seconds"] = self.chance.choice((120, 300))
        status, answer = await self.insist("POST", "/api/workflows", body)
        assert status in (200, 201, 409), (status, answer)
        if status == 201:
            self.world.judge.started_new(workflow_id, answer["run_id"])

    async def _describe(self, workflow_id: str) -> None:
        await self.insist("GET", f"/api/workflows/{workflow_id}")

    async def _look_into(self, workflow_id: str) -> None:
        status, answer = await self.insist("GET", f"/api/workflows/{workflow_id}/debug")
        assert status in (200, 404), (status, answer)
        if status == 200:
            alive = answer["execution"]["liveness_state"]
            assert alive != "repair_needed", "something resumes every open run"

    async def _repair(self, workflow_id: str) -> None:
        status, answer = await self.insist("POST", f"/api/workflows/{workflow_id}/repair", {})
        assert status in (200, 404, 409), (status, answer)
        if status == 200:
            assert answer["outcome"] == "repair_not_needed", "no task is ever lost"

    async def _archive(self, workflow_id: str) -> None:
        status, answer = await self.insist("POST", f"/api/workflows/{workflow_id}/archive", {})
        assert status in (200, 404, 409), (status, answer)

    async def _signal(self, workflow_id: str) -> None:
        path = f"/api/workflows/{workflow_id}/signal/ready"
        if not _known("POST", path):
            return
        body: dict[str, Any] = {"input": ["go"], "request_id": self.new_request_id()}
        status, answer = await self.insist("POST", path, body)
        assert status in (200, 202, 404, 409), (status, answer)
        if status in (200, 202):
            self.world.judge.signal_accepted(workflow_id, body["request_id"])

    async def _signal_with_start(self, workflow_id: str) -> None:
        """Signal a workflow that is started for it, unless it is there."""
        path = f"/api/workflows/{workflow_id}/signal-with-start/ready"
        body: dict[str, Any] = {
            "workflow_type": "order",
            "task_queue": QUEUE,
            "signal_input": ["go"],
            "request_id": self.new_request_id(),
        }
        if self.chance.random() < 0.5:
            body["closed_run_policy"] = "start_new_run"
        status, answer = await self.insist("POST", path, body)
        assert status in (200, 201, 202, 409), (status, answer)
        if status < 300:
            self.world.judge.signal_accepted(workflow_id, body["request_id"])

    async def _append(self, workflow_id: str) -> None:
        """Append to a message stream; the same message id is one message."""
        path = f"/api/workflows/{workflow_id}/message-streams/inbox/messages"
        body = {"message_id": self.new_request_id(), "input": ["a"]}
        status, answer = await self.insist("POST", path, body)
        assert status in (202, 404, 409), (status, answer)
        if status == 202:
            place = (answer["run_id"], answer["position"])
            self.world.judge.message_appended(place, body["message_id"])

    async def _update(self, workflow_id: str) -> None:
        path = f"/api/workflows/{workflow_id}/update/change"
        if not _known("POST", path):
            return
        body: dict[str, Any] = {
            "input": ["blue"],
            "request_id": self.new_request_id(),
            "wait_for": self.chance.choice(("accepted", "completed")),
            "wait_timeout_seconds": 2,
        }
        status, answer = await self.insist("POST", path, body)
        assert status in (200, 202, 404, 409, 422), (status, answer)
        if status in (200, 202):
            self.world.judge.update_accepted(workflow_id, body["request_id"], answer["update_id"])

    async def _cancel(self, workflow_id: str) -> None:
        await self._stop(workflow_id, "cancel")

    async def _terminate(self, workflow_id: str) -> None:
        await self._stop(workflow_id, "terminate")

    async def _stop(self, workflow_id: str, how: str) -> None:
        path = f"/api/workflows/{workflow_id}/{how}"
        if _known("POST", path):
            status, answer = await self.insist("POST", path, {"reason": "no longer wanted"})
            assert status in (200, 202, 404, 409), (status, answer)
