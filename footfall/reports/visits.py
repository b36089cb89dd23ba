"""Visits: a visitor's events with gaps of at most :data:`GAP`, whatever the hour or the day.

:func:`visits_of` finds those of a day; :func:`stitch` joins what belongs together on both sides of midnight.
docs/metrics.md has the definition, with an example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

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

    @property
    def is_bounce(self) -> Array:
        """Whether a visit has exactly one page-view and nothing else that its reader brought about."""
        is_bounce: Array = (self.views == 1) & ~self.is_active
        return is_bounce

    def weight(self, count: str) -> Array | None:
        """Return what each visit adds to a count of :mod:`footfall.reports.metrics`; ``None`` if that is one."""
        if count == "bounces":
            return self.is_bounce
        if count == "duration":
            # Ticks from the first event to the last.
            return self.end - self.start
        return self.views if count == "views_of_visits" else None

    def added(self, count: str, places: Array) -> Array:
        """Return what some visits add to a count; int64."""
        if count == "duration":
            starts, ends = self.ends_of(places)
            lasted: Array = ends - starts
            return lasted
        weight = self.weight(count)
        return np.ones(len(places), dtype=np.int64) if weight is None else weight.take(places).astype(np.int64)

    def ends_of(self, places: Array) -> tuple[Array, Array]:
        """Return the ticks of the first and of the last event of some visits."""
        return self.start.take(places), self.end.take(places)


@dataclass(frozen=True)
class StitchedDay:
    """A day among others: its facts, and its visits as they really are.

    :param facts: the day's facts, whose own visits end at midnight.
    :param visits: those of the facts, in the same places, each that began on this day with all that belongs to it.
    :param offset: the number, among the visits of all the days stitched, of this day's first.
    :param parts: the numbers, among this day's visits, of those that are parts of visits that began on a day before;
        ascending.
    :param heads: the numbers, among the visits of all the days stitched, of the visits that those are parts of.
    :ivar changed: the numbers, among this day's visits, of those that are others than the day alone tells: parts of
        visits that began before, and visits that go on after it.
    """

    facts: Day
    visits: Visits
    offset: int
    parts: Array
    heads: Array

    @cached_property
    def head(self) -> Array:
        """For each visit the number, among the visits of all the days stitched, of the visit that it is a part of."""
        head: Array = np.arange(self.offset, self.offset + len(self.visits), dtype=np.int64)
        head[self.parts] = self.heads
        return head

    @cached_property
    def changed(self) -> Array:
        grown = self.visits.heads if isinstance(self.visits, GrownVisits) else self.parts[:0]
        return np.union1d(self.parts, grown)

    @property
    def is_head(self) -> Array:
        """For each visit, whether it began on this day."""
        is_head = np.ones(len(self.visits), dtype=bool)
        is_head[self.parts] = False
        return is_head

    def heads_of(self, numbers: Array) -> Array:
        """Return what :attr:`head` is for some visits, by their numbers in this day."""
        heads = self.offset + numbers
        if len(self.parts):
            place = np.minimum(np.searchsorted(self.parts, numbers), len(self.parts) - 1)
            is_part = self.parts[place] == numbers
            heads[is_part] = self.heads[place[is_part]]
        return heads


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

    Only what is close to midnight is looked at, so that days which lie in files stay there.
    """
    stitched: list[StitchedDay] = []
    offset = 0
    for facts in days:
        parts = heads = np.empty(0, dtype=np.int64)
        if stitched and (facts.day - stitched[-1].facts.day).days == 1:
            ended, parts = _meeting(stitched[-1].facts, facts)
            heads = stitched[-1].heads_of(ended)
            _grow(stitched, heads, facts, parts)
        stitched.append(StitchedDay(facts, facts.visits, offset, parts, heads))
        offset += len(facts.visits)
    return stitched


def _meeting(before: Day, day: Day) -> tuple[Array, Array]:
    """Return the numbers of those visits of a day that go on in the next, and there, in order, those of their parts."""
    if not len(before.visits) or not len(day.visits):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    first, last = int(day.times(slice(0, 1))[0]), int(before.times(slice(-1, None))[0])
    # Visits that ended late there and began early here: no visitor has two of either.
    late = _visits_among(before, slice(before.row_at(first - GAP), None))
    early = _visits_among(day, slice(0, day.row_at(last + GAP + 1)))
    _, in_late, in_early = np.intersect1d(before.visits.visitor[late], day.visits.visitor[early], return_indices=True)
    ended, begun = late[in_late], early[in_early]
    gaps = day.times(day.visits.first_row[begun]) - before.times(before.visits.last_row[ended])
    order = np.argsort(begun)
    order = order[gaps[order] <= GAP]
    return ended[order], begun[order]


def _visits_among(day: Day, rows: slice) -> Array:
    """Return the numbers of the visits that some events belong to, in order."""
    numbers = np.unique(day.visit[rows]).astype(np.int64)
    return numbers[numbers < len(day.visits)]


def _grow(before: list[StitchedDay], heads: Array, later: Day, tails: Array) -> None:
    """Join the parts of visits in a later day to where they began.

    :param heads: the numbers of the visits, among all.
    :param tails: the numbers of their parts, in the later day.
    """
    owners = np.searchsorted([day.offset for day in before], heads, "right") - 1
    for index in np.unique(owners).tolist():
        owner, here = before[index], owners == index
        days = (later.day - owner.facts.day).days
        before[index] = replace(owner, visits=GrownVisits(owner.visits, heads[here] - owner.offset, later.visits,
                                                          tails[here], days))


class GrownVisits(Visits):
    """Visits some of which go on over midnight; what changes by that is worked out when it is first asked for.

    :param heads: the numbers of the visits that go on.
    :param more: the visits of a later day.
    :param tails: the numbers, among those, of their parts.
    :param days: how many days later that is.
    """

    heads: Array

    def __init__(self, own: Visits, heads: Array, more: Visits, tails: Array, days: int) -> None:
        grown = {"start": lambda: own.start,
                 "last_day": lambda: _with(own.last_day, heads, np.uint16(days)),
                 "last_row": lambda: _with(own.last_row, heads, more.last_row[tails]),
                 "end": lambda: _with(own.end, heads, more.end[tails]),
                 "views": lambda: _with(own.views, heads, own.views[heads].astype(np.uint32) + more.views[tails]),
                 "is_active": lambda: _with(own.is_active, heads, own.is_active[heads] | more.is_active[tails])}
        earlier = own.heads if isinstance(own, GrownVisits) else heads[:0]
        vars(self).update(visitor=own.visitor, first_row=own.first_row, heads=np.union1d(earlier, heads), _grown=grown,
                          _parts=(own, heads, more, tails))

    def ends_of(self, places: Array) -> tuple[Array, Array]:
        own, heads, more, tails = vars(self)["_parts"]
        starts, ends = own.ends_of(places)
        order = np.argsort(heads)
        found = np.minimum(np.searchsorted(heads, places, sorter=order), len(heads) - 1)
        grown = np.flatnonzero(heads[order[found]] == places)
        ends[grown] = more.ends_of(tails[order[found[grown]]])[1]
        return starts, ends

    def __getattr__(self, name: str) -> Array:
        if name not in Visits.__dataclass_fields__:
            raise AttributeError(name)
        column: Array = vars(self)["_grown"][name]()
        if name not in ("start", "end"):
            vars(self)[name] = column
        return column


def _with(numbers: Array, places: Array, others: Any) -> Array:
    """Return numbers with others at some places, wide enough for both."""
    changed = numbers.astype(np.result_type(numbers, others))
    changed[places] = others
    return changed
