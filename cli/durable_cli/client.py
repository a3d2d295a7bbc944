"""HTTP with a durable workflow server: one client, bounded times, retries where they are safe.

A request is sent again when it cannot have been carried out (no connection, 429, 503), and, where
repeating it changes nothing (GET, or a body with a request id), when its answer was lost.
"""

import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import tenacity

from durable_cli import refused
from durable_cli.connection import Connection
from durable_cli.problem import COMPATIBILITY, NETWORK, TIMEOUT, Problem
from durable_cli.redact import redacted, shown_address
from durable_cli.routes import method_and_path
from durable_cli.signing import Signature
from durable_cli.version import PROGRAM, version

CONTROL_VERSION = "2"
CONTROL_HEADER = "X-Durable-Workflow-Control-Plane-Version"
CONNECT_SECONDS_MAX = 5.0
# The server may use the whole time that it was asked to wait, and then has to answer.
ANSWER_SECONDS = 5.0
PAUSE_SECONDS_MAX = 10.0
_UNVERSIONED = ("health.", "cluster.", "documents.", "contracts.")
_AGAIN_LATER = (429, 503)


@dataclass(frozen=True)
class Reply:
    """An answer that is no refusal: its status, its headers, and its body as a JSON object."""

    status: int
    headers: httpx.Headers
    body: dict[str, Any]
    content: bytes


@dataclass(frozen=True)
class Request:
    """One request of an operation; `wait_seconds` is how long the server may hold it."""

    operation: str
    path: dict[str, str]
    query: dict[str, Any]
    body: dict[str, Any] | None
    wait_seconds: float = 0.0

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        method, _ = method_and_path(self.operation)
        return method == "GET" or bool(self.body and self.body.get("request_id"))


class _AskAgain(Exception):
    def __init__(self, why: Problem, after_seconds: float | None = None) -> None:
        super().__init__(str(why))
        self.why = why
        self.after_seconds = after_seconds


class Client:
    """A client of one server, for one namespace; close it after use."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        headers = {
            CONTROL_HEADER: CONTROL_VERSION,
            "X-Namespace": connection.namespace,
            "Accept": "application/json",
            "User-Agent": f"{PROGRAM}/{version()}",
        }
        if connection.token:
            headers["Authorization"] = f"Bearer {connection.token}"
        try:
            self._http = httpx.Client(
                base_url=f"{connection.server}/api",
                headers=headers,
                auth=Signature(connection.signature_key) if connection.signature_key else None,
                verify=connection.tls_verify,
                follow_redirects=False,
            )
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError) as error:
            raise Problem(f"The connection cannot be made: {error}", NETWORK) from error

    def close(self) -> None:
        """Close what is open."""
        self._http.close()

    def send(self, request: Request) -> Reply:
        """The answer to a request; a refusal is a Problem with the server's reason and remedy."""
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_AskAgain),
            stop=tenacity.stop_after_attempt(self.connection.retries + 1),
            wait=_pause,
            reraise=True,
        )
        try:
            reply: Reply = attempts(self._once, request)
        except _AskAgain as given_up:
            raise given_up.why from given_up
        return reply

    def _once(self, request: Request) -> Reply:
        method, template = method_and_path(request.operation)
        filled = {name: quote(value, safe="") for name, value in request.path.items()}
        answer_seconds = self.connection.timeout_seconds
        if request.wait_seconds:
            answer_seconds = max(answer_seconds, request.wait_seconds + ANSWER_SECONDS)
        began = time.monotonic()
        try:
            answer = self._http.request(
                method,
                template.format(**filled),
                params={name: each for name, each in request.query.items() if each is not None},
                json=request.body,
                timeout=httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS_MAX),
            )
        except httpx.HTTPError as error:
            self._trace(f"{method} {template} ({request.operation}): {type(error).__name__}")
            raise self._lost(error, request, answer_seconds) from error
        took = round((time.monotonic() - began) * 1000)
        self._trace(
            f"{method} {answer.request.url.raw_path.decode()} ({request.operation}): "
            f"{answer.status_code} in {took} ms, request id "
            f"{answer.headers.get('X-Request-Id', 'none')}"
        )
        return self._judged(request, answer)

    def _judged(self, request: Request, answer: httpx.Response) -> Reply:
        body = _object(answer)
        if answer.status_code >= 400:
            problem = refused.problem_of(answer.status_code, body, dict(answer.headers))
            if answer.status_code in _AGAIN_LATER:
                raise _AskAgain(problem, _retry_after(answer))
            raise problem
        if body is None:
            raise Problem(
                f"What answers at {self._address} is no durable workflow server.",
                COMPATIBILITY,
                remedy="Compare the address with that of the server: dw doctor.",
            )
        spoken = answer.headers.get(CONTROL_HEADER)
        if spoken != CONTROL_VERSION and not request.operation.startswith(_UNVERSIONED):
            raise Problem(
                f"The server speaks control-plane version {spoken or 'unknown'}, and this program "
                f"{CONTROL_VERSION}.",
                COMPATIBILITY,
                remedy="Take the release of dw that belongs to the server: dw doctor says which.",
            )
        return Reply(answer.status_code, answer.headers, body, answer.content)

    def _lost(self, error: httpx.HTTPError, request: Request, seconds: float) -> Exception:
        unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        if isinstance(error, httpx.TimeoutException) and not unsent:
            return Problem(
                f"The server has not answered within {seconds:g} s.",
                TIMEOUT,
                remedy="It may have carried the request out: look before you repeat it; "
                "or give it longer with --timeout.",
            )
        told = str(error) or type(error).__name__
        problem = Problem(
            f"The server at {self._address} cannot be reached: {told}",
            NETWORK,
            remedy="Is it running, and is the address right? `dw server start-dev` starts one.",
        )
        # A certificate does not become valid by asking again.
        broken = "CERTIFICATE" in told.upper() or isinstance(error, httpx.UnsupportedProtocol)
        return _AskAgain(problem) if (unsent or request.repeatable) and not broken else problem

    @property
    def _address(self) -> str:
        return shown_address(self.connection.server)

    def _trace(self, line: str) -> None:
        if self.connection.verbose:
            print(redacted(line, self.connection.secrets), file=sys.stderr)


def _object(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _retry_after(answer: httpx.Response) -> float | None:
    stated = answer.headers.get("Retry-After", "")
    return float(stated) if stated.isdigit() else None


def _pause(state: tenacity.RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    stated = failure.after_seconds if isinstance(failure, _AskAgain) else None
    if stated is not None:
        return min(stated, PAUSE_SECONDS_MAX)
    return float(tenacity.wait_random_exponential(multiplier=0.2, max=2)(state))
