"""Wakes of a process that shares its database with no other."""

from durable_server.matching.channels import Channel
from durable_server.matching.wakes import OnChannel, OnEverything, OnRuns, Subscribers, nothing


class LocalWakes:
    """Tells this process's watchers; `alone` says that no other process writes."""

    kind = "process"

    def __init__(self, server_id: str, alone: bool = True) -> None:
        self.connected = alone
        self._subscribers = Subscribers(server_id)

    def publish(self, channels: set[Channel], runs: set[str]) -> None:
        """Runs have changed; channels of this process are woken by the lane itself."""
        self._subscribers.runs(runs)

    def subscribe(
        self, on_channel: OnChannel, on_runs: OnRuns, on_everything: OnEverything = nothing
    ) -> None:
        """Tell of every wake from now on."""
        self._subscribers.add(on_channel, on_runs, on_everything)

    def start(self) -> None:
        """Nothing to open."""

    def stop(self) -> None:
        """Nothing to close."""
