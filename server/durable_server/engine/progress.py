"""The progress that a heartbeat tells of, brought into its documented bounds before recording."""

import math
import re
from typing import Any

MESSAGE_CHARACTERS_MAX = 280
UNIT_CHARACTERS_MAX = 64
DETAILS_MAX = 20
DETAIL_CHARACTERS_MAX = 191
WHOLE_NUMBER_MAX = 2**53
_DETAIL_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def normalised_progress(raw: dict[str, Any]) -> dict[str, Any]:
    """The parts of a heartbeat that can be kept; what is out of bounds is cut or left out."""
    progress: dict[str, Any] = {}
    message = _text(raw.get("message"), MESSAGE_CHARACTERS_MAX)
    if message is not None:
        progress["message"] = message
    for name in ("current", "total"):
        number = _number(raw.get(name))
        if number is not None:
            progress[name] = number
    unit = _text(raw.get("unit"), UNIT_CHARACTERS_MAX)
    if unit is not None and ("current" in progress or "total" in progress):
        progress["unit"] = unit
    details = _details(raw.get("details"))
    if details:
        progress["details"] = details
    return progress


def _text(value: Any, characters_max: int) -> str | None:
    if not isinstance(value, str):
        return None
    return value.strip()[:characters_max] or None


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number) or number < 0:
        return None
    # Beyond this a float stands for many whole numbers, and JSON readers disagree about them.
    return int(number) if number.is_integer() and number <= WHOLE_NUMBER_MAX else number


def _details(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    kept: dict[str, Any] = {}
    for key in sorted(value):
        item = value[key]
        if _DETAIL_KEY.fullmatch(key) is None or len(kept) == DETAILS_MAX:
            continue
        if isinstance(item, str):
            text = _text(item, DETAIL_CHARACTERS_MAX)
            if text is not None:
                kept[key] = text
        elif _is_scalar(item):
            kept[key] = item
    return kept


def _is_scalar(item: Any) -> bool:
    return (
        item is None or isinstance(item, int) or (isinstance(item, float) and math.isfinite(item))
    )
