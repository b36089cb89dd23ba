"""Who is there now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from footfall.reports.buckets import instant, local
from footfall.reports.columns import joined
from footfall.reports.frame import Days, Frame

#: Who has an event within this time is there.
WINDOW = timedelta(minutes=5)


def live(days: Days, now: datetime) -> int:
    """Return how many visitors have an event in the last five minutes, both ends included.

    :param days: gives the days, as :func:`footfall.reports.query.run` takes it.
    :param now: the end; a naive datetime is UTC.
    """
    end = instant(now, UTC)
    begin = instant(now - WINDOW, UTC)
    frame = Frame(days(*_window(now)))
    there = (day.visits.visitor[visits] for day in (each.facts for each in frame.days)
             for visits in [np.unique(day.visit[day.row_at(begin):day.row_at(end + 1)])]
             for visits in [visits[visits < len(day.visits)]])
    return len(np.unique(joined(np.uint64, there)))


def newest(days: Days, now: datetime) -> datetime | None:
    """Return when the newest event up to now was; ``None`` if neither today nor yesterday has one.

    :param days: as :func:`live`, as is ``now``.
    """
    end = instant(now, UTC) + 1
    before = ((day.facts, day.facts.row_at(end)) for day in days(*_window(now)))
    lasts = [int(facts.times(slice(row - 1, row))[0]) for facts, row in before if row]
    return local(max(lasts), UTC) if lasts else None


def _window(now: datetime) -> tuple[date, date]:
    """Return the UTC days of the last five minutes: the first and the last."""
    first, last = (local(instant(moment, UTC), UTC).date() for moment in (now - WINDOW, now))
    return first, last
