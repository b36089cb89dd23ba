"""What whole days come to by some dimensions, without a filter: from the days' tallies, or counted if it is not there.

:mod:`footfall.reports.daily` counts; here it is known what of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from footfall.reports import daily
from footfall.reports.arrays import Array
from footfall.reports.columns import ALL, Column
from footfall.reports.daily import Owned, Totals
from footfall.reports.dimensions import PROP, Dimension, Kind
from footfall.reports.frame import Frame

T = TypeVar("T", Totals, Owned)


class WholeDays:
    """The days of a frame, each counted as it is alone.

    :param frame: the days.
    :param by: dimensions to group by, no times.
    """

    def __init__(self, frame: Frame, by: Sequence[Dimension]) -> None:
        self._frame = frame
        self._by = by
        # Of properties and of several dimensions there is no end: what they come to is kept in memory alone.
        self._is_lasting = len(by) < 2 and not any(each.name.startswith(PROP) for each in by)

    def can(self, kinds: Collection[Kind]) -> bool:
        """Tell whether all the dimensions are of some kinds."""
        return all(each.kind in kinds for each in self._by)

    def events(self, place: int) -> Totals:
        """Return the counts of a day's events; of no dimension that is a visit's end."""
        day, derived = self._frame.days[place].facts, self._frame.derived[place]
        return self._kept(place, "events", Totals, lambda: daily.events_of(
            day, derived, [self._alike(place, each, self._frame.events(place, each)) for each in self._by]))

    def visitors(self, place: int) -> Owned:
        """Return whose each group is."""
        derived = self._frame.derived[place]
        return self._kept(place, "visitors", Owned, lambda: Owned.made(
            [self._alike(place, each, self._frame.events(place, each)) for each in self._by],
            *derived.by_visitor(), len(derived.who)))

    def visits(self, place: int, *, by_last: bool) -> Totals:
        """Return the counts of a day's visits, which end at midnight here.

        :param by_last: a page is that of the visit's last event, not of its first.
        """
        return self._kept(place, f"visits' {'lasts' if by_last else 'firsts'}", Totals, lambda: daily.visits_of(
            self._frame.days[place].facts.visits,
            [self._alike(place, each, column) for each, column in zip(
                self._by, self.columns_alone(place, ALL, by_last=by_last), strict=True)], daily.OF_VISITS))

    def columns_alone(self, place: int, visits: Array | slice, *, by_last: bool) -> list[Column]:
        """Return what some of a day's visits are counted under, as the day alone tells them."""
        return [(self._frame.lasts_alone if each.name == "exit_page" or (by_last and each.kind == "page")
                 else self._frame.firsts)(place, each, visits) for each in self._by]

    def pages(self, place: int) -> Owned:
        """Return which pages, or titles, events …, each of a day's visits has."""
        facts, page = self._frame.days[place].facts, self._by[0]

        def make() -> Owned:
            rows, _ = self._frame.derived[place].by_visitor()
            return Owned.made([self._alike(place, page, self._frame.events(place, page))], rows,
                              facts.visit.take(rows), len(facts.visits))

        return self._kept(place, "visits' pages", Owned, make)

    def visits_by_page(self, place: int) -> Totals:
        """Return the counts of a day's visits under each page that they have."""
        return self._kept(place, "visits by page", Totals, lambda: self.pages(place).totals(
            self._frame.days[place].facts.visits, daily.OF_VISITS))

    def _kept(self, place: int, of: str, kind: type[T], make: Callable[[], T]) -> T:
        kept = self._frame.derived[place].kept((of, *(each.name for each in self._by)), lambda: make().arrays(),
                                               lasting=self._is_lasting)
        return kind.of(kept, [self._frame.looked_up(place, each) for each in self._by])

    def _alike(self, place: int, dimension: Dimension, column: Column) -> Column:
        """Return a column of a day in the numbers that are kept."""
        return Column(column.codes, self._frame.alike(place, dimension))
