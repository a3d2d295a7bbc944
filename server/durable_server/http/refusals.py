"""Turn a refusal into status, body and headers, as the catalogue says for a plane."""

from typing import Any

from durable_contracts import refusals as catalogue

from durable_server.call import Reply
from durable_server.refusal import Refusal


def reply_to(refusal: Refusal, plane: str) -> Reply:
    """The reply that tells a caller of this plane why nothing was done."""
    entry = catalogue.load()[refusal.reason].on(plane)
    facts = _facts(refusal)
    text = entry.message.format_map(_Shown(facts))
    facts["remediation"] = entry.remedy.format_map(_Shown(facts))
    body: dict[str, Any] = {entry.text_key: text, "reason": entry.sent_reason}
    for field in entry.fields:
        if field in facts:
            body[field] = facts[field]
    if "violations" in facts:
        body["violations"] = facts["violations"]
    headers = dict(facts.get("headers", {}))
    if entry.retry_after_seconds is not None:
        headers["Retry-After"] = str(entry.retry_after_seconds)
    return Reply(entry.status, body, headers)


class _Shown(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "null"


def _facts(refusal: Refusal) -> dict[str, Any]:
    facts = dict(refusal.facts)
    errors = facts.get("errors")
    if errors:
        texts = [text for each in errors.values() for text in each]
        more = len(texts) - 1
        ending = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
        facts.setdefault("summary", texts[0] + ending)
        facts.setdefault("validation_errors", errors)
    return facts
