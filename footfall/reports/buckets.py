"""Time as a time zone's clock shows it: instants, and the hours, days, weeks and months of a range.

All instants are 100-ns ticks since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from footfall.errors import UsageError
from footfall.reports.arrays import Array
from footfall.reports.columns import Column
from footfall.timeuuid import TICKS_PER_SECOND, Moment, ticks_at

_HOUR = 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
#: More buckets than anybody reads: a range that is a mistake.
MOST = 200_000


def zone_of(name: object) -> tzinfo:
    """Return a time zone by its name.

    :raises UsageError: it is unknown.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)  # type: ignore[arg-type]
    except (OSError, TypeError, ValueError, LookupError):
        raise UsageError(f"tz {name!r}: unknown time zone; use a name such as UTC or Europe/Berlin") from None


def instant(moment: Moment, zone: tzinfo) -> int:
    """Return the ticks of a moment: a date is its midnight in the zone, a naive datetime is the zone's clock."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    return ticks_at(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))


def local(ticks: int, zone: tzinfo) -> datetime:
    """Return what a zone's clock shows at an instant, to the microsecond below."""
    return (_EPOCH + timedelta(microseconds=ticks // 10)).astimezone(zone)


class Times(NamedTuple):
    """Some instants, in order, of which few need to be looked at.

    :param size: how many.
    :param first: ticks of the first.
    :param last: ticks of the last.
    :param place: gives how many of them lie before an instant.
    """

    size: int
    first: int
    last: int
    place: Callable[[int], int]


@dataclass(frozen=True)
class Buckets:
    """The hours, days, weeks or months of a range, in order.

    :param values: what each is called: a date, or the aware datetime of an hour's start.
    :param edges: ticks at which each begins, the first at the range's begin at the latest; int64.
    """

    values: list[Moment]
    edges: Array

    def __len__(self) -> int:
        return len(self.values)

    def positions(self, times: Times) -> tuple[Array, Array]:
        """Return where among some instants each bucket that they touch begins and ends, and which these are.

        :param times: all in the range.
        :returns: one position more than buckets; the numbers of the buckets.
        """
        if not times.size:
            return np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32)
        first, last = np.searchsorted(self.edges, (times.first, times.last), side="right") - 1
        inner = [times.place(edge) for edge in self.edges[first + 1:last + 1].tolist()]
        return np.array([0, *inner, times.size]), np.arange(first, last + 1, dtype=np.int32)

    def column(self, times: Times) -> Column:
        """Return for each of some instants the number of its bucket."""
        positions, numbers = self.positions(times)
        return Column(np.repeat(np.arange(len(numbers)), np.diff(positions)), numbers)


def buckets(dimension: str, zone: tzinfo, since: int, until: int) -> Buckets:
    """Return the buckets of a range.

    :param dimension: ``hour``, ``day``, ``week`` or ``month``.
    :raises UsageError: there are more than :data:`MOST`.
    """
    if until <= since:
        return Buckets([], np.zeros(0, dtype=np.int64))
    steps = _hours(zone, since, until) if dimension == "hour" else _dates(dimension, zone, since, until)
    found: list[tuple[Moment, int]] = []
    for value, begin in steps:
        # Nothing lies in a day that a zone left out, as Samoa did when it crossed the date line.
        if found and found[-1][1] == begin:
            found.pop()
        found.append((value, begin))
        if len(found) > MOST:
            raise UsageError(f"dimension {dimension!r}: more than {MOST} in the range; use a longer step or "
                             "a shorter range")
    return Buckets([value for value, _ in found], np.array([begin for _, begin in found], dtype=np.int64))


def bucket_date(dimension: str, day: date) -> date:
    """Return the first day of the day, week or month that a day lies in."""
    if dimension == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if dimension == "month" else day


def next_date(dimension: str, first: date) -> date:
    """Return the first day of the day, week or month after the one that begins with ``first``."""
    if dimension == "month":
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=7 if dimension == "week" else 1)


def _dates(dimension: str, zone: tzinfo, since: int, until: int) -> Iterator[tuple[date, int]]:
    day = local(since, zone).date()
    # Where a clock goes back over midnight, the day that the range begins in may be the one that is past.
    if instant(day + _DAY, zone) <= since:
        day += _DAY
    first = bucket_date(dimension, day)
    while (begin := instant(first, zone)) < until:
        yield first, begin
        first = next_date(dimension, first)


def _hours(zone: tzinfo, since: int, until: int) -> Iterator[tuple[datetime, int]]:
    for begin, end in _of_one_offset(zone, since // TICKS_PER_SECOND, -(-until // TICKS_PER_SECOND)):
        offset = _offset(zone, begin)
        fixed = timezone(timedelta(seconds=offset))
        second = begin
        while second < end:
            start = (second + offset) // _HOUR * _HOUR - offset
            yield datetime.fromtimestamp(start, fixed), second * TICKS_PER_SECOND
            second = start + _HOUR


def _of_one_offset(zone: tzinfo, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a range within which the clock is not set, in seconds since 1970."""
    part = begin
    while begin < end:
        step = min(begin + 24 * _HOUR, end)
        if _offset(zone, step) != _offset(zone, begin):
            change = _change(zone, begin, step)
            yield part, change
            part = step = change
        begin = step
    if part < end:
        yield part, end


def _change(zone: tzinfo, low: int, high: int) -> int:
    """Return the first second after ``low``, up to ``high``, at which the clock is another than at ``low``."""
    offset = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(zone, middle) != offset else (middle, high)
    return high


def _offset(zone: tzinfo, second: int) -> int:
    return int(datetime.fromtimestamp(second, zone).utcoffset().total_seconds())  # type: ignore[union-attr]
