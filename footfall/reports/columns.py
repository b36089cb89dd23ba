"""Columns of values as numbers: what a day's facts hold, told in numbers that all days share.

A day's table tells a page, a browser, a country by the number of its row, which means nothing on another day. A
:class:`Vocabulary` gives each value of a dimension one number for the whole process; a :class:`Column` leads from a
day's own small codes to those. What is made of a day once (:class:`Derived`) is kept as long as the day is.

Rows are taken by ``take``, which costs half of what indexing does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from footfall.reports.arrays import Array, looked_up, narrow, ordered
from footfall.reports.day import Day
from footfall.reports.dimensions import Dimension
from footfall.reports.facts import REPORTS
from footfall.reports.tallies import Arrays, Key

#: A vocabulary of so many values is followed by an empty one, so that a server that runs for years does not grow.
LARGEST = 1_000_000
#: All rows of a column.
ALL = slice(None)
#: So many vocabularies, and so many columns of a day, are kept: properties may have any names.
MOST = 64

class Column(NamedTuple):
    """Values of events or visits.

    :param codes: for each, a place in ``values``; any unsigned or signed integers.
    :param values: numbers in a vocabulary, or of a bucket; -1 for a missing value. int32.
    """

    codes: Array
    values: Array

    def at(self, rows: Array | slice) -> Column:
        """Return the column of some rows only."""
        return Column(some(self.codes, rows), self.values)

    def by_value(self) -> Column:
        """Return the column with one code for each value: a page that has two titles is two rows of its table."""
        values, codes = np.unique(self.values, return_inverse=True)
        return self if len(values) == len(self.values) else Column(codes.reshape(-1).take(self.codes), values)


def some(column: Array, rows: Array | slice) -> Array:
    """Return the rows of a column, by ``take`` where they are told by their numbers."""
    taken: Array = column[rows] if isinstance(rows, slice) else column.take(rows)
    return taken


class Vocabulary:
    """The different values of a dimension, numbered as they come."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._numbers: dict[str | None, int] = {None: -1}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.values)

    def numbers(self, values: Iterable[str | None]) -> Array:
        """Return the numbers of some values, new ones included; -1 for a missing one."""
        known = self._numbers
        with self._lock:
            found = []
            for value in values:
                number = known.get(value)
                if number is None:
                    number = known[value] = len(self.values)
                    self.values.append(value)  # type: ignore[arg-type]
                found.append(number)
        return np.array(found, dtype=np.int32)


class Derived:
    """What reports make of a day's facts again and again.

    :param day: those facts.

    What is as long as the day is kept by its tallies, which bound what is in memory.
    """

    def __init__(self, day: Day) -> None:
        # Not the day itself, by which this is kept.
        self._tallies, self._codes, self._visits, self._visit = day.tallies, day.codes, day.visits, day.visit
        kinds = [kind for (kind,) in day.tables["kind"]]
        self._are_views = np.array([kind is None for kind in kinds], dtype=bool)
        self._are_custom = np.array([kind is not None and kind not in REPORTS for kind in kinds], dtype=bool)
        self._numbers: dict[Dimension, tuple[Vocabulary, Array]] = {}

    def views(self, events: Array | slice) -> Array:
        """Return which of some events, told by their numbers, are page-views."""
        return looked_up(self._are_views, some(self._codes["kind"], events))

    def customs(self, events: Array | slice) -> Array:
        """Return which of some events are custom events."""
        return looked_up(self._are_custom, some(self._codes["kind"], events))

    @property
    def who(self) -> Array:
        """The day's visitors, ascending; uint64."""
        return self.kept(("visitors",), self._visitors, lasting=True)["who"]

    @property
    def whose(self) -> Array:
        """For each of the day's visits the number of its visitor in ``who``."""
        return self.kept(("visitors",), self._visitors, lasting=True)["whose"]

    def by_visitor(self) -> tuple[Array, Array]:
        """Return the numbers of the events that have a visitor, his side by side, each visitor's in order; and whose.

        The second tells visitors by their numbers in ``who``.
        """
        found = KEPT.newest
        if found is None or found[0] is not self:
            # Of one day only, which is asked for several times while its pairs are found: it is larger than they are.
            found = KEPT.newest = self, *self._by_visitor()
        _, order, counts = found
        return order, np.repeat(np.arange(len(counts), dtype=np.uint32), counts)

    def kept(self, key: Key, make: Callable[[], Arrays], *, lasting: bool = False) -> Arrays:
        """Return what is kept of the day, made if it is not.

        :param lasting: it is kept beside the day's file.
        """
        found = self._tallies.get(key)
        if found is None:
            # Two threads may both make it; either is as good.
            found = make()
            self._tallies.put(key, found, lasting=lasting)
        return found

    def numbers(self, day: Day, dimension: Dimension, vocabulary: Vocabulary) -> Array:
        """Return the numbers of the values that the rows of a dimension's table have."""
        kept = self._numbers.get(dimension)
        if kept is None or kept[0] is not vocabulary:
            if len(self._numbers) >= MOST:
                self._numbers.clear()
            kept = vocabulary, vocabulary.numbers(map(dimension.value, day.tables[dimension.table]))
            self._numbers[dimension] = kept
        return kept[1]

    def _visitors(self) -> Arrays:
        who, whose = np.unique(self._visits.visitor, return_inverse=True)
        return {"who": who, "whose": narrow(whose.reshape(-1), len(who))}

    def _by_visitor(self) -> tuple[Array, Array]:
        count = len(self.who)
        whose = np.append(self.whose, np.uint32(count)).take(self._visit)
        counts = np.bincount(whose, minlength=count)[:count]
        return ordered(whose)[:counts.sum()].astype(np.uint32), counts


