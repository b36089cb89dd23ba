"""Groups: which events or visits have the same values, on one day and over all of them.

A :class:`Grouping` numbers the groups of one day, with small numbers, so that ``bincount`` does the counting. A
:class:`Groups` numbers those of all days, as they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from footfall.reports.arrays import Array, kind_for, ordered
from footfall.reports.columns import Column

#: So many different numbers are counted in an array that has a place for each; more are numbered anew.
DENSE = 1 << 18
#: With so many rows before it is a row compared, one by one.
NEAR = 8


class Grouping:
    """The groups of some rows of one day, by one or more columns.

    :param columns: as many values as there are rows in each.

    :ivar codes: for each row the number of its group.
    :ivar size: one more than the highest number.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns = [column.by_value() for column in columns]
        self._packed: dict[int, Array] = {}
        self.codes, self.size = columns[0].codes, len(columns[0].values)
        for number, column in enumerate(columns[1:]):
            if self.size * len(column.values) > DENSE:
                self._pack(number)
            self.size *= len(column.values)
            self.codes = self.codes.astype(kind_for(self.size)) * len(column.values) + column.codes
        if len(columns) > 1 and self.size > DENSE:
            self._pack(len(columns) - 1)

    def _pack(self, number: int) -> None:
        self._packed[number], codes = np.unique(self.codes, return_inverse=True)
        self.codes, self.size = codes.reshape(-1), len(self._packed[number])

    def parts(self, groups: Array) -> Array:
        """Return the values of some groups, a row for each column; -1 where a value is missing."""
        parts = np.empty((len(self._columns), len(groups)), dtype=np.int32)
        for number in reversed(range(len(self._columns))):
            if number in self._packed:
                groups = self._packed[number][groups]
            column = self._columns[number]
            if number:
                groups, codes = np.divmod(groups, len(column.values))
            else:
                codes = groups
            parts[number] = column.values[codes]
        return parts

    def count(self, mask: Array | None = None) -> Array:
        """Return how many rows each group has, of those that a mask tells."""
        return summed(self.codes, mask, self.size)

    def total(self, values: Array, mask: Array | None = None) -> Array:
        """Return the sum of a value over the rows of each group, exact."""
        codes, added = (self.codes, values) if mask is None else (self.codes.compress(mask), values.compress(mask))
        return summed(codes, added, self.size)


class Runs:
    """Groups that follow one another, as those by time do, or all rows as one group.

    :param positions: where each begins, and where the last ends.
    :param values: the number of each; ``None`` for one group that has no value.

    :ivar spans: the rows of each group: from, and to.
    :ivar size: how many groups.
    """

    def __init__(self, positions: Array, values: Array | None) -> None:
        self.spans = list(zip(positions[:-1].tolist(), positions[1:].tolist(), strict=True))
        self.size = len(self.spans)
        self._values = values

    def among(self, rows: Array) -> Runs:
        """Return the groups of some of the rows only, which are told by their numbers, ascending."""
        edges = np.array([0, *(end for _, end in self.spans)], dtype=rows.dtype)
        return Runs(np.searchsorted(rows, edges), self._values)

    def parts(self, groups: Array) -> Array:
        """Return the values of some groups, in one row, or in none if all rows are one group."""
        return np.empty((0, len(groups)), dtype=np.int32) if self._values is None else self._values[None, groups]

    def count(self, mask: Array | None = None) -> Array:
        """Return how many rows each group has, of those that a mask tells."""
        if mask is None:
            return np.array([end - begin for begin, end in self.spans], dtype=np.int64)
        return np.array([np.count_nonzero(mask[begin:end]) for begin, end in self.spans], dtype=np.int64)

    def total(self, values: Array, mask: Array | None = None) -> Array:
        """Return the sum of a value over the rows of each group, exact."""
        values = values if mask is None else values * mask
        return np.array([values[begin:end].sum(dtype=np.int64) for begin, end in self.spans], dtype=np.int64)


