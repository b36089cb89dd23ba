"""map_reduce: any question, asked of every event, from a Python shell.

::

    def map_fn(views):
        urls = {}
        for account, when, view in views:
            urls[view["url"]] = urls.get(view["url"], 0) + 1
        return urls

    def reduce_fn(total, urls):
        for url, count in urls.items():
            total[url] = total.get(url, 0) + count
        return total

    map_reduce("blog", datetime(2026, 1, 1), datetime(2026, 2, 1), map_fn, reduce_fn, {})

``map_fn`` runs once for each day, or hour, of the range; its results are reduced in their order.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from footfall import executors, pageview, timeuuid
from footfall.errors import StoreError, StoreUnavailable, UsageError
from footfall.storage import Store
from footfall.stores import default_store, open_store
from footfall.timeuuid import Moment

#: What map_fn gets for each event: account, aware UTC datetime, the stored map.
Item = tuple[str, datetime, dict[str, Any]]
MapFn = Callable[[Iterable[Item]], Any]
ReduceFn = Callable[[Any, Any], Any]
#: Called with (slices done, slices in all, row key just done).
Progress = Callable[[int, int, str], None]

_NONE: Any = object()
_opening = threading.Lock()


class Query(NamedTuple):
    """The rows and the slice of columns that hold a range of time.

    ``column_start`` and ``column_finish`` are the slice's ends, both inclusive, for every row in
    ``row_keys``: ``PageViews.xget(key, column_start=…, column_finish=…)``.
    """

    column_start: uuid.UUID
    column_finish: uuid.UUID
    row_keys: list[str]


def prep_query(id: str, start_date: Moment, end_date: Moment) -> Query:  # noqa: A002 - the original's name
    """Return what to read for an account and the half-open range [start_date, end_date).

    :param id: the account.
    :param start_date: first instant; naive datetimes are UTC, a date is its midnight.
    :param end_date: the instant that ends the range, itself left out.
    :raises UsageError: the account is not one, or a date is no date.

    A range that is empty or turned round has no row keys.
    """
    pageview.check_account(id)
    for name, moment in (("start_date", start_date), ("end_date", end_date)):
        if not hasattr(moment, "year"):
            raise UsageError(f"{name}={moment!r}: must be a datetime or a date")
    start, end = timeuuid.as_utc(start_date), timeuuid.as_utc(end_date)
    return Query(timeuuid.slice_bound(start, finish=False), timeuuid.last_before(end),
                 pageview.row_keys(id, start, end))


def map_reduce(
    id: str,  # noqa: A002 - the original's name
    start_date: Moment,
    end_date: Moment,
    map_fn: MapFn,
    reduce_fn: ReduceFn,
    initializer: Any = _NONE,
    *,
    fields: Sequence[str] | None = None,
    store: Store | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    family: str = "PageViews",
    split: Literal["day", "hour"] = "day",
    progress: Progress | bool | None = None,
) -> Any:
    """Map each day's events to a result, and reduce the results to one.

    :param id: the account.
    :param start_date: first instant of the half-open range; naive datetimes are UTC, a date is its midnight.
    :param end_date: the instant that ends the range, itself left out.
    :param map_fn: gets an iterable of ``(account, aware UTC datetime, fields of the event)`` in order of
        time, once for each row key, also for those with no events; returns anything.
    :param reduce_fn: ``reduce_fn(so_far, result)`` → the new ``so_far``, called in order of time.
    :param initializer: what ``so_far`` is at first; without one, the first result.
    :param fields: all that ``map_fn`` needs of an event; it then gets just these fields.
    :param store: the store to read; the settings' own if none is given.
    :param executor: any :class:`concurrent.futures.Executor`, to map slices side by side, or a function that
        makes one and is asked for another when a worker's death broke the first. In another process a worker
        opens the store by its URL; lambdas travel if cloudpickle is installed.
    :param family: the column family, ``PageViews``, ``Events`` or ``Filtered``.
    :param split: ``"hour"`` cuts each day in 24, for more workers; ``map_fn`` runs once for each.
    :param progress: called with ``(done, in all, row key)`` after each slice; ``True`` draws a line on stderr.
    :raises UsageError: an argument is not one it can take, ``map_fn`` or its result cannot be sent to another
        process, or the range is empty and has no initializer.
    :raises StoreUnavailable: the store did not answer.
    :raises BrokenExecutor: a worker died, and ``executor`` is one that takes no more work then.

    What ``map_fn`` raises comes through, with the row key in a note, and with its traceback in another process as
    the cause; slices not begun are cancelled.
    """
    query = prep_query(id, start_date, end_date)
    if split not in ("day", "hour"):
        raise UsageError(f"split={split!r}: must be 'day' or 'hour'")
    store = store or default_store()
    store.family(family)
    tasks = [_Task(store, family, id, key, start, finish, map_fn, None if fields is None else tuple(fields))
             for key in query.row_keys for start, finish in _spans(key, query, split)]
    if not tasks and initializer is _NONE:
        raise UsageError(f"the range from {start_date} to {end_date} is empty: give an initializer to get it back")
    results = _watch(executors.run(tasks, executor), tasks, _draw if progress is True else progress or None)
    return functools.reduce(reduce_fn, results) if initializer is _NONE else functools.reduce(
        reduce_fn, results, initializer)


def visitor(id: str, visitor: bytes | str, start_date: Moment, end_date: Moment, *,  # noqa: A002 - as map_reduce
            store: Store | None = None) -> Iterator[Item]:
    """Yield what one visitor did, in order of time: page-views and custom events, as map_fn gets them.

    :param id: the account.
    :param visitor: the eight bytes in an event's field ``visitor``, or their 16 hexadecimal digits.
    :param start_date: first instant of the half-open range; naive datetimes are UTC, a date is its midnight.
    :param end_date: the instant that ends the range, itself left out.
    :raises UsageError: an argument is not one it can take.
    :raises StoreUnavailable: the store did not answer.

    One slice of the family ``Visitors`` for each month; the events themselves are then fetched by their names.
    """
    query = prep_query(id, start_date, end_date)
    store = store or default_store()
    try:
        who = bytes.fromhex(visitor) if isinstance(visitor, str) else visitor
        bounds = (who, query.column_start), (who, query.column_finish)
        for month in dict.fromkeys(f"{key[:6]}{key[8:]}" for key in query.row_keys):
            steps = [name for (_, name), _ in store.family("Visitors").xget(month, *bounds)]
            yield from _events(store, id, who, steps)
    except (ValueError, StoreError) as error:
        if isinstance(error, StoreUnavailable):
            raise
        raise UsageError(f"visitor={visitor!r}: must be 8 bytes or 16 hexadecimal digits") from None


def _events(store: Store, account: str, visitor: bytes, names: Sequence[uuid.UUID]) -> Iterator[Item]:
    """Yield the events of a visitor by their names, which are in order."""
    for day, some in itertools.groupby(names, key=lambda name: timeuuid.datetime_of(name).date()):
        wanted, key = list(some), pageview.row_key(account, day)
        found: dict[uuid.UUID, Any] = {}
        for family in ("PageViews", "Events"):
            found |= store.family(family).multiget([key], wanted).get(key, {})
        for name in wanted:
            # An event that came again, from another address, is its last sender's; one that was removed is nobody's.
            if name in found and (fields := pageview.unpack(found[name])).get("visitor") == visitor:
                yield account, timeuuid.datetime_of(name), fields


@dataclass(frozen=True)
class _Task:
    """One slice to map. It pickles if its map_fn does; in another process it reads a store of that process's own."""

    store: Store
    family: str
    account: str
    key: str
    column_start: uuid.UUID
    column_finish: uuid.UUID
    map_fn: MapFn
    fields: tuple[str, ...] | None

    @property
    def name(self) -> str:
        return f"row {self.key} of {self.family}"

    def __call__(self) -> Any:
        return self.map_fn(self._items())

    def _items(self) -> Iterator[Item]:
        blocks = self.store.family(self.family).blocks(self.key, self.column_start, self.column_finish, self.fields)
        for block in blocks:
            yield from zip(itertools.repeat(self.account), block.datetimes(), block.maps(self.fields))

    def __reduce__(self) -> Any:
        # Only asked: one that lives in this process alone says so. The store stays behind, and its URL goes.
        self.store.__reduce__()
        return _unpack_task, (self.store.url, self.family, self.account, self.key, self.column_start,
                              self.column_finish, self.map_fn, self.fields)


