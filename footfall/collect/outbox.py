"""The outbox: where events are on disk before their 200, until a cluster has them for good.

With a ``cassandra://`` store the collector commits to this SQLite file, and the forwarder
(:mod:`footfall.collect.forwarder`) sends what is in it to the cluster, in the order of the commits. Events are
numbered; those up to the *position* are with the cluster, and stay a while longer, because an acknowledgement of
Cassandra's may come before its own disk has the write. What the cluster can never hold is set aside with the reason.
"""

from __future__ import annotations

import fcntl
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, cast

from footfall.columns import PAGE, Arrival, Insert, Mutation, Name
from footfall.config import Config
from footfall.errors import StoreError
from footfall.packing import TRAILS
from footfall.retries import FAMILY as MARKS
from footfall.retries import marks_row, with_marks
from footfall.stores.sqlite_file import Busy, Schema, SqliteFile, Statement, carrying_out, insert_rows

FILE = "outbox.db"
#: "outb" in ASCII.
APPLICATION_ID = 0x6F757462
SCHEMA_VERSION = 2

_ACCOUNTS = "CREATE TABLE accounts (id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID"
_SALTS = "CREATE TABLE salts (name TEXT PRIMARY KEY, salt BLOB NOT NULL) WITHOUT ROWID"
_COLUMNS = "family, row_key, name, data, received"


class Numbered(NamedTuple):
    """An event of the outbox and its number."""

    number: int
    insert: Insert


class Aside(NamedTuple):
    """An event that was set aside, and why."""

    number: int
    insert: Insert
    error: str


class Status(NamedTuple):
    """How the outbox is.

    :param waiting: events that the cluster does not have yet.
    :param oldest_seconds: the age of the oldest of them; 0 when there is none.
    :param kept: events that the cluster acknowledged, kept until the grace is over.
    :param aside: events that the cluster cannot hold.
    :param bytes: of the file.
    """

    waiting: int
    oldest_seconds: float
    kept: int
    aside: int
    bytes: int


