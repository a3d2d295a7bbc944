"""Signatures of webhooks, as the public convention "Standard Webhooks" has them.

Signed are message id, timestamp and the raw body, joined by full stops; a header carries
`v1,<base64 of HMAC-SHA256>`, perhaps several of them while a secret is changed.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping

from durable_server.auth.drivers import SIGNATURE_AGE_SECONDS_MAX, Credentials

ANY_ADAPTER = "*"
SIGNATURES_MAX = 16
_ENCODED = "whsec_"
_ID_LENGTH_MAX = 255
Secrets = Mapping[str, tuple[bytes, ...]]


class WebhookSecrets:
    """The secrets of adapters; an adapter without any takes events that are not signed."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._secrets: dict[str, tuple[bytes, ...]] = {}
        for entry in entries:
            adapter, _, secret = entry.partition("=")
            known = self._secrets.get(adapter, ())
            self._secrets[adapter] = (*known, _key(secret))

    def of(self, adapter: str) -> tuple[bytes, ...]:
        """The secrets of an adapter: its own, else those for any."""
        return self._secrets.get(adapter) or self._secrets.get(ANY_ADAPTER, ())

    def defect(self, adapter: str, sent: Credentials, now_seconds: float) -> str | None:
        """Why nobody vouches for an event; None when its signature fits, or none is needed.

        Every signature is compared with every secret, for constant time.
        """
        secrets = self.of(adapter)
        if not secrets:
            return None
        name, stamp = sent.headers.get(b"webhook-id", b""), sent.header(b"webhook-timestamp")
        given = sent.header(b"webhook-signature").split()[:SIGNATURES_MAX]
        if not name or len(name) > _ID_LENGTH_MAX or not stamp or not given:
            return "The event is not signed."
        if not _is_fresh(stamp, now_seconds):
            return "The timestamp of the event is too far from now."
        signed = b".".join((name, stamp.encode("latin-1"), sent.body))
        fits = False
        for secret in secrets:
            wanted = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest())
            for each in given:
                fits |= hmac.compare_digest(b"v1," + wanted, each.encode("latin-1"))
        return None if fits else "The signature of the event does not fit."


def _key(secret: str) -> bytes:
    if secret.startswith(_ENCODED):
        return base64.b64decode(secret.removeprefix(_ENCODED))
    return secret.encode()


def _is_fresh(stamp: str, now_seconds: float) -> bool:
    if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 12:
        return False
    return abs(now_seconds - int(stamp)) <= SIGNATURE_AGE_SECONDS_MAX
