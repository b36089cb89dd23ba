"""Who is there now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from footfall.reports.arrays import distinct
from footfall.reports.buckets import instant, local
from footfall.reports.columns import joined
from footfall.reports.frame import Days
from footfall.reports.ranges import Span

#: Who has an event within this time is there.
WINDOW = timedelta(minutes=5)


def live(days: Days, now: datetime) -> int:
    """Return how many visitors have an event in the last five minutes, both ends included.

    :param days: gives the days, as :func:`footfall.reports.query.run` takes it.
    :param now: the end; a naive datetime is UTC.
    """
    span = span_of_now(now)
    # No more is looked at than these five minutes, however many events the day has.
    there = (day.visits.visitor[visits] for day in (each.facts for each in days(*span.days()))
             for visits in [distinct(day.visit[day.row_at(span.since):day.row_at(span.until)].copy())]
             for visits in [visits[visits < len(day.visits)]])
    return len(distinct(joined(np.uint64, there)))


def newest(days: Days, now: datetime) -> datetime | None:
    """Return when the newest event up to now was; ``None`` if neither today nor yesterday has one.

    :param days: as :func:`live`, as is ``now``.
    """
    end = instant(now, UTC) + 1
    before = ((day.facts, day.facts.row_at(end)) for day in days(*span_of_now(now).days()))
    lasts = [int(facts.times(slice(row - 1, row))[0]) for facts, row in before if row]
    return local(max(lasts), UTC) if lasts else None


def span_of_now(now: datetime) -> Span:
    """Return the last five minutes: who has an event in them is there."""
    return Span(instant(now - WINDOW, UTC), instant(now, UTC) + 1)
