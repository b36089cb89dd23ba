"""Which parts of an account's days changed, by what a store tells of its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from footfall import timeuuid
from footfall.changes import Change
from footfall.pageview import split_row_key

#: Parts of a day beyond which all between the first and the last counts as changed.
MOST_PARTS = 32
#: The first and the last tick of a part of a day, since 1970.
Part = tuple[int, int]
_ALL = timeuuid.ticks_of(timeuuid.LOWEST_TIME_UUID), timeuuid.ticks_of(timeuuid.HIGHEST_TIME_UUID)


def parts_of(changes: Iterable[Change], account: str) -> dict[date, list[Part] | None]:
    """Return which parts of an account's days changed, those of each in order and apart; ``None`` for all of a day."""
    parts: defaultdict[date, list[Part]] = defaultdict(list)
    for _, key, low, high in changes:
        try:
            day, owner = split_row_key(key or "")
        except ValueError:
            continue
        if owner == account:
            parts[day].append((timeuuid.ticks_of(low) if low else _ALL[0],
                               timeuuid.ticks_of(high) if high else _ALL[1]))
    return {day: _joined(some) for day, some in parts.items()}


def _joined(parts: list[Part]) -> list[Part] | None:
    parts.sort()
    joined = parts[:1]
    for low, high in parts[1:]:
        if low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    if len(joined) > MOST_PARTS:
        joined = [(joined[0][0], joined[-1][1])]
    return None if joined == [_ALL] else joined
