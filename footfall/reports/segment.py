"""Segments: the facts of a day in a file, which is mapped into memory and read only where somebody looks.

The file's form is that of :mod:`footfall.reports.mapped`: each column in the narrowest unsigned integers that hold it.
Tables of text are msgpack in zstd, unpacked when they are first asked for, and so are the columns that few ask for. A
visit's times are those of its first and last event, and are not written.

docs/reports.md tells what a view takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from footfall import timeuuid
from footfall.drafts import written_whole
from footfall.reports.arrays import Array, narrow
from footfall.reports.day import Day, Table
from footfall.reports.facts import TABLES
from footfall.reports.mapped import Form, Mapped, Part, column, laid_out, pack, same
from footfall.reports.tallies import SUFFIX, Tallies
from footfall.reports.visits import Visits

#: The version of the form: a file of another one is built anew.
VERSION = 1
#: The tables that few questions need; the columns of their codes are compressed.
RARE = frozenset({"url", "referrer_url", "props"})

_TICKS_PER_MS = timeuuid.TICKS_PER_SECOND // 1000
_encode = msgspec.msgpack.Encoder().encode
_decode_table = msgspec.msgpack.Decoder(list[tuple[str | None, ...]]).decode
T = TypeVar("T")


def write(path: Path, day: Day) -> int:
    """Write the facts of a day to a file, and return how many bytes it has; a file that is there is replaced.

    :raises OSError: as :func:`footfall.drafts.written_whole`.
    """
    content = _content(day)
    with written_whole(path) as file:
        file.write(content)
    return len(content)


def read(path: Path) -> Day:
    """Return the facts in a file; they stay there until they are looked at.

    :raises SegmentError: the file is damaged, cut short or of another version: build it anew. Head and index are
        checked here, the rest by :func:`check`; text that cannot be unpacked raises this when it is looked at.
    :raises OSError: there is no such file, or it cannot be read.
    """
    file = _mapped(path)
    numbers = file.numbers
    times = _Times(file.index.base, numbers("time.milliseconds"), numbers("time.rest"))
    first_row = numbers("visits.first_row")
    # Made without their __init__, which would ask for everything.
    visits, facts = StoredVisits.__new__(StoredVisits), StoredDay.__new__(StoredDay)
    vars(visits).update(
        _times=times, visitor=numbers("visits.visitor"), first_row=first_row, last_row=numbers("visits.last_row"),
        last_day=same(0, np.dtype(np.uint16), len(first_row)), views=numbers("visits.views"),
        is_active=numbers("visits.is_active").view(bool))
    vars(facts).update(
        _file=file, _times=times, day=file.index.day, codes=_Lazy(TABLES, lambda name: numbers(f"code.{name}")),
        tables=_Lazy(TABLES, lambda name: _table(file, name)), engaged=numbers("engaged"), scroll=numbers("scroll"),
        visit=numbers("visit"), visits=visits,
        tallies=Tallies(path.with_suffix(SUFFIX), file.fingerprint))
    return facts


def check(path: Path) -> None:
    """Check every byte of a file that means something.

    :raises SegmentError: it is damaged.
    :raises OSError: as :func:`read`.
    """
    file = _mapped(path)
    for name in file.parts:
        if not file.is_whole(name):
            raise file.damaged(f"{name} is damaged")


def sizes(path: Path) -> dict[str, int]:
    """Return how many bytes each part of a file takes, by name; ``index`` is the head with the index."""
    file = _mapped(path)
    parts = {name: part.size for name, part in file.parts.items()}
    return {"index": file.size - sum(parts.values()), **parts}


class _Times:
    """The times of a day's events as they lie in a file: milliseconds since the first, and the ticks beyond them."""

    def __init__(self, base: int, milliseconds: Array, rest: Array) -> None:
        self._base = base
        self._milliseconds = milliseconds
        self._rest = rest

    def __len__(self) -> int:
        return len(self._milliseconds)

    def at(self, rows: Array | slice) -> Array:
        """Return the ticks of some events."""
        ticks: Array = self._milliseconds[rows].astype(np.int64)
        ticks *= _TICKS_PER_MS
        ticks += self._rest[rows]
        ticks += self._base
        return ticks

    def row_at(self, ticks: int) -> int:
        """Return the number of the first event that is not before a moment."""
        milliseconds, rest = divmod(ticks - self._base, _TICKS_PER_MS)
        if milliseconds < 0:
            return 0
        kind = self._milliseconds.dtype
        if milliseconds > np.iinfo(kind).max:
            return len(self)
        # Of the column's own type, or numpy would make a wider copy of all of it.
        low, high = (int(np.searchsorted(self._milliseconds, kind.type(milliseconds), side))
                     for side in ("left", "right"))
        return low + int(np.searchsorted(self._rest[low:high].astype(np.int64), rest))


class StoredVisits(Visits):
    """Visits in a file: when they began and ended is worked out whenever it is asked for, and takes no memory."""

    _times: _Times

    @property
    def start(self) -> Array:
        return self._times.at(self.first_row)

    @property
    def end(self) -> Array:
        return self._times.at(self.last_row)

    def ends_of(self, places: Array) -> tuple[Array, Array]:
        return self._times.at(self.first_row.take(places)), self._times.at(self.last_row.take(places))


class StoredDay(Day):
    """A day's facts in a file: times are put together when they are first asked for."""

    _file: Mapped
    _times: _Times

    def release(self) -> None:
        self._file.release()
        self.tallies.release()

    @cached_property
    def ticks(self) -> Array:
        return self._times.at(slice(None))

    def times(self, rows: Array | slice) -> Array:
        return self._times.at(rows)

    def row_at(self, ticks: int) -> int:
        return self._times.row_at(ticks)

    def __len__(self) -> int:
        return len(self._times)


class _Lazy(Mapping[str, T]):
    """A mapping whose values are made when they are first asked for."""

    def __init__(self, names: Iterable[str], make: Callable[[str], T]) -> None:
        self._names = tuple(names)
        self._make = make
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _mapped(path: Path) -> Mapped:
    return Mapped(path, _form())


def _form() -> Form:
    return Form(b"footfact", VERSION, "facts")


def _table(file: Mapped, name: str) -> Table:
    part = file.parts[f"table.{name}"]
    try:
        return _decode_table(file.unpacked(part))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise file.damaged(f"{part.name}: {error}") from None


def _content(day: Day) -> bytes:
    """Return the bytes of a file of a day's facts."""
    base = int(day.ticks[0]) if len(day) else 0
    milliseconds, rest = np.divmod(day.ticks - base, _TICKS_PER_MS)
    visits = day.visits
    columns = {"time.milliseconds": milliseconds, "time.rest": rest,
               **{f"code.{name}": day.codes[name] for name in TABLES},
               "engaged": day.engaged, "scroll": day.scroll, "visit": day.visit, "visits.first_row": visits.first_row,
               "visits.last_row": visits.last_row, "visits.views": visits.views,
               "visits.is_active": visits.is_active.view(np.uint8)}
    columns = {name: narrow(numbers) for name, numbers in columns.items()} | {"visits.visitor": visits.visitor}
    parts = [column(name, numbers, packed=name.removeprefix("code.") in RARE) for name, numbers in columns.items()]
    parts += [(Part(f"table.{name}", "table", "", len(day.tables[name])), pack(_encode(day.tables[name])))
              for name in TABLES]
    return laid_out(_form(), day.day, base, parts)
