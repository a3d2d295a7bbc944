"""`dw profile`: named servers, so that no command has to say where it goes."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from durable_cli import profiles
from durable_cli.command import command, noun
from durable_cli.completing import profile_names
from durable_cli.connection import FORMATS
from durable_cli.problem import USAGE, Problem
from durable_cli.redact import MASK, shown_address
from durable_cli.session import Body, Session

app = noun()
# Each in one of these ways; a new one takes the place of the old one.
_CREDENTIALS = (("token", "token_env", "token_command"), ("signature_key", "signature_key_env"))
Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of the profile.", autocompletion=profile_names),
]


@dataclass(frozen=True)
class Wanted:
    """What a profile is to say besides what `--server`, `--namespace` and `--token` say."""

    token_env: Annotated[
        str | None, typer.Option("--token-env", help="Variable that holds the token.")
    ] = None
    token_command: Annotated[
        str | None, typer.Option("--token-command", help="Command that prints the token.")
    ] = None
    signature_key_env: Annotated[
        str | None, typer.Option("--signature-key-env", help="Variable that holds the key.")
    ] = None
    profile_output: Annotated[
        str | None, typer.Option("--profile-output", help="Output format when none is named.")
    ] = None
    profile_timeout: Annotated[
        float | None, typer.Option("--profile-timeout", help="Seconds to wait for an answer.")
    ] = None
    profile_tls_verify: Annotated[
        bool | None, typer.Option("--profile-tls-verify/--no-profile-tls-verify", help="TLS.")
    ] = None


@command(app, "list", aliases=("ls",), alone=True)
def list_profiles(session: Session) -> None:
    """List the profiles; the current one is marked."""
    from durable_cli.table import Column

    kept = profiles.load()
    items = [_shown(name, each, kept) for name, each in sorted(kept.named.items())]
    columns = [
        Column("", lambda each: "*" if each["current"] else " "),
        Column("NAME", "name"),
        Column("SERVER", "server"),
        Column("NAMESPACE", "namespace"),
        Column("TOKEN", "token", drop=1),
        Column("OUTPUT", "output", drop=2),
    ]
    body: Body = {"profiles": items, "current": kept.current, "file": str(profiles.path())}
    empty = "No profiles yet: dw profile set NAME --server https://…"
    session.printer.listed(body, "profiles", columns, empty)


@command(app, "show", aliases=("describe",), alone=True)
def show(session: Session, name: Name) -> None:
    """Show a profile, without its token."""
    from durable_cli.table import Details

    kept = profiles.load()
    body = _shown(name, kept.get(name), kept)
    rows = [(key.replace("_", " "), value) for key, value in body.items() if key != "name"]
    session.printer.described(body, lambda _: Details(name, rows=rows))


@command(app, "set", alone=True)
def set_profile(
    session: Session,
    name: Name,
    wanted: Wanted,
    use: Annotated[
        bool, typer.Option("--use", "--make-default", help="Use it from now on.")
    ] = False,
) -> None:
    """Make a profile, or change it: --server, --namespace, --token, --signature-key and the rest.

    Better than --token, which is kept in the file: --token-env or --token-command.
    """
    kept = profiles.load()
    old = kept.named.get(name, profiles.Profile())
    said, sources = session.connection, session.connection.sources
    fresh: dict[str, Any] = {
        "server": said.server if sources.get("server") == "option" else None,
        "namespace": said.namespace if sources.get("namespace") == "option" else None,
        "token": said.token if sources.get("token") == "option" else None,
        "token_env": wanted.token_env,
        "token_command": wanted.token_command,
        "signature_key": said.signature_key if sources.get("signature_key") == "option" else None,
        "signature_key_env": wanted.signature_key_env,
        "output": wanted.profile_output,
        "timeout_seconds": wanted.profile_timeout,
        "tls_verify": wanted.profile_tls_verify,
    }
    if fresh["output"] not in (None, *FORMATS):
        raise Problem(f"--profile-output takes one of {', '.join(FORMATS)}.", USAGE)
    for ways in _CREDENTIALS:
        if _one_of(fresh, ways):
            old = replace(old, **dict.fromkeys(ways))
    changed = {key: value for key, value in fresh.items() if value is not None}
    kept.named[name] = replace(old, **changed)
    if use or kept.current is None:
        kept.current = name
    profiles.save(kept)
    _told(session, f"Kept profile {name}", name, kept)


@command(app, "use", alone=True)
def use(session: Session, name: Name) -> None:
    """Use a profile from now on, wherever none is named."""
    kept = profiles.load()
    kept.get(name)
    kept.current = name
    profiles.save(kept)
    _told(session, f"Using profile {name}", name, kept)


@command(app, "delete", aliases=("rm",), alone=True)
def delete(session: Session, name: Name) -> None:
    """Delete a profile."""
    kept = profiles.load()
    kept.get(name)
    del kept.named[name]
    kept.current = None if kept.current == name else kept.current
    profiles.save(kept)
    session.printer.done({"name": name, "outcome": "deleted"}, f"Deleted profile {name}")


def _one_of(fresh: Body, ways: tuple[str, ...]) -> bool:
    given = [each for each in ways if fresh[each]]
    if len(given) > 1:
        options = " and ".join(f"--{each.replace('_', '-')}" for each in given)
        raise Problem(f"Give one of {options}.", USAGE)
    return bool(given)


def _shown(name: str, profile: profiles.Profile, kept: profiles.Profiles) -> Body:
    said = profile.stated()
    token = said.pop("token", None) and MASK
    if profile.token_env:
        token = f"from {profile.token_env}"
    elif profile.token_command:
        token = "from a command"
    said.pop("token_env", None)
    said.pop("token_command", None)
    if profile.server:
        said["server"] = shown_address(profile.server)
    key = said.pop("signature_key", None) and MASK
    if profile.signature_key_env:
        key = f"from {said.pop('signature_key_env')}"
    if key:
        said["signature_key"] = key
    return {"name": name, **said, "token": token, "current": kept.current == name}


def _told(session: Session, sentence: str, name: str, kept: profiles.Profiles) -> None:
    body = _shown(name, kept.named[name], kept)
    facts = [(key, body.get(key)) for key in ("server", "namespace", "token", "signature_key")]
    used = "whenever none is named" if body["current"] else None
    session.printer.done(
        body, sentence, [*facts, ("used", used), ("file", _shortened(profiles.path()))]
    )


def _shortened(path: Path) -> str:
    """A path as people say it, from their home."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
