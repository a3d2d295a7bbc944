"""Identifiers and shards.

Every id that belongs to a run is a UUIDv7 whose last three hexadecimal digits are the run's shard,
so that an id alone tells which rows, and which lane, it belongs to.
"""

import re

from uuid_utils import uuid7

from durable_server.shards import shard_of

__all__ = ["new_id", "new_plain_id", "shard_in", "shard_of"]

_RUN_OWNED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_id(shard: int) -> str:
    """A new id that belongs to a run of this shard."""
    return f"{str(uuid7())[:-3]}{shard:03x}"


def new_plain_id() -> str:
    """A new id that belongs to no run: requests, workers, generated workflow ids."""
    return str(uuid7())


def shard_in(run_owned_id: str) -> int | None:
    """The shard that an id names, or None when it cannot be one of ours."""
    if _RUN_OWNED.fullmatch(run_owned_id) is None:
        return None
    return int(run_owned_id[-3:], 16)
