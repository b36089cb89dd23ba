"""From the raw store to a day's facts, and from days to what a range of time needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from footfall import timeuuid
from footfall.changes import COUNTED
from footfall.pageview import row_key
from footfall.reports.day import Day
from footfall.reports.encoder import Encoder
from footfall.reports.facts import FIELDS
from footfall.reports.visits import GAP, StitchedDay, stitch
from footfall.storage import Store

_DAY = timedelta(days=1)


def build(store: Store, account: str, day: date, low: int | None = None, high: int | None = None) -> Day:
    """Return the facts of a UTC day.

    :param low: ticks since 1970 of the first events wanted; ``None`` for the day's first.
    :param high: ticks since 1970 of the last events wanted; ``None`` for the day's last.
    :raises StoreUnavailable: the store did not answer.
    :raises ValueError: the value of an event is no msgpack.
    """
    start = None if low is None else timeuuid.first_of(low)
    finish = None if high is None else timeuuid.last_of(high)
    encoder = Encoder()
    for family in COUNTED:
        for block in store.family(family).blocks(row_key(account, day), start, finish, FIELDS):
            encoder.add(block)
    return encoder.day(day)


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
    earliest = days[0].facts
    heads = np.concatenate([day.heads[day.heads < len(earliest.visits)] if day.facts.day >= first else day.heads[:0]
                            for day in days])
    since_midnight = earliest.times(earliest.visits.first_row[heads]) - timeuuid.ticks_at(earliest.day)
    return bool((since_midnight <= GAP).any())


def _reaches_on(days: list[StitchedDay], last: date) -> bool:
    """Tell whether a visit of the range, as far as is known yet, ended so late that it may go on."""
    if not days or days[-1].facts.day <= last:
        return False
    latest = days[-1].facts
    beyond = next(day.offset for day in days if day.facts.day > last)
    parts = days[-1].parts[days[-1].heads < beyond]
    to_midnight = timeuuid.ticks_at(latest.day + _DAY) - latest.times(latest.visits.last_row[parts])
    return bool((to_midnight <= GAP).any())
