"""Salts: what visitors are told apart by for a day, a week or a month, and what nobody can tell them by afterwards.

A salt is random, shared by all collectors through the family ``Salts``, and destroyed half an hour after its period:
so long a visit may go on past the change. Without it no stored id leads back to an address.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from footfall import timeuuid
from footfall.errors import StoreError
from footfall.storage import Remove, Store

#: For how long a salt may hold.
MODES = ("daily", "weekly", "monthly")
FAMILY, ROW = "Salts", "salts"
SALT_BYTES = 16
#: How long after a change the salt of before is still there.
OVERLAP = timedelta(minutes=30)
#: How long before a change the next salt is agreed on, lest the store be away just then.
AHEAD = timedelta(hours=2)
#: How long after a failure to destroy what is over, or to ask the store, that is tried again.
RETRY_SECONDS = 10.0


class Period(NamedTuple):
    """A day, week or month (UTC) in which a visitor keeps an id; ``begin`` and ``end`` in ticks since 1970."""

    name: str
    begin: int
    end: int


class Pair(NamedTuple):
    """The salts of one moment.

    :param period: the one that it lies in.
    :param current: its salt.
    :param previous: the salt before, in the half hour after a change; else ``None``.
    """

    period: Period
    current: bytes
    previous: bytes | None


class Memory(Protocol):
    """Where salts are agreed on when the store is away: by the processes of one machine."""

    def claim_salt(self, name: str, salt: bytes) -> bytes: ...

    def salt(self, name: str) -> bytes | None: ...

    def shred_salts(self, but: set[str]) -> None: ...


def period(mode: str, ticks: int) -> Period:
    """Return the period of a moment.

    :param mode: ``daily``, ``weekly`` (from Monday) or ``monthly``.
    :param ticks: 100-ns ticks since 1970.
    """
    day = timeuuid.midnight(ticks)
    if mode == "daily":
        begin, end = day, day + timedelta(days=1)
    elif mode == "weekly":
        begin = day - timedelta(days=day.weekday())
        end = begin + timedelta(days=7)
    else:
        begin = day.replace(day=1)
        end = (begin + timedelta(days=31)).replace(day=1)
    return Period(f"{mode} {begin:%Y-%m-%d}", timeuuid.ticks_at(begin), timeuuid.ticks_at(end))


class Salts:
    """The salts of one process: agreed on with the others, forgotten with them.

    :param mode: how long one holds, see :func:`period`; with any other, all there are are destroyed.
    :param store: gives the store; it is asked once for each period, and by :meth:`tidy`.
    :param memory: gives the outbox, where there is one.
    """

    def __init__(self, mode: str, store: Callable[[], Store], memory: Callable[[], Memory] | None = None) -> None:
        self._mode = mode
        self._store = store
        self._memory = memory
        self._known: dict[str, bytes] = {}
        #: The salts of now, and until when they are these.
        self._latest: tuple[Pair, int] | None = None
        self._lock = threading.Lock()
        self._kept: set[str] | None = None
        self._tidy_at = 0.0

    def remembered(self, ticks: int) -> Pair | None:
        """Return the salts of a moment if they are known without asking anybody."""
        if self._latest is None:
            return None
        pair, until = self._latest
        return pair if pair.period.begin <= ticks < until else None

    def at(self, ticks: int) -> Pair:
        """Return the salts of a moment, agreed on now if need be.

        :raises StoreError: neither the store nor the outbox can be asked.
        """
        with self._lock:
            now = period(self._mode, ticks)
            before = period(self._mode, now.begin - 1)
            overlap_end = now.begin + _ticks(OVERLAP)
            in_overlap = ticks < overlap_end
            pair = Pair(now, self._agreed(now), self._there(before) if in_overlap else None)
            self._latest = pair, overlap_end if in_overlap else now.end
            return pair

    def is_untidy(self) -> bool:
        """Tell whether it is time to call :meth:`tidy`."""
        return time.monotonic() >= self._tidy_at

    def tidy(self, ticks: int) -> None:
        """Agree on the next salt if its time is near, and destroy what is over; call it now and then.

        What fails, because the store is away or somebody reads just then, is done by a later call.
        """
        self._tidy_at = time.monotonic() + RETRY_SECONDS
        with self._lock:
            if self._mode not in MODES:
                self._destroy(set())
                return
            now = period(self._mode, ticks)
            next_ = period(self._mode, now.end)
            if ticks >= now.end - _ticks(AHEAD):
                self._agreed(next_)
            if ticks >= now.begin + _ticks(OVERLAP):
                self._destroy({now.name, next_.name})

    def _destroy(self, kept: set[str]) -> None:
        """Destroy all salts but some, here and in the store, unless that was done."""
        if kept == self._kept:
            return
        self._known = {name: salt for name, salt in self._known.items() if name in kept}
        if self._memory is not None:
            self._memory().shred_salts(kept)
        over = [name for name, _ in self._store().family(FAMILY).xget(ROW) if name not in kept]
        self._store().shred([[Remove(FAMILY, ROW, name) for name in over]])
        self._kept = kept

    def _agreed(self, wanted: Period) -> bytes:
        """Return the salt of a period: the first that anybody claimed."""
        there = self._known.get(wanted.name) or (self._memory().salt(wanted.name) if self._memory else None)
        if there is None:
            made, ttl = secrets.token_bytes(SALT_BYTES), _seconds_until(wanted.end) + 2 * int(OVERLAP.total_seconds())
            try:
                there = bytes(self._store().claim(FAMILY, ROW, wanted.name, made, ttl=ttl))
            except StoreError:
                if self._memory is None:
                    raise
                there = made
            if self._memory is not None:
                there = self._memory().claim_salt(wanted.name, there)
        self._known[wanted.name] = there
        return there

    def _there(self, wanted: Period) -> bytes | None:
        """Return the salt of a period that is over, if there was one and it can be had: without it visits are cut."""
        known = self._known.get(wanted.name) or (self._memory().salt(wanted.name) if self._memory else None)
        if known is None:
            with contextlib.suppress(StoreError):
                columns = dict(self._store().family(FAMILY).xget(ROW, wanted.name, wanted.name))
                known = bytes(columns[wanted.name]) if columns else None
        return known


def _ticks(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 10


def _seconds_until(ticks: int) -> int:
    """Return how many seconds there are until a moment, at least one: a salt is to go even if nobody tidies."""
    return max(1, ticks // timeuuid.TICKS_PER_SECOND - int(datetime.now(UTC).timestamp()))
