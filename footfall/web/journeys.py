"""Who comes again, and which way readers go: retention by cohorts, and the pages before and after a page."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil, sqrt
from typing import NamedTuple

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall.collect.beacon import collector
from footfall.reports import recent
from footfall.reports.paths import Counts
from footfall.reports.paths import paths as around
from footfall.reports.query import run
from footfall.reports.retention import Cohort
from footfall.reports.retention import retention as cohorts_of
from footfall.web import sites
from footfall.web.reports import days
from footfall.web.tables import cell, events_url, part
from footfall.web.view import View

#: Steps of colour of the cells.
SHADES = 8
#: Pages that are offered to choose from, and rows of each table.
OFFERED, MOST = 20, 100


class Cell(NamedTuple):
    """Of a cohort, those who came in one period.

    :param shade: from 0, nobody, to :data:`SHADES`, all.
    :param url: of the newest event of each in it; empty if there are none to be seen.
    """

    came: int
    share: str
    shade: int
    url: str


class Line(NamedTuple):
    """A page before or after another.

    :param page: ``None`` for the visit's beginning or end.
    :param url: of its own paths.
    :param behind: URL of the views that are counted; empty if they are not to be seen.
    """

    page: str | None
    views: int
    share: str
    url: str
    behind: str


@sites.blueprint.get("/retention")
def retention(site: str) -> ResponseReturnValue:
    shown, every = sites.view(), request.args.get("every") or "week"
    oldest = recent.oldest_day(collector().store(), shown.site) or datetime.now(UTC).date()
    found = cohorts_of(days(shown.site), shown.range.since, shown.range.until, oldest=oldest, period=every,
                       tz=shown.zone)
    choices = [(name, url_for(".retention") + shown.search(*([("every", name)] if name != "week" else ())))
               for name in ("week", "month")]
    return render_template("retention.html", view=shown, every=every, choices=choices, periods=len(found),
                           rows=[(cohort.period, cells(shown, every, cohort)) for cohort in found])


@sites.blueprint.get("/paths")
def paths(site: str) -> ResponseReturnValue:
    shown, page = sites.view(), request.args.get("page", "")
    of_site = days(shown.site)
    top = run(shown.query(("views",), ("page",), limit=OFFERED), of_site)
    offered = [(row["page"], cell("views", row["views"], None, part(shown, "page", row["page"])[0]),
                _url(shown, row["page"])) for row in top if row["views"]]
    tables: list[tuple[str, str, list[Line]]] = []
    views = 0
    if page:
        found = around(of_site, page, shown.range.since, shown.range.until, where=shown.where, tz=shown.zone)
        views = sum(count for _, count in found.before)
        tables = [("Before it", "The visit began here", lines(shown, page, "before", found.before, views)),
                  ("After it", "The visit’s last page", lines(shown, page, "after", found.after, views))]
    return render_template("paths.html", view=shown, page=page, offered=offered, tables=tables, views=views,
                           behind=events_url(shown, "", ("page", page)) if views else "", most=MOST)


def cells(shown: View, every: str, cohort: Cohort) -> list[Cell]:
    """Return the cells of a cohort: the first are all of it."""
    size = cohort.counts[0]
    # Filters do not apply.
    url = events_url(shown.but(chips=()), "visitors", ("cohort", str(cohort.period)), ("every", every))
    # Most come back rarely: the root tells few from fewer.
    return [Cell(count, f"{count / size:.1%}" if size else "", ceil(SHADES * sqrt(count / size)) if size else 0,
                 url and f"{url}&later={later}" if count else "")
            for later, count in enumerate(cohort.counts)]


def lines(shown: View, page: str, side: str, counts: Counts, views: int) -> list[Line]:
    """Return the first rows of a table of pages.

    :param page: the page in the middle, as it was asked for.
    :param side: ``before`` or ``after``.
    :param views: how many views of the page in the middle there are.
    """
    found = []
    for other, count in counts[:MOST]:
        row = [("page", page), ("side", side), *([("other", other)] if other is not None else [])]
        found.append(Line(other, count, f"{count / views:.1%}", _url(shown, other) if other is not None else "",
                          events_url(shown, "", *row)))
    return found


def _url(shown: View, page: str) -> str:
    return url_for(".paths") + shown.search(("page", page))