def _unpack_task(url: str, *rest: Any) -> _Task:
    with _opening:
        store = _opened(os.getpid(), url)
    return _Task(store, *rest)


@functools.cache
def _opened(_process: int, url: str) -> Store:
    """Return a worker's store, opened once; one that a fork brought along is the other process's."""
    return open_store(url)


def _spans(key: str, query: Query, split: str) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
    """Yield the slices to read of a row: all of the query's, or its part of each hour."""
    if split == "day":
        yield query.column_start, query.column_finish
        return
    day = timeuuid.as_utc(pageview.split_row_key(key)[0])
    for hour in range(24):
        start = timeuuid.slice_bound(day + timedelta(hours=hour), finish=False)
        finish = timeuuid.last_before(day + timedelta(hours=hour + 1))
        if start.time <= query.column_finish.time and finish.time >= query.column_start.time:
            yield max(start, query.column_start, key=timeuuid.sort_key), min(
                finish, query.column_finish, key=timeuuid.sort_key)


def _watch(results: Iterator[Any], tasks: Sequence[_Task], progress: Progress | None) -> Iterator[Any]:
    for done, (task, result) in enumerate(zip(tasks, results, strict=True), 1):
        if progress:
            progress(done, len(tasks), task.key)
        yield result


def _draw(done: int, total: int, key: str) -> None:
    end = "\n" if done == total else ""
    print(f"\r{done:,} of {total:,} slices, {100 * done // total} % ({key})", end=end, file=sys.stderr, flush=True)
