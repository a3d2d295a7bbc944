"""When a schedule is to fire: cron expressions, intervals and calendars as instants.

Cron expressions follow the clock of their time zone as Debian's cron does: a time that a change of
the clock leaves out is taken right after the gap, one that comes twice is taken once, and
expressions for every so many minutes or hours follow real time. Calendars name times of the wall
clock, each taken once. Intervals count from 1970, whatever clocks show.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
from cronsim import CronSim, CronSimError

from durable_server.clock import SECOND

DAY = 86_400
UNITS = {"Y": 365 * DAY, "M": 30 * DAY, "W": 7 * DAY, "D": DAY}
TIME_UNITS = {"H": 3600, "M": 60, "S": 1}
SECONDS_MAX = 100 * 365 * DAY
# Beyond this no occurrence is looked for; the calendar of the library ends with the year 9999.
INSTANT_MAX = 32_503_680_000 * SECOND
YEARS_AHEAD = 50
LOCAL_TRIES_MAX = 20_000
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
CALENDAR_DEFAULTS = {
    "second": "0",
    "minute": "0",
    "hour": "0",
    "day_of_month": "*",
    "month": "*",
    "day_of_week": "*",
}
_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,10})Y)?(?:(\d{1,10})M)?(?:(\d{1,10})W)?(?:(\d{1,10})D)?"
    r"(?:T(?=\d)(?:(\d{1,10})H)?(?:(\d{1,10})M)?(?:(\d{1,10})S)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Interval(NamedTuple):
    """Every so many seconds, counted from `offset` seconds after 1970."""

    every: int
    offset: int


class Calendar(NamedTuple):
    """Times of the wall clock: a cron expression with seconds, whose days must both fit; years."""

    expression: str
    years: frozenset[int] | None


@dataclass(frozen=True)
class Spec:
    """A spec that can be computed with. start_at, end_at: instants, both included."""

    crons: tuple[str, ...]
    intervals: tuple[Interval, ...]
    calendars: tuple[Calendar, ...]
    zone: ZoneInfo | None
    start_at: int | None
    end_at: int | None

    def next_after(self, instant: int) -> int | None:
        """The first occurrence after an instant, or None when there is none any more."""
        if self.start_at is not None:
            instant = max(instant, self.start_at - 1)
        if not 0 <= instant < INSTANT_MAX:
            instant = max(instant, 0)
            if instant >= INSTANT_MAX:
                return None
        found = [at for at in self._candidates(instant) if at is not None]
        first = min(found, default=None)
        if first is None or first > INSTANT_MAX:
            return None
        return None if self.end_at is not None and first > self.end_at else first

    def within(self, start: int, end: int) -> Iterator[int]:
        """The occurrences from `start` on and before `end`, in order."""
        at = self.next_after(start - 1)
        while at is not None and at < end:
            yield at
            at = self.next_after(at)

    def _candidates(self, instant: int) -> Iterator[int | None]:
        for expression in self.crons:
            yield _next_of_cron(expression, self.zone, instant)
        for every, offset in self.intervals:
            step, shift = every * SECOND, offset * SECOND
            yield shift + ((instant - shift) // step + 1) * step
        for calendar in self.calendars:
            yield _next_of_calendar(calendar, self.zone, instant)


def compile_spec(given: dict[str, Any]) -> Spec:
    """The spec that a client gave, which has no problems."""
    return _compiled(orjson.dumps(given))


def spec_of(text: str) -> Spec:
    """The spec kept as JSON text, which had no problems when it was taken in."""
    return _compiled(text.encode())


@functools.lru_cache(maxsize=4096)
def _compiled(text: bytes) -> Spec:
    given = orjson.loads(text)
    return Spec(
        tuple(_cron_of(each) for each in given.get("cron_expressions") or ()),
        tuple(_interval_of(each) for each in given.get("intervals") or ()),
        tuple(_calendar_of(each) for each in given.get("calendars") or ()),
        _zone_of(given.get("timezone")),
        instant_of(given.get("start_at")),
        instant_of(given.get("end_at")),
    )


def spec_problems(given: dict[str, Any]) -> dict[str, list[str]]:
    """What is wrong with a spec whose shape is right, by dotted path; empty when nothing is."""
    errors: dict[str, list[str]] = {}
    if not any(given.get(name) for name in ("cron_expressions", "intervals", "calendars")):
        text = "Schedule spec must include at least one cron_expression, interval or calendar."
        errors["spec"] = [text]
    for number, expression in enumerate(given.get("cron_expressions") or ()):
        if not _is_cron(expression):
            name = f"spec.cron_expressions.{number}"
            errors[name] = [f"Invalid cron expression: [{expression}]."]
    for number, interval in enumerate(given.get("intervals") or ()):
        errors.update(_interval_problems(f"spec.intervals.{number}", interval))
    for number, calendar in enumerate(given.get("calendars") or ()):
        errors.update(_calendar_problems(f"spec.calendars.{number}", calendar))
    if not _is_zone(given.get("timezone")):
        errors["spec.timezone"] = [f"Unknown time zone: [{given['timezone']}]."]
    errors.update(_bound_problems(given))
    return errors


def duration_seconds(text: str) -> int | None:
    """The seconds of an ISO 8601 duration in whole units (a year is 365 days, a month 30)."""
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None:
        return None
    units = [*UNITS.values(), *TIME_UNITS.values()]
    seconds = sum(int(n or 0) * unit for n, unit in zip(match.groups(), units, strict=True))
    return seconds if seconds <= SECONDS_MAX else None


def instant_of(text: str | None) -> int | None:
    """The instant of an RFC 3339 text, in UTC unless it says otherwise, or None."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return _instant(aware)
    except (ValueError, OverflowError):
        return None


