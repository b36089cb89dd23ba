"""The door: everything but the beacon is closed until somebody logs in.

:func:`protect` asks before every request, also for URLs that do not exist, and lets pass what
:mod:`footfall.web.rules` says; so a new route is closed until it is named there. A session is a signed cookie with
the user's name and session token and a secret of its own; nothing is looked up for the beacon.

``g.user`` is the :class:`~footfall.users.User` who asks. It is ``None`` for who looks at a site without a login, by a
share link or because the site is public, and is not there at all on routes that are open to everybody.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from datetime import UTC, datetime
from typing import cast
from urllib.parse import quote, urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from footfall import audit, sessions, users
from footfall.collect.beacon import collector
from footfall.collect.hit import client_address, is_trusted
from footfall.config import Config
from footfall.errors import StoreError
from footfall.pageview import kept_address
from footfall.users import User
from footfall.web import rules, shared
from footfall.web.cookies import SignedCookies
from footfall.web.throttle import Throttle

# A path of this host and nothing else: browsers take // and /\ for another host, and drop control characters.
_LOCAL_PATH = re.compile(r"/(?!/)[^\\\x00-\x20\x7f]{0,1023}")


class Guard:
    """What one process needs to keep the door: settings and the count of failed tries."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.throttle = Throttle()

    def is_https(self) -> bool:
        """Return whether the reader's browser came over https, as far as we or a trusted proxy know."""
        if request.is_secure or self._config.public_url.startswith("https:"):
            return True
        forwarded = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
        return forwarded == "https" and is_trusted(request.remote_addr or "", self._config.trusted_proxies)

    def address(self) -> str:
        """Return where footfall is reached, such as ``https://stats.example.com``."""
        return self._config.public_url or f"{'https' if self.is_https() else 'http'}://{request.host}"

    def counted(self, what: str, *names: str) -> tuple[str, ...]:
        """Return the keys by which failed tries of the request are counted, for :class:`Throttle`.

        :param what: is tried, such as ``login``.
        :param names: whose it is tried as, such as the user's; of IPv6 addresses a /64 counts as one household.
        """
        address = self.client()
        if ":" in address:
            address = str(ipaddress.ip_network((address, 64), strict=False))
        return (f"{what} address {address}", *(f"{what} name {name[:64]}" for name in names))

    def shortened_client(self) -> str:
        """Return as much of the client's address as is kept of a user: what ``FOOTFALL_IP=truncated`` leaves."""
        return kept_address(self.client(), "truncated")

    def client(self) -> str:
        """Return the address that the request came from."""
        return client_address(request.headers, request.remote_addr or "", self._config.trusted_proxies)


def protect(app: Flask, config: Config) -> None:
    """Close an application's routes, as :mod:`footfall.web.rules` says."""
    app.config.update(
        SESSION_COOKIE_NAME="footfall_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Otherwise every answer would carry the cookie again, the beacon's as well.
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=sessions.DAYS * 86_400,
    )
    app.extensions["footfall.web"] = keeper = Guard(config)
    app.session_interface = SignedCookies(config.data, keeper.is_https)
    app.before_request(admit)
    app.after_request(keep_out_of_caches)


def guard() -> Guard:
    """Return the running app's guard."""
    return cast(Guard, current_app.extensions["footfall.web"])


def admit() -> ResponseReturnValue | None:
    """Let a request pass, or answer it here: send it to the login, or refuse it."""
    rule = rules.rule_of(request.endpoint or "", request.method)
    if rule in (rules.BEACON, rules.TOKEN):
        return None
    reading = request.method in ("GET", "HEAD")
    if not reading and not comes_from_here():
        return refused("This request came from another site, so it was not carried out.")
    if rule == rules.OPEN:
        return None
    if request.blueprint == shared.NAME:
        return shared.admit(rule)
    g.user = current_user()
    if reading and rules.is_shareable(request.endpoint or "") and shared.is_public(g.user):
        return None
    return _turn_away(reading) if g.user is None else _admit_user(g.user, rule)


