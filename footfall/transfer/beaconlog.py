"""Logs of hits that nginx answered by itself: a line for each, as deploy/nginx-log.conf has them written.

A line is a JSON map of a request's time, id, address, method, status, URI and headers. nginx's ``escape=json``
writes the bytes of the request as they came but for quotes, backslashes and control characters, so a line read as
Latin-1, which is how WSGI hands headers over, gives the parser of the live beacon what it would have got.
An event's id comes from the request's, so that a line read twice is one event.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Protocol

import msgspec

from footfall import timeuuid
from footfall.errors import BadHit, Declined
from footfall.pageview import Event

_TICKS_PER_MILLISECOND = timeuuid.TICKS_PER_SECOND // 1000


class Parse(Protocol):
    """The parser of the live beacon, told what is accepted and kept: ``footfall.collect.hit.parse_hit``."""

    def __call__(self, query: bytes, headers: Mapping[str, str], peer: str, /, *, name: uuid.UUID) -> Event: ...


class _Line(msgspec.Struct, gc=False):
    """What is read of a line; what else an owner had written into it is passed over."""

    time: float
    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    address: str
    method: str
    status: str
    uri: str
    headers: dict[str, str]


_decode = msgspec.json.Decoder(_Line).decode


def read_hits(lines: Iterable[bytes], parse: Parse, skipped: Callable[[str, bytes], None],
              site: str | None = None) -> Iterator[Event]:
    """Yield the page-views of a log's lines, in the log's order; some may belong to ``Filtered``.

    :param parse: the beacon's parser.
    :param skipped: called with the reason and the line of every one that is none: ``malformed``, ``method``,
        ``status``, ``site``, or the reason for which the beacon would have refused the hit, or not counted it.
    :param site: take only this account's; ``None`` for all.
    :raises StoreUnavailable: ``parse`` could not find out whether an account exists; all may be read again.
    """
    for line in lines:
        raw = line.rstrip(b"\r\n")
        try:
            hit = _decode(raw if raw.isascii() else raw.decode("latin-1").encode())
            # nginx's clock is written to the millisecond; the request's id tells those of one apart.
            name = timeuuid.make(round(hit.time * 1000) * _TICKS_PER_MILLISECOND, int(hit.id, 16))
            query = hit.uri.partition("?")[2].encode("latin-1")
        except (msgspec.DecodeError, ValueError, OverflowError):
            skipped("malformed", raw)
            continue
        if hit.method != "GET" or hit.status != "200":
            skipped("status" if hit.method == "GET" else "method", raw)
            continue
        try:
            event = parse(query, hit.headers, hit.address, name=name)
        except (BadHit, Declined) as error:
            skipped(error.reason, raw)
            continue
        if site in (None, event.account):
            yield event
        else:
            skipped("site", raw)
