"""The entry point: nouns are imported when they are used, `noun verb` is also `noun:verb`."""

import os
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from durable_cli.command import COMMON, common_parameters
from durable_cli.connection import Given
from durable_cli.version import COMPLETING, PROGRAM, version

# Each noun with its module and what stands beside it in the list of commands.
NOUNS: dict[str, tuple[str, str]] = {
    "workflow": ("workflow", "Start, find, watch, ask and end workflows."),
    "history": ("history", "Read, follow, export, verify and import histories."),
    "debug": ("debug", "Look into a run that does not go on."),
    "schedule": ("schedule", "Workflows that are started again and again."),
    "task-queue": ("task_queue", "What waits, who works, and which builds get work."),
    "worker": ("worker", "Who works for this namespace."),
    "search-attribute": ("search_attribute", "What runs can be found by."),
    "bulk": ("bulk", "Cancel, terminate or signal all runs that fit a query."),
    "bridge": ("bridge", "Events of other systems that start or tell workflows something."),
    "system": ("system", "Repair, timeouts, retention and figures; for admins."),
    "server": ("server", "Health, versions and diagnosis; a server for development."),
    "namespace": ("namespace", "Namespaces and where they keep large payloads."),
    "profile": ("profile", "Named servers with namespace and credentials."),
    "completion": ("completion", "Completion for bash, zsh and fish."),
}
# Other words for the same thing.
ALIASES = {"workflows": "workflow", "schedules": "schedule", "env": "profile"}
# Verbs that need no noun.
SHORTCUTS = {"doctor": "server:doctor"}


class Nouns(TyperGroup):
    """The nouns; none is imported to list them, and one only to use it."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        # What stands here only lists the nouns; `loaded` has those that are used.
        self.commands = {
            name: TyperGroup(name=name, help=sentence) for name, (_, sentence) in NOUNS.items()
        }
        self.commands["doctor"] = TyperGroup(
            name="doctor", help="Say what is wrong, and what to do."
        )
        self.listing = False
        self.loaded: dict[str, Any] = {}

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A noun, a shortcut, or with a colon a verb of a noun; None when there is none."""
        if self.listing:
            return self.commands.get(cmd_name)
        noun, colon, verb = SHORTCUTS.get(cmd_name, cmd_name).partition(":")
        noun = ALIASES.get(noun, noun)
        if noun not in NOUNS:
            return None
        if noun not in self.loaded:
            module = import_module(f"durable_cli.nouns.{NOUNS[noun][0]}")
            # A noun with one verb is a group, too.
            loaded = typer.main.get_group(module.app)
            loaded.help = NOUNS[noun][1]
            self.loaded[noun] = loaded
        group: Any = self.loaded[noun]
        return group.get_command(ctx, verb) if colon else group

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help, from the table of the nouns alone."""
        self.listing = True
        super().format_help(ctx, formatter)
        self.listing = False


def _version(wanted: bool | None) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {version()}")
        raise typer.Exit


def _root(context: typer.Context, version: bool | None = None, **values: Any) -> None:
    """Work with a durable workflow server: start, watch, ask and end workflows, and keep it well.

    Every command takes the options below, too. `dw NOUN VERB` is also `dw NOUN:VERB`.
    """
    context.obj = Given(**{name: values[name] for name in COMMON})


def build() -> typer.Typer:
    """The program."""
    import inspect

    first = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    told = inspect.Parameter(
        "version",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            bool | None,
            typer.Option("--version", callback=_version, is_eager=True, help="Say the release."),
        ],
    )
    parameters = [first, told, *common_parameters()]
    root: Any = _root
    root.__signature__ = inspect.Signature(parameters)
    root.__annotations__ = {each.name: each.annotation for each in parameters}
    app = typer.Typer(
        name=PROGRAM,
        cls=Nouns,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(root)
    return app


def main() -> None:
    """The entry point of `dw`."""
    if COMPLETING in os.environ:
        # Only `--install-completion`, which this program does without, would set this up by itself.
        from typer._completion_classes import completion_init

        completion_init()
    build()(prog_name=PROGRAM)
