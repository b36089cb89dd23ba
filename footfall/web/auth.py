"""The door: everything but the beacon is closed until somebody logs in.

:func:`protect` asks before every request, also for URLs that do not exist, and lets pass what
:mod:`footfall.web.rules` says; so a new route is closed until it is named there. A session is a signed cookie with
the user's name and session token; nothing is looked up for the beacon.

``g.user`` is the :class:`~footfall.users.User` who asks. It is ``None`` for who looks at a site without a login, by a
share link or because the site is public, and is not there at all on routes that are open to everybody.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import cast
from urllib.parse import quote, urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask.wrappers import Request
from itsdangerous import URLSafeTimedSerializer

from footfall import audit, users
from footfall.collect.beacon import collector
from footfall.collect.hit import client_address, is_trusted
from footfall.config import Config
from footfall.errors import StoreError, StoreUnavailable
from footfall.pageview import kept_address
from footfall.users import User
from footfall.web import rules
from footfall.web.throttle import Throttle

SESSION_DAYS = 30
KEY_BYTES = 32

# A path of this host and nothing else: browsers take // and /\ for another host, and drop control characters.
_LOCAL_PATH = re.compile(r"/(?!/)[^\\\x00-\x20\x7f]{0,1023}")

blueprint = Blueprint("auth", __name__)


class Guard:
    """What one process needs to keep the door: settings and the count of failed logins."""

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

    def client(self) -> str:
        """Return whose failed logins count together: an IPv4 address, or an IPv6 /64, which is one household."""
        address = client_address(request.headers, request.remote_addr or "", self._config.trusted_proxies)
        return str(ipaddress.ip_network((address, 64), strict=False)) if ":" in address else address

    def shortened_client(self) -> str:
        """Return as much of the client's address as is kept of a user: what ``FOOTFALL_IP=truncated`` leaves."""
        return kept_address(client_address(request.headers, request.remote_addr or "", self._config.trusted_proxies),
                            "truncated")


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookies, with a key that is made when the first session needs it.

    A server that only takes hits never has one, and does not fail for a key that it cannot write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        try:
            return super().open_session(app, request)
        except StoreError:
            # Without its key no session can be believed; the beacon must go on all the same.
            return self.session_class()

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if not app.secret_key:
            app.secret_key = session_key(self._folder)
        return super().get_signing_serializer(app)

    def get_cookie_secure(self, app: Flask) -> bool:
        return guard().is_https()


def protect(app: Flask, config: Config) -> None:
    """Close an application's routes, as :mod:`footfall.web.rules` says."""
    app.config.update(
        SESSION_COOKIE_NAME="footfall_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        # Otherwise every answer would carry the cookie again, the beacon's as well.
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=SESSION_DAYS * 86_400,
    )
    app.extensions["footfall.web"] = Guard(config)
    app.session_interface = Sessions(config.data)
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
    g.user = current_user()
    if g.user is not None:
        return _admit_user(g.user, rule)
    if not reading:
        return refused("You are not logged in, or your session has ended.")
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
    """Return the user whose session this is; ``None`` without one, or when it was ended."""
    name, token = session.get("user"), session.get("token")
    if not isinstance(name, str) or not isinstance(token, str):
        return None
    store = collector().store()
    expected = users.session_token(store, name)
    is_his = expected is not None and hmac.compare_digest(expected.encode(), token.encode())
    return users.find(store, name) if is_his else None


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    target = local_path(request.args.get("next", ""))
    try:
        if request.method == "POST":
            return _log_in(target)
        return redirect(target, 303) if current_user() else _login_page()
    except StoreError as error:
        # Whoever has not logged in is not told where the store is.
        current_app.logger.error("nobody can log in: %s", error)
        return _login_page("Nobody can log in now. Please try again in a minute."), 503


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    session.clear()
    return redirect(url_for("auth.login"), 303)


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


def session_key(folder: Path) -> bytes:
    """Return the key that signs sessions, made on first use.

    :raises StoreError: the file holds no key; :class:`StoreUnavailable` when it cannot be read or made now.
    """
    path = folder / "session.key"
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path}: has {len(key)} bytes instead of {KEY_BYTES}; remove it, and a new one is made")
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole under another name and then linked: of several processes the first wins, and none reads half a key.
    descriptor, draft = tempfile.mkstemp(prefix=".session.key.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def _log_in(target: str) -> ResponseReturnValue:
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    keeper = guard()
    client = keeper.client()
    counted = (f"address {client}", f"user {name[:64]}")
    wait = keeper.throttle.take(counted)
    if wait:
        minutes = -(-wait // 60)
        problem = f"Too many failed logins. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        return _login_page(problem, name), 429, {"Retry-After": str(wait)}
    store = collector().store()
    token = users.session_token(store, name) if users.check(store, name, password) else None
    if token is None:
        # The name is not logged: people type their password there.
        current_app.logger.warning("login refused: wrong name or password, from %s", client or "an unknown address")
        return _login_page("Wrong name or password.", name), 403
    keeper.throttle.forget(counted)
    # The cookie is signed when the answer is sent, too late to answer for a key that cannot be had.
    cast(Sessions, current_app.session_interface).get_signing_serializer(current_app)
    # What was in the session before, an attacker may have put there.
    session.clear()
    session.permanent = True
    session.update(user=name, token=token)
    return redirect(target, 303)


def _login_page(problem: str = "", name: str = "") -> str:
    return render_template("login.html", problem=problem, name=name)
