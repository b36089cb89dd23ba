"""What a whole day comes to without a filter: counted once, kept with the day's tallies, and then added up.

Visits are counted as the day alone tells them; whoever adds up days puts those right that go on over midnight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from footfall.reports.arrays import Array, kind_for, narrow
from footfall.reports.columns import ALL, Column, Derived
from footfall.reports.day import Day
from footfall.reports.grouping import Grouping, first_of_each, summed, taken
from footfall.reports.visits import Visits

#: What can be kept of visits: conversions are of a goal that nobody knows beforehand.
OF_VISITS = frozenset({"visits", "entries", "exits", "bounces", "duration", "views_of_visits"})


class Valued:
    """Groups of a day that are told by the values of some dimensions.

    :ivar rows: of each group, for each dimension 0 for a missing value, or one more than the number of a row of its
        table that has the value (:meth:`~footfall.reports.frame.Frame.alike`).
    :ivar looked_up: for each dimension, the values that those stand for; none before it was kept.
    """

    rows: Sequence[Array]
    looked_up: Sequence[Array]

    def parts(self, groups: Array) -> Array:
        """Return the values of some groups, as :meth:`~footfall.reports.grouping.Grouping.parts` does."""
        parts = np.empty((len(self.rows), len(groups)), dtype=np.int32)
        for number, rows in enumerate(self.rows):
            parts[number] = self.looked_up[number].take(rows.take(groups))
        return parts


@dataclass(frozen=True)
class Totals(Valued):
    """Counts of groups.

    :param counts: by name, the count of each group.
    """

    rows: Sequence[Array]
    counts: Mapping[str, Array]
    looked_up: Sequence[Array] = ()

    def arrays(self) -> dict[str, Array]:
        """Return what is to be kept, under names."""
        return {**{f"rows.{number}": narrow(rows) for number, rows in enumerate(self.rows)},
                **{f"counts.{name}": narrow(numbers) for name, numbers in self.counts.items()}}

    @classmethod
    def of(cls, kept: Mapping[str, Array], looked_up: Sequence[Array]) -> Totals:
        """Return what was kept.

        :param looked_up: as the class has it.
        """
        return cls([kept[f"rows.{number}"] for number in range(len(looked_up))],
                   {name.removeprefix("counts."): numbers for name, numbers in kept.items()
                    if name.startswith("counts.")}, looked_up)


@dataclass(frozen=True)
class Owned(Valued):
    """Each different pair of a group and an owner, a visitor or a visit, so that some owners' are quickly found.

    Nearly all owners have one pair, or two: one of each lies in the owner's place, the others lie behind one another.

    :param count: of each group, its pairs.
    :param first: of each owner, the group of one of his pairs; ``len(count)`` for one who has none.
    :param owners: of all other pairs, whose they are; ascending.
    :param codes: the group of each of those.
    """

    rows: Sequence[Array]
    count: Array
    first: Array
    owners: Array
    codes: Array
    looked_up: Sequence[Array] = ()

    @classmethod
    def made(cls, columns: Sequence[Column], rows: Array, owners: Array, count: int) -> Owned:
        """Find the pairs.

        :param columns: the values of each event.
        :param rows: the events that have an owner, those of one side by side.
        :param owners: of those events.
        :param count: how many owners there are.
        """
        told, codes = _groups(columns, rows)
        size = told.shape[1]
        places = first_of_each(owners, codes)
        owners, codes = owners.take(places), codes.take(places)
        is_first = np.ones(len(owners), dtype=bool)
        np.not_equal(owners[1:], owners[:-1], out=is_first[1:])
        first = np.full(count, size, dtype=kind_for(size))
        first[owners.compress(is_first)] = codes.compress(is_first)
        return cls(list(told), np.bincount(codes, minlength=size), first, narrow(owners.compress(~is_first), count),
                   codes.compress(~is_first))

    def arrays(self) -> dict[str, Array]:
        """Return what is to be kept, under names."""
        return {**{f"rows.{number}": narrow(rows) for number, rows in enumerate(self.rows)},
                "count": narrow(self.count), "first": self.first, "owners": self.owners, "codes": self.codes}

    @classmethod
    def of(cls, kept: Mapping[str, Array], looked_up: Sequence[Array]) -> Owned:
        """Return what was kept.

        :param looked_up: as the class has it.
        """
        return cls([kept[f"rows.{number}"] for number in range(len(looked_up))], kept["count"], kept["first"],
                   kept["owners"], kept["codes"], looked_up)

    def belonging(self, owners: Array) -> tuple[Array, Array]:
        """Return the group and the owner of each pair of some owners.

        :param owners: each once.
        """
        codes = self.first.take(owners)
        has_one = codes < len(self.count)
        is_theirs = np.zeros(len(self.first), dtype=bool)
        is_theirs[owners] = True
        others = np.flatnonzero(is_theirs.take(self.owners))
        return (np.concatenate((codes.compress(has_one), self.codes.take(others))),
                np.concatenate((owners.compress(has_one), self.owners.take(others))))

    def totals(self, visits: Visits, names: Iterable[str]) -> Totals:
        """Return the counts of visits, whose pairs these are, each under every group that it has.

        :param names: which counts, of :data:`OF_VISITS`.
        """
        size = len(self.count)
        return Totals(self.rows, {name: summed(self.first, weight := visits.weight(name), size + 1)[:size]
                                  + summed(self.codes, taken(weight, self.owners), size) for name in names},
                      self.looked_up)


def events_of(day: Day, derived: Derived, columns: Sequence[Column]) -> Totals:
    """Return the counts of a day's events by some columns."""
    rows, codes = _groups(columns) if columns else _all_together(len(day))
    size, told = rows.shape[1], np.flatnonzero(day.engaged)
    return Totals(list(rows), {
        "views": summed(codes, derived.views(ALL), size), "events": summed(codes, derived.customs(ALL), size),
        "engaged_time": summed(codes.take(told), day.engaged.take(told), size)})


def visits_of(visits: Visits, columns: Sequence[Column], names: Iterable[str]) -> Totals:
    """Return counts of visits.

    :param columns: what each of them is counted under; none to count all together.
    :param names: which counts, of :data:`OF_VISITS`.
    """
    told, codes = _groups(columns) if columns else _all_together(len(visits))
    return Totals(list(told), {name: summed(codes, visits.weight(name), told.shape[1]) for name in names})


def _all_together(count: int) -> tuple[Array, Array]:
    """Return what :func:`_groups` would of no columns: one group, which has no values."""
    return np.empty((0, 1), dtype=np.int32), np.zeros(count, dtype=np.uint8)


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
