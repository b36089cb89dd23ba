"""Columns of values as numbers: what a day's facts hold, told in numbers that all days share.

A day's table tells a page, a browser, a country by the number of its row, which means nothing on another day. A
:class:`Vocabulary` gives each value of a dimension one number for the whole process; a :class:`Column` leads from a
day's own small codes to those. What is made of a day once (:class:`Derived`) is kept as long as the day is.

Rows are taken by ``take``, which costs half of what indexing does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np

from footfall.reports.arrays import Array, ordered
from footfall.reports.day import Day
from footfall.reports.dimensions import Dimension
from footfall.reports.facts import REPORTS

#: A vocabulary of so many values is followed by an empty one, so that a server that runs for years does not grow.
LARGEST = 1_000_000
#: So many vocabularies, and so many columns of a day, are kept: properties may have any names.
MOST = 64
#: So much is kept of a day as a whole: what the first screen of a page asks for.
MOST_KEPT = 32

T = TypeVar("T")


class Column(NamedTuple):
    """Values of events or visits.

    :param codes: for each, a place in ``values``; any unsigned or signed integers.
    :param values: numbers in a vocabulary, or of a bucket; -1 for a missing value. int32.
    """

    codes: Array
    values: Array

    def at(self, rows: Array | slice) -> Column:
        """Return the column of some rows only."""
        return Column(self.codes[rows] if isinstance(rows, slice) else self.codes.take(rows), self.values)

    def by_value(self) -> Column:
        """Return the column with one code for each value: a page that has two titles is two rows of its table."""
        values, codes = np.unique(self.values, return_inverse=True)
        return self if len(values) == len(self.values) else Column(codes.reshape(-1).take(self.codes), values)


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

    :ivar is_view: whether an event is a page-view; bool.
    :ivar is_custom: whether it is a custom event.
    :ivar engaged_rows: the numbers of the events that tell of engaged time.
    :ivar who: the day's visitors, ascending; uint64.
    :ivar whose: for each of the day's visits the number of its visitor in ``who``.
    """

    def __init__(self, day: Day) -> None:
        kinds = [kind for (kind,) in day.tables["kind"]]
        codes = day.codes["kind"]
        self.is_view = np.array([kind is None for kind in kinds], dtype=bool)[codes]
        self.is_custom = np.array([kind is not None and kind not in REPORTS for kind in kinds], dtype=bool)[codes]
        self.engaged_rows = np.flatnonzero(day.engaged)
        self.who, whose = np.unique(day.visits.visitor, return_inverse=True)
        self.whose = whose.reshape(-1).astype(np.uint32)
        self._by_visitor: tuple[Array, Array] | None = None
        self._numbers: dict[Dimension, tuple[Vocabulary, Array]] = {}
        self._kept: dict[tuple[str, tuple[Dimension, ...]], tuple[tuple[Vocabulary, ...], object]] = {}

    def by_visitor(self, day: Day) -> tuple[Array, Array]:
        """Return the numbers of the events that have a visitor, his side by side, each visitor's in order; and whose.

        The second tells visitors by their numbers in ``who``.
        """
        if self._by_visitor is None:
            whose = np.append(self.whose, np.uint32(len(self.who)))[day.visit]
            counts = np.bincount(whose, minlength=len(self.who))[:len(self.who)]
            self._by_visitor = ordered(whose)[:counts.sum()], counts
        order, counts = self._by_visitor
        return order, np.repeat(np.arange(len(counts), dtype=np.uint32), counts)

    def kept(self, of: str, by: Sequence[Dimension], vocabularies: Sequence[Vocabulary], make: Callable[[], T]) -> T:
        """Return what is known of a day as a whole by some dimensions, made when it is first asked for.

        :param of: what it is.
        :param vocabularies: those of the dimensions, of which it is.
        """
        key = of, tuple(by)
        kept = self._kept.get(key)
        if kept is None or kept[0] != tuple(vocabularies):
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            kept = self._kept[key] = tuple(vocabularies), make()
        return cast(T, kept[1])

    def numbers(self, day: Day, dimension: Dimension, vocabulary: Vocabulary) -> Array:
        """Return the numbers of the values that the rows of a dimension's table have."""
        kept = self._numbers.get(dimension)
        if kept is None or kept[0] is not vocabulary:
            if len(self._numbers) >= MOST:
                self._numbers.clear()
            kept = vocabulary, vocabulary.numbers(map(dimension.value, day.tables[dimension.table]))
            self._numbers[dimension] = kept
        return kept[1]


class Kept:
    """What this process keeps for its next report: vocabularies, and what was derived of the days that are in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vocabularies: dict[str, Vocabulary] = {}
        self._derived: WeakKeyDictionary[Day, Derived] = WeakKeyDictionary()

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
