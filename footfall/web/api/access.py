"""Which token a request shows, and what that lets it do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar, cast

from flask import current_app, request

from footfall import accounts
from footfall.accounts import Account
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.storage import Store
from footfall.tokens import EVERY_SITE, KnownTokens, Token
from footfall.web.api.problems import Refused

EXTENSION = "footfall.api"

T = TypeVar("T")


class Denied(Refused):
    """A request whose token does not allow it.

    :param challenge: what WWW-Authenticate says of it, as in RFC 6750.
    """

    def __init__(self, detail: str, status: int, challenge: str = "") -> None:
        realm = ", ".join(filter(None, ('Bearer realm="footfall"', challenge)))
        super().__init__(detail, status, {"WWW-Authenticate": realm})


def authorized(scope: str) -> Token:
    """Return the token of the request.

    :param scope: what it must allow.
    :raises Denied: there is none, or it does not.
    :raises StoreError: whether it is one cannot be found out now.
    """
    given = request.authorization
    if given is None or given.type != "bearer":
        raise Denied("a token is needed, in the header Authorization: Bearer", 401)
    known = cast(KnownTokens, current_app.extensions[EXTENSION])
    token = known.find(given.token or "", datetime.now(UTC))
    if token is None:
        raise Denied("the token is unknown, or has expired", 401, 'error="invalid_token"')
    if not token.may(scope):
        raise insufficient(f"the token is not one for {scope}")
    return token


def insufficient(detail: str) -> Denied:
    """Return the error of a token that is not for what is asked."""
    return Denied(detail, 403, 'error="insufficient_scope"')


def site_named(token: Token, site: object) -> str:
    """Return the id of the site that a request is about.

    :param site: as it names it; ``None`` or empty for a token's only one.
    :raises UsageError: it names none, and the token is for every site.
    :raises Denied: the token is not for it.
    """
    if not site:
        if token.site == EVERY_SITE:
            raise UsageError("site: missing; the token is for every site, so say which one is meant")
        return token.site
    if not isinstance(site, str):
        raise UsageError(f"site {site!r}: must be the id of a site")
    if token.site not in (site, EVERY_SITE):
        raise insufficient(f"the token is not one for the site {site!r}")
    return site


def kept(find: Callable[[Store, str, str], T], site: str, definition_id: str) -> T:
    """Return a definition of a site, as a function of :mod:`footfall.goals` finds it.

    :raises Refused: there is none of that id.
    """
    try:
        return find(collector().store(), site, definition_id)
    except UsageError as error:
        raise Refused(str(error), 404) from None


def site_of(token: Token, site: object) -> Account:
    """Return the site that a request is about, as :func:`site_named` does.

    :raises Refused: there is none of that id.
    """
    wanted = site_named(token, site)
    for account in accounts.all_accounts(collector().store()):
        if account.id == wanted:
            return account
    raise Refused(f"site {wanted!r}: unknown", 404)
