"""``GET /api/v1/events``: the stored events themselves, a line of JSON each.

They are never held together: a page is gone through once to find its last event, which the link to the next page
names, and once more while it is sent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import Response, request

from footfall import timeuuid
from footfall.collect.beacon import collector
from footfall.columns import Column
from footfall.errors import UsageError
from footfall.pageview import days_of, unpack
from footfall.reports.buckets import zone_of
from footfall.reports.ranges import moment, span_of
from footfall.storage import ColumnFamily
from footfall.tokens import READ, Token
from footfall.transfer.extract import time_text
from footfall.web.api.access import site_of
from footfall.web.api.bodies import whole
from footfall.web.api.routes import SITE, Given, Parameter, Route, asked, route

FAMILIES = ("PageViews", "Events", "Filtered")
#: Events of a page, unless another number is asked for, and at most.
LINES, MOST_LINES = 1_000, 100_000
NDJSON = "application/x-ndjson"
_CHUNK = 64 << 10

_TEXT = {"type": "string"}
_FIELDS = (
    SITE,
    Parameter("family", "Page-views, other events, or what is kept apart.",
              {**_TEXT, "enum": list(FAMILIES), "default": FAMILIES[0]}),
    Parameter("since", "First instant: a date, or a time, in ISO 8601. The first event if not given.", _TEXT),
    Parameter("until", "The instant that ends the range, itself left out. The last event if not given.", _TEXT),
    Parameter("tz", "Time zone of dates, and of times without one.", {**_TEXT, "default": "UTC"}),
    Parameter("after", "Only events after the one of this id.", {**_TEXT, "format": "uuid"}),
    Parameter("limit", "So many events at most.",
              {"type": "integer", "minimum": 1, "maximum": MOST_LINES, "default": LINES}),
)


class _Part(NamedTuple):
    """A part of a site's events of a family: those between two names, without the first, with the last."""

    family: ColumnFamily
    site: str
    after: uuid.UUID
    last: uuid.UUID

    def columns(self) -> Iterator[Column]:
        """Yield the columns in order."""
        first_day, last_day = (f"{timeuuid.datetime_of(name):%Y%m%d}" for name in (self.after, self.last))
        for _, owner, key in days_of(self.family.row_keys(first_day, f"{last_day}~")):
            if owner == self.site:
                for column in self.family.xget(key, self.after, self.last):
                    if column[0] != self.after:
                        yield column


@route(Route("GET", "/events", "raw", READ, "Give the stored events, a line of JSON each", _FIELDS, answer="Event",
             media=(NDJSON,), problems=(404,)))
def raw(token: Token) -> Given:
    fields = asked(_FIELDS)
    limit = whole("limit", fields.get("limit", LINES), 1, MOST_LINES)
    part = _part(site_of(token, fields.get("site")).id, fields)
    last, goes_on = _end(part, limit)
    if last is None:
        return Response("", mimetype=NDJSON)
    headers = {}
    if goes_on:
        following = urlencode({**fields, "after": str(last)})
        headers["Link"] = f'<{request.path}?{following}>; rel="next"'
    return Response(_lines(part._replace(last=last)), 200, headers, mimetype=NDJSON)


def told(name: uuid.UUID, family: str, site: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as JSON has it: bytes in hexadecimal digits, the time to 100 ns."""
    return {"id": str(name), "time": time_text(name), "family": family, "site": site,
            "fields": {field: _plain(value) for field, value in fields.items()}}


def _part(site: str, fields: Mapping[str, str]) -> _Part:
    family = fields.get("family", FAMILIES[0])
    if family not in FAMILIES:
        raise UsageError(f"family {family!r}: unknown; use {', '.join(FAMILIES)}")
    zone = zone_of(fields.get("tz", "UTC"))
    span = span_of(moment(fields.get("since", "1900-01-01"), "since"),
                   moment(fields.get("until", "2200-12-31"), "until"), zone)
    after = timeuuid.last_of(span.since - 1)
    if "after" in fields:
        after = max(after, _name(fields["after"]), key=timeuuid.sort_key)
    return _Part(collector().store().family(family), site, after, timeuuid.last_of(span.until - 1))


def _name(text: str) -> uuid.UUID:
    name = timeuuid.named(text)
    if name is None:
        raise UsageError(f"after {text!r}: must be the id of an event")
    return name


def _end(part: _Part, limit: int) -> tuple[uuid.UUID | None, bool]:
    """Return the name of the last event of a page, ``None`` if it has none, and whether others follow."""
    last, columns = None, part.columns()
    for last, _ in islice(columns, limit):  # noqa: B007 - the last one is wanted
        pass
    return last, next(columns, None) is not None


def _lines(part: _Part) -> Iterator[bytes]:
    lines, size = [], 0
    for name, value in part.columns():
        line = json.dumps(told(name, part.family.name, part.site, unpack(value)), ensure_ascii=False) + "\n"
        lines.append(line)
        size += len(line)
        if size >= _CHUNK:
            yield "".join(lines).encode()
            lines, size = [], 0
    yield "".join(lines).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
