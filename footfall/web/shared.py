"""How others see a site's pages: by a share link, under ``/share/<key>``, or because the site is public.

The pages are those of :mod:`footfall.web.sites`, of which :data:`footfall.web.rules.SHAREABLE` names what is shown. Of
whom a link is, is found out here, once for each request; a link that was removed leads nowhere from then on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from flask import Response, abort, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer

from footfall import accounts, shares
from footfall.collect.beacon import collector
from footfall.errors import StoreError, UsageError
from footfall.shares import Share
from footfall.users import User
from footfall.web import rules
from footfall.web.cookies import SignedCookies

NAME = "shared"
COOKIE = "footfall_share"
#: How long a password holds that was entered.
UNLOCKED_SECONDS = 86_400


def admit(rule: str | None) -> ResponseReturnValue | None:
    """Let a request for a shared page pass, or answer it: with the form for the password, or with 404.

    :param rule: of the page; ``None`` if it is not shared.
    """
    g.user = None
    share = share_of(g.share_key)
    if share is None or rule != rules.SHARE or request.view_args is None:
        abort(404)
    g.site = request.view_args["site"] = share.site
    if share.embed:
        g.embedders = _settings(share.site)["embed"]
    if share.password and not _is_unlocked(share):
        return locked(g.share_key)
    return None


def share_of(key: str) -> Share | None:
    """Return the share link of a key; ``None`` if it leads nowhere."""
    return shares.resolve(collector().store(), key, datetime.now(UTC))


def is_public(user: User | None) -> bool:
    """Return whether the page of the request is shown to all, and to this user for that reason alone."""
    site = (request.view_args or {}).get("site", "")
    if user is not None and user.may("viewer", site):
        return False
    settings = _settings(site)
    if settings.get("public") != "yes":
        return False
    # The pages of somebody who is logged in are no pages for frames.
    if user is None:
        g.embedders = settings["embed"]
    return True


def locked(key: str, problem: str = "", status: int = 403) -> Response:
    """Answer with the form for the password of a share link."""
    response = make_response(render_template("share_password.html", key=key, problem=problem), status)
    # Without any referrer browsers would not say either that the form is our own.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def unlock(share: Share, key: str, response: Response, *, secure: bool) -> None:
    """Give whoever has shown the password of a share link a cookie for that link alone."""
    response.set_cookie(COOKIE, _serializer().dumps(share.hash), max_age=UNLOCKED_SECONDS,
                        path=f"/share/{key}", secure=secure, httponly=True, samesite="Lax")


def _is_unlocked(share: Share) -> bool:
    try:
        return bool(_serializer().loads(request.cookies.get(COOKIE, ""), UNLOCKED_SECONDS) == share.hash)
    except (BadSignature, StoreError):
        return False


def _serializer() -> URLSafeTimedSerializer:
    key = cast(SignedCookies, current_app.session_interface).need_key(current_app)
    # A salt of its own: no cookie of a session is one of a link, nor the other way round.
    return URLSafeTimedSerializer(key, salt="footfall-share")


def _settings(site: str) -> dict[str, Any]:
    """Return the settings of a site; none if there is no such site."""
    try:
        return accounts.find(collector().store(), site).settings
    except UsageError:
        return {}
