"""Paths: from where readers come to a page within a visit, and where they go from it."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from footfall.errors import UsageError
from footfall.reports.arrays import Array, ordered
from footfall.reports.choosing import Chooser
from footfall.reports.columns import ALL, Column, Vocabulary, joined
from footfall.reports.dimensions import DIMENSIONS
from footfall.reports.filters import Leaf, parse
from footfall.reports.frame import Days, Frame
from footfall.reports.listed import Listed, by_day
from footfall.reports.ranges import span_between
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
        wanted = cast(Leaf, parse(["matches", "page", page], name="page"))
        chosen = None if where is None else parse(where)
        span = span_between(since, until, tz)
        self.frame = frame = Frame.over(days, span)
        self.vocabulary = frame.vocabulary(DIMENSIONS["page"])
        choose = Chooser(frame)
        visits = frame.beginning(*span)
        if chosen is not None:
            visits &= choose.visits(chosen)
        # All views of the visits in which a page matches, by visit and time.
        visits &= choose.visits(wanted)
        self._found: tuple[list[Array], list[Array], list[Array]] = [], [], []
        apart: tuple[list[Array], list[Array], list[Array], list[Array]] = [], [], [], []
        first = 0
        for place, day in enumerate(frame.days):
            rows = np.flatnonzero(frame.told(place, visits) & frame.derived[place].views(ALL))
            of_visit = day.facts.visit.take(rows)
            column = frame.events(place, DIMENSIONS["page"]).at(rows)
            order = ordered(of_visit)
            of_visit, column = of_visit.take(order), column.at(order)
            is_match = choose.satisfied(wanted, column)
            # Visits that go on over midnight are put together at the end.
            is_apart = np.zeros(len(day.visits), dtype=bool)
            is_apart[day.changed] = True
            is_apart = is_apart.take(of_visit)
            here = np.flatnonzero(is_match & ~is_apart)
            self._add(of_visit, column, here, first + rows.take(order.take(here)))
            for columns, added in zip(apart, (
                    day.heads_of(of_visit.compress(is_apart).astype(np.int64)),
                    column.values.take(column.codes.compress(is_apart)), is_match.compress(is_apart),
                    first + rows.take(order.compress(is_apart))), strict=True):
                columns.append(added)
            first += len(day.facts)
        of_visit, viewed, is_match, events = (joined(kind, columns) for kind, columns in zip(
            (np.int64, np.int32, bool, np.int64), apart, strict=True))
        order = np.argsort(of_visit, kind="stable")
        values, codes = np.unique(viewed[order], return_inverse=True)
        here = np.flatnonzero(is_match[order])
        self._add(of_visit[order], Column(codes, values), here, events[order][here])
        self.events, self.before, self.after = (joined(kind, columns) for kind, columns in zip(
            (np.int64, np.int32, np.int32), self._found, strict=True))

    def _add(self, of_visit: Array, viewed: Column, here: Array, events: Array) -> None:
        """Take views of the page.

        :param of_visit: the visits of all views, those of one side by side, in order of time.
        :param viewed: their pages.
        :param here: the numbers of those that are taken.
        :param events: for each of these the number of its event.
        """
        found = [events]
        for beside in (here - 1, here + 1):
            is_same = (beside >= 0) & (beside < len(of_visit))
            is_same &= of_visit.take(beside, mode="clip") == of_visit.take(here)
            found.append(np.where(is_same, viewed.values.take(viewed.codes.take(beside, mode="clip")), np.int32(-1)))
        for columns, added in zip(self._found, found, strict=True):
            columns.append(added)


def _counts(pages: Array, vocabulary: Vocabulary) -> Counts:
    counts = np.bincount(pages + 1)
    found: Counts = [(vocabulary.values[number - 1] if number else None, int(counts[number]))
                     for number in np.flatnonzero(counts).tolist()]
    return sorted(found, key=lambda row: (-row[1], row[0] is None, row[0] or ""))
