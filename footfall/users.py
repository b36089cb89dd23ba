"""Users: those who may see the pages, kept in the family ``Users``.

A password is kept as its scrypt hash. Beside it stands the user's session token, a random text that a
browser's session carries: another password, or the user's removal, makes it another one, and so ends
every session there was. Which sessions there are is :mod:`footfall.sessions`.

A user has a role on a site, or on every site: a viewer sees its pages, an editor also changes what belongs to the site
(goals, filters, annotations), an owner also who may see it, and whether it goes on. Whoever owns every site adds sites
and users; there is always one who does.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from werkzeug.security import check_password_hash, generate_password_hash

from footfall import second_factor, sessions
from footfall.errors import NotFoundException, UsageError
from footfall.pageview import unpack
from footfall.storage import Store

ROW = "users"
MIN_PASSWORD = 10
#: With werkzeug's own cost, which rises with its releases; what is stored names its own.
HASHING = "scrypt"

#: What a user may be on a site; each may do all that those before it may.
ROLES = ("viewer", "editor", "owner")
#: Stands for every site, also those that are still to come.
EVERY_SITE = "*"

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


class User(NamedTuple):
    """One user.

    :param created: when it was added, in ISO 8601, UTC.
    :param roles: its role by site; that on :data:`EVERY_SITE` holds wherever it is the higher one.
    """

    name: str
    created: str
    roles: Mapping[str, str]

    def role(self, site: str) -> str | None:
        """Return the user's role on a site; ``None`` without one."""
        found = [ROLES.index(self.roles[each]) for each in (site, EVERY_SITE) if each in self.roles]
        return ROLES[max(found)] if found else None

    def may(self, role: str, site: str = EVERY_SITE) -> bool:
        """Tell whether the user may do on a site what a role may."""
        own = self.role(site)
        return own is not None and ROLES.index(own) >= ROLES.index(role)


def add(store: Store, name: str, password: str, roles: Mapping[str, str] | None = None) -> None:
    """Add a user.

    :param roles: by site, see :class:`User`; owner of every site if none are given.
    :raises UsageError: it exists already, or the name or the password cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"user {name!r}: must be 1 to 64 letters, digits, dots, dashes, underscores or @")
    check_password(password)
    if _find(store, name):
        raise UsageError(f"user {name!r}: exists already; `footfall user password {name}` gives another password")
    roles = checked_roles({EVERY_SITE: "owner"} if roles is None else roles)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    _write(store, name, {"created": created, "roles": roles, **_secrets(password)})


def set_password(store: Store, name: str, password: str) -> None:
    """Give a user another password, and end its sessions.

    :raises UsageError: there is no such user, or the password cannot be one.
    """
    fields = _known(store, name)
    check_password(password)
    _write(store, name, fields | _secrets(password))
    sessions.end_all(store, name)


def set_roles(store: Store, name: str, roles: Mapping[str, str]) -> None:
    """Give a user other roles, in place of all it had.

    :param roles: by site, see :class:`User`.
    :raises UsageError: there is no such user, a role is none, or nobody would be left who owns every site.
    """
    fields = _known(store, name) | {"roles": checked_roles(roles)}
    if not _user(name, fields).may("owner"):
        _check_others_own_everything(store, name)
    _write(store, name, fields)


def set_role(store: Store, name: str, role: str | None, site: str = EVERY_SITE) -> User:
    """Give a user another role on a site, or none, and return the user as it is then.

    :raises UsageError: as :func:`set_roles`.
    """
    roles = {each: had for each, had in known(store, name).roles.items() if each != site}
    set_roles(store, name, roles if role is None else roles | {site: role})
    return known(store, name)


def checked_roles(roles: Mapping[str, str]) -> dict[str, str]:
    """Return roles by site as they are stored.

    :raises UsageError: one is none.
    """
    for site, role in roles.items():
        if role not in ROLES:
            raise UsageError(f"role {role!r} on {site!r}: must be {', '.join(ROLES[:-1])} or {ROLES[-1]}")
    return dict(roles)


def remove(store: Store, name: str) -> None:
    """Remove a user, and end its sessions.

    :raises UsageError: there is no such user, or nobody would be left who owns every site.
    """
    _known(store, name)
    _check_others_own_everything(store, name)
    store.family("Users").remove(ROW, [name])
    sessions.end_all(store, name)
    second_factor.turn_off(store, name)


def any_user(store: Store) -> bool:
    """Return whether there is a user."""
    return next(store.family("Users").xget(ROW, column_count=1), None) is not None


def all_users(store: Store) -> list[User]:
    """Return every user, in order of the names."""
    return [_user(name, unpack(value)) for name, value in store.family("Users").xget(ROW)]


def find(store: Store, name: str) -> User | None:
    """Return a user, ``None`` if there is none of that name."""
    fields = _find(store, name)
    return None if fields is None else _user(name, fields)


def known(store: Store, name: str) -> User:
    """Return a user.

    :raises UsageError: there is none of that name; the message lists those there are.
    """
    return _user(name, _known(store, name))


def check(store: Store, name: str, password: str) -> bool:
    """Return whether a password is the user's. It takes as long for a user that does not exist."""
    nobodys = _nobodys_hash()
    fields = _find(store, name)
    right = check_password_hash(fields["password"] if fields else nobodys, password)
    return right and fields is not None


