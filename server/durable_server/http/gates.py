"""The ordered checks before a handler: caller, role, version, namespace."""

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from durable_contracts import versions
from durable_contracts.bundle import Operation

from durable_server.auth.drivers import Credentials, Driver
from durable_server.auth.principal import Principal
from durable_server.http.namespaces_known import KnownNamespaces
from durable_server.refusal import Refusal

WORKER_HEADER = versions.WORKER_HEADER.lower().encode()
CONTROL_HEADER = versions.CONTROL_HEADER.lower().encode()
_ROLE_ORDER = ("worker", "operator", "admin")


def check_caller(driver: Driver, operation: Operation, credentials: Credentials) -> Principal:
    """Who is calling; refused when unknown, or when the role may not use the operation."""
    if operation.plane == "public":
        return Principal("", "none")
    principal = driver.authenticate(credentials)
    if not principal.may(operation.roles):
        allowed = [role for role in _ROLE_ORDER if role in operation.roles]
        raise Refusal("forbidden", role=principal.role, allowed_roles=allowed)
    return principal


def check_version(operation: Operation, headers: dict[bytes, bytes]) -> None:
    """Refuse a caller that does not speak our version of the operation's plane."""
    if operation.version_rule == "none":
        return
    if operation.plane == "worker":
        if not _speaks_worker(headers.get(WORKER_HEADER, b"")):
            _check(headers, WORKER_HEADER, "protocol", versions.WORKER_VERSION)
    elif operation.version_rule == "required" or headers.get(CONTROL_HEADER, b"").strip():
        _check(headers, CONTROL_HEADER, "control_plane", versions.CONTROL_VERSION)


def _check(headers: dict[bytes, bytes], header: bytes, kind: str, ours: str) -> None:
    asked = headers.get(header, b"").decode("latin-1").strip()
    if not asked:
        raise Refusal(f"missing_{kind}_version", supported_version=ours, requested_version=None)
    accepts = versions.accepts_worker if kind == "protocol" else versions.accepts_control
    if not accepts(asked):
        raise Refusal(
            f"unsupported_{kind}_version", supported_version=ours, requested_version=asked
        )


def echoed_version(headers: dict[bytes, bytes]) -> str:
    """The worker protocol version that a reply names."""
    return _echoed(headers.get(WORKER_HEADER))


@lru_cache(maxsize=256)
def _speaks_worker(asked: bytes) -> bool:
    return versions.accepts_worker(asked.decode("latin-1"))


@lru_cache(maxsize=256)
def _echoed(asked: bytes | None) -> str:
    return versions.echoed_worker(asked.decode("latin-1") if asked else None)


def namespace_of(headers: dict[bytes, bytes], query: bytes, default: str) -> str:
    """The namespace that a request names: by header, by parameter, or the default."""
    named = headers.get(b"x-namespace")
    if named is not None:
        return _namespace(named)
    if b"namespace=" in query:
        given: dict[str, Any] = dict(
            parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
        )
        if "namespace" in given:
            return str(given["namespace"]).lower()
    return default


@lru_cache(maxsize=1024)
def _namespace(named: bytes) -> str:
    try:
        text = named.decode()
    except UnicodeDecodeError:
        text = named.decode("latin-1")
    return text.strip().lower()


async def check_namespace(known: KnownNamespaces, namespace: str) -> None:
    """Refuse a namespace that does not exist."""
    if "\0" in namespace or not await known.exists(namespace):
        raise Refusal("namespace_not_found", namespace=namespace)
