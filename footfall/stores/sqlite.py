"""A store in one SQLite file: the default, enough for a busy blog.

Each family is a table ``(row_key, id, data, expires)`` without row ids, so that a row's columns lie
side by side on disk in the order in which they are read. Commits are on disk when they return:
write-ahead log, ``synchronous=FULL``. One connection writes, under a lock.
"""

from __future__ import annotations

import secrets
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeGuard, cast

from footfall.changes import LOGGED, Cursor, Entry, Touched
from footfall.columns import (
    FAMILIES,
    PAGE,
    TURNS_ROW,
    Arrival,
    Insert,
    Mutation,
    Remove,
    name_of,
    sort_name,
)
from footfall.errors import StoreError
from footfall.packing import TRAILS
from footfall.pageview import Packed, days_of
from footfall.retries import plain
from footfall.storage import SealStep, Store
from footfall.stores import sqlite_changes, sqlite_family, sqlite_sealed, sqlite_sealing, sqlite_trails
from footfall.stores.sqlite_family import ALIVE, SqliteFamily
from footfall.stores.sqlite_file import Busy, Change, Schema, SqliteFile, carrying_out, insert_rows

#: Marks the file as footfall's: "foot" in ASCII.
APPLICATION_ID = 0x666F6F74
SCHEMA_VERSION = 8


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
        self._trails = sqlite_trails.TrailFamily(self)
        self._arrived = 0

    def _family(self, name: str) -> SqliteFamily:
        return self._trails if name == TRAILS else SqliteFamily(self, name)

    def apply(self, mutations: Sequence[Mutation]) -> None:
        if _are_arrivals(mutations):
            with self.file.transaction() as connection:
                self._arrive(connection, mutations)
            return
        others = [mutation for mutation in mutations if not isinstance(mutation, Arrival)]
        prepared = sqlite_sealed.prepare(self.file, others)
        with self.file.transaction() as connection:

            def between(family: str, key: str, low: uuid.UUID, high: uuid.UUID) -> list[uuid.UUID]:
                bounds = sort_name(low), sort_name(high)
                rows = connection.execute(f'SELECT id FROM "{family}" WHERE row_key = ? AND id BETWEEN ? AND ?',
                                          (key, *bounds))
                names = {name for (name,) in rows}
                names.update(sqlite_sealed.names_between(connection, family, key, *bounds))
                return [name_of("time", name) for name in names]

            gathered = Touched()
            flat = plain(mutations, between)
            sqlite_sealed.make_way(connection, flat, prepared)
            for is_plain, run in groupby(flat, key=_is_plain):
                if is_plain:
                    _insert(connection, cast(Iterator[Insert | Arrival], run), gathered)
                else:
                    self._apply_some(connection, cast(Iterator[Insert | Remove], run), gathered)
            sqlite_changes.record(connection, gathered.entries())

    def apply_at_once(self, mutations: Sequence[Mutation]) -> bool:
        # What else there is may have to be looked up before.
        if not _are_arrivals(mutations):
            return False
        try:
            with self.file.transaction(wait=False) as connection:
                self._arrive(connection, mutations)
        except Busy:
            return False
        return True

    def _arrive(self, connection: sqlite3.Connection, arrivals: Sequence[Arrival]) -> None:
        self._arrived += len(arrivals)
        gathered = Touched()
        _insert(connection, arrivals, gathered)
        sqlite_changes.record(connection, gathered.entries())

    def claim(self, family: str, key: str, name: str, value: bytes, *, ttl: int | None = None) -> Packed:
        with self.file.transaction() as connection:
            there = connection.execute(f'SELECT data FROM "{family}" WHERE row_key = ? AND id = ? AND {ALIVE}',
                                       (key, name, sqlite_family.now())).fetchone()
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
        arrived, self._arrived = self._arrived, 0
        self._trails.settle(arrived)
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
                some = f'SELECT id FROM "{row.family}" WHERE row_key = ? LIMIT {PAGE}'
                while self.file.read(some, row.key):
                    delete = f'DELETE FROM "{row.family}" WHERE row_key = ? AND id IN ({some})'
                    yield sqlite_changes.logged(carrying_out([(delete, (row.key, row.key))]), row)
                if row.family == TRAILS:
                    yield partial(sqlite_trails.take_out, removes=[row])
                if sqlite_sealed.is_sealed(row.family):
                    yield sqlite_changes.logged(
                        partial(sqlite_sealed.remove_row, family=row.family, key=row.key), row)

    def _remove_all(self, removes: Sequence[Remove], prepared: sqlite_sealed.Prepared,
                    connection: sqlite3.Connection) -> None:
        sqlite_sealed.make_way(connection, removes, prepared)
        gathered = Touched()
        self._apply_some(connection, removes, gathered)
        sqlite_changes.record(connection, gathered.entries())

    def _apply_some(self, connection: sqlite3.Connection, mutations: Iterable[Insert | Remove], gathered: Touched,
                    ) -> None:
        mutations = list(mutations)
        sqlite_trails.take_out(connection, [each for each in mutations if isinstance(each, Remove)])
        for mutation in mutations:
            self._apply_one(connection, mutation)
            gathered.mutation(mutation)

    def _apply_one(self, connection: sqlite3.Connection, mutation: Insert | Remove) -> None:
        if isinstance(mutation, Insert):
            connection.execute(f'INSERT OR REPLACE INTO "{mutation.family}" VALUES (?, ?, ?, ?)', (
                mutation.key, sort_name(mutation.name), mutation.value, _expiry(mutation.ttl)))
            connection.execute(f'DELETE FROM "{mutation.family}" WHERE expires <= ?', (sqlite_family.now(),))
        elif mutation.name is None:
            connection.execute(f'DELETE FROM "{mutation.family}" WHERE row_key = ?', (mutation.key,))
        else:
            connection.execute(f'DELETE FROM "{mutation.family}" WHERE row_key = ? AND id = ?',
                               (mutation.key, sort_name(mutation.name)))

    def init(self) -> list[str]:
        made, self._made = self._made, []
        return made

    def info(self) -> dict[str, Any]:
        with self.file.snapshot() as connection:
            families = {name: self._family(name).totals(connection) for name in FAMILIES}
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


