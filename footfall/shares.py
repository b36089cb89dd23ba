"""Share links: addresses under which others see a site's pages without a login, and change nothing.

A link's key is 128 random bits, and is shown once. What is kept are the definitions of the kind ``share``, and in the
row ``/shares`` of their family the SHA-256 of each key, with the site and the id of its definition.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from werkzeug.security import check_password_hash

from footfall import definitions, pageview, users
from footfall.definitions import Definition
from footfall.errors import NotFoundException, UsageError
from footfall.storage import Store
from footfall.tokens import MAX_DAYS

KIND = "share"
#: No account can have this name.
INDEX_ROW = "/shares"
MAX_NAME = 64

_KEY = re.compile(r"[A-Za-z0-9_-]{22}")


class Share(NamedTuple):
    """A share link.

    :param name: what its owner calls it.
    :param created: when it was made, in ISO 8601, UTC.
    :param by: the user who made it; empty if the command line did.
    :param expires: until when it leads somewhere, in the same form; empty for ever.
    :param password: the hash of the password that it takes; empty if it takes none.
    :param embed: whether it may be shown in a frame, on the hosts that the site names.
    :param hash: SHA-256 of its key, in hexadecimal digits.
    """

    site: str
    id: str
    name: str
    created: str
    by: str
    expires: str
    password: str
    embed: bool
    hash: str

    def has_expired(self, now: datetime) -> bool:
        """Tell whether it leads nowhere any more."""
        return self.expires != "" and now >= datetime.fromisoformat(self.expires)

    def is_password(self, given: str) -> bool:
        """Return whether a text is its password."""
        return check_password_hash(self.password, given)


def add(store: Store, site: str, name: str = "", *, by: str = "", days: int | None = None, password: str = "",
        embed: bool = False) -> tuple[str, Share]:
    """Make a share link, and return its key with what is kept of it.

    :param days: for how long it leads somewhere; ``None`` for ever.
    :param password: that it takes; empty if it takes none.
    :raises UsageError: the name, the days or the password cannot be one.
    """
    if len(name) > MAX_NAME or not name.isprintable():
        raise UsageError(f"name {name!r}: must be at most {MAX_NAME} characters, all of them printable")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise UsageError(f"days {days}: must be from 1 to {MAX_DAYS:,}")
    if password:
        users.check_password(password)
        if embed:
            raise UsageError("embed: a link with a password cannot be shown in a frame, where browsers keep no cookie; "
                             "leave one of the two out")
    key = secrets.token_urlsafe(16)
    expires = "" if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")
    made = definitions.add(store, site, KIND, {
        "name": name, "expires": expires, "password": users.hashed(password) if password else "", "embed": embed,
        "hash": _hash(key)}, by)
    store.family(definitions.FAMILY).insert(INDEX_ROW, {_hash(key): {"site": site, "id": made.id}})
    return key, _share(made)


def all_of(store: Store, site: str) -> list[Share]:
    """Return the share links of a site, the oldest first, those that have expired included."""
    return [_share(each) for each in definitions.all_of(store, site, KIND)]


def remove(store: Store, site: str, share_id: str) -> Share:
    """Remove a share link, and return what was kept of it.

    :raises UsageError: there is none of that id.
    """
    removed = _share(definitions.remove(store, site, KIND, share_id))
    store.family(definitions.FAMILY).remove(INDEX_ROW, [removed.hash])
    return removed


def resolve(store: Store, key: str, now: datetime) -> Share | None:
    """Return the share link that has a key; ``None`` if none has, or it has expired."""
    if not _KEY.fullmatch(key):
        return None
    hashed = _hash(key)
    try:
        where = pageview.unpack(store.family(definitions.FAMILY).get(INDEX_ROW, [hashed])[hashed])
        share = _share(definitions.find(store, where["site"], KIND, where["id"]))
    except (NotFoundException, UsageError):
        # Links go with their site, whose row is removed whole.
        return None
    return None if share.has_expired(now) else share


def _share(definition: Definition) -> Share:
    return Share(definition.site, definition.id, created=definition.created, by=definition.by, **definition.fields)


def _hash(key: str) -> str:
    return sha256(key.encode()).hexdigest()
