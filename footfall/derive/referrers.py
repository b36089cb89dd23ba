"""What a referrer tells: the host it came from, and the words that were searched for there.

Pure functions over a stored event, so that better rules apply to old events too.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

#: Search engines: a pattern of their host names, and the query parameters that hold the words.
#: Most engines send only their origin today; what older logs and smaller engines send is read here.
SEARCH_ENGINES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Google", r"(?:.+\.)?google\.(?:[a-z]{2,3}|com?\.[a-z]{2})", ("q", "query")),
    ("Bing", r"(?:.+\.)?bing\.com", ("q",)),
    ("Yahoo", r"(?:.+\.)?search\.yahoo\.(?:com|co\.jp)", ("p", "q")),
    ("DuckDuckGo", r"(?:.+\.)?duckduckgo\.com", ("q",)),
    ("Yandex", r"(?:.+\.)?(?:yandex\.[a-z]{2,3}(?:\.[a-z]{2})?|ya\.ru)", ("text", "query")),
    ("Baidu", r"(?:.+\.)?baidu\.com", ("wd", "word", "kw")),
    ("Ecosia", r"(?:.+\.)?ecosia\.org", ("q",)),
    ("Brave", r"search\.brave\.com", ("q",)),
    ("Qwant", r"(?:.+\.)?qwant\.com", ("q",)),
    ("Startpage", r"(?:.+\.)?startpage\.com", ("query", "q")),
    ("Ask", r"(?:.+\.)?ask\.com", ("q",)),
    ("AOL", r"search\.aol\.(?:com|co\.uk)", ("q", "query")),
    ("Naver", r"search\.naver\.com", ("query",)),
    ("Seznam", r"search\.seznam\.cz", ("q",)),
    ("Sogou", r"(?:.+\.)?sogou\.com", ("query",)),
    ("Mojeek", r"(?:.+\.)?mojeek\.com", ("q",)),
    ("Kagi", r"kagi\.com", ("q",)),
)
_ENGINES = tuple((name, re.compile(hosts), keys) for name, hosts, keys in SEARCH_ENGINES)


def host(url: str) -> str:
    """Return the host of a URL, in lower case, without port and ``www.``; empty if it has none."""
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return name.removeprefix("www.")


def referrer_host(referrer: str, url: str = "") -> str:
    """Return the host that a reader came from; empty for none, and for the page's own host.

    :param referrer: the referrer as stored.
    :param url: the page's own address; a reader who came from another page of it came from nowhere else.
    """
    name = host(referrer)
    return "" if name == host(url) else name


def search_engine(referrer: str) -> str:
    """Return the name of the search engine that a referrer is a page of; empty if it is none."""
    engine = _engine(referrer)
    return engine[0] if engine else ""


def search_query(referrer: str) -> str:
    """Return the words searched for, in lower case with single spaces; empty if the referrer tells none."""
    engine = _engine(referrer)
    if engine is None:
        return ""
    parts = urlsplit(referrer)
    # Google has put the words behind the # as well.
    given = dict(reversed(parse_qsl(parts.fragment) + parse_qsl(parts.query)[::-1]))
    words = next((given[key] for key in engine[1] if given.get(key)), "")
    return " ".join(words.lower().split())


def _engine(referrer: str) -> tuple[str, tuple[str, ...]] | None:
    name = host(referrer)
    if not name:
        return None
    return next(((engine, keys) for engine, hosts, keys in _ENGINES if hosts.fullmatch(name)), None)
