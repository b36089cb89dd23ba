"""The group commit: many requests wait, one thread commits, one fsync serves them all.

A request calls :meth:`Writer.commit` and waits until its events are on disk. The writer's thread
takes everything that is queued, commits it in one transaction and wakes the whole batch. An idle
writer commits a lone event at once; under load batches grow by themselves.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from footfall import metrics, pageview
from footfall.errors import StoreError, StoreUnavailable
from footfall.pageview import Event
from footfall.storage import Insert, Store

#: Events that may wait before new ones are refused, and events that one commit takes at most.
MAX_QUEUE = 10_000
MAX_BATCH = 1_000

# What one request wants stored, and the promise it waits on.
_Request = tuple[list[Insert], Future[None]]


class Writer:
    """Commits events to a store, many at a time, from one thread of its own.

    :param store: gives the store; called by the writer's thread, again after it failed.

    The thread starts with the first event, so that a process may fork before.
    """

    def __init__(self, store: Callable[[], Store], *, max_queue: int = MAX_QUEUE) -> None:
        self._store = store
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
        inserts = [Insert(event.family, event.row_key, event.id, pageview.pack(event.fields)) for event in events]
        done: Future[None] = Future()
        with self._changed:
            if self._closed or self._queued + len(inserts) > self._max_queue:
                raise StoreUnavailable("the server is stopping" if self._closed else
                                       f"{self._queued:,} events wait to be stored already")
            self._queued += len(inserts)
            self._waiting.append((inserts, done))
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
            self._commit_batch(batch)

    def _take(self) -> list[_Request]:
        """Wait for events and return as many as one commit takes; nothing once closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            batch: list[_Request] = []
            size = 0
            while self._waiting and (not batch or size + len(self._waiting[0][0]) <= MAX_BATCH):
                batch.append(self._waiting.popleft())
                size += len(batch[-1][0])
            self._queued -= size
            return batch

    def _commit_batch(self, batch: list[_Request]) -> None:
        inserts = [insert for some, _ in batch for insert in some]
        try:
            self._store().apply(inserts)
        except StoreUnavailable as error:
            _fail(batch, error)
        except StoreError as error:
            # One request's events may be what the store cannot hold: the others' must not fail with them.
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for request in batch:
                    self._commit_batch([request])
        except Exception as error:
            _fail(batch, error)
        else:
            metrics.COMMITS.inc()
            metrics.COMMITTED_EVENTS.inc(len(inserts))
            for _, done in batch:
                done.set_result(None)


def _fail(batch: list[_Request], error: Exception) -> None:
    for _, done in batch:
        done.set_exception(error)
