"""A store in this process's memory: for tests, and for trying things without leaving a trace.

Rows are sorted lists of sort keys beside a dict of columns; one lock makes every call atomic.
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Any

from footfall.changes import EVERYTHING, Cursor, Entry, touched, truncated
from footfall.columns import FAMILIES, Column, Insert, Mutation, Name, Remove, Slice, sort_name
from footfall.errors import StoreError
from footfall.packing import with_steps
from footfall.pageview import Packed
from footfall.retries import plain
from footfall.storage import ColumnFamily, Store


class MemoryStore(Store):
    """Column families in dicts; gone when the process ends."""

    atomic = True

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        self.lock = threading.RLock()
        self._families = {name: MemoryFamily(self, name) for name in FAMILIES}
        #: What changed, and what tells this log from others.
        self.log: list[Entry] = []
        self._id = secrets.token_hex(8)

    def _family(self, name: str) -> MemoryFamily:
        return self._families[name]

    def apply(self, mutations: Sequence[Mutation]) -> None:
        with self.lock:
            some = with_steps(plain(mutations, self._between))
            for mutation in some:
                self._families[mutation.family].apply(mutation)
            self.log += touched(some)

    def _between(self, family: str, key: str, low: uuid.UUID, high: uuid.UUID) -> list[uuid.UUID]:
        return [name for name, _ in self._families[family]._slice(key, Slice(low, high), None)]

    def claim(self, family: str, key: str, name: str, value: bytes, *, ttl: int | None = None) -> Packed:
        with self.lock:
            there = self._families[family]._columns(key, [name])
            if not there:
                self.apply([Insert(family, key, name, value, ttl)])
            return there[0][1] if there else Packed(value)

    def _changes(self, since: Cursor | None) -> tuple[list[Entry], Cursor]:
        owner, _, position = (since or "").partition(".")
        with self.lock:
            entries = self.log[int(position):] if owner == self._id else EVERYTHING
            return entries, f"{self._id}.{len(self.log)}"

    def init(self) -> list[str]:
        return []

    def info(self) -> dict[str, Any]:
        families = {}
        for name, family in self._families.items():
            keys = list(family.row_keys())
            families[name] = {"rows": len(keys), "columns": sum(family.get_count(key) for key in keys)}
        return {"url": self.url, "engine": "memory of this process", "families": families}

    def close(self) -> None:
        pass

    def __reduce__(self) -> Any:
        raise StoreError("memory:// lives in one process: use an executor of threads, or an sqlite:// store")


class _Row:
    """One row: ``columns`` by sort key, and ``order``, the sort keys in order."""

    def __init__(self) -> None:
        self.order: list[Any] = []
        self.columns: dict[Any, tuple[Name, Packed, float | None]] = {}

    def alive(self, order_key: Any) -> bool:
        expires = self.columns[order_key][2]
        return expires is None or expires > time.time()


class MemoryFamily(ColumnFamily):
    """A column family of a :class:`MemoryStore`."""

    store: MemoryStore

    def __init__(self, store: MemoryStore, name: str) -> None:
        super().__init__(store, name)
        self._rows: dict[str, _Row] = {}

    def apply(self, mutation: Insert | Remove) -> None:
        """Carry out one mutation; the store holds the lock."""
        if isinstance(mutation, Insert):
            row = self._rows.setdefault(mutation.key, _Row())
            key = sort_name(mutation.name)
            if key not in row.columns:
                insort(row.order, key)
            expires = None if mutation.ttl is None else time.time() + mutation.ttl
            row.columns[key] = mutation.name, Packed(mutation.value), expires
        elif mutation.name is None:
            self._rows.pop(mutation.key, None)
        elif mutation.key in self._rows:
            row, key = self._rows[mutation.key], sort_name(mutation.name)
            if row.columns.pop(key, None):
                del row.order[bisect_left(row.order, key)]

    def truncate(self) -> None:
        with self.store.lock:
            self._rows.clear()
            self.store.log += truncated(self.name)

    def row_keys(self, start: str = "", finish: str = "", *, reverse: bool = False) -> Iterator[str]:
        low, high = (finish, start) if reverse else (start, finish)
        with self.store.lock:
            keys = sorted((key for key, row in self._rows.items()
                           if low <= key and (not high or key <= high) and any(map(row.alive, row.order))),
                          reverse=reverse)
        yield from keys

    def _slice(self, key: str, part: Slice, limit: int | None) -> Iterator[Column]:
        with self.store.lock:
            row = self._rows.get(key)
            found = [row.columns[order_key][:2] for order_key in self._span(row, part)] if row else []
        yield from found[:limit]

    def _span(self, row: _Row, part: Slice) -> list[Any]:
        first = 0 if part.low is None else bisect_left(row.order, sort_name(part.low))
        last = len(row.order) if part.high is None else bisect_right(row.order, sort_name(part.high))
        span = [order_key for order_key in row.order[first:last] if row.alive(order_key)]
        return span[::-1] if part.reversed else span

    def _columns(self, key: str, names: Sequence[Name]) -> list[Column]:
        with self.store.lock:
            row = self._rows.get(key)
            if row is None:
                return []
            wanted = [order_key for order_key in {sort_name(name) for name in names} if order_key in row.columns]
            return [row.columns[order_key][:2] for order_key in wanted if row.alive(order_key)]

    def _count(self, key: str, part: Slice) -> int:
        with self.store.lock:
            row = self._rows.get(key)
            return len(self._span(row, part)) if row else 0
