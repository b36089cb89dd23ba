"""Sealing days of an SQLite file, and the way back: some of a row's events at once, so that no hit waits long.

Packing takes longer than writing, and is done before the transaction that exchanges rows and chunk; in that it is only
looked whether they still are what was packed. So whoever is cut off, at whatever moment, leaves either rows or chunk,
and several processes may seal the same file.
"""

from __future__ import annotations

import sqlite3
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from footfall.columns import FAMILIES
from footfall.errors import StoreError
from footfall.pageview import days_of
from footfall.storage import SealStep
from footfall.stores.sqlite_file import SqliteFile, insert_rows, overwriting
from footfall.stores.sqlite_sealed import (
    HIGHEST,
    LOWEST,
    Chunk,
    Row,
    behind,
    chunk_after,
    chunk_before,
    insert,
    is_sealed,
    merged,
    remove,
)

#: Events of which a chunk is made, and the most that it grows to by late ones.
EVENTS = 1_000
MOST_EVENTS = 1_500
#: How long after its end a day is sealed by a server, and how often it looks for such days.
AFTER = timedelta(hours=1)
LOOK_SECONDS = 600
#: Transactions of a second in which a server has better to do.
BUSY_COMMITS = 20

#: What seals or unseals some events of a row, :func:`seal_some` or :func:`unseal_some`.
Some = Callable[[SqliteFile, str, str, bytes], tuple[bytes, int] | None]


def steps(file: SqliteFile, some: Some, rows: Iterator[tuple[str, str]]) -> Iterator[SealStep]:
    """Seal or unseal rows, some of their events with each step.

    :param rows: the family and the key of each.
    :raises StoreUnavailable: not now; what was done is done, and it may be begun again.
    """
    for family, key in rows:
        after = LOWEST
        while step := some(file, family, key, after):
            after, events = step
            yield SealStep(family, key, events)


class Idle:
    """Seals the days that are past while there is little else to do.

    :param take_turn: tells whether it is for this process, of those that share the file, to look for such days now.
    """

    def __init__(self, file: SqliteFile, take_turn: Callable[[], bool]) -> None:
        self._file = file
        self._take_turn = take_turn
        self._steps: Iterator[SealStep] = iter(())
        self._look_at = 0.0
        self._commits = 0

    def tidy(self) -> None:
        """Seal some events, if there are any; call it every second or so.

        :raises StoreUnavailable: not now.
        """
        commits, self._commits = self._file.commits - self._commits, self._file.commits
        if commits > BUSY_COMMITS or next(self._steps, None) or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        if self._take_turn():
            self._steps = steps(self._file, seal_some, self._rows((datetime.now(UTC) - AFTER).date()))

    def _rows(self, before: date) -> Iterator[tuple[str, str]]:
        """Yield the rows of days before one that have events which are not sealed."""
        for family in filter(is_sealed, FAMILIES):
            key = ""
            while found := self._file.read(f'SELECT row_key FROM "{family}" WHERE row_key > ? AND row_key < ? '
                                           "ORDER BY row_key LIMIT 1", key, f"{before:%Y%m%d}"):
                key = found[0][0]
                for _ in days_of([key]):
                    yield family, key


def seal_some(file: SqliteFile, family: str, key: str, after: bytes) -> tuple[bytes, int] | None:
    """Seal some of a row's events.

    :param after: a name that those are behind.
    :returns: the last name that was looked at, and how many were sealed: none, if somebody wrote to them meanwhile and
        it is to be done again. ``None`` if no events are left to be sealed.
    :raises StoreUnavailable: not now; it may be called again.
    """
    from footfall.sealing import seal, unseal

    with file.snapshot() as connection:
        gathered = _gather(connection, family, key, after)
    if gathered is None:
        return None
    rows, chunk = gathered
    columns = merged(rows, unseal(chunk.data), backwards=False) if chunk else rows
    try:
        chunks = [(some, seal(*zip(*some, strict=True))) for some in _shares(columns)]
    except StoreError:
        # They stay what they are.
        return rows[-1][0], 0
    with file.transaction() as connection:
        if _gather(connection, family, key, after) != gathered:
            return after, 0
        with overwriting(connection):
            connection.execute(f'DELETE FROM "{family}" WHERE row_key = ? AND id BETWEEN ? AND ? AND expires IS NULL',
                               (key, rows[0][0], rows[-1][0]))
            if chunk:
                remove(connection, chunk)
            for some, data in chunks:
                insert(connection, family, key, [name for name, _ in some], data)
    return rows[-1][0], len(rows)


def unseal_some(file: SqliteFile, family: str, key: str, after: bytes) -> tuple[bytes, int] | None:
    """Make rows of a chunk of a row again; arguments and results as those of :func:`seal_some`."""
    from footfall.sealing import unseal

    with file.snapshot() as connection:
        chunk = chunk_after(connection, family, key, behind(after))
    if chunk is None:
        return None
    block = unseal(chunk.data)
    columns = list(zip(block.names, block.values(), strict=True))
    with file.transaction() as connection:
        if chunk_after(connection, family, key, behind(after)) != chunk:
            return after, 0
        with overwriting(connection):
            # What was written since is what counts.
            late = {name for (name,) in connection.execute(
                f'SELECT id FROM "{family}" WHERE row_key = ? AND id BETWEEN ? AND ?', (key, chunk.first, chunk.last))}
            insert_rows(connection, f'"{family}" (row_key, id, data)',
                        [(key, name, value) for name, value in columns if name not in late])
            remove(connection, chunk)
    return chunk.last, len(columns)


def _gather(connection: sqlite3.Connection, family: str, key: str, after: bytes,
            ) -> tuple[list[Row], Chunk | None] | None:
    """Return the next rows to seal, and the chunk that they belong to, if there is one."""
    rows = f'SELECT id, data FROM "{family}" WHERE row_key = ? AND id > ? AND expires IS NULL'
    first = connection.execute(f"{rows} ORDER BY id LIMIT 1", (key, after)).fetchone()
    if first is None:
        return None
    chunk = chunk_after(connection, family, key, first[0])
    end = HIGHEST if chunk is None else chunk.last if chunk.first <= first[0] else chunk.first
    some = connection.execute(f"{rows} AND id <= ? ORDER BY id LIMIT {EVENTS}", (key, after, end)).fetchall()
    if chunk is None or chunk.first > first[0]:
        # Between two chunks: the few that come late go to the one before them, if it has room.
        some = some[:bisect_left(some, (end,))]
        chunk = chunk_before(connection, family, key, first[0])
        if chunk and len(some) + chunk.events > MOST_EVENTS:
            chunk = None
    return some, chunk


def _shares(columns: Sequence[Row]) -> list[Sequence[Row]]:
    """Return columns in shares that make a chunk each."""
    number = 1 if len(columns) <= MOST_EVENTS else -(-len(columns) // EVENTS)
    ends = [len(columns) * share // number for share in range(number + 1)]
    return [columns[start:stop] for start, stop in pairwise(ends)]
