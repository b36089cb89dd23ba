"""The forwarder: sends what is in the outbox to the cluster, and deletes it only when the cluster has it for good.

It runs in a process of its own, beside the workers (``footfall outbox forward``, which ``footfall serve`` keeps
running), in ordinary threads. Sending an event again changes nothing, since its name is its own; so whatever is
in doubt is sent again:

- at its start, all that the outbox holds, whatever was sent before;
- when as many nodes as make a quorum have restarted or gone silent since events were acknowledged, those events. By
  default Cassandra acknowledges a write before it is on its disk, and a node that dies forgets up to 10 s.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from footfall import metrics
from footfall.collect.outbox import Numbered, Outbox
from footfall.errors import StoreError, StoreUnavailable, UsageError
from footfall.packing import steps
from footfall.retention import Retention, limited
from footfall.storage import Mutation

#: Events that are sent at once.
MAX_BATCH = 2_000
#: How often a lone event that the cluster fails to take, though it takes others, is sent before it is set aside.
ATTEMPTS = 5
#: How often the outbox is looked at when it is empty, and the nodes when they started.
POLL_SECONDS = 0.1
NODES_SECONDS = 5.0
#: The pause after a failure doubles from the first to the second of these, give or take a half.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0

_log = logging.getLogger(__name__)


class Cluster(Protocol):
    """A store of several nodes, each of which may lose what it acknowledged last."""

    def quorum(self) -> int:
        """Return how many nodes acknowledge a write before it counts."""

    def node_starts(self) -> Mapping[str, int]:
        """Return when each node that answers was started, by any clock."""

    def apply(self, mutations: Sequence[Mutation], /) -> None: ...

    def probe(self) -> None: ...


class Mark(NamedTuple):
    """Events up to a number were acknowledged, at a time, by nodes that started then and then."""

    number: int
    at: float
    node_starts: Mapping[str, int]


class Forwarder:
    """Sends an outbox's events to a cluster.

    :param grace: seconds that acknowledged events are kept.
    :param stop: set it to end, between two batches.
    :param clock: seconds, from any beginning.
    :param retention: tells how long each account's events are kept; asked whenever the nodes are looked at.
    """

    def __init__(self, outbox: Outbox, cluster: Cluster, grace: float, stop: threading.Event, *,
                 clock: Callable[[], float] = time.monotonic,
                 retention: Callable[[], Retention] = Retention) -> None:
        self._outbox = outbox
        self._cluster = cluster
        self._grace = grace
        self._stop = stop
        self._clock = clock
        self._size = MAX_BATCH
        self._failures = 0
        self._marks: deque[Mark] = deque()
        self._node_starts: Mapping[str, int] = {}
        self._looked_at = float("-inf")
        self._look_up_retention = retention
        self._retention = Retention()

    def begin(self) -> None:
        """Have all that the outbox holds sent, whatever was sent before."""
        again = self._outbox.begin_again()
        if again:
            _log.info("%d events that were sent before are sent again", again)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Send events as they come, until told to stop or until it is over."""
        self.begin()
        while not self._stop.is_set() and not is_over():
            if not self.step():
                self._stop.wait(POLL_SECONDS)

    def step(self) -> bool:
        """Send the next events, as many as a batch holds, and tell whether there is more to do."""
        try:
            self._look_at_nodes()
            with self._outbox.sending():
                events = self._outbox.waiting(self._size)
                error = self._send(events) if events else None
            if error is not None:
                self._failed(events, error)
        except StoreError as error:
            # No node answers, or the outbox's own file is locked or on a full disk.
            self._pause(error)
            return True
        return bool(events)

    def _send(self, events: Sequence[Numbered]) -> StoreError | None:
        """Send events but for those that are over, and return the cluster's error, if it has one."""
        columns, now = [event.insert for event in events], time.time_ns() // 100
        kept = limited(columns, self._retention, now)
        try:
            self._cluster.apply([*kept, *limited(steps(kept), self._retention, now)])
        except StoreError as error:
            return error
        # Should this fail, they are sent once more.
        self._outbox.mark(events[-1].number)
        self._marks.append(Mark(events[-1].number, self._clock(), self._node_starts))
        metrics.FORWARDED.inc(len(kept))
        metrics.EXPIRED.inc(len(events) - len(kept))
        self._size = min(MAX_BATCH, self._size * 2)
        self._failures = 0
        return None

    def _failed(self, events: Sequence[Numbered], error: StoreError) -> None:
        """Find out what failed: the cluster, which we wait for, or one of the events, which is set aside."""
        if not self._takes_others():
            self._pause(error)
        elif len(events) > 1:
            # Fewer at a time: a slow cluster takes them, and one it cannot take comes to stand alone.
            self._size = len(events) // 2
        elif isinstance(error, StoreUnavailable) and self._failures < ATTEMPTS:
            self._pause(error)
        else:
            _log.error("event %d is set aside, the cluster cannot hold it: %s", events[0].number, error)
            self._outbox.set_aside(events[0].number, str(error))
            self._failures = 0

    def _takes_others(self) -> bool:
        try:
            self._cluster.probe()
        except StoreError:
            return False
        return True

    def _pause(self, error: StoreError) -> None:
        metrics.FORWARD_ERRORS.inc()
        # Not in step with other collectors' forwarders.
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.5)  # noqa: S311
        self._failures += 1
        _log.warning("nothing is sent for %.1f s: %s", pause, error)
        self._stop.wait(pause)

    def _look_at_nodes(self) -> None:
        """Look when the nodes were started, and delete, or send again, what was acknowledged a grace ago.

        :raises StoreError: no node answers; nothing is sent then, since it would not be known to which lives.
        """
        if self._clock() - self._looked_at < NODES_SECONDS:
            return
        self._node_starts, quorum = self._cluster.node_starts(), self._cluster.quorum()
        self._retention = self._look_up_retention()
        before = self._clock() - self._grace - NODES_SECONDS
        while self._marks and self._marks[0].at < before:
            if self._lives_lost(self._marks[0]) < quorum:
                # One of those that acknowledged has lived on since, and has it on its disk by now.
                self._outbox.let_go(self._marks.popleft().number)
            else:
                _log.warning("nodes have restarted, or are silent, since they acknowledged events: "
                             "%d events are sent again", self._outbox.begin_again())
                self._marks.clear()
        self._looked_at = self._clock()

    def _lives_lost(self, mark: Mark) -> int:
        """Return how many nodes are not, or not known to be, the same as when a mark was made."""
        nodes = mark.node_starts.keys() | self._node_starts.keys()
        return sum(mark.node_starts.get(node) != self._node_starts.get(node) for node in nodes)


@contextlib.contextmanager
def sole_forwarder(outbox: Outbox) -> Iterator[None]:
    """Be the only forwarder of an outbox; two would send everything twice, to no harm but no use.

    :raises UsageError: there is another.
    """
    with outbox.path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{outbox.path}: another forwarder is at work on it") from None
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
