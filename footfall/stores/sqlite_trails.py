"""The trails of visitors in an SQLite file: told by their events at first, and written in the order of visitors later.

Visitors come in no order. Written at once where it belongs, each step of a trail would touch a page of its own, and a
commit write more pages for the steps than for the events. So a commit of events writes down, in one row for all of
them, which steps are due: for each the visitor and the event, whose fields tell the rest. What is read puts those and
what is written together; and every second some of the oldest that are due are written.
"""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from footfall.columns import PAGE, VISITOR_BYTES, Column, Name, Remove, Slice, name_of, sort_name
from footfall.packing import TRAILS, step_value
from footfall.pageview import Packed, unpack
from footfall.stores.sqlite_family import ALIVE, SqliteFamily, now
from footfall.stores.sqlite_file import overwriting
from footfall.timeuuid import from_sort_key

if TYPE_CHECKING:
    from footfall.stores.sqlite import SqliteStore

#: The table of the steps that are due: a row for some of a row's events, ``steps`` one after the other, each as the
#: sort key of its name.
DUE = "VisitorsDue"
#: Steps that a row of that table holds at most, and that are written at once: so few that no hit waits for them.
MOST_DUE = 64
#: How often in a row that is done, and how long hits have to themselves after each. Where more come than that keeps up
#: with, it is done once: the rest is left to a quieter hour, and hits wait for nothing that helps little.
TIMES, PAUSE_SECONDS = 8, 0.06
_STEP_BYTES = VISITOR_BYTES + 16
# The row key of a trail, YYYYMM.<account>, by that of the events, YYYYMMDD.<account>.
_TRAIL = "substr(row_key, 1, 6) || substr(row_key, 9)"
# What no part of a step follows.
_LAST = b"\xff" * (_STEP_BYTES + 1)


class Origin(NamedTuple):
    """The row that a step's event lies in."""

    family: str
    key: str


class Put(NamedTuple):
    """A row of the table of what is due."""

    number: int
    origin: Origin
    steps: bytes


def make_tables(connection: sqlite3.Connection) -> None:
    """Make what the family needs beside its own table, of what an older footfall made, too."""
    connection.execute(f'CREATE TABLE IF NOT EXISTS "{DUE}" (number INTEGER PRIMARY KEY, family TEXT NOT NULL, '
                       "row_key TEXT NOT NULL, steps BLOB NOT NULL)")
    # Until version 7 steps were written by their time first, and in a second table later.
    connection.execute('DROP VIEW IF EXISTS "VisitorsAll"')
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'VisitorsArrived'").fetchone():
        connection.execute(f'INSERT OR REPLACE INTO "{TRAILS}" SELECT row_key, '
                           "CAST(substr(id, 17) || substr(id, 1, 16) AS BLOB), data, expires "
                           'FROM "VisitorsArrived" ORDER BY 1, 2')
        connection.execute('DROP TABLE "VisitorsArrived"')


def put_off(connection: sqlite3.Connection, steps: Mapping[tuple[str, str], Sequence[bytes]]) -> None:
    """Write down which steps are due.

    :param steps: the sort keys of their names, by family and key of the row that their events are written to.
    """
    for (family, key), some in steps.items():
        for first in range(0, len(some), MOST_DUE):
            connection.execute(f'INSERT INTO "{DUE}" (family, row_key, steps) VALUES (?, ?, ?)',
                               (family, key, b"".join(some[first:first + MOST_DUE])))


def take_out(connection: sqlite3.Connection, removes: Iterable[Remove]) -> None:
    """Have what is removed from the family be due no longer."""
    rows: set[str] = set()
    columns: defaultdict[str, set[bytes]] = defaultdict(set)
    for remove in removes:
        if remove.family == TRAILS and remove.name is None:
            rows.add(remove.key)
        elif remove.family == TRAILS:
            columns[remove.key].add(sort_name(remove.name))
    for key in rows:
        connection.execute(f'DELETE FROM "{DUE}" WHERE {_TRAIL} = ?', (key,))
    for key, gone in columns.items():
        for put in list(_puts(connection, key)):
            left = b"".join(step for step in _split(put.steps) if step not in gone)
            if not left:
                connection.execute(f'DELETE FROM "{DUE}" WHERE number = ?', (put.number,))
            elif left != put.steps:
                connection.execute(f'UPDATE "{DUE}" SET steps = ? WHERE number = ?', (left, put.number))


