"""The login and its end: name and password, then, for who turned that on, a code.

Whoever fails is told the same in the same time, whether there is such a user or not. Between the two forms the
signed cookie says whose code is asked for; an address never does.
"""

from __future__ import annotations

import time

from flask import Blueprint, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from footfall import second_factor, sessions, users
from footfall.collect.beacon import collector
from footfall.errors import StoreError
from footfall.web.auth import audit_here, begin_session, current_user, guard, local_path
from footfall.web.throttle import told

#: How long a code may be entered after the password.
CODE_SECONDS = 300

blueprint = Blueprint("auth", __name__)


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    target = local_path(request.args.get("next", ""))
    try:
        if request.method == "POST":
            return _log_in(target)
        if current_user():
            return redirect(target, 303)
        return _login_page(is_first=not users.any_user(collector().store()))
    except StoreError as error:
        # Whoever has not logged in is not told where the store is.
        current_app.logger.error("nobody can log in: %s", error)
        return _login_page("Nobody can log in now. Please try again in a minute."), 503


@blueprint.route("/login/code", methods=["GET", "POST"])
def code() -> ResponseReturnValue:
    target = local_path(request.args.get("next", ""))
    try:
        name = _waits_for_code()
        if name is None:
            return redirect(url_for(".login", next=target), 303)
        return _take_code(name, target) if request.method == "POST" else _code_page()
    except StoreError as error:
        current_app.logger.error("nobody can log in: %s", error)
        return _code_page("Nobody can log in now. Please try again in a minute."), 503


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    sessions.end(collector().store(), g.user.name, g.session.id)
    audit_here("logout")
    session.clear()
    return redirect(url_for("auth.login"), 303)


def _log_in(target: str) -> ResponseReturnValue:
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    counted = guard().counted("login", name)
    if wait := guard().throttle.take(counted):
        return _login_page(told(wait, "logins"), name), 429, {"Retry-After": str(wait)}
    store = collector().store()
    right = users.check(store, name, password)
    token = users.session_token(store, name)
    if not right or token is None:
        # What is no user's name is not kept: people type their password there.
        audit_here("login.refused", f"user {name}" if token else "unknown user", by="")
        current_app.logger.warning("login refused: wrong name or password, from %s",
                                   guard().client() or "an unknown address")
        return _login_page("Wrong name or password.", name), 403
    guard().throttle.forget(counted)
    if second_factor.is_on(store, name):
        session.clear()
        session["pending"] = {"user": name, "token": token, "until": int(time.time()) + CODE_SECONDS}
        return redirect(url_for(".code", next=target), 303)
    return _enter(name, target)


def _waits_for_code() -> str | None:
    """Return the user who has shown a password, and whose code is asked for."""
    pending = session.get("pending")
    if not isinstance(pending, dict) or pending["until"] < time.time():
        return None
    user = users.of_session(collector().store(), pending["user"], pending["token"])
    return user.name if user else None


def _take_code(name: str, target: str) -> ResponseReturnValue:
    counted = guard().counted("code", name)
    if wait := guard().throttle.take(counted):
        return _code_page(told(wait, "codes")), 429, {"Retry-After": str(wait)}
    if not second_factor.check(collector().store(), name, request.form.get("code", "")):
        audit_here("login.refused", f"user {name}, wrong code", by="")
        return _code_page("Wrong code, or one that was used already."), 403
    guard().throttle.forget(counted)
    return _enter(name, target)


def _enter(name: str, target: str) -> ResponseReturnValue:
    begin_session(name)
    audit_here("login", by=name)
    return redirect(target, 303)


def _login_page(problem: str = "", name: str = "", *, is_first: bool = False) -> str:
    return render_template("login.html", problem=problem, name=name, is_first=is_first)


def _code_page(problem: str = "") -> str:
    return render_template("login_code.html", problem=problem)
