"""The first page: each site's views by day, its top pages, where its readers came from and with what, and its tag."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from footfall import accounts
from footfall.accounts import Account
from footfall.collect.beacon import collector
from footfall.collect.tracker import DEFAULT, Paths, tag
from footfall.derive.urls import host
from footfall.errors import UsageError
from footfall.reports.recent import Range, ending, newest_days
from footfall.web import auth, charts
from footfall.web.reports import reports

if TYPE_CHECKING:
    from footfall.reports.cache import FactsCache

#: How many days the page can show; the first is what it shows unasked.
DAYS = (7, 30, 90)
DIMENSIONS = ("url", "referrer", "search_term", "browser", "device", "country")
TOP = 10
#: What is told of the whole and of each day.
NUMBERS = ("views", "visits", "visitors")
#: No event is older than the time that computers count from.
OLDEST = date(1970, 1, 1) + timedelta(days=max(DAYS))

blueprint = Blueprint("dashboard", __name__)
blueprint.add_app_template_filter(charts.by_day, "chart")
blueprint.add_app_template_filter(charts.share, "share")
blueprint.add_app_template_filter(charts.short_day, "short_day")
blueprint.add_app_template_filter(charts.long_day, "long_day")


class Asked(NamedTuple):
    """Which days the reader asked for: how many, and the last if he named one."""

    days: int
    until: date | None


class Row(NamedTuple):
    """One value of a dimension, its page-views and its visitors."""

    value: str
    views: int
    visitors: int


class Day(NamedTuple):
    """One day's numbers."""

    day: date
    views: int
    visits: int
    visitors: int


class Overview(NamedTuple):
    """What is shown of a range: its numbers, those of each day, and the best of some dimensions."""

    range: Range
    views: int
    visits: int
    visitors: int
    by_day: list[Day]
    top: dict[str, list[Row]]

    def views_by_day(self) -> list[tuple[date, int]]:
        """Return each day with its page-views."""
        return [(each.day, each.views) for each in self.by_day]


class Page(NamedTuple):
    """A row of the top pages: what is shown, the whole URL, whether that can be followed, and its numbers."""

    label: str
    url: str
    is_link: bool
    views: int
    visitors: int


class Site(NamedTuple):
    """What the page shows of one site.

    :param stale: nothing was viewed in the days asked for; these end with the newest view.
    """

    account: Account
    overview: Overview
    stale: bool
    pages: list[Page]
    tag: str


@blueprint.get("/")
def index() -> ResponseReturnValue:
    today = datetime.now(UTC).date()
    try:
        asked = parse_range(request.args, today)
    except UsageError as error:
        return f"{error}\n", 400, {"Content-Type": "text/plain; charset=utf-8"}
    sites = [site for site in read_sites(reports().cache(), asked, today, auth.guard().address(), collector().paths)
             if g.user.may("viewer", site.account.id)]
    return render_template("dashboard.html", sites=sites, asked=asked, choices=DAYS, today=today, oldest=OLDEST)


@blueprint.app_errorhandler(404)
def not_found(error: Exception) -> ResponseReturnValue:
    return render_template("error.html", title="No such page", reason="There is nothing at this address."), 404


def parse_range(fields: Mapping[str, str], today: date) -> Asked:
    """Return which days a query string asks for.

    :raises UsageError: a field has a value that is none of those it can have.
    """
    days, until = fields.get("days") or str(DAYS[0]), fields.get("until") or ""
    if days not in map(str, DAYS):
        raise UsageError(f"days={days!r}: must be {', '.join(map(str, DAYS[:-1]))} or {DAYS[-1]}")
    return Asked(int(days), _day(until, today) if until else None)


def read_sites(cache: FactsCache, asked: Asked, today: date, address: str, paths: Paths = DEFAULT) -> list[Site]:
    """Return what the page shows of every site, in order of their ids.

    :param address: where footfall is reached, for the tags.
    :param paths: what the beacon's paths are there.

    Without a last day asked for, a site that had no views in the last days shows those that end with
    its newest view, as :func:`footfall.reports.recent.last_days` does for one site.
    """
    known = accounts.all_accounts(cache.store)
    wanted = ending(asked.until or today, asked.days)
    overviews = {account.id: overview(cache, account.id, wanted) for account in known}
    stale = {}
    if asked.until is None:
        without = {account for account, found in overviews.items() if not found.views}
        stale = newest_days(cache.store, without, before=wanted.since)
    overviews |= {account: overview(cache, account, ending(day, asked.days)) for account, day in stale.items()}
    return [Site(account, overviews[account.id], account.id in stale,
                 pages(overviews[account.id].top["url"], account.url), tag(address, account.id, paths))
            for account in known]


def overview(cache: FactsCache, site: str, days: Range) -> Overview:
    """Return what is shown of some days of a site: all of it as it was at one moment."""
    from footfall.reports.asking import days_of
    from footfall.reports.query import query

    ask = partial(query, days_of(cache, site), since=days.since, until=days.until)
    top = {}
    for dimension in DIMENSIONS:
        rows = ask(("views", "visitors"), by=(dimension,), limit=TOP)
        # Who only did something there, and viewed nothing, is in the visitors of a row without views.
        top[dimension] = [Row(row[dimension], row["views"], row["visitors"]) for row in rows if row["views"]]
    (whole,) = ask(NUMBERS)
    return Overview(days, **whole, by_day=[Day(**row) for row in ask(NUMBERS, by=("day",))], top=top)


def pages(rows: list[Row], site_url: str) -> list[Page]:
    """Return rows of URLs as they are shown: without the host where it goes without saying."""
    hosts = {host(row.value) for row in rows}
    own = {host(site_url)} | (hosts if len(hosts) == 1 else set())
    return [Page(_label(row.value, own), row.value, _is_link(row.value), row.views, row.visitors)
            for row in rows]


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.max
    # fromisoformat takes other ways to write a day too, which a link would then have to keep.
    if day.isoformat() != text or not OLDEST <= day <= today:
        raise UsageError(f"until={text!r}: must be a day from {OLDEST} to today, {today}, written so")
    return day


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _label(url: str, own: set[str]) -> str:
    label = url
    if _is_link(url):
        parts = urlsplit(url)
        path = parts._replace(scheme="", netloc="").geturl() or "/"
        label = path if host(url) in own else parts.netloc + path
    try:
        readable = unquote(label, errors="strict")
    except UnicodeDecodeError:
        return label
    # What cannot be seen, or turns the direction of writing, stays encoded.
    return readable if readable.isprintable() else label