class TrailFamily(SqliteFamily):
    """The family of the trails: the steps that are written, and those that are due."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store, TRAILS)

    def row_keys(self, start: str = "", finish: str = "", *, reverse: bool = False) -> Iterator[str]:
        low, high = (finish, start) if reverse else (start, finish)
        due = self.store.file.read(f'SELECT DISTINCT {_TRAIL} AS trail FROM "{DUE}" WHERE trail >= ? '
                                   "AND (? = '' OR trail <= ?) ORDER BY trail", low, high, high)
        keys = [key for (key,) in (reversed(due) if reverse else due)]
        written = super().row_keys(start, finish, reverse=reverse)
        return (key for key, _ in groupby(merge(keys, written, reverse=reverse)))

    def totals(self, connection: sqlite3.Connection) -> dict[str, int]:
        written = super().totals(connection)
        due: defaultdict[str, set[bytes]] = defaultdict(set)
        for key, steps in connection.execute(f'SELECT {_TRAIL}, steps FROM "{DUE}"'):
            due[key].update(_split(steps))
        columns, rows = written["columns"], written["rows"]
        for key, some in due.items():
            columns += len(some) - _written(connection, key, some)
            rows += not connection.execute(f'SELECT 1 FROM "{TRAILS}" WHERE row_key = ? AND {ALIVE}',
                                           (key, now())).fetchone()
        return {"rows": rows, "columns": columns}

    def truncate(self) -> None:
        with self.store.file.transaction() as connection:
            connection.execute(f'DELETE FROM "{DUE}"')
        super().truncate()

    def settle(self, arrived: int) -> None:
        """Write some of the oldest steps that are due, a few at a time.

        :param arrived: how many events came since that was done last.
        """
        for _ in range(TIMES if arrived <= TIMES * MOST_DUE else 1):
            if not self._settle_some():
                return
            time.sleep(PAUSE_SECONDS)

    def _settle_some(self) -> int:
        """Write as many steps as are written at once, and return how many these were."""
        with self.store.file.snapshot() as connection:
            oldest = list(_oldest(connection))
        steps = {step: put.origin for put in oldest for step in _split(put.steps)}
        rows = sorted((f"{origin.key[:6]}{origin.key[8:]}", step, data) for (step, data), origin in zip(
            self._told(steps), steps.values(), strict=True))
        with self.store.file.transaction() as connection, overwriting(connection):
            if list(_oldest(connection)) != oldest:
                # Some of them were removed meanwhile, or another process wrote them.
                return 0
            connection.executemany(f'INSERT OR REPLACE INTO "{TRAILS}" (row_key, id, data) VALUES (?, ?, ?)', rows)
            connection.executemany(f'DELETE FROM "{DUE}" WHERE number = ?', [(put.number,) for put in oldest])
        return len(steps)

    def _slice(self, key: str, part: Slice, limit: int | None) -> Iterator[Column]:
        # Before what is written: what is written meanwhile comes twice and is yielded once.
        with self.store.file.snapshot() as connection:
            due = _due(connection, key, part)
        names = iter(sorted(due, reverse=part.reversed))
        told = chain.from_iterable(self._told({name: due[name] for name in page})
                                   for page in iter(lambda: list(islice(names, PAGE)), []))
        written = chain.from_iterable(self._pages(key, part, limit))
        steps = _once(merge(told, written, key=itemgetter(0), reverse=part.reversed))
        return ((name_of(self.names, step), Packed(data)) for step, data in islice(steps, limit))

    def _columns(self, key: str, names: Sequence[Name]) -> list[Column]:
        wanted = {sort_name(name) for name in names}
        with self.store.file.snapshot() as connection:
            due = {step: origin for step, origin in _due(connection, key, Slice()).items() if step in wanted}
        columns = dict(super()._columns(key, names))
        columns |= {name_of(self.names, step): Packed(data) for step, data in self._told(due)}
        return list(columns.items())

    def _count(self, key: str, part: Slice) -> int:
        with self.store.file.snapshot() as connection:
            due = _due(connection, key, part)
            where, values = self._where(key, sort_name(part.low), ">=", sort_name(part.high), "<=")
            count: int = connection.execute(f'SELECT count(*) FROM "{TRAILS}" WHERE {where}', values).fetchone()[0]
            return count + len(due) - _written(connection, key, due)

    def _told(self, steps: Mapping[bytes, Origin]) -> Iterator[tuple[bytes, bytes]]:
        """Yield steps with their values, as their events tell these; what is told of an event that is gone is empty."""
        names: defaultdict[Origin, list[Any]] = defaultdict(list)
        for step, origin in steps.items():
            names[origin].append(from_sort_key(step[VISITOR_BYTES:]))
        events = {origin: dict(self.store.family(origin.family)._columns(origin.key, some))
                  for origin, some in names.items()}
        for step, origin in steps.items():
            yield step, _value(events[origin].get(from_sort_key(step[VISITOR_BYTES:])))


def _once(steps: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield steps, which are in order, with the first alone of those of one name."""
    return (next(same) for _, same in groupby(steps, key=itemgetter(0)))


