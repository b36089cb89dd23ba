"""Segments: the facts of a day in a file, which is mapped into memory and read only where somebody looks.

::

    head    magic, version, length and checksum of the index
    index   msgpack: the day, and of each part its place, its kind and its checksum
    parts   one behind the other, each at a multiple of eight bytes

Numbers lie there as they are in memory, each column in the narrowest unsigned integers that hold it; one that is the
same in all rows takes no room. Tables of text are msgpack in zstd, unpacked when they are first asked for, and so are
the columns that few ask for. A visit's times are those of its first and last event, and are not written.

A file is written whole under another name, and renamed: a reader has the old one or the new one. It is never changed.
docs/reports.md tells what a view takes.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import zstandard

from footfall import timeuuid
from footfall.errors import SegmentError
from footfall.reports.arrays import Array, narrow
from footfall.reports.day import Day, Table
from footfall.reports.facts import TABLES
from footfall.reports.visits import Visits

#: The version of the form: a file of another one is built anew.
VERSION = 1
#: The tables that few questions need; the columns of their codes are compressed.
RARE = frozenset({"url", "referrer_url", "props"})

_MAGIC = b"footfact"
_HEAD = struct.Struct("<8sII8s")
_ALIGNED = 8
_TICKS_PER_MS = timeuuid.TICKS_PER_SECOND // 1000
_LEVEL = 9
_encode = msgspec.msgpack.Encoder().encode
_decode_table = msgspec.msgpack.Decoder(list[tuple[str | None, ...]]).decode
T = TypeVar("T")


class Part(msgspec.Struct, array_like=True, frozen=True):
    """A column or a table in a file.

    :param name: as in ``code.page`` or ``visits.views``.
    :param kind: ``raw``, numbers to be mapped; ``packed``, numbers in zstd; ``table``, rows of text; ``same``, one
        number for all rows, which stands here and nowhere else.
    :param type: of the numbers, as numpy writes it; empty for a table.
    :param count: how many rows.
    :param start: its place, counted from the first part's.
    :param size: its bytes.
    :param digest: the checksum of those bytes.
    :param value: what is the same in all rows.
    """

    name: str
    kind: str
    type: str
    count: int
    start: int = 0
    size: int = 0
    digest: bytes = b""
    value: int = 0


class Index(msgspec.Struct, frozen=True):
    """What a file holds.

    :param day: the UTC day.
    :param base: ticks since 1970 of the first event, from which the milliseconds of all are counted.
    """

    day: date
    base: int
    parts: list[Part]


_decode_index = msgspec.msgpack.Decoder(Index).decode


def write(path: Path, day: Day) -> int:
    """Write the facts of a day to a file, and return how many bytes it has; a file that is there is replaced.

    When it returns, the file is on disk. What is left of a writer that was killed is named ``.<name>.…``.

    :raises OSError: it cannot be written; the file is what it was before.
    """
    content = _content(day)
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return len(content)


def read(path: Path) -> Day:
    """Return the facts in a file; they stay there until they are looked at.

    :raises SegmentError: the file is damaged, cut short or of another version: build it anew. Head and index are
        checked here, the rest by :func:`check`; text that cannot be unpacked raises this when it is looked at.
    :raises OSError: there is no such file, or it cannot be read.
    """
    file = _File(path)
    numbers = file.numbers
    times = _Times(file.index.base, numbers("time.milliseconds"), numbers("time.rest"))
    first_row = numbers("visits.first_row")
    # Made without their __init__, which would ask for everything.
    visits, facts = StoredVisits.__new__(StoredVisits), StoredDay.__new__(StoredDay)
    vars(visits).update(
        _times=times, visitor=numbers("visits.visitor"), first_row=first_row, last_row=numbers("visits.last_row"),
        last_day=_same(0, np.dtype(np.uint16), len(first_row)), views=numbers("visits.views"),
        is_active=numbers("visits.is_active").view(bool))
    vars(facts).update(
        _times=times, day=file.index.day, codes=_Lazy(TABLES, lambda name: numbers(f"code.{name}")),
        tables=_Lazy(TABLES, file.table), engaged=numbers("engaged"), scroll=numbers("scroll"),
        visit=numbers("visit"), visits=visits)
    return facts


def check(path: Path) -> None:
    """Check every byte of a file that means something.

    :raises SegmentError: it is damaged.
    :raises OSError: as :func:`read`.
    """
    file = _File(path)
    for part in file.parts.values():
        if part.kind != "same" and _digest(file.bytes_of(part)) != part.digest:
            raise SegmentError(f"{path}: {part.name} is damaged; build the day's facts anew")


def sizes(path: Path) -> dict[str, int]:
    """Return how many bytes each part of a file takes, by name; ``index`` is the head with the index."""
    file = _File(path)
    parts = {name: part.size for name, part in file.parts.items()}
    return {"index": path.stat().st_size - sum(parts.values()), **parts}


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
    """Visits in a file: when they began and ended is worked out when it is first asked for."""

    _times: _Times

    @cached_property
    def start(self) -> Array:
        return self._times.at(self.first_row)

    @cached_property
    def end(self) -> Array:
        return self._times.at(self.last_row)


class StoredDay(Day):
    """A day's facts in a file: times are put together when they are first asked for."""

    _times: _Times

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


