"""How single values look in tables and descriptions."""

import json
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

NOTHING = "-"
_STYLES = {
    "green": "active accepting ok passed ready completed serving enabled advertised started done",
    "cyan": "pending running waiting leased scheduled",
    "yellow": "paused draining stale throttled saturated no_slots active_with_draining warning "
    "stale_only terminated cancelled skipped needs_attention cancelling partial",
    "red": "failed timed_out no_active_workers unavailable error full no_workers rejected missing",
}
_STYLE_OF = {word: style for style, words in _STYLES.items() for word in words.split()}
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def status(value: Any) -> Text:
    """A status in its colour; the word alone tells everything."""
    word = str(value)
    return Text(word, style=_STYLE_OF.get(word, ""))


def span(seconds: float) -> str:
    """A span of time in its two largest units: `1h 02m`, `5s`."""
    whole = int(abs(seconds))
    for index, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            first, rest = divmod(whole, size)
            if index + 1 < len(_UNITS) and whole < 10 * size:
                smaller, name = _UNITS[index + 1]
                return f"{first}{unit} {rest // smaller:02d}{name}" if rest else f"{first}{unit}"
            return f"{first}{unit}"
    return "0s"


def instant(value: Any) -> datetime | None:
    """The instant that an ISO 8601 text names; None when it names none."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def ago(value: Any) -> str:
    """An instant as seen from now: `5m ago`, `in 2h`."""
    when = instant(value)
    if when is None:
        return NOTHING
    seconds = (datetime.now(UTC) - when).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(seconds)}"


def moment(value: Any) -> Text | str:
    """An instant in full, and as seen from now."""
    when = instant(value)
    if when is None:
        return NOTHING
    full = when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Text.assemble(full, (f"  {ago(value)}", "dim"))


def took(start: Any, end: Any) -> str:
    """How long something lasted."""
    first, last = instant(start), instant(end)
    if first is None or last is None:
        return NOTHING
    seconds = (last - first).total_seconds()
    return span(seconds) if abs(seconds) >= 1 else f"{round(seconds * 1000)}ms"


def inline(value: Any) -> str:
    """A value on one line: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def yes(value: Any) -> str:
    """A truth as a word."""
    return "yes" if value else "no"


def size(count: Any) -> str:
    """Bytes in a unit that reads well."""
    if not isinstance(count, int | float):
        return NOTHING
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def cell(value: Any) -> Text | str:
    """Any value as a cell."""
    if isinstance(value, Text):
        return value
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return yes(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return inline(value)
