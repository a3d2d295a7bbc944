"""Activities for the official SDK, in the words that all its releases share."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from durable_workflow import activity, errors

# Together longer than an activity lives without heartbeats; each far shorter, for slow machines.
BEATS = 32
BEAT_SECONDS = 0.5
FOREVER_SECONDS = 3600.0
# What activities were told, for the client in the same process.
HEARD: dict[str, str] = {}
UNDONE: dict[str, list[str]] = {}


@activity.defn(name="greet")
async def greet(name: str) -> str:
    return f"hello, {name}"


@activity.defn(name="double")
async def double(number: int) -> int:
    return number * 2


@activity.defn(name="late")
async def late(value: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return value


@activity.defn(name="third_time")
async def third_time() -> int:
    attempt = activity.context().info.attempt_number
    if attempt < 3:
        raise ConnectionError(f"attempt {attempt} fails")
    return attempt


@activity.defn(name="refuse")
async def refuse(text: str) -> None:
    raise ValueError(text)


@activity.defn(name="refuse_for_good")
async def refuse_for_good(text: str) -> None:
    raise errors.NonRetryableError(text)


@activity.defn(name="beat")
async def beat() -> int:
    for number in range(BEATS):
        await activity.context().heartbeat({"beat": number, "of": BEATS})
        await asyncio.sleep(BEAT_SECONDS)
    return BEATS


@activity.defn(name="silence")
async def silence(seconds: float) -> None:
    await asyncio.sleep(seconds)


@activity.defn(name="listen")
async def listen(key: str) -> None:
    """Beat until the server says that nobody waits for the outcome any more."""
    HEARD[key] = "beats"
    try:
        for number in range(BEATS * 2):
            await activity.context().heartbeat({"beat": number})
            await asyncio.sleep(BEAT_SECONDS)
    except BaseException as told:
        HEARD[key] = type(told).__name__
        raise


@activity.defn(name="undo")
async def undo(key: str, what: str) -> str:
    UNDONE.setdefault(key, []).append(what)
    return what


@activity.defn(name="hold")
async def hold(marker: str) -> int:
    """Never return from the first attempt: its worker is killed meanwhile."""
    path = Path(marker)
    if not path.exists():
        path.write_text("held")
        await asyncio.sleep(FOREVER_SECONDS)
    return activity.context().info.attempt_number


def all_of_them() -> Iterator[object]:
    """Every activity, for a worker."""
    yield from (greet, double, late, third_time, refuse, refuse_for_good)
    yield from (beat, silence, listen, undo, hold)
