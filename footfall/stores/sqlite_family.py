"""A column family in a table of an SQLite file: how its rows are read, those that are sealed among them.

Every thread that reads has a connection of its own, and no read is held open between two pages of a slice.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from footfall.blocks import Block
from footfall.changes import truncated
from footfall.columns import PAGE, Column, Name, Slice, name_of, sort_name
from footfall.pageview import Packed
from footfall.storage import ColumnFamily
from footfall.stores import sqlite_changes, sqlite_sealed
from footfall.stores.sqlite_sealed import Row

if TYPE_CHECKING:
    from footfall.sealing import Sealed
    from footfall.stores.sqlite import SqliteStore

#: The condition that a row has not expired; its mark is :func:`now`.
ALIVE = "(expires IS NULL OR expires > ?)"


def now() -> int:
    """Return milliseconds since 1970, the unit of the column ``expires``."""
    return time.time_ns() // 1_000_000


class SqliteFamily(ColumnFamily):
    """A column family of an :class:`~footfall.stores.sqlite.SqliteStore`."""

    store: SqliteStore

    def __init__(self, store: SqliteStore, name: str) -> None:
        super().__init__(store, name)
        self._is_sealed = sqlite_sealed.is_sealed(name)

    def row_keys(self, start: str = "", finish: str = "", *, reverse: bool = False) -> Iterator[str]:
        low, high = (finish, start) if reverse else (start, finish)
        low_is, high_is = ">=", "<="
        # One look-up a key: the table is far longer than its keys are many.
        while True:
            bounds = [(bound, relation) for bound, relation in ((low, low_is), (high, high_is)) if bound]
            order = f'ORDER BY row_key {"DESC" if reverse else "ASC"} LIMIT 1'
            sources: list[tuple[str, Any]] = [(f'"{self.name}" WHERE {ALIVE}', now())]
            if self._is_sealed:
                sources.append((f'"{sqlite_sealed.TABLE}" WHERE family = ?', self.name))
            # In one query, since what is read of one while it goes to the other would be in neither.
            looks = [f"SELECT * FROM (SELECT row_key FROM {source}"
                     + "".join(f" AND row_key {relation} ?" for _, relation in bounds) + f" {order})"
                     for source, _ in sources]
            values = [value for _, first in sources for value in (first, *(bound for bound, _ in bounds))]
            found = self.store.file.read(f"{' UNION ALL '.join(looks)} {order}", *values)
            if not found:
                return
            key: str = found[0][0]
            yield key
            if reverse:
                high, high_is = key, "<"
            else:
                low, low_is = key, ">"

    def totals(self, connection: sqlite3.Connection) -> dict[str, int]:
        """Return how many rows and columns there are.

        :param connection: one that sees the file as it is at one moment.
        """
        keys = f'SELECT row_key FROM "{self.name}" WHERE {ALIVE}'
        (columns,) = connection.execute(f"SELECT count(*) FROM ({keys})", (now(),)).fetchone()
        values: list[Any] = [now()]
        if self._is_sealed:
            columns += sqlite_sealed.count_all(connection, self.name)
            keys += f' UNION ALL SELECT row_key FROM "{sqlite_sealed.TABLE}" WHERE family = ?'
            values.append(self.name)
        (rows,) = connection.execute(f"SELECT count(DISTINCT row_key) FROM ({keys})", values).fetchone()
        return {"rows": rows, "columns": columns}

    def truncate(self) -> None:
        with self.store.file.transaction() as connection:
            connection.execute(f'DELETE FROM "{self.name}"')
            connection.execute(f'DELETE FROM "{sqlite_sealed.TABLE}" WHERE family = ?', (self.name,))
            sqlite_changes.record(connection, truncated(self.name))

    def _slice(self, key: str, part: Slice, limit: int | None) -> Iterator[Column]:
        pages = (self._merged_pages if self._is_sealed else self._pages)(key, part, limit)
        return ((name_of(self.names, identity), Packed(data)) for identity, data in islice(
            chain.from_iterable(pages), limit))

    def _blocks(self, key: str, part: Slice, fields: Sequence[str] | None) -> Iterator[Block]:
        for rows, sealed in self._pieces(key, part, PAGE):
            yield from sqlite_sealed.woven(rows, sealed) if sealed else sqlite_sealed.page_of(rows)

    def _pages(self, key: str, part: Slice, limit: int | None) -> Iterator[list[tuple[Any, bytes]]]:
        """Yield the ids and values of a slice, page by page, at most ``limit`` of them."""
        low, high = sort_name(part.low), sort_name(part.high)
        low_is, high_is = ">=", "<="
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(PAGE, limit)
            where, values = self._where(key, low, low_is, high, high_is)
            page = self.store.file.read(f'SELECT id, data FROM "{self.name}" WHERE {where} '
                                   f'ORDER BY id {"DESC" if part.reversed else "ASC"} LIMIT {size}', *values)
            yield page
            if len(page) < size:
                return
            limit = None if limit is None else limit - size
            if part.reversed:
                high, high_is = page[-1][0], "<"
            else:
                low, low_is = page[-1][0], ">"

    def _merged_pages(self, key: str, part: Slice, limit: int | None) -> Iterator[list[Row]]:
        """Yield the ids and values of a slice of events, those that are sealed among them.

        :param limit: how many are wanted: who has them asks for no more.
        """
        for rows, sealed in self._pieces(key, part, PAGE if limit is None else min(PAGE, limit)):
            yield sqlite_sealed.merged(rows, sealed, backwards=part.reversed) if sealed else rows

    def _pieces(self, key: str, part: Slice, size: int) -> Iterator[tuple[list[Row], Sealed | None]]:
        """Yield the rows of a slice of events, page by page, each with what is sealed in the range it goes over."""
        low, high = _ends(part)
        backwards = part.reversed
        order = f"ORDER BY id {'DESC' if backwards else 'ASC'} LIMIT {size}"
        while size and low <= high:
            ends = low, high
            # Of one moment: what is sealed meanwhile would be in neither.
            with self.store.file.snapshot() as connection:
                chunk = sqlite_sealed.chunk_next(connection, self.name, key, low, high, backwards=backwards)
                if chunk:
                    ends = (max(low, chunk.first), high) if backwards else (low, min(high, chunk.last))
                where, values = self._where(key, ends[0], ">=", ends[1], "<=")
                rows = connection.execute(f'SELECT id, data FROM "{self.name}" WHERE {where} {order}',
                                          values).fetchall()
            if len(rows) == size:
                ends = (rows[-1][0], high) if backwards else (low, rows[-1][0])
            yield rows, sqlite_sealed.cut(chunk, *ends) if chunk else None
            if chunk is None and len(rows) < size:
                return
            low, high = (low, sqlite_sealed.before(ends[0])) if backwards else (sqlite_sealed.behind(ends[1]), high)

    def _columns(self, key: str, names: Sequence[Name]) -> list[Column]:
        columns: dict[Any, bytes] = {}
        for first in range(0, len(names), PAGE):
            some = [sort_name(name) for name in names[first:first + PAGE]]
            marks = ",".join("?" * len(some))
            with self.store.file.snapshot() as connection:
                columns.update(connection.execute(f'SELECT id, data FROM "{self.name}" WHERE row_key = ? '
                                                  f"AND id IN ({marks}) AND {ALIVE}", (key, *some, now())))
                if self._is_sealed:
                    missing = [name for name in some if name not in columns]
                    columns.update(sqlite_sealed.found(connection, self.name, key, missing))
        return [(name_of(self.names, identity), Packed(data)) for identity, data in columns.items()]

    def _count(self, key: str, part: Slice) -> int:
        where, values = self._where(key, sort_name(part.low), ">=", sort_name(part.high), "<=")
        with self.store.file.snapshot() as connection:
            count: int = connection.execute(f'SELECT count(*) FROM "{self.name}" WHERE {where}',
                                            values).fetchone()[0]
            if self._is_sealed:
                count += sqlite_sealed.count(connection, self.name, key, *_ends(part))
        return count

    def _where(self, key: str, low: Any, low_is: str, high: Any, high_is: str) -> tuple[str, list[Any]]:
        where, values = f"row_key = ? AND {ALIVE}", list[Any]((key, now()))
        for bound, relation in ((low, low_is), (high, high_is)):
            if bound is not None:
                where += f" AND id {relation} ?"
                values.append(bound)
        return where, values


def _ends(part: Slice) -> tuple[bytes, bytes]:
    """Return the ends of a slice of events as their names are stored."""
    return (sqlite_sealed.LOWEST if part.low is None else sort_name(part.low),
            sqlite_sealed.HIGHEST if part.high is None else sort_name(part.high))
