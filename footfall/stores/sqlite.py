"""A store in one SQLite file: the default, enough for a busy blog.

Each family is a table ``(row_key, id, data, expires)`` without row ids, so that a row's columns lie
side by side on disk in the order in which they are read. Commits are on disk when they return:
write-ahead log, ``synchronous=FULL``. One connection writes, under a lock; every thread that reads has
a connection of its own, and no read is held open between two pages of a slice.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from footfall.blocks import Block, Page
from footfall.columns import FAMILIES, PAGE, Column, Insert, Mutation, Name, Remove, Slice, name_of, sort_name
from footfall.errors import StoreError
from footfall.packing import TRAILS
from footfall.pageview import Packed
from footfall.retries import plain
from footfall.storage import ColumnFamily, Store
from footfall.stores import sqlite_trails
from footfall.stores.sqlite_file import Schema, SqliteFile, Statement, insert_rows

#: Marks the file as footfall's: "foot" in ASCII.
APPLICATION_ID = 0x666F6F74
SCHEMA_VERSION = 4


class SqliteStore(Store):
    """Column families in one file.

    :param url: ``sqlite:///`` and an absolute path; the file and its folder are made when missing.
    :raises StoreError: the file is not one of ours, or is a newer footfall's.
    :raises StoreUnavailable: the file cannot be opened or made now.
    """

    atomic = True

    def __init__(self, url: str) -> None:
        self.url = url
        path = Path(url.removeprefix("sqlite:///"))
        if not url.startswith("sqlite:///") or path.name in ("", ".."):
            raise StoreError(f"{url}: must be sqlite:///file or sqlite:////absolute/path/of/file")
        self.file = SqliteFile(path, Schema(APPLICATION_ID, SCHEMA_VERSION, _make_tables))
        self._made = [f"{path}: made"] if self.file.is_new else []

    def _family(self, name: str) -> SqliteFamily:
        return SqliteFamily(self, name)

    def apply(self, mutations: Sequence[Mutation]) -> None:
        with self.file.transaction() as connection:

            def between(family: str, key: str, low: uuid.UUID, high: uuid.UUID) -> list[uuid.UUID]:
                rows = connection.execute(f'SELECT id FROM "{family}" WHERE row_key = ? AND id BETWEEN ? AND ?',
                                          (key, sort_name(low), sort_name(high)))
                return [name_of("time", name) for (name,) in rows]

            for is_plain, run in groupby(plain(mutations, between), key=_is_plain_insert):
                if is_plain:
                    _insert(connection, cast(Iterator[Insert], run))
                else:
                    for mutation in run:
                        self._apply_one(connection, mutation)

    def claim(self, family: str, key: str, name: str, value: bytes, *, ttl: int | None = None) -> Packed:
        with self.file.transaction() as connection:
            there = connection.execute(f'SELECT data FROM "{family}" WHERE row_key = ? AND id = ? AND {_ALIVE}',
                                       (key, name, _now())).fetchone()
            if there is None:
                self._apply_one(connection, Insert(family, key, name, value, ttl))
        return Packed(value if there is None else there[0])

    def shred(self, batches: Iterable[Sequence[Remove]], *, rewrite: bool = False) -> None:
        self.file.shred(self._deletes(batches), rewrite=rewrite)

    def tidy(self) -> None:
        sqlite_trails.settle(self.file)

    def _deletes(self, batches: Iterable[Sequence[Remove]]) -> Iterator[list[Statement]]:
        """Yield the statements that carry out each batch, those of a long row in batches of their own."""
        for batch in batches:
            yield [(f'DELETE FROM "{table}" WHERE row_key = ? AND id = ?', (key, to_id(name)))
                   for family, key, name in batch if name is not None for table, to_id in _tables(family)]
            for table, key in [(table, key) for family, key, name in batch if name is None
                               for table, _ in _tables(family)]:
                some = f'SELECT id FROM "{table}" WHERE row_key = ? LIMIT {PAGE}'
                while self.file.read(some, key):
                    yield [(f'DELETE FROM "{table}" WHERE row_key = ? AND id IN ({some})', (key, key))]

    def _apply_one(self, connection: sqlite3.Connection, mutation: Insert | Remove) -> None:
        if isinstance(mutation, Insert):
            table, to_id = _written(mutation.family)
            connection.execute(f'INSERT OR REPLACE INTO "{table}" VALUES (?, ?, ?, ?)', (
                mutation.key, to_id(mutation.name), mutation.value, _expiry(mutation.ttl)))
            connection.execute(f'DELETE FROM "{table}" WHERE expires <= ?', (_now(),))
            return
        for table, to_id in _tables(mutation.family):
            if mutation.name is None:
                connection.execute(f'DELETE FROM "{table}" WHERE row_key = ?', (mutation.key,))
            else:
                connection.execute(f'DELETE FROM "{table}" WHERE row_key = ? AND id = ?',
                                   (mutation.key, to_id(mutation.name)))

    def init(self) -> list[str]:
        made, self._made = self._made, []
        return made

    def info(self) -> dict[str, Any]:
        families = {}
        for name in FAMILIES:
            ((rows, columns),) = self.file.read(
                f'SELECT count(DISTINCT row_key), count(*) FROM "{_read(name)}" WHERE {_ALIVE}', _now())
            families[name] = {"rows": rows, "columns": columns}
        return {"url": self.url, "engine": f"SQLite {sqlite3.sqlite_version}", "bytes": self.file.size(),
                "families": families}

    def close(self) -> None:
        self.file.close()

    def __reduce__(self) -> Any:
        return SqliteStore, (self.url,)


def _make_tables(connection: sqlite3.Connection, _: int) -> None:
    for name, names in FAMILIES.items():
        kind = "TEXT" if names == "text" else "BLOB"
        connection.execute(f'CREATE TABLE IF NOT EXISTS "{name}" (row_key TEXT NOT NULL, id {kind} NOT NULL, '
                           "data BLOB NOT NULL, expires INTEGER, PRIMARY KEY (row_key, id)) WITHOUT ROWID")
        connection.execute(f'CREATE INDEX IF NOT EXISTS "{name}Expiry" ON "{name}" (expires) '
                           "WHERE expires IS NOT NULL")
    sqlite_trails.make_tables(connection)


def _tables(family: str) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return the tables that hold a family, each with what makes its ids of names; the first is written to."""
    settled: tuple[str, Callable[[Any], Any]] = (family, sort_name)
    return [(sqlite_trails.ARRIVED, sqlite_trails.arrived_id), settled] if family == TRAILS else [settled]


