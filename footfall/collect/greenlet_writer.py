"""The group commit for greenlets: what came in one pass of the hub is committed together, and woken together.

The hub commits by itself as long as commits are quick: another thread would take turns with it for Python's lock, which
costs more than the disk. Where somebody else writes just now, a commit takes long, or fails, a pool's thread does it,
all that comes gathers for the next, and the hub serves on. A lone event is committed at once. Ordinary threads, such as
those that Flask runs in, may commit as well: their events go into the same batches.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import gevent
from gevent.hub import Waiter
from gevent.threadpool import ThreadPool

from footfall import metrics
from footfall.collect.writer import MAX_QUEUE, Destination, commit_at_once, commit_batch, next_batch
from footfall.errors import StoreUnavailable
from footfall.packing import packed
from footfall.pageview import Event
from footfall.storage import Mutation

#: Called in the hub's thread when the events of a request are on disk, or with the reason why they are not.
Done = Callable[[Exception | None], None]
_Request = tuple[list[Mutation], Done]

#: After a commit that took as long the hub leaves the next to the pool, until one there takes less.
QUICK_SECONDS = 0.01


class GreenletWriter:
    """Commits events, many at a time, for the greenlets of one hub and for other threads.

    :param destination: gives the store or the outbox; called by the pool's thread first, and again after it failed.

    It is made in the thread whose hub runs the greenlets.
    """

    def __init__(self, destination: Callable[[], Destination], *, max_queue: int = MAX_QUEUE) -> None:
        self._destination = destination
        self._max_queue = max_queue
        self._hub: Any = gevent.get_hub()
        self._thread = threading.get_ident()
        self._pool = ThreadPool(1, hub=self._hub)
        self._waiting: deque[_Request] = deque()
        self._queued = 0
        self._committing = False
        # The first goes to the pool: the store is opened with it.
        self._is_quick = False

    def commit(self, events: Sequence[Event]) -> None:
        """Store events, and return when they are on disk: all of them, or, after an error, none.

        :raises StoreUnavailable: the store did not answer, or too many events wait already.
        :raises StoreError: the store cannot hold these events.
        """
        mutations = packed(events)
        in_hub = threading.get_ident() == self._thread
        error = self._from_greenlet(mutations) if in_hub else self._from_thread(mutations)
        if error is not None:
            raise error

    def _from_greenlet(self, mutations: list[Mutation]) -> Exception | None:
        waiter = Waiter(self._hub)
        self._add(mutations, waiter.switch)
        outcome: Exception | None = waiter.get()
        return outcome

    def _from_thread(self, mutations: list[Mutation]) -> Exception | None:
        done: Future[Exception | None] = Future()
        self._hub.loop.run_callback_threadsafe(self._add, mutations, done.set_result)
        return done.result()

    def _add(self, mutations: list[Mutation], done: Done) -> None:
        if self._queued + len(mutations) > self._max_queue:
            done(StoreUnavailable(f"{self._queued:,} events wait to be stored already"))
            return
        self._queued += len(mutations)
        self._waiting.append((mutations, done))
        if not self._committing:
            self._committing = True
            # In the hub's next pass: what other greenlets bring in this one shares the commit.
            self._hub.loop.run_callback(self._commit_next)

    def _commit_next(self) -> None:
        batch = self._take()
        requests = [mutations for mutations, _ in batch]
        if self._is_quick:
            began = time.perf_counter()
            is_done = commit_at_once(self._destination, requests)
            self._is_quick = is_done and time.perf_counter() - began < QUICK_SECONDS
            if is_done:
                self._wake(batch, [None] * len(batch))
                return
        self._pool.spawn(self._commit, requests).rawlink(lambda committed: self._wake(batch, committed.get()))

    def _take(self) -> list[_Request]:
        """Return what one commit takes of what waits."""
        batch, size = next_batch(self._waiting)
        self._queued -= size
        metrics.WAITING.set(self._queued)
        return batch

    def _commit(self, requests: Sequence[list[Mutation]]) -> list[Exception | None]:
        """Commit in the pool's thread."""
        began = time.perf_counter()
        outcomes = commit_batch(self._destination, requests)
        self._is_quick = not any(outcomes) and time.perf_counter() - began < QUICK_SECONDS
        return outcomes

    def _wake(self, batch: Sequence[_Request], outcomes: Sequence[Exception | None]) -> None:
        # The next batch first, so that the pool commits it while this one's answers are sent.
        if not self._waiting:
            self._committing = False
        elif self._is_quick:
            self._hub.loop.run_callback(self._commit_next)
        else:
            self._commit_next()
        for (_, done), error in zip(batch, outcomes, strict=True):
            done(error)