class Outbox:
    """An open outbox; safe to use from several threads, and its file from several processes.

    :param path: the file; it is made when missing.
    :raises StoreError: the file is no outbox, or a newer footfall's.
    :raises StoreUnavailable: it cannot be opened or made now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SqliteFile(path, Schema(APPLICATION_ID, SCHEMA_VERSION, _make_tables))

    # ----- the collector's side

    def apply(self, mutations: Sequence[Mutation]) -> None:
        """Take events; when this returns they are on disk, all of them, or, after an error, none.

        A :class:`~footfall.columns.Once` is taken with the mark that says that it may be with the cluster already.
        The steps of visitors are not: an event tells its own, and the forwarder sends it with the event.

        :raises StoreUnavailable: the file cannot be written now.
        """
        self._take(mutations, wait=True)

    def apply_at_once(self, mutations: Sequence[Mutation]) -> bool:
        """Take events as :meth:`apply` does, unless somebody else writes to the file, and tell whether they were taken.

        :raises StoreUnavailable: the file cannot be written now.
        """
        try:
            self._take(mutations, wait=False)
        except Busy:
            return False
        return True

    def _take(self, mutations: Sequence[Mutation], *, wait: bool) -> None:
        received = time.time_ns() // 1_000_000
        columns = cast(list[Insert | Arrival], with_marks(mutations))
        rows = [(family, key, _to_sql(name), data, received)
                for family, key, name, data, _ in columns if family != TRAILS]
        with self._file.transaction(wait=wait) as connection:
            insert_rows(connection, f"events ({_COLUMNS})", rows)

    def probe(self) -> None:
        """Write something and remove it again, to find out whether events could be taken now.

        :raises StoreError: they could not; :class:`~footfall.errors.StoreUnavailable` when they may be later.
        """
        with self._file.transaction() as connection:
            connection.execute("INSERT INTO probes DEFAULT VALUES")
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM probes")

    def remember_accounts(self, accounts: Mapping[str, bytes]) -> None:
        """Keep the accounts, for when the cluster cannot be asked for them.

        :param accounts: what their columns hold, by id.
        """
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM accounts")
            connection.executemany("INSERT INTO accounts VALUES (?, ?)", accounts.items())

    def accounts(self) -> dict[str, bytes]:
        """Return the accounts that were remembered last."""
        return dict(self._file.read("SELECT id, data FROM accounts"))

    def claim_salt(self, name: str, salt: bytes) -> bytes:
        """Keep a salt unless there is one of that name, and return the one that there is then."""
        with self._file.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO salts VALUES (?, ?)", (name, salt))
        return self.salt(name) or salt

    def salt(self, name: str) -> bytes | None:
        """Return a salt that was kept, or ``None``."""
        rows = self._file.read("SELECT salt FROM salts WHERE name = ?", name)
        return rows[0][0] if rows else None

    def shred_salts(self, but: set[str]) -> None:
        """Destroy the salts that were kept, but for some.

        :raises StoreUnavailable: not now; it may be called again.
        """
        over = [row for row in self._file.read("SELECT name FROM salts") if row[0] not in but]
        self._file.shred([carrying_out([("DELETE FROM salts WHERE name = ?", row) for row in over])])

    # ----- the forwarder's side

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Read and send within this: :meth:`forget` waits until what was read has been sent, or failed to be.

        :raises StoreUnavailable: the folder cannot be written to now.
        """
        with self._file.errors():
            lock = self.path.with_suffix(".sending").open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def waiting(self, most: int) -> list[Numbered]:
        """Return the next events that the cluster does not have, in order."""
        rows = self._file.read("SELECT number, family, row_key, name, data FROM events WHERE number > "
                               "(SELECT number FROM position) ORDER BY number LIMIT ?", most)
        return [Numbered(number, _insert(*row)) for number, *row in rows]

    def mark(self, number: int) -> None:
        """Say that the cluster has all events up to a number."""
        with self._file.transaction() as connection:
            connection.execute("UPDATE position SET number = ?", (number,))

    def begin_again(self) -> int:
        """Say that the cluster may have lost what is kept, and return how many events that is."""
        with self._file.transaction() as connection:
            (count,) = connection.execute("SELECT count(*) FROM events WHERE number <= (SELECT number FROM position)"
                                          ).fetchone()
            connection.execute("UPDATE position SET number = coalesce((SELECT min(number) - 1 FROM events), number)")
        return int(count)

    def let_go(self, number: int) -> None:
        """Delete events up to a number, none of which waits any more."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM events WHERE number <= min(?, (SELECT number FROM position))", (number,))

    def set_aside(self, number: int, error: str) -> None:
        """Take the first event that waits, which the cluster cannot hold, out of the others' way."""
        with self._file.transaction() as connection:
            connection.execute(f"INSERT INTO aside (number, {_COLUMNS}, error) "
                               f"SELECT number, {_COLUMNS}, ? FROM events WHERE number = ?", (error, number))
            connection.execute("DELETE FROM events WHERE number = ?", (number,))
            connection.execute("UPDATE position SET number = ?", (number,))

    # ----- the owner's side

    def status(self) -> Status:
        """Return how many events wait, since when, and how many are kept and set aside.

        The counts come from the first and the last number, so that they cost nothing; while what is kept is sent
        again, those that were set aside among it are counted too, and so are those in between that were forgotten.
        """
        ((position, first, last, oldest, aside),) = self._file.read(
            "SELECT number, (SELECT min(number) FROM events), (SELECT max(number) FROM events), "
            "(SELECT received FROM events WHERE number > position.number ORDER BY number LIMIT 1), "
            "(SELECT count(*) FROM aside) FROM position")
        first, last = (position + 1, position) if first is None else (first, last)
        seconds = 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)
        return Status(max(0, last - position), seconds, max(0, min(last, position) - first + 1), aside,
                      self._file.size())

    def all_aside(self, most: int) -> list[Aside]:
        """Return events that were set aside, the first of them first."""
        rows = self._file.read("SELECT number, error, family, row_key, name, data FROM aside ORDER BY number LIMIT ?",
                               most)
        return [Aside(number, _insert(*row), error) for number, error, *row in rows]

    def retry(self) -> int:
        """Put what was set aside behind what waits, and return how many events that were."""
        with self._file.transaction() as connection:
            connection.execute(f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM aside ORDER BY number")
            return connection.execute("DELETE FROM aside").rowcount

    def count(self, takes: Callable[[Insert], bool]) -> int:
        """Return how many events :meth:`forget` would remove."""
        return sum(1 for _ in self._found(takes))

    def forget(self, takes: Callable[[Insert], bool]) -> int:
        """Remove events, those that wait, that are kept and that were set aside, and the marks of retries among them.

        What is removed is nowhere in the file any more, and is not on its way to the cluster when this returns:
        the forwarder has sent it, or never will.

        :param takes: tells whether an event is meant.
        :returns: how many events were removed.
        :raises StoreUnavailable: the file cannot be written now, or somebody reads it. It may be called again.
        """
        with self.sending():
            events, marks = list[Statement](), set[tuple[str, Name]]()
            for statement, event in self._found(takes):
                events.append(statement)
                marks.add((marks_row(event.family, event.key), str(event.name)))
            # An event leads to its mark, which is removed first.
            marking = self._found(lambda column: column.family == MARKS and (column.key, column.name) in marks)
            deletes = chain((statement for statement, _ in marking), events)
            self._file.shred(map(carrying_out, iter(lambda: list(islice(deletes, PAGE)), [])), rewrite=True)
        return len(events)

    def _found(self, takes: Callable[[Insert], bool]) -> Iterator[tuple[Statement, Insert]]:
        """Yield the columns that are meant, each with what deletes it."""
        for table in ("events", "aside"):
            last = 0
            while page := self._file.read(f"SELECT number, family, row_key, name, data FROM {table} WHERE number > ? "
                                          f"ORDER BY number LIMIT {PAGE}", last):
                for number, *row in page:
                    column = _insert(*row)
                    if takes(column):
                        yield (f"DELETE FROM {table} WHERE number = ?", (number,)), column
                last = page[-1][0]

    def close(self) -> None:
        """Let go of the file. Closing twice does nothing."""
        self._file.close()


def is_wanted(config: Config) -> bool:
    """Tell whether the store is one that events reach by way of an outbox."""
    return config.store.startswith("cassandra://")


def open_outbox(config: Config) -> Outbox:
    """Open the outbox of the data folder.

    :raises StoreError: as :class:`Outbox`, or the store is one that needs none.
    """
    if not is_wanted(config):
        raise StoreError(f"{config.store_url}: has no outbox; events are committed to it directly")
    return Outbox(config.data.absolute() / FILE)


def _make_tables(connection: sqlite3.Connection, version: int) -> None:
    columns = ("family TEXT NOT NULL, row_key TEXT NOT NULL, name NOT NULL, data BLOB NOT NULL, "
               "received INTEGER NOT NULL")
    if version:
        connection.execute(_SALTS)
        # Their collector asks for them anew.
        connection.execute("DROP TABLE accounts")
        connection.execute(_ACCOUNTS)
        return
    for statement in (
        _SALTS,
        # A number is never given twice, so a position is right also after the last events were deleted.
        f"CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, {columns})",
        f"CREATE TABLE aside (number INTEGER PRIMARY KEY, {columns}, error TEXT NOT NULL)",
        "CREATE TABLE position (number INTEGER NOT NULL)",
        "INSERT INTO position VALUES (0)",
        _ACCOUNTS,
        "CREATE TABLE probes (number INTEGER PRIMARY KEY)",
    ):
        connection.execute(statement)


def _to_sql(name: Name) -> bytes | str:
    if isinstance(name, tuple):
        return name[0] + name[1].bytes
    return name.bytes if isinstance(name, uuid.UUID) else name


def _insert(family: str, key: str, name: bytes | str, data: bytes) -> Insert:
    if isinstance(name, str):
        return Insert(family, key, name, data)
    visitor, moment = name[:-16], uuid.UUID(bytes=name[-16:])
    return Insert(family, key, (visitor, moment) if visitor else moment, data)
