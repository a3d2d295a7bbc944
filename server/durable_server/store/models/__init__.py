"""Peewee models of the current schema."""

from durable_server.store.models.children import Child
from durable_server.store.models.command_contracts import CommandContract
from durable_server.store.models.messages import Message, Signal, Update
from durable_server.store.models.places import Namespace, SchemaMigration, Worker
from durable_server.store.models.query_tasks import QueryTask
from durable_server.store.models.runs import Event, Run, RunDetails, Workflow
from durable_server.store.models.steps import Activity, Task, Timer
from durable_server.store.models.task_queues import BuildRollout, DispatchCounter

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
    BuildRollout,
    DispatchCounter,
    SchemaMigration,
)
__all__ = [
    "MODELS",
    "Activity",
    "BuildRollout",
    "Child",
    "CommandContract",
    "DispatchCounter",
    "Event",
    "Message",
    "Namespace",
    "QueryTask",
    "Run",
    "RunDetails",
    "SchemaMigration",
    "Signal",
    "Task",
    "Timer",
    "Update",
    "Worker",
    "Workflow",
]
