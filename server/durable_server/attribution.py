"""Who asked for a command, how, and from where: recorded with what the command changes."""

import hashlib
from typing import Any

import orjson

from durable_server.call import Call

SERVER_LABEL = "Standalone Server"
CORRELATION_ID_MAX = 255


def command_of(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """The attribution of a control-plane command; never credentials, never payloads."""
    principal, forwarded = call.principal, call.forwarded
    status = "not_configured" if principal.method == "none" else "authorized"
    label = forwarded.get("caller_label", SERVER_LABEL)
    recorded: dict[str, Any] = {
        "caller_label": label,
        "auth_status": forwarded.get("auth_status", status),
        "auth_method": forwarded.get("auth_method", principal.method),
        "principal_role": principal.role,
        "request_method": call.method,
        "request_path": call.route,
        "request_fingerprint": f"sha256:{_fingerprint(call, body)}",
        "request_id": call.request_id,
    }
    if "caller_type" in forwarded:
        recorded["context"] = {"caller": {"type": forwarded["caller_type"], "label": label}}
    if call.correlation_id:
        recorded["correlation_id"] = call.correlation_id[:CORRELATION_ID_MAX]
    return recorded


def _fingerprint(call: Call, body: dict[str, Any]) -> str:
    """A digest of what was asked, equal for equal requests."""
    asked = [call.method, call.route, body]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
