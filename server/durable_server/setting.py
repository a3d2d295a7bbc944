"""How one setting is stated: its type and default, and what the documentation says of it."""

from dataclasses import dataclass
from typing import Any

from pydantic import Field

FOUNDING = "2.0.0"
CANONICAL = "WORKFLOW_SERVER_"
ALIAS = "DW_"


@dataclass(frozen=True)
class SettingRow:
    """One setting as the documentation shows it."""

    attribute: str
    name: str
    alias: str
    kind: str
    default: str
    unit: str
    since: str
    sentence: str
    secret: bool


def setting(
    default: Any,
    sentence: str,
    *,
    name: str = "",
    unit: str = "",
    secret: bool = False,
    **bounds: Any,
) -> Any:
    """A field with what the documentation says of it; `name` replaces the canonical name."""
    extra: Any = {"name": name, "unit": unit, "since": FOUNDING, "secret": secret}
    return Field(
        default=default, description=sentence, json_schema_extra=extra, repr=not secret, **bounds
    )


def bound(default: int, sentence: str, unit: str, name: str = "") -> Any:
    """A structural limit: a setting that 0 switches off."""
    return setting(default, f"{sentence} 0: no limit.", unit=unit, name=name, ge=0)


def names(attribute: str, canonical: str = "") -> tuple[str, str]:
    upper = attribute.upper()
    return canonical or CANONICAL + upper, ALIAS + upper
