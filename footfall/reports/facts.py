"""Facts: what an event tells, as the columns that reports are made of.

:func:`fact_of` is pure. What goes together in an event, such as a browser and its version, is kept together: it is
written down once a day and table, and each event holds a number that stands for it (:mod:`footfall.reports.day`).
docs/metrics.md defines each dimension.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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


class Fact(NamedTuple):
    """What one event tells: a row of each of :data:`TABLES`, in their order, then what is counted and measured."""

    kind: tuple[str | None]
    page: tuple[str | None, str, str | None]
    url: tuple[str]
    origin: tuple[str | None, ...]
    referrer_url: tuple[str | None]
    agent: tuple[str, str, str, str]
    place: tuple[str | None, str | None, str | None]
    language: tuple[str | None]
    screen: tuple[str | None]
    props: tuple[str | None]
    visitor: int
    engaged: int
    scroll: int


def fact_of(fields: Mapping[str, Any]) -> Fact:
    """Return what an event tells.

    :param fields: of the event, as it is stored; what is missing, or is not what the collector writes, tells nothing.
    """
    url, referrer = _text(fields, "url"), _text(fields, "referrer")
    is_internal = source_of(url, referrer).channel == "internal"
    props = fields.get("props")
    return Fact((_text(fields, "event") or None,), page_of(url, _text(fields, "title")), (url,),
                origin_of(url, referrer), (None if is_internal else referrer or None,),
                agent_of(_text(fields, "user_agent")),
                place_of(_text(fields, "country"), _text(fields, "region"), _text(fields, "city")),
                (_text(fields, "language") or None,), (_text(fields, "screen") or None,),
                (json.dumps(props, ensure_ascii=False, sort_keys=True) if isinstance(props, dict) and props else None,),
                visitor_number(fields.get("visitor")), _count(fields, "engaged"), _count(fields, "scroll"))


@lru_cache(maxsize=16384)
def page_of(url: str, title: str) -> tuple[str | None, str, str | None]:
    """Return host, path and title of a page. A fragment is part of the path where a router keeps its pages in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None, url, title or None
    fragment = f"#{parts.fragment}" if parts.fragment.startswith(("/", "!")) else ""
    return host(url) or None, (parts.path or "/") + fragment, title or None


def origin_of(url: str, referrer: str) -> tuple[str | None, ...]:
    """Return where a reader came from: referring host, source, channel, search term, and the five tags."""
    source = source_of(url, referrer)
    tags = campaign_of(url)
    internal = source.channel == "internal"
    return (referrer_host(referrer, url) or None, source.source or None, source.channel,
            None if internal else source.search_term or None, tags.source or None, tags.medium or None,
            tags.campaign or None, tags.content or None, tags.term or None)


def agent_of(user_agent: str) -> tuple[str, str, str, str]:
    """Return browser, browser and version, system and device."""
    agent = parse_agent(user_agent)
    return (agent.browser or UNKNOWN, f"{agent.browser} {agent.browser_version}".strip() or UNKNOWN,
            agent.os or UNKNOWN, agent.device)


def place_of(country: str, region: str, city: str) -> tuple[str | None, str | None, str | None]:
    """Return country, region and city, the last two with the country's letters, which tell one Limburg from another."""
    return (country or None, f"{country} {region}".strip() if region else None,
            f"{country} {city}".strip() if city else None)


def visitor_number(visitor: Any) -> int:
    """Return a visitor's eight bytes as a number; 0 for an event that has none."""
    return int.from_bytes(visitor) if isinstance(visitor, bytes) and len(visitor) == VISITOR_BYTES else 0


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0
