"""An answer that another thread will give, awaited by an event loop or by a plain thread.

Lanes and the matcher answer; handlers await. A coroutine that awaits only `Pending` values runs
under asyncio and, through `run_in_thread`, in a thread without any event loop (Waitress).
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable
from typing import Any, TypeVar

Result = TypeVar("Result")


class Pending:
    """One answer, given once: a value or an exception. Later answers are ignored."""

    __slots__ = ("_callback", "_loop", "_outcome", "origin")

    def __init__(self) -> None:
        # Of whoever traces requests: the span that waits.
        self.origin: Any = None
        self._outcome: tuple[Any, BaseException | None] | None = None
        self._callback: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._outcome is not None

    @property
    def succeeded(self) -> bool:
        """Whether the answer is there and is not an exception."""
        return self._outcome is not None and self._outcome[1] is None

    def answer(self, value: Any = None, error: BaseException | None = None) -> bool:
        """Give the answer and wake whoever waits; False when it was there already."""
        return deliver([(self, value, error)]) == 1

    def on_answer(
        self, callback: Callable[[], None], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        """Call once when answered: on `loop` if given, else on the thread that answers."""
        with _lock:
            if self._outcome is None:
                self._callback, self._loop = callback, loop
                return
        callback()

    def result(self) -> Any:
        """The value, or raise the exception that was given; only once it is done."""
        assert self._outcome is not None
        value, error = self._outcome
        if error is not None:
            raise error
        return value

    def __await__(self) -> Generator[Any, None, Any]:
        if self._outcome is None:
            loop = asyncio._get_running_loop()
            if loop is None:
                yield self
            else:
                future = loop.create_future()
                self.on_answer(lambda: _wake(future), loop)
                yield from future
        return self.result()


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


_lock = threading.Lock()


def deliver(answers: Iterable[tuple[Pending, Any, BaseException | None]]) -> int:
    """Give many answers, waking each event loop once; returns how many were the first of theirs."""
    count = 0
    direct: list[Callable[[], None]] = []
    by_loop: dict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = {}
    with _lock:
        for pending, value, error in answers:
            if pending._outcome is not None:
                continue
            pending._outcome = (value, error)
            count += 1
            if pending._callback is not None:
                calls = direct if pending._loop is None else by_loop.setdefault(pending._loop, [])
                calls.append(pending._callback)
                pending._callback = None
    for loop, calls in by_loop.items():
        _call_on(loop, calls)
    for call in direct:
        call()
    return count


def _call_on(loop: asyncio.AbstractEventLoop, calls: list[Callable[[], None]]) -> None:
    def run() -> None:
        for call in calls:
            call()

    try:
        loop.call_soon_threadsafe(run)
    except RuntimeError:
        # The loop has been closed: nobody waits there any more.
        return


def run_in_thread(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that awaits only `Pending` values to its end, blocking this thread."""
    while True:
        try:
            waited_for: Pending = coroutine.send(None)
        except StopIteration as stop:
            value: Result = stop.value
            return value
        event = threading.Event()
        waited_for.on_answer(event.set)
        event.wait()