class _File:
    """A file that is mapped, its head and index checked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _HEAD.size:
                raise self._damaged("cut short")
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, version, length, digest = _HEAD.unpack_from(self._bytes)
        if magic != _MAGIC or version != VERSION:
            raise self._damaged(f"not facts of version {VERSION}")
        index = self._bytes[_HEAD.size:_HEAD.size + length]
        if _digest(index) != digest:
            raise self._damaged("damaged in its index")
        try:
            self.index = _decode_index(index)
        except msgspec.DecodeError as error:
            raise self._damaged(f"damaged in its index: {error}") from None
        self.parts = {part.name: part for part in self.index.parts}
        head = _HEAD.size + length
        self._start = head + -head % _ALIGNED
        if self._start + max(part.start + part.size for part in self.index.parts) > size:
            raise self._damaged("cut short")

    def bytes_of(self, part: Part) -> memoryview:
        start = self._start + part.start
        return memoryview(self._bytes)[start:start + part.size]

    def numbers(self, name: str) -> Array:
        part = self.parts[name]
        kind = np.dtype(part.type)
        if part.kind == "same":
            return _same(part.value, kind, part.count)
        if part.kind == "raw":
            return np.frombuffer(self._bytes, kind, part.count, self._start + part.start)
        return np.frombuffer(self._unpacked(part), kind, part.count)

    def table(self, name: str) -> Table:
        part = self.parts[f"table.{name}"]
        try:
            return _decode_table(self._unpacked(part))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._damaged(f"{part.name}: {error}") from None

    def _unpacked(self, part: Part) -> bytes:
        try:
            return zstandard.ZstdDecompressor().decompress(self.bytes_of(part))
        except zstandard.ZstdError as error:
            raise self._damaged(f"{part.name}: {error}") from None

    def _damaged(self, what: str) -> SegmentError:
        return SegmentError(f"{self._path}: {what}; build the day's facts anew")


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
    columns = {name: narrow(column) for name, column in columns.items()} | {"visits.visitor": visits.visitor}
    parts, bodies = [], []
    for name, column in columns.items():
        part, body = _packed_column(name, column)
        parts.append(part)
        bodies.append(body)
    for name in TABLES:
        table = day.tables[name]
        parts.append(Part(f"table.{name}", "table", "", len(table)))
        bodies.append(_packed(_encode(table)))
    return _laid_out(day.day, base, parts, bodies)


def _packed_column(name: str, numbers: Array) -> tuple[Part, bytes]:
    kind = numbers.dtype.newbyteorder("<").str
    if not len(numbers) or (numbers == numbers[0]).all():
        return Part(name, "same", kind, len(numbers), value=int(numbers[0]) if len(numbers) else 0), b""
    body = numbers.astype(kind, copy=False).tobytes()
    if name.removeprefix("code.") in RARE:
        return Part(name, "packed", kind, len(numbers)), _packed(body)
    return Part(name, "raw", kind, len(numbers)), body


def _laid_out(day: date, base: int, parts: list[Part], bodies: list[bytes]) -> bytes:
    """Return the whole file."""
    placed, pieces, start = [], [], 0
    for part, body in zip(parts, bodies, strict=True):
        placed.append(msgspec.structs.replace(part, start=start, size=len(body), digest=_digest(body)))
        pieces.append(body + bytes(-len(body) % _ALIGNED))
        start += len(pieces[-1])
    index = _encode(Index(day, base, placed))
    head = _HEAD.pack(_MAGIC, VERSION, len(index), _digest(index)) + index
    return b"".join((head, bytes(-len(head) % _ALIGNED), *pieces))


def _same(value: int, kind: np.dtype[Any], count: int) -> Array:
    return np.broadcast_to(np.array(value, kind), (count,))


def _packed(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(body)


def _digest(body: bytes | memoryview) -> bytes:
    return blake2b(body, digest_size=8).digest()
