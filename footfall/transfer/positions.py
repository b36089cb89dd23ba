"""How far followed logs were read: kept in the family ``Positions``, written with the events taken from them."""

from __future__ import annotations

from typing import NamedTuple

from footfall import pageview
from footfall.storage import Insert, Remove, Store

FAMILY = "Positions"


class Position(NamedTuple):
    """How far one file of a log was read.

    :param offset: how many of its bytes, unzipped, were taken; they end with a line.
    :param written: when it had last been written to when it was read, in nanoseconds since 1970.
    :param done: it was read to its end, and another has taken its place.
    :param path: where it was.
    :param host: the machine that it was on.
    """

    offset: int
    written: int
    done: bool
    path: str
    host: str


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
