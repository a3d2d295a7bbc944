"""Run the server behind uvicorn or Waitress, or the passes alone, until asked to stop."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

from durable_server import app, logs
from durable_server.config import Settings, unknown_names
from durable_server.http.waitress_server import WaitressServer
from durable_server.processes import Processes, Sockets
from durable_server.server import Server
from durable_server.telemetry import own_port
from durable_server.telemetry.siblings import Place

log = logging.getLogger("durable_server.serve")

STOP_SECONDS = 5
BACKLOG = 2048
# Longer than clients keep idle connections, so that it is they who close them.
IDLE_SECONDS = 75


class PollsFirst(uvicorn.Server):
    """uvicorn, which answers parked polls before it waits for open requests."""

    def __init__(self, config: uvicorn.Config, server: Server) -> None:
        super().__init__(config)
        self._server = server

    async def shutdown(self, sockets: Any = None) -> None:
        """Answer parked polls empty, then finish open requests."""
        self._server.withdraw_waiting()
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, in this process or in several."""
    _begin(settings)
    _warn_of_credentials(settings)
    sockets = Sockets(listen(settings.host, settings.port), _listen_for_scrapes(settings))
    if settings.processes > 1:
        Processes(settings, sockets, _serve_child).run()
    else:
        _serve_here(settings, sockets)


def maintain(settings: Settings) -> None:
    """Run the passes in this process until SIGTERM or SIGINT, without serving anybody."""
    _begin(settings)
    scrapes = _listen_for_scrapes(settings)
    server = app.build_server(settings)
    _answer_scrapes(server, scrapes)
    # What falls due is written by others; their wakes say when to look.
    passes = server.passes
    server.wakes.subscribe(lambda _: None, passes.look_again, passes.look_again)
    ended = threading.Event()
    _on_signals(ended.set)
    app.start_with_passes(server)
    log.info("the passes run")
    ended.wait()
    app.stop(server, STOP_SECONDS)


def _begin(settings: Settings) -> None:
    logs.set_up(settings.log_level)
    for name in unknown_names(os.environ):
        log.warning("unknown setting %s", name)


def _warn_of_credentials(settings: Settings) -> None:
    defect = app.driver_of(settings).defect()
    if defect is not None:
        log.error(defect)
    elif settings.auth_driver == "none":
        log.warning("the auth driver is none: everybody may do everything (development only)")
    elif settings.auth_driver == "signature" and not settings.signature_strict:
        log.warning(
            "signatures over the body alone can be replayed; set"
            " WORKFLOW_SERVER_SIGNATURE_STRICT once every client signs whole requests"
        )


def _listen_for_scrapes(settings: Settings) -> socket.socket | None:
    if settings.metrics_port is None:
        return None
    return listen(settings.metrics_host or settings.host, settings.metrics_port)


def _answer_scrapes(server: Server, listener: socket.socket | None) -> None:
    if listener is not None:
        own_port.serve(listener, server.facts["exposition"].text)


def listen(host: str, port: int) -> socket.socket:
    """A socket that every process of this server takes connections from."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        log.error("cannot listen on %s:%s: %s", host, port, error)
        raise SystemExit(1) from None
    log.info("listening on %s:%s", host, listener.getsockname()[1])
    return listener


def _serve_child(settings: Settings, sockets: Sockets, place: Place) -> None:
    logs.set_up(settings.log_level)
    _serve_here(settings, sockets, place)


def _serve_here(settings: Settings, sockets: Sockets, place: Place | None = None) -> None:
    server = app.build_server(settings)
    app.start(server)
    if place is not None:
        server.facts["exposition"].meet(place)
    _answer_scrapes(server, sockets.metrics)
    try:
        if settings.http == "waitress":
            _waitress(server, sockets.api)
        else:
            _uvicorn(server, sockets.api)
    finally:
        app.stop(server, STOP_SECONDS)
    log.info("stopped")


def _uvicorn(server: Server, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app.build_asgi(server),
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    # uvicorn raises the signal again at its end, which must not cut off what follows.
    _on_signals(lambda: None)
    PollsFirst(config, server).run([listener])


def _waitress(server: Server, listener: socket.socket) -> None:
    waitress = WaitressServer(app.build_edge(server), listener)
    _on_signals(waitress.stop)
    waitress.run(STOP_SECONDS)


def _on_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
