"""The table of the project of 2012: which of its columns are page-views, and the events they become.

pycassa wrote a wide row for each account and day, which CQL shows as ``"PageViews"(key, column1, value)``: the row key
``YYYYMMDD.<account>``, a time UUID, a msgpack map by a msgpack that knew no text, only bytes. A view keeps its account
and its UUID. It lies in the row of its UUID's UTC day, as every event does, since reports look for it there alone; the
original, which took the day from local time, may have had it in the row of the day before or after.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from footfall import accounts, pageview
from footfall.columns import MAX_VALUE_BYTES
from footfall.errors import UsageError
from footfall.pageview import FIELDS, Event
from footfall.storage import Store
from footfall.transfer.importing import BATCH, Importer, Summary
from footfall.transfer.positions import Mark

if TYPE_CHECKING:
    from footfall.stores.cassandra_connection import Connection

#: Rows of one account that are asked for ahead of the one that is read.
ROWS_AHEAD = 8

#: Why a column is no page-view.
REASONS: Mapping[str, str] = {
    "row key": "its row's key is not YYYYMMDD.<account>",
    "name": "its name is not a version-1 UUID",
    "value": "its value is not a msgpack map",
    "size": f"its value has more than {MAX_VALUE_BYTES:,} bytes",
    "there already": "the store had a view of that account and UUID before",
    "retention": "older than its site's are kept",
}
#: What is worth telling of the page-views that were read.
NOTES: Mapping[str, str] = {
    "moved": "lie in the row of their own UTC day, not in that of the source",
    "cut": "have fields that were cut, and say so in `cut`",
    "address": "had an address that is none, of which no part can be kept; --ip full keeps it",
}

# What the three columns may hold, by their kinds in the schema.
_TYPES: Mapping[str, Collection[str]] = {
    "partition_key": ("blob", "text", "ascii"), "clustering": ("timeuuid", "uuid", "blob"), "regular": ("blob",)}


class Column(NamedTuple):
    """A column as it stands in the table; the driver makes bytes, text or a UUID of what Cassandra has."""

    key: bytes | str
    name: uuid.UUID | bytes | None
    value: bytes | None


class Table(Protocol):
    """A table of 2012, or what a test has in place of one."""

    def columns(self, account: str | None, after: Column | None) -> Iterable[Column]: ...


class LegacyTable:
    """A table of 2012 in Cassandra, with or without ``COMPACT STORAGE``, its key a blob or text.

    :param connection: with the keyspace that it is in.
    :param table: its name, in the letters it was made with.
    :raises UsageError: there is no such table, or it is of another form.
    :raises StoreUnavailable: the cluster did not answer.
    """

    def __init__(self, connection: Connection, table: str) -> None:
        self._connection = connection
        keyspace = connection.place.keyspace
        schema = connection.run("SELECT kind, column_name, type, clustering_order FROM system_schema.columns "
                                "WHERE keyspace_name = ? AND table_name = ?", keyspace, table)
        if not schema:
            tables = connection.run("SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?", keyspace)
            listed = ", ".join(name for (name,) in tables) or "none, if there is such a keyspace at all"
            raise UsageError(f"--table={table!r}: not in {connection.shown_url}; the tables there are {listed}")
        names = {kind: _quoted(name) for kind, name, type_, _ in schema if type_ in _TYPES.get(kind, ())}
        if len(schema) != len(_TYPES) or len(names) != len(_TYPES):
            shown = ", ".join(f"{name} {type_} ({kind})" for kind, name, type_, _ in schema)
            raise UsageError(f"--table={table!r}: has {shown}; the table of 2012 has a key (blob or text), a time UUID "
                             "and a value (blob)")
        self._key, self._name = names["partition_key"], names["clustering"]
        self._behind = "<" if "desc" in {order for *_, order in schema} else ">"
        self._from = f"FROM {_quoted(keyspace)}.{_quoted(table)}"
        self._select = f"SELECT {self._key}, {self._name}, {names['regular']} {self._from}"
        ((identity,),) = connection.run("SELECT id FROM system_schema.tables WHERE keyspace_name = ? "
                                        "AND table_name = ?", keyspace, table)
        # The ids of tables as old as these were made of their names, so that those of two clusters may be equal.
        place = blake2b(f"{sorted(connection.place.hosts)} {identity}".encode(), digest_size=8)
        self._place = f"{place.hexdigest()} {keyspace}.{table}"

    def position_key(self, account: str | None) -> str:
        """Return the key of the row of ``Positions`` for an import of all accounts, or of one."""
        return f"legacy {self._place} {account or '*'}"

    def columns(self, account: str | None = None, after: Column | None = None) -> Iterator[Column]:
        """Yield the columns, row by row, in the order that the cluster has them; the next ones are on their way.

        :param account: the rows of this account only; ``None`` for all, also those of none.
        :param after: the column behind which to begin.
        :raises StoreUnavailable: the cluster did not answer.
        """
        where, bounds = "", list[Any]()
        if after is not None:
            yield from self._rest_of_row(after)
            where, bounds = f" WHERE token({self._key}) > token(?)", [after.key]
        if account is None:
            yield from self._ask(self._select + where, *bounds)
        else:
            keys = self._connection.ask(
                self._connection.bind(f"SELECT DISTINCT {self._key} {self._from}{where}", *bounds))
            rows = (partial(self._ask, f"{self._select} WHERE {self._key} = ?", key)
                    for (key,) in keys if account_of(key) == account)
            yield from chain.from_iterable(self._connection.ahead(rows, ROWS_AHEAD))

    def _rest_of_row(self, after: Column) -> Iterator[Column]:
        if after.name is None:
            return self._ask(f"{self._select} WHERE {self._key} = ?", after.key)
        return self._ask(f"{self._select} WHERE {self._key} = ? AND {self._name} {self._behind} ?",
                         after.key, after.name)

    def _ask(self, cql: str, *values: Any) -> Iterator[Column]:
        # The first page is asked for here, not when the first column is read.
        return map(Column._make, self._connection.ask(self._connection.bind(cql, *values)))


class Sites:
    """The accounts that are met in a table: those that are no sites yet are added, or remembered to be told of.

    :param add: whether to add them.
    """

    def __init__(self, store: Store, *, add: bool) -> None:
        self._store = store
        self._add = add
        self._known = {account.id for account in accounts.all_accounts(store)}
        self.added: list[str] = []
        self.missing: list[str] = []

    def meet(self, ids: Iterable[str]) -> None:
        """Take note of accounts."""
        for account in set(ids) - self._known:
            self._known.add(account)
            if self._add:
                # Someone may add it at the same time.
                with suppress(UsageError):
                    accounts.add(self._store, account)
                self.added.append(account)
            else:
                self.missing.append(account)


def import_table(table: Table, account: str | None, mark: Mark, importer: Importer, summary: Summary, sites: Sites,
                 ip: str, step: Callable[[int], None]) -> Counter[str]:
    """Store a table's page-views, and with each batch how far it was read; go on where an import was cut off.

    :param account: import this account's only; ``None`` for all.
    :param ip: how much of an address is kept, as in ``FOOTFALL_IP``.
    :param step: called after each batch with how many rows were read.
    :returns: how many of the page-views that were read are of each kind in :data:`NOTES`.
    :raises StoreUnavailable: the cluster or the store did not answer; the import may be begun again.
    """
    notes = Counter[str]()
    rows, key, place = 0, None, mark.read()
    sites.meet(place["missing"] if place else ())
    columns = iter(table.columns(account, _column_at(place) if place else None))
    while batch := list(islice(columns, BATCH)):
        events = list(read_views(batch, ip, summary.skip, notes))
        # Sites first: should this be cut off, no view lies in the store whose account nobody was told of.
        sites.meet(event.account for event in events)
        importer.commit(events, [mark.at(_place_of(batch[-1]) | {"missing": sites.missing})])
        summary.lines += len(batch)
        for column in batch:
            rows += column.key != key
            key = column.key
        step(rows)
    importer.commit([], [mark.gone()])
    return notes


def read_views(columns: Iterable[Column], ip: str, skipped: Callable[[str, bytes], None],
               notes: Counter[str]) -> Iterator[Event]:
    """Yield the page-views of a table's columns.

    :param ip: how much of an address is kept, as in ``FOOTFALL_IP``.
    :param skipped: called with the reason, one of :data:`REASONS`, and the text of every column that is none.
    :param notes: counts what is worth telling of those that are, see :data:`NOTES`.
    """
    for column in columns:
        found = _view(column, ip, notes)
        if isinstance(found, Event):
            yield found
        else:
            skipped(found, b" ".join(map(_raw, column)))


def account_of(key: bytes | str) -> str | None:
    """Return the account of a row key; ``None`` for what is none."""
    text = _text(key)
    try:
        day, account = pageview.split_row_key(text)
    except ValueError:
        return None
    return account if pageview.is_account(account) and pageview.row_key(account, day) == text else None


def _view(column: Column, ip: str, notes: Counter[str]) -> Event | str:
    """Return the event of a column, or the reason why there is none."""
    if (account := account_of(column.key)) is None:
        return "row key"
    if (name := _time_uuid(column.name)) is None:
        return "name"
    try:
        found = pageview.unpack(column.value or b"")
        if not isinstance(found, dict):
            return "value"
        fields, had_address = _fields(found, ip)
        if len(pageview.pack(fields)) > MAX_VALUE_BYTES:
            return "size"
    except (ValueError, TypeError, RecursionError):
        # The last two: what is nested without end, or holds a type that the msgpack of then did not have.
        return "value"
    event = Event("PageViews", account, name, fields)
    notes["moved"] += event.row_key != _text(column.key)
    notes["cut"] += "cut" in fields
    notes["address"] += not had_address
    return event


def _time_uuid(name: uuid.UUID | bytes | None) -> uuid.UUID | None:
    if isinstance(name, bytes) and len(name) == 16:
        name = uuid.UUID(bytes=name)
    return name if isinstance(name, uuid.UUID) and name.version == 1 else None


def _fields(found: Mapping[Any, Any], ip: str) -> tuple[dict[str, Any], bool]:
    """Return what is stored of a view, and whether its address was one.

    The six fields are as those of a hit, so that whatever reads events can read these; any others are as they were.
    """
    others = {_text(field): value for field, value in found.items()}
    url, title, address, referrer, agent, language = (_text(others.pop(field, "")) for field in FIELDS)
    try:
        kept, had_address = pageview.kept_address(pageview.without_controls(address), ip), True
    except ValueError:
        # Some kept a host's name, or all of X-Forwarded-For.
        kept, had_address = "", False
    page = pageview.page_fields(url, title, referrer, agent, pageview.without_controls(language), kept)
    return others | page, had_address


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def _raw(value: uuid.UUID | bytes | str | None) -> bytes:
    return value if isinstance(value, bytes) else _text(value).encode()


def _place_of(column: Column) -> dict[str, Any]:
    """Return a column's place in the table as a mark holds it."""
    name = column.name
    return {"key": column.key, "uuid": name.bytes} if isinstance(name, uuid.UUID) else {
        "key": column.key, "name": name}


def _column_at(place: Mapping[str, Any]) -> Column:
    return Column(place["key"], uuid.UUID(bytes=place["uuid"]) if "uuid" in place else place["name"], None)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
