"""Sessions: where a user is logged in, kept in the family ``Sessions``, a row a user.

A browser's cookie has a secret of the session's own; its SHA-256 is the column's name here. Remove the column, and the
session has ended, whatever the cookie says. When it was last seen is a column of its own: written
beside the other, it cannot bring back a session that was ended meanwhile.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from footfall.errors import UsageError
from footfall.pageview import unpack
from footfall.storage import Store

FAMILY = "Sessions"
DAYS = 30
#: How much of a session's hash tells it from the user's others.
ID_DIGITS = 12
MAX_AGENT = 200
_SEEN_EVERY = timedelta(hours=1)
_SEEN = ".seen"


class Session(NamedTuple):
    """A browser in which a user is logged in.

    :param hash: SHA-256 of the cookie's secret, in hexadecimal digits.
    :param created: when it was begun, in ISO 8601, UTC.
    :param agent: what the browser calls itself.
    :param client: a part of the address it was begun from.
    :param seen: when it was last used, to the hour, in the same form.
    """

    hash: str
    created: str
    agent: str
    client: str
    seen: str

    @property
    def id(self) -> str:
        """What tells it from the user's others."""
        return self.hash[:ID_DIGITS]


def begin(store: Store, user: str, agent: str = "", client: str = "") -> str:
    """Begin a session, which ends by itself after :data:`DAYS`, and return its secret."""
    secret = secrets.token_urlsafe(24)
    store.family(FAMILY).insert(user, {_hash(secret): {
        "created": _iso(datetime.now(UTC)), "agent": agent[:MAX_AGENT], "client": client}}, ttl=DAYS * 86_400)
    return secret


def find(store: Store, user: str, secret: str) -> Session | None:
    """Return the session that has a secret; ``None`` if it is none, or has ended."""
    name = _hash(secret)
    found = dict(_sessions(store.family(FAMILY).multiget([user], [name, name + _SEEN]).get(user, {})))
    return found.get(name)


def see(store: Store, user: str, session: Session, now: datetime) -> None:
    """Note that a session is used, once an hour."""
    if now - datetime.fromisoformat(session.seen) >= _SEEN_EVERY:
        left = datetime.fromisoformat(session.created) + timedelta(days=DAYS) - now
        store.family(FAMILY).insert(user, {session.hash + _SEEN: {"seen": _iso(now)}},
                                    ttl=max(1, int(left.total_seconds())))


def all_of(store: Store, user: str) -> list[Session]:
    """Return a user's sessions, the last used first."""
    columns: dict[str, bytes] = dict(store.family(FAMILY).xget(user))
    found = [session for _, session in _sessions(columns)]
    return sorted(found, key=lambda session: (session.seen, session.created, session.hash), reverse=True)


def end(store: Store, user: str, session_id: str) -> Session:
    """End a session, and return what it was.

    :raises UsageError: there is none of that id.
    """
    known = {session.id: session for session in all_of(store, user)}
    if session_id not in known:
        raise UsageError(f"session {session_id!r}: unknown; {user} has {', '.join(known) or 'none'}")
    ended = known[session_id]
    store.family(FAMILY).remove(user, [ended.hash, ended.hash + _SEEN])
    return ended


def end_all(store: Store, user: str) -> None:
    """End all sessions of a user."""
    store.family(FAMILY).remove(user)


def _sessions(columns: Mapping[str, bytes]) -> list[tuple[str, Session]]:
    """Return the sessions that some columns tell of, by their hashes."""
    fields = {name: unpack(value) for name, value in columns.items()}
    return [(name, Session(name, each["created"], each["agent"], each["client"],
                           fields.get(name + _SEEN, {}).get("seen", each["created"])))
            for name, each in fields.items() if not name.endswith(_SEEN)]


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
