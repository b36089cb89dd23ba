"""Days that one report reads: the columns of their events, and of their visits as wholes.

Visits are numbered through all the days (:class:`~footfall.reports.visits.StitchedDay`). An array "of heads" has one
place for each of those numbers, and means something at the visits that begin on the day that numbers them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cached_property

import numpy as np

from footfall.reports.arrays import Array
from footfall.reports.buckets import Times
from footfall.reports.columns import ALL, KEPT, Column, Vocabulary, joined, some, with_more
from footfall.reports.dimensions import DIMENSIONS, Dimension
from footfall.reports.ranges import Span
from footfall.reports.visits import StitchedDay

#: Gives the days of a range that have events, the first and the last UTC day included, and those beside it that its
#: visits reach into, as :func:`footfall.reports.building.days_around` does.
Days = Callable[[date, date], Sequence[StitchedDay]]
_PAGE = DIMENSIONS["page"]


class Frame:
    """Some stitched days. Days are named by their place in the list.

    :param days: as :func:`footfall.reports.building.days_around` gives them.
    """

    def __init__(self, days: Sequence[StitchedDay]) -> None:
        self.days = days
        self.derived = [KEPT.derived(day.facts) for day in days]
        self.size = sum(len(day.visits) for day in days)
        self._offsets = np.array([day.offset for day in days], dtype=np.int64)
        self._places = {day.facts.day: place for place, day in enumerate(days)}
        self._vocabularies: dict[str, Vocabulary] = {}
        self._weights: dict[str, Array | None] = {}

    @classmethod
    def over(cls, days: Days, span: Span) -> Frame:
        """Return the days of a range."""
        return cls(days(*span.days()) if span.since < span.until else [])

    def vocabulary(self, dimension: Dimension) -> Vocabulary:
        """Return the vocabulary of a dimension, the same for as long as the frame is there."""
        name = _PAGE.name if dimension.kind == "end" else dimension.name
        if name not in self._vocabularies:
            self._vocabularies[name] = KEPT.vocabulary(name)
        return self._vocabularies[name]

    def values(self, place: int, dimension: Dimension) -> Array:
        """Return the numbers of the values in a day's table."""
        of = _PAGE if dimension.kind == "end" else dimension
        return self.derived[place].numbers(self.days[place].facts, of, self.vocabulary(of))

    def alike(self, place: int, dimension: Dimension) -> Array:
        """Return of each row of a day's table the first that has the same value, counted from 1; 0 if it is missing.

        It tells rows apart as :meth:`values` does, and means the same in every process.
        """
        values = self.values(place, dimension)
        _, firsts, numbers = np.unique(values, return_index=True, return_inverse=True)
        alike = firsts.astype(np.int32).take(numbers.reshape(-1)) + np.int32(1)
        alike[values < 0] = 0
        return alike

    def looked_up(self, place: int, dimension: Dimension) -> Array:
        """Return the values that what :meth:`alike` returns stands for."""
        return np.append(np.int32(-1), self.values(place, dimension))

    def events(self, place: int, dimension: Dimension) -> Column:
        """Return the own values of a day's events."""
        if dimension.kind == "end":
            return self.by_event(place, self.held(place, lambda owner: self.firsts(owner, dimension)))
        return Column(self.days[place].facts.codes[dimension.table], self.values(place, dimension))

    def firsts(self, place: int, dimension: Dimension, visits: Array | slice = ALL) -> Column:
        """Return the values of the visits that began on a day: those of their first events; their ends' pages.

        :param visits: of these only, by their numbers.
        """
        if dimension.name == "exit_page":
            return self.lasts(place, _PAGE, visits)
        day = self.days[place]
        codes = day.facts.codes[dimension.table].take(day.visits.first_row[visits])
        return Column(codes, self.values(place, dimension))

    def lasts(self, place: int, dimension: Dimension, visits: Array | slice = ALL) -> Column:
        """Return the values of the last events of the visits that began on a day, as :meth:`firsts`."""
        day = self.days[place]
        last_day, rows = day.visits.last_day[visits], day.visits.last_row[visits]
        later = np.flatnonzero(last_day)
        if len(later):
            rows = rows.copy()
            rows[later] = 0
        column = Column(day.facts.codes[dimension.table].take(rows), self.values(place, dimension))
        ends = np.zeros(len(later), dtype=np.int32)
        later_rows = day.visits.last_row[visits][later]
        for days in np.unique(last_day[later]).tolist():
            of_day = last_day[later] == days
            end = self._places[type(day.facts.day).fromordinal(day.facts.day.toordinal() + days)]
            codes = self.days[end].facts.codes[dimension.table][later_rows[of_day]]
            ends[of_day] = self.values(end, dimension)[codes]
        return with_more(column, later, ends)

    def lasts_alone(self, place: int, dimension: Dimension, visits: Array | slice = ALL) -> Column:
        """Return the values of the last events that visits have on the day that they began on, as :meth:`firsts`."""
        of = _PAGE if dimension.kind == "end" else dimension
        facts = self.days[place].facts
        return Column(facts.codes[of.table].take(facts.visits.last_row[visits]), self.values(place, of))

    def held(self, place: int, make: Callable[[int], Column]) -> Column:
        """Return, for each of a day's visits, what the day that it began on tells of it.

        :param make: gives the column of the visits of a day.
        """
        day = self.days[place]
        earlier = np.flatnonzero(~day.is_head)
        values = np.zeros(len(earlier), dtype=np.int32)
        heads = day.head[earlier]
        owners = np.searchsorted(self._offsets, heads, side="right") - 1
        for owner in np.unique(owners).tolist():
            column, here = make(owner), owners == owner
            values[here] = column.values[column.codes[heads[here] - self.days[owner].offset]]
        return with_more(make(place), earlier, values)

    def by_event(self, place: int, column: Column) -> Column:
        """Return for each event of a day what its visit has; nothing where it has no visitor."""
        codes = np.append(column.codes.astype(np.uint32), np.uint32(len(column.values)))
        return Column(codes.take(self.days[place].facts.visit), np.append(column.values, np.int32(-1)))

    def told(self, place: int, of_heads: Array) -> Array:
        """Return for each event of a day whether a boolean array of heads is true of its visit."""
        day = self.days[place]
        of_visits = np.append(of_heads[self.own(place)], False)
        of_visits[day.parts] = of_heads[day.heads]
        told: Array = of_visits.take(day.facts.visit)
        return told

    def own(self, place: int) -> slice:
        """Return where in an array of heads a day's visits lie."""
        day = self.days[place]
        return slice(day.offset, day.offset + len(day.visits))

    def weight(self, count: str) -> Array | None:
        """Return, of heads, what :meth:`~footfall.reports.visits.Visits.weight` is."""
        if count not in self._weights:
            found = [weight for day in self.days if (weight := day.visits.weight(count)) is not None]
            self._weights[count] = np.concatenate(found) if found else None
        return self._weights[count]

    @cached_property
    def goes_on(self) -> Array:
        """Of heads: whether the visit has events on other days too."""
        return joined(bool, (day.visits.last_day > 0 for day in self.days))

    def beginning(self, since: int, until: int) -> Array:
        """Return, of heads, whether the visit begins in a range of ticks."""
        begins = np.zeros(self.size, dtype=bool)
        for place, day in enumerate(self.days):
            begins[self.own(place)][self.starting(place, since, until)] = True
            begins[self.own(place)][day.parts] = False
        return begins

    def starting(self, place: int, since: int, until: int) -> slice:
        """Return which of a day's visits, parts of others included, have their first event in a range of ticks."""
        rows = self.rows(place, since, until)
        return slice(self._visit_at(place, rows.start), self._visit_at(place, rows.stop))

    def start_times(self, place: int, visits: slice) -> Times:
        """Return the times of the first events of some of a day's visits."""
        facts, count = self.days[place].facts, visits.stop - visits.start
        if not count:
            return Times(0, 0, 0, lambda _: 0)
        first, last = facts.times(facts.visits.first_row[[visits.start, visits.stop - 1]]).tolist()
        return Times(count, first, last, lambda at: self._visit_at(place, facts.row_at(at)) - visits.start)

    def _visit_at(self, place: int, row: int) -> int:
        """Return how many of a day's visits began before an event of it."""
        rows = self.days[place].visits.first_row
        if not len(rows) or row > rows[-1]:
            return len(rows)
        # Of the column's own type, or numpy would make a wider copy of all of it.
        return int(np.searchsorted(rows, rows.dtype.type(row)))

    def rows(self, place: int, since: int, until: int) -> slice:
        """Return which events of a day lie in a range of ticks."""
        facts = self.days[place].facts
        return slice(facts.row_at(since), facts.row_at(until))

    def times(self, place: int, rows: slice) -> Times:
        """Return the times of some of a day's events, at least one."""
        facts = self.days[place].facts
        first, last = facts.times(np.array([rows.start, rows.stop - 1])).tolist()
        return Times(rows.stop - rows.start, first, last, lambda at: facts.row_at(at) - rows.start)

    def present(self, place: int, rows: slice | Array) -> Array:
        """Return which of a day's visitors (``derived[place].who``) have an event among some of the day's.

        :param rows: those events, or their numbers.
        """
        facts, derived = self.days[place].facts, self.derived[place]
        if isinstance(rows, slice) and rows == slice(0, len(facts)):
            return np.ones(len(derived.who), dtype=bool)
        present = np.zeros(len(derived.who), dtype=bool)
        present[derived.whose.compress(self._with_event(place, rows))] = True
        return present

    def _with_event(self, place: int, rows: slice | Array) -> Array:
        """Return which of a day's visits, parts of others included, have an event among some of the day's."""
        facts = self.days[place].facts
        found = np.zeros(len(facts.visits) + 1, dtype=bool)
        if isinstance(rows, slice):
            begun = slice(self._visit_at(place, rows.start), self._visit_at(place, rows.stop))
            found[begun] = True
            # Of those that began before, the last event tells, but where it is later than all these.
            last = facts.visits.last_row[:begun.start]
            found[:begun.start] = (last >= rows.start) & (last < rows.stop)
            if not (last >= rows.stop).any():
                return found[:-1]
        found[some(facts.visit, rows)] = True
        return found[:-1]
