"""Secrets never reach a screen: every text that is not a reply passes through here."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit, urlunsplit

MASK = "[redacted]"
_BEARER = re.compile(r"(?i)(bearer\s+)\S+")
_SHORTEST = 4


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without any of these secrets, without bearer tokens, whoever they belong to."""
    kept = [each for each in secrets if len(each) >= _SHORTEST]
    # As it is, and as it stands within JSON or within an address.
    forms = {form for each in kept for form in (each, json.dumps(each)[1:-1], quote(each, ""))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return _BEARER.sub(rf"\1{MASK}", text)


def shown_address(url: str) -> str:
    """An address as it may be shown: without the user and password that it may hold."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{MASK}@{host}"))
