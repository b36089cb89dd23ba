"""The page of a site: headline numbers, the chart, panels of what readers saw, where they came from and with what.

All of it is drawn here and is complete without a script. Its numbers are answers of the engine, all about the same
events: one function gives the days to every question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import chain, repeat
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from footfall import goals as defined
from footfall.accounts import Account
from footfall.collect.beacon import collector
from footfall.collect.tracker import tag
from footfall.errors import UsageError
from footfall.reports import texts
from footfall.reports.buckets import buckets, zone_of
from footfall.reports.frame import Days
from footfall.reports.goals import form_of
from footfall.reports.live import live, newest
from footfall.reports.metrics import Number
from footfall.reports.properties import properties
from footfall.reports.query import run
from footfall.reports.ranges import span_of
from footfall.web import auth, charts, names, panels, sites, worldmap
from footfall.web.charts import Note, Point
from footfall.web.panels import GROUPS, ROWS, Group, Panel
from footfall.web.picking import FIGURES, Link, Page, parse_page, with_filter
from footfall.web.reports import days
from footfall.web.tables import Cell, cell, events_url, part
from footfall.web.view import COMPARISONS, OLDEST, PERIODS, View

#: Those of the numbers at the top that had better fall.
BETTER_LOW = frozenset({"bounce_rate"})
#: More steps than a chart can show.
MOST_STEPS = 1_000
#: Countries that the map shows: all.
COUNTRIES = 300
#: Letters that a path may have as they are; in one that is stored the others are encoded already, if they ever were.
_IN_PATHS = "/%:@!$&'()*+,;=~#"
_HOST = re.compile(r"[A-Za-z0-9.-]+")

Told = Mapping[str, Any]


class Figure(NamedTuple):
    """A number at the top.

    :param change: how it has changed; empty if that cannot be told.
    :param verdict: ``good``, ``bad``, or nothing.
    :param before: what it is compared with, which leads to the events behind it.
    """

    name: str
    url: str
    is_current: bool
    number: str
    change: str
    verdict: str
    before: Cell | None


class Row(NamedTuple):
    """A row of a panel.

    :param value: as it is stored.
    :param url: the page filtered by it; empty if it cannot be.
    :param out: where it leads on the web, if anywhere.
    :param numbers: each leads to the events behind it.
    """

    value: str
    label: str
    url: str
    out: str
    bar: Markup
    share: str
    numbers: Sequence[Cell]


class Shown(NamedTuple):
    """A group of panels as it is shown: the rows of one, and the ways to the others.

    :param all: URL of its whole table.
    """

    group: Group
    panel: Panel
    heads: Sequence[str]
    rows: Sequence[Row]
    tabs: Sequence[Link]
    more: Sequence[Link]
    map: Markup
    all: str


class Reached(NamedTuple):
    """A goal, how many visits reached it, and which share of all that is."""

    name: str
    what: str
    url: str
    visits: Cell
    rate: Cell
    bar: Markup


@sites.blueprint.get("")
def overview(site: str) -> ResponseReturnValue:
    account, page = sites.account(), parse_page(sites.view(), request.args)
    if request.args.get("dimension"):
        return redirect(page.url(with_filter(page.view, request.args)), 303)
    view, now, of_site = page.view, datetime.now(UTC), days(site)
    told = run(view.query((*FIGURES, "events"), compared=True), of_site)[0]
    last = newest(of_site, now)
    # A log tells of no visitors: then its views are what there is.
    metric = page.extra.get("metric") or ("visitors" if told["visitors"] or not told["views"] else "views")
    against = COMPARISONS[view.compare] if view.compare != "none" else ""
    points, notes = _led(view, metric, points_of(view, metric, of_site, now)), _notes(view)
    return render_template(
        "site.html", page=page, view=view, account=account, metric=metric, told=told, points=points, notes=notes,
        against=against, chart=charts.over_time(points, metric, against=against, notes=notes,
                                                unfinished=view.range.until > view.today >= view.range.since),
        figures=_figures(page, told, metric), goals=_goals(page, of_site),
        panels=[_shown(page, group, told, account, of_site) for group in _groups(view, of_site)],
        live=live(of_site, now), live_url=events_url(view.but(chips=()), "visitors", ("now", now.isoformat())),
        newest=last.astimezone(zone_of(view.zone)) if last else None,
        ago=texts.duration((now - last).total_seconds()) if last else "", names=names, texts=texts,
        oldest=OLDEST, periods=PERIODS,
        tag=tag(auth.guard().address(), account.id, collector().paths))


def points_of(view: View, metric: str, of_site: Days, now: datetime) -> list[Point]:
    """Return the steps of a view's chart.

    :raises UsageError: they are too many.
    """
    length = (view.range.until - view.range.since).days
    if length * {"hour": 24, "day": 1}.get(view.by_time, 0) > MOST_STEPS:
        raise UsageError(f"interval={view.by_time!r}: {length:,} days have more steps than a chart shows; "
                         "take a longer one, or fewer days")
    rows = run(view.query((metric,), (view.by_time,), compared=True), of_site)
    return [_point(view, row[view.by_time], row[metric], row.get("compared", {}).get(metric), now) for row in rows]


def _point(view: View, begin: date, number: Any, other: Any, now: datetime) -> Point:
    first, last = view.days_of(view.by_time, begin)
    if isinstance(begin, datetime):
        day, clock = begin.date(), f"{begin:%H:%M}"
        is_short = (view.range.until - view.range.since).days <= 2
        return Point(f"{charts.long_day(day)}, {clock}", clock if is_short else charts.short_day(day), first, last,
                     number, other, begun=begin <= now, begin=begin)
    if view.by_time == "month":
        title = mark = f"{begin:%b %Y}"
    else:
        title, mark = charts.long_day(begin), charts.short_day(begin)
        title = f"Week of {title}" if view.by_time == "week" else title
    return Point(title, mark, first, last, number, other, begun=begin <= view.today, begin=begin)


def _led(view: View, metric: str, points: Sequence[Point]) -> list[Point]:
    """Return the steps of a chart with where they lead: to the events behind their numbers."""
    other = view.compared_with()
    zone = zone_of(view.zone)
    others = buckets(view.by_time, zone, *span_of(*other.range, zone)).values if other else []
    return [point._replace(url=_behind(view, metric, point.begin, point.number),
                           other_url=_behind(other, metric, begin, point.other))
            for point, begin in zip(points, chain(others, repeat(None)), strict=False)]


def _behind(view: View | None, metric: str, begin: date | None, number: Number) -> str:
    """Return the URL of the events behind a step of a view's chart; empty if there are none to be seen."""
    if view is None or begin is None or not number:
        return ""
    narrowed, fields = part(view, view.by_time, begin)
    return events_url(narrowed or view, metric, *fields)


