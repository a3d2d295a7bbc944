"""Validated wishes to change one run, each with the engine function that decides it.

An intent names its shard (which lane), the rows that the decision needs, and how to decide. The
answer is a plain JSON-ready value, stored where a repeat of the request must get the same.
"""

from dataclasses import dataclass, field
from typing import Any

from durable_server.engine import activity_task, start, timeouts, timer, workflow_task
from durable_server.engine.commands import Command
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.run_state import Payload, RunState
from durable_server.pending import Pending


@dataclass(slots=True, kw_only=True)
class Intent:
    """The common part. Keys are ids of this shard; the loader fetches what they name."""

    shard: int
    pending: Pending = field(default_factory=Pending)

    @property
    def run_id(self) -> str | None:
        """The run, when the intent names it directly."""
        return None

    @property
    def task_key(self) -> str | None:
        """The task whose row, and whose run, the decision needs."""
        return None

    @property
    def activity_key(self) -> str | None:
        """The activity whose row, and whose run, the decision needs."""
        return None

    @property
    def timer_key(self) -> str | None:
        """The timer whose row the decision needs (the run is named directly)."""
        return None

    @property
    def needs_open_work(self) -> bool:
        """Whether every open task, activity and timer of the run is needed."""
        return False

    def decide(self, state: RunState, moment: Moment) -> Decision:
        """Decide; raises Refusal."""
        raise NotImplementedError
