"""Rates beyond human: page-views of one address and user agent within a minute."""

from __future__ import annotations

from collections.abc import Hashable

from footfall.timeuuid import TICKS_PER_SECOND

#: Senders of a minute that are remembered; others count as readers.
MOST_SENDERS = 100_000
_MINUTE = 60 * TICKS_PER_SECOND


class Rates:
    """Counts what each sender sends in the present minute, and remembers the minute before.

    It is a matter of one process: each worker counts for itself.
    """

    def __init__(self, most: int = MOST_SENDERS) -> None:
        self._most = most
        self._minute = 0
        self._now: dict[int, int] = {}
        self._before: dict[int, int] = {}

    def is_beyond(self, sender: Hashable, ticks: int, limit: int, *, counts: bool = True) -> bool:
        """Tell whether a sender has sent more than a number of page-views this minute, or did so in the one before.

        :param sender: what tells senders apart: account, address, user agent.
        :param ticks: the present time.
        :param counts: this is one more.
        """
        minute = ticks // _MINUTE
        if minute != self._minute:
            self._before = self._now if minute == self._minute + 1 else {}
            self._now, self._minute = {}, minute
        # A number each, however long the user agents are that somebody makes up.
        key = hash(sender)
        sent = self._now.get(key, 0) + counts
        if counts and (sent > 1 or len(self._now) < self._most):
            self._now[key] = sent
        return sent > limit or self._before.get(key, 0) > limit