def _are_arrivals(mutations: Sequence[Mutation]) -> TypeGuard[Sequence[Arrival]]:
    return all(isinstance(mutation, Arrival) for mutation in mutations)


def _insert(connection: sqlite3.Connection, inserts: Iterable[Insert | Arrival], gathered: Touched) -> None:
    """Insert columns that do not expire, those of a family together: the order of two families does not matter.

    :param gathered: is told of them.
    """
    families: defaultdict[str, list[tuple[str, Any, bytes]]] = defaultdict(list)
    due: defaultdict[tuple[str, str], list[bytes]] = defaultdict(list)
    for insert in inserts:
        family, key, name, value, _ = insert
        place = sort_name(name)
        families[family].append((key, place, value))
        if isinstance(insert, Arrival) and insert.visitor is not None:
            due[family, key].append(insert.visitor + place)
    for family, rows in families.items():
        insert_rows(connection, f'"{family}" (row_key, id, data)', rows)
        if family in LOGGED:
            by_key: defaultdict[str, list[Any]] = defaultdict(list)
            for key, place, _ in rows:
                by_key[key].append(place)
            for key, places in by_key.items():
                gathered.column(family, key, min(places))
                gathered.column(family, key, max(places))
    sqlite_trails.put_off(connection, due)


def _expiry(ttl: int | None) -> int | None:
    return None if ttl is None else sqlite_family.now() + ttl * 1000


def _is_plain(mutation: Mutation) -> bool:
    """Tell whether a mutation writes something that does not expire, which many can share one statement with."""
    return isinstance(mutation, Arrival) or (isinstance(mutation, Insert) and mutation.ttl is None)
