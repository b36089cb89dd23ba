"""Moving stored events: to those that are kept apart, by rules that came later, and back.

An event is written where it goes before it is removed where it was: cut off in between it is in both places for a
moment, never in neither, and doing the same again completes it. Its name stays the same, and so do its fields but for

- ``reason`` and ``applied``: of one that was moved to ``Filtered``, why, and that it had been counted before;
- ``restored``: of one that was put back, so that the same rules do not take it away again.
"""

from __future__ import annotations

import heapq
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from footfall import pageview, timeuuid
from footfall.changes import COUNTED
from footfall.collect.filters import Rules, rule_of, sort_out
from footfall.collect.rates import Rates
from footfall.columns import Insert, Remove, sort_name
from footfall.packing import FILTERED, step_of
from footfall.pageview import Event, days_of
from footfall.retries import FAMILY as MARKS
from footfall.retries import WINDOW_TICKS, marks_row
from footfall.storage import Mutation, Store

#: Events that are moved together.
BATCH = 500


class Range(NamedTuple):
    """A range of time, [since, until), whose ends may be open."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, moment: datetime) -> bool:
        """Tell whether a time is in it."""
        return (self.since is None or self.since <= moment) and (self.until is None or moment < self.until)

    def rows(self, store: Store, family: str, account: str, *, reverse: bool = False) -> Iterator[str]:
        """Yield the keys of an account's rows that it touches, in order or the other way round."""
        low, high = f"{self.since:%Y%m%d}" if self.since else "", f"{self.until:%Y%m%d}~" if self.until else ""
        ends = (high, low) if reverse else (low, high)
        for _, owner, key in days_of(store.family(family).row_keys(*ends, reverse=reverse)):
            if owner == account:
                yield key


def apply_rules(store: Store, account: str, rules: Rules, within: Range, *, again: bool = False,
                move: bool = True) -> Counter[str]:
    """Move those of an account's stored events that its rules find to ``Filtered``.

    :param again: also those that were restored.
    :param move: ``False`` to find only.
    :returns: how many, by reason.

    Of an address no more is known than was kept.
    """
    reasons: Counter[str] = Counter()
    rates = Rates()
    with _Mover(store, account) as mover:
        for stored in _stored(store, account, COUNTED, within):
            event = stored.event
            if event.fields.pop("restored", False) and not again:
                continue
            found = sort_out(event, rules, event.fields["ip"], timeuuid.ticks_of(event.id), rates, is_stored=True)
            if found is not event:
                reasons[found.fields["reason"]] += 1
                if move:
                    mover.move(stored, found._replace(fields={**found.fields, "applied": True}))
    return reasons


def restore(store: Store, account: str, wanted: Callable[[Mapping[str, Any]], bool], within: Range) -> Counter[str]:
    """Put events that were kept apart back to where they are counted.

    :param wanted: tells of an event's fields, ``reason`` among them, whether it is to go back.
    :returns: how many, by reason.
    """
    return _restore(store, account, lambda stored: wanted(stored.event.fields), within)


def restore_one(store: Store, account: str, name: uuid.UUID) -> Counter[str]:
    """Put one event that was kept apart back to where it is counted, and what repeats it with it.

    :returns: how many, by reason: none if no event of this name is kept apart.
    """
    moment, window = timeuuid.datetime_of(name), timedelta(microseconds=WINDOW_TICKS // 10)

    def is_meant(stored: _Stored) -> bool:
        # The low bits are the event's own id.
        return stored.event.id == name or (stored.is_marked and stored.event.id.bytes[8:] == name.bytes[8:])

    return _restore(store, account, is_meant, Range(moment - window, moment + window + timedelta(microseconds=1)))


def filtered(store: Store, account: str, within: Range, *, newest_first: bool = False) -> Iterator[Event]:
    """Yield an account's events that are kept apart, in order of time."""
    for key in within.rows(store, FILTERED, account, reverse=newest_first):
        ends = (within.until, within.since) if newest_first else within
        for name, value in store.family(FILTERED).xget(key, *ends, column_reversed=newest_first):
            if within.has(timeuuid.datetime_of(name)):
                yield Event(FILTERED, account, name, pageview.unpack(value))


def count_filtered(store: Store, account: str, within: Range) -> Counter[str]:
    """Return how many of an account's events are kept apart, by reason: those that :func:`filtered` yields."""
    reasons: Counter[str] = Counter()
    finish = timeuuid.last_before(within.until) if within.until else None
    for key in within.rows(store, FILTERED, account):
        for block in store.family(FILTERED).blocks(key, within.since, finish, ("reason",)):
            reasons.update(block.column("reason"))
    return reasons


def is_for(fields: Mapping[str, Any], reason: str | None) -> bool:
    """Tell whether an event is kept apart for a reason, given as the rule's name or in full; ``None`` for any."""
    return reason in (None, fields["reason"], rule_of(fields["reason"]))


def _restore(store: Store, account: str, wanted: Callable[[_Stored], bool], within: Range) -> Counter[str]:
    reasons: Counter[str] = Counter()
    with _Mover(store, account) as mover:
        for stored in filter(wanted, _stored(store, account, (FILTERED,), within)):
            fields = stored.event.fields
            reasons[fields["reason"]] += 1
            kept = {name: value for name, value in fields.items() if name not in ("reason", "applied")}
            family = "Events" if "event" in fields else "PageViews"
            mover.move(stored, stored.event._replace(family=family, fields={**kept, "restored": True}))
    return reasons


class _Stored(NamedTuple):
    """An event as it lies in the store.

    :param key: of its row.
    :param is_marked: it may repeat one that was stored before, see :mod:`footfall.retries`.
    """

    event: Event
    key: str
    is_marked: bool


def _stored(store: Store, account: str, families: Sequence[str], within: Range) -> Iterator[_Stored]:
    """Yield an account's events of some families in order of time, with those that slices leave out as repeated.

    They must move with the event that they repeat: alone where it was, they would count.
    """
    keys = sorted({key for family in families for key in within.rows(store, family, account)})
    for key in keys:
        rows = [_row(store, account, family, key) for family in families]
        for stored in heapq.merge(*rows, key=lambda each: sort_name(each.event.id)):
            if within.has(timeuuid.datetime_of(stored.event.id)):
                yield stored


def _row(store: Store, account: str, family: str, key: str) -> Iterator[_Stored]:
    marked = {name for name, _ in store.family(MARKS).xget(marks_row(family, key))}
    for name, value in store.family(family).stored(key):
        yield _Stored(Event(family, account, name, pageview.unpack(value)), key, str(name) in marked)


class _Mover:
    """Moves events, many at a time; the last of them when its block is left without an error."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self._writes: list[Mutation] = []
        self._removals: list[Mutation] = []

    def move(self, stored: _Stored, event: Event) -> None:
        """Move a stored event to the family, and with the fields, that it has now."""
        key, name = stored.key, event.id
        if stored.is_marked:
            self._writes.append(Insert(MARKS, marks_row(event.family, key), str(name), b"\x80"))
        self._writes.append(Insert(event.family, key, name, pageview.pack(event.fields)))
        self._removals.append(Remove(stored.event.family, key, name))
        steps = step_of(self._account, name, event.fields)
        if event.family == FILTERED:
            self._removals += (Remove(step.family, step.key, step.name) for step in steps)
        else:
            self._writes += steps
        if len(self._removals) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        self._store.apply(self._writes)
        self._store.apply(self._removals)
        self._writes, self._removals = [], []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._removals:
            self._flush()
