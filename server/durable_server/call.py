"""What a handler receives and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from durable_server.auth.drivers import Credentials
from durable_server.auth.principal import Principal
from durable_server.engine import trace_context
from durable_server.server import Server

_NO_CREDENTIALS = Credentials("", b"", b"", {}, b"")


@dataclass(slots=True)
class Call:
    """One request that has passed the gates.

    `protocol_version` is the worker protocol version to echo (None on the control plane);
    `advertised_version` the one that the address the client used advertises. `forwarded`:
    what a proxy says of the caller (caller_type, caller_label, auth_status, auth_method), where
    forwarding is trusted. `lost` registers a
    callable that is called, at most once and from any thread, when the client disconnects before
    the reply. `credentials`: headers and raw body, for what is signed apart. `trace`: see
    `trace_context`.
    """

    server: Server
    operation: str
    method: str
    route: str
    principal: Principal
    namespace: str
    request_id: str
    protocol_version: str | None = None
    advertised_version: str = "1.20"
    correlation_id: str | None = None
    forwarded: Mapping[str, str] = field(default_factory=dict)
    lost: Callable[[Callable[[], None]], None] = field(default=lambda callback: None)
    credentials: Credentials = _NO_CREDENTIALS
    trace: str | None = None

    def trace_of(self, body: dict[str, Any]) -> str | None:
        """Where the request stands in its caller's trace; see `trace_context`."""
        return self.trace or trace_context.of_body(body.get("observability_context"))


@dataclass(slots=True)
class Reply:
    """A status and a body without envelope; `raw` replaces the body by ready bytes and a type."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    raw: tuple[bytes, str] | None = None
