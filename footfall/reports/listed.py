"""Some events of a site, read page by page as they are stored.

A day's facts lie in the order of their events' names, but do not hold the names. So whatever chooses events chooses
among the facts; only the events of the page that is shown are then looked up, by the time of each and its place among
those of the same time.
"""

from __future__ import annotations

import heapq
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from footfall import pageview, timeuuid
from footfall.changes import COUNTED
from footfall.pageview import Packed, row_key
from footfall.reports.arrays import Array
from footfall.reports.frame import Frame
from footfall.reports.visitors import numbered
from footfall.storage import Store

#: Chosen events with no more than so many others between them are read together.
NEAR = 50


class Found(NamedTuple):
    """An event as it is stored."""

    name: uuid.UUID
    family: str
    value: Packed

    @property
    def fields(self) -> dict[str, Any]:
        """Its fields: none, if it was written by hand and is no map, as facts have it."""
        fields: Any = pageview.unpack(self.value)
        return fields if isinstance(fields, dict) else {}


class Page(NamedTuple):
    """Some of the events, the newest first.

    :param first: how many newer ones there are.
    """

    first: int
    events: list[Found]


class Listed:
    """Some of the events of some days.

    :param rows: their numbers on each day of the frame, ascending.
    """

    def __init__(self, frame: Frame, rows: Sequence[Array]) -> None:
        self._frame = frame
        self._rows = rows

    def __len__(self) -> int:
        return sum(map(len, self._rows))

    def visits(self) -> int:
        """Return of how many visits they are."""
        found = np.zeros(self._frame.size, dtype=bool)
        for place, day in enumerate(self._frame.days):
            found[day.head[self._visits(place)]] = True
        return int(np.count_nonzero(found))

    def visitors(self) -> int:
        """Return of how many visitors they are."""
        numbers = numbered(self._frame.derived)
        found = np.zeros(numbers.size, dtype=bool)
        for place, derived in enumerate(self._frame.derived):
            found[numbers.of_day[place][derived.whose[self._visits(place)]]] = True
        return int(np.count_nonzero(found))

    def page(self, store: Store, account: str, count: int, *, before: uuid.UUID | None = None,
             after: uuid.UUID | None = None) -> Page:
        """Return some of the events.

        :param count: at most so many.
        :param before: the newest of those before the event of this name.
        :param after: the oldest of those after this one instead; if neither is given, the newest there are.
        :raises StoreUnavailable: the store did not answer.
        """
        if after is not None:
            low = self._place_of(store, account, after, included=True)
            high = min(low + count, len(self))
        else:
            high = len(self) if before is None else self._place_of(store, account, before, included=False)
            low = max(high - count, 0)
        events: list[Found] = []
        first = 0
        for place, rows in enumerate(self._rows):
            some = rows[max(low - first, 0):max(high - first, 0)]
            events += self._read(store, account, place, some)
            first += len(rows)
        return Page(len(self) - high, events[::-1])

    def _visits(self, place: int) -> Array:
        """Return the numbers, among a day's, of the visits of those of its events that have one."""
        facts = self._frame.days[place].facts
        visits = facts.visit[self._rows[place]]
        return visits[visits < len(facts.visits)]

    def _place_of(self, store: Store, account: str, name: uuid.UUID, *, included: bool) -> int:
        """Return how many of the events come before a name, it included or not."""
        ticks, key = timeuuid.ticks_of(name), timeuuid.sort_key(name)
        day = timeuuid.midnight(ticks).date()
        count = 0
        for place, stitched in enumerate(self._frame.days):
            if stitched.facts.day < day:
                count += len(self._rows[place])
            elif stitched.facts.day == day:
                there = [timeuuid.sort_key(found.name) for found in _stored(store, row_key(account, day), ticks, ticks)]
                row = stitched.facts.row_at(ticks) + sum(each < key or (included and each == key) for each in there)
                count += int(np.searchsorted(self._rows[place], row))
        return count

    def _read(self, store: Store, account: str, place: int, rows: Array) -> Iterator[Found]:
        """Yield some of a day's events, which are told by their places among the facts."""
        if not len(rows):
            return
        facts = self._frame.days[place].facts
        times = facts.times(rows).tolist()
        breaks = [0, *(np.flatnonzero(np.diff(rows.astype(np.int64)) > NEAR) + 1).tolist(), len(rows)]
        for start, stop in pairwise(breaks):
            together = defaultdict[int, list[Found]](list)
            for found in _stored(store, row_key(account, facts.day), times[start], times[stop - 1]):
                together[timeuuid.ticks_of(found.name)].append(found)
            for row, ticks in zip(rows[start:stop].tolist(), times[start:stop], strict=True):
                # What was removed since the facts were read is there no more.
                yield from together[ticks][row - facts.row_at(ticks):][:1]


def by_day(frame: Frame, numbers: Array) -> list[Array]:
    """Return events that are told by their numbers among those of all days of a frame by their numbers on each."""
    ends = np.cumsum([0, *(len(day.facts) for day in frame.days)])
    places = np.searchsorted(numbers := np.sort(numbers), ends)
    return [numbers[low:high] - first for low, high, first in zip(places[:-1], places[1:], ends[:-1], strict=True)]


def find(store: Store, account: str, name: uuid.UUID, families: Sequence[str] = COUNTED) -> Found | None:
    """Return the event of a name, ``None`` if there is none.

    :param families: where it may lie.
    :raises StoreUnavailable: the store did not answer.
    """
    key = pageview.event_key(account, name)
    for family in families:
        for found, value in store.family(family).multiget([key], [name]).get(key, {}).items():
            return Found(found, family, value)
    return None


def _stored(store: Store, key: str, low: int, high: int) -> Iterator[Found]:
    """Yield the events of a row from one tick to another, both included, in order."""
    families = [_slice(store, family, key, low, high) for family in COUNTED]
    return heapq.merge(*families, key=lambda found: timeuuid.sort_key(found.name))


def _slice(store: Store, family: str, key: str, low: int, high: int) -> Iterator[Found]:
    for name, value in store.family(family).xget(key, timeuuid.first_of(low), timeuuid.last_of(high)):
        yield Found(name, family, value)
