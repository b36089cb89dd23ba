"""The first run: before there is a user, whoever has a token that ``footfall serve`` printed makes the first one.

A token is 128 random bits; the family ``Users`` keeps its SHA-256 in the row ``welcome``, where all workers find it. It
counts until there is a user.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from footfall import users
from footfall.errors import UsageError
from footfall.storage import Store

FAMILY, ROW = "Users", "welcome"
TOKEN_BYTES = 16
#: So long a token counts at most; the next start of a server makes another.
DAYS = 30


def new_token(store: Store) -> str | None:
    """Return a token with which the first user is made; ``None`` if there are users already."""
    if users.any_user(store):
        return None
    token = secrets.token_urlsafe(TOKEN_BYTES)
    store.family(FAMILY).insert(ROW, {_hash(token): {}}, ttl=DAYS * 86_400)
    return token


def is_token(store: Store, given: str) -> bool:
    """Return whether a text is a token that counts."""
    if users.any_user(store):
        return False
    wanted = _hash(given.strip())
    # Every one is compared whole, so that the time taken tells nothing of them.
    return sum(hmac.compare_digest(wanted, known) for known, _ in store.family(FAMILY).xget(ROW)) > 0


def add_first(store: Store, given: str, name: str, password: str) -> bool:
    """Make the first user, an owner of every site, and return whether the token that was given allows it.

    :raises UsageError: the name or the password cannot be one.
    """
    if not is_token(store, given):
        return False
    try:
        users.add(store, name, password)
    except UsageError:
        # Of two who come at once, the second is not told that there is such a user now.
        if users.any_user(store):
            return False
        raise
    store.family(FAMILY).remove(ROW)
    return True


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
