"""Which events, and which visits, a filter chooses: docs/metrics.md defines both senses.

A condition is evaluated once for each different value (:class:`~footfall.reports.columns.Verdicts`); events get the
verdicts by their codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import numpy as np

from footfall.reports.arrays import Array
from footfall.reports.columns import Verdicts
from footfall.reports.filters import Every, Filter, InVisit, Leaf, Some, Without
from footfall.reports.frame import Frame


class Chooser:
    """Evaluates filters on the days of a frame."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._verdicts: dict[Leaf, Verdicts] = {}
        self._visits: dict[Filter, Array] = {}

    def events(self, place: int, chosen: Filter) -> Array:
        """Return which events of a day satisfy a filter by their own values."""
        return self._events(place, chosen, of_visits=False)

    def events_of_visits(self, place: int, chosen: Filter) -> Array:
        """Return which events of a day satisfy a filter in a visit's sense.

        What visits are told apart by is then what the first event of the event's visit tells.
        """
        return self._events(place, chosen, of_visits=True)

    def visits(self, chosen: Filter) -> Array:
        """Return, of heads, which visits have an event that satisfies a filter, in a visit's sense."""
        if chosen not in self._visits:
            self._visits[chosen] = self._of_heads(chosen) if chosen.of_visit else self._with_event(chosen)
        return self._visits[chosen]

    def _events(self, place: int, chosen: Filter, *, of_visits: bool) -> Array:
        if isinstance(chosen, InVisit):
            return self.frame.told(place, self.visits(chosen.part))
        if of_visits and chosen.of_visit:
            return self.frame.told(place, self.visits(chosen))
        if isinstance(chosen, Leaf):
            column = self.frame.events(place, chosen.dimension)
            return self._satisfied(chosen, column.values).take(column.codes)
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
                found[self.frame.own(place)] = self._satisfied(chosen, column.values).take(column.codes)
            return found
        return _together(chosen, (self.visits(part) for part in chosen.parts))

    def _satisfied(self, leaf: Leaf, numbers: Array) -> Array:
        if leaf not in self._verdicts:
            self._verdicts[leaf] = Verdicts(self.frame.vocabulary(leaf.dimension), leaf.satisfied(), leaf.negated)
        return self._verdicts[leaf].of(numbers)


def _together(chosen: Every | Some, parts: Iterable[Array]) -> Array:
    return reduce(np.logical_and if isinstance(chosen, Every) else np.logical_or, parts)
