"""What an export holds of a site: its events, or those of a range of time, in the order in which they lie."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from footfall import pageview, retries, timeuuid
from footfall.accounts import Account
from footfall.changes import COUNTED
from footfall.errors import UsageError
from footfall.packing import FILTERED
from footfall.pageview import Packed, days_of
from footfall.storage import Slice, Store
from footfall.timeuuid import Moment

#: All families that have events.
EVENTS = (*COUNTED, FILTERED)
#: How often it is told how far we are, in columns.
STEP = 1_000

#: Is told of the family that is read, rows and columns so far.
Step = Callable[[str, int, int], None]


class Found(NamedTuple):
    """An event or, in ``Retries``, the mark of one.

    :param family: where it lies.
    :param key: of the row of events that it lies in or, as a mark, whose mark it is.
    :param of: of a mark, the family of the event.
    """

    family: str
    key: str
    name: uuid.UUID
    value: Packed
    of: str = ""


class Extract:
    """A site, or a range of time of it, [since, until).

    :param since: the first instant, naive means UTC, a date its midnight; ``None`` for the first there is.
    :param until: the instant that ends it; ``None`` for none.
    :param step: is told how far we are.
    :raises UsageError: an instant is one that no event can have.
    """

    def __init__(self, store: Store, account: Account, since: Moment | None = None, until: Moment | None = None,
                 step: Step = lambda family, rows, columns: None) -> None:
        self.store = store
        self.account = account
        self.since = timeuuid.as_utc(since) if since else None
        self.until = timeuuid.as_utc(until) if until else None
        self._step = step
        self._rows = self._columns = 0
        try:
            self._low = timeuuid.first_of(timeuuid.ticks_at(since)) if since else None
            self._high = timeuuid.last_before(until) if until else None
        except ValueError as error:
            raise UsageError(f"since or until: {error}") from None

    @property
    def is_whole(self) -> bool:
        """Whether it is all that there is of the site."""
        return self.since is None and self.until is None

    def stored(self) -> Iterator[Found]:
        """Yield every column of the site, those included that repeat an event, and the marks that tell which these are.

        Of a range, what repeats an event is left out: the event that it repeats may lie before it.
        """
        for name in EVENTS:
            family = self.store.family(name)
            read = family.stored if self.is_whole else family.xget
            for key in self._keys(name, ""):
                yield from self._counted(name, key, read(key, self._low, self._high))
        # Marks are written before their events: what was written meanwhile cannot be here without its own.
        yield from self._marks()

    def events(self, families: Sequence[str] = COUNTED) -> Iterator[Found]:
        """Yield the events that stand, as slices give them."""
        for name in families:
            for key in self._keys(name, ""):
                yield from self._counted(name, key, self.store.family(name).xget(key, self._low, self._high))

    def _marks(self) -> Iterator[Found]:
        family, part = self.store.family(retries.FAMILY), Slice(self._low, self._high)
        for name in EVENTS:
            for key in self._keys(retries.FAMILY, retries.marks_row(name, "")):
                marks = ((uuid.UUID(mark), value) for mark, value in family.xget(retries.marks_row(name, key)))
                yield from self._counted(retries.FAMILY, key, sorted(
                    (mark for mark in marks if part.has(mark[0])), key=lambda mark: timeuuid.sort_key(mark[0])), name)

    def _keys(self, family: str, prefix: str) -> Iterator[str]:
        """Yield the keys of the site's rows, those whose days the range touches.

        :param prefix: what stands before them.
        """
        start = f"{prefix}{self.since:%Y%m%d}" if self.since else prefix
        finish = f"{prefix}{self.until:%Y%m%d}~" if self.until else f"{prefix}~" if prefix else ""
        keys = self.store.family(family).row_keys(start, finish)
        for _, owner, key in days_of(key.removeprefix(prefix) for key in keys):
            if owner == self.account.id:
                yield key

    def _counted(self, family: str, key: str, columns: Any, of: str = "") -> Iterator[Found]:
        self._rows += 1
        for name, value in columns:
            yield Found(family, key, name, value, of)
            self._columns += 1
            if self._columns % STEP == 0:
                self._step(family, self._rows, self._columns)


def time_text(name: uuid.UUID) -> str:
    """Return an event's time in ISO 8601, UTC, to the 100 ns.

    >>> time_text(timeuuid.make(17_673_390_001_234_567, 0))
    '2026-01-02T07:30:00.1234567Z'
    """
    second, ticks = divmod(timeuuid.ticks_of(name), timeuuid.TICKS_PER_SECOND)
    return f"{_second(second)}.{ticks:07}Z"


def row_day(found: Found) -> str:
    """Return the day of the row that an event lies in, where that is not the UTC day of its time; else nothing."""
    day, account = found.key[:8], found.key[9:]
    return day if pageview.event_key(account, found.name) != found.key else ""


@lru_cache(maxsize=4096)
def _second(number: int) -> str:
    """Return a second since 1970 as text."""
    return (timeuuid.UNIX_EPOCH + timedelta(seconds=number)).isoformat()[:len("2026-01-02T07:30:00")]
