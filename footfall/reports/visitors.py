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

    :param of_day: for each day, the number of each visitor in its ``who``; int64.
    :param comes_again: for each day, whether a visitor is there on another day, too.
    :param again: for each day, the numbers in ``who`` of those who are.
    :param size: one more than the highest number.
    """

    of_day: list[Array]
    comes_again: list[Array]
    again: list[Array]
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
    known = np.full(len(again), -1, dtype=np.int64)
    of_day, comes_again, size = [], [], 0
    for day in days:
        numbers = size + np.arange(len(day.who), dtype=np.int64)
        places = np.searchsorted(day.who, again)
        here = np.flatnonzero(places < len(day.who))
        here = here[day.who[places[here]] == again[here]]
        is_new = known[here] < 0
        known[here[is_new]] = numbers[places[here[is_new]]]
        numbers[places[here]] = known[here]
        is_again = np.zeros(len(day.who), dtype=bool)
        is_again[places[here]] = True
        of_day.append(numbers)
        comes_again.append(is_again)
        size += len(day.who)
    return Numbers(of_day, comes_again, [np.flatnonzero(each) for each in comes_again], size)
