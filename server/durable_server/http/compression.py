"""Compress large replies for clients that accept it."""

import gzip
import zlib
from functools import lru_cache

BYTES_MIN = 1024


@lru_cache(maxsize=64)
def encoding_for(accepted: str) -> str | None:
    """gzip, deflate or None, as the quality values of Accept-Encoding ask."""
    qualities: dict[str, float] = {}
    for part in accepted.split(","):
        name, _, parameters = part.partition(";")
        qualities[name.strip().lower()] = _quality(parameters)
    rest = qualities.get("*", 0.0)
    gzip_quality = qualities.get("gzip", rest)
    deflate_quality = qualities.get("deflate", rest)
    if gzip_quality > 0 and gzip_quality >= deflate_quality:
        return "gzip"
    return "deflate" if deflate_quality > 0 else None


def _quality(parameters: str) -> float:
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def compress(body: bytes, encoding: str) -> bytes:
    """The body in an encoding; `deflate` is without the zlib header, as clients expect here."""
    if encoding == "gzip":
        return gzip.compress(body, 6, mtime=0)
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()
