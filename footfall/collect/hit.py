"""From a request to events: the one parser of every beacon, pure.

No clock, socket or setting is read in here; all comes as arguments. So the routes, and a test with
the same corpus, share it. docs/collection.md lists what is accepted and what is refused.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

import msgspec

from footfall import timeuuid
from footfall.collect.filters import Rules, sort_out
from footfall.collect.rates import Rates
from footfall.collect.visitors import cookie_visitor
from footfall.config import Network
from footfall.derive.places import LookUp
from footfall.errors import BadHit, Declined
from footfall.pageview import LIMITS, Event, is_account, kept_address, page_fields

MAX_BODY_BYTES = 64 * 1024
MAX_EVENTS = 50
MAX_PROPS = 30
#: How long ago an event may have happened, in milliseconds: the tracker keeps them for 48 hours, and clocks differ.
MAX_AGE_MS = 49 * 3600 * 1000
#: How far ahead of ours the clock of the server that told a page the time may be.
MAX_AHEAD_MS = 60_000
ENGAGEMENT = "engagement"
_MAX_INT = 2**63 - 1
#: The longest query of which it is remembered what it says.
_REMEMBERED_BYTES = 500

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_EVENT_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_TICKS_PER_MS = timeuuid.TICKS_PER_SECOND // 1000


class Headers(Protocol):
    """A request's headers: WSGI's values (Latin-1), by names that are asked for in lower case."""

    def get(self, name: str, default: str, /) -> str: ...


class Policy(NamedTuple):
    """What a collector accepts and keeps.

    :param accounts: the known ones, or ``None`` to accept any.
    :param ip: how much of an address is kept: ``truncated``, ``full`` or ``none``.
    :param trusted_proxies: whose X-Real-IP and X-Forwarded-For are believed.
    :param places: tells the place of a whole address, to be kept where only a part of that is; ``None`` for none.
    :param visitor: gives the visitor of account, whole address, user agent and time of receipt (ticks); ``None`` if
        visitors are not told apart by these.
    :param cookies: whether visitors are told apart by the id that a page keeps in a cookie.
    :param rules: gives those by which an account's hits are kept apart; ``None`` to count them all.
    :param rates: counts what senders send, for the rules' last; ``None`` where hits do not come at their own time.
    """

    accounts: Container[str] | None
    ip: str
    trusted_proxies: tuple[Network, ...]
    places: LookUp | None = None
    visitor: Callable[[str, str, str, int], bytes] | None = None
    cookies: bool = False
    rules: Callable[[str], Rules] | None = None
    rates: Rates | None = None


class Clock(Protocol):
    """Gives each event a time of its own: :class:`footfall.timeuuid.Clock`, or a test's."""

    def ticks(self) -> int: ...


#: An id that a sender gives: of an event, or of a visitor.
GivenId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
Props = dict[str, str | int | float | bool | None]
_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_AGE_MS)]


class _Posted(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One event of a POST's JSON; docs/collection.md tells the fields."""

    id: str
    url: str
    ref: str = ""
    title: str = ""
    eid: GivenId | None = None
    age: _Milliseconds = 0
    at: Annotated[int, msgspec.Meta(ge=0)] | None = None
    retry: bool = False
    visitor: GivenId | None = None
    new: bool = False
    screen: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,5}x[0-9]{1,5}\Z")] | None = None
    event: str | None = None
    props: Props | None = None
    engaged: _Milliseconds | None = None
    scroll: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    bot: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}\Z")] | None = None


_decode_posted = msgspec.json.Decoder(_Posted | list[_Posted]).decode


def parse_hit(query: bytes, headers: Headers, peer: str, *, policy: Policy, name: uuid.UUID) -> Event:
    """Turn a request for ``/a.gif`` into the page-view to store.

    :param query: the query string as it came, percent-encoded.
    :param headers: the request's.
    :param peer: address of the connection's other end; empty for a Unix socket.
    :param policy: what is accepted and kept.
    :param name: the page-view's time UUID.
    :raises BadHit: the hit is refused, with the reason and the HTTP status.
    :raises Declined: its reader does not want to be counted, and the account honours that.

    A hit that a rule of the account finds belongs to ``Filtered``, with the rule in its field ``reason``.
    """
    account, url, referrer, title = (_remembered_view if len(query) <= _REMEMBERED_BYTES else _view)(query)
    _check_account(account, policy)
    sender = _sender(headers, peer, policy)
    rules, received = _rules(account, sender, policy), timeuuid.ticks_of(name)
    event = _event("PageViews", account, name, url, referrer, title, sender,
                   _visitor(sender, account, received, policy))
    return sort_out(event, rules, sender.address, received, policy.rates)


