"""What a reader can choose on a site's page: each choice is a link, or a form, that leads to the page with it.

Beside the :class:`~footfall.web.view.View` its URL says which metric the chart is of (``metric``), and which panels
are shown (``tab.pages=entry_page``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from flask import url_for

from footfall.errors import UsageError
from footfall.reports.filters import parse
from footfall.web import names
from footfall.web.panels import GROUPS
from footfall.web.view import COMPARISONS, INTERVALS, MAX_VALUE, OLDEST, PERIODS, Chip, View

#: The numbers at the top; each can be the chart's.
FIGURES = ("visitors", "visits", "views", "views_per_visit", "bounce_rate", "engaged_time")
#: The keys that choose a period, as static/page.js explains them.
KEYS = {"today": "t", "7d": "7", "28d": "2", "90d": "9", "month": "m", "year": "y"}


class Link(NamedTuple):
    """Something that can be chosen.

    :param key: of the keyboard.
    """

    text: str
    url: str
    is_current: bool = False
    key: str = ""


class Picked(NamedTuple):
    """A filter as it is read, and the page without it."""

    text: str
    url: str


@dataclass(frozen=True)
class Page:
    """A site's page as it is asked for.

    :param extra: fields of its URL that say which part of the view is drawn.
    """

    view: View
    extra: Mapping[str, str]

    def url(self, view: View | None = None, **extra: str) -> str:
        """Return the URL of another view, or with other fields; all else stays as it is."""
        fields = [(name, value) for name, value in {**self.extra, **extra}.items() if value]
        return url_for(".overview") + (view or self.view).search(*fields)

    def fields(self, *without: str) -> list[tuple[str, str]]:
        """Return the fields of its URL but some, for a form to carry along."""
        return [(name, value) for name, value in (*self.view.fields(), *self.extra.items()) if name not in without]

    def filtered(self, dimension: str, value: str) -> str:
        """Return the URL with one value of a dimension alone; empty if it is too long for a URL."""
        return self.url(self.view.within("is", dimension, value)) if len(value) <= MAX_VALUE else ""

    @property
    def periods(self) -> list[Link]:
        """The ranges that can be picked by a name."""
        return [Link(text, self.url(self.view.but(period=period, interval="")), period == self.view.period,
                     KEYS.get(period, "")) for period, text in PERIODS.items() if period != "custom"]

    @property
    def comparisons(self) -> list[Link]:
        """What the range can be compared with."""
        return [Link(text, self.url(self.view.but(compare=name)), name == self.view.compare)
                for name, text in COMPARISONS.items()]

    @property
    def comparing(self) -> str:
        """The URL with a comparison if there is none, and without if there is one."""
        return self.url(self.view.but(compare="previous" if self.view.compare == "none" else "none"))

    @property
    def intervals(self) -> list[Link]:
        """The intervals of the chart."""
        return [Link(f"by {name}", self.url(self.view.but(interval=name)), name == self.view.by_time)
                for name in INTERVALS]

    @property
    def around(self) -> list[Link]:
        """The days before and after, as many as are shown."""
        since, until = self.view.range
        length = until - since
        before = Link("Days before", self.url(self.view.over(since - length, since - timedelta(days=1))),
                      key="ArrowLeft")
        after = Link("Days after", self.url(self.view.over(until, until + length - timedelta(days=1))),
                     key="ArrowRight")
        return [*([before] if since - length >= OLDEST else []), *([after] if until <= self.view.today else [])]

    @property
    def chips(self) -> list[Picked]:
        """The filters, as they are read."""
        return [Picked(f"{names.titled(chip.dimension)} {names.OPERATORS.get(chip.operator, 'is')} "
                       + " or ".join(names.shown(chip.dimension, value) for value in chip.values),
                       self.url(self.view.without(chip))) for chip in self.view.chips]

    @property
    def unfiltered(self) -> str:
        """The URL without any filter."""
        return self.url(self.view.but(chips=()))


def parse_page(view: View, fields: Mapping[str, str]) -> Page:
    """Return the page that the fields of a query string ask for.

    :raises UsageError: a field has a value that is none of those it can have.
    """
    extra = {}
    metric = fields.get("metric")
    if metric:
        if metric not in FIGURES:
            raise UsageError(f"metric={metric!r}: must be one of {', '.join(FIGURES)}")
        extra["metric"] = metric
    for group in GROUPS:
        tab = fields.get(group.field, "")
        # A property may have any name, and is looked for among those that there are.
        if tab and len(tab) <= MAX_VALUE:
            extra[group.field] = tab
    return Page(view, extra)


def with_filter(view: View, fields: Mapping[str, str]) -> View:
    """Return a view with the filter that the form for one more asks for: other values of one are alternatives.

    :raises UsageError: it is none.
    """
    operator, dimension, value = (fields.get(name, "").strip() for name in ("operator", "dimension", "value"))
    parse([operator, dimension, [value]], name="filter")
    chip = Chip(operator, dimension, (value,))
    for known in view.chips:
        if known.key == chip.key:
            values = tuple(dict.fromkeys((*known.values, value)))
            return view.but(chips=tuple(each._replace(values=values) if each is known else each
                                        for each in view.chips))
    return view.but(chips=(*view.chips, chip))
