"""Who is there now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
    frame = Frame(days(local(begin, UTC).date(), local(end, UTC).date()))
    there = (day.visits.visitor[visits] for day in (each.facts for each in frame.days)
             for visits in [np.unique(day.visit[day.row_at(begin):day.row_at(end + 1)])]
             for visits in [visits[visits < len(day.visits)]])
    return len(np.unique(joined(np.uint64, there)))
