"""How far sources were read: kept in the family ``Positions``, written with what was taken from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from footfall import pageview
from footfall.storage import Insert, Mutation, Remove, Store

FAMILY = "Positions"
TAIL_BYTES = 256


class Position(NamedTuple):
    """How far one file of a log was read.

    :param offset: how many of its bytes, unzipped, were taken; they end with a line.
    :param written: when it had last been written to when it was read, in nanoseconds since 1970.
    :param done: it was read to its end, and another has taken its place.
    :param path: where it was.
    :param host: the machine that it was on.
    :param tail: the hash of the last bytes that were taken, see :func:`tail_hash`; empty for none.
    """

    offset: int
    written: int
    done: bool
    path: str
    host: str
    tail: str = ""


def tail_hash(taken: bytes) -> str:
    """Return the hash of the last bytes of what was taken, by which the place is known again, and their number."""
    tail = taken[-TAIL_BYTES:]
    return f"{len(tail)} {blake2b(tail, digest_size=16).hexdigest()}" if tail else ""


class Positions:
    """The positions in the files of one log.

    :param key: the row they are kept in, which names the log and what is taken from it.
    """

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key

    def read(self) -> dict[str, Position]:
        """Return the positions by the files' identities."""
        columns = self._store.family(FAMILY).xget(self._key)
        return {identity: Position(**pageview.unpack(value)) for identity, value in columns}

    def insert(self, identity: str, position: Position) -> Insert:
        """Return what writes a position."""
        return Insert(FAMILY, self._key, identity, pageview.pack(position._asdict()))

    def remove(self, identity: str) -> Remove:
        """Return what removes a file's position."""
        return Remove(FAMILY, self._key, identity)


class Mark:
    """How far a walk came that has an end: there while the walk is under way, or was cut off.

    :param key: the row it is kept in, which names what is walked over and what is taken from it.
    """

    NAME = "at"

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key

    def read(self) -> dict[str, Any] | None:
        """Return the place behind which a walk that was cut off goes on; ``None`` to begin at the beginning."""
        found = self._store.family(FAMILY).multiget([self._key], [self.NAME])
        return pageview.unpack(found[self._key][self.NAME]) if found else None

    def at(self, place: Mapping[str, Any]) -> Insert:
        """Return what writes down that the walk came to a place."""
        return Insert(FAMILY, self._key, self.NAME, pageview.pack(place))

    def gone(self) -> Remove:
        """Return what writes down that the walk came to its end: the next one begins at the beginning."""
        return Remove(FAMILY, self._key)


def apply_then(store: Store, taken: Sequence[Mutation], position: Sequence[Mutation]) -> None:
    """Write what was taken, together with its position, or, where the store cannot do that, the position after it."""
    if store.atomic:
        store.apply([*taken, *position])
    else:
        store.apply(taken)
        store.apply(position)
