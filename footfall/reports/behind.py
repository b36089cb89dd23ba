"""The events behind a number: which of the stored events a report counted, each as it is stored.

A day's facts lie in the order of their events' names, but do not hold the names. So what a number counted is chosen
among the facts, by what chooses it for the number itself; only the events of the page that is shown are then looked
up, by the time of each and its place among those of the same time.
"""

from __future__ import annotations

import heapq
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from footfall import pageview, timeuuid
from footfall.changes import COUNTED
from footfall.errors import UsageError
from footfall.pageview import Packed, row_key
from footfall.reports.arrays import Array
from footfall.reports.buckets import zone_of
from footfall.reports.choosing import Chooser
from footfall.reports.filters import Filter, parse
from footfall.reports.frame import Days, Frame
from footfall.reports.ranges import Span, moment, span_of
from footfall.reports.visitors import numbered
from footfall.storage import Store
from footfall.timeuuid import Moment

#: What may be asked for, with the words for it: for each of these the number of events is the metric's.
KINDS: Mapping[str, str] = {
    "all": "all events", "views": "page-views", "events": "custom events",
    "visits": "the first event of each visit", "visitors": "the newest event of each visitor",
}
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


class Behind:
    """The events that a report counted.

    :param days: gives the days, as :func:`footfall.reports.query.run` takes it.
    :param kind: one of :data:`KINDS`.
    :param where: a filter, as :func:`footfall.reports.filters.parse` takes it.
    :param visitor: only this one's events, by his eight bytes.
    :raises UsageError: something is not what it may be.
    """

    def __init__(self, days: Days, kind: str, since: Moment | str, until: Moment | str, *, where: object = None,
                 tz: str = "UTC", visitor: bytes | None = None) -> None:
        if kind not in KINDS:
            raise UsageError(f"kind={kind!r}: must be one of {', '.join(KINDS)}")
        span = span_of(moment(since, "since"), moment(until, "until"), zone_of(tz))
        self._frame = Frame(days(*span.days()) if span.since < span.until else [])
        chosen = None if where is None else parse(where)
        self._rows = (_first_of_visits(self._frame, span, chosen) if kind == "visits"
                      else _of_events(self._frame, span, chosen, kind))
        if visitor is not None:
            self._rows = [rows.compress(_is_of(self._frame, place, visitor).take(rows))
                          for place, rows in enumerate(self._rows)]
        if kind == "visitors":
            self._rows = _newest_of_visitors(self._frame, self._rows)

    def __len__(self) -> int:
        return sum(map(len, self._rows))

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


def _of_events(frame: Frame, span: Span, where: Filter | None, kind: str) -> list[Array]:
    """Return the numbers of the events of each day that metrics of events count."""
    choose = Chooser(frame)
    found = []
    for place, derived in enumerate(frame.derived):
        rows = frame.rows(place, *span)
        mask = np.ones(rows.stop - rows.start, dtype=bool)
        if where is not None:
            mask = choose.events(place, where)[rows]
        if kind in ("views", "events"):
            mask = mask & (derived.is_view if kind == "views" else derived.is_custom)[rows]
        found.append((rows.start + np.flatnonzero(mask)).astype(np.uint32))
    return found


def _first_of_visits(frame: Frame, span: Span, where: Filter | None) -> list[Array]:
    """Return the number of the first event of each visit that metrics of visits count."""
    chosen = frame.beginning(*span)
    if where is not None:
        chosen &= Chooser(frame).visits(where)
    # Visits are in order of their first events, and so are these.
    return [day.visits.first_row[chosen[frame.own(place)]].astype(np.uint32) for place, day in enumerate(frame.days)]


def _newest_of_visitors(frame: Frame, rows: Sequence[Array]) -> list[Array]:
    """Return, of some events of each day, the newest one of each visitor."""
    numbers = numbered(frame.derived)
    is_new = np.ones(numbers.size, dtype=bool)
    found = []
    for place in reversed(range(len(frame.days))):
        facts, derived = frame.days[place].facts, frame.derived[place]
        visits = facts.visit[rows[place]]
        has_visitor = visits < len(facts.visits)
        of_day = rows[place].compress(has_visitor)
        who = numbers.of_day[place][derived.whose[visits.compress(has_visitor)]]
        of_day, who = of_day[is_new[who]][::-1], who[is_new[who]][::-1]
        once, newest = np.unique(who, return_index=True)
        is_new[once] = False
        found.append(np.sort(of_day[newest]))
    return found[::-1]


def _is_of(frame: Frame, place: int, visitor: bytes) -> Array:
    """Return which of a day's events are a visitor's."""
    facts = frame.days[place].facts
    is_his: Array = np.append(facts.visits.visitor == np.uint64(int.from_bytes(visitor)), False)[facts.visit]
    return is_his


def _stored(store: Store, key: str, low: int, high: int) -> Iterator[Found]:
    """Yield the events of a row from one tick to another, both included, in order."""
    families = [_slice(store, family, key, low, high) for family in COUNTED]
    return heapq.merge(*families, key=lambda found: timeuuid.sort_key(found.name))


def _slice(store: Store, family: str, key: str, low: int, high: int) -> Iterator[Found]:
    for name, value in store.family(family).xget(key, timeuuid.first_of(low), timeuuid.last_of(high)):
        yield Found(name, family, value)
