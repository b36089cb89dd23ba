"""A day's facts: every event of an account's UTC day in columns, and the visits that its events make up.

Events lie in order of (time, name), page-views and custom events together. A table (:data:`~footfall.reports.facts.
TABLES`) holds each different row once; a column of codes has the number of its row for each event. A day knows nothing
of others: visits that go on over midnight are joined when days are read (:func:`footfall.reports.visits.stitch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from footfall.reports.arrays import Array, narrow
from footfall.reports.facts import PASSIVE, TABLES, Fact, Row
from footfall.reports.tallies import Tallies
from footfall.reports.visits import Visits, visits_of

Table = list[Row]


@dataclass(frozen=True, eq=False)
class Day:
    """Facts of one UTC day. Each is equal to itself only, so that what reports make of it can be kept by it.

    :param ticks: 100-ns ticks since 1970 of each event, ascending; int64.
    :param codes: by table, for each event the number of its row there. As all numbers below, these are unsigned
        integers as narrow as the greatest of them allows: make them wider before you reckon with them.
    :param tables: by name, the different rows, in no order; see :data:`~footfall.reports.facts.TABLES`.
    :param engaged: milliseconds that the page was visible and had the focus, of an ``engagement``; 0 elsewhere.
    :param scroll: the deepest percentage of the page that was seen; 0 where not told.
    :param visit: for each event the number of its visit, or ``len(visits)`` for one that has no visitor.
    :param visits: the visits, in order of their first event, as this day alone tells them.
    """

    day: date
    ticks: Array
    codes: Mapping[str, Array]
    tables: Mapping[str, Table]
    engaged: Array
    scroll: Array
    visit: Array
    visits: Visits

    @cached_property
    def tallies(self) -> Tallies:
        """What was counted of it."""
        return Tallies()

    def release(self) -> None:
        """Let go of what of its files is in this process's memory; it is there again when it is looked at."""

    def __len__(self) -> int:
        return len(self.ticks)

    def times(self, rows: Array | slice) -> Array:
        """Return the ticks of some events, without those of all where they lie in a file."""
        times: Array = self.ticks[rows]
        return times

    def row_at(self, ticks: int) -> int:
        """Return the number of the first event that is not before a moment, ``len(self)`` if all are."""
        return int(np.searchsorted(self.ticks, ticks))


def day_of(day: date, events: Iterable[tuple[int, Fact]]) -> Day:
    """Return the facts of a day.

    :param events: ticks since 1970 and fact of each event, in order of (time, name).
    """
    ticks, rows = [], []
    for tick, fact in events:
        ticks.append(tick)
        rows.append(fact)
    tables: dict[str, Table] = {}
    codes: dict[str, Array] = {}
    for name in TABLES:
        known: dict[Row, int] = {}
        codes[name] = np.array([known.setdefault(getattr(fact, name), len(known)) for fact in rows], dtype=np.uint32)
        tables[name] = list(known)
    return day_of_columns(day, np.array(ticks, dtype=np.int64), codes, tables,
                          np.array([fact.visitor for fact in rows], dtype=np.uint64),
                          np.array([fact.engaged for fact in rows], dtype=np.uint32),
                          np.array([fact.scroll for fact in rows], dtype=np.uint32))


def day_of_columns(day: date, ticks: Array, codes: Mapping[str, Array], tables: Mapping[str, Table], visitors: Array,
                   engaged: Array, scroll: Array) -> Day:
    """Return the facts of a day whose columns are there, but for the visits.

    :param visitors: the visitor of each event, 0 for none; uint64.
    """
    codes = {name: narrow(column) for name, column in codes.items()}
    is_view, is_active = kinds_of(codes, tables)
    visit, visits = visits_of(ticks, visitors, is_view, is_active)
    return Day(day, ticks, codes, tables, narrow(engaged), narrow(scroll), visit, visits)


def kinds_of(codes: Mapping[str, Array], tables: Mapping[str, Table]) -> tuple[Array, Array]:
    """Return for each event whether it is a page-view, and whether it is another that its reader brought about."""
    events = [event for (event,) in tables["kind"]]
    is_view = np.array([event is None for event in events], dtype=bool)
    is_active = np.array([event is not None and event not in PASSIVE for event in events], dtype=bool)
    return is_view[codes["kind"]], is_active[codes["kind"]]
