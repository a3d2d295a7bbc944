"""Taking credentials out of everything that a report may show."""

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

REMOVED = "[removed]"
_HEADERS = {"authorization", "x-signature", "cookie", "set-cookie", "proxy-authorization"}
_URL_USER = re.compile(r"(https?://)[^/@\s]+@")


def redact(value: Any, secrets: Sequence[str]) -> Any:
    """A copy in which no credential is left, neither as a header nor inside any text."""
    return _redact(value, _forms(secrets))


def _forms(secrets: Sequence[str]) -> list[str]:
    forms = set()
    for secret in secrets:
        forms |= {secret, quote(secret), quote(secret, safe="")}
        forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return sorted((form for form in forms if form), key=len, reverse=True)


def _redact(value: Any, forms: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: REMOVED if _is_credential(name) else _redact(item, forms)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_redact(item, forms) for item in value]
    if not isinstance(value, str):
        return value
    for form in forms:
        value = value.replace(form, REMOVED)
    return _URL_USER.sub(rf"\1{REMOVED}@", value)


def _is_credential(name: object) -> bool:
    return isinstance(name, str) and name.lower() in _HEADERS
