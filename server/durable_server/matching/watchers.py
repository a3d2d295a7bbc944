"""Who waits for the next event of a run."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from durable_server.pending import Pending, deliver

WATCHES_MAX = 50_000


class RunWatchers:
    """Watches of runs, each answered once: with True when its run changed. Bounded: the oldest
    watch is answered early when there are too many, which its caller takes for a change.
    """

    def __init__(self, watches_max: int = WATCHES_MAX) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._watches_max = watches_max
        self._watches: OrderedDict[int, tuple[str, Pending]] = OrderedDict()
        self._by_run: dict[str, set[int]] = {}

    def watch(self, run_id: str) -> Pending:
        """Begin to watch; look at the run after this, so that no change is missed."""
        watch = Pending()
        with self._lock:
            if self._closed:
                watch.answer(False)
                return watch
            self._watches[id(watch)] = (run_id, watch)
            self._by_run.setdefault(run_id, set()).add(id(watch))
            crowded = self._drop_oldest()
        deliver([(pending, True, None) for pending in crowded])
        return watch

    def changed(self, run_ids: Iterable[str]) -> None:
        """These runs have new events."""
        answers = []
        with self._lock:
            for run_id in run_ids:
                for name in self._by_run.pop(run_id, ()):
                    answers.append((self._watches.pop(name)[1], True, None))
        deliver(answers)

    def all_changed(self) -> None:
        """Any run may have new events."""
        with self._lock:
            run_ids = list(self._by_run)
        self.changed(run_ids)

    def withdraw_all(self) -> None:
        """Answer every watch, and let none wait any more: the server stops."""
        with self._lock:
            self._closed = True
            answers = [(watch, False, None) for _, watch in self._watches.values()]
            self._watches.clear()
            self._by_run.clear()
        deliver(answers)

    def __len__(self) -> int:
        with self._lock:
            return len(self._watches)

    def _drop_oldest(self) -> list[Pending]:
        """Forget watches that are over, oldest first, and open ones beyond the bound."""
        dropped = []
        while self._watches:
            name, (run_id, watch) = next(iter(self._watches.items()))
            if not watch.done and len(self._watches) <= self._watches_max:
                break
            del self._watches[name]
            names = self._by_run[run_id]
            names.discard(name)
            if not names:
                del self._by_run[run_id]
            dropped.append(watch)
        return dropped
