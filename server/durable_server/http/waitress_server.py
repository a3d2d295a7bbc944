"""Waitress with our refusals for oversized bodies and an end that answers everybody first."""

import socket
import threading
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher
from waitress.utilities import RequestEntityTooLarge

from durable_server.clock import monotonic_seconds
from durable_server.http.edge import Edge
from durable_server.http.waitress_adapter import application, phrase_of, request_of

THREADS_BESIDE_POLLS = 32
CONNECTIONS_BESIDE_POLLS = 1000
_DRAIN_STEP_SECONDS = 0.05


class _RefusalTask(ErrorTask):
    """Answers a body that Waitress would not read as the edge answers it."""

    def execute(self) -> None:
        """Send the answer and close: what is left of the body is not read."""
        if not isinstance(self.request.error, RequestEntityTooLarge):
            super().execute()
            return
        answer = self.channel.server.edge.answer_too_large(request_of(self._environ()))
        self.status = f"{answer.status} {phrase_of(answer.status)}"
        self.response_headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers
        ]
        self.set_close_on_finish()
        self.content_length = len(answer.body)
        self.write(answer.body)

    def _environ(self) -> dict[str, Any]:
        request = self.request
        headers = {f"HTTP_{name}": value for name, value in request.headers.items()}
        return {
            **headers,
            "REQUEST_METHOD": request.command,
            "REQUEST_URI": request.request_uri,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query,
        }


class _Channel(HTTPChannel):
    error_task_class = _RefusalTask


class _Server(TcpWSGIServer):
    channel_class = _Channel
    edge: Edge


class WaitressServer:
    """One Waitress on a listening socket: `run` until `stop` is called from anywhere."""

    def __init__(self, edge: Edge, listener: socket.socket) -> None:
        settings = edge.server.settings
        self._edge = edge
        self._stopping = threading.Event()
        self._map: dict[int, Any] = {}
        self._dispatcher = ThreadedTaskDispatcher()
        adjustments = Adjustments(
            sockets=[listener],
            threads=settings.poll_slots + THREADS_BESIDE_POLLS,
            connection_limit=settings.poll_slots + CONNECTIONS_BESIDE_POLLS,
            # Waitress refuses a body of exactly this size, too.
            max_request_body_size=edge.body_bytes_max + 1,
            channel_request_lookahead=1,
            asyncore_use_poll=True,
            ident=None,
        )
        self._dispatcher.set_thread_count(adjustments.threads)
        self._server = _Server(
            application(edge),
            map=self._map,
            _sock=listener,
            dispatcher=self._dispatcher,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
        )
        self._server.edge = edge

    def stop(self) -> None:
        """Have `run` end; may be called from a signal handler."""
        self._stopping.set()
        self._server.pull_trigger()

    def run(self, stop_seconds: float) -> None:
        """Serve; once stopped, answer parked polls and finish open requests within a bound."""
        while not self._stopping.is_set():
            self._turn(1.0)
        self._server.accepting = False
        self._edge.server.withdraw_waiting()
        deadline = monotonic_seconds() + stop_seconds
        while self._busy() and monotonic_seconds() < deadline:
            self._turn(_DRAIN_STEP_SECONDS)
        self._dispatcher.shutdown(timeout=max(deadline - monotonic_seconds(), 0.1))
        wasyncore.close_all(self._map)

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _busy(self) -> bool:
        channels = self._server.active_channels.values()
        return any(channel.requests or channel.total_outbufs_len for channel in channels)
