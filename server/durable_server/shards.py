"""Shards: which part of the rows a workflow belongs to."""

import zlib

SHARD_COUNT = 4096


def shard_of(namespace: str, workflow_id: str) -> int:
    """The shard of a workflow: a stable hash of namespace and workflow id."""
    return zlib.crc32(f"{namespace}\0{workflow_id}".encode("utf-8", "surrogatepass")) % SHARD_COUNT