def session_token(store: Store, name: str) -> str | None:
    """Return the token that a user's sessions must carry; ``None`` if there is no such user."""
    fields = _find(store, name)
    return fields["session"] if fields else None


def of_session(store: Store, name: str, token: str) -> User | None:
    """Return the user whose token that is; ``None`` if it is nobody's of that name."""
    fields = _find(store, name)
    if fields is None or not hmac.compare_digest(fields["session"].encode(), token.encode()):
        return None
    return _user(name, fields)


def new_password() -> str:
    """Return a random password that is easy to read out and to type, four groups of five."""
    # Twenty letters of 31 are 99 bits.
    return second_factor.readable(5)


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return generate_password_hash(password, HASHING)


def _secrets(password: str) -> dict[str, str]:
    return {"password": hashed(password), "session": secrets.token_urlsafe(24)}


def _check_others_own_everything(store: Store, name: str) -> None:
    """See whether somebody beside a user owns every site: nobody could add users or sites otherwise."""
    if not any(user.may("owner") for user in all_users(store) if user.name != name):
        raise UsageError(f"user {name!r}: is the last owner of every site; make another one first, "
                         "`footfall user role NAME owner`")


def _write(store: Store, name: str, fields: Mapping[str, Any]) -> None:
    store.family("Users").insert(ROW, {name: dict(fields)})


def _user(name: str, fields: Mapping[str, Any]) -> User:
    # Whoever was added before there were roles could see and do everything.
    return User(name, fields["created"], fields.get("roles", {EVERY_SITE: "owner"}))


def _find(store: Store, name: str) -> dict[str, Any] | None:
    # What cannot be a name may be what the store cannot even be asked for.
    if not _NAME.fullmatch(name):
        return None
    try:
        return unpack(store.family("Users").get(ROW, [name])[name])
    except NotFoundException:
        return None


def _known(store: Store, name: str) -> dict[str, Any]:
    fields = _find(store, name)
    if fields is None:
        listed = ", ".join(user.name for user in all_users(store)) or "none yet; `footfall user add NAME` makes one"
        raise UsageError(f"user {name!r}: unknown; the users are {listed}")
    return fields


def check_password(password: str) -> None:
    """See whether a text can be a password.

    :raises UsageError: it cannot.
    """
    if len(password) < MIN_PASSWORD or not password.isprintable():
        raise UsageError(f"password: must be at least {MIN_PASSWORD} characters, all of them printable")


@cache
def _nobodys_hash() -> str:
    """The hash of a password that nobody knows, to check against where there is no user."""
    return generate_password_hash(secrets.token_urlsafe(24), HASHING)
