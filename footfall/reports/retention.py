"""Retention: of those who came first in a week or month, how many came again in each later one, and who they are."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np

from footfall.errors import UsageError
from footfall.reports.arrays import Array
from footfall.reports.buckets import Buckets, buckets, zone_of
from footfall.reports.frame import Days, Frame
from footfall.reports.ranges import Span, span_between, spans_of
from footfall.reports.visitors import numbered
from footfall.timeuuid import Moment, ticks_at

PERIODS = ("week", "month")
#: More periods than anybody reads, each of which has a number for each that follows it.
MOST = 600


class Cohort(NamedTuple):
    """Those who came first in one period.

    :param period: its first day.
    :param counts: how many of them came in it, which is all, in the next one, and so on to the last of the range.
    """

    period: date
    counts: list[int]


def retention(days: Days, since: Moment | str, until: Moment | str, *, oldest: date, period: str = "week",
              tz: str = "UTC") -> list[Cohort]:
    """Return the cohorts of a range, one for each period, oldest first.

    :param days: gives the days, as :func:`footfall.reports.query.run` takes it.
    :param oldest: the UTC day of the account's first event: who was there before the range is in no cohort.
    :param period: ``week`` or ``month``, in the time zone.
    :raises UsageError: something is not what it may be, or the range has too many periods.
    """
    span, periods = _periods(since, until, period, tz)
    if not len(periods):
        return []
    first, last = span.days()
    frame = Frame(days(min(oldest, first), last))
    numbers = numbered(frame.derived)
    counts = np.zeros((len(periods), len(periods)), dtype=np.int64)
    # Of those who are there on several days, the period that each came first in, and the one that he was last seen in.
    came, seen = (np.full(numbers.several, -1, dtype=np.int32) for _ in range(2))
    earlier = Span(ticks_at(date.min), span.since)
    for place, (of_day, comes_again) in enumerate(zip(numbers.of_day, numbers.comes_again, strict=True)):
        before = frame.present(place, frame.rows(place, *earlier))
        came[of_day[before & comes_again]] = len(periods)
        rows = frame.rows(place, *span)
        if rows.start == rows.stop:
            continue
        # Of this day's visitors the same, for those who are there on no other.
        came_first = np.where(before, len(periods), -1)
        positions, here = periods.positions(frame.times(place, rows))
        for number, begin, end in zip(here.tolist(), positions[:-1].tolist(), positions[1:].tolist(), strict=True):
            there = frame.present(place, slice(rows.start + begin, rows.start + end))
            once = np.flatnonzero(there & ~comes_again)
            came_first[once[came_first[once] < 0]] = number
            counts[:, number] += np.bincount(came_first[once], minlength=len(periods) + 1)[:-1]
            who = of_day[there & comes_again]
            who = who[seen[who] < number]
            seen[who] = number
            new = who[came[who] < 0]
            came[new] = number
            counts[:, number] += np.bincount(came[who], minlength=len(periods) + 1)[:-1]
    return [Cohort(value, counts[number, number:].tolist())
            for number, value in enumerate(periods.values)]


class Cell(NamedTuple):
    """A number of a cohort: who may be counted, and when.

    :param whose: for each day of the frame, which of its visitors are in the cohort.
    """

    frame: Frame
    span: Span
    whose: list[Array]


def cell(days: Days, since: Moment | str, until: Moment | str, *, cohort: str, later: int, oldest: date,
         period: str = "week", tz: str = "UTC") -> Cell:
    """Return whom a number of :func:`retention` counts: those of the cohort who have an event in the span.

    :param cohort: the first day of its period, as ISO writes it.
    :param later: how many periods later.
    :raises UsageError: the range has no such cohort, or ends before that period.
    """
    span, periods = _periods(since, until, period, tz)
    spans = spans_of(periods, span)
    since_then = list(spans.values())[list(spans).index(cohort):] if cohort in spans else []
    if not 0 <= later < len(since_then):
        raise UsageError(f"cohort={cohort!r}, later={later!r}: the days shown have no such {period}")
    first, counted = since_then[0], since_then[later]
    frame = Frame(days(min(oldest, first.days()[0]), counted.days()[1]))
    numbers = numbered(frame.derived)
    # Who has an event before the cohort's period, and who has one in it.
    older, there = (_present(frame, part) for part in (Span(ticks_at(date.min), first.since), first))
    is_new = there & ~older
    return Cell(frame, counted, [is_new[of_day] for of_day in numbers.of_day])


def _periods(since: Moment | str, until: Moment | str, period: str, tz: str) -> tuple[Span, Buckets]:
    if period not in PERIODS:
        raise UsageError(f"period {period!r}: unknown; use {', '.join(PERIODS)}")
    span = span_between(since, until, tz)
    periods = buckets(period, zone_of(tz), *span)
    if len(periods) > MOST:
        raise UsageError(f"period {period!r}: the range has {len(periods)}; ask for {MOST} at most")
    return span, periods


def _present(frame: Frame, span: Span) -> Array:
    """Return which visitors, by their numbers, have an event in a range."""
    numbers = numbered(frame.derived)
    present = np.zeros(numbers.size, dtype=bool)
    for place, of_day in enumerate(numbers.of_day):
        present[of_day[frame.present(place, frame.rows(place, *span))]] = True
    return present
