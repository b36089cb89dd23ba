"""From the raw store to a day's facts, and from days to what a range of time needs."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from footfall import timeuuid
from footfall.columns import Column, sort_name
from footfall.pageview import row_key, unpack
from footfall.reports.day import Day, day_of
from footfall.reports.facts import fact_of
from footfall.reports.visits import GAP, StitchedDay, stitch
from footfall.storage import Store

#: The families that facts are made of.
COUNTED = ("PageViews", "Events")
_DAY = timedelta(days=1)


def build(store: Store, account: str, day: date) -> Day:
    """Return the facts of a UTC day.

    :raises StoreUnavailable: the store did not answer.
    """
    key = row_key(account, day)
    columns: Iterator[Column] = heapq.merge(*(store.family(family).xget(key) for family in COUNTED),
                                            key=lambda column: sort_name(column[0]))
    return day_of(day, ((timeuuid.ticks_of(name), fact_of(unpack(value))) for name, value in columns))


def days_around(load: Callable[[date], Day | None], first: date, last: date) -> list[StitchedDay]:
    """Return the days of a range that have events, and those beside it that its visits reach into.

    :param load: gives a day's facts, or ``None`` if it has no events.
    :param first: the first day, UTC.
    :param last: the last day, itself included.
    """
    days = [day for number in range(-1, (last - first).days + 2) if (day := load(first + number * _DAY)) is not None]
    while True:
        stitched = stitch(days)
        before = _reaches_back(stitched, first) and load(days[0].day - _DAY)
        after = _reaches_on(stitched, last) and load(days[-1].day + _DAY)
        if not before and not after:
            return stitched
        days = [*([before] if before else ()), *days, *([after] if after else ())]


def _reaches_back(days: list[StitchedDay], first: date) -> bool:
    """Tell whether a visit of the range, as far as is known yet, began so early that it may have begun before."""
    if not days or days[0].facts.day >= first:
        return False
    earliest = days[0]
    midnight = timeuuid.ticks_at(earliest.facts.day)
    count = len(earliest.visits)
    return any(((earliest.visits.start[day.head[day.head < count]] - midnight) <= GAP).any()
               for day in days if day.facts.day >= first)


def _reaches_on(days: list[StitchedDay], last: date) -> bool:
    """Tell whether a visit of the range, as far as is known yet, ended so late that it may go on."""
    if not days or days[-1].facts.day <= last:
        return False
    midnight = timeuuid.ticks_at(days[-1].facts.day + _DAY)
    return any(((midnight - day.visits.end) <= GAP).any() for day in days if day.facts.day <= last)
