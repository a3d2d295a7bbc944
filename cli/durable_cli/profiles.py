"""Profiles: named servers with their namespace and where their token comes from, in one file.

The file holds `current` and `profiles`, a map of names. It is readable by its owner alone.
"""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from durable_cli.problem import USAGE, Problem

FILE = "config.yaml"


@dataclass(frozen=True)
class Profile:
    """One named server; what is None is taken from the environment or the defaults."""

    server: str | None = None
    namespace: str | None = None
    token: str | None = None
    token_env: str | None = None
    token_command: str | None = None
    signature_key: str | None = None
    signature_key_env: str | None = None
    output: str | None = None
    tls_verify: bool | None = None
    timeout_seconds: float | None = None

    def stated(self) -> dict[str, Any]:
        """What the profile says, without what it leaves open."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass
class Profiles:
    """All profiles, and the name of the one that is used when none is named."""

    current: str | None = None
    named: dict[str, Profile] = field(default_factory=dict)

    def get(self, name: str) -> Profile:
        """The profile of this name; a name that nobody gave is a usage error."""
        if name in self.named:
            return self.named[name]
        known = ", ".join(sorted(self.named)) or "none yet"
        raise Problem(
            f"There is no profile {name}; there are: {known}.",
            USAGE,
            remedy=f"Make it: dw profile set {name} --server https://…, or name another.",
        )


def path() -> Path:
    """Where the file lies: DW_CONFIG_HOME, else XDG_CONFIG_HOME/dw, else ~/.config/dw."""
    own = os.environ.get("DW_CONFIG_HOME")
    if own:
        return Path(own) / FILE
    shared = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(shared) / "dw" / FILE


def load() -> Profiles:
    """The profiles of the file; none when there is no file."""
    place = path()
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Profiles()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"The profiles of {place} cannot be read: {error}", USAGE) from error
    return _read(text, place)


def save(profiles: Profiles) -> None:
    """Write the file whole, for its owner's eyes alone; an interrupted write leaves the old one."""
    import yaml

    place = path()
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    stated = {
        "current": profiles.current,
        "profiles": {name: each.stated() for name, each in sorted(profiles.named.items())},
    }
    fresh = place.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(stated, file, sort_keys=False, allow_unicode=True)
    fresh.replace(place)


def _read(text: str, place: Path) -> Profiles:
    import yaml

    try:
        stated = yaml.safe_load(text) or {}
        named = {
            str(name): Profile(**(each or {}))
            for name, each in (stated.get("profiles") or {}).items()
        }
        return Profiles(stated.get("current"), named)
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise Problem(
            f"The profiles of {place} are not understood: {error}",
            USAGE,
            remedy="Correct the file, or move it away and make the profiles anew.",
        ) from error
