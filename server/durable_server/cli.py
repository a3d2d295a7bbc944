"""The commands of the server."""

from typing import Annotated, Any
from urllib.request import urlopen

import tenacity
import typer

from durable_server import config
from durable_server.clock import SystemClock

cli = typer.Typer(no_args_is_help=True, add_completion=False)
_PROBE_SECONDS_MAX = 4
_BROKEN_SHOWN = 10
CONTRACT_BROKEN = 3
Database = Annotated[str | None, typer.Option(help="Database URL.")]


def _settings(**given: Any) -> config.Settings:
    try:
        return config.load(**given)
    except config.SettingsDefect as defect:
        typer.echo(str(defect), err=True)
        raise typer.Exit(2) from None


def _store(settings: config.Settings) -> Any:
    from durable_server.store.database import open_store

    return open_store(settings.database_url, clock=SystemClock())


def _bootstrap(settings: config.Settings) -> None:
    from durable_server.store import migrate
    from durable_server.store.errors import StoreBusy, StoreLost

    # A database that starts together with the server is not there at once.
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((StoreBusy, StoreLost)),
        stop=tenacity.stop_after_attempt(settings.bootstrap_retries + 1),
        wait=tenacity.wait_fixed(settings.bootstrap_delay_seconds),
        reraise=True,
    )
    try:
        attempts(migrate.bootstrap, _store(settings), settings)
    except (StoreBusy, StoreLost) as error:
        typer.echo(f"the database cannot be reached: {error}", err=True)
        raise typer.Exit(1) from None


def _keep_promises() -> None:
    """Refuse to start on a contract that breaks what a blessed version has promised."""
    from durable_contracts import blessed, locate

    broken = list(blessed.broken_by_installation(locate.tree()))
    if not broken:
        return
    lines = ["this server breaks a promise that a blessed contract made; it does not start:"]
    lines += [f"  {text}" for text in broken[:_BROKEN_SHOWN]]
    if len(broken) > _BROKEN_SHOWN:
        lines.append(f"  and {len(broken) - _BROKEN_SHOWN} more")
    lines.append("What to do: run the release before this one; then undo the change, or give the")
    lines.append(
        "plane a new version (docs/change-the-contract.md). `durable-contracts check` tells"
    )
    lines.append("the same of the sources.")
    typer.echo("\n".join(lines), err=True)
    raise typer.Exit(CONTRACT_BROKEN)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option()] = None,
    port: Annotated[int | None, typer.Option()] = None,
    database: Database = None,
    http: Annotated[str | None, typer.Option(help="uvicorn or waitress")] = None,
    processes: Annotated[int | None, typer.Option(help="Processes that share the port.")] = None,
    bootstrap: Annotated[bool, typer.Option("--bootstrap", help="Migrate first.")] = False,
) -> None:
    """Run the server."""
    from durable_server.serve import serve as run

    given = {"host": host, "port": port, "database_url": database, "http": http}
    settings = _settings(**given, processes=processes)
    _keep_promises()
    if bootstrap:
        _bootstrap(settings)
    run(settings)


@cli.command()
def maintain(database: Database = None) -> None:
    """Run the passes alone: timers, leases, deadlines, messages; beside `serve` processes."""
    from durable_server.serve import maintain as run

    _keep_promises()
    # The passes are those of this process, whatever `serve` is told of them.
    run(_settings(database_url=database, maintenance=False))


@cli.command()
def probe() -> None:
    """Ask the server on this machine whether it is ready; the exit status says."""
    port = _settings().port
    try:
        with urlopen(f"http://127.0.0.1:{port}/api/ready", timeout=_PROBE_SECONDS_MAX) as reply:
            typer.echo(f"ready ({reply.status})")
    except OSError as error:
        typer.echo(f"not ready: {error}", err=True)
        raise typer.Exit(1) from None


@cli.command()
def bootstrap(database: Database = None) -> None:
    """Migrate the database and create the default namespace; safe to repeat."""
    _bootstrap(_settings(database_url=database))


@cli.command()
def migrate(
    database: Database = None,
    apply: Annotated[bool, typer.Option("--apply/--show", help="Apply, or only show.")] = False,
) -> None:
    """Show the migrations that are missing, or apply them."""
    from durable_server.store import migrate as migrations

    store = _store(_settings(database_url=database))
    for name in migrations.apply(store) if apply else migrations.pending(store):
        typer.echo(f"{'applied' if apply else 'missing'} {name}")


def main() -> None:
    """The entry point."""
    cli()


def bootstrap_main() -> None:
    """The entry point of `server-bootstrap`, the name that deployments know."""
    typer.run(bootstrap)
