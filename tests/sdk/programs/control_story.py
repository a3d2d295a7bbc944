"""The story of all control calls: who tells it, and how a step of it is declared."""

import inspect
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from listener import TYPE
from stage import Failures

SECONDS_MAX = 60.0
LOOK_SECONDS = 0.2


class Absent(Exception):
    """The client at hand has no such method."""


class Story:
    """A client, blocking or not, in a namespace of its own, with a worker on one queue."""

    def __init__(self, client: Any, queue: str, name: str) -> None:
        self.client = client
        self.queue = queue
        self.name = name

    def id(self, what: str) -> str:
        """A name that nobody else has."""
        return f"{what}-{self.name}-{uuid.uuid4().hex[:8]}"

    async def __call__(self, method: str, *given: Any, of: Any = None, **named: Any) -> Any:
        """The answer to a method of the client, or of what `of` names."""
        function = getattr(of or self.client, method, None)
        if function is None:
            raise Absent(method)
        answer = function(*given, **named)
        return await answer if inspect.isawaitable(answer) else answer

    async def refused(self, kind: str, method: str, *given: Any, **named: Any) -> None:
        """The call raises this exception of the release."""
        try:
            answer = await self(method, *given, **named)
        except Failures as failure:
            kinds = [each.__name__ for each in type(failure).__mro__]
            assert kind in kinds, f"{method}: {failure!r}"
            return
        raise AssertionError(f"{method} was answered: {answer}")

    async def start(self, wanted: int, **options: Any) -> Any:
        """A handle of a new workflow that ends once it was told so much."""
        named = {"workflow_id": self.id("workflow"), "task_queue": self.queue, **options}
        return await self("start_workflow", workflow_type=TYPE, input=[wanted], **named)

    async def until(self, look: Callable[[], Awaitable[Any]], what: str) -> Any:
        """What is seen as soon as it is there; blocks, since the worker has its own thread."""
        ends_at = time.monotonic() + SECONDS_MAX
        while time.monotonic() < ends_at:
            if found := await look():
                return found
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"not in time: {what}")


Step = Callable[[Story], Awaitable[None]]
STEPS: list[Step] = []


def step(function: Step) -> Step:
    """A step of the story."""
    STEPS.append(function)
    return function
