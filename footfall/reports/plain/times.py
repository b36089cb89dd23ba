"""Time as a clock on the wall shows it: instants, and the hour, day, week and month that they lie in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

#: What events can be told apart by along time.
TIMES = ("hour", "day", "week", "month")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
#: No clock is set within a minute; and no hour begins within a quarter of one in which no clock is set.
_MINUTE = 60 * 10_000_000
_QUARTER = 15 * _MINUTE


def instant(moment: date | datetime, zone: ZoneInfo) -> int:
    """Return a moment in ticks since 1970.

    :param moment: a date is its midnight in the zone, a naive datetime what clocks there show, an aware one itself.
    """
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND * 10


def time_value(dimension: str, ticks: int, zone: ZoneInfo) -> date | datetime:
    """Return the hour, day, week (its Monday) or month (its first day) that an instant lies in.

    An hour is what the clock shows with its minutes at zero, and the clock's offset from UTC: by that the two hours
    differ that have one clock time when clocks go back.
    """
    local = _local(ticks, zone)
    if dimension == "hour":
        offset = local.utcoffset() or timedelta()
        return datetime(local.year, local.month, local.day, local.hour, tzinfo=timezone(offset))
    day = local.date()
    if instant(day + _DAY, zone) <= ticks:
        # Where a clock goes back over midnight, it comes twice: the day began the first time.
        day += _DAY
    if dimension == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if dimension == "month" else day


def buckets(dimension: str, since: int, until: int, zone: ZoneInfo) -> list[date | datetime]:
    """Return every hour, day, week or month that the range [since, until) touches, in order.

    :param since: in ticks since 1970, as ``until``.
    """
    # By their text: two hours that begin at one instant, on a clock that was set in between, are equal to Python.
    found: dict[str, date | datetime] = {}
    ticks = since
    while ticks < until:
        value = time_value(dimension, ticks, zone)
        found[value.isoformat()] = value
        quarter = ticks - ticks % _QUARTER + _QUARTER
        is_set = _local(ticks, zone).utcoffset() != _local(quarter, zone).utcoffset()
        ticks = ticks - ticks % _MINUTE + _MINUTE if is_set else quarter
    return list(found.values())


def _local(ticks: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + ticks // 10 * _MICROSECOND).astimezone(zone)
