"""Who a request comes from: the drivers `token`, `signature` and `none`.

Role keys are compared in the order worker, operator, admin; the legacy key has every role only
while no role key is configured.
"""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple, Protocol

from durable_server.auth.principal import Principal
from durable_server.refusal import Refusal

ROLES = ("worker", "operator", "admin")
SIGNATURE_AGE_SECONDS_MAX = 300
_NONCES_MAX = 100_000
Match = Callable[[bytes], bool]


class Credentials(NamedTuple):
    """What a request brings to prove who sends it; header names are lower case."""

    method: str
    raw_path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        whole = self.raw_path + b"?" + self.query if self.query else self.raw_path
        return whole.decode("latin-1")

    def header(self, name: bytes) -> str:
        """A header's text, empty when absent."""
        return self.headers.get(name, b"").decode("latin-1").strip()


@dataclass(frozen=True)
class Keys:
    """The keys of each role, the legacy keys, and whether these are still accepted."""

    by_role: Mapping[str, tuple[str, ...]]
    legacy: tuple[str, ...]
    backward_compatible: bool

    @cached_property
    def has_role_keys(self) -> bool:
        """Whether any role has a key."""
        return any(self.by_role.values())

    @cached_property
    def usable(self) -> bool:
        """Whether anybody could be let in."""
        return self.has_role_keys or (self.backward_compatible and bool(self.legacy))

    @cached_property
    def accepted(self) -> tuple[tuple[bytes, str, bool], ...]:
        """Every key that is accepted, with its role and whether that means every role."""
        by_role = [
            (key.encode(), role, False) for role in ROLES for key in self.by_role.get(role, ())
        ]
        legacy = self.legacy if self.backward_compatible else ()
        return (*by_role, *((key.encode(), "admin", not self.has_role_keys) for key in legacy))

    def principal(self, method: str, matches: Match) -> Principal | None:
        """The caller whose key matches, or None; every key is compared, for constant time."""
        found: Principal | None = None
        for key, role, full_access in self.accepted:
            if matches(key) and found is None:
                found = Principal(role, method, full_access)
        return found


class Driver(Protocol):
    """Tells who sent a request, or refuses it."""

    name: str

    def authenticate(self, credentials: Credentials) -> Principal: ...

    def defect(self) -> str | None: ...


class OpenDriver:
    """Everybody may do everything; for development only."""

    name = "none"

    def authenticate(self, credentials: Credentials) -> Principal:
        """An administrator with every role."""
        return Principal("admin", "none", full_access=True)

    def defect(self) -> str | None:
        """Nothing can be wrong with it."""
        return None


class TokenDriver:
    """Bearer tokens."""

    name = "token"

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def defect(self) -> str | None:
        """Why nobody could be let in, or None."""
        if self._keys.usable:
            return None
        return 'Auth driver is set to "token" but WORKFLOW_SERVER_AUTH_TOKEN is not configured.'

    def authenticate(self, credentials: Credentials) -> Principal:
        """The caller whose token this is."""
        _refuse_defect(self.defect())
        scheme, _, token = credentials.header(b"authorization").partition(" ")
        sent = token.strip().encode("latin-1")
        found = None
        if scheme.lower() == "bearer" and sent:
            found = self._keys.principal("token", partial(hmac.compare_digest, sent))
        if found is None:
            raise Refusal("unauthorized", detail="Invalid or missing authentication token.")
        return found


class SignatureDriver:
    """HMAC-SHA256 signatures: over the body, or (version 2) over the whole request.

    Version 2 signs method, target, the header X-Namespace, timestamp, nonce and the body's hash,
    joined by line feeds, and sends `v2=<hex>`; a nonce is good once.
    """

    name = "signature"

    def __init__(
        self, keys: Keys, strict: bool = False, clock: Callable[[], float] | None = None
    ) -> None:
        self._keys = keys
        self._strict = strict
        self._seconds = clock or time.time
        self._nonces: dict[str, float] = {}
        self._lock = threading.Lock()

    def defect(self) -> str | None:
        """Why nobody could be let in, or None."""
        if self._keys.usable:
            return None
        return (
            'Auth driver is set to "signature" but WORKFLOW_SERVER_SIGNATURE_KEY is not configured.'
        )

    def authenticate(self, credentials: Credentials) -> Principal:
        """The caller whose key made this signature."""
        _refuse_defect(self.defect())
        sent = credentials.header(b"x-signature")
        if not sent:
            raise Refusal("unauthorized", detail="Missing request signature.")
        whole = sent.startswith("v2=")
        found = None
        if whole or not self._strict:
            signed = signed_text(credentials) if whole else credentials.body
            signature = sent.removeprefix("v2=").encode("latin-1")
            found = self._keys.principal(
                "signature",
                lambda key: hmac.compare_digest(_hex(key, signed), signature),
            )
        if found is None or (whole and not self._is_fresh(credentials)):
            raise Refusal("unauthorized", detail="Invalid request signature.")
        return found

    def _is_fresh(self, credentials: Credentials) -> bool:
        nonce = credentials.header(b"x-signature-nonce")
        stamp = credentials.header(b"x-signature-timestamp")
        if not nonce or len(nonce) > 128 or not stamp.isascii() or not stamp.isdigit():
            return False
        now = self._seconds()
        if len(stamp) > 12 or abs(now - int(stamp)) > SIGNATURE_AGE_SECONDS_MAX:
            return False
        with self._lock:
            if len(self._nonces) >= _NONCES_MAX:
                self._nonces = {key: end for key, end in self._nonces.items() if end > now}
            if self._nonces.get(nonce, 0) > now or len(self._nonces) >= _NONCES_MAX:
                return False
            self._nonces[nonce] = int(stamp) + SIGNATURE_AGE_SECONDS_MAX + 1
        return True


def signed_text(credentials: Credentials) -> bytes:
    """What a signature of version 2 is made over."""
    parts = (
        credentials.method,
        credentials.target,
        credentials.header(b"x-namespace"),
        credentials.header(b"x-signature-timestamp"),
        credentials.header(b"x-signature-nonce"),
        hashlib.sha256(credentials.body).hexdigest(),
    )
    return "\n".join(parts).encode("utf-8", "surrogatepass")


def _hex(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode()


def _refuse_defect(defect: str | None) -> None:
    if defect is not None:
        raise Refusal("server_error.configuration", detail=defect)


class UnknownDriver:
    """A driver that nobody knows: every request is refused until the setting is corrected."""

    def __init__(self, name: str) -> None:
        self.name = name

    def defect(self) -> str | None:
        """What is wrong."""
        return f"Unknown auth driver: {self.name}"

    def authenticate(self, credentials: Credentials) -> Principal:
        """Refuse."""
        raise Refusal("server_error.configuration", detail=self.defect())


def driver_for(name: str, keys: Callable[[str], Keys], strict: bool) -> Driver:
    """The driver of a name; `keys(kind)` gives the keys of kind token or signature."""
    if name == "none":
        return OpenDriver()
    if name == "token":
        return TokenDriver(keys("token"))
    if name == "signature":
        return SignatureDriver(keys("signature"), strict)
    return UnknownDriver(name)
