"""Whether an exported run is whole and unchanged: a pure judgement of the file's bytes."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

SCHEMA = "durable-workflow.v2.history-export"
VERSION = 1
CANONICAL = "json-recursive-ksort-v1"
_OBJECTS = ("workflow", "payloads", "links", "redaction", "codec_schemas", "payload_manifest")
_LISTS = (
    *("history_events", "commands", "signals", "updates", "tasks", "activities", "timers"),
    "failures",
)
_INTEGRITY = b',"integrity":'


@dataclass(frozen=True)
class Judgement:
    """What a bundle is about, and everything that is wrong with it."""

    workflow_id: str | None
    run_id: str | None
    events: int
    complete: bool
    checksum: str | None
    signature: str
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def judged(content: bytes, key: str | None = None) -> Judgement:
    """The judgement of a bundle; its signature is checked where a key is given."""
    try:
        bundle = json.loads(content)
    except (ValueError, RecursionError) as error:
        return Judgement(None, None, 0, False, None, "none", (f"it is not JSON: {error}",))
    if not isinstance(bundle, dict):
        return Judgement(None, None, 0, False, None, "none", ("it is not a JSON object",))
    problems = [*_misshapen(bundle), *_disordered(bundle.get("history_events"))]
    integrity = bundle.get("integrity")
    stated = integrity if isinstance(integrity, dict) else {}
    texts = _texts(content, bundle)
    problems += _checksum(stated, texts)
    signature, wrong = _signature(stated, texts, key)
    workflow = bundle.get("workflow")
    named = workflow if isinstance(workflow, dict) else {}
    events = bundle.get("history_events")
    return Judgement(
        workflow_id=named.get("instance_id"),
        run_id=named.get("run_id"),
        events=len(events) if isinstance(events, list) else 0,
        complete=bool(bundle.get("history_complete")),
        checksum=stated.get("checksum"),
        signature=signature,
        problems=(*problems, *wrong),
    )


def _misshapen(bundle: dict[str, Any]) -> list[str]:
    found = []
    if bundle.get("schema") != SCHEMA or bundle.get("schema_version") != VERSION:
        found.append(f"it is no bundle of schema {SCHEMA}, version {VERSION}")
    found += [f"{name} is no object" for name in _OBJECTS if not isinstance(bundle.get(name), dict)]
    found += [f"{name} is no list" for name in _LISTS if not isinstance(bundle.get(name), list)]
    workflow = bundle.get("workflow")
    if isinstance(workflow, dict):
        needed = ("run_id", "instance_id", "workflow_type")
        found += [f"workflow.{name} is missing" for name in needed if not workflow.get(name)]
    return found


def _disordered(events: Any) -> list[str]:
    found, last = [], 0
    for place, event in enumerate(events if isinstance(events, list) else []):
        sequence = event.get("sequence") if isinstance(event, dict) else None
        if not isinstance(sequence, int) or sequence <= last:
            found.append(f"history_events.{place} is out of order: {sequence} after {last}")
        else:
            last = sequence
    return found


def _texts(content: bytes, bundle: dict[str, Any]) -> list[bytes]:
    """The texts that the checksum may be of: what was sent, or the canonical form of what is here.

    A bundle is sent as its canonical text with the integrity put behind. One that was written out
    anew, indented for example, is brought back into that form.
    """
    before, found, _ = content.rpartition(_INTEGRITY)
    rest = {name: value for name, value in bundle.items() if name != "integrity"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    return [before + b"}", canonical] if found else [canonical]


def _checksum(stated: dict[str, Any], texts: list[bytes]) -> list[str]:
    if not stated:
        return ["integrity is missing"]
    if stated.get("canonicalization") != CANONICAL or stated.get("checksum_algorithm") != "sha256":
        return ["the checksum is made in a way that is not known here"]
    sums = {hashlib.sha256(text).hexdigest() for text in texts}
    return [] if stated.get("checksum") in sums else ["the checksum does not fit: it was changed"]


def _signature(
    stated: dict[str, Any], texts: list[bytes], key: str | None
) -> tuple[str, list[str]]:
    signature = stated.get("signature")
    if not signature:
        return "none", [] if key is None else ["it carries no signature"]
    if key is None:
        return "not checked", []
    made = [hmac.new(key.encode(), text, hashlib.sha256).hexdigest() for text in texts]
    if any(hmac.compare_digest(each, str(signature)) for each in made):
        return "valid", []
    return "wrong", ["the signature does not fit this key"]
