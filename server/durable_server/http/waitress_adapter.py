"""The edge as a WSGI application; a parked poll holds one thread of Waitress."""

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from durable_server.http.edge import Answer, Edge, Request
from durable_server.pending import run_in_thread

_WATCH_SECONDS = 0.25


class LostClients:
    """One thread that asks, for every parked poll, whether its client is still there."""

    def __init__(self) -> None:
        self._watched: dict[int, tuple[Callable[[], bool], list[Callable[[], None]]]] = {}
        self._lock = threading.Lock()
        self._filled = threading.Event()
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="lost-clients", daemon=True).start()

    def watch(self, environ: dict[str, Any], callback: Callable[[], None]) -> None:
        """Call back once when the client of this request is gone."""
        gone = environ.get("waitress.client_disconnected")
        if gone is None:
            return
        with self._lock:
            self._watched.setdefault(id(environ), (gone, []))[1].append(callback)
            self._filled.set()

    def forget(self, environ: dict[str, Any]) -> None:
        """The reply is there."""
        with self._lock:
            self._watched.pop(id(environ), None)
            if not self._watched:
                self._filled.clear()

    def _run(self) -> None:
        while True:
            self._filled.wait()
            with self._lock:
                lost = [key for key, (gone, _) in self._watched.items() if gone()]
                calls = [call for key in lost for call in self._watched.pop(key)[1]]
            for call in calls:
                call()
            self._stopped.wait(_WATCH_SECONDS)


def application(edge: Edge) -> Any:
    """A WSGI callable that answers HTTP requests with an edge."""
    clients = LostClients()
    slots = threading.BoundedSemaphore(edge.server.settings.poll_slots)

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = request_of(environ)
        request.lost = lambda callback: clients.watch(environ, callback)
        answer = edge.begin(request)
        if answer is None:
            _read(request, environ, edge.body_bytes_max)
            try:
                answer = _finish(edge, request, slots)
            finally:
                clients.forget(environ)
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in answer.headers]
        start_response(f"{answer.status} {phrase_of(answer.status)}", headers)
        return [answer.body]

    return serve


def phrase_of(status: int) -> str:
    """The words that stand beside a status."""
    return HTTPStatus(status).phrase


def _finish(edge: Edge, request: Request, slots: threading.BoundedSemaphore) -> Answer:
    if not _may_wait(request):
        return run_in_thread(edge.finish(request))
    if not slots.acquire(blocking=False):
        # Threads are left for those who complete tasks.
        request.waits = False
        return run_in_thread(edge.finish(request))
    try:
        return run_in_thread(edge.finish(request))
    finally:
        slots.release()


def _may_wait(request: Request) -> bool:
    is_poll = request.raw_path.rstrip(b"/").endswith(b"-tasks/poll")
    return is_poll or b"/query/" in request.raw_path or b"wait_new_event" in request.query


def request_of(environ: dict[str, Any]) -> Request:
    """The head of a request as the edge takes it."""
    headers = {
        name[5:].replace("_", "-").lower().encode(): str(value).encode("latin-1")
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower().encode()] = environ[name].encode("latin-1")
    target = environ.get("REQUEST_URI") or environ["PATH_INFO"]
    return Request(
        method=environ["REQUEST_METHOD"],
        raw_path=target.partition("?")[0].encode("latin-1"),
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        headers=headers,
        lost=lambda callback: None,
    )


def _read(request: Request, environ: dict[str, Any], bytes_max: int) -> None:
    body = environ["wsgi.input"].read(bytes_max + 1)
    request.too_large = len(body) > bytes_max
    request.body = b"" if request.too_large else body
