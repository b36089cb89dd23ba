"""The encoder: events as they are read from a store, many at a time, become a day's facts.

What :func:`~footfall.reports.facts.fact_of` defines for one event is worked out here once for each different text: an
address that was seen before is looked up by all of it, without a look into it. The rest is done to whole columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np

from footfall.blocks import Block, ticks_of
from footfall.columns import VISITOR_BYTES
from footfall.reports.arrays import Array, narrow
from footfall.reports.day import Day, Table, day_of_columns
from footfall.reports.facts import FIELDS, ROWS, Row, count_of, props_text, text_of, visitor_number

_NAME_BYTES = 16
_NOTHING = np.empty(0, dtype=np.uint32)
# These two are made of the same fields, which are looked up once for both.
_LINKED = ("origin", "referrer_url")


class Encoder:
    """Gathers the events of a day, one family after the other, and makes facts of them."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Row, int]] = {name: {} for name in ROWS}
        self._links: dict[tuple[int, ...], int] = {}
        self._lookups = {name: (needed, _Lookup(self._coder(name)))
                         for name, (needed, _) in ROWS.items() if name not in _LINKED}
        self._lookups["link"] = (ROWS[_LINKED[0]][0], _Lookup(self._link))
        self._columns: defaultdict[str, list[Array]] = defaultdict(list)
        self._names: list[bytes] = []

    def add(self, block: Block) -> None:
        """Take events, in their order; those of another family may belong between those that were taken before.

        :raises ValueError: a value is no msgpack.
        """
        fields: dict[str, Sequence[Any]] = dict(zip(FIELDS, block.columns(FIELDS), strict=True))
        if not _is_missing(fields["props"]):
            fields["props"] = list(map(props_text, fields["props"]))
        columns = {name: lookup.codes([fields[field] for field in needed])
                   for name, (needed, lookup) in self._lookups.items()}
        columns |= {"visitor": _visitors(fields["visitor"]),
                    **{name: _numbers(count_of, fields[name], np.uint32) for name in ("engaged", "scroll")}}
        for name, column in columns.items():
            self._columns[name].append(column)
        self._names.append(b"".join(block.names))

    def day(self, day: date) -> Day:
        """Return what was taken as the facts of a UTC day; to be asked for once, since it lets go of the rest."""
        names, self._names = b"".join(self._names), []
        order: slice | Array = slice(None)
        keys = np.frombuffer(names, f"S{_NAME_BYTES}")
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
        ticks = ticks_of(names)[order]
        # One after the other, so that a day of millions lies in memory once.
        columns = {name: narrow(np.concatenate((_NOTHING, *self._columns.pop(name, ()))))[order]
                   for name in (*self._lookups, "visitor", "engaged", "scroll")}
        links = np.array(list(self._links), dtype=np.uint32).reshape(-1, len(_LINKED))
        link = columns.pop("link")
        columns |= {name: narrow(links[:, number])[link] for number, name in enumerate(_LINKED)}
        tables: dict[str, Table] = {name: list(rows) for name, rows in self._rows.items()}
        return day_of_columns(day, ticks, {name: columns[name] for name in ROWS}, tables,
                              columns["visitor"].astype(np.uint64), columns["engaged"], columns["scroll"])

    def _coder(self, name: str) -> Callable[..., int]:
        """Return what gives the number of a table's row, which is made of texts."""
        rows, make = self._rows[name], ROWS[name][1]
        return lambda *texts: rows.setdefault(make(*texts), len(rows))

    def _link(self, *texts: str) -> int:
        numbers = tuple(self._coder(name)(*texts) for name in _LINKED)
        return self._links.setdefault(numbers, len(self._links))


class _Lookup(dict[tuple[Any, ...], int]):
    """The number of what fields tell, by the fields as they are stored."""

    def __init__(self, number_of: Callable[..., int]) -> None:
        super().__init__()
        self._number_of = number_of

    def __missing__(self, stored: tuple[Any, ...]) -> int:
        number = self[stored] = self._number_of(*map(text_of, stored))
        return number

    def codes(self, columns: Sequence[Sequence[Any]]) -> Array:
        """Return the number of each event, whose fields are given column by column."""
        count = len(columns[0])
        if all(map(_is_missing, columns)):
            return np.full(count, self[(None,) * len(columns)], np.uint32)
        try:
            return np.fromiter(map(self.__getitem__, zip(*columns, strict=True)), np.uint32, count)
        except TypeError:
            # A list or a map where a text belongs cannot be looked up, and tells nothing.
            return self.codes([list(map(text_of, column)) for column in columns])


def _is_missing(column: Sequence[Any]) -> bool:
    return column.count(None) == len(column)


def _numbers(number_of: Callable[[Any], int], column: Sequence[Any], kind: type[np.unsignedinteger[Any]]) -> Array:
    if _is_missing(column):
        return np.zeros(len(column), kind)
    return np.fromiter(map(number_of, column), kind, len(column))


def _visitors(column: Sequence[Any]) -> Array:
    """Return what :func:`~footfall.reports.facts.visitor_number` makes of each."""
    try:
        if set(map(len, column)) == {VISITOR_BYTES}:
            return np.frombuffer(b"".join(column), ">u8").astype(np.uint64)
    except TypeError:
        pass
    return _numbers(visitor_number, column, np.uint64)