class Kept:
    """What this process keeps for its next report: vocabularies, and what was derived of the days that are in use.

    :ivar newest: the day whose events were put in order by visitor last, that order, and how many each has.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vocabularies: dict[str, Vocabulary] = {}
        self._derived: WeakKeyDictionary[Day, Derived] = WeakKeyDictionary()
        self.newest: tuple[Derived, Array, Array] | None = None

    def vocabulary(self, name: str) -> Vocabulary:
        """Return the vocabulary of the dimension of that name."""
        with self._lock:
            found = self._vocabularies.get(name)
            if found is None or len(found) > LARGEST:
                self._vocabularies.pop(name, None)
                while len(self._vocabularies) >= MOST:
                    del self._vocabularies[next(iter(self._vocabularies))]
                found = self._vocabularies[name] = Vocabulary()
            return found

    def derived(self, day: Day) -> Derived:
        """Return what is derived of a day."""
        with self._lock:
            found = self._derived.get(day)
        if found is None:
            # Two threads may both make it; either is as good.
            found = Derived(day)
            with self._lock:
                self._derived[day] = found
        return found


KEPT = Kept()


def with_more(column: Column, rows: Array, values: Array) -> Column:
    """Return a column in which some rows have other values.

    :param rows: their numbers.
    :param values: numbers of the vocabulary, one for each.
    """
    if not len(rows):
        return column
    codes = column.codes.astype(np.uint32)
    codes[rows] = len(column.values) + np.arange(len(rows))
    return Column(codes, np.concatenate((column.values, values.astype(np.int32))))


def joined(dtype: Any, parts: Iterable[Array]) -> Array:
    """Return arrays as one, also none at all."""
    return np.concatenate([np.zeros(0, dtype=dtype), *parts])


class Verdicts:
    """Which values of a vocabulary satisfy a condition: each is asked about once, however many days have it.

    :param satisfied: whether a value does.
    :param missing: whether a missing one does.
    """

    def __init__(self, vocabulary: Vocabulary, satisfied: Callable[[str], bool], missing: bool) -> None:
        self._vocabulary = vocabulary
        self._satisfied = satisfied
        self._missing = missing
        self._known = np.zeros(0, dtype=np.int8)

    def of(self, numbers: Array) -> Array:
        """Return the verdicts on some numbers of the vocabulary, -1 for a missing value, as booleans."""
        more = len(self._vocabulary) - len(self._known)
        if more > 0:
            self._known = np.concatenate((self._known, np.full(more, -1, dtype=np.int8)))
        known, values = self._known, self._vocabulary.values
        is_there = numbers >= 0
        there = numbers[is_there]
        for number in np.unique(there[known[there] < 0]).tolist():
            known[number] = self._satisfied(values[number])
        verdicts = np.full(len(numbers), self._missing)
        verdicts[is_there] = known[there] == 1
        return verdicts
