"""Column names: version-1 UUIDs, the time in them, and the order Cassandra gives them.

A column's name says when its event happened, to 100 nanoseconds, and tells two events of one
tick apart by 62 more bits. ``convert_time_to_uuid`` and ``convert_uuid_to_time`` answer as
pycassa's did, so that UUIDs made years ago and slices taken with them keep their meaning.

Cassandra compares time first and then the low eight bytes as *signed* bytes;
:func:`sort_key` turns that order into plain byte order.
"""

from __future__ import annotations

import calendar
import os
import random
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

#: 100-ns ticks between the UUID epoch, 1582-10-15, and the Unix epoch.
EPOCH_TICKS = 0x01B21DD213814000
TICKS_PER_SECOND = 10_000_000

LOWEST_TIME_UUID = uuid.UUID("00000000-0000-1000-8080-808080808080")
HIGHEST_TIME_UUID = uuid.UUID("ffffffff-ffff-1fff-bf7f-7f7f7f7f7f7f")

_LOWEST_BITS = 0x8080_8080_8080_8080
_HIGHEST_BITS = 0xBF7F_7F7F_7F7F_7F7F
_VARIANT = 0x8000_0000_0000_0000
_SIGN_BITS = 0x8080_8080_8080_8080
_62_BITS = 0x3FFF_FFFF_FFFF_FFFF
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Moment = datetime | date


def convert_time_to_uuid(
    time: uuid.UUID | datetime | float, lowest_val: bool = True, randomize: bool = False
) -> uuid.UUID:
    """Turn a time into a version-1 UUID, bit for bit as pycassa 1.11 did.

    :param time: a datetime (naive means UTC), or seconds since 1970; a UUID is returned as it is.
        Both are taken to the microsecond.
    :param lowest_val: fill the low bits with the lowest value in Cassandra's order, else the highest.
    :param randomize: fill the low bits at random instead.
    :raises ValueError: ``time`` is none of these.

    Even with ``lowest_val=False`` the time is the microsecond's first tick, as it was in pycassa. A
    slice that is to reach the end of a microsecond takes a datetime, or :func:`slice_bound`.
    """
    if isinstance(time, uuid.UUID):
        return time
    if isinstance(time, datetime):
        # In floats, as pycassa: from 2027 on, times that are not whole seconds are rounded to 400 ns.
        ticks = int((calendar.timegm(time.utctimetuple()) * 1e6 + time.microsecond) * 10)
    elif isinstance(time, int | float) and not isinstance(time, bool):
        ticks = int(time * 1e6) * 10
    else:
        raise ValueError(f"{time!r}: must be a UUID, a datetime or seconds since 1970")
    if randomize:
        return make(ticks, random.getrandbits(62))
    return make(ticks, _LOWEST_BITS if lowest_val else _HIGHEST_BITS)


def convert_uuid_to_time(uuid_arg: uuid.UUID) -> float:
    """Return a version-1 UUID's time in seconds since 1970, as pycassa did.

    A float holds today's time to about 0.2 microseconds; :func:`datetime_of` is exact.
    """
    return (uuid_arg.time - EPOCH_TICKS) / 1e7


def make(ticks: int, low_bits: int) -> uuid.UUID:
    """Build the UUID of a time and low bits.

    :param ticks: 100-ns ticks since 1970.
    :param low_bits: 64 bits; the two highest are set to the RFC 4122 variant.
    :raises ValueError: the time lies outside what 60 bits hold, the years 1582 to 5236.
    """
    timestamp = ticks + EPOCH_TICKS
    if not 0 <= timestamp < 1 << 60:
        raise ValueError(f"{ticks} ticks since 1970: outside the years 1582 to 5236 that a time UUID can hold")
    high = (timestamp & 0xFFFFFFFF) << 32 | (timestamp >> 32 & 0xFFFF) << 16 | 0x1000 | timestamp >> 48
    return uuid.UUID(int=high << 64 | _VARIANT | low_bits & _62_BITS)


def ticks_of(name: uuid.UUID) -> int:
    """Return a time UUID's time in 100-ns ticks since 1970."""
    # What UUID.time gives, at half the cost: it is asked for several times for every event.
    high = name.int >> 64
    return ((high & 0x0FFF) << 48 | (high >> 16 & 0xFFFF) << 32 | high >> 32) - EPOCH_TICKS


