"""Processes of one server, told of one another's metrics over Unix sockets.

Theory of operation. Processes that share a port share its scrapes, too: whichever accepts one
answers for all. Each listens on a socket in a folder that only this user may open, and writes its
exposition to whoever connects. The label `process` tells the series apart, so that the restart of
one process is the reset of its own counters only, and sums of rates stay true.
"""

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

ANSWER_SECONDS_MAX = 2.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024
_CHUNK = 65536


class Place(NamedTuple):
    """Which of how many processes this is, and the folder in which they meet."""

    folder: Path
    number: int
    processes: int

    def socket_of(self, number: int) -> Path:
        """Where a process listens."""
        return self.folder / f"{number}.sock"


def listen(place: Place, text: Callable[[], bytes]) -> None:
    """Answer siblings with this process's exposition, on a thread."""
    path = place.socket_of(place.number)
    # That of the process that was here before.
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    threading.Thread(target=_serve, args=(listener, text), name="metrics", daemon=True).start()


def _serve(listener: socket.socket, text: Callable[[], bytes]) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(ANSWER_SECONDS_MAX)
            try:
                connection.sendall(text())
            except OSError as error:
                log.info("a sibling did not listen", extra={"error": type(error).__name__})


def ask(place: Place) -> dict[int, bytes]:
    """The expositions of the other processes; one that does not answer in time is left out."""
    found = {}
    for number in range(place.processes):
        if number != place.number:
            try:
                found[number] = _ask(place.socket_of(number))
            except OSError as error:
                log.warning("a sibling does not answer", extra={"error": type(error).__name__})
    return found


def _ask(path: Path) -> bytes:
    parts: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS_MAX)
        connection.connect(str(path))
        while sum(map(len, parts)) < ANSWER_BYTES_MAX:
            part = connection.recv(_CHUNK)
            if not part:
                return b"".join(parts)
            parts.append(part)
    raise OSError("a sibling says too much")
