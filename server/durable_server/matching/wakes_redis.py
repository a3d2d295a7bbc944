"""Wakes over Redis pub/sub, for servers that have one at hand."""

import logging
import threading

import redis

from durable_server.matching.channels import Channel
from durable_server.matching.wakes import (
    BACKOFF_SECONDS_MAX,
    BACKOFF_SECONDS_MIN,
    OnChannel,
    OnEverything,
    OnRuns,
    Outgoing,
    Subscribers,
    encode,
    nothing,
)

log = logging.getLogger(__name__)

NOTIFICATION_BYTES_MAX = 65_536
TOPIC = "durable_wakes"
LISTEN_SECONDS = 1.0


class RedisWakes:
    """One thread that sends and one that listens; both connect again when cut off."""

    kind = "redis"

    def __init__(self, redis_url: str, server_id: str) -> None:
        self._client = redis.Redis.from_url(redis_url)
        self._subscribers = Subscribers(server_id)
        self._outgoing = Outgoing()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, name="wakes-send", daemon=True),
            threading.Thread(target=self._listen, name="wakes-listen", daemon=True),
        ]
        self.connected = False

    def publish(self, channels: set[Channel], runs: set[str]) -> None:
        """Have other processes look again; never waits. Called after the commit only."""
        self._subscribers.runs(runs)
        self._outgoing.add(channels, runs)

    def subscribe(
        self, on_channel: OnChannel, on_runs: OnRuns, on_everything: OnEverything = nothing
    ) -> None:
        """Tell of every wake from now on."""
        self._subscribers.add(on_channel, on_runs, on_everything)

    def start(self) -> None:
        """Connect and begin to listen."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close the connections and end the threads."""
        self._stopping.set()
        self._outgoing.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._client.close()

    def _send(self) -> None:
        while (wanted := self._outgoing.take()) is not None:
            pages = encode(self._subscribers.server_id, *wanted, NOTIFICATION_BYTES_MAX)
            try:
                for page in pages:
                    self._client.publish(TOPIC, page)
            except (redis.RedisError, OSError) as error:
                log.warning("a wake was not sent", extra={"error": type(error).__name__})

    def _listen(self) -> None:
        pause = BACKOFF_SECONDS_MIN
        while not self._stopping.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=False) as pubsub:
                    pubsub.subscribe(TOPIC)
                    self._hear(pubsub)
                pause = BACKOFF_SECONDS_MIN
            except (redis.RedisError, OSError) as error:
                log.warning("wakes are cut off", extra={"error": type(error).__name__})
            finally:
                self.connected = False
            self._stopping.wait(pause)
            pause = min(pause * 2, BACKOFF_SECONDS_MAX)

    def _hear(self, pubsub: "redis.client.PubSub") -> None:
        while not self._stopping.is_set():
            notice = pubsub.get_message(timeout=LISTEN_SECONDS)
            if notice is None:
                continue
            if notice["type"] == "subscribe":
                self.connected = True
            elif notice["type"] == "message":
                self._subscribers.hear(notice["data"])