def _insert(connection: sqlite3.Connection, inserts: Iterable[Insert]) -> None:
    """Insert columns that do not expire, those of a family together: the order of two families does not matter."""
    families: defaultdict[str, list[tuple[str, Any, bytes]]] = defaultdict(list)
    for family, key, name, value, _ in inserts:
        families[family].append((key, name, value))
    for family, some in families.items():
        table, to_id = _written(family)
        rows = [(key, to_id(name), value) for key, name, value in some]
        insert_rows(connection, f'"{table}" (row_key, id, data)', rows)


def _written(family: str) -> tuple[str, Callable[[Any], Any]]:
    return _tables(family)[0]


def _read(family: str) -> str:
    """Return the table or view that a family is read from."""
    return sqlite_trails.ALL if family == TRAILS else family


class SqliteFamily(ColumnFamily):
    """A column family of an :class:`SqliteStore`."""

    store: SqliteStore

    def __init__(self, store: SqliteStore, name: str) -> None:
        super().__init__(store, name)
        self._source = _read(name)

    def row_keys(self, start: str = "", finish: str = "", *, reverse: bool = False) -> Iterator[str]:
        low, high = (finish, start) if reverse else (start, finish)
        low_is, high_is = ">=", "<="
        # One look-up a key: the table is far longer than its keys are many.
        while True:
            where, values = _ALIVE, list[Any]((_now(),))
            for bound, relation in ((low, low_is), (high, high_is)):
                if bound:
                    where += f" AND row_key {relation} ?"
                    values.append(bound)
            found = self.store.file.read(f'SELECT row_key FROM "{self._source}" WHERE {where} '
                                    f'ORDER BY row_key {"DESC" if reverse else "ASC"} LIMIT 1', *values)
            if not found:
                return
            key: str = found[0][0]
            yield key
            if reverse:
                high, high_is = key, "<"
            else:
                low, low_is = key, ">"

    def truncate(self) -> None:
        with self.store.file.transaction() as connection:
            for table, _ in _tables(self.name):
                connection.execute(f'DELETE FROM "{table}"')

    def _slice(self, key: str, part: Slice, limit: int | None) -> Iterator[Column]:
        for page in self._pages(key, part, limit):
            for identity, data in page:
                yield name_of(self.names, identity), Packed(data)

    def _blocks(self, key: str, part: Slice, fields: Sequence[str] | None) -> Iterator[Block]:
        for page in self._pages(key, part, None):
            if page:
                names, values = zip(*page, strict=True)
                yield Page(names, values)

    def _pages(self, key: str, part: Slice, limit: int | None) -> Iterator[list[tuple[Any, bytes]]]:
        """Yield the ids and values of a slice, page by page; the last page may be empty."""
        low, high = sort_name(part.low), sort_name(part.high)
        low_is, high_is = ">=", "<="
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(PAGE, limit)
            where, values = self._where(key, low, low_is, high, high_is)
            page = self.store.file.read(f'SELECT id, data FROM "{self._source}" WHERE {where} '
                                   f'ORDER BY id {"DESC" if part.reversed else "ASC"} LIMIT {size}', *values)
            yield page
            if len(page) < size:
                return
            limit = None if limit is None else limit - size
            if part.reversed:
                high, high_is = page[-1][0], "<"
            else:
                low, low_is = page[-1][0], ">"

    def _columns(self, key: str, names: Sequence[Name]) -> list[Column]:
        found: list[Column] = []
        for first in range(0, len(names), PAGE):
            some = [sort_name(name) for name in names[first:first + PAGE]]
            marks = ",".join("?" * len(some))
            rows = self.store.file.read(f'SELECT id, data FROM "{self._source}" WHERE row_key = ? AND id IN ({marks}) '
                                   f"AND {_ALIVE}", key, *some, _now())
            found += [(name_of(self.names, identity), Packed(data)) for identity, data in rows]
        return found

    def _count(self, key: str, part: Slice) -> int:
        where, values = self._where(key, sort_name(part.low), ">=", sort_name(part.high), "<=")
        count: int = self.store.file.read(f'SELECT count(*) FROM "{self._source}" WHERE {where}', *values)[0][0]
        return count

    def _where(self, key: str, low: Any, low_is: str, high: Any, high_is: str) -> tuple[str, list[Any]]:
        where, values = f"row_key = ? AND {_ALIVE}", list[Any]((key, _now()))
        for bound, relation in ((low, low_is), (high, high_is)):
            if bound is not None:
                where += f" AND id {relation} ?"
                values.append(bound)
        return where, values


_ALIVE = "(expires IS NULL OR expires > ?)"


def _now() -> int:
    """Milliseconds since 1970, the unit of the column ``expires``."""
    return time.time_ns() // 1_000_000


def _expiry(ttl: int | None) -> int | None:
    return None if ttl is None else _now() + ttl * 1000


def _is_plain_insert(mutation: Insert | Remove) -> bool:
    """Tell whether a mutation is an insert that does not expire, which many can share one statement with."""
    return isinstance(mutation, Insert) and mutation.ttl is None
