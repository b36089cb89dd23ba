"""Facts: what an event tells, as the columns that reports are made of.

:func:`fact_of` is pure. What goes together in an event, such as a browser and its version, is kept together: it is
written down once a day and table, and each event holds a number that stands for it (:mod:`footfall.reports.day`).
docs/metrics.md defines each dimension.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from footfall.columns import VISITOR_BYTES
from footfall.derive.agents import parse_agent
from footfall.derive.campaigns import campaign_of
from footfall.derive.referrers import referrer_host, source_of
from footfall.derive.urls import host

#: The tables, and the dimensions that a row of each holds; a missing value is ``None``.
TABLES: Mapping[str, tuple[str, ...]] = {
    "kind": ("event",),
    "page": ("host", "page", "title"),
    "url": ("url",),
    "origin": ("referrer", "source", "channel", "search_term",
               "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"),
    "referrer_url": ("referrer_url",),
    "agent": ("browser", "browser_version", "os", "device"),
    "place": ("country", "region", "city"),
    "language": ("language",),
    "screen": ("screen",),
    "props": ("props",),
}
#: The fields of a stored event that facts are made of.
FIELDS = ("url", "title", "referrer", "user_agent", "language", "visitor", "screen", "event", "props", "country",
          "region", "city", "engaged", "scroll")
#: What a browser or a system is counted under whose name is not told.
UNKNOWN = "other"
#: Events by which the tracker reports on a page: no happenings of their own.
REPORTS = frozenset({"engagement", "vitals"})
#: Events that no reader brought about.
PASSIVE = REPORTS | {"404"}


#: A row of a table.
Row = tuple[str | None, ...]


class Fact(NamedTuple):
    """What one event tells: a row of each of :data:`TABLES`, in their order, then what is counted and measured."""

    kind: Row
    page: Row
    url: Row
    origin: Row
    referrer_url: Row
    agent: Row
    place: Row
    language: Row
    screen: Row
    props: Row
    visitor: int
    engaged: int
    scroll: int


def fact_of(fields: Mapping[str, Any]) -> Fact:
    """Return what an event tells.

    :param fields: of the event, as it is stored; what is missing, or is not what the collector writes, tells nothing.
    """
    texts = {name: text_of(fields.get(name)) for name in FIELDS} | {"props": props_text(fields.get("props"))}
    rows = {name: make(*(texts[field] for field in needed)) for name, (needed, make) in ROWS.items()}
    return Fact(**rows, visitor=visitor_number(fields.get("visitor")), engaged=count_of(fields.get("engaged")),
                scroll=count_of(fields.get("scroll")))


@lru_cache(maxsize=16384)
def page_of(url: str, title: str) -> tuple[str | None, str, str | None]:
    """Return host, path and title of a page. A fragment is part of the path where a router keeps its pages in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None, url, title or None
    fragment = f"#{parts.fragment}" if parts.fragment.startswith(("/", "!")) else ""
    return host(url) or None, (parts.path or "/") + fragment, title or None


def origin_of(url: str, referrer: str) -> Row:
    """Return where a reader came from: referring host, source, channel, search term, and the five tags."""
    source = source_of(url, referrer)
    tags = campaign_of(url)
    return (referrer_host(referrer, url) or None, source.source or None, source.channel,
            source.search_term or None, tags.source or None, tags.medium or None,
            tags.campaign or None, tags.content or None, tags.term or None)


def referrer_url_of(url: str, referrer: str) -> tuple[str | None]:
    """Return the referrer as it was stored, unless it is a page of the site itself."""
    return (None if source_of(url, referrer).channel == "internal" else referrer or None,)


def agent_of(user_agent: str) -> tuple[str, str, str, str]:
    """Return browser, browser and version, system and device."""
    agent = parse_agent(user_agent)
    return (agent.browser or UNKNOWN, f"{agent.browser} {agent.browser_version}".strip() or UNKNOWN,
            agent.os or UNKNOWN, agent.device)


def place_of(country: str, region: str, city: str) -> tuple[str | None, str | None, str | None]:
    """Return country, region and city, the last two with the country's letters, which tell one Limburg from another."""
    return (country or None, f"{country} {region}".strip() if region else None,
            f"{country} {city}".strip() if city else None)


def word_of(text: str) -> tuple[str | None]:
    """Return a text as it is, an empty one as missing."""
    return (text or None,)


#: The fields that make a row of each table, and what makes it of them.
ROWS: Mapping[str, tuple[tuple[str, ...], Callable[..., Row]]] = {
    "kind": (("event",), word_of),
    "page": (("url", "title"), page_of),
    "url": (("url",), lambda url: (url,)),
    "origin": (("url", "referrer"), origin_of),
    "referrer_url": (("url", "referrer"), referrer_url_of),
    "agent": (("user_agent",), agent_of),
    "place": (("country", "region", "city"), place_of),
    "language": (("language",), word_of),
    "screen": (("screen",), word_of),
    "props": (("props",), word_of),
}


def text_of(value: Any) -> str:
    """Return a stored text; empty for what is none."""
    return value if isinstance(value, str) else ""


def props_text(props: Any) -> str:
    """Return what an event's own properties are written as: JSON, sorted by name; empty if there are none."""
    if not isinstance(props, dict) or not props:
        return ""
    try:
        return json.dumps(props, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError):
        # Bytes, or names of several types: nothing that JSON or the collector knows.
        return ""


def visitor_number(visitor: Any) -> int:
    """Return a visitor's eight bytes as a number; 0 for an event that has none."""
    return int.from_bytes(visitor) if isinstance(visitor, bytes) and len(visitor) == VISITOR_BYTES else 0


def count_of(value: Any) -> int:
    """Return a stored count; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0