def _value(event: bytes | None) -> bytes:
    try:
        fields = {} if event is None else unpack(event)
    except ValueError:
        fields = {}
    return step_value(fields)


def _split(steps: bytes) -> Iterator[bytes]:
    return (steps[at:at + _STEP_BYTES] for at in range(0, len(steps), _STEP_BYTES))


def _puts(connection: sqlite3.Connection, key: str, part: bytes = b"") -> Iterator[Put]:
    """Yield what is due of a trail's row; of that, what has some bytes in it."""
    rows = connection.execute(f'SELECT number, family, row_key, steps FROM "{DUE}" WHERE {_TRAIL} = ? '
                              "AND instr(steps, ?) > 0", (key, part))
    return (Put(number, Origin(family, row), steps) for number, family, row, steps in rows)


def _oldest(connection: sqlite3.Connection) -> Iterator[Put]:
    """Yield as much as is written at once of what has been due for longest."""
    left = MOST_DUE
    for number, family, key, steps in connection.execute(
            f'SELECT number, family, row_key, steps FROM "{DUE}" ORDER BY number LIMIT {MOST_DUE}'):
        left -= len(steps) // _STEP_BYTES
        if left < 0:
            return
        yield Put(number, Origin(family, key), steps)


def _due(connection: sqlite3.Connection, key: str, part: Slice) -> dict[bytes, Origin]:
    """Return the steps of a slice that are due."""
    low = b"" if part.low is None else sort_name(part.low)
    high = _LAST if part.high is None else sort_name(part.high)
    # Of one visitor, as most often: SQLite finds faster where he is in it.
    visitor = low[:VISITOR_BYTES] if low[:VISITOR_BYTES] == high[:VISITOR_BYTES] else b""
    return {step: put.origin for put in _puts(connection, key, visitor) for step in _split(put.steps)
            if low <= step <= high}


def _written(connection: sqlite3.Connection, key: str, steps: Iterable[bytes]) -> int:
    """Return how many of some steps that are due are written already."""
    some, count = iter(steps), 0
    while page := list(islice(some, PAGE)):
        found = connection.execute(f'SELECT count(*) FROM "{TRAILS}" WHERE row_key = ? AND {ALIVE} '
                                   f"AND id IN ({','.join('?' * len(page))})", (key, now(), *page))
        count += found.fetchone()[0]
    return count
