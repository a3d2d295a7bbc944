"""`dw bridge`: events of other systems that start, signal or update workflows."""

from typing import Annotated

import typer

from durable_cli import given
from durable_cli.command import command, noun
from durable_cli.options import Payload
from durable_cli.session import Session, stated

app = noun()


@command(app, "webhook")
def webhook(
    session: Session,
    adapter: Annotated[str, typer.Argument(metavar="ADAPTER", help="Name of the adapter.")],
    action: Annotated[str, typer.Option(help="start_workflow, signal_workflow, update_workflow.")],
    idempotency_key: Annotated[str, typer.Option(help="The same twice does nothing twice.")],
    target: Annotated[str, typer.Option(help="What it is for: a JSON object, or @file.")],
    payload: Payload,
) -> None:
    """Hand an event in, as the adapter of another system would."""
    body = stated(
        action=action,
        idempotency_key=idempotency_key,
        target=given.object_of(target, "--target"),
        input=payload.arguments(),
    )
    reply = session.call("bridge_adapters.webhook", body=body, adapter=adapter)
    facts = [
        (name.replace("_", " "), reply.get(name)) for name in ("workflow_id", "run_id", "reason")
    ]
    session.printer.done(reply, f"{adapter}: {reply.get('outcome')}", facts)
