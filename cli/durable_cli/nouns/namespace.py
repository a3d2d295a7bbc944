"""`dw namespace`: isolated places in which everything else lives."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from durable_cli.command import command, noun
from durable_cli.problem import FAILURE, Problem
from durable_cli.session import Body, Session, stated

app = noun()
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the namespace.")]
Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]
Retention = Annotated[
    int | None,
    typer.Option("--retention", "--retention-days", help="Days that closed runs are kept."),
]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where large payloads are kept."""

    uri: Annotated[str | None, typer.Option(help="As file:///var/lib/payloads.")] = None
    bucket: Annotated[str | None, typer.Option(help="Bucket.")] = None
    prefix: Annotated[str | None, typer.Option(help="Prefix of the names in it.")] = None
    region: Annotated[str | None, typer.Option(help="Region.")] = None
    endpoint: Annotated[str | None, typer.Option(help="Endpoint, where it is not the usual.")] = (
        None
    )
    auth_profile: Annotated[str | None, typer.Option(help="Credentials that the server has.")] = (
        None
    )
    threshold_bytes: Annotated[int | None, typer.Option(help="What is larger goes there.")] = None
    disable: Annotated[bool, typer.Option("--disable", help="Move nothing there.")] = False

    def body(self, driver: str) -> Body:
        """The body of the request."""
        config = stated(
            uri=self.uri,
            bucket=self.bucket,
            prefix=self.prefix,
            region=self.region,
            endpoint=self.endpoint,
            auth_profile=self.auth_profile,
        )
        return stated(
            driver=driver,
            enabled=not self.disable,
            threshold_bytes=self.threshold_bytes,
            config=config or None,
        )


@command(app, "list", aliases=("ls",))
def list_namespaces(session: Session) -> None:
    """List the namespaces."""
    from durable_cli.cells import ago, status
    from durable_cli.table import Column

    columns = [
        Column("NAME", "name"),
        Column("STATUS", lambda each: status(each.get("status"))),
        Column("KEEPS", lambda each: f"{each.get('retention_days')} days"),
        Column("PAYLOADS", _storage, drop=2),
        Column("CREATED", lambda each: ago(each.get("created_at")), drop=3),
        Column("DESCRIPTION", "description", drop=1),
    ]
    session.printer.listed(session.call("namespaces.list"), "namespaces", columns, "No namespaces.")


@command(app, "create")
def create(
    session: Session, name: Name, description: Description = None, retention: Retention = None
) -> None:
    """Create a namespace."""
    fields = stated(name=name, description=description, retention_days=retention)
    body = session.call("namespaces.create", body=fields)
    session.printer.done(body, f"Created namespace {body['name']}", _facts(body))


@command(app, "describe", aliases=("show",))
def describe(session: Session, name: Name) -> None:
    """Describe a namespace."""
    session.printer.described(session.call("namespaces.describe", name=name), _details)


@command(app, "update")
def update(
    session: Session, name: Name, description: Description = None, retention: Retention = None
) -> None:
    """Change what a namespace is for, or how long it keeps closed runs."""
    fields = stated(description=description, retention_days=retention)
    body = session.call("namespaces.update", body=fields, name=name)
    session.printer.done(body, f"Updated namespace {body['name']}", _facts(body))


@command(app, "delete", aliases=("rm",))
def delete(
    session: Session,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a namespace and everything in it."""
    if not yes and not typer.confirm(f"Delete namespace {name} and everything in it?", err=True):
        raise Problem("Nothing was deleted.", FAILURE)
    with session.progress(f"Deleting {name}"):
        body = session.call("namespaces.delete", name=name)
    rows = [(key.replace("_", " "), count) for key, count in (body.get("deleted") or {}).items()]
    session.printer.done(body, f"Deleting namespace {name}: {body.get('status', 'done')}", rows)


@command(app, "set-storage-driver")
def set_storage_driver(
    session: Session,
    name: Name,
    driver: Annotated[str, typer.Argument(metavar="DRIVER", help="local, s3, gcs or azure.")],
    place: Place,
) -> None:
    """Keep large payloads of a namespace outside the database."""
    body = session.call("namespaces.update_external_storage", body=place.body(driver), name=name)
    session.printer.done(body, f"Namespace {name} keeps large payloads in {driver}", _facts(body))


@command(app, "test-storage")
def test_storage(
    session: Session,
    small_bytes: Annotated[int, typer.Option(min=1, help="Size of one payload.")] = 128,
    large_bytes: Annotated[int, typer.Option(min=1, help="Size of another.")] = 1_048_576,
) -> None:
    """Try the payload storage of the namespace out: write, read back, compare."""
    asked = {"small_payload_bytes": small_bytes, "large_payload_bytes": large_bytes}
    body = session.call("storage.try_out", body=asked)
    sentence = f"Storage of {session.connection.namespace}: {body.get('status')}"
    session.printer.done(body, sentence, [("driver", body.get("driver"))])


def _facts(body: Body) -> list[tuple[str, Any]]:
    return [
        ("description", body.get("description")),
        ("keeps closed runs", f"{body.get('retention_days')} days"),
        ("large payloads", _storage(body)),
    ]


def _details(body: Body) -> Any:
    from durable_cli.cells import moment, status
    from durable_cli.table import Details

    times = [
        ("created", moment(body.get("created_at"))),
        ("updated", moment(body.get("updated_at"))),
    ]
    policy = body.get("external_payload_storage")
    return Details(
        str(body.get("name")),
        status(body.get("status")),
        [*_facts(body), *times],
        [("Payload storage", policy)],
    )


def _storage(body: Body) -> str | None:
    policy = body.get("external_payload_storage")
    if not policy:
        return None
    return str(policy.get("driver")) + ("" if policy.get("enabled") else " (disabled)")
