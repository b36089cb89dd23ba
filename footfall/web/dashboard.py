"""The first page: every site that the reader may see, with its numbers of the last days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall import accounts
from footfall.accounts import Account
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.reports.recent import Range, ending, newest_days
from footfall.web import charts
from footfall.web.reports import days
from footfall.web.view import View, today_in

if TYPE_CHECKING:
    from footfall.reports.frame import Days

#: How many days the page can show, with the period of a site's page that shows as many; the first is shown unasked.
PERIODS: Mapping[int, str] = {7: "7d", 28: "28d", 90: "90d"}
#: What is told of each site.
NUMBERS = ("visitors", "visits", "views")

blueprint = Blueprint("dashboard", __name__)
blueprint.add_app_template_filter(charts.spark, "spark")
blueprint.add_app_template_filter(charts.short_day, "short_day")
blueprint.add_app_template_filter(charts.long_day, "long_day")


class Site(NamedTuple):
    """What the page shows of one site.

    :param range: its days.
    :param stale: nothing was viewed in the days asked for; these end with the newest view.
    :param url: of its page, about these days.
    :param numbers: those of :data:`NUMBERS`.
    :param line: by day, the visitors; the views where no visitors are known.
    """

    account: Account
    range: Range
    stale: bool
    url: str
    numbers: Mapping[str, int]
    line: Sequence[int]


@blueprint.get("/")
def index() -> ResponseReturnValue:
    try:
        count = parse_days(request.args.get("days", ""))
    except UsageError as error:
        return f"{error}\n", 400, {"Content-Type": "text/plain; charset=utf-8"}
    store = collector().store()
    known = [account for account in accounts.all_accounts(store) if g.user.may("viewer", account.id)]
    if len(known) == 1 and not request.query_string:
        return redirect(url_for("site.overview", site=known[0].id), 303)
    now = datetime.now(UTC)
    sites = [_site(account, count, today_in(account.settings["timezone"], now)) for account in known]
    silent = {site.account.id for site in sites if not site.numbers["views"]}
    newest = newest_days(store, silent, before=now.date())
    sites = [_site(site.account, count, newest[site.account.id], stale=True) if site.account.id in newest else site
             for site in sites]
    return render_template("dashboard.html", sites=sites, count=count, choices=PERIODS)


@blueprint.app_errorhandler(404)
def not_found(error: Exception) -> ResponseReturnValue:
    return render_template("error.html", title="No such page", reason="There is nothing at this address."), 404


def parse_days(text: str) -> int:
    """Return how many days a query string asks for.

    :raises UsageError: as many as cannot be shown.
    """
    if text and text not in map(str, PERIODS):
        *others, last = PERIODS
        raise UsageError(f"days={text!r}: must be {', '.join(map(str, others))} or {last}")
    return int(text or next(iter(PERIODS)))


def read_site(account: Account, span: Range, of_site: Days) -> tuple[Mapping[str, int], Sequence[int]]:
    """Return the numbers of a site in some days, and its line."""
    from footfall.reports.query import query

    asked = {"since": span.since, "until": span.until, "tz": account.settings["timezone"]}
    numbers = query(of_site, NUMBERS, **asked)[0]
    name = "visitors" if numbers["visitors"] else "views"
    return numbers, [row[name] for row in query(of_site, (name,), by=("day",), **asked)]


def _site(account: Account, count: int, last: date, *, stale: bool = False) -> Site:
    span = ending(last, count)
    view = View(account.id, account.settings["timezone"], last, PERIODS[count], span)
    shown = view.over(*span.days()[::count - 1]) if stale else view
    return Site(account, span, stale, url_for("site.overview", site=account.id) + shown.search(),
                *read_site(account, span, days(account.id)))