def _turn_away(reading: bool) -> ResponseReturnValue:
    if not reading:
        return refused("You are not logged in, or your session has ended.")
    if request.path.startswith("/share/"):
        # The key is not to become a part of other addresses.
        abort(404)
    query = request.query_string.decode("ascii", "replace")
    wanted = quote(request.path) + ("?" + query if query else "")
    return redirect(url_for("auth.login", next=local_path(wanted)), 303)


def _admit_user(user: User, rule: str | None) -> ResponseReturnValue | None:
    if request.routing_exception is not None:
        return None
    if rule == rules.USER:
        return None
    if rule == rules.ADMIN:
        return None if user.may("owner") else refused("Only an owner of every site may do this.")
    site = (request.view_args or {}).get("site", "")
    if rule is None or not user.may("viewer", site):
        # Whoever may not see a site is not told whether it exists.
        abort(404)
    return None if user.may(rule, site) else refused(f"Only an {rule} of {site} may do this.")


def keep_out_of_caches(response: Response) -> Response:
    """Mark what only a user may see, and the login itself, as not to be stored by anybody."""
    if request.endpoint != "static" and rules.rule_of(request.endpoint or "", request.method) != rules.BEACON:
        response.headers["Cache-Control"] = "no-store"
    return response


def current_user() -> User | None:
    """Return the user whose session this is, which is kept in ``g.session``; ``None`` without one that holds."""
    name, token, secret = (session.get(key) for key in ("user", "token", "secret"))
    if not isinstance(name, str) or not isinstance(token, str) or not isinstance(secret, str):
        return None
    store = collector().store()
    user = users.of_session(store, name, token)
    found = sessions.find(store, name, secret) if user is not None else None
    if found is None:
        return None
    # Pages are shown also while nothing can be written.
    with contextlib.suppress(StoreError):
        sessions.see(store, name, found, datetime.now(UTC))
    g.session = found
    return user


def begin_session(name: str) -> None:
    """Log a user in, who has shown what it takes.

    :raises StoreError: it cannot be done now.
    """
    store = collector().store()
    token = users.session_token(store, name)
    # The cookie is signed when the answer is sent, too late to answer for a key that cannot be had.
    cast(SignedCookies, current_app.session_interface).need_key(current_app)
    secret = sessions.begin(store, name, request.headers.get("User-Agent", ""), guard().shortened_client())
    # What was in the session before, an attacker may have put there.
    session.clear()
    session.permanent = True
    session.update(user=name, token=token, secret=secret)


def local_path(text: str) -> str:
    """Return a path to go to after the login if it is one of this host, else that of the first page."""
    return text if _LOCAL_PATH.fullmatch(text) else "/"


def comes_from_here() -> bool:
    """Return whether a request that may change something was sent by one of our own pages, as the browser tells."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    source = request.headers.get("Origin") or request.headers.get("Referer", "")
    try:
        host = urlsplit(source).netloc.lower()
    except ValueError:
        return False
    return host != "" and host == request.headers.get("Host", "").lower()


def audit_here(action: str, detail: str = "", *, by: str | None = None, site: str | None = None) -> None:
    """Note in the audit log what the request did, by whom, on which site and from where.

    :param action: a word with a dot, such as ``goal.add``.
    :param detail: what else there is to say; never a secret.
    :param by: who did it; whoever is logged in if not given.
    :param site: the account; that of the request's URL if not given.
    :raises StoreUnavailable: it cannot be noted now.
    """
    user = g.get("user")
    by = (user.name if user else "") if by is None else by
    site = (request.view_args or {}).get("site", "") if site is None else site
    audit.note(collector().store(), action, by=by, site=site, detail=detail, client=guard().shortened_client())


def refused(reason: str) -> ResponseReturnValue:
    """Answer what is not carried out."""
    return render_template("error.html", title="Refused", reason=reason), 403
