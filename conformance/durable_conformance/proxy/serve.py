"""Runs the proxy until it is asked to stop, or until a command that speaks through it has ended."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import uvicorn

from durable_conformance.judging.finding import Finding
from durable_conformance.proxy.court import SIDES, Court
from durable_conformance.proxy.forward import Exchange, Forwarding
from durable_conformance.proxy.kept import Budget
from durable_conformance.proxy.report import Report

ADDRESS_VARIABLE = "DURABLE_CONFORMANCE_PROXY_URL"
ADDRESS_WORD = "{url}"
JUDGED_BYTES_MAX = 8 * 1024 * 1024
# All copies together may be as large as that many of the largest bodies.
KEPT_TOGETHER = 16
# Clients close idle connections before we do.
IDLE_SECONDS = 75
STOP_SECONDS = 2
BACKLOG = 2048


@dataclass(frozen=True)
class ProxyOptions:
    """What the caller of `proxy` asks for."""

    upstream: str
    host: str
    port: int
    report: Path | None = None
    sides: tuple[str, ...] = SIDES
    fail_fast: bool = False
    judged_bytes_max: int = JUDGED_BYTES_MAX
    command: tuple[str, ...] = ()


def run(options: ProxyOptions, say: Callable[[str], None]) -> int:
    """Serve; the exit status says what was found."""
    listener = socket.create_server((options.host, options.port), backlog=BACKLOG)
    # Connections inherit it. An answer whose last piece waits for an acknowledgement is 40 ms late.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.report is None:
        return _run(options, say, listener, None)
    with open(options.report, "w", encoding="utf-8") as file:
        return _run(options, say, listener, file)


def _run(
    options: ProxyOptions, say: Callable[[str], None], listener: socket.socket, file: TextIO | None
) -> int:
    report = Report(file, say)
    address = f"http://{options.host}:{listener.getsockname()[1]}"
    report.begin(options.upstream, address, options.sides)
    say(f"listening on {address}, in front of {options.upstream}")
    # uvicorn raises the signal again at its end, which must not cut off the report.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    proxy = _Proxy(options, report)
    with asyncio.Runner(loop_factory=proxy.loop_factory) as runner:
        own = runner.run(proxy.serve(listener, address))
    report.end(proxy.court.seen)
    status = proxy.court.seen.exit_status
    if own:
        say(f"the command ended with {own}")
    return status or (2 if own else 0)


class _Proxy:
    def __init__(self, options: ProxyOptions, report: Report) -> None:
        self._options = options
        self._report = report
        self.court = Court(options.sides, options.judged_bytes_max, self._told)
        budget = Budget(options.judged_bytes_max, options.judged_bytes_max * KEPT_TOGETHER)
        self._forwarding = Forwarding(options.upstream, budget, self.court.look)
        config = uvicorn.Config(
            self._forwarding,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self.loop_factory = config.get_loop_factory()

    async def serve(self, listener: socket.socket, address: str) -> int:
        """Serve until the end; what the command said when there is one."""
        serving = asyncio.create_task(self._server.serve([listener]))
        own = 0
        try:
            if self._options.command:
                own = await self._command(serving, address)
            await serving
        finally:
            await self._forwarding.close()
        return own

    async def _command(self, serving: "asyncio.Task[Any]", address: str) -> int:
        words = [word.replace(ADDRESS_WORD, address) for word in self._options.command]
        environment = {**os.environ, ADDRESS_VARIABLE: address}
        process = await asyncio.create_subprocess_exec(*words, env=environment)
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({ended, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            process.terminate()
        self._server.should_exit = True
        return await ended

    def _told(self, finding: Finding, exchange: Exchange, times: int) -> None:
        self._report.tell(finding, exchange, self.court.seen.exchanges, times)
        if self._options.fail_fast:
            self._server.should_exit = True
