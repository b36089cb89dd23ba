"""A store in one SQLite file: the default, enough for a busy blog.

Each family is a table ``(row_key, id, data, expires)`` without row ids, so that a row's columns lie
side by side on disk in the order in which they are read. Commits are on disk when they return:
write-ahead log, ``synchronous=FULL``. One connection writes, under a lock; every thread that reads has
a connection of its own, and no read is held open between two pages of a slice.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from footfall.errors import StoreError, StoreUnavailable
from footfall.pageview import Packed
from footfall.storage import FAMILIES, PAGE, Column, ColumnFamily, Insert, Mutation, Name, Slice, Store
from footfall.timeuuid import from_sort_key, sort_key

#: Marks the file as footfall's: "foot" in ASCII.
APPLICATION_ID = 0x666F6F74
SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0

# What may pass: a full disk, a lock, a mount that went away. Anything else is no matter of waiting.
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL}


class SqliteStore(Store):
    """Column families in one file.

    :param url: ``sqlite:///`` and an absolute path; the file and its folder are made when missing.
    :raises StoreError: the file is not one of ours, or is a newer footfall's.
    :raises StoreUnavailable: the file cannot be opened or made now.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = Path(url.removeprefix("sqlite:///"))
        if not url.startswith("sqlite:///") or self.path.name in ("", ".."):
            raise StoreError(f"{url}: must be sqlite:///file or sqlite:////absolute/path/of/file")
        self._writing = threading.Lock()
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._made = self._make_file()
        with self._errors(), self._writing:
            self._writer = self._connect()
            self._make_schema()

    def _family(self, name: str) -> SqliteFamily:
        return SqliteFamily(self, name)

    def apply(self, mutations: Sequence[Mutation]) -> None:
        with self._writing, self._errors(), self._transaction() as connection:
            expiring = set()
            for mutation in mutations:
                if isinstance(mutation, Insert):
                    connection.execute(_INSERT[mutation.family], (
                        mutation.key, _to_id(mutation.name), mutation.value, _expiry(mutation.ttl)))
                    if mutation.ttl is not None:
                        expiring.add(mutation.family)
                elif mutation.name is None:
                    connection.execute(f'DELETE FROM "{mutation.family}" WHERE row_key = ?', (mutation.key,))
                else:
                    connection.execute(f'DELETE FROM "{mutation.family}" WHERE row_key = ? AND id = ?',
                                       (mutation.key, _to_id(mutation.name)))
            for family in expiring:
                connection.execute(f'DELETE FROM "{family}" WHERE expires <= ?', (_now(),))

    def init(self) -> list[str]:
        made, self._made = self._made, []
        return made

    def info(self) -> dict[str, Any]:
        families = {}
        for name in FAMILIES:
            with self._errors():
                rows, columns = self.reader().execute(
                    f'SELECT count(DISTINCT row_key), count(*) FROM "{name}" WHERE {_ALIVE}', (_now(),)).fetchone()
            families[name] = {"rows": rows, "columns": columns}
        size = sum(path.stat().st_size for path in (self.path, self.path.with_name(self.path.name + "-wal"))
                   if path.exists())
        return {"url": self.url, "engine": f"SQLite {sqlite3.sqlite_version}", "bytes": size, "families": families}

    def close(self) -> None:
        with self._writing:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
            self._local = threading.local()

    def __reduce__(self) -> Any:
        return SqliteStore, (self.url,)

    def reader(self) -> sqlite3.Connection:
        """Return this thread's connection for reading."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
        return connection

    def read(self, sql: str, *values: Any) -> list[Any]:
        """Return the rows of a query, run on this thread's connection."""
        with self._errors():
            return self.reader().execute(sql, values).fetchall()

    def truncate(self, family: str) -> None:
        """Remove every row of a family."""
        with self._writing, self._errors(), self._transaction() as connection:
            connection.execute(f'DELETE FROM "{family}"')

    # ----- connections

    def _make_file(self) -> list[str]:
        """Make the folder and the file, readable by their owner alone: they hold readers' addresses."""
        if self.path.exists():
            return []
        with self._errors():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        return [f"{self.path}: made"]

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connections.append(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        return connection

    def _make_schema(self) -> None:
        self._writer.execute("PRAGMA journal_mode = WAL")
        with self._transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if tables and owner != APPLICATION_ID:
                raise StoreError(f"{self.path}: an SQLite file of another program; name another file in FOOTFALL_STORE")
            if version > SCHEMA_VERSION:
                raise StoreError(f"{self.path}: made by a newer footfall (schema {version}, this one knows "
                                 f"{SCHEMA_VERSION}); upgrade footfall")
            if version == SCHEMA_VERSION:
                return
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            for name, names in FAMILIES.items():
                kind = "BLOB" if names == "time" else "TEXT"
                connection.execute(f'CREATE TABLE "{name}" (row_key TEXT NOT NULL, id {kind} NOT NULL, '
                                   "data BLOB NOT NULL, expires INTEGER, PRIMARY KEY (row_key, id)) WITHOUT ROWID")
                connection.execute(f'CREATE INDEX "{name}Expiry" ON "{name}" (expires) WHERE expires IS NOT NULL')

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._writer
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn SQLite's errors, and the file system's, into the store's."""
        try:
            yield
        except sqlite3.ProgrammingError as error:
            raise StoreError(f"{self.path}: {error}") from error
        except sqlite3.Error as error:
            code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
            kind = StoreUnavailable if code in _PASSING else StoreError
            raise kind(f"{self.path}: {error}") from error
        except OSError as error:
            raise StoreUnavailable(f"{self.path}: {error.strerror}") from error


class SqliteFamily(ColumnFamily):
    """A column family of an :class:`SqliteStore`."""

    store: SqliteStore

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
            found = self.store.read(f'SELECT row_key FROM "{self.name}" WHERE {where} '
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
        self.store.truncate(self.name)

    def _slice(self, key: str, part: Slice, limit: int | None) -> Iterator[Column]:
        low, high = _to_id(part.low), _to_id(part.high)
        from_id = from_sort_key if self.names == "time" else str
        low_is, high_is = ">=", "<="
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(PAGE, limit)
            where, values = self._where(key, low, low_is, high, high_is)
            page = self.store.read(f'SELECT id, data FROM "{self.name}" WHERE {where} '
                                   f'ORDER BY id {"DESC" if part.reversed else "ASC"} LIMIT {size}', *values)
            for identity, data in page:
                yield from_id(identity), Packed(data)
            if len(page) < size:
                return
            limit = None if limit is None else limit - size
            if part.reversed:
                high, high_is = page[-1][0], "<"
            else:
                low, low_is = page[-1][0], ">"

    def _columns(self, key: str, names: Sequence[Name]) -> list[Column]:
        from_id = from_sort_key if self.names == "time" else str
        found: list[Column] = []
        for first in range(0, len(names), PAGE):
            some = [_to_id(name) for name in names[first:first + PAGE]]
            marks = ",".join("?" * len(some))
            rows = self.store.read(f'SELECT id, data FROM "{self.name}" WHERE row_key = ? AND id IN ({marks}) '
                                   f"AND {_ALIVE}", key, *some, _now())
            found += [(from_id(identity), Packed(data)) for identity, data in rows]
        return found

    def _count(self, key: str, part: Slice) -> int:
        where, values = self._where(key, _to_id(part.low), ">=", _to_id(part.high), "<=")
        count: int = self.store.read(f'SELECT count(*) FROM "{self.name}" WHERE {where}', *values)[0][0]
        return count

    def _where(self, key: str, low: Any, low_is: str, high: Any, high_is: str) -> tuple[str, list[Any]]:
        where, values = f"row_key = ? AND {_ALIVE}", list[Any]((key, _now()))
        for bound, relation in ((low, low_is), (high, high_is)):
            if bound is not None:
                where += f" AND id {relation} ?"
                values.append(bound)
        return where, values


_ALIVE = "(expires IS NULL OR expires > ?)"
_INSERT = {name: f'INSERT OR REPLACE INTO "{name}" VALUES (?, ?, ?, ?)' for name in FAMILIES}


def _now() -> int:
    """Milliseconds since 1970, the unit of the column ``expires``."""
    return time.time_ns() // 1_000_000


def _expiry(ttl: int | None) -> int | None:
    return None if ttl is None else _now() + ttl * 1000


def _to_id(name: Name | None) -> bytes | str | None:
    return sort_key(name) if isinstance(name, uuid.UUID) else name
