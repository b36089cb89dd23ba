"""What a report says: a period's numbers beside those of the one before, its course, and what counted most.

All of it comes from the engine, asked about one state of the days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

from footfall.mailing.periods import Period
from footfall.reports import texts
from footfall.reports.frame import Days
from footfall.reports.metrics import Number
from footfall.reports.query import Query, run

METRICS = ("visitors", "visits", "views", "bounce_rate", "engaged_time")
#: The tables of a report, by section: what they are called and the dimension of their rows.
TABLES: Mapping[str, tuple[str, str]] = {
    "pages": ("Pages", "page"), "sources": ("Sources", "source"), "countries": ("Countries", "country"),
}
ROWS = 10


class Figure(NamedTuple):
    """One number of the whole, or of a goal, and what it was in the period before."""

    name: str
    metric: str
    now: Number
    before: Number

    @property
    def text(self) -> str:
        return texts.number(self.metric, self.now)

    @property
    def change(self) -> str:
        """How it changed, such as ``+12%``; empty where that cannot be told."""
        return texts.change(self.metric, self.now, self.before)


class Line(NamedTuple):
    """A row of a table: what is counted, how often, and what of the table's first row that is, from 0 to 1."""

    label: str
    number: int
    share: float


class Table(NamedTuple):
    """What counted most, and by which metric."""

    title: str
    metric: str
    lines: list[Line]


class Goal(NamedTuple):
    """A goal: how many visits reached it, and which share of all they are."""

    name: str
    conversions: int
    rate: Figure


@dataclass(frozen=True)
class Summary:
    """All that a report says.

    :param zone: name of the time zone of its days.
    :param unit: the metric that is told first: visitors, or views where no visitor is known.
    """

    site: str
    zone: str
    period: Period
    unit: str
    figures: list[Figure]
    course: Table
    tables: list[Table]
    goals: list[Goal]

    @property
    def first(self) -> Figure:
        """The number that is told first."""
        return next(each for each in self.figures if each.metric == self.unit)

    @property
    def last_day(self) -> date:
        return self.period.until - timedelta(days=1)

    @property
    def subject(self) -> str:
        """One line of it: ``blog: 1,204 visitors last week (+12%)``."""
        change = f" ({self.first.change})" if self.first.change else ""
        unit = self.unit.removesuffix("s") if self.first.now == 1 else self.unit
        return f"{self.site}: {self.first.text} {unit} last {self.period.every}{change}"

    def as_json(self) -> dict[str, Any]:
        """Return it as a webhook tells it."""
        return {
            "site": self.site, "tz": self.zone, "period": self.period.name, "since": self.period.since.isoformat(),
            "until": self.last_day.isoformat(), "subject": self.subject,
            "numbers": {each.metric: {"now": each.now, "before": each.before} for each in self.figures},
            **{each.title.lower(): [{"value": line.label, each.metric: line.number} for line in each.lines]
               for each in (self.course, *self.tables)},
            "goals": [{"name": each.name, "conversions": each.conversions, "conversion_rate": each.rate.now}
                      for each in self.goals],
        }


def summary(days: Days, site: str, zone: str, period: Period, sections: Sequence[str],
            goals: Sequence[tuple[str, object]] = ()) -> Summary:
    """Return what a report says.

    :param days: gives the site's days.
    :param zone: name of the time zone.
    :param goals: names and forms, as :class:`~footfall.reports.query.Query` takes them.
    """
    before = period.before()
    ask = partial(Query, since=period.since, until=period.until, tz=zone)
    (whole,) = run(ask(METRICS, compare=[before.since, before.until]), days)
    figures = [Figure(texts.name_of(name), name, whole[name], whole["compared"][name]) for name in METRICS]
    # A log tells no visitor, and so no visit.
    unit = "visitors" if whole["visitors"] or not whole["views"] else "views"
    course = [(f"{row['day']:%a} {row['day'].day}" if period.every == "week" else str(row["day"].day), row[unit])
              for row in run(ask((unit,), by=("day",)), days)]
    tables = []
    for section in sections:
        if section in TABLES:
            title, dimension = TABLES[section]
            of_rows = "views" if section == "pages" or unit == "views" else "visitors"
            rows = run(ask((of_rows,), by=(dimension,), limit=ROWS), days)
            tables.append(_table(title, of_rows, [(str(row[dimension]), row[of_rows]) for row in rows
                                                  if row[of_rows]]))
    reached = [_goal(days, partial(ask, compare=[before.since, before.until]), *goal)
               for goal in goals] if "goals" in sections else []
    return Summary(site, zone, period, unit, figures, _table("Days", unit, course),
                   [table for table in tables if table.lines], reached)


def _goal(days: Days, ask: partial[Query], name: str, form: object) -> Goal:
    (row,) = run(ask(("visits", "conversion_rate"), goal=form), days)
    rate = row["conversion_rate"]
    # The rate is the one count by the other, and no float is so far off that this is not the count again.
    return Goal(name, round((rate or 0) * row["visits"]),
                Figure(name, "conversion_rate", rate, row["compared"]["conversion_rate"]))


def _table(title: str, metric: str, rows: Sequence[tuple[str, int]]) -> Table:
    most = max((count for _, count in rows), default=0)
    return Table(title, metric, [Line(texts.visible(label), count, count / most if most else 0)
                                 for label, count in rows])
