"""All lanes of a server: which one an intent belongs to, start and stop."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from durable_server.advance.claims import ClaimTasks
from durable_server.advance.lane import ForgetMessage, Lane, Surroundings, Write
from durable_server.advance.queries import AskQuery, ChangeQuery, lane_number
from durable_server.advance.receipts import Receipt, receipt_of
from durable_server.engine.run_state import Message
from durable_server.matching.channels import Channel
from durable_server.pending import Pending

log = logging.getLogger(__name__)


class Lanes:
    """The writers of a server. The shard of an intent decides its lane, so that one run is
    written by one lane of this process. `lanes` are stepped by their threads once started, or by
    whoever holds them.
    """

    def __init__(self, around: Surroundings, count: int) -> None:
        self.around = around
        around.deliver = self.deliver
        self.lanes = [Lane(f"lane-{number}", around) for number in range(count)]

    def put(self, intent: Receipt | AskQuery | ChangeQuery) -> Pending:
        """Have an intent carried out; answered with the engine's answer or a Refusal."""
        return self.lanes[intent.shard % len(self.lanes)].put(intent)

    def write(self, job: Callable[[Any], Any]) -> Pending:
        """Run `job(transaction)` in a write transaction; answered with what it returns."""
        return self.lanes[0].put(Write(job))

    def claim(self, channel: Channel) -> Pending:
        """Serve the polls parked on a channel from the backlog."""
        number = lane_number(channel)
        return self.lanes[number % len(self.lanes)].put(ClaimTasks(channel))

    def deliver(self, messages: list[Message]) -> None:
        """Tell the receivers of messages; what one cannot take now, a pass brings again."""
        for message in messages:
            intent = receipt_of(message)
            if intent is not None:
                self.put(intent).on_answer(functools.partial(self._delivered, message, intent))

    def forget(self, message: Message) -> Pending:
        """Take a delivered message out of the outbox."""
        item = ForgetMessage(message.shard, message.message_id)
        return self.lanes[message.shard % len(self.lanes)].put(item)

    def _delivered(self, message: Message, intent: Receipt) -> None:
        if intent.pending.succeeded:
            self.forget(message)
        else:
            log.info("a message waits", extra={"kind": message.kind})

    def start(self) -> None:
        """Begin to carry out."""
        for lane in self.lanes:
            lane.start()

    def stop(self, seconds: float) -> None:
        """Finish what is queued, then end."""
        for lane in self.lanes:
            lane.stop(seconds)
