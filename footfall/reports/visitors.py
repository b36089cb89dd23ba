"""Visitors, numbered through several days, so that they can be counted by number."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from footfall.reports.arrays import Array
from footfall.reports.columns import Derived, joined

#: The numbers of so many lists of days are kept.
KEPT_LISTS = 4


@dataclass(frozen=True)
class Numbers:
    """The visitors of some days.

    :param of_day: for each day, the number of each visitor in its ``who``; those who are there on several days have the
        lowest numbers. uint32.
    :param comes_again: for each day, whether a visitor is there on another day, too.
    :param again: for each day, the places in ``who`` of those who are.
    :param several: how many are there on several days.
    :param size: one more than the highest number.
    """

    of_day: list[Array]
    comes_again: list[Array]
    again: list[Array]
    several: int
    size: int


class Numbered:
    """Numbers visitors, and remembers the last few lists of days that it did so for.

    Of a list that is one of those but for its last day, as it is whenever somebody came today, only that day is looked
    at.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Derived, ...], Numbers] = {}
        self._before: dict[tuple[Derived, ...], Before] = {}

    def __call__(self, days: Sequence[Derived]) -> Numbers:
        """Return the numbers of the visitors of some days."""
        key = tuple(days)
        with self._lock:
            found = self._kept.pop(key, None)
            others = [kept for kept in self._kept if kept[:-1] == key[:-1]]
            before = self._before.get(key[:-1])
        if found is None and others and len(key) > 1:
            before = before or Before(key[:-1])
            found = before.and_then(key[-1])
        found = found or _numbers(days)
        with self._lock:
            # What was known of a day that has become another is asked for no more.
            for other in others:
                self._kept.pop(other, None)
            self._kept[key] = found
            if before is not None:
                self._before[key[:-1]] = before
            for kept in (self._kept, self._before):
                while len(kept) > KEPT_LISTS:
                    del kept[next(iter(kept))]
        return found


numbered = Numbered()


def _numbers(days: Sequence[Derived]) -> Numbers:
    together = joined(np.uint64, (day.who for day in days))
    # Runs that are in order each: a stable sort merges them.
    together.sort(kind="stable")
    again = together[1:][together[1:] == together[:-1]]
    if len(again):
        again = again[np.append(True, again[1:] != again[:-1])]
    of_day, comes_again, places, size = [], [], [], len(again)
    for day in days:
        who = day.who
        found = np.searchsorted(again, who)
        is_again = found < len(again)
        is_again[is_again] = again.take(found.compress(is_again)) == who.compress(is_again)
        here = np.flatnonzero(is_again)
        once = len(who) - len(here)
        numbers = np.empty(len(who), dtype=np.uint32)
        numbers[here] = found.take(here)
        numbers[~is_again] = np.arange(size, size + once)
        of_day.append(numbers)
        comes_again.append(is_again)
        places.append(here)
        size += once
    return Numbers(of_day, comes_again, places, len(again), size)


class Before:
    """The numbers of the visitors of some days, and whose they are, so that another day can be put behind them.

    :param days: at least one.
    """

    def __init__(self, days: Sequence[Derived]) -> None:
        self._days = days
        self._numbers = _numbers(days)
        who = joined(np.uint64, (day.who for day in days))
        order = np.argsort(who, kind="stable")
        who, numbers = who[order], joined(np.uint32, self._numbers.of_day)[order]
        is_first = np.append(True, who[1:] != who[:-1])[:len(who)]
        self._who, self._number = who[is_first], numbers[is_first]

    def and_then(self, day: Derived) -> Numbers:
        """Return the numbers of the visitors of the days and of one more."""
        old = self._numbers
        place = np.minimum(np.searchsorted(self._who, day.who), len(self._who) - 1)
        is_again = self._who[place] == day.who if len(self._who) else np.zeros(len(day.who), dtype=bool)
        number = self._number[place[is_again]]
        is_new = number >= old.several
        came_once = number[is_new]
        several = old.several + len(came_once)
        # Those who come again now follow those who did; all who are there once move up.
        number = number.copy()
        number[is_new] = old.several + np.arange(len(came_once), dtype=np.uint32)
        order = np.argsort(came_once)
        came_once, now = came_once[order], number[is_new][order]
        of_day, comes_again = [], []
        first = old.several
        for before, again in zip(old.of_day, old.comes_again, strict=True):
            once = np.flatnonzero(~again)
            low, high = np.searchsorted(came_once, (first, first + len(once)))
            # Whoever is there once has a number by his place among those of his day.
            here = once[came_once[low:high] - first]
            numbers = before + (~again * np.uint32(len(came_once)))
            numbers[here] = now[low:high]
            is_there_again = again.copy()
            is_there_again[here] = True
            of_day.append(numbers)
            comes_again.append(is_there_again)
            first += len(once)
        last = np.empty(len(day.who), dtype=np.uint32)
        last[is_again] = number
        size = old.size + len(came_once)
        last[~is_again] = np.arange(size, size + len(day.who) - len(number))
        return Numbers([*of_day, last], [*comes_again, is_again],
                       [np.flatnonzero(each) for each in (*comes_again, is_again)], several,
                       size + len(day.who) - len(number))
