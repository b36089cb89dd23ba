"""The group commit: many requests wait, one thread commits, one fsync serves them all.

A request calls :meth:`Writer.commit` and waits until its events are on disk. The writer's thread
takes everything that is queued, commits it in one transaction and wakes the whole batch. An idle
writer commits a lone event at once; under load batches grow by themselves.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from footfall import metrics
from footfall.errors import StoreError, StoreUnavailable
from footfall.packing import FILTERED, packed
from footfall.pageview import Event
from footfall.storage import Mutation, Once

#: Events that may wait before new ones are refused, and events that one commit takes at most.
MAX_QUEUE = 10_000
MAX_BATCH = 1_000

# What one request wants stored, and the promise it waits on.
_Request = tuple[list[Mutation], Future[None]]
_Promise = TypeVar("_Promise")


class Destination(Protocol):
    """What events are committed to: a store, or the outbox before one."""

    def apply(self, mutations: Sequence[Mutation], /) -> None: ...

    def apply_at_once(self, mutations: Sequence[Mutation], /) -> bool: ...

    def probe(self) -> None: ...


class Writer:
    """Commits events, many at a time, from one thread of its own.

    :param destination: gives the store or the outbox; called by the writer's thread, again after it failed.

    The thread starts with the first event, so that a process may fork before.
    """

    def __init__(self, destination: Callable[[], Destination], *, max_queue: int = MAX_QUEUE) -> None:
        self._destination = destination
        self._max_queue = max_queue
        self._waiting: deque[_Request] = deque()
        self._queued = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def commit(self, events: Sequence[Event]) -> None:
        """Store events, and return when they are on disk: all of them, or, after an error, none.

        :raises StoreUnavailable: the store did not answer, or too many events wait already.
        :raises StoreError: the store cannot hold these events.
        """
        mutations = packed(events)
        done: Future[None] = Future()
        with self._changed:
            if self._closed or self._queued + len(mutations) > self._max_queue:
                raise StoreUnavailable("the server is stopping" if self._closed else
                                       f"{self._queued:,} events wait to be stored already")
            self._queued += len(mutations)
            self._waiting.append((mutations, done))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="footfall-writer", daemon=True)
                self._thread.start()
            self._changed.notify()
        done.result()

    def close(self) -> None:
        """Commit what waits, refuse what comes, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            outcomes = commit_batch(self._destination, [mutations for mutations, _ in batch])
            for (_, done), error in zip(batch, outcomes, strict=True):
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    def _take(self) -> list[_Request]:
        """Wait for events and return as many as one commit takes; nothing once closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            batch, size = next_batch(self._waiting)
            self._queued -= size
            metrics.WAITING.set(self._queued)
            return batch


def next_batch(waiting: deque[tuple[list[Mutation], _Promise]]) -> tuple[list[tuple[list[Mutation], _Promise]], int]:
    """Take as many requests as one commit takes off those that wait, and return them and how many events they bring."""
    batch: list[tuple[list[Mutation], _Promise]] = []
    size = 0
    while waiting and (not batch or size + len(waiting[0][0]) <= MAX_BATCH):
        batch.append(waiting.popleft())
        size += len(batch[-1][0])
    return batch, size


def commit_batch(destination: Callable[[], Destination], requests: Sequence[list[Mutation]]) -> list[Exception | None]:
    """Commit what some requests want stored in one transaction.

    :returns: for each request ``None`` if its events are on disk, else why they are not.

    Where the store cannot hold what one request brought, the others do not fail with it: each is then
    committed by itself.
    """
    mutations = [mutation for request in requests for mutation in request]
    began = time.perf_counter()
    try:
        destination().apply(mutations)
    except StoreUnavailable as error:
        return [error] * len(requests)
    except StoreError as error:
        if len(requests) == 1:
            return [error]
        return [commit_batch(destination, [request])[0] for request in requests]
    except Exception as error:
        return [error] * len(requests)
    _tell(mutations, time.perf_counter() - began)
    return [None] * len(requests)


def commit_at_once(destination: Callable[[], Destination], requests: Sequence[list[Mutation]]) -> bool:
    """Commit what some requests want stored in one transaction, where that waits for nothing but the disk.

    :returns: whether it was done. Where it was not, :func:`commit_batch` does it, or tells what is wrong.
    """
    mutations = [mutation for request in requests for mutation in request]
    began = time.perf_counter()
    try:
        done = destination().apply_at_once(mutations)
    except Exception:
        return False
    if done:
        _tell(mutations, time.perf_counter() - began)
    return done


def _tell(mutations: Sequence[Mutation], seconds: float) -> None:
    """Have a commit be in the metrics."""
    metrics.COMMIT_SECONDS.observe(seconds)
    metrics.COMMIT_EVENTS.observe(len(mutations))
    # What was kept apart is counted by its reason, where that is known.
    columns = (each.event if isinstance(each, Once) else each for each in mutations)
    metrics.STORED.inc(sum(column.family != FILTERED for column in columns))
