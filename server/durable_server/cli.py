"""The commands of the server."""

from typing import Annotated, Any

import typer

from durable_server import config
from durable_server.clock import SystemClock

cli = typer.Typer(no_args_is_help=True, add_completion=False)
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

    migrate.bootstrap(_store(settings), settings)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option()] = None,
    port: Annotated[int | None, typer.Option()] = None,
    database: Database = None,
    http: Annotated[str | None, typer.Option(help="uvicorn or waitress")] = None,
    bootstrap: Annotated[bool, typer.Option("--bootstrap", help="Migrate first.")] = False,
) -> None:
    """Run the server."""
    from durable_server.serve import serve as run

    settings = _settings(host=host, port=port, database_url=database, http=http)
    if bootstrap:
        _bootstrap(settings)
    run(settings)


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
