"""The page of a site where its reports and alerts are added, tried and removed, and what a mail's link leads to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from flask import Blueprint, abort, current_app, g, render_template, request
from flask.typing import ResponseReturnValue

from footfall.collect.beacon import collector
from footfall.errors import ConfigError, UsageError
from footfall.mailing import alerts, deliveries, smtp, subscriptions, unsubscribing
from footfall.mailing.destinations import Destination, destination
from footfall.mailing.periods import EVERY
from footfall.web import auth
from footfall.web.reports import reports
from footfall.web.settings.frame import Form, change_settings, done, present, server
from footfall.web.sites import account, site_blueprint
from footfall.web.throttle import Throttle

#: Where the running app keeps the count of reports that were tried: who tries again and again would have the server
#: send what nobody asked for.
EXTENSION = "footfall.mailing"

#: Settings of the site that are set on the page.
BADGE = ("badge",)

blueprint = site_blueprint("mailing")
#: What has no site in its path: a mail's link tells nothing of it but to us.
ending = Blueprint("unsubscribe", __name__)


@blueprint.get("/settings/mail")
def index(site: str) -> ResponseReturnValue:
    return _page()


@blueprint.post("/settings/mail")
def add(site: str) -> ResponseReturnValue:
    """Add a report."""
    try:
        where = _destination()
        made = subscriptions.add(collector().store(), account().id, where, request.form.get("every", ""),
                                 request.form.getlist("section"), by=g.user.name)
    except UsageError as error:
        return _page(problem=str(error), asked="report"), 400
    auth.audit_here("mail.add", f"{made.id} every {made.every} to {where}")
    return _added(where)


@blueprint.post("/settings/mail/<definition>/remove")
def remove(site: str, definition: str) -> ResponseReturnValue:
    """Remove a report."""
    removed = subscriptions.remove(collector().store(), site, definition)
    auth.audit_here("mail.remove", f"{removed.id} to {removed.destination}")
    return done(f"Removed: no more reports go to {removed.destination}.", ".index")


@blueprint.post("/settings/mail/<definition>/try")
def send(site: str, definition: str) -> ResponseReturnValue:
    """Send the last report once more, to try it."""
    from footfall.mailing.herald import Herald

    found = subscriptions.find(collector().store(), site, definition)
    wait = _tries().take([g.user.name])
    if wait:
        problem = f"Too many at once. Try again in {-(-wait // 60)} minutes."
        return _page(problem=problem), 429, {"Retry-After": str(wait)}
    herald = Herald(server(), reports().cache())
    attempts = list(herald.send_now(account(), found, datetime.now(UTC)))
    problems = "; ".join(attempt.problem for attempt in attempts if attempt.problem)
    auth.audit_here("mail.try", f"{found.id} to {found.destination}")
    return (_page(problem=problems), 502) if problems else done(f"Sent to {found.destination}.", ".index")


@blueprint.post("/settings/alerts")
def add_alert(site: str) -> ResponseReturnValue:
    """Add an alert."""
    when = request.form.get("when", "")
    try:
        where = _destination()
        made = alerts.add(collector().store(), account().id, where, when, {
            name: _number(name) for name in alerts.NUMBERS.get(when, {})}, by=g.user.name)
    except UsageError as error:
        return _page(problem=str(error), asked=when), 400
    auth.audit_here("alert.add", f"{made.id} {made} to {where}")
    return _added(where)


@blueprint.post("/settings/alerts/<definition>/remove")
def remove_alert(site: str, definition: str) -> ResponseReturnValue:
    """Remove an alert."""
    removed = alerts.remove(collector().store(), site, definition)
    auth.audit_here("alert.remove", f"{removed.id} {removed}")
    return done(f"Removed the alert: {removed}.", ".index")


@blueprint.post("/settings/badge")
def set_badge(site: str) -> ResponseReturnValue:
    """Say what the site's badge tells."""
    form = Form(request.form)
    if not change_settings(form, BADGE):
        return _page(problem="; ".join(form.problems.values())), 400
    return done("Saved. Running servers follow within ten seconds.", ".index")


@ending.route("/mail/unsubscribe/<token>", methods=["GET", "POST"])
def unsubscribe(token: str) -> ResponseReturnValue:
    """Ask whether a report or an alert is to end, or, when that is posted, end it: mail programs post by themselves."""
    store = collector().store()
    found = unsubscribing.read(store, token)
    if found is None:
        abort(404)
    site, definition = found
    if request.method == "POST":
        unsubscribing.end(store, site, definition)
        auth.audit_here("mail.unsubscribe", definition, by="", site=site)
    return render_template("unsubscribe.html", about=site, is_over=request.method == "POST")


def _destination() -> Destination:
    return destination(request.form.get("to", "").strip(), request.form.get("webhook", "").strip())


def _number(name: str) -> int | None:
    text = request.form.get(name, "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"{name}={text!r}: must be a whole number")
    return int(text) if text else None


def _added(where: Destination) -> ResponseReturnValue:
    # A secret is on the page that answers the form, and nowhere afterwards.
    return _page(secret=where.secret) if where.secret else done(f"Added, to {where}.", ".index")


def _page(problem: str = "", secret: str = "", asked: str = "") -> str:
    """Return the page.

    :param asked: which of its forms was refused, to be mended: ``report``, or the kind of an alert.
    """
    store, site = collector().store(), account()
    g.section = "mailing.index"
    shown = [(each, deliveries.latest(store, site.id, each.id)) for each in subscriptions.subscriptions(store, site.id)]
    watched = [(each, deliveries.latest(store, site.id, each.id)) for each in alerts.alerts(store, site.id)]
    return render_template("settings_mail.html", subscriptions=shown, alerts=watched, every=EVERY,
                           sections=subscriptions.SECTIONS, numbers=alerts.NUMBERS, problem=problem,
                           secret=secret, asked=asked, tried=request.form, no_mail=_why_no_mail(),
                           badge=present(BADGE), address=auth.guard().address())


def _why_no_mail() -> str:
    """Return why this server sends no mail; empty if it does."""
    try:
        smtp.check(server())
    except ConfigError as error:
        return str(error)
    return ""


def _tries() -> Throttle:
    return cast(Throttle, current_app.extensions[EXTENSION])
