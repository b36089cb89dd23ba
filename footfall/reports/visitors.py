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
    """Numbers visitors, and remembers the last few lists of days that it did so for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[Derived, ...], Numbers] = {}

    def __call__(self, days: Sequence[Derived]) -> Numbers:
        """Return the numbers of the visitors of some days."""
        key = tuple(days)
        with self._lock:
            found = self._kept.pop(key, None)
        found = found or _numbers(days)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT_LISTS:
                del self._kept[next(iter(self._kept))]
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
        found = np.searchsorted(day.who, again)
        known = np.flatnonzero(found < len(day.who))
        known = known[day.who[found[known]] == again[known]]
        here = found[known]
        is_again = np.zeros(len(day.who), dtype=bool)
        is_again[here] = True
        once = len(day.who) - len(here)
        numbers = np.empty(len(day.who), dtype=np.uint32)
        numbers[here] = known
        numbers[~is_again] = np.arange(size, size + once)
        of_day.append(numbers)
        comes_again.append(is_again)
        places.append(here)
        size += once
    return Numbers(of_day, comes_again, places, len(again), size)
