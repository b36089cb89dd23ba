"""What can be set for each site, every setting once, as data, like the settings of the server.

``footfall site set blog --retention-days 400`` sets one; an empty value takes the default again.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

from footfall.config import Setting, networks, one_of, whole_number
from footfall.errors import UsageError


def _countries(text: str) -> frozenset[str]:
    countries = frozenset(_parts(text.upper()))
    if any(len(each) != 2 or not each.isascii() or not each.isalpha() for each in countries):
        raise ValueError("must be ISO's two letters of countries, with commas between them")
    return countries


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(each.lower().removeprefix("www.") for each in _parts(text))
    if not all(re.fullmatch(r"(?:\*\.)?[^\s/:*?\[\]]+", each) for each in hosts):
        raise ValueError("must be hosts such as example.com or *.example.com, with commas between them")
    return hosts


def _embedders(text: str) -> tuple[str, ...]:
    hosts = tuple(each.lower() for each in _parts(text))
    # They become part of a header, so nothing passes that could mean something else there.
    if not all(re.fullmatch(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?", each) for each in hosts):
        raise ValueError("must be hosts such as example.com, *.example.com or localhost:8080, with commas between them")
    return hosts


def _paths(text: str) -> tuple[str, ...]:
    paths = _parts(text)
    if not all(each.startswith(("/", "*")) for each in paths):
        raise ValueError("must be paths such as /admin/*, with commas between them")
    return paths


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError("must be a time zone such as UTC or Europe/Berlin") from None
    return text


SITE_SETTINGS = (
    Setting("TIMEZONE", "UTC", _zone, "Time zone of the days that the pages show."),
    Setting("PUBLIC", "no", one_of("no", "yes"), "Whether everybody may see the site's pages, without a login."),
    Setting("EMBED", "", _embedders,
            "Hosts whose pages may show the site's shared or public pages in a frame; commas between. Empty: none."),
    Setting("DNT", "honour", one_of("honour", "ignore"),
            "Whether a browser that sends Do Not Track or Global Privacy Control is counted all the same."),
    Setting("RETENTION_DAYS", "0", whole_number(0, 7300),
            "Days after which events are removed; 0 keeps them as long as FOOTFALL_RETENTION says."),
    Setting("BOTS", "filter", one_of("filter", "count"),
            "Whether bots, driven browsers and data centres are kept apart, or counted as readers."),
    Setting("SPAM", "filter", one_of("filter", "count"), "Whether hits with spam as referrer are kept apart."),
    Setting("EXCLUDE_ADDRESSES", "", networks, "Addresses or networks of your own, kept apart; commas between."),
    Setting("EXCLUDE_COUNTRIES", "", _countries, "Countries kept apart, by ISO's two letters, commas between."),
    Setting("HOSTS", "", _hosts,
            "Hosts of the site's pages, such as example.com, *.example.com; others are kept apart. Empty: any."),
    Setting("EXCLUDE_PAGES", "", _paths, "Paths of pages that are kept apart, such as /admin/*; commas between."),
    Setting("BADGE", "off", one_of("off", "views", "visitors"),
            "What /badge/<site>.svg tells everybody of the site; off: there is none."),
    Setting("RATE", "240", whole_number(0, 1_000_000),
            "Page-views a minute of one address and user agent beyond which it is no reader; 0: any number."),
)
_BY_KEY = {setting.key: setting for setting in SITE_SETTINGS}


def parsed(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of every setting of a site.

    :param given: what was set, as text, by key.
    :raises UsageError: a key is no setting, or a value not one that it can have.
    """
    if unknown := given.keys() - _BY_KEY.keys():
        raise UsageError(f"{', '.join(sorted(unknown))}: unknown setting of a site; there are {', '.join(_BY_KEY)}")
    values = {}
    for setting in SITE_SETTINGS:
        text = given.get(setting.key, setting.default)
        try:
            values[setting.key] = setting.parse(text)
        except ValueError as error:
            raise UsageError(f"{setting.flag}={text!r}: {error}") from None
    return values
