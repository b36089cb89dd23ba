"""Tokens: what a program shows that sends events or asks for numbers, kept in the family ``Tokens``.

A token is 256 random bits. Only its SHA-256 hash is stored, as the name of its column, so that whoever reads the
store cannot use it. The hash of what is shown is looked up: how long that takes could tell something of a stored hash
at most, and from a hash, whole or in part, nobody comes nearer to its token.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from footfall.errors import StoreError, StoreUnavailable, UsageError
from footfall.storage import Store

FAMILY, ROW = "Tokens", "tokens"
#: What a token may do: send events; read numbers, events and what is defined; define goals, funnels and annotations.
EVENTS, READ, WRITE = "events", "read", "write"
SCOPES = (EVENTS, READ, WRITE)
#: Stands for every site, also those that are still to come.
EVERY_SITE = "*"
#: The longest for which a token holds that does not hold for ever.
MAX_DAYS = 36_500
#: How much of a token's hash tells it from the others when they are listed.
ID_DIGITS = 12

_TOKEN = re.compile(r"ff_[A-Za-z0-9_-]{43}")


class Token(NamedTuple):
    """What is known of a token.

    :param hash: SHA-256 of the token, in hexadecimal digits.
    :param site: the account that it is for, or :data:`EVERY_SITE`.
    :param scope: what it may do: some of :data:`SCOPES`, with spaces between.
    :param name: what its owner calls it, or empty.
    :param created: when it was made, in ISO 8601, UTC.
    :param expires: until when it holds, in the same form; empty for ever.
    """

    hash: str
    site: str
    scope: str
    name: str
    created: str
    expires: str

    @property
    def id(self) -> str:
        """What tells it from the others."""
        return self.hash[:ID_DIGITS]

    def may(self, scope: str, site: str = "") -> bool:
        """Tell whether it is good for one of :data:`SCOPES`, and, if one is named, for a site."""
        return scope in self.scope.split() and (not site or self.site in (site, EVERY_SITE))

    def has_expired(self, now: datetime) -> bool:
        """Tell whether it holds no more."""
        return self.expires != "" and now >= datetime.fromisoformat(self.expires)


def add(store: Store, site: str, name: str = "", days: int | None = None,
        scopes: Iterable[str] = (EVENTS,)) -> tuple[str, Token]:
    """Make a token, and return it with what is kept of it.

    :param site: the account, or :data:`EVERY_SITE`.
    :param days: for how long it holds; ``None`` for ever.
    :param scopes: what it may do, at least one of :data:`SCOPES`.
    :raises UsageError: it cannot have that name or those scopes.
    """
    wanted = set(scopes)
    if not wanted or not wanted <= set(SCOPES):
        raise UsageError(f"scope {' '.join(sorted(wanted))!r}: must be some of {', '.join(SCOPES)}")
    if len(name) > 64 or not name.isprintable():
        raise UsageError(f"name {name!r}: must be at most 64 characters, all of them printable")
    text = "ff_" + secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    expires = "" if days is None else _iso(now + timedelta(days=days))
    scope = " ".join(each for each in SCOPES if each in wanted)
    made = Token(_hash(text), site, scope, name, _iso(now), expires)
    fields = made._asdict()
    store.family(FAMILY).insert(ROW, {fields.pop("hash"): fields})
    return text, made


def all_tokens(store: Store) -> list[Token]:
    """Return every token, in order of their sites and of when they were made."""
    tokens = [Token(hash=name, **value) for name, value in store.family(FAMILY).xget(ROW)]
    return sorted(tokens, key=lambda token: (token.site, token.created))


def remove(store: Store, token_id: str) -> Token:
    """Remove a token, and return what was kept of it.

    :raises UsageError: there is none of that id.
    """
    tokens = {token.id: token for token in all_tokens(store)}
    if token_id not in tokens:
        # Not what was given: it may be a token itself.
        listed = ", ".join(tokens) or "none yet; `footfall token add` makes one"
        raise UsageError(f"token: unknown; `footfall token list` shows their ids: {listed}")
    store.family(FAMILY).remove(ROW, [tokens[token_id].hash])
    return tokens[token_id]


def remove_all_of(store: Store, site: str) -> None:
    """Remove the tokens of a site."""
    hashes = [token.hash for token in all_tokens(store) if token.site == site]
    if hashes:
        store.family(FAMILY).remove(ROW, hashes)


class KnownTokens:
    """The tokens, for a server that asks at every request.

    The list is read again when it is older than ``fresh`` seconds, so that a removed token ends so soon, and when an
    unknown token is shown, but not more than once a second. While the store is away, those that were known stay known.
    """

    def __init__(self, store: Callable[[], Store], *, fresh: float = 5.0,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._fresh = fresh
        self._clock = clock
        self._known: dict[str, Token] = {}
        self._asked_at = float("-inf")
        self._failure: StoreError | None = None
        self._lock = threading.Lock()

    def find(self, text: str, now: datetime) -> Token | None:
        """Return what is known of a token, or ``None`` if it is none or has expired.

        :raises StoreError: the store would have to be asked and cannot be.
        """
        if not _TOKEN.fullmatch(text):
            return None
        wanted = _hash(text)
        # Who is known waits for nobody who asks a store that may hang; others do not wait long.
        if self._lock.acquire(timeout=0 if wanted in self._known else 1.0):
            try:
                self._ask_if_due(wanted)
            finally:
                self._lock.release()
        elif wanted not in self._known:
            raise StoreUnavailable("the store is slow to tell which tokens there are")
        token = self._known.get(wanted)
        if token is None and self._failure is not None:
            raise self._failure
        return None if token is None or token.has_expired(now) else token

    def _ask_if_due(self, wanted: str) -> None:
        age = self._clock() - self._asked_at
        if age <= (self._fresh if wanted in self._known else 1.0):
            return
        try:
            self._known = {token.hash: token for token in all_tokens(self._store())}
            self._failure = None
        except StoreError as error:
            self._failure = error
        finally:
            self._asked_at = self._clock()


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
