"""Counting a range: every group of events and visits that there is, with its counts.

Events are counted day by day under their own values, visits under those that docs/metrics.md gives them. Nothing here
runs once for an event: only numpy goes through the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from footfall.reports import daily
from footfall.reports.arrays import Array
from footfall.reports.buckets import Buckets, Times, times_of
from footfall.reports.choosing import Chooser
from footfall.reports.columns import Column, joined
from footfall.reports.daily import Owned, Totals
from footfall.reports.dimensions import Dimension, Kind
from footfall.reports.filters import Filter
from footfall.reports.frame import ALL, Frame
from footfall.reports.grouping import Grouping, Groups, Runs, different, first_of_each, summed, taken
from footfall.reports.metrics import OF_EVENTS, OF_VISITS
from footfall.reports.ranges import Span
from footfall.reports.visitors import Numbers, numbered

T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """What was counted.

    :param parts: for each dimension, the value of each group: a number in the vocabulary, or of a bucket.
    :param counts: by name, the count of each group.
    """

    parts: Array
    counts: dict[str, Array]


class Counting:
    """Counts the events and visits of a range.

    :param frame: the days.
    :param span: the range.
    :param by: dimensions to group by.
    :param buckets: those of each time dimension among them, by its name.
    :param where: which events and visits.
    :param goal: what makes a visit a conversion.
    """

    def __init__(self, frame: Frame, span: Span, by: Sequence[Dimension], buckets: dict[str, Buckets],
                 where: Filter | None, goal: Filter | None) -> None:
        self.frame = frame
        self.span = span
        self.by = by
        self.buckets = buckets
        self.where = where
        self.goal = goal
        self.choose = Chooser(frame)
        self.groups = Groups(len(by))
        self._counted: dict[str, list[tuple[Array, Array]]] = {}
        self._visitors: list[tuple[Array, Array]] = []

    def table(self, wanted: Collection[str]) -> Table:
        """Return the groups of which some count is not 0, and their counts.

        :param wanted: which counts, see :mod:`footfall.reports.metrics`.
        """
        wanted = frozenset(wanted)
        if wanted & OF_EVENTS:
            self._count_events(wanted)
        is_by_page = any(dimension.kind == "page" for dimension in self.by)
        of_visits = wanted & OF_VISITS
        ends = wanted & {"entries", "exits"}
        if of_visits or ends:
            begins = self.frame.beginning(*self.span)
            chosen = begins if self.where is None else begins & self.choose.visits(self.where)
            if not is_by_page:
                self._count_visits(of_visits | ends, chosen, self.frame.firsts)
            else:
                if of_visits:
                    self._count_visits_by_page(of_visits, chosen)
                if "entries" in ends:
                    self._count_visits(frozenset({"entries"}), chosen, self.frame.firsts)
                if "exits" in ends:
                    self._count_visits(frozenset({"exits"}), chosen, self.frame.lasts)
        return self._table(wanted)

    def _table(self, wanted: Collection[str]) -> Table:
        size = self.groups.size
        counts: dict[str, Array] = {name: np.zeros(size, dtype=np.int64) for name in wanted}
        for name, pieces in self._counted.items():
            for groups, numbers in pieces:
                np.add.at(counts[name], groups, numbers)
        if self._visitors:
            groups = joined(np.int64, (groups for groups, _ in self._visitors))
            visitors = joined(np.int64, (visitors for _, visitors in self._visitors))
            once = different(groups * (int(visitors.max(initial=0)) + 1) + visitors)
            counts["visitors"] += np.bincount(groups[once], minlength=size)
        # Some may have come to nothing: visits of a day that turned out to be parts of others.
        there = np.flatnonzero(np.logical_or.reduce([numbers != 0 for numbers in counts.values()]))
        return Table(self.groups.parts()[:, there], {name: numbers[there] for name, numbers in counts.items()})

    def _add(self, grouping: Grouping | Runs | Totals | Owned, counts: Mapping[str, Array]) -> None:
        """Add what was counted of a day's groups; those that lack a value are left out."""
        used = np.flatnonzero(np.logical_or.reduce([numbers != 0 for numbers in counts.values()]))
        parts = grouping.parts(used)
        whole = (parts >= 0).all(axis=0)
        if not whole.all():
            used, parts = used[whole], parts[:, whole]
        groups = self.groups.numbers(parts)
        for name, numbers in counts.items():
            self._counted.setdefault(name, []).append((groups, numbers[used]))

    # Events

    def _count_events(self, wanted: frozenset[str]) -> None:
        numbers = numbered(self.frame.derived) if "visitors" in wanted else None
        for place, day in enumerate(self.frame.days):
            rows = self.frame.rows(place, *self.span)
            if rows.start == rows.stop:
                continue
            derived = self.frame.derived[place]
            if rows == slice(0, len(day.facts)) and self._is_kept(("page", "visit")):
                self._add_whole_day(place, wanted, numbers)
                continue
            chosen = None if self.where is None else self.choose.events(place, self.where)[rows]
            grouping = self._of_events(place, rows)
            counts = {}
            for name, mask in (("views", derived.is_view), ("events", derived.is_custom)):
                if name in wanted:
                    counts[name] = grouping.count(mask[rows] if chosen is None else mask[rows] & chosen)
            if "engaged_time" in wanted:
                counts["engaged_time"] = grouping.total(day.facts.engaged[rows], chosen)
            if counts:
                self._add(grouping, counts)
            if numbers is not None:
                if isinstance(grouping, Runs):
                    self._add_visitors_of_runs(place, rows, grouping, chosen, numbers)
                else:
                    self._add_visitors(place, rows, grouping, chosen, numbers)

    def _of_events(self, place: int, rows: slice) -> Grouping | Runs:
        times = self.frame.times(place, rows)
        if (runs := self._runs(times)) is not None:
            return runs
        return Grouping([self.buckets[dimension.name].column(times) if dimension.kind == "time"
                         else self.frame.events(place, dimension).at(rows) for dimension in self.by])

    def _runs(self, times: Times) -> Runs | None:
        """Return the groups of a report by nothing, or by one time."""
        if not self.by:
            return Runs(np.array([0, times.size]), None)
        if len(self.by) == 1 and self.by[0].kind == "time":
            return Runs(*self.buckets[self.by[0].name].positions(times))
        return None

    def _add_visitors_of_runs(self, place: int, rows: slice, runs: Runs, chosen: Array | None,
                              numbers: Numbers) -> None:
        of_day, comes_again = numbers.of_day[place], numbers.comes_again[place]
        once = np.zeros(runs.size, dtype=np.int64)
        groups = self.groups.numbers(runs.parts(np.arange(runs.size)))
        if chosen is None and runs.size == 1 and rows == slice(0, len(self.frame.days[place].facts)):
            again = numbers.again[place]
            self._counted.setdefault("visitors", []).append((groups, np.array([len(comes_again) - len(again)])))
            self._visitors.append((np.full(len(again), groups[0]), of_day[again]))
            return
        for run, (begin, end) in enumerate(runs.spans):
            is_there = self.frame.present(place, slice(rows.start + begin, rows.start + end),
                                          None if chosen is None else chosen[begin:end])
            once[run] = np.count_nonzero(is_there & ~comes_again)
            again = of_day[is_there & comes_again]
            self._visitors.append((np.full(len(again), groups[run]), again))
        self._counted.setdefault("visitors", []).append((groups, once))

    def _is_kept(self, kinds: Collection[Kind], *, or_all: bool = False) -> bool:
        """Tell whether what is asked for is kept of each whole day.

        :param kinds: of the dimensions by which it is.
        :param or_all: whether it is kept by none, too.
        """
        return self.where is None and all(each.kind in kinds for each in self.by) and (or_all or len(self.by) > 0)

    def _add_whole_day(self, place: int, wanted: frozenset[str], numbers: Numbers | None) -> None:
        day, derived = self.frame.days[place].facts, self.frame.derived[place]
        columns = [self.frame.events(place, dimension) for dimension in self.by]
        if kept := wanted & OF_EVENTS - {"visitors"}:
            totals = self._kept(place, "events", lambda: daily.events_of(day, derived, columns))
            self._add(totals, {name: totals.counts[name] for name in kept})
        if numbers is not None:
            visitors = self._kept(place, "visitors", lambda: self._visitors_of(place, columns))
            codes, who = visitors.of(numbers.again[place])
            again = np.bincount(codes, minlength=len(visitors.count))
            self._add(visitors, {"visitors": visitors.count - again})
            self._add_again(visitors, codes, np.flatnonzero(again), numbers.of_day[place][who])

    def _kept(self, place: int, of: str, make: Callable[[], T]) -> T:
        """Return what is kept of a day as a whole, by the dimensions that are asked for."""
        return self.frame.derived[place].kept(of, self.by, [*map(self.frame.vocabulary, self.by)], make)

    def _visitors_of(self, place: int, columns: Sequence[Column]) -> Owned:
        derived = self.frame.derived[place]
        events, who = derived.by_visitor(self.frame.days[place].facts)
        return Owned(columns, events, who, len(derived.who))

    def _add_visitors(self, place: int, rows: slice, grouping: Grouping, chosen: Array | None,
                      numbers: Numbers) -> None:
        codes, who = self._pairs(place, rows, grouping, chosen)
        again = numbers.comes_again[place].take(who)
        once = np.bincount(codes.compress(~again), minlength=grouping.size)
        self._add(grouping, {"visitors": once})
        codes, who = codes.compress(again), who.compress(again)
        self._add_again(grouping, codes, np.flatnonzero(np.bincount(codes, minlength=grouping.size)),
                        numbers.of_day[place][who])

    def _add_again(self, grouping: Grouping | Owned, codes: Array, groups: Array, visitors: Array) -> None:
        """Add visitors who are there on several days, to be counted once at the end.

        :param codes: the group of each, in the day's numbers.
        :param groups: each of those groups once.
        """
        parts = grouping.parts(groups)
        whole = (parts >= 0).all(axis=0)
        numbers = np.full(int(groups.max(initial=0)) + 1, -1, dtype=np.int64)
        numbers[groups[whole]] = self.groups.numbers(parts[:, whole])
        found = numbers[codes]
        self._visitors.append((found[found >= 0], visitors[found >= 0]))

    def _pairs(self, place: int, rows: slice, grouping: Grouping, chosen: Array | None) -> tuple[Array, Array]:
        """Return each different pair of a group and a visitor of some events once."""
        facts = self.frame.days[place].facts
        events, who = self.frame.derived[place].by_visitor(facts)
        if chosen is not None or len(grouping.codes) < len(facts):
            is_chosen = np.zeros(len(facts), dtype=bool)
            is_chosen[rows] = True if chosen is None else chosen
            here = is_chosen.take(events)
            events, who = events.compress(here), who.compress(here)
        codes = grouping.codes.take(events - np.uint32(rows.start) if rows.start else events)
        places = first_of_each(who, codes)
        return codes.take(places), who.take(places)

    # Visits

    def _count_visits(self, wanted: frozenset[str], chosen: Array, column: Callable[..., Column]) -> None:
        """Count visits under what they are as wholes.

        :param column: gives what a page dimension tells of a visit: that of its first event, or of its last.
        """
        for place, day in enumerate(self.frame.days):
            low, high = np.searchsorted(day.visits.start, self.span)
            if low == high:
                continue
            if wanted <= daily.OF_VISITS and (low, high) == (0, len(day.visits)) and self._is_kept(
                    ("page", "visit", "end"), or_all=True):
                self._add_visits_of_whole_day(place, wanted, column)
                continue
            rows = slice(int(low), int(high))
            starts = times_of(day.visits.start[rows])
            grouping = self._runs(starts) or Grouping([
                self.buckets[dimension.name].column(starts) if dimension.kind == "time"
                else (column if dimension.kind == "page" else self.frame.firsts)(place, dimension).at(rows)
                for dimension in self.by])
            heads = slice(day.offset + rows.start, day.offset + rows.stop)
            self._add(grouping, self._visit_counts(wanted, grouping, heads, chosen[heads]))

    def _add_visits_of_whole_day(self, place: int, wanted: frozenset[str],
                                 column: Callable[..., Column]) -> None:
        day = self.frame.days[place]

        def columns(visits: Array | slice, *, alone: bool) -> list[Column]:
            """What visits are counted under: as wholes, or as the day alone tells them."""
            return [(self.frame.lasts_alone if alone and (each.name == "exit_page" or (is_last and each.kind == "page"))
                     else column if each.kind == "page" else self.frame.firsts)(place, each, visits)
                    for each in self.by]

        is_last = column == self.frame.lasts
        totals = self._kept(place, f"visits' {'lasts' if is_last else 'firsts'}", lambda: daily.visits_of(
            day.facts.visits, columns(ALL, alone=True), daily.OF_VISITS))
        self._add(totals, {name: totals.counts[name] for name in wanted})
        wrong = daily.visits_of(day.facts.visits, columns(day.changed, alone=True), wanted, day.changed)
        self._add(wrong, {name: -wrong.counts[name] for name in wanted})
        heads = np.setdiff1d(day.changed, day.parts, assume_unique=True)
        right = daily.visits_of(day.visits, columns(heads, alone=False), wanted, heads)
        self._add(right, right.counts)

    def _visit_counts(self, wanted: frozenset[str], grouping: Grouping | Runs, heads: Array | slice,
                      mask: Array) -> dict[str, Array]:
        counts = {}
        for name in wanted:
            weight = self._weight(name)
            if weight is None:
                counts[name] = grouping.count(mask)
            elif weight.dtype == bool:
                counts[name] = grouping.count(mask & weight[heads])
            else:
                counts[name] = grouping.total(weight[heads], mask)
        return counts

    def _weight(self, name: str) -> Array | None:
        """Return, of heads, what a visit adds to a count; ``None`` for one each."""
        return self.choose.visits(self.goal) if name == "conversions" and self.goal else self.frame.weight(name)

    def _count_visits_by_page(self, wanted: frozenset[str], chosen: Array) -> None:
        """Count visits under each different page, title, event … that their chosen events have."""
        apart = []
        for place, day in enumerate(self.frame.days):
            low, high = np.searchsorted(day.visits.start, self.span)
            if wanted <= daily.OF_VISITS and (low, high) == (0, len(day.visits)) and self._is_kept(["page"]) \
                    and len(self.by) == 1:
                apart.append(self._add_pages_of_whole_day(place, wanted, chosen))
                continue
            is_chosen = self.frame.told(place, chosen)
            if self.where is not None:
                is_chosen &= self.choose.events_of_visits(place, self.where)
            rows, visits = self._visit_pairs(place, is_chosen)
            if not len(rows):
                continue
            grouping = Grouping([
                self.frame.events(place, dimension).at(rows) if dimension.kind == "page"
                else self.frame.held(place, partial(self._of_visits, dimension=dimension)).at(visits)
                for dimension in self.by])
            heads = day.head[visits]
            # The same page may be there on both sides of midnight: visits of several days are counted at the end.
            is_whole = (heads == day.offset + visits) & ~self.frame.goes_on[heads]
            self._add(grouping, self._visit_counts(wanted, grouping, heads, is_whole))
            parts = grouping.parts(grouping.codes[~is_whole]).astype(np.int64)
            apart.append(np.concatenate((parts, heads[~is_whole][None, :])))
        if apart:
            together = np.unique(np.concatenate(apart, axis=1), axis=1)
            together = together[:, (together >= 0).all(axis=0)]
            groups, heads = self.groups.numbers(together[:-1].astype(np.int32)), together[-1]
            for name in wanted:
                weight = self._weight(name)
                added = np.ones(len(heads), dtype=np.int64) if weight is None else weight[heads].astype(np.int64)
                self._counted.setdefault(name, []).append((groups, added))

    def _add_pages_of_whole_day(self, place: int, wanted: frozenset[str], chosen: Array) -> Array:
        """Add what is kept of a day's visits by page, and return a page and a head for those that are not whole."""
        day, alone = self.frame.days[place], self.frame.days[place].facts.visits
        pages = self._kept(place, "visits' pages", lambda: self._pages_of(place))
        totals = self._kept(place, "visits by page", lambda: pages.totals(alone, daily.OF_VISITS))
        self._add(totals, {name: totals.counts[name] for name in wanted})
        codes, visits = pages.of(day.changed)
        self._add(totals, {name: -summed(codes, taken(alone.weight(name), visits), len(pages.count))
                           for name in wanted})
        heads = day.heads_of(visits)
        is_chosen = chosen.take(heads)
        return np.stack((pages.values[0].take(codes.compress(is_chosen)).astype(np.int64), heads.compress(is_chosen)))

    def _pages_of(self, place: int) -> Owned:
        facts = self.frame.days[place].facts
        rows, _ = self.frame.derived[place].by_visitor(facts)
        return Owned([self.frame.events(place, self.by[0])], rows, facts.visit.take(rows).astype(np.int64),
                     len(facts.visits))

    def _visit_pairs(self, place: int, is_chosen: Array) -> tuple[Array, Array]:
        """Return an event, and the visit, of each different pair of a visit and a page that it has, on one day.

        :param is_chosen: of the day's events.
        """
        facts = self.frame.days[place].facts
        rows, _ = self.frame.derived[place].by_visitor(facts)
        rows = rows.compress(is_chosen.take(rows))
        visits = facts.visit.take(rows).astype(np.int64)
        pages = Grouping([self.frame.events(place, dimension).at(rows) for dimension in self.by
                          if dimension.kind == "page"])
        once = first_of_each(visits, pages.codes)
        return rows.take(once), visits.take(once)

    def _of_visits(self, place: int, dimension: Dimension) -> Column:
        """Return what the visits that began on a day have of a dimension that is no page's."""
        if dimension.kind != "time":
            return self.frame.firsts(place, dimension)
        starts = self.frame.days[place].visits.start
        low, high = np.searchsorted(starts, self.span)
        column = self.buckets[dimension.name].column(times_of(starts[low:high]))
        codes = np.full(len(starts), len(column.values))
        codes[low:high] = column.codes
        return Column(codes, np.append(column.values, np.int32(-1)))
