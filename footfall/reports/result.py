"""What a query gives: rows, in order, and what they are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from footfall.reports import texts
from footfall.reports.arrays import Array
from footfall.reports.buckets import Buckets
from footfall.reports.counting import Table
from footfall.reports.dimensions import Dimension
from footfall.reports.frame import Frame
from footfall.reports.metrics import METRICS, Number
from footfall.timeuuid import Moment

Value = str | Moment


class Row(NamedTuple):
    """One group.

    :param values: of the dimensions.
    :param metrics: its numbers.
    :param compared: the same of the range compared with; ``None`` if there is none.
    """

    values: tuple[Value, ...]
    metrics: tuple[Number, ...]
    compared: tuple[Number, ...] | None = None


@dataclass(frozen=True, repr=False)
class Result:
    """The rows that a query asked for; printed, a table.

    It gives its rows one by one, as mappings by the names of dimensions and metrics::

        for row in result:
            print(row["page"], row["views"])

    :param by: the names of the dimensions.
    :param metrics: the names of the metrics.
    :param rows: the rows as they were counted.
    :param count: how many rows there are without limit and offset.
    """

    by: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: list[Row]
    count: int

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self._told(self.rows[place], self.rows[place].values)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self._told(row, row.values) for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return rows as JSON has them: dates and times in ISO's form, what is compared under ``compared``."""
        return {"rows": [self._told(row, [value.isoformat() if isinstance(value, date) else value
                                          for value in row.values]) for row in self.rows], "count": self.count}

    def __repr__(self) -> str:
        is_compared = any(row.compared is not None for row in self.rows)
        header = [*self.by, *self.metrics, *(f"compared.{name}" for name in self.metrics if is_compared)]
        rows = [[*(texts.visible(texts.value(value)) for value in row.values),
                 *(texts.number(name, number) for numbers in (row.metrics, row.compared or ())
                   for name, number in zip(self.metrics, numbers, strict=False))] for row in self.rows]
        table = texts.aligned(header, rows, left=len(self.by))
        return table if len(rows) == self.count else f"{table}\n({len(rows):,} of {self.count:,} rows)"

    def _told(self, row: Row, values: Sequence[object]) -> dict[str, Any]:
        told: dict[str, Any] = dict(zip((*self.by, *self.metrics), (*values, *row.metrics), strict=True))
        if row.compared is not None:
            told["compared"] = dict(zip(self.metrics, row.compared, strict=True))
        return told


class Counted:
    """What was counted in one range, as rows that can be looked up and put in order.

    :param by: the dimensions.
    :param buckets: those of the range, of each time dimension.
    """

    def __init__(self, table: Table, frame: Frame, by: Sequence[Dimension], buckets: Mapping[str, Buckets]) -> None:
        self._by = by
        self._buckets = buckets
        self._frame = frame
        self._parts, self._counts = _with_empty(table, by, buckets)

    def __len__(self) -> int:
        return int(self._parts.shape[1])

    def values(self, group: int) -> tuple[Value, ...]:
        """Return a group's values."""
        numbers = self._parts[:, group].tolist()
        return tuple(self._buckets[dimension.name].values[number] if dimension.kind == "time"
                     else self._frame.vocabulary(dimension).values[number]
                     for dimension, number in zip(self._by, numbers, strict=True))

    def key(self, group: int) -> tuple[Value | int, ...]:
        """Return what a group is compared by: its values, of a first time dimension the bucket's place."""
        values = self.values(group)
        if self._by and self._by[0].kind == "time":
            return (int(self._parts[0, group]), *values[1:])
        return values

    def metric(self, name: str, group: int) -> Number:
        """Return one number of a group."""
        metric = METRICS[name]
        return metric.of({count: int(self._counts[count][group]) for count in metric.counts})

    def ordered(self, order: Sequence[tuple[str, str]], most: int | None) -> list[int]:
        """Return the groups in order, ties by their values.

        :param order: names of dimensions and metrics, each with ``asc`` or ``desc``.
        :param most: only so many.
        """
        groups: list[int] = self._first(order[0], most).tolist() if order and most else list(range(len(self)))
        names = [dimension.name for dimension in self._by]
        # Each sort keeps what the ones before it did where it finds no difference.
        for name, direction in reversed((*order, *((name, "asc") for name in names))):
            keys = self._places(names.index(name), groups) if name in names else self._ranks(name, direction, groups)
            groups.sort(key=keys.__getitem__, reverse=name in names and direction == "desc")
        return groups[:most]

    def _places(self, number: int, groups: Sequence[int]) -> dict[int, Any]:
        """Return what groups are put in order by, of one dimension: text, or the place of a bucket."""
        dimension, numbers = self._by[number], self._parts[number]
        if dimension.kind == "time":
            return {group: numbers[group] for group in groups}
        values = self._frame.vocabulary(dimension).values
        return {group: values[numbers[group]] for group in groups}

    def _ranks(self, name: str, direction: str, groups: Sequence[int]) -> dict[int, tuple[bool, int | float]]:
        """Return what groups are put in order by, of one metric: those without a number last."""
        sign = -1 if direction == "desc" else 1
        numbers = {group: self.metric(name, group) for group in groups}
        return {group: (number is None, sign * (number or 0)) for group, number in numbers.items()}

    def _first(self, by: tuple[str, str], most: int) -> Array:
        """Return the groups that may be among the first: all, or, of thousands in order of a count, few."""
        name, direction = by
        if name not in METRICS or len(METRICS[name].counts) > 1 or len(self) <= most:
            return np.arange(len(self))
        counts = self._counts[name] if direction == "asc" else -self._counts[name]
        return np.flatnonzero(counts <= np.partition(counts, most - 1)[most - 1])


def _with_empty(table: Table, by: Sequence[Dimension],
                buckets: Mapping[str, Buckets]) -> tuple[Array, dict[str, Array]]:
    """Return groups and counts with those that must be there even if there is nothing in them."""
    if not by:
        size, places = 1, np.zeros(table.parts.shape[1], dtype=np.int64)
    elif len(by) == 1 and by[0].kind == "time":
        size, places = len(buckets[by[0].name]), table.parts[0]
    else:
        return table.parts, table.counts
    counts = {name: np.zeros(size, dtype=np.int64) for name in table.counts}
    for name, numbers in table.counts.items():
        counts[name][places] = numbers
    return np.arange(size, dtype=np.int32)[None, :][:len(by)].reshape(len(by), size), counts