def parse_events(body: bytes, headers: Headers, peer: str, *, policy: Policy, clock: Clock) -> list[Event]:
    """Turn the body of a POST to ``/e``, one event or a list of them in JSON, into the events to store.

    An event that has a name (``event``) belongs to ``Events``, one that has none is a page-view. One
    bad event refuses them all, so that the sender knows what was taken: everything or nothing. Arguments and
    what is kept apart are those of :func:`parse_hit`.

    :param clock: tells the time of receipt, of which an event's age is taken off.
    :raises Declined: no event is left, since the reader does not want to be counted.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadHit(f"body: longer than {MAX_BODY_BYTES} bytes", 413)
    try:
        posted = _decode_posted(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadHit(f"body: {error}") from None
    batch = posted if isinstance(posted, list) else [posted]
    if not 1 <= len(batch) <= MAX_EVENTS:
        raise BadHit(f"body: {len(batch)} events, must be 1 to {MAX_EVENTS}", 413 if batch else 400)
    sender = _sender(headers, peer, policy)
    events, declined = [], None
    for number, item in enumerate(batch, 1):
        try:
            account = _check_account(item.id, policy)
            rules = _rules(account, sender, policy)
            family = "PageViews" if item.event is None else "Events"
            received = clock.ticks()
            visitor = _cookie_visitor(item) if policy.cookies else _visitor(sender, account, received, policy)
            event = _event(family, account, _name(item, received), item.url, item.ref, item.title, sender,
                           {**visitor, **_custom_fields(item)})
            event = sort_out(event, rules, sender.address, received, policy.rates, is_retry=item.retry)
            # One that names its time has the same name each time it is sent; the other's depends on when it came.
            events.append(event._replace(retry=True) if item.retry and item.at is None else event)
        except Declined as error:
            declined = error
        except BadHit as error:
            raise BadHit(f"{error.reason} (event {number})", error.status) from None
    if declined and not events:
        raise declined
    return events


def client_address(headers: Headers, peer: str, trusted_proxies: tuple[Network, ...]) -> str:
    """Return the address that a request came from, as text; empty if it cannot be told.

    Only a trusted proxy is believed: its X-Real-IP, else the last address in X-Forwarded-For that is
    not a trusted proxy itself. A Unix socket's peer counts as trusted: its file's mode keeps others out.
    """
    if not _trusts(peer, trusted_proxies):
        return _address_text(peer)
    real, forwarded = headers.get("x-real-ip", ""), headers.get("x-forwarded-for", "")
    if real and (address := _address_text(real)):
        return address
    for hop in reversed(forwarded.split(",") if forwarded else ()):
        address = _address_text(hop)
        if not address:
            break
        if not _trusts(address, trusted_proxies):
            return address
    return _address_text(peer)


def is_trusted(peer: str, trusted_proxies: tuple[Network, ...]) -> bool:
    """Tell whether the connection's other end is a trusted proxy; a Unix socket's, empty, is one."""
    address = parsed_address(peer)
    return not peer or (address is not None and any(address in network for network in trusted_proxies))


_trusts = lru_cache(maxsize=16384)(is_trusted)


class _Sender(NamedTuple):
    """Who sent a request: the whole address and user agent, what is kept of the headers, and the address's place.

    ``objection`` is what says that the reader does not want to be counted, ``dnt`` or ``gpc``; empty for nothing.
    """

    address: str
    user_agent: str
    fields: Mapping[str, str]
    place: Mapping[str, str]
    objection: str


def _event(family: str, account: str, name: uuid.UUID, url: str, referrer: str, title: str,
           sender: _Sender, more: Mapping[str, Any]) -> Event:
    page = page_fields(url.strip(), title, referrer.strip(), **sender.fields)
    if not page["url"]:
        raise BadHit("url: missing")
    page.update(sender.place)
    page.update(more)
    return Event(family, account, name, page)


def _visitor(sender: _Sender, account: str, ticks: int, policy: Policy) -> dict[str, bytes]:
    if policy.visitor is None:
        return {}
    return {"visitor": policy.visitor(account, sender.address, sender.user_agent, ticks)}


def _cookie_visitor(item: _Posted) -> dict[str, Any]:
    """The visitor that a page's cookie stands for, and whether the page has only just given it."""
    if item.visitor is None:
        return {}
    visitor = {"visitor": cookie_visitor(item.id, item.visitor)}
    return {**visitor, "new": True} if item.new else visitor


def _sender(headers: Headers, peer: str, policy: Policy) -> _Sender:
    """What a request's headers tell of who sent it."""
    address = client_address(headers, peer, policy.trusted_proxies)
    fields = _sender_fields(address, policy.ip, headers.get("user-agent", ""), headers.get("accept-language", ""))
    return _Sender(address, fields["user_agent"], fields,
                   policy.places(address) if policy.places is not None else {}, _objection(headers))


# Who reads one page reads another, and half a site's readers may have the same browser.
@lru_cache(maxsize=8192)
def _sender_fields(address: str, ip: str, agent: str, languages: str) -> Mapping[str, str]:
    # The header's bytes are UTF-8 where they are more than ASCII; WSGI hands them over as Latin-1.
    if not agent.isascii():
        agent = agent.encode("latin-1", "replace").decode("utf-8", "replace")
    return {"ip": kept_address(address, ip), "user_agent": agent, "language": first_language(languages)}


