"""Counting a range: every group of events and visits that there is, with its counts.

Events are counted day by day under their own values, visits under those that docs/metrics.md gives them. Nothing here
runs once for an event: only numpy goes through the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from footfall.reports import daily
from footfall.reports.arrays import Array, distinct, ordered
from footfall.reports.buckets import Buckets, Times
from footfall.reports.choosing import Chooser
from footfall.reports.columns import Column, joined, some
from footfall.reports.daily import Owned, Totals
from footfall.reports.dimensions import Dimension
from footfall.reports.filters import Filter
from footfall.reports.grouping import (
    Grouping,
    Groups,
    Runs,
    Scattered,
    different,
    first_of_each,
    summed,
    taken,
    values_of,
)
from footfall.reports.metrics import OF_EVENTS, OF_VISITS
from footfall.reports.ranges import Span
from footfall.reports.visitors import Numbers, numbered
from footfall.reports.whole import WholeDays


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

    :param choose: of the days.
    :param span: the range.
    :param by: dimensions to group by.
    :param buckets: those of each time dimension among them, by its name.
    :param where: which events and visits.
    :param goal: what makes a visit a conversion.
    """

    def __init__(self, choose: Chooser, span: Span, by: Sequence[Dimension], buckets: dict[str, Buckets],
                 where: Filter | None, goal: Filter | None) -> None:
        self.choose = choose
        self.frame = frame = choose.frame
        self.span = span
        self.by = by
        self.buckets = buckets
        self.where = where
        self.goal = goal
        self.groups = Groups(len(by))
        # By a time, a day that lies in one of its steps is counted by nothing.
        self._is_by_time = len(by) == 1 and by[0].kind == "time"
        self._whole = WholeDays(frame, () if self._is_by_time else by)
        self._counted: dict[str, list[tuple[Array, Array]]] = {}
        #: Of each pair of a group and a visitor who is there on several days: group × all such visitors + visitor.
        self._visitors: list[Array] = []
        self._several = 0
        self._corrections = Scattered()

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
        if not is_by_page and (of_visits or ends):
            self._count_visits(of_visits | ends)
        elif of_visits:
            self._count_visits_by_page(of_visits)
        if is_by_page and "entries" in ends:
            self._count_visits(frozenset({"entries"}))
        if is_by_page and "exits" in ends:
            self._count_visits(frozenset({"exits"}), by_last=True)
        return self._table(wanted)

    @cached_property
    def _chosen(self) -> Array:
        """Of heads: which visits are counted."""
        begins = self.frame.beginning(*self.span)
        return begins if self.where is None else begins & self.choose.visits(self.where)

    def _table(self, wanted: Collection[str]) -> Table:
        for name, groups, numbers in self._corrections.counts(self.groups):
            self._counted.setdefault(name, []).append((groups, numbers))
        size = self.groups.size
        counts: dict[str, Array] = {name: np.zeros(size, dtype=np.int64) for name in wanted}
        for name, pieces in self._counted.items():
            for groups, numbers in pieces:
                np.add.at(counts[name], groups, numbers)
        if self._visitors:
            keys = joined(np.int64, self._visitors)
            # Those of all days may be much of what a report holds: one copy, put in order where it is.
            self._visitors.clear()
            counts["visitors"] += np.diff(np.searchsorted(distinct(keys), np.arange(size + 1) * self._several))
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
            # What is kept is narrow, and unsigned: numpy would add eight bytes of that to others by way of floats.
            self._counted.setdefault(name, []).append((groups, numbers[used].astype(np.int64)))

    # Events

    def _count_events(self, wanted: frozenset[str]) -> None:
        numbers = numbered(self.frame.derived) if "visitors" in wanted else None
        self._several = numbers.several if numbers else 0
        # Of those who are there on several days, the step of time that each was last seen in.
        seen = np.full(self._several, -1, dtype=np.int32)
        for place, day in enumerate(self.frame.days):
            rows = self.frame.rows(place, *self.span)
            if rows.start == rows.stop:
                continue
            is_whole = self.where is None and rows == slice(0, len(day.facts))
            if is_whole and self.by and not self._is_by_time and self._whole.can(("page", "visit")):
                self._add_whole_day(place, wanted, numbers)
                continue
            picked = None if self.where is None else self.choose.rows(place, self.where, rows)
            grouping = self._of_events(place, rows, picked)
            events = rows if picked is None else picked
            if isinstance(grouping, Runs) and grouping.size == 1 and is_whole:
                totals = self._whole.events(place)
                counts = {name: totals.counts[name] for name in wanted & OF_EVENTS - {"visitors"}}
            else:
                counts = self._event_counts(place, events, wanted, grouping)
            if counts:
                self._add(grouping, counts)
            if numbers is not None:
                if isinstance(grouping, Runs):
                    self._add_visitors_of_runs(place, events, grouping, numbers, seen)
                else:
                    self._add_visitors(place, events, grouping, numbers)

    def _event_counts(self, place: int, events: slice | Array, wanted: frozenset[str],
                      grouping: Grouping | Runs) -> dict[str, Array]:
        derived, counts = self.frame.derived[place], {}
        if "views" in wanted:
            counts["views"] = grouping.count(derived.views(events))
        if "events" in wanted:
            counts["events"] = grouping.count(derived.customs(events))
        if "engaged_time" in wanted:
            counts["engaged_time"] = grouping.total(some(self.frame.days[place].facts.engaged, events))
        return counts

    def _of_events(self, place: int, rows: slice, picked: Array | None) -> Grouping | Runs:
        """Return the groups of some of a day's events.

        :param picked: the numbers of those that count among them; ``None`` for all.
        """
        times = self.frame.times(place, rows)
        if (runs := self._runs(times)) is not None:
            return runs if picked is None else runs.among(picked - np.uint32(rows.start))
        events = rows if picked is None else picked
        here = slice(None) if picked is None else picked - np.uint32(rows.start)
        return Grouping([self.buckets[dimension.name].column(times).at(here) if dimension.kind == "time"
                         else self.frame.events(place, dimension).at(events) for dimension in self.by])

    def _runs(self, times: Times) -> Runs | None:
        """Return the groups of a report by nothing, or by one time."""
        if not self.by:
            return Runs(np.array([0, times.size]), None)
        if len(self.by) == 1 and self.by[0].kind == "time":
            return Runs(*self.buckets[self.by[0].name].positions(times))
        return None

    def _add_visitors_of_runs(self, place: int, events: slice | Array, runs: Runs, numbers: Numbers,
                              seen: Array) -> None:
        """Add the visitors of steps of time that follow one another, from day to day as well.

        :param seen: by number, in which of them each who is there on several days was seen last.
        """
        of_day, comes_again = numbers.of_day[place], numbers.comes_again[place]
        counts = np.zeros(runs.size, dtype=np.int64)
        groups = self.groups.numbers(runs.parts(np.arange(runs.size)))
        is_all = runs.size == 1 and isinstance(events, slice) and events == slice(0, len(self.frame.days[place].facts))
        for run, (begin, end) in enumerate(runs.spans):
            if is_all:
                places = numbers.again[place]
                counts[run] = len(comes_again) - len(places)
            else:
                is_there = self.frame.present(place, slice(events.start + begin, events.start + end)
                                              if isinstance(events, slice) else events[begin:end])
                counts[run] = np.count_nonzero(is_there & ~comes_again)
                places = np.flatnonzero(is_there & comes_again)
            who = of_day.take(places)
            counts[run] += np.count_nonzero(seen.take(who) != groups[run])
            seen[who] = groups[run]
        self._counted.setdefault("visitors", []).append((groups, counts))

    def _add_whole_day(self, place: int, wanted: frozenset[str], numbers: Numbers | None) -> None:
        if kept := wanted & OF_EVENTS - {"visitors"}:
            totals = self._whole.events(place)
            self._add(totals, {name: totals.counts[name] for name in kept})
        if numbers is not None:
            visitors = self._whole.visitors(place)
            codes, who = visitors.belonging(numbers.again[place])
            again = np.bincount(codes, minlength=len(visitors.count))
            self._add(visitors, {"visitors": visitors.count - again})
            self._add_again(visitors, codes, np.flatnonzero(again), numbers.of_day[place][who])

    def _add_visitors(self, place: int, events: slice | Array, grouping: Grouping, numbers: Numbers) -> None:
        codes, who = self._pairs(place, events, grouping)
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
        is_there = found >= 0
        self._visitors.append(found.compress(is_there) * self._several + visitors.compress(is_there))

    def _pairs(self, place: int, events: slice | Array, grouping: Grouping) -> tuple[Array, Array]:
        """Return each different pair of a group and a visitor of some events once."""
        facts, derived = self.frame.days[place].facts, self.frame.derived[place]
        visits = some(facts.visit, events)
        has_visitor = np.flatnonzero(visits < len(facts.visits))
        who = derived.whose.take(visits.take(has_visitor))
        order = ordered(who)
        who, codes = who.take(order), grouping.codes.take(has_visitor.take(order))
        places = first_of_each(who, codes)
        return codes.take(places), who.take(places)

    # Visits

    def _count_visits(self, wanted: frozenset[str], *, by_last: bool = False) -> None:
        """Count visits under what they are as wholes.

        :param by_last: a page is that of a visit's last event, not of its first.
        """
        for place, day in enumerate(self.frame.days):
            rows = self.frame.starting(place, *self.span)
            if rows.start == rows.stop:
                continue
            starts = self.frame.start_times(place, rows)
            runs = self._runs(starts)
            if self.where is None and wanted <= daily.OF_VISITS and rows == slice(0, len(day.visits)) \
                    and (runs is None or runs.size == 1) and self._whole.can(("page", "visit", "end")):
                self._add_visits_of_whole_day(place, wanted, runs, by_last=by_last)
                continue
            grouping = runs or Grouping([
                self.buckets[dimension.name].column(starts) if dimension.kind == "time"
                else self._told(dimension, by_last=by_last)(place, dimension).at(rows) for dimension in self.by])
            heads = slice(day.offset + rows.start, day.offset + rows.stop)
            self._add(grouping, self._visit_counts(wanted, grouping, heads, self._chosen[heads]))

    def _told(self, dimension: Dimension, *, by_last: bool) -> Callable[..., Column]:
        """Return what gives the values that visits are counted under."""
        return self.frame.lasts if by_last and dimension.kind == "page" else self.frame.firsts

    def _add_visits_of_whole_day(self, place: int, wanted: frozenset[str], runs: Runs | None, *,
                                 by_last: bool) -> None:
        day, alone = self.frame.days[place], self.frame.days[place].facts.visits
        totals = self._whole.visits(place, by_last=by_last)
        self._add(runs or totals, {name: totals.counts[name] for name in wanted})
        heads = np.setdiff1d(day.changed, day.parts, assume_unique=True)
        wrong, right = (
            (runs.parts(np.zeros(len(rows), dtype=np.int64)) for rows in (day.changed, heads)) if runs
            else map(values_of, (self._whole.columns_alone(place, day.changed, by_last=by_last),
                                 [self._told(each, by_last=by_last)(place, each, heads) for each in self.by])))
        self._corrections.add(wrong, {name: -alone.added(name, day.changed) for name in wanted})
        self._corrections.add(right, {name: day.visits.added(name, heads) for name in wanted})

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

    def _count_visits_by_page(self, wanted: frozenset[str]) -> None:
        """Count visits under each different page, title, event … that their chosen events have."""
        apart = []
        for place, day in enumerate(self.frame.days):
            rows = self.frame.starting(place, *self.span)
            if self.where is None and wanted <= daily.OF_VISITS and len(self.by) == 1 \
                    and rows == slice(0, len(day.visits)):
                apart.append(self._add_pages_of_whole_day(place, wanted))
                continue
            is_chosen = self.frame.told(place, self._chosen)
            if self.where is not None:
                is_chosen &= self.choose.events_of_visits(place, self.where)
            # A day beside the range has none, nearly always.
            if not is_chosen.any():
                continue
            events, visits = self._visit_pairs(place, np.flatnonzero(is_chosen))
            grouping = Grouping([
                self.frame.events(place, dimension).at(events) if dimension.kind == "page"
                else self.frame.held(place, partial(self._of_visits, dimension=dimension)).at(visits)
                for dimension in self.by])
            heads = day.head[visits]
            # The same page may be there on both sides of midnight: visits of several days are counted at the end.
            is_whole = (heads == day.offset + visits) & ~self.frame.goes_on[heads]
            self._add(grouping, self._visit_counts(wanted, grouping, heads, is_whole))
            parts = grouping.parts(grouping.codes[~is_whole]).astype(np.int64)
            apart.append(np.concatenate((parts, heads[~is_whole][None, :])))
        if apart:
            together = np.concatenate(apart, axis=1)
            together = together[:, (together >= 0).all(axis=0)]
            groups, heads = self.groups.of_rows(together[:-1].astype(np.int32)), together[-1]
            once = different(groups * self.frame.size + heads)
            groups, heads = groups.take(once), heads.take(once)
            for name in wanted:
                weight = self._weight(name)
                added = np.ones(len(heads), dtype=np.int64) if weight is None else weight[heads].astype(np.int64)
                self._counted.setdefault(name, []).append((groups, added))

    def _add_pages_of_whole_day(self, place: int, wanted: frozenset[str]) -> Array:
        """Add what is kept of a day's visits by page, and return a page and a head for those that are not whole."""
        day, alone = self.frame.days[place], self.frame.days[place].facts.visits
        pages, totals = self._whole.pages(place), self._whole.visits_by_page(place)
        self._add(totals, {name: totals.counts[name] for name in wanted})
        codes, visits = pages.belonging(day.changed)
        self._add(totals, {name: -summed(codes, taken(alone.weight(name), visits), len(pages.count))
                           for name in wanted})
        heads = day.heads_of(visits)
        is_chosen = self._chosen.take(heads)
        return np.stack((pages.parts(codes.compress(is_chosen))[0].astype(np.int64), heads.compress(is_chosen)))

    def _visit_pairs(self, place: int, rows: Array) -> tuple[Array, Array]:
        """Return an event, and the visit, of each different pair of a visit and a page that it has, on one day.

        :param rows: the numbers of events that have a visitor.
        """
        visits = self.frame.days[place].facts.visit.take(rows)
        order = ordered(visits)
        rows, visits = rows.take(order), visits.take(order).astype(np.int64)
        pages = Grouping([self.frame.events(place, dimension).at(rows) for dimension in self.by
                          if dimension.kind == "page"])
        once = first_of_each(visits, pages.codes)
        return rows.take(once), visits.take(once)

    def _of_visits(self, place: int, dimension: Dimension) -> Column:
        """Return what the visits that began on a day have of a dimension that is no page's."""
        if dimension.kind != "time":
            return self.frame.firsts(place, dimension)
        rows = self.frame.starting(place, *self.span)
        column = self.buckets[dimension.name].column(self.frame.start_times(place, rows))
        codes = np.full(len(self.frame.days[place].visits), len(column.values))
        codes[rows] = column.codes
        return Column(codes, np.append(column.values, np.int32(-1)))
