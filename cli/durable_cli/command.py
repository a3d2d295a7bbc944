"""How a command is declared: its own options, those of every command, a session, and its end.

A command is a function of a session and its own parameters. A parameter that is a dataclass stands
for one option per field. Everything that ends a command early becomes an exit status here.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer

from durable_cli.completing import formats, profile_names
from durable_cli.connection import FORMATS, Given, resolve
from durable_cli.printer import Printer
from durable_cli.problem import COMPATIBILITY, Problem
from durable_cli.session import Session

PANEL = "Connection and output"
Parameter = inspect.Parameter
Command = Callable[..., int | None]


def _option(*names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=PANEL, show_default=False, **more)


COMMON: dict[str, Any] = {
    "profile": Annotated[
        str | None,
        _option(*("--profile", "--env"), help="Profile to use.", autocompletion=profile_names),
    ],
    "server": Annotated[str | None, _option("--server", "-s", help="Address of the server.")],
    "namespace": Annotated[str | None, _option("--namespace", "-n", help="Namespace.")],
    "token": Annotated[str | None, _option("--token", help="Credential; better in a profile.")],
    "signature_key": Annotated[
        str | None, _option("--signature-key", help="Key that signs requests, in place of a token.")
    ],
    "tls_verify": Annotated[
        str | None, _option("--tls-verify", help="Verify certificates: true or false.")
    ],
    "timeout": Annotated[
        float | None,
        _option("--timeout", min=0.1, max=3600, metavar="SECONDS", help="To wait for an answer."),
    ],
    "retries": Annotated[
        int | None,
        _option("--retries", min=0, max=20, metavar="N", help="Further attempts, where safe."),
    ],
    "output": Annotated[
        str | None,
        _option(*("--output", "-o"), help="table, json, jsonl or yaml.", autocompletion=formats),
    ],
    "json_output": Annotated[bool | None, _option("--json", help="Same as --output json.")],
    "wide": Annotated[bool | None, _option("--wide", help="All columns, whatever the width.")],
    "verbose": Annotated[
        bool | None, _option("--verbose", "-v", help="Tell each request on standard error.")
    ],
}


def command(
    app: typer.Typer,
    name: str,
    *,
    aliases: tuple[str, ...] = (),
    hidden: bool = False,
    alone: bool = False,
) -> Callable[[Command], Command]:
    """Declare a function as a command of a noun, under its name and its hidden aliases.

    One that is `alone` asks no server, so that it looks for no credential.
    """

    def declare(function: Command) -> Command:
        called = _callable(function, alone)
        app.command(name, hidden=hidden)(called)
        for alias in aliases:
            app.command(alias, hidden=True)(called)
        return function

    return declare


def noun(*parts: typer.Typer) -> typer.Typer:
    """A noun with no verbs yet, or with those of its parts, in their order."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)
    for part in parts:
        app.registered_commands += part.registered_commands
    return app


def run(function: Callable[[Session], int | None], given: Given, *, alone: bool = False) -> None:
    """Carry a command out and end with its exit status."""
    wanted = "json" if given.json_output else given.output
    printer = Printer(wanted if wanted in FORMATS else "table")
    session: Session | None = None
    try:
        session = Session(resolve(given, credentials=not alone))
        printer = session.printer
        status = function(session)
    except Problem as problem:
        printer.problem(problem)
        raise typer.Exit(problem.code) from None
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        if given.verbose:
            raise
        printer.problem(_misunderstood(error))
        raise typer.Exit(COMPATIBILITY) from None
    finally:
        if session is not None:
            session.close()
    if status:
        raise typer.Exit(status)


def _misunderstood(error: Exception) -> Problem:
    return Problem(
        f"The answer of the server is not understood ({type(error).__name__}: {error}).",
        COMPATIBILITY,
        remedy="Compare the releases: dw doctor. With --verbose the same command shows the place.",
    )


def common_parameters() -> Iterator[Parameter]:
    """The options of every command, as parameters of a function."""
    for name, annotation in COMMON.items():
        yield Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _callable(function: Command, alone: bool) -> Callable[..., None]:
    """The function that typer sees: flat options, the common ones last."""
    own = list(_own_parameters(function))
    bundles = _bundles(function)

    def called(context: typer.Context, **values: Any) -> None:
        line = Given(**{name: values.pop(name) for name in COMMON})
        root = context.find_root().obj
        given = line.over(root) if isinstance(root, Given) else line
        for parameter, kind in bundles.items():
            values[parameter] = kind(**{each.name: values.pop(each.name) for each in fields(kind)})
        run(lambda session: function(session, **values), given, alone=alone)

    first = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [first, *own, *common_parameters()]
    shaped: Any = called
    shaped.__signature__ = inspect.Signature(parameters)
    shaped.__annotations__ = {each.name: each.annotation for each in parameters}
    shaped.__doc__ = function.__doc__
    shaped.__name__ = function.__name__
    return called


def _bundles(function: Command) -> dict[str, type[Any]]:
    """The parameters that stand for several options, with the dataclass of each."""
    hints = get_type_hints(function)
    found: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    return found


def _own_parameters(function: Command) -> Iterator[Parameter]:
    hints = get_type_hints(function, include_extras=True)
    _, *own = inspect.signature(function).parameters.values()
    for each in own:
        kind = hints[each.name]
        if not is_dataclass(kind):
            yield Parameter(
                each.name, Parameter.KEYWORD_ONLY, default=each.default, annotation=kind
            )
            continue
        inner = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            default = Parameter.empty if field.default is MISSING else field.default
            yield Parameter(
                field.name, Parameter.KEYWORD_ONLY, default=default, annotation=inner[field.name]
            )
