"""What a stored event is: the row it lies in, the name of its column, the map in its value.

A row holds one account's events of one UTC day: its key is ``YYYYMMDD.<account>``. A column's name
is the event's time UUID, its value a msgpack map of the fields below.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgpack
import msgspec

from footfall import timeuuid
from footfall.errors import UsageError

#: Every event has these fields; they are the original's names.
FIELDS = ("url", "title", "ip", "referrer", "user_agent", "language")

#: Longest stored value of a field, in bytes of UTF-8; longer ones are cut there and marked in ``cut``.
LIMITS: Mapping[str, int] = {"url": 2048, "title": 512, "referrer": 2048, "user_agent": 512}

# So many characters fit into every limit: none is longer than four bytes.
_SHORT = min(LIMITS.values()) // 4
_TICKS_PER_DAY = 86_400 * timeuuid.TICKS_PER_SECOND
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_decode = msgspec.msgpack.Decoder().decode


@lru_cache(maxsize=1024)
def is_account(text: str) -> bool:
    """Tell whether ``text`` can be an account: 1 to 64 letters, digits, dots, dashes, underscores."""
    return _ACCOUNT.fullmatch(text) is not None


def check_account(text: str) -> str:
    """Return ``text`` if it can be an account.

    :raises UsageError: it cannot; the message says what an account is.
    """
    if not is_account(text):
        raise UsageError(f"account {text!r}: must be 1 to 64 letters, digits, dots, dashes or underscores")
    return text


def row_key(account: str, day: date) -> str:
    """Return the key of the row that holds an account's events of a UTC day."""
    return f"{day.year:04d}{day.month:02d}{day.day:02d}.{account}"


def split_row_key(key: str) -> tuple[date, str]:
    """Return the day and the account of a row key.

    :raises ValueError: ``key`` is not ``YYYYMMDD.<account>``.
    """
    day, dot, account = key.partition(".")
    if not dot or len(day) != 8 or not day.isdigit() or not account:
        raise ValueError(f"row key {key!r}: must be YYYYMMDD.<account>")
    return date(int(day[:4]), int(day[4:6]), int(day[6:])), account


def days_of(keys: Iterable[str]) -> Iterator[tuple[date, str, str]]:
    """Yield day, account and key of those keys that are row keys of events; a store may hold others' as well."""
    for key in keys:
        with contextlib.suppress(ValueError):
            yield (*split_row_key(key), key)


def row_keys(account: str, start: datetime, end: datetime) -> list[str]:
    """Return the keys of the days that the half-open range [start, end) touches, in order.

    :param start: aware UTC datetime.
    :param end: aware UTC datetime; a day of which only the first instant is ``end`` is not touched.
    """
    day, keys = start.date(), []
    while datetime(day.year, day.month, day.day, tzinfo=UTC) < end:
        keys.append(row_key(account, day))
        day += timedelta(days=1)
    return keys


def event_key(account: str, name: uuid.UUID) -> str:
    """Return the key of the row that an event of an account belongs to: ``YYYYMMDD.<account>``."""
    return _row_key_of_day(account, timeuuid.ticks_of(name) // _TICKS_PER_DAY)


def trail_key(account: str, name: uuid.UUID) -> str:
    """Return the key of the row in ``Visitors`` that an event of an account belongs to: ``YYYYMM.<account>``."""
    return _trail_key_of_day(account, timeuuid.ticks_of(name) // _TICKS_PER_DAY)


def pack(fields: Mapping[str, Any]) -> bytes:
    """Return a map as a column value: msgpack bytes."""
    packed: bytes = msgpack.packb(fields)
    return packed


def unpack(value: bytes) -> dict[str, Any]:
    """Return the map that a column value holds.

    Strings that are not UTF-8, as old writers could leave them, come back with replacement marks.
    """
    try:
        fields: dict[str, Any] = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        fields = msgpack.unpackb(value, unicode_errors="replace", strict_map_key=False)
    return fields


@lru_cache(maxsize=16384)
def kept_address(address: str, ip: str) -> str:
    """Return what is kept of an address: all, a part, or nothing.

    :param address: an address, or an empty string.
    :param ip: ``full``; ``truncated``, the last octet or the last 80 bits of IPv6 zeroed; ``none``.
    """
    if ip == "none" or not address:
        return ""
    if ip == "full":
        return address
    prefix = 48 if ":" in address else 24
    return str(ipaddress.ip_network((address, prefix), strict=False).network_address)


def page_fields(url: str, title: str, referrer: str, user_agent: str, language: str, ip: str) -> dict[str, Any]:
    """Return the fields every event has, without control characters and cut to :data:`LIMITS`.

    Fields that were cut are named in ``cut``, which is there only then.
    """
    fields: dict[str, Any] = {"url": without_controls(url), "title": _folded(title),
                              "ip": ip, "referrer": without_controls(referrer),
                              "user_agent": without_controls(user_agent), "language": language}
    # Most are far shorter than the shortest limit.
    if len(url) > _SHORT or len(referrer) > _SHORT or len(user_agent) > _SHORT or len(title) > _SHORT:
        _cut(fields)
    return fields


def _cut(fields: dict[str, Any]) -> None:
    """Cut fields to :data:`LIMITS`, and name those that were cut."""
    cut = []
    for field, limit in LIMITS.items():
        if len(fields[field]) * 4 > limit and len(encoded := fields[field].encode()) > limit:
            fields[field] = encoded[:limit].decode(errors="ignore")
            cut.append(field)
    if cut:
        fields["cut"] = cut


def _folded(text: str) -> str:
    """Return a text without control characters, its white space folded."""
    if text.isprintable() and "  " not in text and text == text.strip():
        return text
    return " ".join(_CONTROLS.sub(" ", text).split())


def without_controls(text: str) -> str:
    """Return a text without its control characters."""
    # Nearly every text is printable, and to see that costs a tenth of the pattern.
    return text if text.isprintable() else _CONTROLS.sub("", text)


class Packed(bytes):
    """A column value as it is stored, which can also be read as the map it holds.

    It is the msgpack bytes, for whoever unpacks them himself, and opens like a dict at a prompt:
    ``value["url"]``, ``value.get("title")``, ``dict(value)``.
    """

    def __getitem__(self, key: Any) -> Any:
        return unpack(self)[key] if isinstance(key, str) else super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the field ``key``, or ``default``."""
        return unpack(self).get(key, default)

    def keys(self) -> Iterator[str]:
        """Yield the names of the fields."""
        return iter(unpack(self))

    def __repr__(self) -> str:
        try:
            return f"Packed({unpack(self)!r})"
        except ValueError:
            return super().__repr__()


@lru_cache(maxsize=4096)
def _row_key_of_day(account: str, day: int) -> str:
    """Return the row key of an account's day, by its number since 1970."""
    return row_key(account, date(1970, 1, 1) + timedelta(days=day))


@lru_cache(maxsize=4096)
def _trail_key_of_day(account: str, day: int) -> str:
    return f"{date(1970, 1, 1) + timedelta(days=day):%Y%m}.{account}"


class Event(NamedTuple):
    """One event on its way to the store.

    :param family: the column family it belongs to, ``PageViews`` or ``Events``.
    :param account: whose event it is.
    :param id: its time UUID.
    :param fields: what is known of it; see :data:`FIELDS`.
    :param retry: it may be in the store already, under the same low bits and a time a little different.
    """

    family: str
    account: str
    id: uuid.UUID
    fields: dict[str, Any]
    retry: bool = False

    @property
    def row_key(self) -> str:
        """The key of the row it lies in."""
        return event_key(self.account, self.id)
