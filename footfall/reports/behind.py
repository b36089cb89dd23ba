"""The events behind a number: those of the stored events that a report counted.

They are chosen by what chooses them for the number itself. :mod:`footfall.reports.funnels`, ``retention`` and
``paths`` choose those behind their own numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from footfall.errors import UsageError
from footfall.reports.arrays import Array
from footfall.reports.choosing import Chooser
from footfall.reports.filters import Filter, parse
from footfall.reports.frame import Frame
from footfall.reports.listed import Listed
from footfall.reports.ranges import Span
from footfall.reports.visitors import numbered

#: What may be asked for, with the words for it: for each of these the number of events is the metric's.
KINDS: Mapping[str, str] = {
    "all": "all events", "views": "page-views", "events": "custom events",
    "visits": "the first event of each visit", "visitors": "the newest event of each visitor",
}


class Behind(Listed):
    """The events that a report counted.

    :param frame: the days of the span, at least.
    :param kind: one of :data:`KINDS`.
    :param where: a filter, as :func:`footfall.reports.filters.parse` takes it.
    :param whose: only the events of some visitors: for each day which of them, by their places in its ``who``.
    :raises UsageError: something is not what it may be.
    """

    def __init__(self, frame: Frame, kind: str, span: Span, *, where: object = None,
                 whose: Sequence[Array] | None = None) -> None:
        if kind not in KINDS:
            raise UsageError(f"kind={kind!r}: must be one of {', '.join(KINDS)}")
        chosen = None if where is None else parse(where)
        rows = (_first_of_visits(frame, span, chosen) if kind == "visits" else _of_events(frame, span, chosen, kind))
        if whose is not None:
            rows = [some.compress(_is_of(frame, place, whose[place]).take(some)) for place, some in enumerate(rows)]
        super().__init__(frame, _newest_of_visitors(frame, rows) if kind == "visitors" else rows)


def of_visitor(frame: Frame, visitor: bytes) -> list[Array]:
    """Return, for each day, which of its visitors is the one of these eight bytes."""
    return [derived.who == np.uint64(int.from_bytes(visitor)) for derived in frame.derived]


def _of_events(frame: Frame, span: Span, where: Filter | None, kind: str) -> list[Array]:
    """Return the numbers of the events of each day that metrics of events count."""
    choose = Chooser(frame)
    found = []
    for place, derived in enumerate(frame.derived):
        rows = frame.rows(place, *span)
        numbers = (np.arange(rows.start, rows.stop, dtype=np.uint32) if where is None
                   else choose.rows(place, where, rows))
        if kind in ("views", "events"):
            numbers = numbers.compress((derived.views if kind == "views" else derived.customs)(numbers))
        found.append(numbers)
    return found


def _first_of_visits(frame: Frame, span: Span, where: Filter | None) -> list[Array]:
    """Return the number of the first event of each visit that metrics of visits count."""
    chosen = frame.beginning(*span)
    if where is not None:
        chosen &= Chooser(frame).visits(where)
    # Visits are in order of their first events, and so are these.
    return [day.visits.first_row[chosen[frame.own(place)]].astype(np.uint32) for place, day in enumerate(frame.days)]


def _newest_of_visitors(frame: Frame, rows: Sequence[Array]) -> list[Array]:
    """Return, of some events of each day, the newest one of each visitor."""
    numbers = numbered(frame.derived)
    is_new = np.ones(numbers.size, dtype=bool)
    found = []
    for place in reversed(range(len(frame.days))):
        facts, derived = frame.days[place].facts, frame.derived[place]
        visits = facts.visit[rows[place]]
        has_visitor = visits < len(facts.visits)
        of_day = rows[place].compress(has_visitor)
        who = numbers.of_day[place][derived.whose[visits.compress(has_visitor)]]
        of_day, who = of_day[is_new[who]][::-1], who[is_new[who]][::-1]
        once, newest = np.unique(who, return_index=True)
        is_new[once] = False
        found.append(np.sort(of_day[newest]))
    return found[::-1]


def _is_of(frame: Frame, place: int, who: Array) -> Array:
    """Return which of a day's events are of some of its visitors."""
    is_theirs: Array = np.append(who[frame.derived[place].whose], False)[frame.days[place].facts.visit]
    return is_theirs
