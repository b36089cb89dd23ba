"""The ledger of a drill: what clients sent and were answered, and what the store must therefore hold.

::

    ledger = Ledger()
    ledger.send(1)
    ledger.answer(1, 200)
    ledger.balance(stored=[]).missing      # [1]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Balance(NamedTuple):
    """What a ledger and a store come to, in numbers of views.

    :param sent: how many views were sent.
    :param acknowledged: how many were answered 2xx; each must be there, once.
    :param refused: how many were answered anything else; none may be there.
    :param unanswered: how many were not answered at all; each may be there, once, or not.
    :param unanswered_stored: how many of these are there.
    :param missing: acknowledged views that are not there.
    :param doubled: views that are there more than once.
    :param unfounded: views that are there though they were refused, or never sent.
    """

    sent: int
    acknowledged: int
    refused: int
    unanswered: int
    unanswered_stored: int
    missing: list[int]
    doubled: list[int]
    unfounded: list[int]

    @property
    def is_right(self) -> bool:
        """Whether every view is there as often as it may be."""
        return not (self.missing or self.doubled or self.unfounded)


class Ledger:
    """What clients know of the views that they sent, each by a number of its own; they may be threads."""

    def __init__(self) -> None:
        self._sent: set[int] = set()
        self._acknowledged: set[int] = set()
        self._refused: set[int] = set()

    @property
    def acknowledged(self) -> int:
        """How many views were answered 2xx so far."""
        return len(self._acknowledged)

    def send(self, view: int) -> None:
        """Note a view that is about to be sent."""
        self._sent.add(view)

    def answer(self, view: int, status: int) -> None:
        """Note the status that a view was answered with."""
        (self._acknowledged if 200 <= status < 300 else self._refused).add(view)

    def balance(self, stored: Iterable[int]) -> Balance:
        """Compare with what a store holds.

        :param stored: the number of every view that is there, as often as it is there.
        """
        there = Counter(stored)
        unanswered = self._sent - self._acknowledged - self._refused
        return Balance(
            len(self._sent), len(self._acknowledged), len(self._refused), len(unanswered),
            len(unanswered & there.keys()),
            missing=sorted(self._acknowledged - there.keys()),
            doubled=sorted(view for view, times in there.items() if times > 1),
            unfounded=sorted(there.keys() - (self._sent - self._refused)))
