"""Erasure: removing events wherever they lie, because a reader asked for it or because their time is over.

An event is more than its own column: its visitor's trail has a step of it, a repeated one has a mark, and a machine
that sends its events on has it in its outbox for a while (:meth:`footfall.collect.outbox.Outbox.forget`). What leads
to a thing is removed after it, so that whoever was cut off need only begin again.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain, groupby, islice
from typing import Any, NamedTuple

from footfall import pageview, retries, timeuuid
from footfall.columns import FAMILIES, PAGE, VISITOR_BYTES, Insert, Remove
from footfall.config import Network
from footfall.packing import TRAILS
from footfall.pageview import row_key, split_row_key, trail_key
from footfall.retention import Retention
from footfall.storage import ColumnFamily, Store

EVENTS = tuple(family for family, names in FAMILIES.items() if names == "time")
#: Every family that holds something of an event.
PLACES = (*EVENTS, TRAILS, retries.FAMILY)
#: Where the events lie of which trails have a step; others are looked for one by one.
_ON_TRAILS = ("PageViews", "Events")


class Selection(NamedTuple):
    """Which events of an account are meant: by one of the others.

    :param visitor: those of a visitor, the eight bytes in the field ``visitor``.
    :param network: those whose address, as it is kept, is in a network; an address is a network of one.
    :param before: those of before an instant, aware UTC.
    """

    account: str
    visitor: bytes | None = None
    network: Network | None = None
    before: datetime | None = None

    def takes(self, name: uuid.UUID, value: bytes) -> bool:
        """Tell whether an event of the account is meant."""
        if self.before is not None:
            return timeuuid.ticks_of(name) < timeuuid.ticks_at(self.before)
        fields = _fields(value)
        if self.visitor is not None:
            return fields.get("visitor") == self.visitor
        return self.network is not None and _is_within(str(fields.get("ip", "")), self.network)

    def takes_column(self, column: Insert) -> bool:
        """Tell whether a column is an event that is meant, of whatever account it is."""
        return isinstance(column.name, uuid.UUID) and column.key.partition(".")[2] == self.account and self.takes(
            column.name, column.value)

    def is_over(self, end: str) -> bool:
        """Tell whether a day or a month ends before our instant, or at it, so that all of it is meant.

        :param end: the day or month after it, ``YYYYMMDD`` or ``YYYYMM``.
        """
        return self.before is not None and f"{self.before:%Y%m%d}"[:len(end)] >= end


def count(store: Store, selection: Selection) -> Counter[str]:
    """Return how many columns of each family :func:`forget` would remove.

    :raises StoreUnavailable: the store did not answer.
    """
    counts = Counter[str]()
    for _ in removals(store, selection, counts):
        pass
    return counts


def forget(store: Store, selection: Selection) -> Counter[str]:
    """Remove events and what belongs to them, as thoroughly as the store can.

    :returns: how many columns of each family were removed.
    :raises StoreUnavailable: the store did not answer. Some are removed; the call, repeated, removes the rest.
    """
    counts = Counter[str]()
    store.shred(removals(store, selection, counts), rewrite=True)
    return counts


def expire(store: Store, retention: Retention, now: datetime, *, rewrite: bool = False) -> Counter[str]:
    """Remove the events that are older than their accounts keep them, those of accounts that are no sites included.

    :param now: aware UTC.
    :param rewrite: as in :meth:`~footfall.storage.Store.shred`.
    :returns: how many columns of each family were removed.
    :raises StoreUnavailable: as :func:`forget`.
    """
    counts = Counter[str]()
    shortest = retention.shortest()
    if shortest:
        last = _last_day(now - timedelta(days=shortest))
        accounts = {key.partition(".")[2] for family in (*EVENTS, TRAILS)
                    for key in store.family(family).row_keys("", last)}
        selections = [Selection(account, before=now - timedelta(days=days))
                      for account in sorted(accounts) if (days := retention.days(account))]
        store.shred(chain.from_iterable(removals(store, selection, counts) for selection in selections),
                    rewrite=rewrite)
    return counts


def removals(store: Store, selection: Selection, counts: Counter[str]) -> Iterator[list[Remove]]:
    """Yield what is to be removed, in batches and in their order; what is removed meanwhile does not trouble it.

    :param counts: is told how many columns of each family those are.
    """
    if selection.visitor is not None:
        yield from _along_trail(store, selection.account, selection.visitor, counts)
    last = "" if selection.before is None else _last_day(selection.before)
    for name in EVENTS if selection.visitor is None else [name for name in EVENTS if name not in _ON_TRAILS]:
        for key in store.family(name).row_keys("", last):
            if _day_of(key, selection.account):
                yield from _of_row(store.family(name), key, selection, counts)
    for key in store.family(TRAILS).row_keys("", last[:6]) if last else ():
        month, _, account = key.partition(".")
        if account == selection.account and month.isdigit() and selection.is_over(_after(month)):
            counts[TRAILS] += store.family(TRAILS).get_count(key)
            yield [Remove(TRAILS, key)]


def _along_trail(store: Store, account: str, visitor: bytes, counts: Counter[str]) -> Iterator[list[Remove]]:
    """Yield a visitor's events that have a step, and then the steps."""
    trails = store.family(TRAILS)
    for month in trails.row_keys():
        if month.partition(".")[2] != account:
            continue
        steps = trails.xget(month, (visitor,), (visitor,))
        while page := [name for (_, name), _ in islice(steps, PAGE)]:
            for day, names in groupby(page, key=lambda name: timeuuid.datetime_of(name).date()):
                yield from _by_name(store, row_key(account, day), list(names), visitor, counts)
            counts[TRAILS] += len(page)
            yield [Remove(TRAILS, month, (visitor, name)) for name in page]