class Groups:
    """The groups of all days, numbered as they come.

    :param width: by how many dimensions.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._found: list[Array] = []
        self.size = 0
        self._of_value = np.full(0, -1, dtype=np.int64)
        self._of_values: dict[bytes, int] = {}

    def numbers(self, parts: Array) -> Array:
        """Return the numbers of some groups, new ones included.

        :param parts: values of groups, none of them missing; a row for each dimension.
        """
        if self._width == 1:
            return self._by_value(parts[0])
        # A report by nothing has one group, with an empty key.
        keys = np.ascontiguousarray(parts.T).tobytes()
        width = 4 * self._width
        numbers = np.empty(parts.shape[1], dtype=np.int64)
        for place in range(parts.shape[1]):
            key = keys[place * width:(place + 1) * width]
            number = self._of_values.get(key)
            if number is None:
                number = self._of_values[key] = self.size
                self.size += 1
                self._found.append(parts[:, place:place + 1])
            numbers[place] = number
        return numbers

    def of_rows(self, parts: Array) -> Array:
        """Return what :meth:`numbers` does, where many of the groups are the same."""
        if self._width == 1:
            return self._by_value(parts[0])
        if not self._width:
            return np.repeat(self.numbers(parts[:, :1]), parts.shape[1])
        once, places = np.unique(parts, axis=1, return_inverse=True)
        found: Array = self.numbers(once)[places.reshape(-1)]
        return found

    def _by_value(self, values: Array) -> Array:
        if len(values) and (highest := int(values.max())) >= len(self._of_value):
            more = np.full(max(highest + 1, 2 * len(self._of_value)), -1, dtype=np.int64)
            more[:len(self._of_value)] = self._of_value
            self._of_value = more
        numbers: Array = self._of_value[values]
        if len(numbers) and numbers.min() < 0:
            new = np.unique(values[numbers < 0])
            self._of_value[new] = self.size + np.arange(len(new))
            self.size += len(new)
            self._found.append(new[None, :])
            numbers = self._of_value[values]
        return numbers

    def parts(self) -> Array:
        """Return the values of all groups, a row for each dimension."""
        return np.concatenate([np.empty((self._width, 0), dtype=np.int32), *self._found], axis=1)


class Scattered:
    """Rows of several days that each add something to some counts."""

    def __init__(self) -> None:
        self._rows: list[tuple[Array, dict[str, Array]]] = []

    def add(self, parts: Array, added: Mapping[str, Array]) -> None:
        """Take some rows.

        :param parts: their values, as :meth:`Grouping.parts` gives them; those that lack one are left out.
        :param added: by name, what each adds to a count.
        """
        whole = (parts >= 0).all(axis=0)
        self._rows.append((parts[:, whole], {name: numbers.compress(whole) for name, numbers in added.items()}))

    def counts(self, groups: Groups) -> Iterator[tuple[str, Array, Array]]:
        """Yield the name of a count, the groups of some rows, and what each adds to it.

        :param groups: gives their numbers.
        """
        if not self._rows:
            return
        numbers = groups.of_rows(np.concatenate([parts for parts, _ in self._rows], axis=1))
        first = 0
        for parts, added in self._rows:
            last = first + parts.shape[1]
            for name, each in added.items():
                yield name, numbers[first:last], each
            first = last


def values_of(columns: Sequence[Column]) -> Array:
    """Return the values of some rows, a row of them for each column."""
    return np.stack([column.values.take(column.codes) for column in columns])


def summed(codes: Array, weights: Array | None, size: int) -> Array:
    """Return, by code, how many there are, of those that a mask tells, or the sum of their weights, exact.

    :param weights: a mask, or whole numbers; ``None`` for one each.
    :param size: one more than the highest code.
    """
    if weights is None or weights.dtype == bool:
        return np.bincount(codes if weights is None else codes.compress(weights), minlength=size)
    totals = np.zeros(size, dtype=np.int64)
    np.add.at(totals, codes.astype(np.intp), weights.astype(np.int64))
    return totals


def taken(weights: Array | None, places: Array) -> Array | None:
    """Return weights at some places; ``None`` if there are none because all are one."""
    return None if weights is None else weights.take(places)


def first_of_each(owners: Array, codes: Array) -> Array:
    """Return a place of each different pair of an owner and a code, exactly one each, in order.

    :param owners: of which equal ones lie side by side.
    """
    is_again = np.zeros(len(owners), dtype=bool)
    # Nearly all owners have few rows: each is compared with those before it. What is left is sorted.
    for back in range(1, NEAR + 1):
        same = owners[back:] == owners[:-back]
        if not same.any():
            return np.flatnonzero(~is_again)
        is_again[back:] |= same & (codes[back:] == codes[:-back])
    long = (np.bincount(owners) > NEAR)[owners]
    rest = np.flatnonzero(long & ~is_again)
    keys = codes[rest].astype(np.int64) * (int(owners.max()) + 1) + owners[rest]
    is_first = ~(long | is_again)
    is_first[rest[different(keys)]] = True
    return np.flatnonzero(is_first)


def different(keys: Array) -> Array:
    """Return a place of each different key, exactly one each, in order of the keys.

    :param keys: not negative; int64.
    """
    places = ordered(keys)
    keys = keys[places]
    is_new = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    return places[is_new]
