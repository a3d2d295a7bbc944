"""One address for several servers: each connection goes to the next of them."""

import itertools
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from tests.support.services import free_port

_BYTES = 65_536


@contextmanager
def one_address(ports: Sequence[int]) -> Iterator[str]:
    """Hand connections out to local ports in turn; yields the address."""
    listener = socket.create_server(("127.0.0.1", free_port()), backlog=256)
    turns = itertools.cycle(ports)
    threading.Thread(target=_accept, args=(listener, turns), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def _accept(listener: socket.socket, turns: "itertools.cycle[int]") -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", next(turns)))
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_BYTES):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
