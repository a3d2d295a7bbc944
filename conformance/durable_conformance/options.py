"""The options of `run` as one value, from which the command line reads its flags."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

Text = str | None
File = Path | None


def _flag(name: str, text: str) -> Any:
    return typer.Option(name, help=text)


@dataclass(frozen=True)
class RunOptions:
    """What the caller of `run` asks for."""

    server: Annotated[Text, _flag("--server", "Address of the target.")] = None
    target: Annotated[File, _flag("--target", "File that describes the target.")] = None
    namespace: Annotated[Text, _flag("--namespace", "Namespace to work in.")] = None
    auth: Annotated[Text, _flag("--auth", "Driver: token, signature or none.")] = None
    token: Annotated[Text, _flag("--token", "Credential for every role without its own.")] = None
    worker_token: Annotated[Text, _flag("--worker-token", "Credential of a worker.")] = None
    operator_token: Annotated[Text, _flag("--operator-token", "Credential of an operator.")] = None
    admin_token: Annotated[Text, _flag("--admin-token", "Credential of an admin.")] = None
    legacy_token: Annotated[
        Text, _flag("--legacy-token", "Shared credential beside those of the roles.")
    ] = None
    capability: Annotated[
        list[str] | None,
        _flag("--capability", "A capability to take as advertised; may be repeated."),
    ] = None
    profile: Annotated[Text, _flag("--profile", "Profiles, with commas; all when absent.")] = None
    only: Annotated[Text, _flag("--only", "Only scenarios whose id fits this glob.")] = None
    jsonl: Annotated[File, _flag("--jsonl", "Write the report as JSON lines.")] = None
    junit: Annotated[File, _flag("--junit", "Write the report as JUnit XML.")] = None
    markdown: Annotated[File, _flag("--markdown", "Write a summary in Markdown.")] = None
    badge: Annotated[File, _flag("--badge", "Write an endpoint badge.")] = None
    known_failures: Annotated[
        File, _flag("--known-failures", "File of failures that are known.")
    ] = None
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, max=64, help="Scenarios at a time.")
    ] = 4
    order: Annotated[str, _flag("--order", "sorted, reversed, or shuffled:<seed>.")] = "sorted"

    html: Annotated[File, _flag("--html", "Write the report as a page that stands alone.")] = None
    timeout_seconds: Annotated[
        float, typer.Option("--timeout-seconds", min=1, help="Most for one scenario.")
    ] = 120
    total_seconds: Annotated[
        float, typer.Option("--total-seconds", min=1, help="Most for all of them.")
    ] = 3600

    def credentials(self) -> dict[str, str]:
        """The credentials that were given, by role."""
        given = {
            "any": self.token,
            "worker": self.worker_token,
            "operator": self.operator_token,
            "admin": self.admin_token,
            "legacy": self.legacy_token,
        }
        return {role: value for role, value in given.items() if value}


def taking(options: type) -> Callable[[Callable[[Any], None]], Callable[..., None]]:
    """Let a command that takes one value be called with one flag per field of that value."""

    def wrap(command: Callable[[Any], None]) -> Callable[..., None]:
        @wraps(command)
        def plain(**given: Any) -> None:
            command(options(**given))

        called: Any = plain
        hints = get_type_hints(options, include_extras=True)
        called.__signature__ = inspect.Signature(
            [_parameter(field.name, field.default, hints) for field in fields(options)]
        )
        called.__annotations__ = hints
        del called.__wrapped__
        taken: Callable[..., None] = called
        return taken

    return wrap


def _parameter(name: str, default: Any, hints: dict[str, Any]) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=hints[name],
    )