def _notes(view: View) -> list[Note]:
    return [Note(each.day, each.text) for each in defined.annotations(collector().store(), view.site)
            if view.range.since <= each.day < view.range.until]


def _figures(page: Page, told: Told, metric: str) -> list[Figure]:
    before, other = told.get("compared", {}), page.view.compared_with()
    changes = {name: texts.change(name, told[name], before.get(name)) for name in FIGURES}
    return [Figure(name, page.url(metric=name), name == metric, texts.number(name, told[name]), changes[name],
                   _verdict(name, changes[name]),
                   Cell(texts.number(name, before[name]), "", events_url(other, name) if other and before[name] else "")
                   if name in before else None)
            for name in FIGURES]


def _verdict(name: str, change: str) -> str:
    if change[:1] not in ("+", "-"):
        return ""
    return "good" if (change[0] == "+") != (name in BETTER_LOW) else "bad"


def _groups(view: View, of_site: Days) -> list[Group]:
    """Return the groups of panels; of one event that is looked at, with its properties."""
    event = next((chip.values[0] for chip in view.chips if chip.key == "is.event" and len(chip.values) == 1), None)
    if event is None:
        return list(GROUPS)
    found = properties(of_site, event, view.range.since, view.range.until, view.zone)
    return [*GROUPS[:-1], panels.of_event(GROUPS[-1], found)]


def _shown(page: Page, group: Group, told: Told, account: Account, of_site: Days) -> Shown:
    panel = group.chosen(page.extra.get(group.field))
    # Where nobody is known, a list by visitors has no order.
    metrics = tuple(name for name in panel.metrics if told["visitors"] or name in ("views", "events")) or ("views",)
    is_map = panel.dimension == "country"
    found = run(page.view.query(metrics, (panel.dimension,), limit=COUNTRIES if is_map else ROWS),
                of_site)
    first = metrics[0]
    rows = [row for row in found if row[first]]
    links = [(each.rare, Link(each.title, page.url(None, **{
        group.field: "" if each is group.panels[0] else each.dimension}), each is panel)) for each in group.panels]
    return Shown(group, panel, tuple(texts.name_of(name) for name in metrics),
                 [_row(page, panel, metrics, row, rows[0], told, account) for row in rows[:ROWS]],
                 [link for rare, link in links if not rare], [link for rare, link in links if rare],
                 _world(page, first, rows) if is_map and rows else Markup(""),
                 url_for(".panel", name=panel.dimension) + page.view.search())


def _row(page: Page, panel: Panel, metrics: Sequence[str], row: Told, most: Told, told: Told, account: Account) -> Row:
    value, first = row[panel.dimension], metrics[0]
    share = row[first] / told[first] if told[first] else 0
    url = page.filtered(panel.dimension, value)
    behind = page.view.within("is", panel.dimension, value) if url else None
    return Row(value, names.shown(panel.dimension, value), url, _out(panel, value, account),
               charts.share(row[first], most[first]), f"{share:.0%}",
               [cell(name, row[name], None, behind) for name in metrics])


def _out(panel: Panel, value: str, account: Account) -> str:
    """Return where a value leads on the web; nothing that could lead anywhere else than it says."""
    if panel.link == "host" and _HOST.fullmatch(value):
        return f"https://{value}/"
    if panel.link == "page" and account.url and value.startswith("/"):
        parts = urlsplit(account.url)
        # A path may begin with two slashes, which after the host are part of it.
        return f"{parts.scheme}://{parts.netloc}{quote(value, safe=_IN_PATHS)}"
    return ""


def _world(page: Page, metric: str, rows: Sequence[Told]) -> Markup:
    return worldmap.world({row["country"]: worldmap.Place(
        row[metric], f"{names.shown('country', row['country'])}: {texts.number(metric, row[metric])} "
                     f"{texts.name_of(metric)}", page.filtered("country", row["country"])) for row in rows})


def _goals(page: Page, of_site: Days) -> list[Reached]:
    found = []
    for goal in defined.goals(collector().store(), page.view.site):
        visits = run(page.view.query(("visits",), also=["visit", form_of(goal.form)]), of_site)[0]
        rate = run(page.view.query(("conversion_rate",), goal=goal.form), of_site)[0]["conversion_rate"]
        operator, dimension = ("matches", "page") if "page" in goal.form else ("is", "event")
        behind = page.view, ("goal", goal.id)
        found.append(Reached(goal.name, defined.described(goal.form),
                             page.url(page.view.within(operator, dimension, goal.form[dimension])),
                             cell("visits", visits["visits"], None, *behind),
                             cell("conversion_rate", rate, None, *behind), charts.share(rate, 1)))
    return found
