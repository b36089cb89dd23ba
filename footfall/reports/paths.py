"""Paths: from where readers come to a page within a visit, and where they go from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from footfall.errors import UsageError
from footfall.reports.arrays import Array, ordered
from footfall.reports.buckets import zone_of
from footfall.reports.choosing import Chooser
from footfall.reports.columns import Vocabulary, joined
from footfall.reports.dimensions import DIMENSIONS
from footfall.reports.filters import parse
from footfall.reports.frame import Days, Frame
from footfall.reports.listed import Listed, by_day
from footfall.reports.ranges import moment, span_of
from footfall.timeuuid import Moment

Counts = list[tuple[str | None, int]]


class Paths(NamedTuple):
    """Views of a page by the page viewed before it and after it, most first, ties by page.

    :param before: ``None`` stands for views with which the visit began.
    :param after: ``None`` stands for views that no other followed.
    """

    before: Counts
    after: Counts


def paths(days: Days, page: str, since: Moment | str, until: Moment | str, *, where: object = None, tz: str = "UTC",
          limit: int | None = None) -> Paths:
    """Return what was viewed before and after a page, in the visits that begin in a range.

    :param days: gives the days, as :func:`footfall.reports.query.run` takes it.
    :param page: pattern of the page, ``*`` for any run of characters.
    :param where: a filter: which visits.
    :param limit: at most so many rows of each table.
    :raises UsageError: something is not what it may be.
    """
    around = _Around(days, page, since, until, where, tz)
    return Paths(_counts(around.before, around.vocabulary)[:limit], _counts(around.after, around.vocabulary)[:limit])


def on_path(days: Days, page: str, since: Moment | str, until: Moment | str, *, side: str = "",
            other: str | None = None, where: object = None, tz: str = "UTC") -> Listed:
    """Return the views of a page that :func:`paths` counts, all or those of one row.

    :param side: ``before`` or ``after``, the table of the row; empty for all views.
    :param other: the page of the row.

    All else is as in :func:`paths`.
    """
    if side not in ("", *Paths._fields):
        raise UsageError(f"side={side!r}: must be {' or '.join(Paths._fields)}")
    around = _Around(days, page, since, until, where, tz)
    events = around.events
    if side:
        viewed = around.before if side == "before" else around.after
        names = around.vocabulary.values
        wanted = [number for number in np.unique(viewed).tolist() if (names[number] if number >= 0 else None) == other]
        events = events[np.isin(viewed, wanted)]
    return Listed(around.frame, by_day(around.frame, events))


class _Around:
    """The views of a page, in the visits that begin in a range.

    :ivar events: their numbers, among the events of all days.
    :ivar before: for each the number of the page viewed before it; -1 for none.
    :ivar after: the same of the one after it.
    """

    def __init__(self, days: Days, page: str, since: Moment | str, until: Moment | str, where: object,
                 tz: str) -> None:
        wanted = parse(["matches", "page", page], name="page")
        chosen = None if where is None else parse(where)
        span = span_of(moment(since, "since"), moment(until, "until"), zone_of(tz))
        self.frame = frame = Frame.over(days, span)
        self.vocabulary = frame.vocabulary(DIMENSIONS["page"])
        choose = Chooser(frame)
        visits = frame.beginning(*span)
        if chosen is not None:
            visits &= choose.visits(chosen)
        # All views of the visits in which a page matches, by visit and time.
        visits &= choose.visits(wanted)
        heads, pages, matches, events, first = [], [], [], [], 0
        for place, day in enumerate(frame.days):
            rows = np.flatnonzero(frame.told(place, visits) & frame.derived[place].is_view)
            # Put in order day by day, so that hardly anything is left to be moved in the whole.
            rows = rows.take(ordered(day.facts.visit[rows]))
            heads.append(day.head[day.facts.visit[rows]])
            column = frame.events(place, DIMENSIONS["page"])
            pages.append(column.values[column.codes[rows]])
            matches.append(choose.events(place, wanted)[rows])
            events.append(first + rows)
            first += len(day.facts)
        of_visit = joined(np.int64, heads)
        order = np.argsort(of_visit, kind="stable")
        of_visit, viewed, is_match = of_visit[order], joined(np.int32, pages)[order], joined(bool, matches)[order]
        goes_on = of_visit[1:] == of_visit[:-1]
        self.events = joined(np.int64, events)[order][is_match]
        self.before = np.append(-1, np.where(goes_on, viewed[:-1], -1))[:len(viewed)][is_match]
        self.after = np.append(np.where(goes_on, viewed[1:], -1), -1)[:len(viewed)][is_match]


def _counts(pages: Array, vocabulary: Vocabulary) -> Counts:
    counts = np.bincount(pages + 1)
    found: Counts = [(vocabulary.values[number - 1] if number else None, int(counts[number]))
                     for number in np.flatnonzero(counts).tolist()]
    return sorted(found, key=lambda row: (-row[1], row[0] is None, row[0] or ""))
