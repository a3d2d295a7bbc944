"""Large payloads on their way in and out: moved out of the database, and fetched to be verified.

A payload that is larger than the policy of its namespace allows is kept outside before its intent
goes on a lane, and the intent carries a reference. What is uploaded is noted as garbage first,
so that nothing stays behind when the request is refused or the server dies. A reference that
a client sends is fetched and held against its size and its hash before it is believed.
"""

import hashlib
from typing import Any

from durable_server import payloads
from durable_server.call import Call
from durable_server.clock import SECOND
from durable_server.engine.run_state import Payload
from durable_server.payload_storage.policy import Place, Policy, own_key, threshold_of
from durable_server.payload_storage.storage import reference_to
from durable_server.refusal import Refusal, invalid
from durable_server.store import payload_objects

# Requests that name an object are over by then, however slow.
UNHELD_SECONDS = 900
_NO_DRIVER = "External payload references require an external storage driver."
_ARGUMENTS = ("arguments", "input")
_FIELDS = {
    "schedule_activity": _ARGUMENTS,
    "start_child_workflow": _ARGUMENTS,
    "continue_as_new": _ARGUMENTS,
    "complete_workflow": ("result",),
    "complete_update": ("result",),
    "record_side_effect": ("result",),
    "record_local_activity": ("arguments", "result"),
}
# What the base64 text of either framing of Avro begins with, and no JSON text does.
_FRAMINGS = ("wwHioz3/VYAiN", "A")


async def moved_out(call: Call, payload: Payload | None, scope: str) -> Payload | None:
    """The payload, or a reference to it once it is kept outside. `scope`: what it came with,
    an id that no other request has, or that repeats of this request have too.
    """
    if payload is None or payloads.is_reference(payload.blob):
        return payload
    moving = await Moving.of(call, scope)
    if moving is None:
        return payload
    taken = moving.take(payload)
    await moving.finish()
    return taken


async def commands_moved_out(call: Call, commands: list[Any], task_id: str) -> list[Any]:
    """The commands of a worker, with references in place of large payloads."""
    moving = await Moving.of(call, task_id)
    if moving is None:
        return commands
    told = [_moved(moving, command) for command in commands]
    await moving.finish()
    return told


async def verified(call: Call, given: Any, field: str) -> Any:
    """The `input` that a client gave, an envelope in place of a reference; refuses a reference that
    does not hold. `field`: where it stands in the request.
    """
    if not payloads.is_envelope(given) or "external_storage" not in given:
        return given
    storage = call.server.payload_storage
    known = await storage.known(call.namespace)
    if known.policy is None or not known.policy["enabled"]:
        raise invalid({f"{field}.external_storage": [_NO_DRIVER]})
    errors = payloads.envelope_errors(given, field)
    if errors:
        raise invalid(errors)
    text, wrong = await storage.get(known, call.namespace, given["external_storage"])
    if wrong is not None:
        raise invalid({f"{field}.external_storage": [wrong]})
    return {"codec": given["codec"], "blob": text}


def stored_as(given: Any, payload: Payload | None) -> Payload | None:
    """What is stored of an input that was verified: the reference itself, if it was one."""
    if payloads.is_envelope(given) and "external_storage" in given:
        return payloads.from_envelope(given)
    return payload


async def shown(call: Call, description: dict[str, Any]) -> dict[str, Any]:
    """A description with its decoded values fetched, where they are kept outside.

    What cannot be fetched stays null beside its envelope.
    """
    for name in ("input", "output"):
        envelope = description[f"{name}_envelope"]
        if envelope is not None and "external_storage" in envelope:
            description[name] = await _decoded(call, envelope)
    return description


async def _decoded(call: Call, envelope: dict[str, Any]) -> Any:
    storage, reference = call.server.payload_storage, envelope["external_storage"]
    if payloads.envelope_errors(envelope, "") or reference["size_bytes"] > storage.kept_bytes_max:
        return None
    try:
        known = await storage.known(call.namespace)
        text, _ = await storage.get(known, call.namespace, reference)
    except Refusal:
        return None
    return None if text is None else payloads.decode(Payload(envelope["codec"], text))


class Moving:
    """The payloads of one request that are moved out together."""

    def __init__(self, call: Call, policy: Policy, place: Place, scope: str) -> None:
        self._call, self._policy, self._place, self._scope = call, policy, place, scope
        self._objects: dict[str, bytes] = {}
        self.threshold = threshold_of(policy)

    @classmethod
    async def of(cls, call: Call, scope: str) -> "Moving | None":
        """None where the namespace keeps everything inside."""
        storage = call.server.payload_storage
        policy = (await storage.known(call.namespace)).policy
        place = storage.place(policy) if policy is not None else None
        return None if policy is None or place is None else cls(call, policy, place, scope)

    def take(self, payload: Payload) -> Payload:
        """The payload, or a reference to it if it is large."""
        if len(payload.blob) <= self.threshold or payloads.is_reference(payload.blob):
            return payload
        encoded = payloads.render(payload, None)
        data = encoded.blob.encode()
        digest = hashlib.sha256(data).hexdigest()
        uri = self._place.uri_of(own_key(self._call.namespace, self._scope, digest))
        self._objects[uri] = data
        return payloads.from_envelope(reference_to(uri, encoded.codec, data))

    async def finish(self) -> None:
        """Note what is to be uploaded, then upload it; refused while that cannot be done."""
        if not self._objects:
            return
        server, namespace, uris = self._call.server, self._call.namespace, [*self._objects]
        await server.lanes.write(
            lambda tx: payload_objects.note_garbage(
                tx, namespace, uris, tx.now + UNHELD_SECONDS * SECOND
            )
        )
        storage = server.payload_storage
        for pending in [storage.put(self._policy, *each) for each in self._objects.items()]:
            await pending


def _moved(moving: Moving, command: Any) -> Any:
    """A command, with references in place of its large payloads."""
    fields = _FIELDS.get(command.get("type", ""), ()) if isinstance(command, dict) else ()
    changed = {}
    for field in fields:
        payload = _payload_of(command, command.get(field))
        if payload is None or len(payload.blob) <= moving.threshold:
            continue
        changed[field] = payloads.to_envelope(moving.take(payload))
    return {**command, **changed} if changed else command


def _payload_of(command: dict[str, Any], value: Any) -> Payload | None:
    """The encoded payload in a command's field, if its codec can be told."""
    if payloads.is_envelope(value):
        good = "blob" in value and not payloads.envelope_errors(value, "")
        return payloads.from_envelope(value) if good else None
    if not isinstance(value, str):
        return None
    codec = command.get("payload_codec") or ("avro" if value.startswith(_FRAMINGS) else None)
    return Payload(codec, value) if codec in payloads.KNOWN_CODECS else None
