"""Visitors: eight bytes for each, by which a visit holds together and nobody can be found again.

``daily``, ``weekly``, ``monthly``: the keyed hash of account, address and user agent; the key, a salt, is destroyed
(:mod:`footfall.salts`). ``cookie``: the hash of an id that the page keeps in a first-party cookie. ``none``: nobody is
told apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b
from typing import NamedTuple

from footfall import pageview, timeuuid
from footfall.columns import VISITOR_BYTES
from footfall.errors import StoreError
from footfall.packing import TRAILS
from footfall.salts import OVERLAP, Salts, period
from footfall.storage import Store
from footfall.stores.memory import MemoryStore

#: Visitors of the half hour before a change who are remembered.
MOST_SEEN = 100_000
#: How long a store that did not answer is not asked again.
AWAY_SECONDS = 10.0
_OVERLAP_TICKS = OVERLAP // timedelta(microseconds=1) * 10


class Undecided(Exception):
    """What must be known of a hit is not known without asking the store."""


class _Hashes(NamedTuple):
    """Who was there by a salt: the visitors by account, address and user agent."""

    salt: bytes
    visitors: dict[tuple[str, ...], bytes]


class Visitors:
    """Gives the visitor of each hit.

    :param salts: those of this process.
    :param store: gives the store, which is asked in the half hour after a change whether a visitor was there before it.
    """

    def __init__(self, salts: Salts, store: Callable[[], Store]) -> None:
        self._salts = salts
        self._store = store
        self._seen: dict[bytes, bool] = {}
        self._away_until = 0.0
        #: The visitors by the present salt, who are forgotten with it.
        self._hashes = _Hashes(b"", {})

    def visitor(self, account: str, address: str, user_agent: str, ticks: int, *, at_once: bool) -> bytes:
        """Return the visitor that account, address and user agent stand for.

        :param ticks: time of receipt.
        :param at_once: never ask the store.
        :raises Undecided: it would have to be asked.
        :raises StoreError: it was asked in vain.

        In the half hour after a change the salt of before is tried first: who was there within the half hour before
        keeps the id that he had.
        """
        pair = self._salts.remembered(ticks)
        if pair is None:
            if at_once:
                raise Undecided
            pair = self._salts.at(ticks)
        if pair.previous is not None:
            former = _hash((account, address, user_agent), pair.previous)
            if self._was_there(account, former, pair.period.begin, at_once=at_once):
                return former
        visitor = self._current(pair.current, account, address, user_agent)
        if ticks > pair.period.end - _OVERLAP_TICKS and len(self._seen) < MOST_SEEN:
            self._seen[visitor] = True
        return visitor

    def _current(self, salt: bytes, *who: str) -> bytes:
        """Return the visitor by a salt: most views are of somebody who was there just before."""
        hashes = self._hashes
        if salt != hashes.salt or len(hashes.visitors) >= MOST_SEEN:
            hashes = self._hashes = _Hashes(salt, {})
        visitor = hashes.visitors.get(who)
        if visitor is None:
            visitor = hashes.visitors[who] = _hash(who, salt)
        return visitor

    def tidy(self, ticks: int) -> None:
        """Have the salts tidied if it is time, which may take a while.

        :raises StoreError: not now; a later call tries again.
        """
        if not self._salts.is_untidy():
            return
        self._salts.tidy(ticks)
        pair = self._salts.remembered(ticks)
        if pair is None:
            self._hashes = _Hashes(b"", {})
        elif pair.previous is None and ticks < pair.period.end - _OVERLAP_TICKS:
            self._seen.clear()

    def _was_there(self, account: str, visitor: bytes, change: int, *, at_once: bool) -> bool:
        """Tell whether a visitor was there in the half hour before a change; no, while the store cannot tell."""
        seen = self._seen.get(visitor)
        if seen is not None:
            return seen
        if time.monotonic() < self._away_until:
            return False
        if at_once:
            raise Undecided
        first, last = timeuuid.first_of(change - _OVERLAP_TICKS), timeuuid.last_of(change - 1)
        try:
            trail = list(self._store().family(TRAILS).xget(
                pageview.trail_key(account, last), (visitor, first), (visitor, last), column_count=1))
        except StoreError:
            # A hit is not to wait for a store that others have waited for in vain.
            self._away_until = time.monotonic() + AWAY_SECONDS
            return False
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen[visitor] = bool(trail)
        return bool(trail)


def cookie_visitor(account: str, cookie: str) -> bytes:
    """Return the visitor that an id kept in a page's cookie stands for."""
    return _hash((account, cookie), b"")


def _hash(who: tuple[str, ...], salt: bytes) -> bytes:
    return blake2b("\0".join(who).encode(), digest_size=VISITOR_BYTES, key=salt).digest()


class LineVisitors:
    """Gives the visitors of hits that are read from a log.

    Those of the present period are the collectors' own. Salts of the past are gone, as they should be: hits of an
    earlier period get visitors by a salt that this process makes up and forgets.

    :param mode: of the visitors, see :data:`~footfall.salts.MODES`.
    """

    def __init__(self, mode: str, store: Store, clock: Callable[[], int] = time.time_ns) -> None:
        self._mode = mode
        self._clock = clock
        passing = MemoryStore()
        self._of_now = Visitors(Salts(mode, lambda: store), lambda: store)
        self._of_the_past = Visitors(Salts(mode, lambda: passing), lambda: passing)

    def visitor(self, account: str, address: str, user_agent: str, ticks: int) -> bytes:
        """Return the visitor of a hit, as :meth:`Visitors.visitor` does."""
        is_of_now = period(self._mode, ticks) == period(self._mode, self._clock() // 100)
        visitors = self._of_now if is_of_now else self._of_the_past
        return visitors.visitor(account, address, user_agent, ticks, at_once=False)
