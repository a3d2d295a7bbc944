"""Who was called: what the classes of a release's clients offer, and what came of each call."""

import functools
import inspect
import json
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from durable_workflow import client, sync

# A handle's method calls the client's; only what a caller wrote down counts as a call.
_calling: ContextVar[bool] = ContextVar("calling", default=True)
CLASSES = {
    **{name: getattr(client, name) for name in ("Client", "WorkflowHandle", "ScheduleHandle")},
    "StandaloneActivityHandle": client.StandaloneActivityHandle,
    "sync.Client": sync.Client,
    **{
        f"sync.{name}": getattr(sync, name)
        for name in ("SyncWorkflowHandle", "SyncScheduleHandle", "SyncStandaloneActivityHandle")
    },
}
DONE = "done"


class Calls:
    """What came of each method that was called: done, or the last exception that it raised."""

    def __init__(self) -> None:
        self.came_of: dict[str, str] = {}

    def watch(self) -> None:
        """Have every public method of the clients and handles say what comes of it."""
        for name, kind in CLASSES.items():
            for method, function in _methods(kind).items():
                setattr(kind, method, self._watched(f"{name}.{method}", function))

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*given: Any, **named: Any) -> Any:
                with self._one(name):
                    return await function(*given, **named)

            return later

        @functools.wraps(function)
        def at_once(*given: Any, **named: Any) -> Any:
            with self._one(name):
                return function(*given, **named)

        return at_once

    @contextmanager
    def _one(self, name: str) -> Any:
        if not _calling.get():
            yield
            return
        token = _calling.set(False)
        try:
            yield
        except BaseException as failure:
            self.came_of.setdefault(name, type(failure).__name__)
            raise
        else:
            self.came_of[name] = DONE
        finally:
            _calling.reset(token)


def offered() -> list[str]:
    """Every public method of the clients and handles of this release."""
    return [f"{name}.{method}" for name, kind in CLASSES.items() for method in _methods(kind)]


def unheard() -> None:
    """Let no call of this thread or task count from now on."""
    _calling.set(False)


def _methods(kind: type) -> dict[str, Callable[..., Any]]:
    return {
        name: function
        for name, function in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


if __name__ == "__main__":
    print(json.dumps(offered()))
