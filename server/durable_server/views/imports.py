"""An export bundle read back: a closed run with its details and its history, or what is wrong.

A bundle is believed once its checksum is right, and its signature where the server has a key.
"""

import hashlib
import hmac
from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.clock import instant_of
from durable_server.engine.run_state import Event, Payload, Run, RunDetails
from durable_server.refusal import Refusal, invalid
from durable_server.shards import shard_of
from durable_server.views.canonical import NAME as CANONICALIZATION
from durable_server.views.canonical import canonical
from durable_server.views.export import SCHEMA
from durable_server.views.runs import BUCKETS

CLOSED = frozenset(name for name, bucket in BUCKETS.items() if bucket != "running")


class Imported(NamedTuple):
    """What a bundle tells, the checksum it has, and the document as it is exported again."""

    run: Run
    details: RunDetails
    events: list[Event]
    checksum: str
    document: str
    signature: str


def read(bundle: dict[str, Any], namespace: str, secret: str, now: int) -> Imported:
    """The run that a bundle tells of; refused when it was changed, or is of an open run."""
    given = bundle["integrity"]
    text = canonical({name: part for name, part in bundle.items() if name != "integrity"})
    signature = _verify(given, text.encode(), secret)
    _check(bundle)
    told = bundle["workflow"]
    key = (shard_of(namespace, told["instance_id"]), told["run_id"])
    events = [_event(key, each) for each in bundle["history_events"]]
    run = _run(key, namespace, bundle, events, now)
    document = f'{text[:-1]},"integrity":{canonical(given)}}}'
    return Imported(run, _details(key, bundle), events, given["checksum"], document, signature)


def _verify(given: dict[str, Any], data: bytes, secret: str) -> str:
    """Whether the signature was verified, or need not be; refuses a bundle that was changed."""
    known = (given["canonicalization"], given["checksum_algorithm"])
    if known != (CANONICALIZATION, "sha256"):
        raise invalid({"integrity": ["The algorithms of the integrity are not known."]})
    digest = hashlib.sha256(data).hexdigest()
    if not hmac.compare_digest(digest.encode(), str(given["checksum"]).encode()):
        raise Refusal("import_checksum_mismatch")
    if not secret:
        return "not_checked"
    good = hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(good.encode(), str(given["signature"] or "").encode()):
        raise Refusal("import_signature_mismatch")
    return "verified"


def _check(bundle: dict[str, Any]) -> None:
    """Refuse what the checksum cannot tell: an open run, events out of order, another schema."""
    told, events = bundle["workflow"], bundle["history_events"]
    errors: dict[str, list[str]] = {}
    if bundle["schema"] != SCHEMA or bundle["schema_version"] != 1:
        errors["schema"] = ["This schema of bundles is not known."]
    sequences = [each["sequence"] for each in events]
    if sequences != list(range(1, len(events) + 1)):
        errors["history_events"] = ["The sequences of the events must count from 1."]
    elif told["last_history_sequence"] != len(events):
        errors["workflow.last_history_sequence"] = ["The history is not whole."]
    if bundle["redaction"].get("applied"):
        errors["redaction"] = ["A redacted bundle cannot be read as a history."]
    instants = [told["started_at"], told["closed_at"], told["last_progress_at"]]
    if any(each is not None and instant_of(each) is None for each in instants):
        errors["workflow"] = ["The instants of the run must be valid dates."]
    if errors:
        raise invalid(errors)
    if not bundle["history_complete"] or told["status"] not in CLOSED or not told["closed_at"]:
        raise Refusal("import_run_open", run_id=told["run_id"], workflow_id=told["instance_id"])


def _event(key: tuple[int, str], told: dict[str, Any]) -> Event:
    return Event(
        *key,
        sequence=told["sequence"],
        event_id=told["id"],
        event_type=told["type"],
        payload=orjson.dumps(told["payload"]).decode(),
        task_id=told.get("workflow_task_id"),
        command_id=told.get("workflow_command_id"),
        recorded_at=instant_of(told["recorded_at"]) or 0,
    )


def _run(
    key: tuple[int, str], namespace: str, bundle: dict[str, Any], events: list[Event], now: int
) -> Run:
    told = bundle["workflow"]
    return Run(
        *key,
        namespace=namespace,
        workflow_id=told["instance_id"],
        run_number=told["run_number"],
        workflow_type=told["workflow_type"],
        task_queue=told["queue"],
        build_id=told.get("compatibility"),
        status=told["status"],
        closed_reason=told.get("closed_reason"),
        business_key=told.get("business_key"),
        payload_codec=bundle["payloads"]["codec"],
        framing=None,
        sdk_version=None,
        execution_timeout_seconds=None,
        run_timeout_seconds=None,
        execution_deadline_at=None,
        run_deadline_at=None,
        deadline_at=None,
        started_at=instant_of(told["started_at"]) or 0,
        closed_at=instant_of(told["closed_at"]),
        last_progress_at=instant_of(told["last_progress_at"]) or 0,
        last_sequence=len(events),
        history_bytes=sum(len(event.payload) for event in events),
        next_step=len(events) + 1,
        open_activities=0,
        open_timers=0,
        task_id=None,
        task_leased=False,
        wake_requested=False,
        # Kept by retention, however long ago the run closed elsewhere.
        archived_at=now,
    )


def _details(key: tuple[int, str], bundle: dict[str, Any]) -> RunDetails:
    told, parts = bundle["workflow"], bundle["payloads"]
    arguments = _payload(parts["arguments"], parts["codec"]) or payloads.EMPTY_ARGUMENTS
    return RunDetails(
        *key,
        input=arguments,
        output=_payload(parts["output"], parts["codec"]),
        memo=_json_text(told.get("memo")),
        search_attributes=_json_text(told.get("search_attributes")),
    )


def _payload(part: dict[str, Any], codec: str) -> Payload | None:
    data = part.get("data")
    if payloads.is_envelope(data):
        return payloads.from_envelope(data)
    return Payload(part.get("codec") or codec, data) if isinstance(data, str) else None


def _json_text(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None
