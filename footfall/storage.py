"""The contract of a store: column families of sorted columns, in pycassa's words.

A :class:`Store` holds column families. A :class:`ColumnFamily` is ``{row key: {column name: value}}``
with each row's columns in order of their names: time UUIDs in the families of events, text in the
small ones. A back end implements the four underscored methods and :meth:`Store.apply`; everything
a caller sees is written once, here, so that every store answers alike.
"""

from __future__ import annotations

import secrets
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import chain, islice
from types import TracebackType
from typing import Any, NamedTuple, Self

from footfall import retries
from footfall.batch import Batch
from footfall.blocks import Block, Page, check_family
from footfall.changes import Change, Cursor, Entry, changes_of
from footfall.columns import (
    FAMILIES,
    GET_COUNT,
    PAGE,
    PROBE_ROW,
    Arrival,
    Bound,
    Column,
    Insert,
    Mutation,
    Name,
    Once,
    Remove,
    Slice,
    Value,
    bound_name,
    check_key,
    check_name,
    check_value,
    sort_name,
)
from footfall.errors import NotFoundException, StoreError, UsageError
from footfall.pageview import Packed

__all__ = ["FAMILIES", "PAGE", "Arrival", "Batch", "Bound", "Change", "Column", "ColumnFamily", "Cursor", "Insert",
           "Mutation", "Name", "Once", "Remove", "Slice", "Store", "Value"]

class SealStep(NamedTuple):
    """Some events of a row that were sealed, or unsealed, at once, and how many."""

    family: str
    key: str
    events: int


class Store(ABC):
    """A place where column families are kept: a file, a cluster, or this process's memory.

    Safe to use from several threads. A store that was closed, or handed to another process by a
    fork, must be opened again there.
    """

    url: str
    #: Whether :meth:`apply` takes all or nothing, also when the machine fails in the middle.
    atomic = False
    #: Whether events leave by the ``ttl`` that they are written with, rather than because somebody goes round.
    by_ttl = False

    @property
    def ttl_days(self) -> int:
        """Days after their writing at which events leave that were written without a ``ttl``; 0 for never."""
        return 0

    def family(self, name: str) -> ColumnFamily:
        """Return a column family.

        :raises StoreError: no family has that name.
        """
        if name not in FAMILIES:
            raise StoreError(f"column family {name!r}: unknown; the families are {', '.join(FAMILIES)}")
        return self._family(name)

    @abstractmethod
    def _family(self, name: str) -> ColumnFamily: ...

    @abstractmethod
    def apply(self, mutations: Sequence[Mutation]) -> None:
        """Carry out mutations in their order; when this returns they are on disk.

        :raises StoreUnavailable: the store did not answer; the call may be repeated as it is.

        SQLite and memory take all or nothing, and write no :class:`Once` that is there already. Cassandra takes
        what lies in one partition together, and after an error some partitions may have been written: names make
        repeating harmless. There a ``Once`` is written and marked, and left out by slices and counts if its event
        stands without it.
        """

    def apply_at_once(self, mutations: Sequence[Mutation]) -> bool:
        """Do what :meth:`apply` does, where nothing need be waited for but the disk, and tell whether it was done.

        :raises StoreError: it could not be done.
        """
        return False

    @abstractmethod
    def claim(self, family: str, key: str, name: str, value: bytes, *, ttl: int | None = None) -> Packed:
        """Write a column unless it is there, and return the value that it has then: the same for all who claim it.

        :raises StoreUnavailable: the store did not answer; the call may be repeated as it is.
        """

    def shred(self, batches: Iterable[Sequence[Remove]], *, rewrite: bool = False) -> None:
        """Remove columns and rows so that their bytes are nowhere any more, as far as that is in the store's hands.

        :param batches: what is removed together, one after the other, with room for other writers between; the next
            one may be found while the store is read.
        :param rewrite: spare no effort: SQLite writes the whole file anew, which keeps other writers waiting.
        :raises StoreUnavailable: it could not be done now; the call may be repeated.
        """
        for batch in batches:
            self.apply(batch)

    def changes(self, since: Cursor | None = None) -> tuple[list[Change], Cursor]:
        """Return which events may be others than they were, and how far that was read.

        :param since: what the call before returned; ``None``, or what is too old or another store's, for a change of
            every row.
        :raises StoreUnavailable: the store did not answer.

        What a slice yields now, and did not when ``since`` was returned, or the other way round, lies within one of
        the changes, but for columns that went by their ``ttl``. A change may be told of again, and nothing need have
        changed. Read the events after the changes: what is written meanwhile is told of the next time.
        """
        entries, cursor = self._changes(since)
        if not entries:
            return [], cursor
        marked = cache(lambda family, key: self.family(family)._marked(key))
        return changes_of(entries, marked, lambda family, *part: self.family(family)._between(*part)), cursor

    @abstractmethod
    def _changes(self, since: Cursor | None) -> tuple[list[Entry], Cursor]:
        """Return what was logged since ``since``, and where the log ends."""

    def tidy(self) -> None:  # noqa: B027 - most stores put nothing off
        """Do a little of what a store puts off while it takes events; call it every second or so."""

    def seal(self, account: str | None, before: date) -> Iterator[SealStep]:
        """Pack the events of past days, of which each comes back as it is: who reads or writes sees no difference.

        :param account: whose; ``None`` for all.
        :param before: the day, UTC, before which days are packed.
        :raises UsageError: the store packs nothing.
        :raises StoreUnavailable: it did not answer; what was done is done, and the call may be repeated.

        What is written to such a day later is packed the next time.
        """
        raise UsageError("only a store in an SQLite file seals its days: a Cassandra cluster compresses its files by "
                         "itself, and what is in memory is gone with its process")

    def unseal(self, account: str | None, before: date) -> Iterator[SealStep]:
        """Unpack what :meth:`seal` packed. The arguments and errors are the same."""
        return self.seal(account, before)

    @abstractmethod
    def init(self) -> list[str]:
        """Create what is missing, keyspace, tables or file, and return what was made, one line each."""

    @abstractmethod
    def info(self) -> dict[str, Any]:
        """Return what an owner wants to know of the store: its place, version, size, rows by family."""

    def probe(self) -> None:
        """Write something and remove it again, to find out whether events could be stored now.

        :raises StoreError: they could not; :class:`~footfall.errors.StoreUnavailable` when they may be later.
        """
        name = secrets.token_hex(8)
        # Should the removal not come to pass, the column goes by itself.
        self.apply([Insert("Accounts", PROBE_ROW, name, b"\x80", 60)])
        self.apply([Remove("Accounts", PROBE_ROW, name)])

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections. Closing twice does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


