"""The pass that carries bulk operations on, batch by batch; see `engine.bulk`."""

import functools
import logging
from typing import Any

import orjson

from durable_server.advance.intents import Intent
from durable_server.advance.run_requests import ChangeRun
from durable_server.advance.signal_intents import SendSignal
from durable_server.client_input import input_of
from durable_server.clock import SECOND
from durable_server.engine import bulk
from durable_server.engine.bulk import BulkOperation, Result, Target
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.run_state import Payload
from durable_server.engine.signal import Wanted
from durable_server.ids import new_plain_id
from durable_server.maintenance.passes import PASSING, PassReport, answer_of, await_all, read
from durable_server.refusal import Refusal
from durable_server.server import Server
from durable_server.store import bulk_operations as stored
from durable_server.store import command_contracts as stored_contracts
from durable_server.store import runs as stored_runs
from durable_server.store import selections

log = logging.getLogger(__name__)

BATCHES_MAX = 8
CONTINUED_MAX = 3
DAY = 86_400 * SECOND
GONE = frozenset({"run_not_active", "historical_run_command_rejected", "instance_not_found"})


def carry_on_bulk_operations(server: Server, now: int, limit: int) -> PassReport:
    """Carry out due batches, one after the other, and forget operations that were over long ago."""
    count, batches = 0, 0
    while batches < BATCHES_MAX:
        claim = functools.partial(stored.claim_due, owner=new_plain_id())
        operation: BulkOperation | None = answer_of(server.lanes.write(claim))
        if operation is None:
            break
        batches += 1
        count += _carry_on(server, operation)
    kept = server.settings.history_retention_days * DAY
    old = functools.partial(stored.remove_closed, closed_before=now - kept, limit=limit)
    removed = answer_of(server.lanes.write(old))
    more = batches == BATCHES_MAX or removed == limit
    return PassReport(count + removed, count + removed, 0, more)


def _carry_on(server: Server, operation: BulkOperation) -> int:
    """One batch of a claimed operation; how many runs were dealt with."""
    again = operation.batch is not None
    if not again:
        try:
            operation = _with_batch(server, operation)
        except Refusal as refusal:
            if refusal.reason in PASSING:
                raise
            # Such as an attribute that is not registered any more.
            over = bulk.closed(operation, "failed", refusal.reason, server.clock.now())
            _write(server, over, release=True)
            return 0
        if operation.status != "running" or not _write(server, operation, release=False):
            _write(server, operation, release=True)
            return 0
    results = _Batch(server, operation, again).carry_out()
    now = server.clock.now()
    operation = bulk.settled(operation, results, now)
    _write(server, operation, release=True)
    return sum(each.what != bulk.LEFT for each in results)


def _with_batch(server: Server, operation: BulkOperation) -> BulkOperation:
    """The operation with its next batch; closed, when there is none."""
    size = bulk.batch_size(operation)
    found = read(server, selections.open_runs, operation, size) if size else []
    if not found:
        return bulk.closed(operation, "completed", None if size else "limit", server.clock.now())
    targets = [each.target for each in found]
    return bulk.taken(operation, targets, selections.cursor_of(found[-1]))


def _write(server: Server, operation: BulkOperation, *, release: bool) -> bool:
    kept: bool = answer_of(
        server.lanes.write(lambda tx: stored.carry_on(tx, operation, release=release))
    )
    return kept


class _Batch:
    """The batch of an operation, and what becomes of each of its targets.

    `again`: somebody else has begun with it, so that some of it may be done.
    """

    def __init__(self, server: Server, operation: BulkOperation, again: bool) -> None:
        self._server, self._operation, self._again = server, operation, again
        self._command: dict[str, Any] = orjson.loads(operation.command)
        self._given = orjson.loads(operation.input or "null")

    def carry_out(self) -> list[Result]:
        """Put an intent for every target on its lane, and judge the answers."""
        operation = self._operation
        intents: list[tuple[Target, Intent | str]] = []
        intent_of = self._signal if operation.kind == "signal" else self._change
        declared = self._declared() if operation.kind == "signal" else {}
        for target in operation.targets:
            intents.append((target, intent_of(target, declared.get(target.workflow_type))))
        put = [each for _, each in intents if isinstance(each, Intent)]
        await_all([self._server.lanes.put(each) for each in put])
        return [Result(target, self._judge(target, each)) for target, each in intents]

    def _change(self, target: Target, declared: Any) -> Intent:
        operation = self._operation
        request = ClientRequest(
            operation.kind, target.workflow_id, target.run_id, operation.reason, self._command
        )
        return ChangeRun(shard=target.shard, namespace=operation.namespace, request=request)

    def _signal(self, target: Target, declared: Any) -> Intent | str:
        operation = self._operation
        name = operation.signal_name or ""
        found = input_of(declared, "signal", name, self._given)
        if found.unknown or found.errors:
            return "unknown_signal" if found.unknown else "invalid_signal_arguments"
        return self._sent(target, name, found.arguments)

    def _sent(self, target: Target, name: str, arguments: Payload | None) -> Intent:
        operation = self._operation
        request = ClientRequest("signal", target.workflow_id, target.run_id, None, self._command)
        wanted = Wanted(request, name, arguments, operation.signal_id)
        return SendSignal(shard=target.shard, namespace=operation.namespace, wanted=wanted)

    def _declared(self) -> dict[str, Any]:
        """What the types of the targets declare."""
        namespace = self._operation.namespace
        types = sorted({each.workflow_type for each in self._operation.targets})
        find = stored_contracts.find_contract
        return {each: read(self._server, find, namespace, each) for each in types}

    def _judge(self, target: Target, intent: Intent | str) -> str:
        for _ in range(CONTINUED_MAX):
            what = _outcome(intent)
            if what not in GONE:
                return what
            following = self._following(target)
            if following is None:
                break
            # What the run was to be told is for the one that continues it.
            target = target._replace(run_id=following)
            intent = self._anew(target)
            if isinstance(intent, Intent):
                await_all([self._server.lanes.put(intent)])
        return bulk.DONE if self._was_done(target) else bulk.SKIPPED

    def _anew(self, target: Target) -> Intent | str:
        if self._operation.kind != "signal":
            return self._change(target, None)
        return self._signal(target, self._declared().get(target.workflow_type))

    def _following(self, target: Target) -> str | None:
        """The open run that continues this one, if that is why it is closed."""
        namespace = self._operation.namespace
        run = read(self._server, stored_runs.find_run, namespace, target.workflow_id, target.run_id)
        if run is None or run[0].closed_reason != "continued":
            return None
        current = read(self._server, stored_runs.find_current_run, namespace, target.workflow_id)
        if current is None or current[1].closed or current[1].run_id == target.run_id:
            return None
        following: str = current[1].run_id
        return following

    def _was_done(self, target: Target) -> bool:
        """Whether the run is closed because this operation was carried out on it before."""
        if not self._again or self._operation.kind == "signal":
            return False
        by = stored.was_stopped_by
        name = self._operation.operation_id
        done: bool = read(self._server, by, target.shard, target.run_id, name)
        return done


def _outcome(intent: Intent | str) -> str:
    if isinstance(intent, str):
        return intent
    if not intent.pending.done:
        return bulk.LEFT
    try:
        intent.pending.result()
    except Refusal as refusal:
        return bulk.LEFT if refusal.reason in PASSING else refusal.reason
    except Exception as error:
        log.error("a run of a bulk operation failed", exc_info=error)
        return "server_error"
    return bulk.DONE
