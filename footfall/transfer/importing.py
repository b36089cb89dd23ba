"""Take events into a store: in batches, each event once, counting what was new."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from footfall.errors import StoreUnavailable
from footfall.packing import FILTERED, packed, with_steps
from footfall.pageview import Event
from footfall.retention import limited, retention_of
from footfall.retries import with_marks
from footfall.storage import Insert, Mutation, Name, Store
from footfall.transfer.positions import apply_then

BATCH = 1_000
MAX_EXAMPLES = 10


@dataclass
class Summary:
    """What an import did: lines, or columns of a table, read, page-views taken, and the others by reason.

    ``apart`` of those that were taken are kept apart: a rule of their site found them.
    ``examples`` are the first ones skipped for each reason that is in ``shown``, as they stood.
    """

    lines: int = 0
    taken: int = 0
    apart: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    shown: Collection[str] = ("malformed",)
    examples: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    def skip(self, reason: str, line: bytes) -> None:
        """Count a line that is no page-view."""
        self.skipped[reason] += 1
        if reason in self.shown and len(self.examples[reason]) < MAX_EXAMPLES:
            self.examples[reason].append(line)


class Importer:
    """Stores events in batches; those that the store has already are counted, not written again.

    :param summary: where the taken, and those that were there already, are counted.
    :param wait: called when the store is away, before it is tried again; by default the error comes through.
    :param rows: the rows, as (family, key), that the store has, where that is known: in others nothing is looked for.
    :param retention: for how many days events are kept, as ``FOOTFALL_RETENTION``; older ones are skipped, lest what
        was removed come back.
    """

    def __init__(self, store: Store, summary: Summary, wait: Callable[[StoreUnavailable], None] | None = None,
                 rows: Iterable[tuple[str, str]] | None = None, retention: int = 0) -> None:
        self._store = store
        self._summary = summary
        self._wait = wait
        self._rows = None if rows is None else set(rows)
        self._retention = retention
        self._waiting: list[Event] = []

    def take(self, events: Iterable[Event]) -> None:
        """Store events, as many at once as a batch holds; the last ones wait for :meth:`flush`."""
        for event in events:
            self._waiting.append(event)
            if len(self._waiting) >= BATCH:
                self.flush()

    def flush(self) -> None:
        """Store what waits; when this returns it is on disk.

        :raises StoreUnavailable: the store did not answer. What waits still does, and can be flushed again.
        """
        self.commit(self._waiting)
        self._waiting = []

    def commit(self, events: Sequence[Event], also: Sequence[Mutation] = ()) -> None:
        """Store events; when this returns they are on disk.

        :param also: what says that they are, such as how far a log was read: written together with them, and
            where a store cannot do that, after them.
        :raises StoreUnavailable: the store did not answer; the call may be repeated as it is.
        """
        self.patiently(lambda: self._commit(events, also))

    def patiently(self, act: Callable[[], None]) -> None:
        """Do what needs the store, again after waiting if it is away."""
        while True:
            try:
                return act()
            except StoreUnavailable as error:
                if self._wait is None:
                    raise
                self._wait(error)

    def _commit(self, events: Sequence[Event], also: Sequence[Mutation]) -> None:
        retention, now = retention_of(self._store, self._retention), time.time_ns() // 100
        current = [event for event in events if not retention.is_over(event.account, event.id, now)]
        rows: defaultdict[tuple[str, str], dict[Name, Event]] = defaultdict(dict)
        for event in current:
            rows[event.family, event.row_key][event.id] = event
        new: list[Event] = []
        for (family, key), row in rows.items():
            # It may have been moved, or be kept apart by a rule that came later than the first import.
            families = {family, "PageViews", FILTERED}
            there = {name for each in families for name in self._there(each, key, row)}
            new += [event for name, event in row.items() if name not in there]
        columns = packed(new)
        if self._store.by_ttl:
            columns = [*limited(cast(list[Insert], with_steps(with_marks(columns))), retention, now)]
        apply_then(self._store, columns, also)
        if self._rows is not None:
            self._rows.update(rows)
        self._summary.taken += len(new)
        self._summary.apart += sum(event.family == FILTERED for event in new)
        self._summary.skipped["there already"] += len(current) - len(new)
        if len(current) < len(events):
            self._summary.skipped["retention"] += len(events) - len(current)

    def _there(self, family: str, key: str, names: Collection[Name]) -> Collection[Name]:
        """Return which of some names a row has."""
        if self._rows is not None and (family, key) not in self._rows:
            return ()
        return self._store.family(family).multiget([key], names).get(key, {})
