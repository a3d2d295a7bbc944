"""Signatures over whole requests, for servers whose credentials are keys that are never sent.

Signed are method, target, namespace, the moment, a nonce that is good once, and the body's hash.
"""

import hashlib
import hmac
import time
from collections.abc import Iterator

import httpx

from durable_cli.ids import request_id

VERSION = "v2"


class Signature(httpx.Auth):
    """Signs every request anew, also one that is sent again."""

    requires_request_body = True

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        """The request with its signature."""
        stamp, nonce = str(int(time.time())), request_id()
        signed = "\n".join(
            (
                request.method,
                request.url.raw_path.decode("latin-1"),
                request.headers.get("X-Namespace", ""),
                stamp,
                nonce,
                hashlib.sha256(request.content).hexdigest(),
            )
        )
        made = hmac.new(self._key, signed.encode(), hashlib.sha256).hexdigest()
        request.headers["X-Signature"] = f"{VERSION}={made}"
        request.headers["X-Signature-Timestamp"] = stamp
        request.headers["X-Signature-Nonce"] = nonce
        yield request
