"""Where a command goes: what was said on the line, else in the environment, else in a profile.

One order for every value: option, environment variable, profile, built-in default.
"""

import os
import shlex
import subprocess
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from durable_cli import profiles
from durable_cli.problem import AUTH, USAGE, Problem

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
        return [each for each in (self.token, password) if each]


def resolve(given: Given) -> Connection:
    """The connection that these options, the environment and the profile make together."""
    kept = profiles.load()
    name = given.profile or _environment("DURABLE_WORKFLOW_PROFILE", "DW_ENV") or kept.current
    profile = kept.get(name) if name else profiles.Profile()
    sources: dict[str, str] = {}

    def chosen(what: str, option: str | None, variable: str, kept_value: str | None) -> str | None:
        stated = (
            ("option", option),
            (variable, _environment(variable)),
            (f"profile {name}", kept_value),
        )
        for source, value in stated:
            if value:
                sources[what] = source
                return value
        sources[what] = "default"
        return None

    server = chosen("server", given.server, "DURABLE_WORKFLOW_SERVER_URL", profile.server)
    namespace = chosen(
        "namespace", given.namespace, "DURABLE_WORKFLOW_NAMESPACE", profile.namespace
    )
    token = chosen("token", given.token, "DURABLE_WORKFLOW_AUTH_TOKEN", None)
    if token is None:
        token = _token_of(profile, str(name), sources)
    kept_verify = None if profile.tls_verify is None else str(profile.tls_verify)
    verify = chosen("tls_verify", given.tls_verify, "DURABLE_WORKFLOW_TLS_VERIFY", kept_verify)
    output = "json" if given.json_output else given.output or profile.output or "table"
    return Connection(
        server=_address(server or SERVER),
        namespace=namespace or NAMESPACE,
        token=token,
        tls_verify=_truth(verify or "true"),
        timeout_seconds=given.timeout or profile.timeout_seconds or TIMEOUT_SECONDS,
        retries=RETRIES if given.retries is None else given.retries,
        output=_format(output),
        wide=bool(given.wide),
        verbose=bool(given.verbose),
        profile=name,
        sources=sources,
    )


def _environment(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Problem(
            "The address of the server is not one.",
            USAGE,
            remedy="Say it as in --server http://127.0.0.1:8080.",
        )
    return text.rstrip("/").removesuffix("/api")


def _truth(text: str) -> bool:
    known = {**_TRUTHS, **_FALSEHOODS}
    if text.lower() not in known:
        raise Problem("--tls-verify takes true or false.", USAGE)
    return known[text.lower()]


def _format(text: str) -> str:
    if text not in FORMATS:
        raise Problem(f"--output takes one of {', '.join(FORMATS)}.", USAGE)
    return text


def _token_of(profile: profiles.Profile, name: str, sources: dict[str, str]) -> str | None:
    if profile.token_env:
        sources["token"] = f"{profile.token_env}, by profile {name}"
        value = _environment(profile.token_env)
        if value is None:
            raise Problem(
                f"Profile {name} takes its token from {profile.token_env}, which is not set.",
                AUTH,
                remedy=f"Set {profile.token_env}, or give --token.",
            )
        return value
    if profile.token_command:
        sources["token"] = f"a command, by profile {name}"
        return _token_by_command(profile.token_command, name)
    if profile.token:
        sources["token"] = f"profile {name}"
    return profile.token


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
        told = (getattr(error, "stderr", None) or type(error).__name__).strip()
        raise Problem(
            f"The command that gives profile {name} its token failed: {told}",
            AUTH,
            remedy=f"Run it by hand, or change it: dw profile set {name} --token-command …",
        ) from error
    token = done.stdout.strip()
    if not token:
        raise Problem(f"The command that gives profile {name} its token printed nothing.", AUTH)
    return token
