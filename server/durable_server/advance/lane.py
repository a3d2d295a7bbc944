"""A lane: one writer thread with one connection, carrying intents out in batches.

Theory of operation. The thread takes what is queued, up to a bounded batch, and in one transaction
loads the rows, decides intent by intent (later ones see the effect of earlier ones), writes all
decisions with one statement per table, and commits. Only then are requests answered and pollers
woken. A refusal concerns its own intent only. When the database reports an error nothing of the
batch is stored; its items are carried out again one by one, so that a poisoned one cannot fail its
neighbours. Busy and lost databases are tried again within a bound, then answered `store_busy`.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tenacity

from durable_server.advance.aftermath import aftermath_of, announce
from durable_server.advance.batch import Batch
from durable_server.advance.claims import ClaimTasks, claim
from durable_server.advance.handover import answers_of
from durable_server.advance.intents import Intent
from durable_server.advance.load import load
from durable_server.advance.loaded import Loaded
from durable_server.advance.queries import AskQuery, ChangeQuery, carry_out, claim_queries
from durable_server.advance.schedules import ChangeSchedule, change_schedules
from durable_server.advance.told import told_of
from durable_server.clock import monotonic_seconds
from durable_server.engine.decision import Moment
from durable_server.engine.run_state import Message
from durable_server.ids import new_id
from durable_server.matching.admission import Admission
from durable_server.observer import NOBODY, Observer
from durable_server.pending import Pending, deliver
from durable_server.refusal import Refusal
from durable_server.store.database import StoreBusy, StoreConflict, StoreLost

log = logging.getLogger(__name__)

TRIES_MAX = 6
# A lane that has just carried out several items will soon be given more. Gathering them for a
# moment makes fewer and larger transactions, each with the same number of statements.
GATHER_SECONDS = 0.001
GATHER_FROM = 3
_again = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type((StoreBusy, StoreLost, StoreConflict)),
    stop=tenacity.stop_after_attempt(TRIES_MAX),
    wait=tenacity.wait_exponential_jitter(multiplier=0.02, max=1.0),
    reraise=True,
)


@dataclass(slots=True)
class Write:
    """A write that concerns no run: `job(transaction)` returns the answer or raises Refusal."""

    job: Callable[[Any], Any]
    pending: Pending = field(default_factory=Pending)


@dataclass(slots=True)
class ForgetMessage:
    """A message has been delivered: take it out of the outbox."""

    shard: int
    message_id: str
    pending: Pending = field(default_factory=Pending)


Item = Intent | ClaimTasks | Write | ForgetMessage | AskQuery | ChangeQuery | ChangeSchedule


@dataclass
class Surroundings:
    """What every lane of a server shares."""

    store: Any
    matcher: Any
    limits: Any
    batch_max: int
    queue_max: int
    wakes: Any = None
    agenda: Any = None
    admission: Admission | None = None
    deliver: Callable[[list[Message]], None] = lambda messages: None
    pause: Callable[[float], None] = tenacity.nap.sleep
    observer: Observer = NOBODY


class Lane:
    """One writer. `put` from any thread; everything else happens on the lane's own thread."""

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self._around = around
        self._queue: deque[Item] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._stopped = threading.Event()
        self._gathers = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._connection = around.store.connect()

    def __len__(self) -> int:
        return len(self._queue)

    def start(self) -> None:
        """Begin to carry out."""
        self._thread.start()

    def put(self, item: Item) -> Pending:
        """Queue an item; a full or stopping lane refuses at once instead of growing."""
        with self._changed:
            refusal = self._refusal()
            if refusal is None:
                self._queue.append(item)
                if len(self._queue) == 1:
                    self._changed.notify()
        if refusal is not None:
            item.pending.answer(error=refusal)
        return item.pending

    def _refusal(self) -> Refusal | None:
        if self._stopping:
            return Refusal("shutting_down")
        if len(self._queue) >= self._around.queue_max:
            return Refusal("lane_full")
        return None

    def stop(self, seconds: float) -> None:
        """Finish what is queued, then end; waits at most this long."""
        with self._changed:
            self._stopping = True
            self._stopped.set()
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while True:
                self._wait()
                if not self.step():
                    return
        finally:
            self._connection.close()

    def step(self) -> int:
        """Carry out one batch of what is queued, on the caller's thread; gives its size."""
        with self._changed:
            count = min(len(self._queue), self._around.batch_max)
            self._gathers = count >= GATHER_FROM
            items = [self._queue.popleft() for _ in range(count)]
        if items:
            self._carry_out(items)
        return count

    def _wait(self) -> None:
        with self._changed:
            while not self._queue and not self._stopping:
                self._changed.wait()
        if self._gathers:
            self._stopped.wait(GATHER_SECONDS)

    def _carry_out(self, items: list[Item]) -> None:
        try:
            self._transact(items)
        except (StoreBusy, StoreLost):
            self._carry_out_again(items)
        except StoreConflict as error:
            # Another process wrote the same row in between, and now stands in what is loaded.
            if len(items) == 1:
                self._carry_out_again(items)
            else:
                self._carry_out_apart(items, error)
        except Exception as error:
            self._carry_out_apart(items, error)

    def _carry_out_again(self, items: list[Item]) -> None:
        try:
            _again.copy(sleep=self._around.pause)(self._transact, items)
        except Exception as error:
            self._carry_out_apart(items, error)

    def _carry_out_apart(self, items: list[Item], error: Exception) -> None:
        """What cannot be carried out together is carried out one by one; alone it is given up."""
        if len(items) > 1:
            for item in items:
                self._carry_out([item])
        else:
            self._give_up(items[0], error)

    def _give_up(self, item: Item, error: Exception) -> None:
        if isinstance(error, Refusal):
            item.pending.answer(error=error)
            return
        if isinstance(error, StoreBusy | StoreLost | StoreConflict):
            log.warning("store is busy", extra={"error": type(error).__name__})
            item.pending.answer(error=Refusal("store_busy"))
        else:
            log.error("intent failed", extra={"intent": type(item).__name__}, exc_info=error)
            item.pending.answer(error=error)
        if isinstance(item, ClaimTasks):
            version = self._around.matcher.start_claim(item.channel)
            self._around.matcher.end_claim(item.channel, version, False, None)

    def _transact(self, items: list[Item]) -> None:
        """One transaction; everything that others can see happens after its commit."""
        around, taken, begun_at = self._around, [], monotonic_seconds()
        try:
            with self._connection.transaction() as tx:
                batch = Batch(Moment(tx.now, new_id, around.limits), Loaded(), around.matcher)
                taken, batch.admission = batch.taken, around.admission
                self._fill(tx, batch, items)
                batch.answers.extend(answers_of(tx, batch))
        except BaseException as error:
            around.observer.rolled_back(error)
            for poll in reversed(taken):
                around.matcher.give_back(poll)
            raise
        seconds = monotonic_seconds() - begun_at
        deliver(batch.answers)
        _tell_of_bounds(batch)
        for end_claim in batch.claims:
            end_claim()
        announce(aftermath_of(batch), around)
        around.observer.carried_out(told_of(batch, self.name, len(items), seconds))

    def _fill(self, tx: Any, batch: Batch, items: list[Item]) -> None:
        intents = [item for item in items if isinstance(item, Intent)]
        if intents:
            batch.loaded = load(tx, intents, batch.moment)
            for intent in intents:
                _decide(batch, intent)
        _forget(tx, batch, [item for item in items if isinstance(item, ForgetMessage)])
        queries = [item for item in items if isinstance(item, AskQuery | ChangeQuery)]
        if queries:
            carry_out(tx, batch, queries)
        written, batch.handed_over = len(batch.decisions), len(batch.handed)
        if written:
            tx.write(batch.decisions)
        # After the decisions, so that a write sees runs as this batch leaves them.
        schedules = [item for item in items if isinstance(item, ChangeSchedule)]
        if schedules:
            change_schedules(tx, batch, schedules)
        for item in items:
            if isinstance(item, Write):
                _write(tx, batch, item)
            elif isinstance(item, ClaimTasks):
                if item.channel.kind == "query":
                    claim_queries(tx, batch, item.channel)
                else:
                    claim(tx, batch, item)
                batch.answers.append((item.pending, None, None))
        if len(batch.decisions) > written:
            tx.write(batch.decisions[written:])
        if batch.ledger is not None:
            batch.ledger.write()


