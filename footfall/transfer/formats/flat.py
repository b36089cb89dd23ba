"""Events as rows of a table: a column for each field that footfall stores, and one for all others."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from footfall import pageview
from footfall.transfer.extract import Extract

#: Fields that are text, in the order of their columns.
TEXTS = ("event", "url", "title", "referrer", "ip", "user_agent", "language", "visitor", "screen", "country", "region",
         "city", "bot")
#: Fields that are whole numbers.
NUMBERS = ("engaged", "scroll")
#: The columns of every table; ``props`` and ``other`` are JSON.
COLUMNS = ("time", "id", "family", *TEXTS, *NUMBERS, "props", "other")

_INT64 = 1 << 63
#: What says that a value is no map, or none that JSON can hold.
_FAILURES = (msgspec.MsgspecError, AttributeError, TypeError, ValueError, OverflowError, RecursionError)


def rows(extract: Extract, time: Callable[[uuid.UUID], Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each page-view and event that counts: those of :data:`COLUMNS` that are not empty.

    :param time: gives an event's time, as the format has it.
    """
    for found in extract.events():
        yield {"time": time(found.name), "id": str(found.name), "family": found.family, **_cells(found.value)}


def _cells(value: bytes) -> dict[str, Any]:
    try:
        return _cells_of(pageview.unpack(value))
    except _FAILURES:
        # Whoever wrote it knows what it is.
        return {"other": _json({"raw": value})}


def _cells_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    other = {}
    for name, held in fields.items():
        if name in TEXTS and isinstance(held, str):
            cells[name] = held
        elif name == "visitor" and isinstance(held, bytes):
            cells[name] = held.hex()
        elif name in NUMBERS and type(held) is int and -_INT64 <= held < _INT64:
            cells[name] = held
        elif name == "props":
            cells[name] = _json(held)
        else:
            other[name] = held
    return {**cells, "other": _json(other)} if other else cells


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
