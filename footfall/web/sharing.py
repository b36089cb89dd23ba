"""Who sees a site without a login: its share links, whether it is public, and the hosts that may frame it."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall import accounts, shares
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.web.auth import audit_here, guard
from footfall.web.shared import locked, share_of, unlock
from footfall.web.sites import account, site_blueprint
from footfall.web.throttle import told

blueprint = site_blueprint("sharing")
#: Where the form for a link's password is sent.
door = Blueprint("share", __name__, url_prefix="/share/<key>")


@blueprint.get("/settings/sharing")
def page(site: str) -> ResponseReturnValue:
    return _page()


@blueprint.post("/settings/sharing/add")
def add(site: str) -> ResponseReturnValue:
    account()
    form = request.form
    try:
        key, made = shares.add(collector().store(), site, form.get("name", "").strip(), by=g.user.name,
                               days=_days(form.get("days", "")), password=form.get("password", ""),
                               embed="embed" in form)
    except UsageError as error:
        return _page(problem=str(error)), 400
    audit_here("share.add", f"{made.id} {made.name}".strip())
    return _page(address=guard().address() + url_for("shared.overview", key=key))


@blueprint.post("/settings/sharing/remove")
def remove(site: str) -> ResponseReturnValue:
    try:
        removed = shares.remove(collector().store(), site, request.form.get("id", ""))
    except UsageError as error:
        return _page(problem=str(error)), 400
    audit_here("share.remove", f"{removed.id} {removed.name}".strip())
    return redirect(url_for(".page"), 303)


@blueprint.post("/settings/sharing/public")
def public(site: str) -> ResponseReturnValue:
    changes = {"public": "yes" if "public" in request.form else "", "embed": request.form.get("embed", "").strip()}
    try:
        accounts.configure(collector().store(), account().id, changes)
    except UsageError as error:
        return _page(problem=str(error)), 400
    audit_here("site.set", ", ".join(f"{key}={text or 'default'}" for key, text in changes.items()))
    return redirect(url_for(".page"), 303)


@door.post("/unlock", endpoint="unlock")
def unlock_(key: str) -> ResponseReturnValue:
    share = share_of(key)
    if share is None or not share.password:
        abort(404)
    counted = guard().counted("share", share.id)
    if wait := guard().throttle.take(counted):
        answer = locked(key, told(wait, "passwords"), 429)
        answer.headers["Retry-After"] = str(wait)
        return answer
    if not share.is_password(request.form.get("password", "")):
        return locked(key, "Wrong password.")
    guard().throttle.forget(counted)
    response = make_response(redirect(url_for("shared.overview", key=key), 303))
    unlock(share, key, response, secure=guard().is_https())
    return response


def _page(*, problem: str = "", address: str = "") -> str:
    site, g.section = account(), "sharing.page"
    now = datetime.now(UTC)
    links = [(each, each.has_expired(now)) for each in shares.all_of(collector().store(), site.id)]
    return render_template("sharing.html", site=site, links=links, problem=problem, address=address)


def _days(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.strip().isdecimal():
        raise UsageError(f"days {text!r}: must be a whole number")
    return int(text)


