"""One SQLite file of ours: who may open it, how it commits, what its errors mean.

Commits are on disk when they return: write-ahead log, ``synchronous=FULL``. One connection writes, under a
lock; every thread that reads has a connection of its own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

from footfall.errors import StoreError, StoreUnavailable

#: How long a lock of SQLite's is waited for, and how often that looks whether it is free.
BUSY_SECONDS = 5.0
LOOK_SECONDS = 0.001
#: Rows that one statement inserts at most.
MOST_ROWS = 64
#: Statements that a connection keeps prepared: those for each number of rows, of two families, among them.
STATEMENTS = 256

# What may pass: a full disk, a lock, a mount that went away. Anything else is no matter of waiting.
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL}


#: SQL, and the values of its marks.
Statement = tuple[str, Sequence[Any]]
#: What is done in a transaction, on the connection that writes.
Change = Callable[[sqlite3.Connection], object]


class Busy(StoreUnavailable):
    """Somebody else writes to the file just now."""


class Schema(NamedTuple):
    """What a kind of file holds.

    :param application_id: marks the file as one of the kind.
    :param version: of its tables; a newer footfall's is refused.
    :param upgrade: makes the tables of an older version, 0 for a new file, those of this one.
    """

    application_id: int
    version: int
    upgrade: Callable[[sqlite3.Connection, int], None]


class _Held:
    """A connection, which is closed when nobody holds it any more: that of a thread, when the thread ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class SqliteFile:
    """An open file.

    :param path: where it is; it and its folder are made when missing, readable by their owner alone.
    :raises StoreError: it is another program's, or a newer footfall's.
    :raises StoreUnavailable: it cannot be opened or made now.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = path
        #: How many transactions it took.
        self.commits = 0
        self._writing = threading.Lock()
        self._local = threading.local()
        self._open: WeakSet[_Held] = WeakSet()
        try:
            with self.errors():
                #: Whether the file was not there before.
                self.is_new = self._make()
                self._writing_held = self._connect()
                self._writer = self._writing_held.connection
                self._identity = self._look_up()
                self._lock("PRAGMA journal_mode = WAL")
                self._wait(0)
            with self.transaction() as connection:
                self._bring_up(connection, schema)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self, *, wait: bool = True) -> Iterator[sqlite3.Connection]:
        """Give the connection that writes; at the end all that was done is on disk, or, after an error, nothing is.

        :param wait: until nobody else writes to the file.
        :raises Busy: somebody else does.
        :raises StoreUnavailable: it cannot be written now; or its name is another file's, or nobody's, and what is
            written to it would not be found again.
        """
        with self._turn(wait=wait), self.errors():
            connection = self._writer
            self._lock("BEGIN IMMEDIATE", wait=wait)
            try:
                self._check_identity()
                yield connection
                connection.execute("COMMIT")
                self.commits += 1
                # Once more: replaced meanwhile, it took what nobody will find.
                self._check_identity()
            except BaseException:
                # A full disk may have ended the transaction already.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _turn(self, *, wait: bool) -> Iterator[None]:
        """Keep other threads of this process from writing."""
        if not self._writing.acquire(blocking=wait):
            raise Busy(f"{self.path}: another thread writes")
        try:
            yield
        finally:
            self._writing.release()

    def shred(self, changes: Iterable[Change], *, rewrite: bool = False) -> None:
        """Delete rows so that neither the file nor its write-ahead log holds their bytes any more.

        :param changes: what deletes them, each carried out in a transaction of its own.
        :param rewrite: write the whole file anew, too. Where SQLite made room in a page by moving rows to another, it
            leaves copies behind in the part that is not used, and deleting reaches the row alone. It takes as much room
            again on the disk, and others who want to write wait until it is done.
        :raises StoreUnavailable: somebody reads the log just now, or as :meth:`transaction`. It may be called again.
        """
        for change in changes:
            began = time.monotonic()
            with self.transaction() as connection, overwriting(connection):
                change(connection)
            # As long again is for the others; who waits for a lock of SQLite's gets it only by looking when it is free.
            time.sleep(time.monotonic() - began)
        with self._writing, self.errors():
            self._wait(BUSY_SECONDS)
            try:
                if rewrite:
                    self._writer.execute("VACUUM")
                (busy, _, _) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._wait(0)
        if busy:
            raise StoreUnavailable(f"{self.path}: its log is being read, and still holds what was deleted")

    def read(self, sql: str, *values: Any) -> list[Any]:
        """Return the rows of a query, run on this thread's connection."""
        with self.errors():
            return self._reader().execute(sql, values).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Give this thread's connection for queries that are to see the file as it is at one moment."""
        with self.errors():
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    def _reader(self) -> sqlite3.Connection:
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            held = self._local.held = self._connect()
            held.connection.execute("PRAGMA query_only = ON")
        return held.connection

    def size(self) -> int:
        """Return how many bytes it and its write-ahead log take on disk."""
        return sum(path.stat().st_size for path in (self.path, self.path.with_name(self.path.name + "-wal"))
                   if path.exists())

    def close(self) -> None:
        """Close every thread's connection. Closing twice does nothing."""
        with self._writing:
            for held in list(self._open):
                held.connection.close()
            self._local = threading.local()

    @contextmanager
    def errors(self) -> Iterator[None]:
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

    def _make(self) -> bool:
        """Make the folder and the file: they hold readers' addresses, which are nobody else's to see."""
        if self.path.exists():
            return False
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        return True

    def _check_identity(self) -> None:
        if self._look_up() != self._identity:
            raise StoreUnavailable(f"{self.path}: was replaced while it was open; restart what has it open")

    def _look_up(self) -> tuple[int, int]:
        """Return what tells the file that has the name now from another."""
        found = self.path.stat()
        return found.st_dev, found.st_ino

    def _connect(self) -> _Held:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False,
                                     cached_statements=STATEMENTS)
        held = _Held(connection)
        self._open.add(held)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        return held

    def _lock(self, sql: str, *, wait: bool = True) -> None:
        """Have the connection that writes carry out what nobody else may be writing beside.

        It waits by itself, since SQLite looks ever more seldom, and for the mode of the log does not wait at all.
        """
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._writer.execute(sql)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if not wait:
                    raise Busy(f"{self.path}: {error}") from error
                if time.monotonic() >= until:
                    raise
            time.sleep(LOOK_SECONDS)

    def _wait(self, seconds: float) -> None:
        """Have SQLite wait as long for locks of the connection that writes."""
        self._writer.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")

    def _bring_up(self, connection: sqlite3.Connection, schema: Schema) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and owner != schema.application_id:
            raise StoreError(f"{self.path}: an SQLite file of another program; name another file in FOOTFALL_STORE")
        if version > schema.version:
            raise StoreError(f"{self.path}: made by a newer footfall (schema {version}, this one knows "
                             f"{schema.version}); upgrade footfall")
        if version < schema.version:
            connection.execute(f"PRAGMA application_id = {schema.application_id}")
            connection.execute(f"PRAGMA user_version = {schema.version}")
            schema.upgrade(connection, version)


def carrying_out(statements: Sequence[Statement]) -> Change:
    """Return the change that some statements make."""

    def change(connection: sqlite3.Connection) -> None:
        for sql, values in statements:
            connection.execute(sql, values)

    return change


@contextmanager
def overwriting(connection: sqlite3.Connection) -> Iterator[None]:
    """Have what is deleted be overwritten with zeros."""
    connection.execute("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        connection.execute("PRAGMA secure_delete = OFF")


def insert_rows(connection: sqlite3.Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, replacing what has their key, with few statements.

    Each statement gives up Python's lock and must get it back from a thread that serves hits; with one for each row
    that took longer than the writing.

    :param table: its name, and its columns in brackets.
    """
    for first in range(0, len(rows), MOST_ROWS):
        some = rows[first:first + MOST_ROWS]
        connection.execute(_insertion(table, len(some), len(some[0])), list(chain.from_iterable(some)))


@cache
def _insertion(table: str, rows: int, columns: int) -> str:
    """Return the statement that inserts rows: the same text for the same, which is prepared once."""
    row = f"({','.join('?' * columns)})"
    return f"INSERT OR REPLACE INTO {table} VALUES {','.join((row,) * rows)}"
