"""The payload storage of a server: knows the policies, and goes to the places on its own threads.

Nothing here blocks an event loop or a lane: whoever asks awaits a Pending.
"""

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.clock import SECOND
from durable_server.config import Settings, SettingsDefect
from durable_server.payload_storage.drivers import (
    ObjectMissing,
    Opened,
    StorageUnavailable,
    open_place,
)
from durable_server.payload_storage.policy import (
    Place,
    Policy,
    check_place,
    may_read,
    own_key,
    place_of,
)
from durable_server.pending import Pending
from durable_server.refusal import Refusal
from durable_server.store import namespaces as stored_namespaces
from durable_server.store import payload_objects

log = logging.getLogger(__name__)

THREADS = 4
WAITING_MAX = 256
OPENED_MAX = 64
KNOWN_SECONDS = 5
KEPT_BYTES_MAX = 16_777_216


class Known(NamedTuple):
    """What is known of a namespace: its policy, and every place that it ever had."""

    policy: Policy | None
    roots: tuple[payload_objects.Root, ...]
    until: int


class PayloadStorage:
    """Puts, gets and deletes payloads outside of the database."""

    def __init__(self, settings: Settings, read: Callable[..., Pending], clock: Any) -> None:
        self.folder = settings.payload_storage_folder
        self.kept_bytes_max = settings.limit_payload_size_bytes or KEPT_BYTES_MAX
        self._endpoints = tuple(
            each.strip().rstrip("/") for each in settings.payload_storage_endpoints.split(",")
        )
        self._profiles = profiles_of(settings)
        self._read, self._clock = read, clock
        self._known: dict[str, Known] = {}
        self._opened: OrderedDict[tuple[str, str], Opened] = OrderedDict()
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    def check(self, policy: Policy) -> None:
        """Refuse a policy that leads where this server may not go."""
        check_place(policy, self.folder, self._endpoints)

    def root_of(self, policy: Policy) -> str | None:
        """The root of a policy's place, if this server can open it."""
        place = place_of(policy, self.folder)
        return None if place is None else place.root

    def changed(self, namespace: str) -> None:
        """The policy of a namespace is another one now."""
        self._known.pop(namespace, None)

    async def known(self, namespace: str) -> Known:
        """The policy and the places of a namespace, as they were a short while ago or are now."""
        found = self._known.get(namespace)
        now = self._clock.now()
        if found is None or found.until <= now:
            policy, roots = await self._read(_look, namespace)
            found = Known(policy, tuple(roots), now + KNOWN_SECONDS * SECOND)
            if len(self._known) >= stored_namespaces.NAMESPACES_MAX:
                self._known.clear()
            self._known[namespace] = found
        return found

    def place(self, policy: Policy) -> Place | None:
        """Where payloads of this policy are moved to, or None when they are not."""
        return place_of(policy, self.folder) if policy["enabled"] else None

    def put(self, policy: Policy, uri: str, data: bytes) -> Pending:
        """Keep an object at a URI of the policy's place; refused while that cannot be reached."""
        return self._run(lambda: self._put(policy, uri, data))

    def get(self, known: Known, namespace: str, reference: dict[str, Any]) -> Pending:
        """The verified text that a reference stands for, as (text, None) or (None, what is wrong).

        The text is empty when it is larger than `kept_bytes_max`, as it is then only verified.
        Refused while the place cannot be reached.
        """
        return self._run(lambda: self._get(known, namespace, reference))

    def try_out(self, policy: Policy, namespace: str, data: bytes, name: str) -> Pending:
        """Put, get, compare and delete an object; its URI."""
        return self._run(lambda: self._try_out(policy, namespace, data, name))

    def delete_now(self, roots: list[payload_objects.Root], uri: str) -> None:
        """Remove an object of one of these places, blocking. Raises StorageUnavailable.

        What lies in none of the places is not ours to remove.
        """
        found = self._find(roots, uri)
        if found is not None:
            found[0].delete(found[1])

    def stop(self) -> None:
        """Let go of the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: Callable[[], Any]) -> Pending:
        pending = Pending()
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(THREADS, "payload-storage")
            full = self._waiting >= WAITING_MAX
            self._waiting += not full
        if full:
            pending.answer(error=Refusal("payload_storage_unavailable"))
        else:
            self._threads.submit(self._carry_out, job, pending)
        return pending

    def _carry_out(self, job: Callable[[], Any], pending: Pending) -> None:
        try:
            value = job()
        except StorageUnavailable:
            pending.answer(error=Refusal("payload_storage_unavailable"))
        except BaseException as error:
            pending.answer(error=error)
        else:
            pending.answer(value)
        finally:
            with self._lock:
                self._waiting -= 1

    def _open(self, place: Place, policy: Policy) -> Opened:
        key = (place.root, orjson.dumps(policy, option=orjson.OPT_SORT_KEYS).decode())
        with self._lock:
            if key in self._opened:
                self._opened.move_to_end(key)
                return self._opened[key]
        opened = open_place(place, policy, self._profiles)
        with self._lock:
            self._opened[key] = opened
            while len(self._opened) > OPENED_MAX:
                self._opened.popitem(last=False)
        return opened

    def _find(self, roots: Any, uri: str) -> tuple[Opened, str] | None:
        """The open place that an object lies in, and its key there."""
        for root in roots:
            policy = orjson.loads(root.policy)
            place = place_of(policy, self.folder)
            key = place.key_of(uri) if place is not None else None
            if place is not None and key is not None:
                return self._open(place, policy), key
        return None

    def _put(self, policy: Policy, uri: str, data: bytes) -> None:
        place = place_of(policy, self.folder)
        key = place.key_of(uri) if place is not None else None
        if place is None or key is None:
            raise StorageUnavailable("no place")
        self._open(place, policy).put(key, data)

    def _get(
        self, known: Known, namespace: str, reference: dict[str, Any]
    ) -> tuple[str | None, str | None]:
        found = self._find(known.roots, reference["uri"])
        if found is None or not may_read(namespace, found[1]):
            return None, "The external payload does not lie in the storage of this namespace."
        try:
            size, pieces = found[0].get(found[1])
        except ObjectMissing:
            return None, "The external payload could not be found in the storage."
        if size != reference["size_bytes"]:
            return None, "The external payload has another size than its reference says."
        kept, digest = [], hashlib.sha256()
        for piece in pieces:
            digest.update(piece)
            if size <= self.kept_bytes_max:
                kept.append(piece)
        if digest.hexdigest() != reference["sha256"].lower():
            return None, "The external payload has another hash than its reference says."
        return b"".join(kept).decode("utf-8", "replace"), None

    def _try_out(self, policy: Policy, namespace: str, data: bytes, name: str) -> str:
        place = place_of(policy, self.folder)
        if place is None:
            raise StorageUnavailable("no place")
        key = own_key(namespace, "storage-test", name)
        opened = self._open(place, policy)
        opened.put(key, data)
        try:
            found = b"".join(opened.get(key)[1])
        except ObjectMissing:
            raise StorageUnavailable("what was put is not there") from None
        finally:
            opened.delete(key)
        if found != data:
            raise StorageUnavailable("what was put came back changed")
        return place.uri_of(key)


def reference_to(uri: str, codec: str, data: bytes) -> dict[str, Any]:
    """The envelope that stands for an encoded payload which is kept outside."""
    reference = {
        "schema": payloads.REFERENCE_SCHEMA,
        "uri": uri,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "codec": codec,
    }
    return {"codec": codec, "external_storage": reference}


def profiles_of(settings: Settings) -> dict[str, dict[str, str]]:
    """The auth profiles of the settings, by name."""
    text = settings.payload_storage_profiles.get_secret_value()
    try:
        profiles: dict[str, dict[str, str]] = orjson.loads(text) if text else {}
    except ValueError:
        raise SettingsDefect("payload_storage_profiles: it is not JSON") from None
    return profiles


def _look(tx: Any, namespace: str) -> tuple[Policy | None, list[payload_objects.Root]]:
    found = stored_namespaces.find_namespace(tx, namespace)
    text = found.external_payload_storage if found is not None else None
    return orjson.loads(text) if text else None, payload_objects.list_roots(tx, namespace)
