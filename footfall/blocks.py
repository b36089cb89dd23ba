"""Blocks: a row's columns many at a time, for whoever reads them all.

:meth:`footfall.storage.ColumnFamily.blocks` yields them. A column by itself has a UUID for a name and a value that
opens like a map; to make both for millions of events takes longer than to count them. A block makes the times of all
its events at once, from the bytes of their names, and only those fields that it is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from footfall import pageview, timeuuid
from footfall.errors import StoreError

if TYPE_CHECKING:
    import numpy as np

_decode = msgspec.msgpack.Decoder().decode


class Block(ABC):
    """Some of a row's columns, in order."""

    #: What puts the events in order: :func:`footfall.timeuuid.sort_key` of each one's name.
    names: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.names)

    def ticks(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the time of each event, in 100-ns ticks since 1970."""
        return ticks_of(b"".join(self.names))

    def datetimes(self) -> Iterator[datetime]:
        """Yield the time of each event as :func:`footfall.timeuuid.datetime_of` gives it."""
        # numpy makes Python's timedeltas at once; the time zone must be added to each.
        since: list[timedelta] = (self.ticks() // 10).view("timedelta64[us]").tolist()
        return map(timeuuid.UNIX_EPOCH.__add__, since)

    @abstractmethod
    def column(self, field: str) -> list[Any]:
        """Return a field of each event, ``None`` where an event has no such field.

        :raises ValueError: as :meth:`maps`.
        """

    def columns(self, fields: Sequence[str]) -> list[list[Any]]:
        """Return some fields of each event, each as :meth:`column` gives it, at less cost than one by one.

        :raises ValueError: as :meth:`maps`.
        """
        return [self.column(field) for field in fields]

    @abstractmethod
    def maps(self, fields: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return the fields of each event, each in a map of its own.

        :param fields: just these, as far as an event has them.
        :raises ValueError: a value is no msgpack.

        As :func:`footfall.pageview.unpack` gives them; a value that is no map, as it is.
        """

    @abstractmethod
    def part(self, start: int, stop: int) -> Block:
        """Return the block of the events from one place to before another."""

    def without(self, names: Collection[bytes]) -> Iterator[Block]:
        """Yield the parts that are left when some events are left out, none of them empty."""
        start = 0
        for place, name in enumerate(self.names):
            if name in names:
                if place > start:
                    yield self.part(start, place)
                start = place + 1
        if start < len(self):
            yield self.part(start, len(self)) if start else self


class Page(Block):
    """Columns as they were read, name by name and value by value."""

    def __init__(self, names: Sequence[bytes], values: Sequence[bytes]) -> None:
        self.names = names
        self._values = values

    def column(self, field: str) -> list[Any]:
        return [fields.get(field) if isinstance(fields, dict) else None for fields in self._only((field,))]

    def columns(self, fields: Sequence[str]) -> list[list[Any]]:
        decode, getters = _row_decoder(tuple(fields))
        try:
            rows = list(map(decode, self._values))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [self.column(field) for field in fields]
        return [list(map(value_of, rows)) for value_of in getters]

    def maps(self, fields: Sequence[str] | None = None) -> list[dict[str, Any]]:
        if fields is None:
            return _each(_decode, self._values)
        return [some if isinstance(some, dict) else {} for some in self._only(tuple(fields))]

    def part(self, start: int, stop: int) -> Page:
        return Page(self.names[start:stop], self._values[start:stop])

    def _only(self, fields: tuple[str, ...]) -> list[Any]:
        try:
            return list(map(_decoder(fields), self._values))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [only(value, fields) for value in map(pageview.unpack, self._values)]


def only(value: Any, fields: Sequence[str]) -> dict[str, Any]:
    """Return just these fields of what a value holds, as far as it has them: none, if it is no map."""
    return {field: value[field] for field in fields if field in value} if isinstance(value, dict) else {}


def ticks_of(names: bytes) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the times in names that lie one behind the other, in 100-ns ticks since 1970."""
    # Not at the top: most commands, and a server that takes hits, have no use for it.
    import numpy as np

    times = np.frombuffer(names, ">u8")[::2] & 0x0FFF_FFFF_FFFF_FFFF
    return times.astype(np.int64) - timeuuid.EPOCH_TICKS


def check_family(name: str, kind: str) -> None:
    """Check that a family is one of events.

    :param kind: what its columns are named by.
    :raises StoreError: it is not.
    """
    if kind != "time":
        raise StoreError(f"{name}: blocks are of events, and this family's columns are none")


def _each(decode: Callable[[bytes], Any], values: Sequence[bytes]) -> list[Any]:
    try:
        return list(map(decode, values))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return list(map(pageview.unpack, values))


@lru_cache(maxsize=64)
def _decoder(fields: tuple[str, ...]) -> Callable[[bytes], Any]:
    """Return what decodes these fields of a map and passes over the others, which takes a part of the time."""
    asked = TypedDict("asked", dict.fromkeys(fields, Any), total=False)  # type: ignore[misc]
    return msgspec.msgpack.Decoder(asked).decode


@lru_cache(maxsize=64)
def _row_decoder(fields: tuple[str, ...]) -> tuple[Callable[[bytes], Any], list[Callable[[Any], Any]]]:
    """Return what decodes these fields of a map into a row, and what gives each field of it: half the cost of dicts."""
    places = [f"field_{place}" for place in range(len(fields))]
    row = msgspec.defstruct("row", [(place, Any, None) for place in places], gc=False,
                            rename=dict(zip(places, fields, strict=True)))
    return msgspec.msgpack.Decoder(row).decode, [attrgetter(place) for place in places]
