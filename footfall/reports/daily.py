"""What a whole day comes to without a filter: counted once, kept with what is derived of the day, and then added up.

Visits are counted as the day alone tells them; whoever adds up days puts those right that go on over midnight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from footfall.reports.arrays import Array, kind_for
from footfall.reports.columns import Column, Derived
from footfall.reports.day import Day
from footfall.reports.grouping import Grouping, first_of_each, summed, taken
from footfall.reports.visits import Visits

#: What can be kept of visits: conversions are of a goal that nobody knows beforehand.
OF_VISITS = frozenset({"visits", "entries", "exits", "bounces", "duration", "views_of_visits"})


class Valued:
    """Groups of a day that are told by the values of some dimensions.

    :ivar values: of each group, the numbers in the vocabularies, -1 for a missing value; a row for each dimension.
    """

    values: Array

    def parts(self, groups: Array) -> Array:
        """Return the values of some groups, as :meth:`~footfall.reports.grouping.Grouping.parts` does."""
        parts: Array = self.values[:, groups]
        return parts


@dataclass(frozen=True)
class Totals(Valued):
    """Counts of groups.

    :param counts: by name, the count of each group.
    """

    values: Array
    counts: Mapping[str, Array]


class Owned(Valued):
    """Each different pair of a group and an owner, a visitor or a visit, so that some owners' are quickly found.

    :param columns: the values of each event.
    :param rows: the events that have an owner, those of one side by side.
    :param owners: of those events.
    :param count: how many owners there are.

    :ivar codes: of each pair, the group; pairs of one owner lie side by side.
    :ivar count: of each group, its pairs.
    """

    def __init__(self, columns: Sequence[Column], rows: Array, owners: Array, count: int) -> None:
        self.values, codes = _groups(columns, rows)
        places = first_of_each(owners, codes)
        owners = owners.take(places)
        self.codes = codes.take(places)
        self.count = np.bincount(self.codes, minlength=self.values.shape[1])
        begins = np.flatnonzero(np.append(True, owners[1:] != owners[:-1])) if len(owners) else places
        self._lengths = np.zeros(count, dtype=np.uint32)
        self._starts = np.zeros(count, dtype=np.uint32)
        self._starts[owners[begins]] = begins
        self._lengths[owners[begins]] = np.diff(np.append(begins, len(owners)))

    def of(self, owners: Array) -> tuple[Array, Array]:
        """Return the group and the owner of each pair of some owners."""
        lengths = self._lengths.take(owners).astype(np.int64)
        ends = np.cumsum(lengths)
        shifts = self._starts.take(owners) - (ends - lengths)
        places = np.repeat(shifts, lengths) + np.arange(ends[-1] if len(ends) else 0)
        return self.codes.take(places), np.repeat(owners, lengths)

    def totals(self, visits: Visits, names: Iterable[str]) -> Totals:
        """Return the counts of visits, whose pairs these are, each under every group that it has.

        :param names: which counts, of :data:`OF_VISITS`.
        """
        there = np.flatnonzero(self._lengths)
        owners = np.zeros(len(self.codes), dtype=np.uint32)
        owners[self._starts[there]] = there
        begins = np.zeros(len(self.codes), dtype=bool)
        begins[self._starts[there]] = True
        owners = owners.compress(begins).take(np.cumsum(begins) - 1) if len(there) else owners
        return Totals(self.values, {name: summed(self.codes, taken(visits.weight(name), owners), len(self.count))
                                    for name in names})


def events_of(day: Day, derived: Derived, columns: Sequence[Column]) -> Totals:
    """Return the counts of a day's events by some columns."""
    values, codes = _groups(columns)
    size, told = values.shape[1], derived.engaged_rows
    return Totals(values, {
        "views": summed(codes, derived.is_view, size), "events": summed(codes, derived.is_custom, size),
        "engaged_time": summed(codes.take(told), day.engaged.take(told), size)})


def visits_of(visits: Visits, columns: Sequence[Column], names: Iterable[str], rows: Array | None = None) -> Totals:
    """Return counts of visits.

    :param columns: what each of them is counted under; none to count all together.
    :param names: which counts, of :data:`OF_VISITS`.
    :param rows: the numbers of the visits to count; ``None`` for all.
    """
    size = len(visits) if rows is None else len(rows)
    values, codes = (np.empty((0, 1), dtype=np.int32), np.zeros(size, dtype=np.uint8))
    if columns:
        values, codes = _groups(columns)
    return Totals(values, {name: summed(
        codes, visits.weight(name) if rows is None else taken(visits.weight(name), rows), values.shape[1])
        for name in names})


def _groups(columns: Sequence[Column], rows: Array | None = None) -> tuple[Array, Array]:
    """Return the values of the groups that there are, a row for each column, and for each row the number of its group.

    :param rows: of these rows only.
    """
    grouping = Grouping(columns)
    codes = grouping.codes if rows is None else grouping.codes.take(rows)
    used = np.flatnonzero(np.bincount(codes, minlength=grouping.size))
    numbers = np.zeros(grouping.size, dtype=kind_for(len(used)))
    numbers[used] = np.arange(len(used))
    return grouping.parts(used), numbers.take(codes)
