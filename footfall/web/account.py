"""A user's own account: the password, where it is logged in, and codes beside the password."""

from __future__ import annotations

from datetime import UTC, datetime

import segno
from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from footfall import second_factor, sessions, totp, users
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.web.auth import audit_here, begin_session, guard
from footfall.web.throttle import told

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("")
def page() -> ResponseReturnValue:
    return _page()


@blueprint.post("/password")
def password() -> ResponseReturnValue:
    form, name, store = request.form, g.user.name, collector().store()
    if problem := _wrong_password(form.get("old", "")):
        return problem
    try:
        if form.get("password", "") != form.get("again", ""):
            raise UsageError("password: the two are not the same")
        users.set_password(store, name, form.get("password", ""))
    except UsageError as error:
        return _page(problem=str(error)), 400
    begin_session(name)
    audit_here("user.password", name)
    return redirect(url_for(".page", done="password"), 303)


@blueprint.post("/sessions/end")
def end_session() -> ResponseReturnValue:
    store, wanted = collector().store(), request.form.get("id", "")
    try:
        ended = sessions.end(store, g.user.name, wanted)
    except UsageError:
        # It has ended meanwhile.
        return redirect(url_for(".page"), 303)
    audit_here("session.end", ended.id)
    return redirect(url_for(".page", done="session"), 303)


@blueprint.post("/codes/begin")
def begin_codes() -> ResponseReturnValue:
    store, name = collector().store(), g.user.name
    if not second_factor.is_on(store, name):
        second_factor.begin(store, name)
    return redirect(url_for(".page", _anchor="codes"), 303)


@blueprint.post("/codes/confirm")
def confirm_codes() -> ResponseReturnValue:
    counted = guard().counted("confirm", g.user.name)
    if wait := guard().throttle.take(counted):
        return _page(problem=told(wait, "codes")), 429, {"Retry-After": str(wait)}
    codes = second_factor.confirm(collector().store(), g.user.name, request.form.get("code", ""))
    if codes is None:
        return _page(problem="Wrong code. The clocks of this server and of your device must agree."), 400
    guard().throttle.forget(counted)
    audit_here("totp.on", g.user.name)
    return _page(recovery_codes=codes)


@blueprint.post("/codes/recovery")
def new_recovery_codes() -> ResponseReturnValue:
    store, name = collector().store(), g.user.name
    if problem := _wrong_password(request.form.get("old", "")):
        return problem
    if not second_factor.is_on(store, name):
        return redirect(url_for(".page"), 303)
    audit_here("totp.recovery", name)
    return _page(recovery_codes=second_factor.new_recovery_codes(store, name))


@blueprint.post("/codes/off")
def turn_codes_off() -> ResponseReturnValue:
    if problem := _wrong_password(request.form.get("old", "")):
        return problem
    second_factor.turn_off(collector().store(), g.user.name)
    audit_here("totp.off", g.user.name)
    return redirect(url_for(".page", done="off"), 303)


def _wrong_password(given: str) -> ResponseReturnValue | None:
    """Answer if a text is not the user's password: whoever finds an open browser must not guess it either."""
    counted = guard().counted("login", g.user.name)
    if wait := guard().throttle.take(counted):
        return _page(problem=told(wait, "passwords")), 429, {"Retry-After": str(wait)}
    if not users.check(collector().store(), g.user.name, given):
        audit_here("login.refused", f"user {g.user.name}, on the account page")
        return _page(problem="Wrong password."), 403
    guard().throttle.forget(counted)
    return None


_DONE = {"password": "The password is another one now, and all other sessions have ended.",
         "session": "The session has ended.", "off": "A login takes the password alone now."}


def _page(*, problem: str = "", recovery_codes: list[str] | None = None) -> str:
    store, name = collector().store(), g.user.name
    secret = second_factor.pending(store, name)
    address = totp.uri(secret, name, f"footfall {request.host}") if secret else ""
    return render_template(
        "account.html", problem=problem, done=_DONE.get(request.args.get("done", ""), ""),
        sessions=[(each, datetime.fromisoformat(each.seen).astimezone(UTC)) for each in sessions.all_of(store, name)],
        codes_on=second_factor.is_on(store, name), codes_left=second_factor.recovery_codes_left(store, name),
        secret=secret, address=address, picture=_picture(address) if secret else "",
        recovery_codes=recovery_codes, least=users.MIN_PASSWORD)


def _picture(text: str) -> Markup:
    """Return a QR code as SVG."""
    drawn = segno.make_qr(text, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=False)
    return Markup(drawn)  # noqa: S704 - made of squares by segno; the text is not in it
