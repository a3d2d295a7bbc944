"""A workflow that can be spoken to, and its worker in a thread of its own."""

import asyncio
import threading
from collections.abc import Generator
from typing import Any

from calling import unheard
from durable_workflow import Client, Worker, workflow

TYPE = "listener"
TASKS_AT_ONCE = 20


@workflow.defn(name=TYPE)
class Listener:
    """Keeps what it is told until it was told so much."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    @workflow.signal("tell")
    def tell(self, what: Any) -> None:
        self.told.append(what)

    @workflow.query("told")
    def all_told(self) -> list[Any]:
        return list(self.told)

    @workflow.update("add")
    def add(self, what: Any) -> int:
        self.told.append(what)
        return len(self.told)

    def run(self, ctx: Any, wanted: int) -> Generator[Any, Any, Any]:
        yield ctx.wait_condition(lambda: len(self.told) >= wanted, key="full")
        return self.told


def work(url: str, token: str, namespace: str, queue: str, **options: Any) -> None:
    """Work in the background until the program ends."""

    async def run() -> None:
        unheard()
        async with Client(url, token=token, namespace=namespace) as client:
            await Worker(
                client,
                task_queue=queue,
                workflows=[Listener],
                max_concurrent_workflow_tasks=TASKS_AT_ONCE,
                **options,
            ).run()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
