"""The questions of :mod:`footfall.reports.verify`, put to the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from footfall.reports.frame import Days
from footfall.reports.funnels import funnel
from footfall.reports.live import live
from footfall.reports.paths import paths
from footfall.reports.plain.answers import Row
from footfall.reports.query import query
from footfall.reports.questions import Asked, Funnel, Live, Paths, Question, Retention
from footfall.reports.retention import retention
from footfall.timeuuid import Moment


def ask(asked: Asked, days: Days, since: Moment, until: Moment, oldest: Callable[[], date]) -> list[Row]:
    """Return what the engine says to a question: rows of values and numbers, in the form that verify compares.

    :param days: gives the days, as :func:`footfall.reports.query.run` takes it.
    :param oldest: gives the UTC day of the account's first event.
    """
    match asked:
        case Question():
            result = query(days, asked.metrics, since, until, by=asked.by, where=asked.where, tz=asked.tz,
                           goal=asked.goal)
            return [(row.values, row.metrics) for row in result.rows]
        case Funnel():
            steps = funnel(days, asked.steps, since, until, within=asked.within, where=asked.where, tz=asked.tz)
            return [((number,), tuple(step)) for number, step in enumerate(steps, 1)]
        case Retention():
            cohorts = retention(days, since, until, oldest=oldest(), period=asked.period, tz=asked.tz)
            return [((cohort.period, later), (count,)) for cohort in cohorts
                    for later, count in enumerate(cohort.counts)]
        case Paths():
            found = paths(days, asked.page, since, until, where=asked.where, tz=asked.tz)
            return [((side, page), (count,)) for side, pages in found._asdict().items() for page, count in pages]
        case Live():
            return [((), (live(days, asked.now),))]
