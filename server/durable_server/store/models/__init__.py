"""Peewee models of the current schema."""

from durable_server.store.models.bulk_operations import BulkOperation
from durable_server.store.models.children import Child
from durable_server.store.models.command_contracts import CommandContract
from durable_server.store.models.messages import Message, Signal, Update
from durable_server.store.models.payload_objects import (
    PayloadGarbage,
    PayloadHolder,
    PayloadRoot,
)
from durable_server.store.models.places import Namespace, SchemaMigration, Worker
from durable_server.store.models.query_tasks import QueryTask
from durable_server.store.models.removals import ImportedRun, NamespacePurge
from durable_server.store.models.runs import Event, Run, RunDetails, Workflow
from durable_server.store.models.schedules import Schedule, ScheduleAttribute, ScheduleEvent
from durable_server.store.models.steps import Activity, Task, Timer
from durable_server.store.models.task_queues import BuildRollout, DispatchCounter
from durable_server.store.models.visibility import FAILED, RunAttribute, SearchAttribute

MODELS = (
    Workflow,
    Run,
    RunDetails,
    Event,
    Task,
    Activity,
    Timer,
    Child,
    Message,
    Signal,
    Update,
    QueryTask,
    Namespace,
    Worker,
    CommandContract,
    BulkOperation,
    Schedule,
    ScheduleEvent,
    ScheduleAttribute,
    PayloadRoot,
    PayloadHolder,
    PayloadGarbage,
    NamespacePurge,
    ImportedRun,
    RunAttribute,
    SearchAttribute,
    BuildRollout,
    DispatchCounter,
    SchemaMigration,
)
__all__ = [
    "FAILED",
    "MODELS",
    "Activity",
    "BuildRollout",
    "BulkOperation",
    "Child",
    "CommandContract",
    "DispatchCounter",
    "Event",
    "ImportedRun",
    "Message",
    "Namespace",
    "NamespacePurge",
    "PayloadGarbage",
    "PayloadHolder",
    "PayloadRoot",
    "QueryTask",
    "Run",
    "RunAttribute",
    "RunDetails",
    "Schedule",
    "ScheduleAttribute",
    "ScheduleEvent",
    "SchemaMigration",
    "SearchAttribute",
    "Signal",
    "Task",
    "Timer",
    "Update",
    "Worker",
    "Workflow",
]
