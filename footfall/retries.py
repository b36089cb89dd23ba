"""Events that may have been stored before, under another time: which of them say nothing new.

A page that got no answer sends its event again. The event's id is the low 62 bits of its name, but its time is that
of receipt less an age, which differs a little each time. So an event that says that it is a retry is held against
those within :data:`WINDOW_TICKS` of it:

- by a store that is one file, before it is written (:func:`unseen`);
- by readers, since the first copy may be on its way yet, on a cluster also from another collector: what is written is
  marked in the family ``Retries``, and left out where its event stands (:func:`repeated`).

Only marked ones are: the names of 2012 all share their low bits.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from footfall import pageview, timeuuid
from footfall.columns import Arrival, Insert, Mutation, Once, Remove

#: The family of the marks: a row for each row of events, named by :func:`marks_row`; columns are named by the events.
FAMILY = "Retries"
WINDOW_TICKS = 600 * timeuuid.TICKS_PER_SECOND
_LOW_BITS = (1 << 62) - 1

#: Gives the names in a row between two, both included: ``(row key, low, high)``.
Between = Callable[[str, uuid.UUID, uuid.UUID], Iterable[uuid.UUID]]


def marks_row(family: str, key: str) -> str:
    """Return the key of the row in ``Retries`` that holds the marks of a row of events."""
    return f"{family} {key}"


def row_of_marks(key: str) -> tuple[str, str]:
    """Return the family and the key of the row of events whose marks a row in ``Retries`` holds."""
    family, _, row = key.partition(" ")
    return family, row


def plain(mutations: Sequence[Mutation], between: Callable[[str, str, uuid.UUID, uuid.UUID], Iterable[uuid.UUID]],
          ) -> list[Insert | Remove | Arrival]:
    """Return mutations with those of each :class:`Once` that is new in place of it, after the others.

    It is marked all the same: its first copy may be on its way yet.

    :param between: gives the names in a family's row between two, as :data:`Between` does.
    """
    onces: defaultdict[str, list[Once]] = defaultdict(list)
    rest: list[Insert | Remove | Arrival] = []
    for mutation in mutations:
        if isinstance(mutation, Once):
            onces[mutation.event.family].append(mutation)
        else:
            rest.append(mutation)
    for family, some in onces.items():
        new = unseen([(once.event.key, once.event.name) for once in some], partial(between, family))
        for once, is_new in zip(some, new, strict=True):
            rest += with_marks([once]) if is_new else ()
    return rest


def with_marks(mutations: Sequence[Mutation]) -> list[Insert | Remove | Arrival]:
    """Return mutations with those of each :class:`Once` in place of it, its mark first."""
    flat: list[Insert | Remove | Arrival] = []
    for mutation in mutations:
        if isinstance(mutation, Once):
            event = mutation.event
            flat += [Insert(FAMILY, marks_row(event.family, event.key), str(event.name), b"\x80"), event,
                     *mutation.others]
        else:
            flat.append(mutation)
    return flat


def unseen(events: Sequence[tuple[str, Any]], between: Between) -> list[bool]:
    """Tell for each event whether it stands nowhere near, neither in the store nor among those before it.

    :param events: row key and name of each.
    """
    times: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for account, first, last in _spans(events):
        for key, low, high in _rows(account, first, last):
            for name in between(key, low, high):
                times[account, name.int & _LOW_BITS].append(timeuuid.ticks_of(name))
    new = []
    for key, name in events:
        ticks, there = timeuuid.ticks_of(name), times[pageview.split_row_key(key)[1], name.int & _LOW_BITS]
        new.append(not any(abs(ticks - other) <= WINDOW_TICKS for other in there))
        there.append(ticks)
    return new


def repeated(key: str, ours: Iterable[uuid.UUID], marked: Callable[[str], set[uuid.UUID]], between: Between,
             ) -> set[uuid.UUID]:
    """Return those of some marked names of a row whose events stand without them, and others that repeat the same.

    Of several copies that are all marked, the first in order stands.

    :param ours: the names that are asked for.
    :param marked: gives the marked names of a row.
    """
    marks = {(row, mark) for row in _rows_around(key) for mark in marked(row)}
    wanted = {mark.int & _LOW_BITS for mark in ours}
    copies: defaultdict[int, list[tuple[int, bool, uuid.UUID]]] = defaultdict(list)
    for account, first, last in _spans([(row, mark) for row, mark in marks if mark.int & _LOW_BITS in wanted]):
        for row, low, high in _rows(account, first, last):
            for name in between(row, low, high):
                if (bits := name.int & _LOW_BITS) in wanted:
                    copies[bits].append((timeuuid.ticks_of(name), (row, name) in marks, name))
    left_out = set()
    for some in copies.values():
        standing = [ticks for ticks, is_marked, _ in some if not is_marked]
        for ticks, _, name in sorted(copy for copy in some if copy[1]):
            if any(abs(ticks - other) <= WINDOW_TICKS for other in standing):
                left_out.add(name)
            else:
                standing.append(ticks)
    return left_out


def reached(key: str, low: uuid.UUID, high: uuid.UUID, gone: bool, marked: Callable[[str], set[uuid.UUID]],
            between: Between) -> list[tuple[str, uuid.UUID]]:
    """Return the marked names, each with its row, that may stand or be left out since a part of a row changed.

    They are of events that are there in the part, or that were; and of what repeats one of these, and so on.

    :param low: the lowest name of the part.
    :param high: the highest name of the part.
    :param gone: something may have been removed, whose name is not known any more.
    :param marked: gives the marked names of a row.
    """
    try:
        rows = _rows_around(key)
    except ValueError:
        # Nothing in a row of no day is a retry.
        return []
    marks = sorted((timeuuid.ticks_of(mark), row, mark) for row in rows for mark in marked(row))
    if not marks:
        return []
    groups = [marks]
    if not gone:
        there = {name.int & _LOW_BITS for name in between(key, low, high)}
        alike = defaultdict(list)
        for each in marks:
            alike[each[2].int & _LOW_BITS].append(each)
        groups = [alike[bits] for bits in there if bits in alike]
    found = []
    for group in groups:
        first, last = timeuuid.ticks_of(low), timeuuid.ticks_of(high)
        for ticks, row, mark in group:
            if first - WINDOW_TICKS <= ticks <= last + WINDOW_TICKS:
                last = max(last, ticks)
                found.append((row, mark))
        for ticks, row, mark in reversed(group):
            if first - WINDOW_TICKS <= ticks < first:
                first = ticks
                found.append((row, mark))
    return list(dict.fromkeys(found))


def _rows_around(key: str) -> list[str]:
    """Return the keys of a row, and of those of the day before and the day after."""
    day, account = pageview.split_row_key(key)
    return [pageview.row_key(account, day + timedelta(days=days)) for days in (-1, 0, 1)]


def _spans(events: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, int, int]]:
    """Yield accounts with the first and the last time of events whose windows touch, so that each is read once."""
    accounts: defaultdict[str, list[int]] = defaultdict(list)
    for key, name in events:
        accounts[pageview.split_row_key(key)[1]].append(timeuuid.ticks_of(name))
    for account, times in accounts.items():
        times.sort()
        first = last = times[0]
        for ticks in times[1:]:
            if ticks - last > 2 * WINDOW_TICKS:
                yield account, first, last
                first = ticks
            last = ticks
        yield account, first, last


def _rows(account: str, first: int, last: int) -> Iterator[tuple[str, uuid.UUID, uuid.UUID]]:
    """Yield the rows that the window around some times touches, each with the window's ends."""
    low, high = timeuuid.first_of(first - WINDOW_TICKS), timeuuid.last_of(last + WINDOW_TICKS)
    start, end = timeuuid.datetime_of(low), timeuuid.datetime_of(high)
    for key in pageview.row_keys(account, start, end + timedelta(microseconds=1)):
        yield key, low, high
