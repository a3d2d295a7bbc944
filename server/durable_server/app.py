"""The composition root: puts store, lanes, matcher, workers, wakes and passes together."""

import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durable_server import ids
from durable_server.advance.lane import Surroundings
from durable_server.advance.lanes import Lanes
from durable_server.auth.drivers import Driver, Keys, driver_for
from durable_server.auth.webhooks import WebhookSecrets
from durable_server.clock import Clock, SystemClock
from durable_server.config import Settings
from durable_server.database_state import DatabaseState
from durable_server.engine.limits import Limits
from durable_server.http.compile import Router
from durable_server.http.edge import Edge
from durable_server.maintenance.agenda import Agenda
from durable_server.maintenance.loop import PassLoop
from durable_server.matching.admission import FIELDS, KINDS, Admission
from durable_server.matching.matcher import Matcher
from durable_server.matching.query_tasks import Askers
from durable_server.matching.registry import WorkerRegistry
from durable_server.matching.rollouts import Rollouts
from durable_server.matching.timers import Timers
from durable_server.matching.wakes import check_seconds, open_wakes
from durable_server.matching.watchers import RunWatchers
from durable_server.observer import Several
from durable_server.payload_storage.storage import PayloadStorage
from durable_server.readers import Readers
from durable_server.server import Server
from durable_server.store.database import open_store
from durable_server.store.query_tasks import answered_tasks
from durable_server.telemetry.exposition import Exposition
from durable_server.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


def limits_of(settings: Settings) -> Limits:
    """The bounds that the settings decide."""
    children = (settings.max_pending_children, settings.limit_pending_children)
    return Limits(
        workflow_task_lease_seconds=settings.workflow_task_timeout,
        activity_task_lease_seconds=settings.activity_task_timeout,
        query_task_lease_seconds=settings.query_lease_seconds,
        query_tasks_max=settings.query_task_max_pending_per_queue,
        pending_activities_max=settings.max_pending_activities,
        pending_children_max=min((each for each in children if each), default=0),
        pending_timers_max=settings.limit_pending_timers,
        pending_signals_max=settings.limit_pending_signals,
        pending_updates_max=settings.limit_pending_updates,
        commands_per_task_max=settings.limit_command_batch_size,
        events_per_transaction_max=settings.limit_history_transaction_size,
        payload_bytes_max=settings.limit_payload_size_bytes,
        memo_bytes_max=settings.max_memo_bytes,
        search_attributes_max=settings.max_search_attributes,
        search_attribute_bytes_max=settings.limit_search_attribute_size_bytes,
        warning_percent=settings.limit_warning_percent,
        history_events_max=settings.max_history_events,
        history_events_soft=settings.history_budget_events_soft,
        history_events_hard=settings.history_budget_events_hard,
        history_bytes_soft=settings.history_budget_bytes_soft,
        history_bytes_hard=settings.history_budget_bytes_hard,
        history_fan_out_soft=settings.history_budget_fan_out_soft,
        history_fan_out_hard=settings.history_budget_fan_out_hard,
        task_backoff_seconds_max=settings.task_backoff_max_seconds,
        schedule_history_days=settings.history_retention_days,
    )


@dataclass
class Parts:
    """What a server tells the time by, keeps runs in, reads with, hears and waits with."""

    clock: Clock
    store: Any
    reads: Any
    wakes: Any
    timers: Timers


def build_server(settings: Settings, clock: Clock | None = None) -> Server:
    """Everything of one server process, not yet started."""
    told = clock or SystemClock()
    store = open_store(
        settings.database_url,
        clock=told,
        server_id=settings.server_id,
        database_clock=clock is None,
    )
    # Wakes tell processes apart, of which a server may have several.
    wakes = open_wakes(settings, store, ids.new_plain_id())
    return assemble(settings, Parts(told, store, Readers(store), wakes, Timers()))