def _by_name(store: Store, key: str, names: Sequence[uuid.UUID], visitor: bytes, counts: Counter[str],
             ) -> Iterator[list[Remove]]:
    for family in map(store.family, _ON_TRAILS):
        found = family.multiget([key], names).get(key, {})
        # An event that came again, from another address, is its last sender's.
        taken = {name: value for name, value in found.items() if _fields(value).get("visitor") == visitor}
        if taken:
            yield _marks(family, key, taken, _marked(family, key), counts)
            counts[family.name] += len(taken)
            yield [Remove(family.name, key, name) for name in taken]


def _of_row(family: ColumnFamily, key: str, selection: Selection, counts: Counter[str]) -> Iterator[list[Remove]]:
    """Yield the events of a row, each page's after what belongs to them; at the end the row, if all of it is over."""
    day = split_row_key(key)[0]
    whole = selection.is_over(f"{day + timedelta(days=1):%Y%m%d}")
    last = None if selection.before is None or whole else timeuuid.last_before(selection.before)
    marked = _marked(family, key)
    columns = family.stored(key, None, last)
    while page := dict(islice(columns, PAGE)):
        taken = {name: value for name, value in page.items() if whole or selection.takes(name, value)}
        if taken:
            steps = _steps(taken, selection) if family.name in _ON_TRAILS else []
            counts[TRAILS] += len(steps)
            yield [*_marks(family, key, taken, marked, counts), *steps]
            counts[family.name] += len(taken)
        if taken and not whole:
            yield [Remove(family.name, key, name) for name in taken]
    if whole:
        yield [Remove(retries.FAMILY, retries.marks_row(family.name, key)), Remove(family.name, key)]


def _marked(family: ColumnFamily, key: str) -> frozenset[str]:
    marks = family.store.family(retries.FAMILY).xget(retries.marks_row(family.name, key))
    return frozenset(name for name, _ in marks)


def _marks(family: ColumnFamily, key: str, taken: Iterable[uuid.UUID], marked: frozenset[str], counts: Counter[str],
           ) -> list[Remove]:
    removed = [Remove(retries.FAMILY, retries.marks_row(family.name, key), str(name))
               for name in taken if str(name) in marked]
    counts[retries.FAMILY] += len(removed)
    return removed


def _steps(taken: Mapping[uuid.UUID, bytes], selection: Selection) -> list[Remove]:
    """Return the steps of events, but for those that go with a visitor's trail, or with a month's row."""
    removed: list[Remove] = []
    if selection.visitor is not None:
        return removed
    for name, value in taken.items():
        key = trail_key(selection.account, name)
        if selection.is_over(_after(key.partition(".")[0])):
            continue
        visitor = _fields(value).get("visitor")
        if isinstance(visitor, bytes) and len(visitor) == VISITOR_BYTES:
            removed.append(Remove(TRAILS, key, (visitor, name)))
    return removed


def _last_day(before: datetime) -> str:
    """Return what no key of a row follows that may hold something of before an instant."""
    return f"{before:%Y%m%d}~"


def _day_of(key: str, account: str) -> bool:
    """Tell whether a row holds a day of an account."""
    try:
        return split_row_key(key)[1] == account
    except ValueError:
        return False


def _after(month: str) -> str:
    """Return the month after one, both ``YYYYMM``."""
    year, number = int(month[:4]), int(month[4:])
    return f"{year + number // 12:04d}{number % 12 + 1:02d}"


def _fields(value: bytes) -> Mapping[Any, Any]:
    """Return the map in a value; an empty one if it holds none, as what was written by hand may."""
    try:
        fields = pageview.unpack(value)
    except (ValueError, TypeError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


@lru_cache(maxsize=16384)
def _is_within(text: str, network: Network) -> bool:
    try:
        return ipaddress.ip_address(text) in network
    except ValueError:
        return False
