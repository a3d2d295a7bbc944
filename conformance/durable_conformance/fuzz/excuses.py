"""What a schema cannot say: refusals of allowed requests, and forbidden bodies that are taken."""

from typing import Any

WAIT_SECONDS_MAX = 1
# A target that asks for no credentials cannot refuse those who have none.
AUTHENTICATION = "ignored_auth"
REJECTION, ACCEPTANCE = "positive_data_acceptance", "negative_data_rejection"


def excused(status: int, answer: Any, body: Any) -> list[str]:
    """The checks that cannot know better about an answer to a generated body."""
    known = isinstance(answer, dict) and status in (400, 412, 422)
    rejection = [REJECTION] if known and excused_rejection(answer) else []
    # A body that is no object gives no fields, on purpose.
    return rejection if isinstance(body, dict) else [*rejection, ACCEPTANCE]


def wait_briefly(body: Any) -> None:
    """Shorten a wait that the document allows."""
    for name, most in (("timeout_seconds", 60), ("wait_timeout_seconds", 2**31 - 1)):
        asked = str(body.get(name)) if isinstance(body, dict) else ""
        if asked.isdecimal() and WAIT_SECONDS_MAX < int(asked) <= most:
            body[name] = WAIT_SECONDS_MAX


def excused_rejection(body: dict[str, Any]) -> bool:
    """Refusals of allowed requests for reasons that no schema can state."""
    reason, errors = body.get("reason"), body.get("errors", {})
    return (
        # The state of the server: whether the worker polled for has registered.
        reason == "worker_not_registered"
        # Tokens are the server's own.
        or reason in ("invalid_page_token", "malformed_schedule_page_token")
        # What a namespace has been given: storage, attributes.
        or reason in ("external_storage_not_configured", "external_storage_disabled")
        or "config.endpoint" in errors
        # What there is already: a hundred attributes.
        or reason == "search_attribute_limit_reached"
        # Queries have a grammar of their own, and so have specs of schedules.
        or reason in ("invalid_visibility_query", "unknown_search_attribute")
        or reason in ("unsupported_visibility_predicate", "invalid_schedule_visibility_query")
        or any(path.startswith("spec") for path in errors)
        # A checksum, or an action that outside systems name freely.
        or reason in ("import_checksum_mismatch", "unsupported_action")
        or reason in ("unsupported_routing", "storage_driver_unavailable")
        or str(reason).startswith("import_")
        # Whole numbers in texts of a query.
        or reason == "invalid_after_sequence"
        # Whole numbers of more than 64 bits inside values of any shape.
        or body.get("json_error") == "a number is out of range"
        # The id belongs to a workflow of another type.
        or "is reserved for durable type" in str(errors.get("workflow_type"))
        # The letters of attribute names, which OpenAPI 3.0 has no words for.
        or "search_attributes" in errors
        # Names are bounded by their bytes, and envelopes are known by their members.
        or any(path.endswith("_name") or path.startswith("input.") for path in errors)
        # The one character that no database of ours keeps, also in names of members.
        or any("U+0000" in str(told) for told in errors.values())
        # How commands of a completion go together.
        or any(path.startswith("commands.") for path in errors)
    )
