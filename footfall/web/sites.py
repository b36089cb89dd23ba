"""The pages of a site, under ``/sites/<site>``: every one shows a :class:`~footfall.web.view.View`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, g, render_template, request
from flask.typing import ResponseReturnValue

from footfall import accounts
from footfall.accounts import Account
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.reports.query import run
from footfall.web.reports import reports
from footfall.web.view import View, parse_view

blueprint = Blueprint("site", __name__, url_prefix="/sites/<site>")


@blueprint.url_value_preprocessor
def take_site(_: str | None, values: dict[str, Any] | None) -> None:
    """Keep the site of the URL in ``g.site``."""
    g.site = values["site"] if values else ""


@blueprint.url_defaults
def give_site(endpoint: str, values: dict[str, Any]) -> None:
    """Put the site into the URLs that a page of it makes of others."""
    if "site" in g:
        values.setdefault("site", g.site)


def account() -> Account:
    """Return the site of the request."""
    try:
        return accounts.find(collector().store(), g.site)
    except UsageError:
        abort(404)


def view() -> View:
    """Return what the request asks to be shown.

    :raises UsageError: it asks for what cannot be.
    """
    site = account()
    zone = site.settings["timezone"]
    today = datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
    return parse_view(request.args.items(multi=True), site.id, zone, today)


@blueprint.errorhandler(UsageError)
def cannot_be(error: UsageError) -> ResponseReturnValue:
    return f"{error}\n", 400, {"Content-Type": "text/plain; charset=utf-8"}


@blueprint.get("")
def overview(site: str) -> ResponseReturnValue:
    from footfall.reports.asking import days_of

    shown = view()
    days = days_of(reports().cache(), site)
    headline = run(shown.query(("views", "visits", "visitors"), compared=True), days)[0]
    return render_template("site.html", view=shown, headline=headline)
