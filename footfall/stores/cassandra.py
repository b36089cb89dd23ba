"""A store in a Cassandra cluster, for when one machine is not enough.

A row of events, one account's day, is spread over a partition for every hour and shard, so that no
partition grows without end; reading chains the hours and merges what lies beside them. Columns whose
time is not of their row's day, and rows whose key names no day, lie in one partition, :data:`APART`.

``footfall store init`` makes the keyspace and the tables; nothing else does. Each mutation carries its
own rising timestamp, so what is sent at once, or again, still takes effect in the order it was given.
"""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import chain, islice
from typing import Any

from footfall import config as configuration
from footfall.changes import Cursor, Entry, touched, truncated
from footfall.columns import FAMILIES, Column, Insert, Mutation, Name, Remove, Slice, sort_name
from footfall.config import Config
from footfall.errors import StoreError
from footfall.packing import with_steps
from footfall.pageview import Packed, check_account, split_row_key
from footfall.retries import with_marks
from footfall.storage import ColumnFamily, Store
from footfall.stores.cassandra_changes import SCHEMA, TABLE, ChangeLog
from footfall.stores.cassandra_connection import PAGE_ROWS, Connection, batch
from footfall.timeuuid import TICKS_PER_SECOND, Clock, ticks_at, ticks_of

#: The bucket of columns that are not of their row's day.
APART = -1
HOUR = 3600 * TICKS_PER_SECOND
#: Hours of a slice that are asked for ahead of the one that is read.
HOURS_AHEAD = 3
#: Partitions that one query looks for.
BUCKETS = 100
BATCH_ROWS = 200
BATCH_BYTES = 500_000
SHARDS_SECONDS = 60.0
MAX_SHARDS = 256

