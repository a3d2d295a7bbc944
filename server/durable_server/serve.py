"""Run the server behind uvicorn or Waitress until it is asked to stop."""

import logging
import os
from typing import Any

import uvicorn
import waitress

from durable_server import app, logs
from durable_server.config import Settings, unknown_names
from durable_server.server import Server
from durable_server.store import migrate

log = logging.getLogger("durable_server.serve")
_STOP_SECONDS = 5


class PollsFirst(uvicorn.Server):
    """uvicorn, which answers parked polls before it waits for open requests."""

    def __init__(self, config: uvicorn.Config, server: Server) -> None:
        super().__init__(config)
        self._server = server

    async def shutdown(self, sockets: Any = None) -> None:
        """Answer parked polls empty, then finish open requests."""
        self._server.matcher.withdraw_all()
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve in this process until SIGTERM or SIGINT."""
    logs.set_up(settings.log_level)
    for name in unknown_names(os.environ):
        log.warning("unknown setting %s", name)
    if settings.auth_driver == "none":
        log.warning("the auth driver is none: everybody may do everything (development only)")
    server = app.build_server(settings)
    missing = migrate.pending(server.store)
    if missing:
        server.facts["unmigrated"] = missing
        log.error("the database is not migrated; run durable-server migrate --apply")
    app.start(server)
    try:
        if settings.http == "waitress":
            _waitress(server)
        else:
            _uvicorn(server)
    finally:
        app.stop(server, _STOP_SECONDS)


def _uvicorn(server: Server) -> None:
    settings = server.settings
    config = uvicorn.Config(
        app.build_asgi(server),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    PollsFirst(config, server).run()


def _waitress(server: Server) -> None:
    settings = server.settings
    waitress.serve(
        app.build_wsgi(server),
        host=settings.host,
        port=settings.port,
        threads=settings.poll_slots + 32,
        channel_request_lookahead=1,
        ident=None,
    )
