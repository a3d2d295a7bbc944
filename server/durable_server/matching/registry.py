"""What this process remembers of workers' registrations, so that a poll costs no query."""

import threading
from collections import OrderedDict
from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND
from durable_server.matching.channels import Channel, PollingWorker
from durable_server.refusal import Refusal
from durable_server.server import Server
from durable_server.store import workers as stored_workers

REMEMBERED_SECONDS = 10
REMEMBERED_MAX = 10_000
PYTHON_SDK = "durable-workflow-python/"


class Remembered(NamedTuple):
    """A registration as it was read, and until when it is believed."""

    row: Any
    until: int


class WorkerRegistry:
    """Registrations by namespace and worker id, read through; and who was seen lately."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._remembered: OrderedDict[tuple[str, str], Remembered] = OrderedDict()
        self._seen: dict[tuple[str, str], int] = {}

    async def polling(
        self, channel: Channel, worker_id: str, build_id: str | None
    ) -> PollingWorker:
        """The registered worker that polls a channel, or a refusal that says what differs."""
        row = self._recall(channel.namespace, worker_id)
        if row is None or _mismatch(row, channel, build_id) is not None:
            row = await self._read(channel.namespace, worker_id)
        if row is None:
            raise Refusal("worker_not_registered.poll", worker_id=worker_id)
        mismatch = _mismatch(row, channel, build_id)
        if mismatch is not None:
            raise mismatch
        # Early SDKs send no heartbeats: their polls are all that is heard of them.
        self.seen(channel.namespace, worker_id, self._server.clock.now())
        return polling_worker(row, channel.kind)

    def forget(self, namespace: str, worker_id: str) -> None:
        """A registration has changed; it is read again when next needed."""
        with self._lock:
            self._remembered.pop((namespace, worker_id), None)

    def remove(self, namespace: str, worker_id: str) -> None:
        """A registration is gone, perhaps by another process: its polls end."""
        self.forget(namespace, worker_id)
        self._server.matcher.withdraw_where(
            lambda poll: (poll.channel.namespace, poll.worker.worker_id) == (namespace, worker_id)
        )

    def seen(self, namespace: str, worker_id: str, now: int) -> None:
        """A worker gave a sign of life; written by the pass over workers."""
        with self._lock:
            self._seen[(namespace, worker_id)] = now

    def take_seen(self) -> list[tuple[str, str, int]]:
        """Who was seen since this was last asked."""
        with self._lock:
            seen, self._seen = self._seen, {}
        return [(*name, at) for name, at in sorted(seen.items())]

    def _recall(self, namespace: str, worker_id: str) -> Any:
        with self._lock:
            found = self._remembered.get((namespace, worker_id))
        if found is None or found.until <= self._server.clock.now():
            return None
        return found.row

    async def _read(self, namespace: str, worker_id: str) -> Any:
        row = await self._server.read(stored_workers.find_worker, namespace, worker_id)
        name = (namespace, worker_id)
        with self._lock:
            self._remembered.pop(name, None)
            if row is not None:
                until = self._server.clock.now() + REMEMBERED_SECONDS * SECOND
                self._remembered[name] = Remembered(row, until)
            while len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return row


def polling_worker(row: Any, kind: str) -> PollingWorker:
    """What matching needs of a registration, for one kind of task."""
    listed = row.supported_activity_types if kind == "activity" else row.supported_workflow_types
    types = orjson.loads(listed) if isinstance(listed, str) else listed
    return PollingWorker(
        worker_id=row.worker_id,
        build_id=row.build_id,
        types=frozenset(types) if types else None,
        sdk_version=row.sdk_version,
        framing=framing_of(row.sdk_version, row.protocol_version),
    )


def framing_of(sdk_version: str | None, protocol_version: str | None) -> str:
    """How a worker reads values that the server encodes: json for early protocols, else avro."""
    if sdk_version is not None and sdk_version.startswith(PYTHON_SDK):
        major = sdk_version.removeprefix(PYTHON_SDK).split(".")[0]
        if major.isdecimal() and int(major) >= 2:
            return "avro"
    return "json" if protocol_version in ("1.0", "1.1") else "avro"


def _mismatch(row: Any, channel: Channel, build_id: str | None) -> Refusal | None:
    if row.task_queue != channel.task_queue:
        return Refusal(
            "task_queue_mismatch",
            worker_id=row.worker_id,
            registered_task_queue=row.task_queue,
            requested_task_queue=channel.task_queue,
        )
    if build_id and row.build_id and build_id != row.build_id:
        return Refusal(
            "build_id_mismatch",
            worker_id=row.worker_id,
            registered_build_id=row.build_id,
            requested_build_id=build_id,
        )
    return None
