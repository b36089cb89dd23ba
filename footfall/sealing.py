"""Sealing: many events of a row packed into one chunk of bytes, from which each comes back to the byte.

In a chunk the events lie field by field: a field's values are much alike and pack to a tenth of what they take one
event after the other, and who needs two fields unpacks two. A value that its fields would not give back to the byte,
since another writer packed it otherwise or it is no map at all, is kept as it is beside them.

Nothing here reads or writes files: :mod:`footfall.stores.sqlite_sealed` keeps the chunks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, overload

import msgspec
import numpy as np
import zstandard

from footfall import pageview
from footfall.blocks import Block, ticks_of
from footfall.errors import StoreError

VERSION = 1
LEVEL = 3
NAME_BYTES = 16

#: In place of the value of a field that an event does not have.
_MISSING: Any = object()
#: The shape of an event that is kept as it is.
_RAW = 0
#: Values of one of these types that are equal are the same, and nobody can change them: one does for several events.
_ATOMS = {str, bytes, int, bool, type(None)}
#: Events of a shape for which it is worth while to compile what makes them.
_MANY = 50

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class _Frames(NamedTuple):
    """What the bytes of a chunk are, an array of msgpack after the version. All but shapes and raw values is zstd.

    :param times: from each name's first eight bytes to the next one's.
    :param lows: the other eight bytes of each.
    :param shape_of: which of the shapes each event has, from 1; 0 for those that are kept as they are.
    :param shapes: the fields of an event in their order.
    :param raw: the values that are kept as they are.
    :param tables: of each field whether its values are all atoms of one kind, those of them that differ, and, unless
        each event has the one in its place, the place of each event's among them, from 1; 0 for one without the field.
    """

    times: bytes
    lows: bytes
    shape_of: bytes
    shapes: list[list[str]]
    raw: list[bytes]
    tables: dict[str, bytes]


def seal(names: Sequence[bytes], values: Sequence[bytes]) -> bytes:
    """Return the chunk of some events.

    :param names: sort keys, in order; at most 65,535.
    :param values: msgpack, or any other bytes.
    :raises StoreError: an event would not come back as it is.
    """
    maps = list(map(_map_of, values))
    shapes: dict[tuple[str, ...], int] = {}
    shape_of = [_RAW if fields is None else shapes.setdefault(tuple(fields), len(shapes) + 1) for fields in maps]
    halves = np.frombuffer(b"".join(names), ">u8").reshape(-1, 2)
    squeeze = zstandard.ZstdCompressor(level=LEVEL).compress
    tables = {field: squeeze(_table([_MISSING if fields is None else fields.get(field, _MISSING) for fields in maps]))
              for field in dict.fromkeys(field for shape in shapes for field in shape)}
    times = np.diff(halves[:, 0].astype("<u8"), prepend=np.uint64(0))
    chunk = _encode((VERSION, *_Frames(
        squeeze(_planes(times, 1 << 63)), squeeze(halves[:, 1].tobytes()), squeeze(_planes(shape_of, len(shapes))),
        [list(shape) for shape in shapes],
        [value for value, fields in zip(values, maps, strict=True) if fields is None], tables)))
    back = unseal(chunk)
    if back.values() != list(values) or list(back.names) != list(names):
        raise StoreError("these events would not come back from a chunk as they are")
    return chunk


def unseal(chunk: bytes) -> Sealed:
    """Return the events of a chunk.

    :raises StoreError: it is none, or a newer footfall's.
    """
    try:
        version, *frames = _decode(chunk)
        if version == VERSION:
            return Sealed(_Chunk(_Frames(*frames)))
    except (msgspec.DecodeError, TypeError, ValueError, zstandard.ZstdError) as error:
        raise StoreError(f"a chunk of sealed events cannot be read: {error}") from error
    raise StoreError(f"a chunk of sealed events is a newer footfall's (version {version}, this one knows {VERSION}); "
                     "upgrade footfall")


class Sealed(Block):
    """The events of a chunk, or some that lie side by side in it."""

    def __init__(self, chunk: _Chunk, start: int = 0, stop: int | None = None) -> None:
        self._chunk = chunk
        self._start, self._stop = start, chunk.count if stop is None else stop
        self.names: Names = Names(chunk.names[start * NAME_BYTES:self._stop * NAME_BYTES])

    def ticks(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        return ticks_of(self.names.joined)

    def column(self, field: str) -> list[Any]:
        return [None if value is _MISSING else value for value in self._column(field)]

    def maps(self, fields: Sequence[str] | None = None) -> list[dict[str, Any]]:
        if fields is None:
            maps = self._maps_by_shape()
            for place, value in self._raw():
                maps[place] = pageview.unpack(value)
            return maps
        columns = [self._column(field) for field in fields]
        if all(map(self._chunk.is_everywhere, fields)):
            return _maps(fields, columns, len(self))
        return [{field: value for field, value in zip(fields, some, strict=True) if value is not _MISSING}
                for some in zip(*columns, strict=True)]

    def part(self, start: int, stop: int) -> Sealed:
        return Sealed(self._chunk, self._start + start, self._start + stop)

    def values(self) -> list[bytes]:
        """Return the values that were sealed."""
        values = [b"" if fields is None else _encode(fields) for fields in self._maps_by_shape()]
        for place, value in self._raw():
            values[place] = value
        return values

    def _column(self, field: str) -> list[Any]:
        column = self._chunk.column(field)[self._start:self._stop]
        for place, value in self._raw():
            fields = pageview.unpack(value)
            if isinstance(fields, dict):
                column[place] = fields.get(field, _MISSING)
        return column

    def _maps_by_shape(self) -> list[Any]:
        """Return the maps of the events, ``None`` for those that are kept as they are."""
        chunk, shape_of = self._chunk, self._chunk.shape_of[self._start:self._stop]
        found = np.unique(shape_of).tolist()
        if len(found) == 1 and found != [_RAW]:
            shape = chunk.shapes[found[0] - 1]
            return _maps(shape, [chunk.column(field)[self._start:self._stop] for field in shape], len(self))
        maps: list[Any] = [None] * len(self)
        columns = {field: _objects(chunk.column(field)[self._start:self._stop])
                   for number in found if number != _RAW for field in chunk.shapes[number - 1]}
        for number in found:
            if number != _RAW:
                shape, places = chunk.shapes[number - 1], np.flatnonzero(shape_of == number)
                some = _maps(shape, [columns[field][places].tolist() for field in shape], len(places))
                for place, fields in zip(places.tolist(), some, strict=True):
                    maps[place] = fields
        return maps

    def _raw(self) -> Iterator[tuple[int, bytes]]:
        """Yield the place and the value of those events that are kept as they are."""
        chunk = self._chunk
        if chunk.raw:
            for value, place in zip(chunk.raw, np.flatnonzero(chunk.shape_of == _RAW).tolist(), strict=True):
                if self._start <= place < self._stop:
                    yield place - self._start, value


class Names(Sequence[bytes]):
    """Sort keys that lie one behind the other in one piece of bytes, ``joined``."""

    def __init__(self, joined: bytes) -> None:
        self.joined = joined

    def __len__(self) -> int:
        return len(self.joined) // NAME_BYTES

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        start = range(len(self))[place] * NAME_BYTES
        return self.joined[start:start + NAME_BYTES]

    def __iter__(self) -> Iterator[bytes]:
        joined = self.joined
        return (joined[start:start + NAME_BYTES] for start in range(0, len(joined), NAME_BYTES))


class _Local(threading.local):
    """What each thread has of its own: to make it for every chunk takes as long as to unpack a field."""

    def __init__(self) -> None:
        self.decompressor = zstandard.ZstdDecompressor()


_local = _Local()


class _Chunk:
    """A whole chunk, of which each field is unpacked when it is asked for."""

    def __init__(self, frames: _Frames) -> None:
        self._loosen = _local.decompressor.decompress
        self._tables = frames.tables
        self._loosened: dict[str, bytes] = {}
        self._columns: dict[str, list[Any]] = {}
        self.shapes, self.raw = frames.shapes, frames.raw
        lows = np.frombuffer(self._loosen(frames.lows), ">u8")
        self.count = len(lows)
        self.shape_of = self._numbers(self._loosen(frames.shape_of))
        halves = np.empty((self.count, 2), ">u8")
        halves[:, 0] = np.cumsum(self._numbers(self._loosen(frames.times)), dtype=np.uint64)
        halves[:, 1] = lows
        self.names = halves.tobytes()

    def is_everywhere(self, field: str) -> bool:
        """Tell whether each event has a field, and none is kept as it is."""
        return not self.raw and all(field in shape for shape in self.shapes)

    def column(self, field: str) -> list[Any]:
        """Return a field of each event, :data:`_MISSING` where there is none, or the event is kept as it is."""
        if field in self._columns:
            return self._columns[field]
        if field not in self._tables:
            return [_MISSING] * self.count
        if field not in self._loosened:
            self._loosened[field] = self._loosen(self._tables[field])
        of_atoms, values, places = _decode(self._loosened[field])
        if places:
            values = _objects([_MISSING, *values]).take(self._numbers(places)).tolist()
        # Values that somebody may change are made anew for everyone who asks.
        if of_atoms:
            self._columns[field] = values
        return values  # type: ignore[no-any-return]

    def _numbers(self, planes: bytes) -> np.ndarray[Any, Any]:
        """Return a number for each event, which :func:`_planes` made bytes of."""
        width = len(planes) // self.count
        numbers = np.frombuffer(planes, np.uint8).reshape(width, self.count)
        return numbers[0] if width == 1 else np.ascontiguousarray(numbers.T).view(f"<u{width}").reshape(-1)


def _map_of(value: bytes) -> dict[str, Any] | None:
    """Return the map that a value is, ``None`` if the map would not give the value back."""
    try:
        fields = _decode(value)
        if type(fields) is dict and set(map(type, fields)) <= {str} and _encode(fields) == value:
            return fields
    except (ValueError, TypeError, RecursionError, OverflowError):
        pass
    return None


def _table(column: Sequence[Any]) -> bytes:
    present = [value for value in column if value is not _MISSING]
    kinds = set(map(type, present))
    of_atoms = len(kinds) == 1 and kinds <= _ATOMS
    if of_atoms:
        place_of: dict[Any, int] = {}
        for value in present:
            place_of.setdefault(value, len(place_of) + 1)
        values = list(place_of)
        places = [0 if value is _MISSING else place_of[value] for value in column]
    else:
        values, following = present, iter(range(1, len(present) + 1))
        places = [0 if value is _MISSING else next(following) for value in column]
    alone = len(values) == len(column)
    return _encode((of_atoms, values, b"" if alone else _planes(places, len(values))))


def _planes(numbers: Any, highest: int) -> bytes:
    """Return numbers, none above ``highest``, as bytes: the lowest one of each, then the next, most of them zero."""
    kind = "<u1" if highest < 1 << 8 else "<u2" if highest < 1 << 16 else "<u8"
    return np.array(numbers, kind).view(np.uint8).reshape(-1, int(kind[-1])).T.tobytes()


def _objects(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    # Not np.array: of lists of one length it would make a table.
    return np.fromiter(values, object, len(values))


def _maps(fields: Sequence[str], columns: Sequence[Sequence[Any]], count: int) -> list[dict[str, Any]]:
    if not fields:
        return [{} for _ in range(count)]
    if count >= _MANY:
        return _maker(tuple(fields))(columns)
    return [dict(zip(fields, some, strict=True)) for some in zip(*columns, strict=True)]


@lru_cache(maxsize=64)
def _maker(fields: tuple[str, ...]) -> Callable[[Sequence[Sequence[Any]]], list[dict[str, Any]]]:
    """Return what makes maps of columns, twice as fast as `dict` does: a dict as one would type it."""
    values = [f"v{number}" for number in range(len(fields))]
    display = ", ".join(f"{field!r}: {value}" for field, value in zip(fields, values, strict=True))
    code = f"lambda columns: [{{{display}}} for {', '.join(values)}, in zip(*columns, strict=True)]"
    maker: Callable[[Sequence[Sequence[Any]]], list[dict[str, Any]]] = eval(code)  # noqa: S307 - fields are literals
    return maker
