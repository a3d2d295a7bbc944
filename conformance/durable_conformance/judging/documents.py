"""Bodies as JSON documents: decoded, and refused where the protocol refuses them."""

import json
import zlib
from typing import Any

_GZIP = 16 + zlib.MAX_WBITS
# By deflate some mean it with a header of its own, some without; clients take both.
_WINDOWS = {
    "gzip": (_GZIP,),
    "x-gzip": (_GZIP,),
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}


class NoDocument(Exception):
    """The bytes are no JSON document; the text says why."""


class NotJudged(Exception):
    """The bytes cannot be looked at, which is nobody's fault."""


def parsed(content: bytes) -> Any:
    """The document that a body holds: one, in UTF-8, without a key twice or numbers of no value."""
    try:
        text = content.decode("utf-8")
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError as error:
        raise NoDocument("the document is nested too deeply") from error
    except ValueError as error:
        raise NoDocument(str(error)) from error


def decompressed(content: bytes, coding: str, limit: int) -> bytes:
    """The bytes as they were before a content coding, at most `limit` of them."""
    name = coding.strip().lower()
    if name in ("", "identity"):
        return content
    if name not in _WINDOWS:
        raise NotJudged(f"content coding {name}")
    for window in _WINDOWS[name]:
        reader = zlib.decompressobj(window)
        try:
            result = reader.decompress(content, limit)
        except zlib.error:
            continue
        if reader.unconsumed_tail:
            raise NotJudged("size")
        return result
    raise NoDocument(f"the body is not {name}, as its header says")


def is_json(media_type: str) -> bool:
    """Whether a content type says that a body is JSON."""
    name = media_type.partition(";")[0].strip().lower()
    return name == "application/json" or name.endswith("+json")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the key {name!r} is there twice")
            seen.add(name)
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
