"""Visits: a visitor's events with gaps of at most :data:`GAP`, whatever the hour or the day.

:func:`visits_of` finds those of a day; :func:`stitch` joins what belongs together on both sides of midnight.
docs/metrics.md has the definition, with an example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from footfall.reports.arrays import Array, narrow
from footfall.timeuuid import TICKS_PER_SECOND

if TYPE_CHECKING:
    from footfall.reports.day import Day

# 1,800 s exactly is still the same visit.
GAP = 1800 * TICKS_PER_SECOND


@dataclass(frozen=True)
class Visits:
    """Some visits, in order of their first event: arrays of one length, whose integers may be narrow.

    :param visitor: who; uint64, the eight bytes of the field ``visitor`` as a number.
    :param first_row: the number of the first event within its day.
    :param last_row: the number of the last event within the day ``last_day``.
    :param last_day: how many days after this one the last event lies; 0 but for visits that were stitched.
    :param start: ticks of the first event; int64.
    :param end: ticks of the last event; int64.
    :param views: how many page-views.
    :param is_active: whether there is an event that its reader brought about, other than page-views.
    """

    visitor: Array
    first_row: Array
    last_row: Array
    last_day: Array
    start: Array
    end: Array
    views: Array
    is_active: Array

    def __len__(self) -> int:
        return len(self.visitor)


@dataclass(frozen=True)
class StitchedDay:
    """A day among others: its facts, and its visits as they really are.

    :param facts: the day's facts, whose own visits end at midnight.
    :param visits: those of the facts, in the same places, each that began on this day with all that belongs to it.
    :param head: for each visit the number, among the visits of all the days stitched, of the visit that it is a part
        of: itself, unless it began on a day before. int64.
    :param offset: the number, among the visits of all the days stitched, of this day's first.
    """

    facts: Day
    visits: Visits
    head: Array
    offset: int

    @property
    def is_head(self) -> Array:
        """For each visit, whether it began on this day."""
        own: Array = np.arange(self.offset, self.offset + len(self.visits))
        return np.equal(self.head, own)


def visits_of(ticks: Array, visitors: Array, is_view: Array, is_active: Array) -> tuple[Array, Visits]:
    """Return the number of each event's visit, and the visits.

    :param ticks: of the events, ascending.
    :param visitors: of the events; 0 where there is none.
    :param is_view: whether an event is a page-view.
    :param is_active: whether it is another event that its reader brought about.
    """
    rows = np.flatnonzero(visitors)
    order = rows[np.argsort(visitors[rows], kind="stable")]
    who, when = visitors[order], ticks[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (who[1:] != who[:-1]) | (when[1:] - when[:-1] > GAP)
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(order)) - 1
    first_row = order[starts] if len(order) else order
    # Numbered by visitor so far; from here on by the first event.
    rank = np.argsort(first_row, kind="stable")
    number = np.empty(len(rank), dtype=np.uint32)
    number[rank] = np.arange(len(rank), dtype=np.uint32)
    visit = np.full(len(ticks), len(rank), dtype=np.uint32)
    visit[order] = number[np.cumsum(begins) - 1] if len(order) else number
    first_row, last_row = first_row[rank], order[ends][rank] if len(order) else order
    counted = visit[is_view]
    views = np.bincount(counted, minlength=len(rank) + 1)[:-1]
    active = np.zeros(len(rank) + 1, dtype=bool)
    active[visit[is_active]] = True
    return narrow(visit), Visits(visitors[first_row], narrow(first_row), narrow(last_row),
                                 np.zeros(len(rank), dtype=np.uint16), ticks[first_row], ticks[last_row],
                                 narrow(views), active[:-1])


def stitch(days: Sequence[Day]) -> list[StitchedDay]:
    """Return days with the visits that go on over midnight joined: nothing else changes.

    :param days: of one account, in order; days without events may be left out. Visits that began before the first of
        them are not known to have: give the day before as well.
    """
    stitched: list[StitchedDay] = []
    offset = 0
    for facts in days:
        head = np.arange(offset, offset + len(facts.visits), dtype=np.int64)
        day = StitchedDay(facts, facts.visits, head, offset)
        if stitched and (facts.day - stitched[-1].facts.day).days == 1:
            _join(stitched, day)
        stitched.append(day)
        offset += len(facts.visits)
    return stitched


def _join(before: list[StitchedDay], day: StitchedDay) -> None:
    """Join the visits of a day that go on from the one before, to where they began."""
    last = before[-1].facts
    if not len(last.visits) or not len(day.visits):
        return
    # A visitor's first visit here and his last one there, if the gap between is short enough.
    midnight_gap = day.visits.start - GAP
    early = np.flatnonzero(midnight_gap <= last.visits.end.max())
    late = np.flatnonzero(last.visits.end >= day.visits.start.min() - GAP)
    ends = {int(last.visits.visitor[number]): number for number in late}
    pieces: dict[int, list[tuple[int, int]]] = {}
    seen: set[int] = set()
    for number in early:
        visitor = int(day.visits.visitor[number])
        if visitor in seen:
            continue
        seen.add(visitor)
        found = ends.get(visitor)
        if found is not None and day.visits.start[number] - last.visits.end[found] <= GAP:
            head = day.head[number] = before[-1].head[found]
            owner = next(index for index in reversed(range(len(before))) if before[index].offset <= head)
            pieces.setdefault(owner, []).append((int(head), int(number)))
    for index, joined in pieces.items():
        before[index] = _grown(before[index], day.facts, joined)


def _grown(owner: StitchedDay, later: Day, joined: Sequence[tuple[int, int]]) -> StitchedDay:
    """Return a day some of whose visits go on.

    :param later: the day on which they do.
    :param joined: the numbers of the visit, among all, and of its part in the later day, there.
    """
    heads = np.array([head - owner.offset for head, _ in joined])
    tails = np.array([tail for _, tail in joined])
    visits, more = owner.visits, later.visits
    grown = {name: getattr(visits, name).copy() for name in ("last_day", "end", "is_active")}
    grown |= {name: getattr(visits, name).astype(np.uint32) for name in ("last_row", "views")}
    grown["last_row"][heads] = more.last_row[tails]
    grown["last_day"][heads] = (later.day - owner.facts.day).days
    grown["end"][heads] = more.end[tails]
    grown["views"][heads] += more.views[tails]
    grown["is_active"][heads] |= more.is_active[tails]
    return replace(owner, visits=replace(visits, **grown))
