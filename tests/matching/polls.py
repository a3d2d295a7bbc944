"""Builders of channels and polls for the tests of matching."""

from durable_server.matching.channels import Channel, Poll, PollingWorker

CHANNEL = Channel("default", "orders", "workflow")


def a_poll(
    name: str = "w1",
    channel: Channel = CHANNEL,
    types: frozenset[str] | None = None,
    build_id: str | None = None,
    poll_request_id: str | None = None,
) -> Poll:
    """A poll of a worker that accepts these types; None means all."""
    return Poll(channel, PollingWorker(name, build_id, types, None, "avro"), poll_request_id)
