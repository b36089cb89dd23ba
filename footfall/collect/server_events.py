"""From the body of ``POST /api/v1/events`` to events: the parser of what servers send, pure.

Unlike a page's, such an event names its time, its id and whom it is about. Each is taken or refused by itself.
docs/api.md lists the fields and what they may be.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from footfall import timeuuid
from footfall.collect.hit import (
    ENGAGEMENT,
    Clock,
    GivenId,
    Policy,
    Props,
    custom_event_fields,
    first_language,
    parsed_address,
)
from footfall.collect.visitors import cookie_visitor
from footfall.errors import BadHit
from footfall.pageview import Event, kept_address, page_fields

MAX_BODY_BYTES = 1 << 20
MAX_EVENTS = 500
#: How far ahead of ours the clock of a server may be.
MAX_AHEAD_TICKS = 600 * timeuuid.TICKS_PER_SECOND
#: The Web is younger. A time in seconds, taken for milliseconds, would lie in 1970.
EARLIEST_TICKS = timeuuid.ticks_at(datetime(1990, 1, 1))
_TICKS_PER_MS = timeuuid.TICKS_PER_SECOND // 1000
_MAX_REASON = 200


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]
    all_or_nothing: bool = False


class _ServerEvent(msgspec.Struct, forbid_unknown_fields=True):
    """One event; docs/api.md tells the fields. ``None`` is the same as a field that is not there."""

    site: str | None = None
    url: str | None = None
    title: str | None = None
    referrer: str | None = None
    event: str | None = None
    props: Props | None = None
    time: int | str | None = None
    id: GivenId | None = None
    visitor: GivenId | None = None
    ip: str | None = None
    user_agent: str | None = None
    language: str | None = None


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_event = msgspec.json.Decoder(_ServerEvent).decode


class ServerEvents(NamedTuple):
    """What a body holds.

    :param events: those that can be stored.
    :param reasons: for each event of the body why it is refused, or ``None``.
    :param all_or_nothing: whether one that is refused is to refuse them all.
    """

    events: list[Event]
    reasons: list[str | None]
    all_or_nothing: bool

    @property
    def refused(self) -> int:
        """How many are refused."""
        return len(self.reasons) - len(self.events)


def parse_server_events(body: bytes, site: str, *, policy: Policy, clock: Clock) -> ServerEvents:
    """Turn a body into the events to store, and the reasons against the others.

    :param site: the account that the events are of.
    :param policy: what is kept of an address, where it is, and how visitors are told apart.
    :param clock: tells the time of receipt.
    :raises BadHit: the body is no batch of events, with the HTTP status.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadHit(f"body: longer than {MAX_BODY_BYTES} bytes", 413)
    try:
        batch = _decode_batch(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadHit(f"body: {error}"[:_MAX_REASON]) from None
    if not 1 <= len(batch.events) <= MAX_EVENTS:
        raise BadHit(f"body: {len(batch.events)} events, must be 1 to {MAX_EVENTS}", 413 if batch.events else 400)
    events: list[Event] = []
    reasons: list[str | None] = []
    for raw in batch.events:
        try:
            events.append(_event(_decode_event(raw), site, policy, clock.ticks()))
            reasons.append(None)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reasons.append(f"body: {error}"[:_MAX_REASON])
        except BadHit as error:
            reasons.append(error.reason)
    return ServerEvents(events, reasons, batch.all_or_nothing)


def _event(item: _ServerEvent, site: str, policy: Policy, received: int) -> Event:
    if item.site not in (None, site):
        raise BadHit("site: not the token's")
    address = _address(item.ip)
    name = _name(item, received)
    fields = page_fields((item.url or "").strip(), item.title or "", (item.referrer or "").strip(),
                         item.user_agent or "", first_language(item.language or ""), kept_address(address, policy.ip))
    if policy.places is not None:
        fields.update(policy.places(address))
    fields.update(_visitor(item, site, address, policy, name, received))
    if item.event is None:
        if not fields["url"]:
            raise BadHit("url: missing, and only an event with a name can do without")
        if item.props:
            raise BadHit("props: only with event")
        return Event("PageViews", site, name, fields)
    if item.event == ENGAGEMENT:
        raise BadHit(f"event: {ENGAGEMENT} is the tracker's own")
    fields.update(custom_event_fields(item.event, item.props or {}))
    return Event("Events", site, name, fields)


def _address(text: str | None) -> str:
    if not text:
        return ""
    address = parsed_address(text)
    if address is None:
        raise BadHit("ip: must be an IPv4 or IPv6 address")
    return str(address)


def _name(item: _ServerEvent, received: int) -> uuid.UUID:
    """Return the name of an event: with a time and an id the same however often it is sent.

    :param received: time of receipt, in ticks.
    """
    if item.time is None:
        if item.id is not None:
            raise BadHit("id: only with time, which is a part of what the event is known again by")
        return timeuuid.make(received, timeuuid.random_bits())
    ticks = item.time * _TICKS_PER_MS if isinstance(item.time, int) else _ticks_of_text(item.time)
    if not EARLIEST_TICKS <= ticks <= received + MAX_AHEAD_TICKS:
        raise BadHit("time: must be after 1989 and at most ten minutes ahead; a number is milliseconds since 1970")
    return timeuuid.make(ticks, timeuuid.random_bits() if item.id is None else timeuuid.hash_bits(item.id))


def _ticks_of_text(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return timeuuid.ticks_at(moment)
    except (ValueError, OverflowError):
        pass
    raise BadHit("time: must be ISO 8601 with a zone, such as 2026-01-02T15:04:05Z, or milliseconds since 1970")


def _visitor(item: _ServerEvent, site: str, address: str, policy: Policy, name: uuid.UUID, received: int,
             ) -> dict[str, Any]:
    """The visitor that an event names, or whom its address and user agent stand for, unless nobody is told apart."""
    if policy.visitor is None and not policy.cookies:
        return {}
    if item.visitor is not None:
        return {"visitor": cookie_visitor(site, item.visitor)}
    # Of other days the salt may be gone: the one of today would make somebody else of who was there.
    if policy.visitor is None or not address or not _on_one_day(timeuuid.ticks_of(name), received):
        return {}
    return {"visitor": policy.visitor(site, address, item.user_agent or "", received)}


def _on_one_day(ticks: int, other: int) -> bool:
    return timeuuid.midnight(ticks) == timeuuid.midnight(other)
