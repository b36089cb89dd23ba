"""What a column is called, what it holds, and what can be done to one: the vocabulary of every store.

A column is a name and a value in a row; a row has a key; rows of one kind are a column family. The names of a family
are all of one kind:

- ``time``: version-1 UUIDs, the families of events;
- ``text``: the small families;
- ``visitor``: ``(visitor, time UUID)``, eight bytes and a name of an event, which a composite column was in 2012.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from footfall import pageview
from footfall.errors import StoreError
from footfall.pageview import Packed
from footfall.timeuuid import HIGHEST_TIME_UUID, LOWEST_TIME_UUID, from_sort_key, slice_bound, sort_key

#: The column families, and what their columns are named by.
FAMILIES: Mapping[str, Literal["time", "text", "visitor"]] = {
    "PageViews": "time",
    "Events": "time",
    "Filtered": "time",
    "Visitors": "visitor",
    "Retries": "text",
    "Salts": "text",
    "Accounts": "text",
    "Users": "text",
    "Tokens": "text",
    "Positions": "text",
    "Definitions": "text",
    "Sessions": "text",
    "Audit": "text",
}

#: A column read back: its name and its value.
Name = uuid.UUID | str | tuple[bytes, uuid.UUID]
Column = tuple[Any, Packed]
#: An end of a slice. ``None`` and pycassa's ``""`` stand for the end of the row, ``(visitor,)`` for the first or the
#: last column of a visitor, and a datetime for the names of its microsecond.
Bound = uuid.UUID | datetime | str | tuple[bytes] | tuple[bytes, uuid.UUID | datetime] | None
Value = bytes | Mapping[str, Any]

#: The rows of ``Accounts`` that :meth:`Store.probe` writes to, and in which processes take turns: nobody's accounts.
PROBE_ROW, TURNS_ROW = "probe", "turns"
MAX_KEY_BYTES = 512
MAX_VALUE_BYTES = 1 << 20
VISITOR_BYTES = 8
GET_COUNT = 100
PAGE = 500


class Insert(NamedTuple):
    """A column to write: a later write of the same name replaces it."""

    family: str
    key: str
    name: Name
    value: bytes
    ttl: int | None = None


class Remove(NamedTuple):
    """A column to remove, or with ``name=None`` a whole row."""

    family: str
    key: str
    name: Name | None = None


class Once(NamedTuple):
    """An event to write unless it is there already under a time a little different: see :mod:`footfall.retries`.

    :param event: the event's own column.
    :param others: columns that go with it, or are left out with it.
    """

    event: Insert
    others: tuple[Insert, ...] = ()


class Arrival(NamedTuple):
    """An event to write, and with it the step of its visitor, which the event tells by itself.

    It is the event's own :class:`Insert` and, in ``Visitors``, the one that :func:`footfall.packing.step_of` returns.

    :param visitor: whose step it is; ``None`` for an event that is no step.
    """

    family: str
    key: str
    name: uuid.UUID
    value: bytes
    visitor: bytes | None


Mutation = Insert | Remove | Once | Arrival


class Slice(NamedTuple):
    """A range of a row's columns: both ends inclusive and in name order; ``None`` is open."""

    low: Any = None
    high: Any = None
    reversed: bool = False

    def has(self, name: Name) -> bool:
        """Tell whether a name is in it."""
        place = sort_name(name)
        return (self.low is None or sort_name(self.low) <= place) and (
            self.high is None or place <= sort_name(self.high))


def sort_name(name: Any) -> Any:
    """Return what puts a family's names in their order: bytes, or text as it is."""
    if isinstance(name, uuid.UUID):
        return sort_key(name)
    return name[0] + sort_key(name[1]) if isinstance(name, tuple) else name


def name_of(kind: str, sorted_: Any) -> Any:
    """Return the name that :func:`sort_name` made something of.

    :param kind: of the family's names.
    """
    if kind == "time":
        return from_sort_key(sorted_)
    return (sorted_[:VISITOR_BYTES], from_sort_key(sorted_[VISITOR_BYTES:])) if kind == "visitor" else sorted_


def check_name(family: str, name: Any) -> Name:
    """Return a column name if a family can have it.

    :raises StoreError: it cannot; the message says what its names are.
    """
    kind = FAMILIES[family]
    if kind == "text":
        return check_text(name, f"column name {name!r}: {family} has text as names")
    if kind == "time":
        if not _is_time(name):
            raise StoreError(f"column name {name!r}: {family} has time UUIDs (version 1) as names; "
                             "convert_time_to_uuid makes one")
    elif not (isinstance(name, tuple) and len(name) == 2 and _is_visitor(name[0]) and _is_time(name[1])):
        raise StoreError(f"column name {name!r}: {family} has (visitor, time UUID) as names, a visitor being "
                         f"{VISITOR_BYTES} bytes")
    return name  # type: ignore[no-any-return]


def bound_name(family: str, bound: Bound, *, finish: bool) -> Name | None:
    """Return the name that a slice of a family begins or ends with, or ``None`` for the row's end.

    :param finish: whether it is the upper end.
    :raises StoreError: as :func:`check_name`.
    """
    if bound is None or bound == "":
        return None
    if isinstance(bound, datetime) and FAMILIES[family] == "time":
        return slice_bound(bound, finish=finish)
    if isinstance(bound, tuple) and FAMILIES[family] == "visitor":
        moment: Any = bound[1] if len(bound) == 2 else HIGHEST_TIME_UUID if finish else LOWEST_TIME_UUID
        bound = (bound[0], slice_bound(moment, finish=finish) if isinstance(moment, datetime) else moment)
    return check_name(family, bound)


def _is_time(name: Any) -> bool:
    return isinstance(name, uuid.UUID) and name.version == 1


def _is_visitor(part: Any) -> bool:
    return isinstance(part, bytes) and len(part) == VISITOR_BYTES


def check_text(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text:
        raise StoreError(f"{what}, not empty")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise StoreError(f"{what}, which UTF-8 can hold") from None
    if size > MAX_KEY_BYTES or "\0" in text:
        raise StoreError(f"{what}, at most {MAX_KEY_BYTES} bytes and without NUL")
    return text


def check_key(key: Any) -> str:
    return check_text(key, f"row key {key!r}: must be text")


def check_value(name: Any, value: Any) -> bytes:
    if isinstance(value, Mapping):
        value = pageview.pack(value)
    if not isinstance(value, bytes):
        raise StoreError(f"column {name}: its value must be bytes or a map, not {type(value).__name__}")
    if len(value) > MAX_VALUE_BYTES:
        raise StoreError(f"column {name}: its value has {len(value):,} bytes, at most {MAX_VALUE_BYTES:,} are kept")
    return value