def _instant(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(instant: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant)


def _cron_of(expression: str) -> str:
    return MACROS.get(expression.strip().lower(), expression)


def _is_cron(expression: str) -> bool:
    fields = _cron_of(expression)
    return len(fields.split()) == 5 and _parses(fields)


def _parses(expression: str) -> bool:
    try:
        CronSim(expression, _EPOCH)
    except (CronSimError, ValueError):
        return False
    return True


def _next_of_cron(expression: str, zone: ZoneInfo | None, instant: int) -> int | None:
    moment = _moment(instant)
    try:
        found = next(CronSim(expression, moment if zone is None else moment.astimezone(zone)))
    except (StopIteration, OverflowError):
        return None
    # What is wished for in the hour that a clock shows twice is taken in the first of the two.
    # Asked in the second, the library answers with an instant that is past already.
    at = _instant(found.astimezone(UTC))
    while at <= instant:
        later = _later_of_cron(expression, found, instant)
        if later is None:
            return None
        found, at = later, _instant(later.astimezone(UTC))
    return at


def _later_of_cron(expression: str, found: datetime, instant: int) -> datetime | None:
    """The next occurrence behind one that is not after `instant`."""
    runs = CronSim(expression, found)
    for _ in range(LOCAL_TRIES_MAX):
        try:
            later = next(runs)
        except (StopIteration, OverflowError):
            return None
        if _instant(later.astimezone(UTC)) > instant:
            return later
    return None


def _interval_of(given: dict[str, Any]) -> Interval:
    every = duration_seconds(given["every"]) or 1
    return Interval(every, (duration_seconds(given.get("offset") or "PT0S") or 0) % every)


def _interval_problems(name: str, given: dict[str, Any]) -> dict[str, list[str]]:
    errors = {}
    if not duration_seconds(given["every"]):
        text = "must be an ISO 8601 duration of at least one second, such as PT15M."
        errors[f"{name}.every"] = [f"The {name}.every field {text}"]
    if given.get("offset") and duration_seconds(given["offset"]) is None:
        text = "must be an ISO 8601 duration, such as PT5M."
        errors[f"{name}.offset"] = [f"The {name}.offset field {text}"]
    return errors


def _calendar_of(given: dict[str, Any]) -> Calendar:
    fields = [given.get(name) or default for name, default in CALENDAR_DEFAULTS.items()]
    return Calendar(" ".join(fields), _years(given.get("year")))


def _calendar_problems(name: str, given: dict[str, Any]) -> dict[str, list[str]]:
    errors = {}
    for position, (field, default) in enumerate(CALENDAR_DEFAULTS.items()):
        alone = ["*"] * len(CALENDAR_DEFAULTS)
        alone[position] = given.get(field) or default
        if len(alone[position].split()) != 1 or not _parses(" ".join(alone)):
            errors[f"{name}.{field}"] = [f"Invalid calendar field: [{given.get(field)}]."]
    try:
        _years(given.get("year"))
    except ValueError:
        errors[f"{name}.year"] = [f"Invalid calendar field: [{given['year']}]."]
    if not errors and not _parses(_calendar_of(given).expression):
        errors[name] = ["The calendar names a day that no month of it has."]
    return errors


def _years(text: str | None) -> frozenset[int] | None:
    """Years and ranges of years, separated by commas; None for every year."""
    if not text or text == "*":
        return None
    years: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not (first.isdigit() and (last or first).isdigit()):
            raise ValueError(part)
        low, high = int(first), int(last or first)
        if not 1970 <= low <= high <= 2999:
            raise ValueError(part)
        years.update(range(low, high + 1))
    return frozenset(years)


def _next_of_calendar(calendar: Calendar, zone: ZoneInfo | None, instant: int) -> int | None:
    """The first time of the wall clock whose instant is later; those of a gap come at its end."""
    local_zone = zone or UTC
    local = _moment(instant).astimezone(local_zone).replace(tzinfo=None)
    runs = _local_times(calendar, local)
    for _ in range(LOCAL_TRIES_MAX):
        found = next(runs, None)
        if found is None:
            return None
        at = _instant(_shown(found, local_zone))
        if at > instant:
            return at
    return None


def _local_times(calendar: Calendar, after: datetime) -> Iterator[datetime]:
    years, last_year = calendar.years, after.year + YEARS_AHEAD
    while True:
        runs = _runs(calendar.expression, after)
        try:
            found = next(runs)
        except (StopIteration, OverflowError):
            return
        if years is None or found.year in years:
            yield found
            after = found
            continue
        later = [year for year in years if year > found.year]
        if not later or min(later) > last_year:
            return
        after = datetime(min(later), 1, 1) - timedelta(seconds=1)


def _runs(expression: str, after: datetime) -> CronSim:
    runs = CronSim(expression, after)
    # Day of month and day of week are both to fit, other than in a crontab.
    runs.day_and = True
    return runs


def _shown(local: datetime, zone: Any) -> datetime:
    """The first moment at which clocks show this time, or the end of the gap that leaves it out."""
    aware = local.replace(tzinfo=zone, fold=0)
    if aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local:
        return aware.astimezone(UTC)
    before = aware.astimezone(UTC)
    # Left out: read with the offset before the gap, it lies as far behind the gap's end as it lay
    # behind its beginning.
    gap = zone.utcoffset(aware.replace(fold=0)) - zone.utcoffset(aware.replace(fold=1))
    return _end_of_gap(before, abs(gap), zone)


def _end_of_gap(moment: datetime, gap: timedelta, zone: Any) -> datetime:
    """The moment not later than this one at which the offset of the zone has changed."""
    low, high = moment - gap, moment
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == high.astimezone(zone).utcoffset():
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)


def _zone_of(name: str | None) -> ZoneInfo | None:
    return None if not name or name.upper() == "UTC" else ZoneInfo(name)


def _is_zone(name: str | None) -> bool:
    try:
        _zone_of(name)
    except (LookupError, ValueError, OSError):
        return False
    return True


def _bound_problems(given: dict[str, Any]) -> dict[str, list[str]]:
    errors = {}
    for name in ("start_at", "end_at"):
        if given.get(name) and instant_of(given[name]) is None:
            errors[f"spec.{name}"] = [f"The spec.{name} field must be a valid date."]
    start, end = instant_of(given.get("start_at")), instant_of(given.get("end_at"))
    if start is not None and end is not None and end < start:
        errors["spec.end_at"] = ["The spec.end_at field must not be before spec.start_at."]
    return errors