def assemble(settings: Settings, parts: Parts) -> Server:
    """A server of these parts, not yet started."""
    clock, store, wakes = parts.clock, parts.store, parts.wakes
    limits = limits_of(settings)
    matcher = Matcher(clock, parked_polls_max=settings.parked_polls_max, timers=parts.timers)
    agenda = Agenda(clock)
    around = Surroundings(
        store, matcher, limits, settings.batch_max, settings.lane_queue_max, wakes, agenda
    )
    around.observer = metrics = Metrics(settings.metrics_labels_max)
    admission = admission_of(settings)
    around.admission = admission if admission.configured else None
    lanes = Lanes(around, 1 if store.kind == "sqlite" else settings.writers)
    matcher.claim = lanes.claim
    matcher.tell = lambda channel: wakes.publish({channel}, set())
    server = Server(settings, clock, limits, store, lanes, matcher, None, wakes, settings.server_id)
    server.reads, server.agenda = parts.reads, agenda
    server.observer = metrics
    trace_with(server, tracing_of(settings))
    server.watchers = RunWatchers()
    matcher.check_seconds = check_seconds(settings, wakes)
    server.askers = Askers(
        lambda names: server.read(answered_tasks, names), parts.timers, matcher.check_seconds
    )
    wakes.subscribe(server.look_at, server.heard, server.look_everywhere)
    server.workers = WorkerRegistry(server)
    server.payload_storage = PayloadStorage(settings, server.read, clock)
    server.admission, server.rollouts = admission, Rollouts(server)
    matcher.on_check = server.rollouts.refresh
    server.facts["auth"] = driver_of(settings)
    server.facts["webhooks"] = WebhookSecrets(settings.keys("bridge_adapter_secrets"))
    server.database = DatabaseState(store)
    server.passes = PassLoop(server)
    server.facts["exposition"] = Exposition(server, metrics)
    return server


def tracing_of(settings: Settings) -> Any:
    """Whoever traces requests, if the settings say where to, and the library is there."""
    endpoint = settings.traces_endpoint
    if endpoint is None:
        return None
    try:
        from durable_server.telemetry import tracing
    except ImportError:
        text = "no traces: install durable-workflow-server[otel]"
        log.warning(text, extra={"endpoint": endpoint})
        return None
    provider = tracing.exporting(endpoint, settings.otel_service_name, settings.server_id)
    return tracing.Tracing(provider)


def trace_with(server: Server, tracing: Any) -> None:
    """Have requests and batches traced, before an edge is built; None: they are not."""
    if tracing is None:
        return
    lanes: Any = server.lanes
    server.tracing = tracing
    lanes.put = tracing.marked(lanes.put)
    lanes.around.observer = Several(lanes.around.observer, tracing)


def admission_of(settings: Settings) -> Admission:
    """The limits of task queues that the settings say."""
    defaults = {
        kind: {
            name: getattr(settings, f"{kind}_task_{field.setting}")
            for name, field in FIELDS.items()
            if field.setting is not None
        }
        for kind in KINDS
    }
    admission = Admission(defaults, json.loads(settings.task_queue_admission_overrides))
    for member in admission.problems():
        log.warning("an admission override means nothing", extra={"member": member})
    return admission


def driver_of(settings: Settings) -> Driver:
    """The authentication driver that the settings name."""

    def keys(kind: str) -> Keys:
        ending = "token" if kind == "token" else "signature_key"
        legacy = "auth_token" if kind == "token" else "signature_key"
        roles = ("worker", "operator", "admin")
        return Keys(
            {role: settings.keys(f"{role}_{ending}") for role in roles},
            settings.keys(legacy),
            settings.auth_backward_compatible,
        )

    return driver_for(settings.auth_driver, keys, settings.signature_strict)


def build_edge(server: Server, router: Router | None = None) -> Edge:
    """The edge of a server, with the plan of every operation."""
    return Edge(server, server.facts["auth"], router or Router())


def build_asgi(server: Server) -> Any:
    """The server as an ASGI application."""
    # Here, since Connexion takes a while to import, and Waitress does without it. It warns of what
    # its own dependencies will drop, which is nothing that an operator could act upon.
    warnings.filterwarnings("ignore", module=r"connexion\.")
    from durable_server.http import stack

    return stack.application(lambda router: build_edge(server, router))


def start(server: Server) -> None:
    """Begin to work, with the passes if the settings say so."""
    if server.settings.maintenance:
        start_with_passes(server)
    else:
        _start(server, lambda: None)


def start_with_passes(server: Server) -> None:
    """Begin to work; the passes run once the database is migrated."""
    _start(server, server.passes.start)


def _start(server: Server, on_settled: Callable[[], None]) -> None:
    server.reads.start()
    server.lanes.start()
    server.database.start(on_settled)
    server.wakes.start()


def stop(server: Server, seconds: float = 5.0) -> None:
    """Answer parked polls empty, finish what is queued, end."""
    server.withdraw_waiting()
    server.database.stop()
    server.passes.stop(seconds)
    server.lanes.stop(seconds)
    server.wakes.stop()
    server.reads.stop()
    server.payload_storage.stop()
    if server.tracing is not None:
        server.tracing.stop()
