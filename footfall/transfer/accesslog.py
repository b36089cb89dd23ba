"""Access logs of web servers: which lines are page-views, and the events they become.

Common and combined format are read, also with a virtual host in front. What counts as a page-view
is told by :data:`RULES`, which a file can change. An event's id comes from its line and from how many equal
lines stood before it in the file, so that a file read twice gives the same events.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from footfall import timeuuid
from footfall.derive.places import LookUp
from footfall.errors import UsageError
from footfall.pageview import Event, kept_address, page_fields

#: How many different lines are remembered to tell equal ones apart; about 100 MB.
MAX_REMEMBERED = 1_000_000

_LINE = re.compile(
    rb"(?:(?P<vhost>[A-Za-z0-9._-]+)(?::(?P<port>\d+))? )?"
    rb"(?P<address>[A-Za-z0-9:][A-Za-z0-9._:-]*) \S+ \S[^\[]*? "
    rb"\[(?P<time>\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    rb'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?:\d+|-)'
    rb'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_REQUEST = re.compile(rb"(?P<method>[A-Z]+) (?P<path>\S+)(?: HTTP/\d(?:\.\d)?)?")
_MONTHS = {name: number for number, name in enumerate(
    (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1)}
_ESCAPED = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\]))')


@dataclass(frozen=True)
class Rules:
    """Which requests are page-views; every field can be set in a TOML file.

    :param methods: the methods that view a page.
    :param statuses: the answers that showed it.
    :param pages: the file endings that pages have, in lower case. A path whose last part has no ending
        is a page; an ending begins with a letter, so ``/release-2.0`` has none. Every other ending
        is an asset.
    :param feeds: patterns searched for in path and query; what matches is a feed.
    :param skip: patterns of paths that are not to be counted, such as ``^/admin/``.
    """

    methods: tuple[str, ...] = ("GET",)
    statuses: tuple[int, ...] = (200, 304)
    pages: tuple[str, ...] = ("html", "htm", "xhtml", "shtml", "php", "asp", "aspx", "jsp", "cgi")
    feeds: tuple[str, ...] = (r"(?:^|/)(?:feed|rss|atom)(?:/|$|\?)", r"[?&](?:feed|flav|format)=(?:rss|atom|rdf)")
    skip: tuple[str, ...] = ()


RULES = Rules()


class Line(NamedTuple):
    """What a line says, or why it is none: ``reason`` is then not empty."""

    reason: str = ""
    when: datetime = datetime.min
    url: str = ""
    address: str = ""
    referrer: str = ""
    user_agent: str = ""


def load_rules(path: Path) -> Rules:
    """Read rules from a TOML file; what it leaves out is as in :data:`RULES`.

    :raises UsageError: the file cannot be read, or holds a name or value that is no rule.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as TOML: {error}") from None
    kinds = {field.name: int if field.name == "statuses" else str for field in fields(Rules)}
    for name, value in table.items():
        if name not in kinds:
            raise UsageError(f"{path}: {name}: unknown rule; the rules are {', '.join(kinds)}")
        if not isinstance(value, list) or not all(type(item) is kinds[name] for item in value):
            kind = "numbers" if name == "statuses" else "strings"
            raise UsageError(f"{path}: {name}={value!r}: must be a list of {kind}")
    rules = replace(RULES, **{name: tuple(value) for name, value in table.items()})
    for pattern in rules.feeds + rules.skip:
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"{path}: {pattern!r}: no regular expression: {error}") from None
    return rules


def rules_as_toml(rules: Rules = RULES) -> str:
    """Return rules as the file that would set them."""
    return "".join(f"{field.name} = [{', '.join(_toml(item) for item in getattr(rules, field.name))}]\n"
                   for field in fields(Rules))


