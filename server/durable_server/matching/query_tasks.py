"""Who waits for the answer to a query; one look at the store serves all of this process.

Theory of operation. The answer is written by whichever process serves the worker. Its wake names
the query task, and this process then reads, in one question, what is waited for and was named. A
lost wake costs one interval: as long as anybody waits, everything that is waited for is looked at
once per interval.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from durable_server.matching.timers import Timers
from durable_server.pending import Pending, deliver

Name = tuple[int, str]
Look = Callable[[list[Name]], Pending]


class Askers:
    """Waiting askers by (shard, query task id); each is answered once, with the answered task.

    `look(names)` reads which of these tasks are answered, and answers with them.
    """

    def __init__(self, look: Look, timers: Timers, check_seconds: Callable[[], float]) -> None:
        self.closed = False
        self._look, self._timers, self._check_seconds = look, timers, check_seconds
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[Name, Pending]] = {}
        self._wanted: set[Name] = set()
        self._looking = False
        self._checking = False

    def expect(self, name: Name) -> Pending:
        """Begin to wait; done before the query can be answered, so that nothing is missed."""
        pending = Pending()
        with self._lock:
            if self.closed:
                pending.answer(None)
                return pending
            self._waiting[name[1]] = (name, pending)
            check, self._checking = not self._checking, True
        if check:
            self._timers.call_in(self._check_seconds(), self._check)
        return pending

    def forget(self, name: Name) -> None:
        """Nobody waits for this one any more."""
        with self._lock:
            self._waiting.pop(name[1], None)
            self._wanted.discard(name)

    def changed(self, ids: Iterable[str]) -> None:
        """These have changed; those that are query tasks somebody waits for are looked at."""
        with self._lock:
            self._want([self._waiting[each][0] for each in ids if each in self._waiting])
            names = self._take()
        self._go(names)

    def all_changed(self) -> None:
        """Any query may have been answered."""
        with self._lock:
            self._want([name for name, _ in self._waiting.values()])
            names = self._take()
        self._go(names)

    def withdraw_all(self) -> None:
        """Answer everybody with nothing, and let nobody wait any more: the server stops."""
        with self._lock:
            self.closed = True
            answers = [(pending, None, None) for _, pending in self._waiting.values()]
            self._waiting.clear()
            self._wanted.clear()
        deliver(answers)

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)

    def _want(self, names: list[Name]) -> None:
        self._wanted.update(names)

    def _take(self) -> list[Name]:
        """What to look at now; nothing while a look is under way, after which another follows."""
        if self._looking or not self._wanted:
            return []
        names, self._wanted, self._looking = sorted(self._wanted), set(), True
        return names

    def _go(self, names: list[Name]) -> None:
        if names:
            looked = self._look(names)
            looked.on_answer(lambda: self._looked(looked))

    def _looked(self, looked: Pending) -> None:
        tasks: list[Any] = looked.result() if looked.succeeded else []
        with self._lock:
            self._looking = False
            found = [(self._waiting.pop(each.query_task_id, None), each) for each in tasks]
            names = self._take()
        deliver([(waiter[1], task, None) for waiter, task in found if waiter is not None])
        self._go(names)

    def _check(self) -> None:
        with self._lock:
            self._checking = bool(self._waiting) and not self.closed
            again = self._checking
        if again:
            self.all_changed()
            self._timers.call_in(self._check_seconds(), self._check)