class ColumnFamily(ABC):
    """Rows of sorted columns: ``{row key: {column name: value}}``.

    Values are bytes, a msgpack map in footfall's own families; what is read back is a
    :class:`~footfall.pageview.Packed`, bytes that also open like the map. A map given as a value is
    packed. Names are time UUIDs (version 1) or text, see :data:`FAMILIES`.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.names = FAMILIES[name]

    # ----- what a back end implements

    @abstractmethod
    def _slice(self, key: str, part: Slice, limit: int | None) -> Iterator[Column]:
        """Yield the columns of a slice in order, page by page, at most ``limit`` of them."""

    @abstractmethod
    def _columns(self, key: str, names: Sequence[Name]) -> list[Column]:
        """Return those of the named columns that exist, in any order."""

    @abstractmethod
    def _count(self, key: str, part: Slice) -> int:
        """Return the number of columns in a slice."""

    @abstractmethod
    def row_keys(self, start: str = "", finish: str = "", *, reverse: bool = False) -> Iterator[str]:
        """Yield the keys of the rows that have columns, in order.

        :param start: first key wanted, inclusive; empty for the first there is. With ``reverse`` the
            order is the other way round, and so are ``start`` and ``finish``.
        :param finish: last key wanted, inclusive; empty for the last there is.
        """

    @abstractmethod
    def truncate(self) -> None:
        """Remove every row."""

    # ----- reading

    def get(self, key: str, columns: Iterable[Name] | None = None, column_start: Bound = None,
            column_finish: Bound = None, column_reversed: bool = False,
            column_count: int = GET_COUNT) -> dict[Any, Packed]:
        """Return columns of one row, in order, as ``{name: value}``.

        :param key: row key.
        :param columns: just these names; the slice arguments are then left out of account.
        :param column_start: first column wanted, inclusive. A datetime stands for the lowest UUID of
            its microsecond (the highest when ``column_reversed``). ``None`` or ``""``: from the row's end.
        :param column_finish: last column wanted, inclusive; a datetime stands for the highest UUID of
            its microsecond (the lowest when ``column_reversed``).
        :param column_reversed: from the last to the first; ``column_start`` is then the higher end.
        :param column_count: at most so many columns.
        :raises NotFoundException: the row does not exist, or has none of these columns.
        :raises StoreUnavailable: the store did not answer.
        """
        if columns is not None:
            found = dict(sorted(self._columns(check_key(key), self._check_names(columns)),
                                key=lambda column: sort_name(column[0])))
        else:
            found = dict(self.xget(key, column_start, column_finish, column_reversed=column_reversed,
                                   column_count=column_count))
        if not found:
            raise NotFoundException(f"{self.name}[{key!r}]: no such row, or none of these columns in it")
        return found

    def multiget(self, keys: Iterable[str], columns: Iterable[Name] | None = None, column_start: Bound = None,
                 column_finish: Bound = None, column_reversed: bool = False,
                 column_count: int = GET_COUNT) -> dict[str, dict[Any, Packed]]:
        """Return columns of several rows as ``{key: {name: value}}``, in the order of ``keys``.

        A row that :meth:`get` would not find is left out. The arguments are those of :meth:`get`.
        """
        names = None if columns is None else list(columns)
        rows = {}
        for key in keys:
            try:
                rows[key] = self.get(key, names, column_start, column_finish, column_reversed, column_count)
            except NotFoundException:
                continue
        return rows

    def xget(self, key: str, column_start: Bound = None, column_finish: Bound = None,
             column_reversed: bool = False, column_count: int | None = None) -> Iterator[Column]:
        """Yield a row's columns as ``(name, value)``, page by page, without holding the row in memory.

        :param column_count: at most so many columns; ``None`` for all.
        :raises StoreUnavailable: the store did not answer; the iterator can be made again.

        A row that does not exist yields nothing. As in pycassa's ``ColumnFamily.xget``; the other
        arguments are those of :meth:`get`.
        """
        if column_count is not None and column_count < 0:
            raise StoreError(f"column_count={column_count}: must not be negative")
        part = self._part(column_start, column_finish, column_reversed)
        return self._standing(check_key(key), part, column_count)

    def _standing(self, key: str, part: Slice, limit: int | None) -> Iterator[Column]:
        repeated = self._repeated(key, part)
        if not repeated:
            return self._slice(key, part, limit)
        return islice((column for column in self._slice(key, part, None) if column[0] not in repeated), limit)

    def get_count(self, key: str, columns: Iterable[Name] | None = None, column_start: Bound = None,
                  column_finish: Bound = None) -> int:
        """Return how many of a row's columns exist; 0 for a row that does not. Arguments as in :meth:`get`."""
        if columns is not None:
            return len(self._columns(check_key(key), self._check_names(columns)))
        part = self._part(column_start, column_finish, False)
        repeated = self._repeated(check_key(key), part)
        if repeated:
            return sum(1 for name, _ in self._slice(key, part, None) if name not in repeated)
        return self._count(key, part)

    def get_range(self, start: str = "", finish: str = "", columns: Iterable[Name] | None = None,
                  column_start: Bound = None, column_finish: Bound = None, column_reversed: bool = False,
                  column_count: int = GET_COUNT, row_count: int | None = None,
                  ) -> Iterator[tuple[str, dict[Any, Packed]]]:
        """Yield rows as ``(key, {name: value})`` in order of their keys.

        :param start: first row key wanted, inclusive; empty for the first there is.
        :param finish: last row key wanted, inclusive; empty for the last there is.
        :param row_count: at most so many rows; ``None`` for all.

        Rows with none of the columns asked for are left out. The rest is as in :meth:`get`; in
        pycassa the order of keys was the cluster's, here it is the keys' own on every store.
        """
        names = None if columns is None else list(columns)
        taken = 0
        for key in self.row_keys(start, finish):
            if row_count is not None and taken >= row_count:
                return
            try:
                yield key, self.get(key, names, column_start, column_finish, column_reversed, column_count)
                taken += 1
            except NotFoundException:
                continue

    def walk(self, start: str = "") -> Iterator[tuple[str, Iterator[Column]]]:
        """Yield every row as ``(key, iterator over its columns)``, both in order, however long the rows are.

        :param start: first row key wanted, inclusive; empty for the first there is.

        To read everything, at less cost than that of :meth:`stored` for each of the :meth:`row_keys`. What is
        written meanwhile may be left out.
        """
        for key in self.row_keys(start):
            yield key, self.stored(key)

    def blocks(self, key: str, column_start: Bound = None, column_finish: Bound = None,
               fields: Sequence[str] | None = None) -> Iterator[Block]:
        """Yield the events of a row many at a time: the columns that :meth:`xget` yields, in the same order.

        :param fields: all that will be asked of the blocks: a store may then leave the others where they are.
        :raises StoreError: the family is not one of events.
        :raises StoreUnavailable: the store did not answer; the iterator can be made again.

        To read many events at a fraction of what :meth:`xget` costs. The bounds are those of :meth:`get`.
        """
        check_family(self.name, self.names)
        part = self._part(column_start, column_finish, False)
        repeated = {sort_name(name) for name in self._repeated(check_key(key), part)}
        blocks = self._blocks(key, part, fields)
        return chain.from_iterable(block.without(repeated) for block in blocks) if repeated else blocks

    def _blocks(self, key: str, part: Slice, fields: Sequence[str] | None) -> Iterator[Block]:
        """Yield the columns of a slice in order, none of the blocks empty; a store may know a quicker way."""
        columns = self._slice(key, part, None)
        while page := list(islice(columns, PAGE)):
            yield Page([sort_name(name) for name, _ in page], [value for _, value in page])

    def stored(self, key: str, column_start: Bound = None, column_finish: Bound = None) -> Iterator[Column]:
        """Yield a row's columns as they lie there, those included that repeat an event and that slices leave out."""
        return self._slice(check_key(key), self._part(column_start, column_finish, False), None)

    # ----- writing

    def insert(self, key: str, columns: Mapping[Any, Value], *, ttl: int | None = None) -> None:
        """Write columns of one row; a column of the same name is replaced.

        :param key: row key.
        :param columns: ``{name: value}``.
        :param ttl: seconds after which the columns are gone; ``None`` for never.
        :raises StoreError: a key, name or value is not one this family can hold; nothing was written.
        :raises StoreUnavailable: the store did not answer; the call may be repeated as it is.

        When it returns, the columns are on disk.
        """
        self.store.apply(self._inserts(key, columns, ttl))

    def batch_insert(self, rows: Mapping[str, Mapping[Any, Value]], *, ttl: int | None = None) -> None:
        """Write columns of several rows, ``{key: {name: value}}``, as :meth:`insert` does for one."""
        self.store.apply([mutation for key, columns in rows.items() for mutation in self._inserts(key, columns, ttl)])

    def remove(self, key: str, columns: Iterable[Name] | None = None) -> None:
        """Remove columns of a row, or, without ``columns``, the row. What does not exist is passed over."""
        self.store.apply(self._removes(key, columns))

    def batch(self, queue_size: int = 100) -> Batch:
        """Return a :class:`Batch`, which sends what it is given ``queue_size`` mutations at a time."""
        return Batch(self, queue_size)

    # ----- checks and conversions

    def _inserts(self, key: str, columns: Mapping[Any, Value], ttl: int | None) -> list[Mutation]:
        check_key(key)
        if ttl is not None and ttl < 1:
            raise StoreError(f"ttl={ttl}: must be at least 1 second, or None for no end")
        return [Insert(self.name, key, check_name(self.name, name), check_value(name, value), ttl)
                for name, value in columns.items()]

    def _removes(self, key: str, columns: Iterable[Name] | None) -> list[Mutation]:
        check_key(key)
        if columns is None:
            return [Remove(self.name, key)]
        return [Remove(self.name, key, name) for name in self._check_names(columns)]

    def _check_names(self, names: Iterable[Any]) -> list[Name]:
        return list(dict.fromkeys(check_name(self.name, name) for name in names))

    def _part(self, start: Bound, finish: Bound, reverse: bool) -> Slice:
        low, high = (finish, start) if reverse else (start, finish)
        return Slice(bound_name(self.name, low, finish=False), bound_name(self.name, high, finish=True), reverse)

    # ----- retries

    def _repeated(self, key: str, part: Slice) -> set[uuid.UUID]:
        """Return the names in a slice that repeat an event which stands without them."""
        if self.names != "time":
            return set()
        marks, between = cache(self._marked), self._between
        ours = [mark for mark in marks(key) if part.has(mark)]
        return retries.repeated(key, ours, marks, between) if ours else set()

    def _marked(self, key: str) -> set[uuid.UUID]:
        family = self.store.family(retries.FAMILY)
        return {uuid.UUID(name) for name, _ in family.xget(retries.marks_row(self.name, key))}

    def _between(self, key: str, low: uuid.UUID, high: uuid.UUID) -> Iterator[uuid.UUID]:
        return (name for name, _ in self._slice(key, Slice(low, high), None))
