"""JSON lines: all that is stored of a site, so that :mod:`footfall.transfer.restoring` makes the same of it again.

The first line is the header. Each column is a line::

    {"family":"PageViews","id":"…","time":"2026-01-02T07:30:00.1234567Z","fields":{"url":"…"}}

``fields`` is what the value holds, ``visitor`` in hexadecimal digits. What would not come back from JSON as it was, to
the byte, is there as ``raw`` instead, in Base64. After each thousand lines one tells how many there were and their
SHA-256, and so does the last, which has ``end`` too: what was cut off or edited is found, and where.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from footfall import definitions
from footfall.transfer.extract import Extract, Found, row_day, time_text

VERSION = 1
#: What is defined for a site and goes with it; shares, mails and whatever else holds a key or an address stay.
KINDS = ("goal", "funnel", "annotation")
#: The most lines, and about the most bytes, that come before they are summed up.
LINES, BYTES = 1_000, 1 << 20
#: What the line that sums up begins with.
CHECK = b'{"lines":'

_decode = msgspec.msgpack.Decoder().decode
_pack = msgspec.msgpack.Encoder().encode
_from_json = msgspec.json.Decoder().decode
_to_json = msgspec.json.Encoder().encode
#: What says that a value is none that JSON can hold.
_FAILURES = (msgspec.MsgspecError, AttributeError, TypeError, ValueError, OverflowError, RecursionError)


def chunks(extract: Extract) -> Iterator[bytes]:
    """Yield the file, some thousand lines at a time."""
    waiting = _Waiting()
    for line in _lines(extract):
        waiting.add(line)
        if waiting.is_enough:
            yield waiting.summed_up()
    yield waiting.summed_up(end=True)


def value_of(fields: bytes) -> bytes:
    """Return the value that a line's fields stand for.

    :raises ValueError: they stand for none.
    """
    try:
        found = _from_json(fields)
        if isinstance(visitor := found.get("visitor"), str):
            found["visitor"] = _visitor(visitor)
        return _pack(found)
    except _FAILURES as error:
        raise ValueError(str(error)) from None


class _Waiting:
    """Lines that wait to be summed up and sent."""

    def __init__(self) -> None:
        self._digest = sha256()
        self._number = self._size = 0
        self._lines: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Add a line."""
        self._lines.append(line)
        self._size += len(line)

    @property
    def is_enough(self) -> bool:
        """Whether it is time to sum them up."""
        return len(self._lines) >= LINES or self._size >= BYTES

    def summed_up(self, **more: bool) -> bytes:
        """Return them with the line that sums up all that was written, and have none waiting."""
        lines = b"".join(self._lines)
        self._digest.update(lines)
        self._number += len(self._lines)
        check = _to_json({"lines": self._number, "sha256": self._digest.hexdigest(), **more}) + b"\n"
        self._digest.update(check)
        self._number += 1
        self._lines, self._size = [], 0
        return lines + check


def _lines(extract: Extract) -> Iterator[bytes]:
    yield _to_json(header(extract)) + b"\n"
    for found in extract.stored():
        of = f'"of":"{found.of}",' if found.of else ""
        day = row_day(found)
        row = f'"row":"{day}",' if day else ""
        yield (f'{{"family":"{found.family}",{of}{row}"id":"{found.name}","time":"{time_text(found.name)}",'.encode()
               + _body(found) + b"}\n")


def header(extract: Extract) -> Mapping[str, Any]:
    """Return what the first line says: whose events follow, of what time, and what was set and defined there."""
    account = extract.account
    kept = [each for kind in KINDS for each in definitions.all_of(extract.store, account.id, kind)]
    return {
        "footfall": "export", "version": VERSION, "site": account.id, "since": _iso(extract.since),
        "until": _iso(extract.until), "url": account.url, "created": account.created, "settings": account.given,
        "definitions": [{"kind": each.kind, "id": each.id, "created": each.created, "by": each.by,
                         "fields": each.fields} for each in kept]}


def _body(found: Found) -> bytes:
    try:
        fields = _decode(found.value)
        visitor = fields.get("visitor")
        if isinstance(visitor, bytes):
            fields["visitor"] = visitor.hex()
        text = _to_json(fields)
        # The only proof that holds for whatever was stored.
        if value_of(text) == found.value:
            return b'"fields":' + text
    except _FAILURES:
        pass
    return b'"raw":"' + b64encode(found.value) + b'"'


def _visitor(text: str) -> bytes | str:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
