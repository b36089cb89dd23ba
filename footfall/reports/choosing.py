"""Which events, and which visits, a filter chooses: docs/metrics.md defines both senses.

A condition is evaluated once for each different value (:class:`~footfall.reports.columns.Verdicts`); events get the
verdicts by their codes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np

from footfall.reports.arrays import Array, looked_up
from footfall.reports.columns import Column, Verdicts
from footfall.reports.filters import Every, Filter, InVisit, Leaf, Some, Without
from footfall.reports.frame import Frame
from footfall.reports.visits import StitchedDay

#: So many lists of days, and of each so many filters, are remembered: what the panels of a page share.
KEPT_LISTS, KEPT_FILTERS = 2, 8


class Chooser:
    """Evaluates filters on the days of a frame."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._verdicts: dict[Leaf, Verdicts] = {}
        self._visits: dict[Filter, Array] = {}

    def events(self, place: int, chosen: Filter) -> Array:
        """Return which events of a day satisfy a filter by their own values."""
        return self._events(place, chosen, of_visits=False)

    def rows(self, place: int, chosen: Filter, within: slice) -> Array:
        """Return the numbers of some of a day's events: those that satisfy a filter by their own values, ascending.

        :param within: of these only.
        """
        if _is_of_day(chosen):
            # The panels of a page, and its chart, ask about the same events.
            found = self.frame.derived[place].kept(("chosen", repr(chosen)), lambda: {
                "": np.flatnonzero(self.events(place, chosen)).astype(np.uint32)})[""]
        else:
            found = np.flatnonzero(self.events(place, chosen))
        first, last = np.searchsorted(found, np.array([within.start, within.stop], dtype=found.dtype))
        return found[first:last]

    def events_of_visits(self, place: int, chosen: Filter) -> Array:
        """Return which events of a day satisfy a filter in a visit's sense.

        What visits are told apart by is then what the first event of the event's visit tells.
        """
        return self._events(place, chosen, of_visits=True)

    def visits(self, chosen: Filter) -> Array:
        """Return, of heads, which visits have an event that satisfies a filter, in a visit's sense."""
        found = self._visits.get(chosen)
        if found is None:
            found = self._of_heads(chosen) if chosen.of_visit else self._with_event(chosen)
            if len(self._visits) >= KEPT_FILTERS:
                self._visits.clear()
            self._visits[chosen] = found
        return found

    def _events(self, place: int, chosen: Filter, *, of_visits: bool) -> Array:
        if isinstance(chosen, InVisit):
            return self.frame.told(place, self.visits(chosen.part))
        if of_visits and chosen.of_visit:
            return self.frame.told(place, self.visits(chosen))
        if isinstance(chosen, Leaf):
            column = self.frame.events(place, chosen.dimension)
            return self.satisfied(chosen, column)
        if isinstance(chosen, Without):
            return ~self._events(place, chosen.part, of_visits=of_visits)
        parts = (self._events(place, part, of_visits=of_visits) for part in chosen.parts)
        return _together(chosen, parts)

    def _with_event(self, chosen: Filter) -> Array:
        found = np.zeros(self.frame.size, dtype=bool)
        for place, day in enumerate(self.frame.days):
            here = np.zeros(len(day.visits) + 1, dtype=bool)
            here[day.facts.visit.compress(self.events_of_visits(place, chosen))] = True
            found[day.heads.compress(here.take(day.parts))] = True
            here[day.parts] = False
            found[self.frame.own(place)] |= here[:-1]
        return found

    def _of_heads(self, chosen: Filter) -> Array:
        """Return the visits that satisfy a filter all of whose conditions are on visits as wholes."""
        if isinstance(chosen, InVisit):
            return self.visits(chosen.part)
        if isinstance(chosen, Without):
            return ~self.visits(chosen.part)
        if isinstance(chosen, Leaf):
            found = np.zeros(self.frame.size, dtype=bool)
            for place in range(len(self.frame.days)):
                column = self.frame.firsts(place, chosen.dimension)
                found[self.frame.own(place)] = self.satisfied(chosen, column)
            return found
        return _together(chosen, (self.visits(part) for part in chosen.parts))

    def satisfied(self, leaf: Leaf, column: Column) -> Array:
        """Return which values of a column satisfy a condition on its dimension."""
        verdicts = self._verdicts.get(leaf)
        if verdicts is None:
            verdicts = Verdicts(self.frame.vocabulary(leaf.dimension), leaf.satisfied(), leaf.negated)
            if len(self._verdicts) >= KEPT_FILTERS:
                self._verdicts.clear()
            self._verdicts[leaf] = verdicts
        return looked_up(verdicts.of(column.values), column.codes)


class Choosers:
    """Remembers what the last questions chose of the last lists of days."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, ...], Chooser] = OrderedDict()

    def __call__(self, days: Sequence[StitchedDay]) -> Chooser:
        """Return the chooser of some days, the same for the same days."""
        # As long as it is kept its days are there, and no others have their addresses.
        key = tuple(map(id, days))
        with self._lock:
            found = self._kept.pop(key, None)
        found = found or Chooser(Frame(days))
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT_LISTS:
                self._kept.popitem(last=False)
        return found


chooser_of = Choosers()


def _is_of_day(chosen: Filter) -> bool:
    """Tell whether a day's events alone decide which of them satisfy a filter by their own values."""
    if isinstance(chosen, Leaf):
        return chosen.dimension.kind != "end"
    if isinstance(chosen, Without):
        return _is_of_day(chosen.part)
    return isinstance(chosen, Every | Some) and all(map(_is_of_day, chosen.parts))


def _together(chosen: Every | Some, parts: Iterable[Array]) -> Array:
    return reduce(np.logical_and if isinstance(chosen, Every) else np.logical_or, parts)
