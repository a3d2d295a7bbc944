"""The catalogue of reasons: why a request is refused, with which status, and what would help."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from durable_contracts import locate
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.reading import read

PLANES = ("public", "discovery", "control", "worker")
TEXT_KEYS = ("message", "error")
# A dot and a word tell two meanings of one reason apart; only the part before it is sent.
_REASON = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")
_FACT = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_MEMBERS = {
    *("planes", "status", "message", "text_key", "remedy", "fields", "retry_after_seconds"),
    *PLANES,
    "variants",
}


@dataclass(frozen=True)
class RefusalEntry:
    """What a reason means on the wire.

    `message` is a template whose `{facts}` the refusal brings; `fields` are the facts that also
    stand in the body by name; `variants` holds, by plane, the entry that differs there.
    """

    reason: str
    planes: tuple[str, ...]
    status: int
    message: str
    text_key: str
    remedy: str
    fields: tuple[str, ...]
    retry_after_seconds: int | None
    variants: Mapping[str, "RefusalEntry"] | None

    @property
    def sent_reason(self) -> str:
        """The reason as it stands in the body."""
        return self.reason.partition(".")[0]

    @property
    def facts(self) -> frozenset[str]:
        """The facts that the template needs."""
        return frozenset(_FACT.findall(self.message))

    def on(self, plane: str) -> "RefusalEntry":
        """The entry as it reads on a plane."""
        return (self.variants or {}).get(plane, self)


@cache
def load() -> dict[str, RefusalEntry]:
    """Every reason of the catalogue."""
    return load_from(locate.tree())


def load_from(tree: Tree) -> dict[str, RefusalEntry]:
    """Every reason of the catalogue in a tree of contract files."""
    label = tree.label(tree.refusals)
    stated = read(tree.refusals)
    if not isinstance(stated, dict):
        raise Defect(label, "the catalogue maps reasons to entries")
    return {reason: _entry(reason, entry, label) for reason, entry in stated.items()}


def promised(tree: Tree) -> dict[str, dict[str, dict[str, Any]]]:
    """What the catalogue promises, by reason and plane: status, members and words."""
    return {
        reason: {
            plane: {
                "status": here.status,
                "text_key": here.text_key,
                "fields": sorted(here.fields),
                "message": here.message,
                "remedy": here.remedy,
                "retry_after_seconds": here.retry_after_seconds,
            }
            for plane, here in ((plane, entry.on(plane)) for plane in entry.planes)
        }
        for reason, entry in load_from(tree).items()
    }


def _entry(reason: str, stated: Any, label: str) -> RefusalEntry:
    place = f"{label}#/{reason}"
    if not _REASON.fullmatch(reason):
        raise Defect(place, "a reason reads lower_case or lower_case.word")
    if not isinstance(stated, dict):
        raise Defect(place, "an entry is a mapping")
    for name in stated:
        if name not in _MEMBERS:
            raise Defect(f"{place}/{name}", "an entry has no such member")
    plain = {key: value for key, value in stated.items() if key not in (*PLANES, "variants")}
    entry = _plain(reason, plain, place)
    differing = {**stated.get("variants", {}), **{p: stated[p] for p in PLANES if p in stated}}
    if not differing:
        return entry
    variants = {}
    for plane, override in differing.items():
        if plane not in entry.planes:
            raise Defect(f"{place}/{plane}", "the entry is not for this plane")
        variants[plane] = _plain(reason, {**plain, **override}, f"{place}/{plane}")
    return RefusalEntry(**{**entry.__dict__, "variants": variants})


def _plain(reason: str, stated: dict[str, Any], place: str) -> RefusalEntry:
    for name in ("planes", "status", "message", "remedy"):
        if not stated.get(name):
            raise Defect(place, f"the entry does not say {name}")
    planes, status = tuple(stated["planes"]), stated["status"]
    if not set(planes) <= set(PLANES):
        raise Defect(f"{place}/planes", f"planes are {', '.join(PLANES)}")
    if not isinstance(status, int) or not 400 <= status <= 599:
        raise Defect(f"{place}/status", "a refusal's status is 400 to 599")
    text_key = stated.get("text_key", "message")
    if text_key not in TEXT_KEYS:
        raise Defect(f"{place}/text_key", f"the text key is {' or '.join(TEXT_KEYS)}")
    retry = stated.get("retry_after_seconds")
    if status == 503 and retry is None:
        raise Defect(f"{place}/retry_after_seconds", "a 503 says when to come back")
    return RefusalEntry(
        reason=reason,
        planes=planes,
        status=status,
        message=str(stated["message"]),
        text_key=text_key,
        remedy=str(stated["remedy"]),
        fields=tuple(stated.get("fields", ())),
        retry_after_seconds=retry,
        variants=None,
    )
