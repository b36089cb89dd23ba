"""Take events into a store: in batches, each event once, counting what was new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby

from footfall import pageview
from footfall.errors import StoreUnavailable
from footfall.pageview import Event
from footfall.storage import Insert, Store

BATCH = 500
MAX_EXAMPLES = 10


@dataclass
class Summary:
    """What an import did: lines read, page-views taken, and the others by reason.

    ``examples`` are the first malformed lines, as they stood.
    """

    lines: int = 0
    taken: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    examples: list[bytes] = field(default_factory=list)

    def skip(self, reason: str, line: bytes) -> None:
        """Count a line that is no page-view."""
        self.skipped[reason] += 1
        if reason == "malformed" and len(self.examples) < MAX_EXAMPLES:
            self.examples.append(line)


class Importer:
    """Stores events in batches; those that the store has already are counted, not written again.

    :param summary: where the taken, and those that were there already, are counted.
    :param wait: called when the store is away, before it is tried again; by default the error comes through.
    """

    def __init__(self, store: Store, summary: Summary, wait: Callable[[StoreUnavailable], None] | None = None) -> None:
        self._store = store
        self._summary = summary
        self._wait = wait
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
        while True:
            try:
                return self._store_waiting()
            except StoreUnavailable as error:
                if self._wait is None:
                    raise
                self._wait(error)

    def _store_waiting(self) -> None:
        new: list[Insert] = []
        ordered = sorted(self._waiting, key=lambda event: (event.family, event.row_key))
        for (family, key), group in groupby(ordered, key=lambda event: (event.family, event.row_key)):
            events = {event.id: event for event in group}
            there = self._store.family(family).multiget([key], list(events)).get(key, {})
            new += [Insert(family, key, name, pageview.pack(event.fields))
                    for name, event in events.items() if name not in there]
        self._store.apply(new)
        self._summary.taken += len(new)
        self._summary.skipped["there already"] += len(self._waiting) - len(new)
        self._waiting = []