def _objection(headers: Headers) -> str:
    if headers.get("sec-gpc", "").strip() == "1":
        return "gpc"
    return "dnt" if headers.get("dnt", "").strip() == "1" else ""


def _rules(account: str, sender: _Sender, policy: Policy) -> Rules | None:
    """Return the rules of an account.

    :raises Declined: the reader does not want to be counted, and the account honours that.
    """
    if policy.rules is None:
        return None
    rules = policy.rules(account)
    if sender.objection and rules.honours_dnt:
        raise Declined(sender.objection)
    return rules


@lru_cache(maxsize=1024)
def first_language(accepted: str) -> str:
    """Return the first language of an Accept-Language header; empty if it names none."""
    first = accepted.partition(",")[0].partition(";")[0].strip()
    return first if _LANGUAGE.fullmatch(first) else ""


def _name(item: _Posted, received: int) -> uuid.UUID:
    """Return the name of an event: when it happened, by our clock, and the hash of its id.

    :param received: time of receipt, in ticks.
    """
    if item.retry and item.eid is None:
        raise BadHit("retry: only with eid")
    ticks = received - item.age * _TICKS_PER_MS
    if item.at is not None:
        now = received // _TICKS_PER_MS
        if item.age or not now - MAX_AGE_MS <= item.at <= now + MAX_AHEAD_MS:
            raise BadHit("at: must be within the last 49 hours, and without age")
        ticks = item.at * _TICKS_PER_MS
    return timeuuid.make(ticks, timeuuid.random_bits() if item.eid is None else timeuuid.hash_bits(item.eid))


def _custom_fields(item: _Posted) -> dict[str, Any]:
    """What an event has beside its page: a screen, or its name and what belongs to that; the mark of a bot."""
    mark = {} if item.bot is None else {"bot": item.bot}
    if item.event != ENGAGEMENT and (item.engaged is not None or item.scroll is not None):
        raise BadHit(f"engaged, scroll: only with event {ENGAGEMENT}")
    if item.event is None:
        if item.props:
            raise BadHit("props: only with event")
        return mark if item.screen is None else {"screen": item.screen, **mark}
    return {**custom_event_fields(item.event, item.props or {}), **_engagement(item), **mark}


def _engagement(item: _Posted) -> dict[str, int]:
    if item.event != ENGAGEMENT:
        return {}
    return {"engaged": item.engaged or 0, "scroll": item.scroll or 0}


def custom_event_fields(event: str, props: Props) -> dict[str, Any]:
    """Return what is stored of the name and the properties of a custom event.

    :raises BadHit: they are not such.
    """
    if not _EVENT_NAME.fullmatch(event):
        raise BadHit("event: must be 1 to 64 characters, none of them a control character")
    if len(props) > MAX_PROPS:
        raise BadHit(f"props: {len(props)} of them, at most {MAX_PROPS}", 413)
    for key, value in props.items():
        if not _EVENT_NAME.fullmatch(key):
            raise BadHit("props: a name must be 1 to 64 characters, none of them a control character")
        if isinstance(value, str) and len(value.encode()) > LIMITS["title"]:
            raise BadHit(f"props: a value is longer than {LIMITS['title']} bytes", 413)
        if isinstance(value, int) and not -_MAX_INT <= value <= _MAX_INT:
            raise BadHit("props: a number is larger than 64 bits hold")
    return {"event": event, "props": props} if props else {"event": event}


class _View(NamedTuple):
    """What the query of a page-view says."""

    account: str
    url: str
    referrer: str
    title: str


def _view(query: bytes) -> _View:
    fields = _query_fields(query)
    return _View(_decoded(fields, b"id"), _decoded(fields, b"url"), _decoded(fields, b"ref"),
                 _decoded(fields, b"title") or _decoded(fields, b"t"))


# A site's pages, and most of where their readers come from, are the same ones again and again.
_remembered_view = lru_cache(maxsize=8192)(_view)


def _query_fields(query: bytes) -> dict[bytes, bytes]:
    """The query's fields, still percent-encoded; of a field given twice, the first."""
    fields: dict[bytes, bytes] = {}
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        fields.setdefault(key, value)
    return fields


def _decoded(fields: Mapping[bytes, bytes], key: bytes) -> str:
    value = fields.get(key, b"").replace(b"+", b" ")
    try:
        return (unquote_to_bytes(value) if b"%" in value else value).decode()
    except UnicodeDecodeError:
        raise BadHit(f"{key.decode()}: not UTF-8") from None


def _check_account(account: str, policy: Policy) -> str:
    if not account:
        raise BadHit("id: missing")
    if not is_account(account):
        raise BadHit("id: must be 1 to 64 letters, digits, dots, dashes or underscores")
    if policy.accounts is not None and account not in policy.accounts:
        raise BadHit("id: unknown account", 404)
    return account


def parsed_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address that is written as text, an IPv4 one mapped into IPv6 as what it is; ``None`` if it is none."""
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=16384)
def _address_text(text: str) -> str:
    """Return an address as it is written shortest; empty if it is none."""
    address = parsed_address(text)
    return "" if address is None else str(address)
