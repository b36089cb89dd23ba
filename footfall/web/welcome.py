"""The first run: ``/welcome`` makes the first user, for whoever has the token that ``footfall serve`` printed."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall import users, welcome
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.web.auth import audit_here, begin_session, guard
from footfall.web.throttle import told

blueprint = Blueprint("welcome", __name__)


@blueprint.route("/welcome", methods=["GET", "POST"])
def page() -> ResponseReturnValue:
    if users.any_user(collector().store()):
        return redirect(url_for("auth.login"), 303)
    return _add() if request.method == "POST" else _page()


def _add() -> ResponseReturnValue:
    form = request.form
    token, name, password = form.get("token", ""), form.get("name", "").strip(), form.get("password", "")
    counted = guard().counted("welcome")
    if wait := guard().throttle.take(counted):
        return _page(told(wait, "tokens"), name), 429, {"Retry-After": str(wait)}
    store = collector().store()
    if not welcome.is_token(store, token):
        current_app.logger.warning("first user refused: wrong token, from %s", guard().client() or "an unknown address")
        return _page("That is not the token that the server printed when it was started last.", name), 403
    guard().throttle.forget(counted)
    try:
        if password != form.get("again", ""):
            raise UsageError("password: the two are not the same")
        if not welcome.add_first(store, token, name, password):
            return redirect(url_for("auth.login"), 303)
    except UsageError as error:
        return _page(str(error), name, token), 400
    begin_session(name)
    audit_here("user.add", f"{name}, the first one", by=name)
    return redirect(url_for("dashboard.index"), 303)


def _page(problem: str = "", name: str = "", token: str = "") -> str:
    return render_template("welcome.html", problem=problem, name=name, token=token, least=users.MIN_PASSWORD)
