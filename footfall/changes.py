"""What changed in a store: which rows of events, and between which names.

Every store keeps a log of that, so that who derives something from events, such as the facts of reports, works out
anew what changed and nothing else, whatever came late, was moved or was removed. The log may tell of more than
changed, never of less. :meth:`footfall.storage.Store.changes` reads it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from footfall import retries
from footfall.columns import Insert, Remove, sort_name
from footfall.timeuuid import HIGHEST_TIME_UUID, LOWEST_TIME_UUID, from_sort_key, sort_key, ticks_of

#: The families that are told of: those whose events count.
COUNTED = ("PageViews", "Events")
#: The families whose columns are logged: these, and the marks that tell which of their columns are left out.
LOGGED = frozenset({*COUNTED, retries.FAMILY})
#: Stand, among the sort keys of names, for the ends of a row.
FIRST, LAST = b"", b"\xff" * 17
#: Stands for every row of a family.
EVERY_ROW = ""

#: How far a store's log was read: a store's own text.
Cursor = str


class Change(NamedTuple):
    """A part of a row that may yield something else than before.

    :param family: one of :data:`COUNTED`.
    :param key: of the row; ``None`` if every row of the family may have changed.
    :param low: the lowest name that was written, replaced or removed; ``None`` for the row's end.
    :param high: the highest such name, itself included; ``None`` for the row's end.
    """

    family: str
    key: str | None
    low: uuid.UUID | None = None
    high: uuid.UUID | None = None


class Entry(NamedTuple):
    """What is logged of a row, or, by the key :data:`EVERY_ROW`, of all of them.

    :param low: the sort key of the lowest name that was touched, or :data:`FIRST`.
    :param high: that of the highest one, or :data:`LAST`.
    :param gone: something may have been removed.
    """

    family: str
    key: str
    low: bytes
    high: bytes
    gone: bool


EVERYTHING = [Entry(family, EVERY_ROW, FIRST, LAST, True) for family in COUNTED]


class Touched:
    """Gathers what is to be logged of mutations that are carried out together."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], tuple[bytes, bytes, bool]] = {}

    def mutation(self, mutation: Insert | Remove) -> None:
        """Note a mutation."""
        name = None if mutation.name is None else sort_name(mutation.name)
        self.column(mutation.family, mutation.key, name, isinstance(mutation, Remove))

    def column(self, family: str, key: str, name: Any, gone: bool = False) -> None:
        """Note a column.

        :param name: as :func:`~footfall.columns.sort_name` gives it; ``None`` for the whole row.
        :param gone: it was removed.
        """
        if family not in LOGGED:
            return
        if family == retries.FAMILY:
            # A mark tells whether its event, which may stand there already, is yielded.
            (family, key), name = retries.row_of_marks(key), _marked(name)
            if family not in COUNTED:
                return
        low, high = (FIRST, LAST) if name is None else (name, name)
        there = self._rows.get((family, key))
        if there is not None:
            low, high, gone = min(low, there[0]), max(high, there[1]), gone or there[2]
        self._rows[family, key] = low, high, gone

    def entries(self) -> list[Entry]:
        """Return what is to be logged."""
        return [Entry(family, key, *part) for (family, key), part in self._rows.items()]


def touched(mutations: Iterable[Insert | Remove]) -> list[Entry]:
    """Return what is to be logged of mutations."""
    gathered = Touched()
    for mutation in mutations:
        gathered.mutation(mutation)
    return gathered.entries()


def truncated(family: str) -> list[Entry]:
    """Return what is to be logged when a family loses every row."""
    # Without their marks, all copies of an event stand.
    some = COUNTED if family == retries.FAMILY else (family,)
    return [entry for entry in EVERYTHING if entry.family in some]


def merged(entries: Iterable[Entry], near: int = -1) -> Iterator[Entry]:
    """Yield entries with those of a row that overlap as one.

    :param near: so many ticks at most may lie between two that become one, too.
    """
    rows: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        rows[entry.family, entry.key].append(entry)
    for some in rows.values():
        some.sort(key=lambda entry: entry.low)
        last = some[0]
        for entry in some[1:]:
            if entry.low <= last.high or _ticks(entry.low) - _ticks(last.high) <= near:
                last = last._replace(high=max(last.high, entry.high), gone=last.gone or entry.gone)
            else:
                yield last
                last = entry
        yield last


def changes_of(entries: Iterable[Entry], marked: Callable[[str, str], set[uuid.UUID]],
               between: Callable[[str, str, uuid.UUID, uuid.UUID], Iterable[uuid.UUID]]) -> list[Change]:
    """Return what slices may yield otherwise, by what was logged: what was touched, and what repeats it.

    :param marked: gives the marked names of a family's row, see :mod:`footfall.retries`.
    :param between: gives the names in a family's row between two, both included.
    """
    changes: dict[Change, None] = {}
    for family, key, first, last, gone in merged(entries):
        if key == EVERY_ROW:
            changes[Change(family, None)] = None
            continue
        low = None if first == FIRST else from_sort_key(first)
        high = None if last == LAST else from_sort_key(last)
        changes[Change(family, key, low, high)] = None
        reached = retries.reached(
            key, low or LOWEST_TIME_UUID, high or HIGHEST_TIME_UUID, gone,
            lambda row, family=family: marked(family, row),  # type: ignore[misc]
            lambda row, low, high, family=family: between(family, row, low, high))  # type: ignore[misc]
        changes |= {Change(family, row, name, name): None for row, name in reached}
    return list(changes)


def _ticks(name: bytes) -> int:
    return ticks_of(from_sort_key(name))


def _marked(name: str | None) -> bytes | None:
    """Return the sort key of the event that a mark is of; ``None`` for all of its row."""
    try:
        return None if name is None else sort_key(uuid.UUID(name))
    except ValueError:
        return None