def _decide(batch: Batch, intent: Intent) -> None:
    """Decide one intent on what the earlier ones left; a refusal leaves no trace."""
    try:
        decision = intent.decide(batch.loaded.state_of(intent), batch.moment)
    except Refusal as refusal:
        batch.answers.append((intent.pending, None, refusal))
        return
    if decision is None:
        batch.answers.append((intent.pending, None, None))
        return
    batch.answers.append((intent.pending, decision.answer, None))
    batch.add(decision)


def _forget(tx: Any, batch: Batch, delivered: list[ForgetMessage]) -> None:
    if delivered:
        tx.delete_messages([(item.shard, item.message_id) for item in delivered])
        batch.answers.extend((item.pending, None, None) for item in delivered)


def _write(tx: Any, batch: Batch, item: Write) -> None:
    try:
        with tx.savepoint():
            answer = item.job(tx)
    except Refusal as refusal:
        batch.answers.append((item.pending, None, refusal))
        return
    batch.answers.append((item.pending, answer, None))


def _tell_of_bounds(batch: Batch) -> None:
    """Log which runs near a bound."""
    for decision in batch.decisions:
        for kind, value, limit in decision.warnings:
            run = decision.state.run
            facts = {"namespace": run.namespace, "run_id": run.run_id, "limit_kind": kind}
            bound = {"current_value": value, "configured_limit": limit}
            log.warning("a structural limit is near", extra={**facts, **bound})
