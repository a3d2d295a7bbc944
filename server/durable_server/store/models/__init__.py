"""Peewee models of the current schema."""

from durable_server.store.models.messages import Message, ReceivedMessage
from durable_server.store.models.places import Namespace, SchemaMigration, Worker
from durable_server.store.models.runs import Event, Run, RunDetails, Workflow
from durable_server.store.models.steps import Activity, Task, Timer

MODELS = (
    Workflow,
    Run,
    RunDetails,
    Event,
    Task,
    Activity,
    Timer,
    Message,
    ReceivedMessage,
    Namespace,
    Worker,
    SchemaMigration,
)
__all__ = [
    "MODELS",
    "Activity",
    "Event",
    "Message",
    "Namespace",
    "ReceivedMessage",
    "Run",
    "RunDetails",
    "SchemaMigration",
    "Task",
    "Timer",
    "Worker",
    "Workflow",
]
