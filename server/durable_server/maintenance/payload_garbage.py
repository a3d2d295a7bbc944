"""The pass that removes payloads kept outside once no run holds them any more."""

import logging
from typing import Any, NamedTuple

from durable_server.clock import SECOND
from durable_server.maintenance.passes import PassReport, answer_of, read
from durable_server.payload_storage.drivers import StorageUnavailable
from durable_server.server import Server
from durable_server.store import payload_objects
from durable_server.store.payload_objects import Garbage, Root

log = logging.getLogger(__name__)

LIMIT = 64
LATER = 60 * SECOND


class Found(NamedTuple):
    """Garbage that is due: what runs hold after all, what may go, and where that lies."""

    held: list[Garbage]
    free: list[Garbage]
    roots: dict[str, list[Root]]


def remove_garbage(server: Server, now: int, limit: int) -> PassReport:
    """Remove objects that are due and held by no run; those out of reach are tried again later."""
    limit = min(limit, LIMIT)
    found: Found = read(server, _find, now, limit)
    gone, left = [*found.held], []
    for item in found.free:
        try:
            server.payload_storage.delete_now(found.roots[item.namespace], item.uri)
            gone.append(item)
        except StorageUnavailable:
            left.append(item)
    if gone or left:
        answer_of(server.lanes.write(lambda tx: _settle(tx, gone, left, now + LATER)))
    total = len(gone) + len(left)
    return PassReport(total, len(gone), len(left), total == limit)


def _find(tx: Any, now: int, limit: int) -> Found:
    due = payload_objects.due_garbage(tx, now, limit)
    held = [item for item in due if payload_objects.is_held(tx, item.uri)]
    free = [item for item in due if item not in held]
    names = {item.namespace for item in free}
    return Found(held, free, {name: payload_objects.list_roots(tx, name) for name in names})


def _settle(tx: Any, gone: list[Garbage], left: list[Garbage], again_at: int) -> None:
    payload_objects.forget_garbage(tx, gone)
    for item in left:
        payload_objects.note_garbage(tx, item.namespace, [item.uri], again_at)