# Microseconds, as Cassandra's timestamps are: a clock of ticks that is told a tenth of the time.
_timestamps = Clock(lambda: time.time_ns() // 10)

_ALL = Slice()
_MOST = (1 << 31) - 1
_LOW_BITS = (1 << 62) - 1

#: Partitions that the visitors of a month are spread over.
VISITOR_BUCKETS = 64

Partition = tuple[Any, ...]

_SCHEMAS = {
    "time": "(row_key text, bucket int, id timeuuid, data blob, PRIMARY KEY ((row_key, bucket), id))",
    "visitor": "(row_key text, bucket int, visitor blob, id timeuuid, data blob, "
               "PRIMARY KEY ((row_key, bucket), visitor, id))",
    "text": "(row_key text, id text, data blob, PRIMARY KEY (row_key, id))",
}


class CassandraStore(Store):
    """Column families in a Cassandra keyspace; connects when first used.

    :param url: ``cassandra://host[:port],host/keyspace?dc=datacenter1&replication=3&retention_days=400``. The
        replication and the retention, 0 for none, count when :meth:`init` makes the keyspace and the tables.
    :param config: names the login, where the URL has none, and the authority of a cluster that speaks TLS.
    :raises StoreError: the URL is not one.
    """

    by_ttl = True

    def __init__(self, url: str, config: Config) -> None:
        self.url = url
        self.connection = Connection(url, config)
        self.place = self.connection.place
        self.log = ChangeLog(self.connection)
        self._shards: dict[str, tuple[float, list[tuple[str, int]]]] = {}
        self._ttl_days: int | None = None

    @property
    def ttl_days(self) -> int:
        if self._ttl_days is None:
            # What the table was made with; the URL may say otherwise by now.
            cql = "SELECT default_time_to_live FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?"
            self._ttl_days = sum(seconds for (seconds,) in self.connection.run(
                cql, self.place.keyspace, "PageViews")) // 86_400
        return self._ttl_days

    def _family(self, name: str) -> CassandraFamily:
        return CassandraFamily(self, name)

    def apply(self, mutations: Sequence[Mutation]) -> None:
        flat = with_steps(with_marks(mutations))
        with self.log.told(touched(flat)):
            self._write(flat)

    def _write(self, flat: Sequence[Insert | Remove]) -> None:
        writes = defaultdict(list)
        families = {name: CassandraFamily(self, name) for name in {mutation.family for mutation in flat}}
        for mutation in flat:
            for partition, statement in families[mutation.family].writes(mutation, _timestamps.ticks()):
                size = len(mutation.value) if isinstance(mutation, Insert) else 0
                writes[mutation.family, partition].append((statement, size))
        for _ in self.connection.answers(chain.from_iterable(map(_batches, writes.values()))):
            pass

    def _changes(self, since: Cursor | None) -> tuple[list[Entry], Cursor]:
        return self.log.read(since)

    def claim(self, family: str, key: str, name: str, value: bytes, *, ttl: int | None = None) -> Packed:
        cql = f'INSERT INTO {self.place.keyspace}."{family}" (row_key, id, data) VALUES (?, ?, ?) IF NOT EXISTS'
        values = (key, name, value) if ttl is None else (key, name, value, ttl)
        ((applied, *there),) = self.connection.run(cql + " USING TTL ?" * (ttl is not None), *values)
        return Packed(value if applied else there[-1])

    def init(self) -> list[str]:
        place, run, change = self.place, self.connection.run, self.connection.change
        keyspaces = run("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?", place.keyspace)
        tables = run("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", place.keyspace)
        made = []
        if not keyspaces:
            strategy = (f"'NetworkTopologyStrategy', '{place.dc}'" if place.dc
                        else "'SimpleStrategy', 'replication_factor'")
            change(f"CREATE KEYSPACE IF NOT EXISTS {place.keyspace} WITH replication = "
                   f"{{'class': {strategy}: {place.replication}}}")
            made.append(f"keyspace {place.keyspace}: made")
        time_options = _time_options(int(self._version().partition(".")[0]), place.retention_days)
        schemas = {"shards": "(account text, day text, shards int, PRIMARY KEY (account, day))", TABLE: SCHEMA}
        for name, names in FAMILIES.items():
            schemas[name] = _SCHEMAS[names] + (f" WITH {time_options}" if names != "text" else "")
        for name, schema in schemas.items():
            if (name,) not in tables:
                change(f'CREATE TABLE IF NOT EXISTS {place.keyspace}."{name}" {schema}')
                made.append(f"table {place.keyspace}.{name}: made")
        return made

    def info(self) -> dict[str, Any]:
        families = {name: CassandraFamily(self, name).size() for name in FAMILIES}
        return {"url": self.connection.shown_url, "engine": f"Cassandra {self._version()}", "families": families}

    def quorum(self) -> int:
        """How many nodes acknowledge a write before it counts: most of the replicas of a data centre."""
        cql = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?"
        rows = self.connection.run(cql, self.place.keyspace)
        if not rows:
            raise StoreError(f"{self.connection.shown_url}: no such keyspace; run `footfall store init`")
        # SimpleStrategy names its one number, the other strategy one for each data centre: {'class': …, 'dc1': '3'}.
        return min(int(number.partition("/")[0]) for name, number in rows[0][0].items() if name != "class") // 2 + 1

    def node_starts(self) -> dict[str, int]:
        """Return when each node that answers was started, in seconds since 1970.

        :raises StoreUnavailable: none answers.
        """
        answers = self.connection.ask_nodes("SELECT gossip_generation FROM system.local")
        return {node: rows[0][0] for node, rows in answers.items()}

    def _version(self) -> str:
        ((version,),) = self.connection.run("SELECT release_version FROM system.local")
        return str(version)

    def set_shards(self, account: str, shards: int, day: date) -> None:
        """Spread each hour of an account over several partitions, for accounts too busy for one.

        :param shards: how many, 1 to 256.
        :param day: the UTC day from which that holds, the day after tomorrow or later.
        :raises StoreError: ``shards`` or ``day`` is not one of these.
        """
        check_account(account)
        if not 1 <= shards <= MAX_SHARDS:
            raise StoreError(f"shards={shards}: must be 1 to {MAX_SHARDS}")
        # Processes remember the shards for a minute, and a clock may be a little ahead: a row whose
        # columns some wrote by the old number and some by the new would be read by one of them.
        earliest = datetime.now(UTC).date() + timedelta(days=2)
        if day < earliest:
            raise StoreError(f"shards of {account} from {day}: must begin on {earliest} (in two days) or later")
        self.connection.run(f"INSERT INTO {self.place.keyspace}.shards (account, day, shards) VALUES (?, ?, ?)",
                            account, f"{day:%Y%m%d}", shards)
        self._shards.pop(account, None)

    def shards(self, account: str, day: str) -> int:
        """Return over how many partitions an hour of the account is spread on a day, ``YYYYMMDD``."""
        until, entries = self._shards.get(account, (0.0, []))
        if until < time.monotonic():
            cql = f"SELECT day, shards FROM {self.place.keyspace}.shards WHERE account = ?"
            entries = self.connection.run(cql, account)
            self._shards[account] = time.monotonic() + SHARDS_SECONDS, entries
        return next((shards for first, shards in reversed(entries) if first <= day), 1)

    def close(self) -> None:
        self.connection.close()

    def __reduce__(self) -> Any:
        # The URL's login travels with it; the settings' is read again where the store is opened.
        return _reopen, (self.url,)

    def __repr__(self) -> str:
        return f"<CassandraStore {self.connection.shown_url}>"


class CassandraFamily(ColumnFamily):
    """A column family of a :class:`CassandraStore`."""

    store: CassandraStore

    def __init__(self, store: CassandraStore, name: str) -> None:
        super().__init__(store, name)
        self._table = f'{store.place.keyspace}."{name}"'
        self._keys = ("row_key",) if self.names == "text" else ("row_key", "bucket")
        self._where = " AND ".join(f"{key} = ?" for key in self._keys)
        self._name = ("visitor", "id") if self.names == "visitor" else ("id",)
        # As one thing to compare, and what it is compared with.
        self._id, self._mark = ("(visitor, id)", "(?, ?)") if self.names == "visitor" else ("id", "?")

    def writes(self, mutation: Insert | Remove, timestamp: int) -> Iterator[tuple[Partition, Any]]:
        """Yield the partitions that a mutation changes, each with the statement that does it."""
        bind, delete = self.store.connection.bind, f"DELETE FROM {self._table} USING TIMESTAMP ? WHERE {self._where}"
        if isinstance(mutation, Insert):
            partition = self._partition(mutation.key, mutation.name)
            columns = (*self._keys, *self._name, "data")
            insert = (f"INSERT INTO {self._table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
                      "USING TIMESTAMP ?")
            values = *partition, *_parts(mutation.name), mutation.value, timestamp
            # A statement of its own: with a TTL of null, a table's retention would not hold for the column.
            yield partition, (bind(insert, *values) if mutation.ttl is None
                              else bind(insert + " AND TTL ?", *values, mutation.ttl))
        elif mutation.name is None:
            apart, hours = self._partitions(mutation.key)
            for partition in (apart, *chain.from_iterable(hours)):
                yield partition, bind(delete, timestamp, *partition)
        else:
            partition = self._partition(mutation.key, mutation.name)
            yield partition, bind(f"{delete} AND {self._id} = {self._mark}", timestamp, *partition,
                                  *_parts(mutation.name))

    def row_keys(self, start: str = "", finish: str = "", *, reverse: bool = False) -> Iterator[str]:
        low, high = (finish, start) if reverse else (start, finish)
        keys = {key for key, *_ in self._scan() if low <= key and (not high or key <= high)}
        yield from sorted(keys, reverse=reverse)

    def walk(self, start: str = "") -> Iterator[tuple[str, Iterator[Column]]]:
        # Of a quiet row, most hours hold nothing: one scan tells which are worth asking for.
        there = frozenset(partition for partition in self._scan() if partition[0] >= start)
        for key in sorted({partition[0] for partition in there}):
            yield key, self._slice(key, _ALL, None, there)

    def truncate(self) -> None:
        with self.store.log.told(truncated(self.name)):
            self.store.connection.change(f"TRUNCATE {self._table}")

    def size(self) -> dict[str, int]:
        """Return how many rows and columns there are."""
        keys = set()

        def counts() -> Iterator[Any]:
            for partition in self._scan():
                keys.add(partition[0])
                yield self.store.connection.bind(f"SELECT count(*) FROM {self._table} WHERE {self._where}", *partition)

        columns = sum(count for ((count,),) in self.store.connection.answers(counts()))
        return {"rows": len(keys), "columns": columns}

    def _slice(self, key: str, part: Slice, limit: int | None,
               there: Collection[Partition] | None = None) -> Iterator[Column]:
        """``there`` are the partitions that have columns, where that is known: no other is asked for."""
        if limit == 0:
            return iter(())
        merged = self._merge(key, part, limit, there)
        return ((name, Packed(data)) for name, data in islice(merged, limit))

    def _merge(self, key: str, part: Slice, limit: int | None,
               there: Collection[Partition] | None) -> Iterator[tuple[Any, bytes]]:
        if there is None and limit is None and part == _ALL and self.names == "time":
            there = self._there(key)
        where, bounds = self._bounded(part)
        cql = f"SELECT {', '.join(self._name)}, data FROM {self._table} WHERE {where}"
        cql += f" ORDER BY {self._name[0]} DESC" * part.reversed + " LIMIT ?" * (limit is not None)
        page = PAGE_ROWS
        if limit is not None:
            page = min(limit, PAGE_ROWS)
            bounds.append(min(limit, _MOST))

        def ask(partition: Partition) -> Iterator[tuple[Any, bytes]]:
            return map(_column, self.store.connection.ask(
                self.store.connection.bind(cql, *partition, *bounds, page=page)))

        def merge(parts: Sequence[Iterator[tuple[Any, bytes]]]) -> Iterator[tuple[Any, bytes]]:
            return heapq.merge(*parts, key=lambda column: sort_name(column[0]), reverse=part.reversed)

        def start_hour(shards: Sequence[Partition]) -> Iterator[tuple[Any, bytes]]:
            return merge([ask(shard) for shard in shards])

        apart, hours = self._partitions(key, part)
        if there is not None:
            hours = [[shard for shard in shards if shard in there] for shards in hours]
        beside = [ask(apart)] if there is None or apart in there else []
        starts = (partial(start_hour, shards) for shards in (reversed(hours) if part.reversed else hours) if shards)
        yield from merge([*beside, chain.from_iterable(self.store.connection.ahead(starts, HOURS_AHEAD))])

    def _there(self, key: str) -> frozenset[Partition]:
        """Return the partitions of a row that have columns: few of a quiet row, none of one that is not there."""
        apart, hours = self._partitions(key)
        buckets = [bucket for _, bucket in (apart, *chain.from_iterable(hours))]
        cql = f"SELECT DISTINCT row_key, bucket FROM {self._table} WHERE row_key = ? AND bucket IN ?"
        asked = (self.store.connection.bind(cql, key, buckets[first:first + BUCKETS])
                 for first in range(0, len(buckets), BUCKETS))
        return frozenset(chain.from_iterable(self.store.connection.answers(asked)))

    def _columns(self, key: str, names: Sequence[Name]) -> list[Column]:
        by_partition = defaultdict(list)
        for name in names:
            by_partition[self._partition(key, name)].append(name)
        cql = f"SELECT {', '.join(self._name)}, data FROM {self._table} WHERE {self._where} AND {self._id} IN ?"
        asked = (self.store.connection.bind(cql, *partition, some[first:first + BATCH_ROWS])
                 for partition, some in by_partition.items() for first in range(0, len(some), BATCH_ROWS))
        return [(name, Packed(data)) for rows in self.store.connection.answers(asked)
                for name, data in map(_column, rows)]

    def _count(self, key: str, part: Slice) -> int:
        where, bounds = self._bounded(part)
        apart, hours = self._partitions(key, part)
        asked = (self.store.connection.bind(f"SELECT count(*) FROM {self._table} WHERE {where}", *partition, *bounds)
                 for partition in (apart, *chain.from_iterable(hours)))
        return sum(count for ((count,),) in self.store.connection.answers(asked))

    def _scan(self) -> Iterator[Partition]:
        """Yield every partition that has live columns: Cassandra leaves out those that were removed or expired."""
        cql = f"SELECT DISTINCT {', '.join(self._keys)} FROM {self._table}"
        return self.store.connection.ask(self.store.connection.bind(cql))

    def _bounded(self, part: Slice) -> tuple[str, list[Any]]:
        ends = [(relation, bound) for relation, bound in ((">=", part.low), ("<=", part.high)) if bound is not None]
        where = self._where + "".join(f" AND {self._id} {relation} {self._mark}" for relation, _ in ends)
        return where, list(chain.from_iterable(_parts(bound) for _, bound in ends))

    def _partition(self, key: str, name: Name) -> Partition:
        """Return the partition that a column lies in."""
        if isinstance(name, str):
            return (key,)
        if isinstance(name, tuple):
            return (key, _bucket(name[0]))
        _, hours = self._partitions(key, Slice(name, name))
        return hours[0][(name.int & _LOW_BITS) % len(hours[0])] if hours else (key, APART)

    def _partitions(self, key: str, part: Slice = _ALL) -> tuple[Partition, list[list[Partition]]]:
        """Return the partition of what lies apart, and the shards of each hour that a slice touches, in time order.

        Of visitors, who are not told apart by hours, the first partition that a slice touches, and the others.
        """
        if self.names == "text":
            return (key,), []
        if self.names == "visitor":
            first, last = _bucket(part.low[0] if part.low else b"\0"), _bucket(part.high[0] if part.high else b"\xff")
            return (key, first), [[(key, bucket)] for bucket in range(first + 1, last + 1)]
        try:
            day, account = split_row_key(key)
        except ValueError:
            return (key, APART), []
        midnight, shards = ticks_at(day), self.store.shards(account, key[:8])
        first = 0 if part.low is None else max(0, (ticks_of(part.low) - midnight) // HOUR)
        last = 23 if part.high is None else min(23, (ticks_of(part.high) - midnight) // HOUR)
        return (key, APART), [[(key, hour * shards + shard) for shard in range(shards)]
                              for hour in range(first, last + 1)]


def _parts(name: Name) -> tuple[Any, ...]:
    """Return what Cassandra has for a name: one column, or the two of a visitor's."""
    return name if isinstance(name, tuple) else (name,)


def _bucket(visitor: bytes) -> int:
    """Return in which partition of its row a visitor lies: in their order, and evenly, as they are hashes."""
    return visitor[0] * VISITOR_BUCKETS // 256


def _column(row: tuple[Any, ...]) -> tuple[Any, bytes]:
    *name, data = row
    return name[0] if len(name) == 1 else tuple(name), data


def _batches(writes: Sequence[tuple[Any, int]]) -> Iterator[Any]:
    """Yield the statements of one partition packed into batches; a lone one as it is."""
    some: list[Any] = []
    held = 0
    for statement, size in writes:
        if some and (len(some) == BATCH_ROWS or held + size > BATCH_BYTES):
            yield batch(some)
            some, held = [], 0
        some.append(statement)
        held += size
    yield batch(some)


def _time_options(version: int, retention_days: int) -> str:
    if retention_days:
        return ("compaction = {'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS', "
                f"'compaction_window_size': {max(1, retention_days // 30)}}} "
                f"AND default_time_to_live = {retention_days * 86400}")
    # Cassandra 4.1 does not know the unified one.
    strategy = "Unified" if version >= 5 else "SizeTiered"
    return f"compaction = {{'class': '{strategy}CompactionStrategy'}}"


def _reopen(url: str) -> CassandraStore:
    return CassandraStore(url, configuration.load())
