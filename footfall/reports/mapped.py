"""Files of numbers that are mapped into memory, and read only where somebody looks.

::

    head    magic, version, length and checksum of the index
    index   msgpack: the day, and of each part its place, its kind and its checksum
    parts   one behind the other, each at a multiple of eight bytes

Numbers lie there as they are in memory; a column that is the same in all rows takes no room. A file is written whole
under another name, and renamed: a reader has the old one or the new one. It is never changed.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
from collections.abc import Sequence
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zstandard

from footfall.errors import SegmentError
from footfall.reports.arrays import Array

_HEAD = struct.Struct("<8sII8s")
_ALIGNED = 8
_LEVEL = 9
_encode = msgspec.msgpack.Encoder().encode
_log = logging.getLogger(__name__)


class Form(NamedTuple):
    """What a file is.

    :param what: in words.
    """

    magic: bytes
    version: int
    what: str


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
    :param base: of facts, ticks since 1970 of the first event, from which the milliseconds of all are counted; of
        counts, the fingerprint of the facts.
    """

    day: date
    base: int
    parts: list[Part]


_decode_index = msgspec.msgpack.Decoder(Index).decode


class Mapped:
    """A file that is mapped, its head and index checked.

    :raises SegmentError: it is damaged, cut short or of another form.
    :raises OSError: there is no such file, or it cannot be read.
    """

    def __init__(self, path: Path, form: Form) -> None:
        self.path = path
        with path.open("rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            if self.size < _HEAD.size:
                raise self.damaged("cut short")
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, version, length, told = _HEAD.unpack_from(self._bytes)
        if magic != form.magic or version != form.version:
            raise self.damaged(f"not {form.what} of version {form.version}")
        index = self._bytes[_HEAD.size:_HEAD.size + length]
        if digest(index) != told:
            raise self.damaged("damaged in its index")
        try:
            self.index = _decode_index(index)
        except msgspec.DecodeError as error:
            raise self.damaged(f"damaged in its index: {error}") from None
        #: Of all that is in it: the checksum of the index, which has those of the parts.
        self.fingerprint = int.from_bytes(told)
        self.parts = {part.name: part for part in self.index.parts}
        head = _HEAD.size + length
        self.start = head + -head % _ALIGNED
        if self.start + max((part.start + part.size for part in self.index.parts), default=0) > self.size:
            raise self.damaged("cut short")

    def numbers(self, name: str) -> Array:
        """Return a column."""
        part = self.parts[name]
        kind = np.dtype(part.type)
        if part.kind == "same":
            return same(part.value, kind, part.count)
        if part.kind == "raw":
            return np.frombuffer(self._bytes, kind, part.count, self.start + part.start)
        return np.frombuffer(self.unpacked(part), kind, part.count)

    def unpacked(self, part: Part) -> bytes:
        """Return what is compressed in a part.

        :raises SegmentError: it cannot be unpacked.
        """
        try:
            return zstandard.ZstdDecompressor().decompress(self._bytes_of(part))
        except zstandard.ZstdError as error:
            raise self.damaged(f"{part.name}: {error}") from None

    def is_whole(self, name: str) -> bool:
        """Tell whether a part has its checksum."""
        part = self.parts[name]
        return part.kind == "same" or digest(self._bytes_of(part)) == part.digest

    def release(self) -> None:
        """Let go of the pages that were looked at: they are the kernel's, who has them at hand for the next look."""
        self._bytes.madvise(mmap.MADV_DONTNEED)

    def damaged(self, what: str) -> SegmentError:
        """Return the error that tells of damage."""
        return SegmentError(f"{self.path}: {what}; build the day's facts anew")

    def _bytes_of(self, part: Part) -> memoryview:
        start = self.start + part.start
        return memoryview(self._bytes)[start:start + part.size]


def column(name: str, numbers: Array, *, packed: bool = False) -> tuple[Part, bytes]:
    """Return numbers as a part of a file, and its bytes."""
    kind = numbers.dtype.newbyteorder("<").str
    if not len(numbers) or (numbers == numbers[0]).all():
        return Part(name, "same", kind, len(numbers), value=int(numbers[0]) if len(numbers) else 0), b""
    body = numbers.astype(kind, copy=False).tobytes()
    return (Part(name, "packed", kind, len(numbers)), pack(body)) if packed else (
        Part(name, "raw", kind, len(numbers)), body)


def laid_out(form: Form, day: date, base: int, parts: Sequence[tuple[Part, bytes]]) -> bytes:
    """Return a whole file.

    :param base: as in :class:`Index`.
    """
    placed, pieces, start = [], [], 0
    for part, body in parts:
        placed.append(msgspec.structs.replace(part, start=start, size=len(body), digest=digest(body)))
        pieces.append(body + bytes(-len(body) % _ALIGNED))
        start += len(pieces[-1])
    index = _encode(Index(day, base, placed))
    head = _HEAD.pack(form.magic, form.version, len(index), digest(index)) + index
    return b"".join((head, bytes(-len(head) % _ALIGNED), *pieces))


def same(value: int, kind: np.dtype[Any], count: int) -> Array:
    """Return one number as often as told, which takes no memory."""
    return np.broadcast_to(np.array(value, kind), (count,))


def pack(body: bytes) -> bytes:
    """Return bytes compressed."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(body)


def digest(body: bytes | memoryview) -> bytes:
    """Return the checksum of some bytes."""
    return blake2b(body, digest_size=8).digest()


def tell_damage(what: str) -> None:
    """Count a damaged file, and write down what is wrong with it."""
    # Only now: prometheus_client must not be imported before the server told it where its processes count.
    from footfall import metrics

    metrics.DAMAGED_FACTS.inc()
    _log.warning("%s", what)