class LineReader:
    """Reads lines of one log as page-views.

    :param rules: which requests are page-views.
    :param origin: what stands before each path in the URL, such as ``https://blog.example.com``; where it
        is empty, a virtual host in the line does, or else the URL is the path alone.
    """

    def __init__(self, rules: Rules = RULES, origin: str = "") -> None:
        self._methods = {method.encode() for method in rules.methods}
        self._statuses = {str(status).encode() for status in rules.statuses}
        self._pages = {ending.lower() for ending in rules.pages}
        self._feed = _any_of(rules.feeds)
        self._skip = _any_of(rules.skip)
        self._origin = origin.rstrip("/")

    def read(self, line: bytes) -> Line:
        """Return the page-view of a line, or the reason why there is none.

        The reasons are ``malformed``, ``method``, ``status``, ``asset``, ``feed`` and ``skip``.
        """
        match = _LINE.match(line)
        request = _REQUEST.fullmatch(match["request"]) if match else None
        if match is None or request is None:
            return Line("malformed")
        try:
            when = _moment(match["time"])
        except (ValueError, KeyError):
            return Line("malformed")
        if request["method"] not in self._methods:
            return Line("method")
        if match["status"] not in self._statuses:
            return Line("status")
        path = _text(request["path"])
        if reason := self._reason(path):
            return Line(reason)
        return Line("", when, self._url(path, match), _text(match["address"]),
                    _text(match["referrer"]), _text(match["agent"]))

    def _reason(self, path: str) -> str:
        bare = path.partition("?")[0].partition("#")[0]
        if self._feed(path):
            return "feed"
        ending = re.search(r"\.([A-Za-z][A-Za-z0-9]{0,9})$", bare)
        if ending and ending[1].lower() not in self._pages:
            return "asset"
        return "skip" if self._skip(path) else ""

    def _url(self, path: str, match: re.Match[bytes]) -> str:
        if not path.startswith("/"):
            return path
        if self._origin or not match["vhost"]:
            return self._origin + path
        scheme = "https" if match["port"] == b"443" else "http"
        port = f":{_text(match['port'])}" if match["port"] not in (None, b"80", b"443") else ""
        return f"{scheme}://{_text(match['vhost'])}{port}{path}"


class EqualLines:
    """Counts how many lines equal to one were seen before, for the last million different ones."""

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def ordinal(self, line: bytes) -> int:
        """Return 0 for a line seen first, 1 for one seen once before, and so on."""
        digest = blake2b(line, digest_size=8).digest()
        ordinal = self._seen.get(digest, 0)
        self._seen[digest] = ordinal + 1
        if len(self._seen) > MAX_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return ordinal


def page_view(line: Line, raw: bytes, ordinal: int, account: str, ip: str, places: LookUp | None = None) -> Event:
    """Return the event of a page-view's line.

    :param raw: the line's bytes without the line's end.
    :param ordinal: how many equal lines stood before it in its file.
    :param ip: how much of the address is kept, as in ``FOOTFALL_IP``.
    :param places: tells the place of the whole address; ``None`` for none.
    """
    digest = blake2b(b"%d " % ordinal + raw, digest_size=8).digest()
    name = timeuuid.make(timeuuid.ticks_at(line.when), int.from_bytes(digest))
    try:
        address = kept_address(line.address, ip)
    except ValueError:
        # The server looked the name up: there is no address to keep a part of.
        address = line.address if ip == "full" else ""
    fields = page_fields(line.url, "", line.referrer, line.user_agent, "", address)
    if places is not None:
        fields.update(places(line.address))
    return Event("PageViews", account, name, fields)


def read_views(lines: Iterable[bytes], reader: LineReader, account: str, ip: str,
               skipped: Callable[[str, bytes], None], equal: EqualLines | None = None,
               places: LookUp | None = None) -> Iterator[Event]:
    """Yield the page-views of a file's lines, in the file's order.

    :param skipped: called with the reason and the line of every one that is none.
    :param equal: what counted the file's earlier lines, where it is read in parts.
    :param places: tells the place of a whole address; ``None`` for none.
    """
    equal = EqualLines() if equal is None else equal
    for line in lines:
        raw = line.rstrip(b"\r\n")
        seen = reader.read(raw)
        if seen.reason:
            skipped(seen.reason, raw)
        else:
            yield page_view(seen, raw, equal.ordinal(raw), account, ip, places)


@lru_cache(maxsize=4096)
def _moment(text: bytes) -> datetime:
    """Return the UTC time of ``17/May/2015:10:05:03 +0000``."""
    offset = timedelta(hours=int(text[22:24]), minutes=int(text[24:26]))
    zone = timezone(-offset if text[21:22] == b"-" else offset)
    return datetime(int(text[7:11]), _MONTHS[text[3:6]], int(text[:2]), int(text[12:14]), int(text[15:17]),
                    int(text[18:20]), tzinfo=zone).astimezone(UTC)


def _text(raw: bytes | None) -> str:
    """Return a field as text, a lone dash as nothing, a server's escapes undone."""
    if raw is None or raw == b"-":
        return ""
    if b"\\" in raw:
        raw = _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()) if match[1] else match[2], raw)
    return raw.decode("utf-8", "replace")


def _any_of(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Return what searches a text for any of the patterns."""
    if not patterns:
        return lambda text: None
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)).search


def _toml(item: str | int) -> str:
    return str(item) if isinstance(item, int) else f"'{item}'"


SKIP_REASONS: Mapping[str, str] = {
    "malformed": "not a line of an access log",
    "method": "not a GET",
    "status": "not answered 200 or 304",
    "asset": "picture, script, style sheet, download …",
    "feed": "feed",
    "skip": "left out by a rule",
    "site": "another site's",
    "there already": "imported before",
    "retention": "older than its site's are kept",
}
