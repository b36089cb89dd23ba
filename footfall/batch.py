"""Mutations that are gathered and sent together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from footfall.columns import Mutation, Name, Value
from footfall.errors import StoreError

if TYPE_CHECKING:
    from footfall.storage import ColumnFamily


class Batch:
    """Mutations of one family, gathered and sent together; as a context manager it sends at the end.

    ::

        with PageViews.batch() as batch:
            batch.insert("20260102.blog", {name: value})
            batch.remove("20260101.blog")
    """

    def __init__(self, family: ColumnFamily, queue_size: int) -> None:
        if queue_size < 1:
            raise StoreError(f"queue_size={queue_size}: must be at least 1")
        self._family = family
        self._queue_size = queue_size
        self._queue: list[Mutation] = []

    def insert(self, key: str, columns: Mapping[Any, Value], *, ttl: int | None = None) -> Batch:
        """Queue columns to write; arguments as in :meth:`ColumnFamily.insert`."""
        return self._add(self._family._inserts(key, columns, ttl))

    def remove(self, key: str, columns: Iterable[Name] | None = None) -> Batch:
        """Queue columns, or a row, to remove; arguments as in :meth:`ColumnFamily.remove`."""
        return self._add(self._family._removes(key, columns))

    def send(self) -> None:
        """Send what is queued. After an error the queue is as it was, and can be sent again."""
        if self._queue:
            self._family.store.apply(self._queue)
            self._queue = []

    def _add(self, mutations: list[Mutation]) -> Batch:
        self._queue += mutations
        if len(self._queue) >= self._queue_size:
            self.send()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is None:
            self.send()
