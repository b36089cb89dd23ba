"""What a URL says: its host, and the fields of its query."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit


@lru_cache(maxsize=16384)
def host(url: str) -> str:
    """Return the host of a URL, in lower case, without port and ``www.``; empty if it has none."""
    parts = _split(url)
    return (parts.hostname or "").removeprefix("www.") if parts else ""


def query_fields(url: str) -> dict[str, str]:
    """Return the fields that a URL gives after its ``?``, then those after its ``#``; of one given twice, the first.

    A value is percent-decoded as UTF-8, and where it is none as Latin-1, which old pages and engines
    wrote. A field without a value is left out.
    """
    parts = _split(url)
    fields: dict[str, str] = {}
    for pair in f"{parts.query}&{parts.fragment}".split("&") if parts else ():
        name, _, value = pair.partition("=")
        if value:
            fields.setdefault(_decoded(name), _decoded(value))
    return fields


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _decoded(text: str) -> str:
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    raw = unquote_to_bytes(text)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
