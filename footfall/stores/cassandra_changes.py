"""The log of what changed in a cluster, which knows no transactions: told before it is done, and read again a while.

A record is written, with the time of its writer's clock as its name, before the events that it tells of. Who reads the
log reads the last :data:`AGAIN_SECONDS` of it each time anew: so he does not miss events that come a little later than
their record, nor records of a writer whose clock is behind by less. What took long to write is told of once more.
While hits come there are many records of one row: as what lies near is told of as one part, it is read as one slice.
Records leave by themselves after :data:`KEPT_DAYS` days; who has not read for nearly as long begins anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgpack

from footfall.changes import EVERYTHING, Cursor, Entry, merged
from footfall.stores.cassandra_connection import Connection
from footfall.timeuuid import TICKS_PER_SECOND, Clock, first_of, ticks_of

TABLE = "changes"
KEPT_DAYS = 8
AGAIN_SECONDS = 60
#: Seconds after which what took so long is told of once more.
LONG = 20.0
SCHEMA = ("(hour int, id timeuuid, data blob, PRIMARY KEY (hour, id)) "
          f"WITH default_time_to_live = {KEPT_DAYS * 86_400} AND compaction = {{'class': "
          "'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS', 'compaction_window_size': 1}")
#: Parts of a row with no more between them are told of as one.
NEAR_SECONDS = 60
_HOUR = 3600 * TICKS_PER_SECOND
_clock = Clock()


class ChangeLog:
    """The log of a keyspace.

    :param connection: to the cluster.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._table = f"{connection.place.keyspace}.{TABLE}"
        self._id = ""

    @contextmanager
    def told(self, entries: Sequence[Entry]) -> Iterator[None]:
        """Log what is done in the block, before it is done.

        :raises StoreUnavailable: the cluster did not answer; then nothing is done.
        """
        if not entries:
            yield
            return
        self._write(entries)
        began = time.monotonic()
        try:
            yield
        finally:
            if time.monotonic() - began > LONG:
                self._write(entries)

    def read(self, since: Cursor | None) -> tuple[list[Entry], Cursor]:
        """Return what was logged since ``since``, and where to read on.

        A cursor names the table, which is another one in another keyspace, and a time.
        """
        owner, _, position = (since or "").partition(".")
        now = time.time_ns() // 100
        cursor = f"{self._owner()}.{now - AGAIN_SECONDS * TICKS_PER_SECOND}"
        if not since or owner != self._owner() or now - int(position) > (KEPT_DAYS - 1) * 24 * _HOUR:
            return EVERYTHING, cursor
        # A clock that was set back must not make us pass over what was told since.
        first = min(int(position), now)
        cql = f"SELECT data FROM {self._table} WHERE hour = ? AND id >= ?"
        # A writer's clock may be ahead.
        asked = (self._connection.bind(cql, hour, first_of(first)) for hour in range(first // _HOUR, now // _HOUR + 2))
        entries = (Entry(*entry) for rows in self._connection.answers(asked)
                   for (data,) in rows for entry in msgpack.unpackb(data))
        return list(merged(entries, NEAR_SECONDS * TICKS_PER_SECOND)), cursor

    def _write(self, entries: Sequence[Entry]) -> None:
        name = _clock.new_id()
        self._connection.run(f"INSERT INTO {self._table} (hour, id, data) VALUES (?, ?, ?)", ticks_of(name) // _HOUR,
                             name, msgpack.packb(entries))

    def _owner(self) -> str:
        if not self._id:
            cql = "SELECT id FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?"
            rows = self._connection.run(cql, self._connection.place.keyspace, TABLE)
            self._id = str(rows[0][0]) if rows else ""
        return self._id
