"""The whole table of a dimension: every value with its numbers, in any order, searched, by pages, or as a CSV file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from flask import Response, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall.errors import UsageError
from footfall.reports import texts
from footfall.reports.dimensions import Dimension, dimension
from footfall.reports.metrics import Number
from footfall.reports.query import run
from footfall.reports.result import Result, Row
from footfall.transfer.formats import sheet
from footfall.web import sites
from footfall.web.countries import COUNTRIES
from footfall.web.languages import LANGUAGES
from footfall.web.names import CHANNELS, titled
from footfall.web.names import shown as shown_as
from footfall.web.reports import days
from footfall.web.view import MAX_VALUE, View

PER_PAGE = 100
#: The metrics that say something of the values of a dimension, by its kind; the first is what it is ordered by unasked.
_OF_VISITS = ("visitors", "visits", "views", "views_per_visit", "bounce_rate", "visit_duration", "events")
METRICS: Mapping[str, Sequence[str]] = {
    "time": _OF_VISITS, "visit": _OF_VISITS, "end": _OF_VISITS,
    "page": ("visitors", "visits", "views", "bounce_rate", "engaged_time", "events"),
}
#: The kind of events behind a metric; all behind those that are not named.
BEHIND: Mapping[str, str] = {
    "visitors": "visitors", "visits": "visits", "views": "views", "events": "events",
    **dict.fromkeys(("views_per_visit", "bounce_rate", "visit_duration", "conversion_rate"), "visits"),
}
#: Words for the codes of a dimension, which are searched too.
WORDS: Mapping[str, Mapping[str, str]] = {"country": COUNTRIES, "language": LANGUAGES, "channel": CHANNELS}


class Asked(NamedTuple):
    """How a table is asked for.

    :param sort: the name that it is ordered by, a minus before it for the highest first; empty for its usual order.
    :param search: text that its values contain.
    :param first: the number of its first row that is shown, from 1.
    """

    sort: str
    search: str
    first: int

    def fields(self, changes: dict[str, str]) -> list[tuple[str, str]]:
        """Return what the URL of the table says of it, without what goes without saying."""
        said = {"sort": self.sort, "search": self.search, "from": str(self.first)} | changes
        return [(name, value) for name, value in said.items() if value and (name, value) != ("from", "1")]


class Head(NamedTuple):
    """The head of a column, a link that orders by it.

    :param direction: as ``aria-sort`` has it; empty if the table is not in its order.
    """

    label: str
    url: str
    direction: str


class Cell(NamedTuple):
    """A number as it is read, and how it has changed.

    :param url: of the events behind it; empty if none can be made.
    """

    text: str
    change: str
    url: str = ""


class Line(NamedTuple):
    """A value with its numbers.

    :param url: of the site's page, of this value alone; empty if none can be made.
    """

    text: str
    url: str
    cells: list[Cell]


@sites.blueprint.get("/panel/<path:name>")
def panel(site: str, name: str) -> ResponseReturnValue:
    shown, of = sites.view(), _dimension(name)
    asked = parse_asked(request.args, of)
    found = _run(shown, of, asked, limit=PER_PAGE, offset=asked.first - 1)
    return render_template(
        "panel.html", view=shown, is_compared=True, name=name, title=titled(name), asked=asked,
        found=found, first=asked.first - 1,
        heads=_heads(shown, of, asked), lines=[_line(shown, of, found.metrics, row) for row in found.rows],
        can_search=of.kind != "time", pages=_pages(shown, of, asked, found.count),
        csv=url_for(".panel_csv", name=name) + shown.search(*asked.fields({"from": ""})),
        kept=[*shown.fields(), *asked.fields({"search": "", "from": ""})])


@sites.blueprint.get("/panel/<path:name>.csv")
def panel_csv(site: str, name: str) -> ResponseReturnValue:
    shown, of = sites.view(), _dimension(name)
    found = _run(shown, of, parse_asked(request.args, of))
    last = shown.range.until - timedelta(days=1)
    file = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{shown.site}-{name}-{shown.range.since}-{last}")
    return Response(written(found), mimetype="text/csv",
                    headers={"Content-Disposition": f'attachment; filename="{file}.csv"'})


def parse_asked(fields: Mapping[str, str], of: Dimension) -> Asked:
    """Return how the fields of a query string ask for the table of a dimension.

    :raises UsageError: a field has a value that is none of those it can have.
    """
    sort, search, first = fields.get("sort", ""), fields.get("search", ""), fields.get("from") or "1"
    names = (of.name, *METRICS[of.kind])
    if sort and sort.removeprefix("-") not in names:
        raise UsageError(f"sort={sort!r}: must be one of {', '.join(names)}, with a - before it for the highest first")
    if not re.fullmatch("[1-9][0-9]{0,8}", first):
        raise UsageError(f"from={first!r}: must be a whole number, 1 or more")
    if search and of.kind == "time":
        raise UsageError(f"search={search!r}: {of.name} is a time, which is not searched; take another range")
    if len(search) > MAX_VALUE:
        raise UsageError(f"search: {len(search)} characters; give at most {MAX_VALUE}")
    return Asked(sort, search, int(first))


def written(found: Result) -> Iterator[bytes]:
    """Yield the table as CSV: numbers as they are, none where there is none."""
    is_compared = any(row.compared is not None for row in found.rows)
    head = [*found.by, *found.metrics, *(f"compared.{name}" for name in found.metrics if is_compared)]
    return sheet.lines(chain([head], ([*(sheet.guarded(texts.value(value)) for value in row.values), *row.metrics,
                                       *(row.compared or ())] for row in found.rows)))


def text_of(name: str, value: str | date) -> str:
    """Return a value of a dimension as the pages show it."""
    return shown_as(name, value) if isinstance(value, str) else texts.value(value)


def _dimension(name: str) -> Dimension:
    try:
        return dimension(name)
    except UsageError:
        abort(404)


def _run(shown: View, of: Dimension, asked: Asked, *, limit: int | None = None, offset: int = 0) -> Result:
    order = [(asked.sort.removeprefix("-"), "desc" if asked.sort.startswith("-") else "asc")] if asked.sort else None
    query = shown.query(METRICS[of.kind], (of.name,), compared=True, also=_containing(of, asked.search), order=order,
                        limit=limit, offset=offset)
    return run(query, days(shown.site))


def _containing(of: Dimension, search: str) -> list[Any] | None:
    """Return the filter for values in which a text stands as they are stored, or as they are shown."""
    if not search:
        return None
    codes = [code for code, word in WORDS.get(of.name, {}).items() if search.casefold() in word.casefold()]
    patterns = [pattern for code in codes for pattern in (code, f"{code}-*")]
    return ["or", ["contains", of.name, search], ["matches", of.name, patterns]]


def _heads(shown: View, of: Dimension, asked: Asked) -> list[Head]:
    """Return the heads: a click orders by numbers from the highest, by values from the first, another one reverses."""
    heads = []
    for name in (of.name, *METRICS[of.kind]):
        usual, other = (name, f"-{name}") if name == of.name else (f"-{name}", name)
        sort = other if asked.sort == usual else usual
        direction = {name: "ascending", f"-{name}": "descending"}.get(asked.sort, "")
        words = titled(name) if name == of.name else texts.name_of(name)
        heads.append(Head(words, _url(shown, of, asked.fields({"sort": sort, "from": ""})), direction))
    return heads


def _line(shown: View, of: Dimension, metrics: Sequence[str], row: Row) -> Line:
    value = row.values[0]
    view, fields = part(shown, of.name, value)
    before = row.compared or (None,) * len(metrics)
    cells = [cell(name, number, other, view, *fields)
             for name, number, other in zip(metrics, row.metrics, before, strict=True)]
    if isinstance(value, datetime):
        # An hour has no page of its own, only its day.
        view = shown.over(*shown.days_of(of.name, value))
    return Line(text_of(of.name, value), url_for(".overview") + view.search() if view else "", cells)


def part(shown: View, name: str, value: str | date) -> tuple[View | None, list[tuple[str, str]]]:
    """Return where the events of one value of a dimension are: the view, if one can be made, and fields for its URL."""
    if isinstance(value, datetime):
        return shown, [("hour", value.isoformat())]
    if isinstance(value, date):
        return shown.over(*shown.days_of(name, value)), []
    return shown.within("is", name, value) if len(value) <= MAX_VALUE else None, []


def cell(name: str, number: Number, before: Number, behind: View | None = None, *fields: tuple[str, str]) -> Cell:
    """Return a metric's number as it is shown.

    :param before: what it is compared with, if anything.
    :param behind: the view that it is a headline number of.
    :param fields: which of its events; see :mod:`footfall.web.listing`.
    """
    url = events_url(behind, name, *fields) if behind is not None and number else ""
    return Cell(texts.number(name, number), texts.change(name, number, before), url)


def events_url(shown: View, metric: str, *fields: tuple[str, str]) -> str:
    """Return the URL of the events behind a number; empty for whoever is shown the page without a role on the site.

    :param metric: what it is a number of; any other word stands for all the events that the fields tell of.
    """
    kind = [("kind", BEHIND[metric])] if metric in BEHIND else []
    return url_for(".events") + shown.search(*fields, *kind) if sites.may("viewer") else ""


def _pages(shown: View, of: Dimension, asked: Asked, count: int) -> list[tuple[str, str]]:
    """Return the words and URLs of the links to other pages of the table."""
    links = [("First", 1, asked.first > 1), ("Previous", max(asked.first - PER_PAGE, 1), asked.first > 1),
             ("Next", asked.first + PER_PAGE, asked.first + PER_PAGE <= count)]
    return [(word, _url(shown, of, asked.fields({"from": str(first)}))) for word, first, is_there in links if is_there]


def _url(shown: View, of: Dimension, fields: list[tuple[str, str]]) -> str:
    return url_for(".panel", name=of.name) + shown.search(*fields)
