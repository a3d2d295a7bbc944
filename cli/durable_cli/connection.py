"""Where a command goes: what was said on the line, else in the environment, else in a profile.

One order for every value: option, environment variable, profile, built-in default.
"""

import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from durable_cli import profiles
from durable_cli.problem import AUTH, USAGE, Problem
from durable_cli.redact import shown_address

SERVER = "http://127.0.0.1:8080"
NAMESPACE = "default"
TIMEOUT_SECONDS = 30.0
RETRIES = 2
TOKEN_COMMAND_SECONDS_MAX = 30
FORMATS = ("table", "json", "jsonl", "yaml")
_TRUTHS = {"true": True, "yes": True, "on": True, "1": True}
_FALSEHOODS = {"false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Given:
    """The options of every command, as they were given; None where nothing was said."""

    profile: str | None = None
    server: str | None = None
    namespace: str | None = None
    token: str | None = None
    signature_key: str | None = None
    tls_verify: str | None = None
    timeout: float | None = None
    retries: int | None = None
    output: str | None = None
    json_output: bool | None = None
    wide: bool | None = None
    verbose: bool | None = None

    def over(self, other: "Given") -> "Given":
        """What is said here, and what the other says where nothing is."""
        mine = {name: value for name, value in vars(self).items() if value is not None}
        return Given(**{**vars(other), **mine})


@dataclass(frozen=True)
class Connection:
    """Everything a command needs to reach its server, and where each value came from."""

    server: str
    namespace: str
    token: str | None = field(repr=False)
    signature_key: str | None = field(repr=False)
    tls_verify: bool
    timeout_seconds: float
    retries: int
    output: str
    wide: bool
    verbose: bool
    profile: str | None
    sources: dict[str, str]

    @property
    def secrets(self) -> list[str]:
        """What must never be shown."""
        password = urlsplit(self.server).password
        return [each for each in (self.token, self.signature_key, password) if each]


def resolve(given: Given, *, credentials: bool = True) -> Connection:
    """The connection that these options, the environment and the profile make together.

    Without `credentials` those that a profile takes from elsewhere are not looked for.
    """
    kept = profiles.load()
    name = given.profile or _environment("DURABLE_WORKFLOW_PROFILE", "DW_ENV") or kept.current
    profile = kept.get(name) if name else profiles.Profile()
    sources: dict[str, str] = {}

    chosen = _chooser(sources, f"profile {name}")
    server = chosen("server", given.server, "DURABLE_WORKFLOW_SERVER_URL", profile.server)
    namespace = chosen(
        "namespace", given.namespace, "DURABLE_WORKFLOW_NAMESPACE", profile.namespace
    )
    token = chosen("token", given.token, "DURABLE_WORKFLOW_AUTH_TOKEN", None)
    if token is None and credentials:
        token = _token_of(profile, str(name), sources)
    key = chosen(
        "signature_key",
        given.signature_key,
        "DURABLE_WORKFLOW_SIGNATURE_KEY",
        profile.signature_key,
    )
    if key is None and profile.signature_key_env and credentials:
        key = _key_of(profile.signature_key_env, str(name), sources)
    kept_verify = None if profile.tls_verify is None else str(profile.tls_verify)
    verify = chosen("tls_verify", given.tls_verify, "DURABLE_WORKFLOW_TLS_VERIFY", kept_verify)
    output = "json" if given.json_output else given.output or profile.output or "table"
    return Connection(
        server=_address(server or SERVER),
        namespace=namespace or NAMESPACE,
        token=token,
        signature_key=key,
        tls_verify=_truth(verify or "true"),
        timeout_seconds=given.timeout or profile.timeout_seconds or TIMEOUT_SECONDS,
        retries=RETRIES if given.retries is None else given.retries,
        output=_format(output),
        wide=bool(given.wide),
        verbose=bool(given.verbose),
        profile=name,
        sources=sources,
    )


def _chooser(sources: dict[str, str], profile: str) -> Callable[..., str | None]:
    """Of option, variable and profile the first that says something; keeps which one it was."""

    def chosen(what: str, option: str | None, variable: str, kept: str | None) -> str | None:
        stated = (("option", option), (variable, _environment(variable)), (profile, kept))
        found = next(((source, value) for source, value in stated if value), ("default", None))
        sources[what] = found[0]
        return found[1]

    return chosen


def _key_of(variable: str, name: str, sources: dict[str, str]) -> str:
    sources["signature_key"] = f"{variable}, by profile {name}"
    return _variable(variable, "signature key", name)


def _environment(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Problem(
            f"The address of the server is not one: {shown_address(text)}",
            USAGE,
            remedy="Say it as in --server http://127.0.0.1:8080.",
        )
    return text.rstrip("/").removesuffix("/api")


def _truth(text: str) -> bool:
    known = {**_TRUTHS, **_FALSEHOODS}
    if text.lower() not in known:
        raise Problem(
            f"--tls-verify takes true or false, and not {text}.",
            USAGE,
            remedy="Leave it away to verify certificates.",
        )
    return known[text.lower()]


def _format(text: str) -> str:
    if text not in FORMATS:
        told = f"--output takes one of {', '.join(FORMATS)}, and not {text}."
        raise Problem(told, USAGE, remedy="Say it as in --output json; a profile may say it, too.")
    return text


def _token_of(profile: profiles.Profile, name: str, sources: dict[str, str]) -> str | None:
    if profile.token_env:
        sources["token"] = f"{profile.token_env}, by profile {name}"
        return _variable(profile.token_env, "token", name)
    if profile.token_command:
        sources["token"] = f"a command, by profile {name}"
        return _token_by_command(profile.token_command, name)
    if profile.token:
        sources["token"] = f"profile {name}"
    return profile.token


def _variable(variable: str, what: str, name: str) -> str:
    value = _environment(variable)
    if value is None:
        raise Problem(
            f"Profile {name} takes its {what} from {variable}, which is not set.",
            AUTH,
            remedy=f"Set {variable}, or give --{what.replace(' ', '-')}.",
        )
    return value


def _token_by_command(command: str, name: str) -> str:
    # The command is the owner's own, from a file that only they can write; no shell sees it.
    try:
        done = subprocess.run(
            shlex.split(command),
            capture_output=True,
            text=True,
            timeout=TOKEN_COMMAND_SECONDS_MAX,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # What it said may hold what must not be shown.
        status = getattr(error, "returncode", None)
        told = type(error).__name__ if status is None else f"exit status {status}"
        raise Problem(
            f"The command that gives profile {name} its token failed: {told}.",
            AUTH,
            remedy=f"Run it by hand, or change it: dw profile set {name} --token-command …",
        ) from error
    token = done.stdout.strip()
    if not token:
        raise Problem(f"The command that gives profile {name} its token printed nothing.", AUTH)
    return token