def datetime_of(name: uuid.UUID) -> datetime:
    """Return a time UUID's time as an aware UTC datetime, to the microsecond below."""
    return UNIX_EPOCH + timedelta(microseconds=(name.time - EPOCH_TICKS) // 10)


def named(text: str) -> uuid.UUID | None:
    """Return the column name that a text is, ``None`` if it is none: a UUID of version 1."""
    try:
        name = uuid.UUID(text)
    except ValueError:
        return None
    return name if name.version == 1 else None


def as_utc(moment: Moment) -> datetime:
    """Return an aware UTC datetime: naive datetimes are UTC, a date is its first instant."""
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def ticks_at(moment: Moment) -> int:
    """Return a moment in 100-ns ticks since 1970."""
    return (as_utc(moment) - UNIX_EPOCH) // timedelta(microseconds=1) * 10


def midnight(ticks: int) -> datetime:
    """Return the UTC midnight before a moment, or at it, as an aware datetime.

    :param ticks: 100-ns ticks since 1970.
    """
    return UNIX_EPOCH + timedelta(days=ticks // (86_400 * TICKS_PER_SECOND))


def slice_bound(bound: uuid.UUID | datetime, *, finish: bool) -> uuid.UUID:
    """Return the UUID that a slice starts or finishes with.

    :param bound: a UUID is itself; a datetime is the lowest UUID of its microsecond, or, for the
        upper end of a slice, the highest.
    :param finish: whether this is the upper end.
    """
    if isinstance(bound, uuid.UUID):
        return bound
    return last_of(ticks_at(bound) + 9) if finish else first_of(ticks_at(bound))


def first_of(ticks: int) -> uuid.UUID:
    """Return the lowest UUID of a tick since 1970."""
    return make(ticks, _LOWEST_BITS)


def last_of(ticks: int) -> uuid.UUID:
    """Return the highest UUID of a tick since 1970."""
    return make(ticks, _HIGHEST_BITS)


def last_before(moment: Moment) -> uuid.UUID:
    """Return the highest UUID whose time is before ``moment``: the end of a half-open range."""
    return last_of(ticks_at(moment) - 1)


def sort_key(name: uuid.UUID) -> bytes:
    """Return 16 bytes whose plain byte order is Cassandra's order of time UUIDs."""
    high, low = name.int >> 64, name.int & 0xFFFF_FFFF_FFFF_FFFF
    time_first = (high & 0xFFFF) << 48 | (high >> 16 & 0xFFFF) << 32 | high >> 32
    return (time_first << 64 | low ^ _SIGN_BITS).to_bytes(16)


def from_sort_key(key: bytes) -> uuid.UUID:
    """Return the UUID that :func:`sort_key` made ``key`` of."""
    number = int.from_bytes(key)
    time_first, low = number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF
    high = (time_first & 0xFFFFFFFF) << 32 | (time_first >> 32 & 0xFFFF) << 16 | time_first >> 48
    return uuid.UUID(int=high << 64 | low ^ _SIGN_BITS)


class Clock:
    """A strictly rising clock of 100-ns ticks, so that two events of a process never share a name.

    :param now: nanoseconds since 1970, ``time.time_ns`` unless a test brings its own.
    """

    def __init__(self, now: Callable[[], int] = time.time_ns) -> None:
        self._now = now
        self._last = 0
        self._lock = threading.Lock()

    def ticks(self) -> int:
        """Return the time in ticks since 1970, at least one more than the call before."""
        with self._lock:
            self._last = max(self._last + 1, self._now() // 100)
            return self._last

    def new_id(self) -> uuid.UUID:
        """Return a name for an event of now: the clock's next tick and 62 random bits."""
        return make(self.ticks(), random_bits())


def hash_bits(event_id: str) -> int:
    """Return the 62 low bits of the name of an event that has an id of its own, the same however often it is sent."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest()) >> 2


def random_bits() -> int:
    """Return 62 random bits, for the name of an event that has no id of its own."""
    return _random.bits()


class _Random:
    """Random numbers of 62 bits, got from the system by the hundred: to get one takes longer than to parse a hit."""

    def __init__(self) -> None:
        self.forget()
        # What two processes would both give is nothing to tell their events apart by.
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        self._numbers: Iterator[int] = iter(())

    def bits(self) -> int:
        while (number := next(self._numbers, None)) is None:
            self._numbers = iter(struct.unpack("=512Q", os.urandom(4096)))
        return number >> 2


_random = _Random()
