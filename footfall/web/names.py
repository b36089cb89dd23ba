"""Words for what is stored as codes, for dimensions and for operators, as the pages have them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from footfall.web.countries import COUNTRIES
from footfall.web.languages import LANGUAGES

#: What is no word of everybody's, of the channels that docs/enrichment.md defines.
CHANNELS: Mapping[str, str] = {
    "direct": "Direct", "internal": "This site", "search": "Search", "social": "Social", "ai": "AI assistants",
    "mail": "Mail", "ads": "Ads", "referral": "Other sites", "campaign": "Campaigns",
}
#: What can be counted of, and filtered by, as the pages call it.
DIMENSIONS: Mapping[str, str] = {
    "page": "Page", "entry_page": "Entry page", "exit_page": "Exit page", "host": "Host", "title": "Title",
    "url": "URL", "channel": "Channel", "source": "Source", "referrer": "Referrer", "referrer_url": "Referring page",
    "search_term": "Search term", "utm_source": "UTM source", "utm_medium": "UTM medium",
    "utm_campaign": "UTM campaign", "utm_content": "UTM content", "utm_term": "UTM term",
    "country": "Country", "region": "Region", "city": "City", "browser": "Browser", "browser_version": "Version",
    "os": "System", "device": "Device", "screen": "Screen", "language": "Language", "event": "Event",
}
#: The operators of filters.
OPERATORS: Mapping[str, str] = {
    "is": "is", "is_not": "is not", "contains": "contains", "not_contains": "does not contain",
    "matches": "matches", "not_matches": "does not match",
}


def shown(dimension: str, value: str) -> str:
    """Return a value of a dimension as the pages show it: a word for a code, anything else as it is."""
    if dimension == "country":
        return COUNTRIES.get(value, value)
    if dimension in ("region", "city"):
        # The country's letters come first, which tell one Limburg from another.
        country, _, name = value.partition(" ")
        return f"{name}, {COUNTRIES[country]}" if name and country in COUNTRIES else value
    if dimension == "language":
        return _language(value)
    if dimension in ("page", "entry_page", "exit_page", "url", "referrer_url"):
        return readable(value)
    return CHANNELS.get(value, value) if dimension == "channel" else value


def readable(url: str) -> str:
    """Return an address with its letters decoded, unless some cannot be seen or turn the direction of writing."""
    try:
        text = unquote(url, errors="strict")
    except UnicodeDecodeError:
        return url
    return text if text.isprintable() else url


def titled(dimension: str) -> str:
    """Return a dimension as the pages call it."""
    return DIMENSIONS.get(dimension, dimension.removeprefix("prop:"))


def _language(tag: str) -> str:
    """Return a language and where it is spoken, such as ``German (Austria)`` for ``de-AT``."""
    language, *more = tag.replace("_", "-").split("-")
    name = LANGUAGES.get(language.lower())
    if name is None:
        return tag
    place = next((COUNTRIES[part.upper()] for part in more if part.upper() in COUNTRIES), ", ".join(more))
    return f"{name} ({place})" if place else name
