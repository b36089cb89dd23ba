"""Ranges of time: what a query is about, and what it is compared with."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from itertools import pairwise
from typing import NamedTuple

from footfall.errors import UsageError
from footfall.reports.buckets import Buckets, instant, local, zone_of
from footfall.timeuuid import TICKS_PER_SECOND, Moment

_LEAST, _MOST = 1900, 2200
_DAY = 86_400 * TICKS_PER_SECOND
_EPOCH = date(1970, 1, 1).toordinal()


class Span(NamedTuple):
    """A range of time, half open, in 100-ns ticks since 1970."""

    since: int
    until: int

    def days(self) -> tuple[date, date]:
        """Return the first and the last UTC day that it touches; the last is before the first if it is empty."""
        return date.fromordinal(_EPOCH + self.since // _DAY), date.fromordinal(_EPOCH - 1 - (-self.until // _DAY))


def moment(value: object, name: str) -> Moment:
    """Return a date or datetime, also one that is written in ISO's form.

    :param name: what errors call it.
    :raises UsageError: it is none, or lies in a century without web pages.
    """
    found: object = value
    if isinstance(value, str):
        try:
            found = date.fromisoformat(value) if len(value) == len("2026-01-01") else datetime.fromisoformat(value)
        except ValueError:
            found = None
    if not isinstance(found, date):
        raise UsageError(f"{name} {value!r}: must be a date or a time, such as 2026-01-31 or 2026-01-31T12:00:00")
    if not _LEAST <= found.year <= _MOST:
        raise UsageError(f"{name} {value!r}: must lie between the years {_LEAST} and {_MOST}")
    return found


def span_of(since: Moment, until: Moment, zone: tzinfo) -> Span:
    """Return the range between two moments.

    :raises UsageError: it ends before it begins.
    """
    span = Span(instant(since, zone), instant(until, zone))
    if span.until < span.since:
        raise UsageError(f"until {until.isoformat()!r}: lies before since {since.isoformat()!r}; swap them")
    return span


def span_between(since: Moment | str, until: Moment | str, tz: str) -> Span:
    """Return the range that somebody asks for.

    :param since: as :func:`moment` takes it, as is ``until``.
    :param tz: a time zone's name.
    :raises UsageError: one of them is not what it may be, or the range ends before it begins.
    """
    return span_of(moment(since, "since"), moment(until, "until"), zone_of(tz))


def spans_of(steps: Buckets, span: Span) -> dict[str, Span]:
    """Return the part of a range that each of its buckets is, by its value as ISO writes it, in order.

    :param steps: those of the range.
    """
    edges = pairwise((*steps.edges.tolist(), span.until))
    return {value.isoformat(): Span(max(begin, span.since), end)
            for value, (begin, end) in zip(steps.values, edges, strict=True)}


def compared(compare: str | tuple[Moment, Moment], span: Span, zone: tzinfo) -> Span:
    """Return the range that one is compared with; docs/metrics.md defines ``previous`` and ``year``."""
    if not isinstance(compare, str):
        return span_of(*compare, zone)
    begin, end = local(span.since, zone), local(span.until, zone)
    if compare == "year":
        return Span(_at(_year_before(begin), span.since, zone), _at(_year_before(end), span.until, zone))
    first, last = begin.date(), end.date()
    if (instant(first, zone), instant(last, zone)) == span:
        return Span(instant(first - (last - first), zone), span.since)
    return Span(2 * span.since - span.until, span.since)


def _at(clock: datetime, ticks: int, zone: tzinfo) -> int:
    # The clock is told to the microsecond; what is below it stays as it was.
    return instant(clock, zone) + ticks % 10


def _year_before(clock: datetime) -> datetime:
    day = clock.day - 1 if (clock.month, clock.day) == (2, 29) else clock.day
    return clock.replace(year=clock.year - 1, day=day, tzinfo=None)

