"""`upsert_memo`: notes about a run that nobody searches, merged into those it has.

The entries come as the envelope of a map; a null takes a name away. Workers check the merged map
of every such event by the rules below, so a map that breaks them must never be recorded.
"""

import base64
import re
from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.engine import bounds
from durable_server.engine.commands.fields import Fields
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload

ENTRIES_MAX = 100
VALUE_BYTES_MAX = 10_240
TOTAL_BYTES_MAX = 65_536
_KEY = re.compile(r"(?!-?[0-9]+$)[A-Za-z0-9_.:-]{1,64}")
_NO_MAP = "Upsert memo commands require entries: a payload envelope of a non-empty map."


class UpsertMemo(NamedTuple):
    """The patch as it was sent, and what it says."""

    sent: Payload
    entries: dict[str, Any]


def parse(fields: Fields) -> UpsertMemo:
    """Read the command; a plain object stands for the envelope that it would be encoded in."""
    sent = fields.payload("entries")
    entries = payloads.decode(sent) if sent is not None and sent.codec else None
    if sent is None or not isinstance(entries, dict) or not entries:
        fields.problem("entries", _NO_MAP)
        return UpsertMemo(Payload("avro", ""), {})
    for problem in _problems(entries):
        fields.problem("entries", problem)
    return UpsertMemo(sent, entries)


def apply(draft: Draft, command: UpsertMemo, batch: Any) -> None:
    """Merge the patch into the memo of the run."""
    details = draft.details
    before: dict[str, Any] = orjson.loads(details.memo or "{}")
    merged = {**before, **command.entries}
    merged = {name: merged[name] for name in sorted(merged) if merged[name] is not None}
    # A start may set names and sizes that a worker would not accept here; they stay in the memo.
    shown = {name: value for name, value in merged.items() if not _entry_problem(name, value)}
    if len(shown) > ENTRIES_MAX:
        raise batch.refuse(f"A memo that is changed can have at most {ENTRIES_MAX} entries.")
    blob = payloads.encode_avro(shown)
    if _size(blob) > TOTAL_BYTES_MAX:
        raise batch.refuse(f"A memo that is changed can have at most {TOTAL_BYTES_MAX} bytes.")
    text = orjson.dumps(merged).decode()
    known = len((details.memo or "").encode())
    facts = batch.completion.refused()
    bounds.keep(draft, "memo_size", known, len(text.encode()), **facts)
    draft.put_details(details._replace(memo=text))
    draft.append(
        "MemoUpserted",
        {
            "sequence": draft.take_step(),
            "entries": payloads.to_envelope(payloads.render(command.sent, "avro")),
            "merged": {"codec": "avro", "blob": blob},
        },
    )


def _problems(entries: dict[str, Any]) -> list[str]:
    if len(entries) > ENTRIES_MAX:
        return [f"At most {ENTRIES_MAX} memo entries are allowed."]
    found = [_entry_problem(name, value) for name, value in entries.items()]
    if _size(payloads.encode_avro(entries)) > TOTAL_BYTES_MAX:
        found.append(f"The memo entries exceed the maximum of {TOTAL_BYTES_MAX} bytes.")
    return [problem for problem in found if problem]


def _entry_problem(name: str, value: Any) -> str | None:
    if not _KEY.fullmatch(name):
        return f"[{name}] cannot be the name of a memo entry."
    if _size(payloads.encode_avro(value)) > VALUE_BYTES_MAX:
        return f"Memo entry [{name}] exceeds the maximum of {VALUE_BYTES_MAX} bytes."
    return None


def _size(blob: str) -> int:
    return len(base64.b64decode(blob))
