"""A store in one SQLite file: the default, enough for a busy blog.

Each family is a table ``(row_key, id, data, expires)`` without row ids, so that a row's columns lie
side by side on disk in the order in which they are read. Commits are on disk when they return:
write-ahead log, ``synchronous=FULL``. One connection writes, under a lock; every thread that reads has
a connection of its own, and no read is held open between two pages of a slice.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from footfall.blocks import Block
from footfall.changes import LOGGED, Cursor, Entry, Touched, touched, truncated
from footfall.columns import (
    FAMILIES,
    PAGE,
    TURNS_ROW,
    Column,
    Insert,
    Mutation,
    Name,
    Remove,
    Slice,
    name_of,
    sort_name,
)
from footfall.errors import StoreError
from footfall.packing import TRAILS
from footfall.pageview import Packed, days_of
from footfall.retries import plain
from footfall.storage import ColumnFamily, SealStep, Store
from footfall.stores import sqlite_changes, sqlite_sealed, sqlite_sealing, sqlite_trails
from footfall.stores.sqlite_file import Change, Schema, SqliteFile, carrying_out, insert_rows
from footfall.stores.sqlite_sealed import Row

if TYPE_CHECKING:
    from footfall.sealing import Sealed

#: Marks the file as footfall's: "foot" in ASCII.
APPLICATION_ID = 0x666F6F74
SCHEMA_VERSION = 7


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
        self._idle = sqlite_sealing.Idle(self.file, self._take_turn)
        self._made = [f"{path}: made"] if self.file.is_new else []

    def _family(self, name: str) -> SqliteFamily:
        return SqliteFamily(self, name)

    def apply(self, mutations: Sequence[Mutation]) -> None:
        prepared = sqlite_sealed.prepare(self.file, mutations)
        with self.file.transaction() as connection:

            def between(family: str, key: str, low: uuid.UUID, high: uuid.UUID) -> list[uuid.UUID]:
                bounds = sort_name(low), sort_name(high)
                rows = connection.execute(f'SELECT id FROM "{family}" WHERE row_key = ? AND id BETWEEN ? AND ?',
                                          (key, *bounds))
                names = {name for (name,) in rows}
                names.update(sqlite_sealed.names_between(connection, family, key, *bounds))
                return [name_of("time", name) for name in names]

            flat = plain(mutations, between)
            sqlite_sealed.make_way(connection, flat, prepared)
            gathered = Touched()
            for is_plain, run in groupby(flat, key=_is_plain_insert):
                if is_plain:
                    _insert(connection, cast(Iterator[Insert], run), gathered)
                else:
                    for mutation in run:
                        self._apply_one(connection, mutation)
                        gathered.mutation(mutation)
            sqlite_changes.record(connection, gathered.entries())

    def claim(self, family: str, key: str, name: str, value: bytes, *, ttl: int | None = None) -> Packed:
        with self.file.transaction() as connection:
            there = connection.execute(f'SELECT data FROM "{family}" WHERE row_key = ? AND id = ? AND {_ALIVE}',
                                       (key, name, _now())).fetchone()
            if there is None:
                self._apply_one(connection, Insert(family, key, name, value, ttl))
        return Packed(value if there is None else there[0])

    def shred(self, batches: Iterable[Sequence[Remove]], *, rewrite: bool = False) -> None:
        self.file.shred(self._deletes(batches), rewrite=rewrite)

    def seal(self, account: str | None, before: date) -> Iterator[SealStep]:
        return sqlite_sealing.steps(self.file, sqlite_sealing.seal_some, self._days(account, before))

    def unseal(self, account: str | None, before: date) -> Iterator[SealStep]:
        return sqlite_sealing.steps(self.file, sqlite_sealing.unseal_some, self._days(account, before))

    def _days(self, account: str | None, before: date) -> Iterator[tuple[str, str]]:
        """Yield the family and the key of each row of events of days before one."""
        for family in filter(sqlite_sealed.is_sealed, FAMILIES):
            for _, owner, key in days_of(self.family(family).row_keys("", f"{before:%Y%m%d}")):
                if account in (None, owner):
                    yield family, key

    def _changes(self, since: Cursor | None) -> tuple[list[Entry], Cursor]:
        return sqlite_changes.read(self.file, since)

    def tidy(self) -> None:
        sqlite_trails.settle(self.file)
        sqlite_changes.tidy(self.file)
        self._idle.tidy()

    def _take_turn(self) -> bool:
        """Tell whether it is for us, of the processes that share the file, to seal what is past."""
        mine = secrets.token_bytes(8)
        return self.claim("Accounts", TURNS_ROW, "seal", mine, ttl=sqlite_sealing.LOOK_SECONDS) == mine

    def _deletes(self, batches: Iterable[Sequence[Remove]]) -> Iterator[Change]:
        """Yield what carries out each batch, those of a long row in batches of their own."""
        for batch in batches:
            columns = [remove for remove in batch if remove.name is not None]
            yield partial(self._remove_all, columns, sqlite_sealed.prepare(self.file, columns))
            for row in (remove for remove in batch if remove.name is None):
                for table, _ in _tables(row.family):
                    some = f'SELECT id FROM "{table}" WHERE row_key = ? LIMIT {PAGE}'
                    while self.file.read(some, row.key):
                        delete = f'DELETE FROM "{table}" WHERE row_key = ? AND id IN ({some})'
                        yield sqlite_changes.logged(carrying_out([(delete, (row.key, row.key))]), row)
                if sqlite_sealed.is_sealed(row.family):
                    yield sqlite_changes.logged(
                        partial(sqlite_sealed.remove_row, family=row.family, key=row.key), row)

    def _remove_all(self, removes: Sequence[Remove], prepared: sqlite_sealed.Prepared,
                    connection: sqlite3.Connection) -> None:
        sqlite_sealed.make_way(connection, removes, prepared)
        for remove in removes:
            self._apply_one(connection, remove)
        sqlite_changes.record(connection, touched(removes))

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
        with self.file.snapshot() as connection:
            for name in FAMILIES:
                keys = f'SELECT row_key FROM "{_read(name)}" WHERE {_ALIVE}'
                (columns,) = connection.execute(f"SELECT count(*) FROM ({keys})", (_now(),)).fetchone()
                values: list[Any] = [_now()]
                if sqlite_sealed.is_sealed(name):
                    columns += sqlite_sealed.count_all(connection, name)
                    keys += f' UNION ALL SELECT row_key FROM "{sqlite_sealed.TABLE}" WHERE family = ?'
                    values.append(name)
                (rows,) = connection.execute(f"SELECT count(DISTINCT row_key) FROM ({keys})", values).fetchone()
                families[name] = {"rows": rows, "columns": columns}
            sealed = sqlite_sealed.told(connection)
        return {"url": self.url, "engine": f"SQLite {sqlite3.sqlite_version}", "bytes": self.file.size(),
                "sealed": sealed, "families": families}

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
    sqlite_sealed.make_tables(connection)
    sqlite_changes.make_tables(connection)


def _tables(family: str) -> list[tuple[str, Callable[[Any], Any]]]:
    """Return the tables that hold a family, each with what makes its ids of names; the first is written to."""
    settled: tuple[str, Callable[[Any], Any]] = (family, sort_name)
    return [(sqlite_trails.ARRIVED, sqlite_trails.arrived_id), settled] if family == TRAILS else [settled]


def _insert(connection: sqlite3.Connection, inserts: Iterable[Insert], gathered: Touched) -> None:
    """Insert columns that do not expire, those of a family together: the order of two families does not matter.

    :param gathered: is told of them.
    """
    families: defaultdict[str, list[tuple[str, Any, bytes]]] = defaultdict(list)
    for family, key, name, value, _ in inserts:
        families[family].append((key, name, value))
    for family, some in families.items():
        table, to_id = _written(family)
        rows = [(key, to_id(name), value) for key, name, value in some]
        insert_rows(connection, f'"{table}" (row_key, id, data)', rows)
        if family in LOGGED:
            by_key: defaultdict[str, list[Any]] = defaultdict(list)
            for key, identity, _ in rows:
                by_key[key].append(identity)
            for key, identities in by_key.items():
                gathered.column(family, key, min(identities))
                gathered.column(family, key, max(identities))


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
        self._is_sealed = sqlite_sealed.is_sealed(name)

    def row_keys(self, start: str = "", finish: str = "", *, reverse: bool = False) -> Iterator[str]:
        low, high = (finish, start) if reverse else (start, finish)
        low_is, high_is = ">=", "<="
        # One look-up a key: the table is far longer than its keys are many.
        while True:
            bounds = [(bound, relation) for bound, relation in ((low, low_is), (high, high_is)) if bound]
            order = f'ORDER BY row_key {"DESC" if reverse else "ASC"} LIMIT 1'
            sources: list[tuple[str, Any]] = [(f'"{self._source}" WHERE {_ALIVE}', _now())]
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

    def truncate(self) -> None:
        with self.store.file.transaction() as connection:
            for table, _ in _tables(self.name):
                connection.execute(f'DELETE FROM "{table}"')
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
                columns.update(connection.execute(f'SELECT id, data FROM "{self._source}" WHERE row_key = ? '
                                                  f"AND id IN ({marks}) AND {_ALIVE}", (key, *some, _now())))
                if self._is_sealed:
                    missing = [name for name in some if name not in columns]
                    columns.update(sqlite_sealed.found(connection, self.name, key, missing))
        return [(name_of(self.names, identity), Packed(data)) for identity, data in columns.items()]

    def _count(self, key: str, part: Slice) -> int:
        where, values = self._where(key, sort_name(part.low), ">=", sort_name(part.high), "<=")
        with self.store.file.snapshot() as connection:
            count: int = connection.execute(f'SELECT count(*) FROM "{self._source}" WHERE {where}',
                                            values).fetchone()[0]
            if self._is_sealed:
                count += sqlite_sealed.count(connection, self.name, key, *_ends(part))
        return count

    def _where(self, key: str, low: Any, low_is: str, high: Any, high_is: str) -> tuple[str, list[Any]]:
        where, values = f"row_key = ? AND {_ALIVE}", list[Any]((key, _now()))
        for bound, relation in ((low, low_is), (high, high_is)):
            if bound is not None:
                where += f" AND id {relation} ?"
                values.append(bound)
        return where, values


def _ends(part: Slice) -> tuple[bytes, bytes]:
    """Return the ends of a slice of events as their names are stored."""
    return (sqlite_sealed.LOWEST if part.low is None else sort_name(part.low),
            sqlite_sealed.HIGHEST if part.high is None else sort_name(part.high))


_ALIVE = "(expires IS NULL OR expires > ?)"


def _now() -> int:
    """Milliseconds since 1970, the unit of the column ``expires``."""
    return time.time_ns() // 1_000_000


def _expiry(ttl: int | None) -> int | None:
    return None if ttl is None else _now() + ttl * 1000


def _is_plain_insert(mutation: Insert | Remove) -> bool:
    """Tell whether a mutation is an insert that does not expire, which many can share one statement with."""
    return isinstance(mutation, Insert) and mutation.ttl is None
