"""Funnels: how many visits, or visitors, go all the way through some steps, where they stop, and by which events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from footfall.errors import UsageError
from footfall.reports.arrays import Array, ordered
from footfall.reports.buckets import zone_of
from footfall.reports.choosing import Chooser
from footfall.reports.columns import joined
from footfall.reports.day import Day
from footfall.reports.filters import Filter, parse
from footfall.reports.frame import Days, Frame
from footfall.reports.goals import steps_of, window_of
from footfall.reports.listed import Listed, by_day
from footfall.reports.ranges import Span, moment, span_of
from footfall.reports.visitors import numbered
from footfall.timeuuid import Moment


class Step(NamedTuple):
    """How far a step was reached.

    :param reached: visits, or visitors.
    :param of_first: share of those that reached the first step; ``None`` if nobody did.
    :param of_before: share of those that reached the step before; of the first step, 1.
    """

    reached: int
    of_first: float | None
    of_before: float | None


def funnel(days: Days, steps: Sequence[object], since: Moment | str, until: Moment | str, *,
           within: object = "visit", where: object = None, tz: str = "UTC") -> list[Step]:
    """Return how many reach each step, all those before it in order.

    :param days: gives the days, as :func:`footfall.reports.query.run` takes it.
    :param steps: goals or filters, as :func:`footfall.reports.goals.filter_of` takes them.
    :param within: ``visit``, to count visits; or a timedelta, or seconds, to count visitors who took no longer.
    :param where: a filter: which visits, or, by visitors, who.
    :raises UsageError: something is not what it may be.
    """
    frame = Frame.over(days, span := span_of(moment(since, "since"), moment(until, "until"), zone_of(tz)))
    counts = [len(each.who) for each in _reached(frame, steps_of(steps), span, where, window_of(within))]
    return [Step(count, _share(count, counts[0]), _share(count, before))
            for count, before in zip(counts, (counts[0], *counts), strict=False)]


def at_step(days: Days, steps: Sequence[object], since: Moment | str, until: Moment | str, *, number: int,
            lost: bool = False, within: object = "visit", where: object = None, tz: str = "UTC") -> Listed:
    """Return the events by which a step was reached: of each visit, or visitor, that did the first one.

    :param number: of the step, from 1.
    :param lost: instead of those, the events by which the others had reached the step before.

    All else is as in :func:`funnel`.
    """
    wanted = steps_of(steps)
    if not 1 + lost <= number <= len(wanted):
        raise UsageError(f"step {number!r}: must be from {1 + lost} to {len(wanted)}")
    frame = Frame.over(days, span := span_of(moment(since, "since"), moment(until, "until"), zone_of(tz)))
    reached = list(_reached(frame, wanted[:number], span, where, window_of(within)))
    events = reached[-1].events
    if lost:
        before = reached[-2]
        events = before.events[~np.isin(before.who, reached[-1].who, assume_unique=True)]
    return Listed(frame, by_day(frame, events))


class _Reached(NamedTuple):
    """Who reached a step.

    :param who: the numbers of the visits, or of the visitors, ascending.
    :param events: for each the number, among the events of all days, of the first by which the step was reached.
    """

    who: Array
    events: Array


def _reached(frame: Frame, steps: Sequence[Filter], span: Span, where: object,
             window: int | None) -> Iterator[_Reached]:
    chosen = None if where is None else parse(where)
    choose = Chooser(frame)
    return (_visits(choose, steps, span, chosen) if window is None
            else _visitors(choose, steps, span, chosen, window))


def _with_visitor(facts: Day, mask: Array) -> tuple[Array, Array]:
    """Return the events of a mask that have a visitor, and their visits."""
    rows = np.flatnonzero(mask)
    visits = facts.visit[rows]
    has_visitor = visits < len(facts.visits)
    return rows.compress(has_visitor), visits.compress(has_visitor)


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def _visits(choose: Chooser, steps: Sequence[Filter], span: Span, where: Filter | None) -> Iterator[_Reached]:
    """Yield which visits reach each step: whoever takes each as early as he can gets farthest."""
    frame = choose.frame
    going = frame.beginning(*span)
    if where is not None:
        going &= choose.visits(where)
    # Where the events of all days lie; nearly always narrow enough for four bytes.
    kind: Any = np.int32 if sum(len(day.facts) for day in frame.days) < 1 << 31 else np.int64
    reached, found = np.full(frame.size, -1, dtype=kind), np.empty(frame.size, dtype=kind)
    for step in steps:
        found[:] = -1
        first = 0
        for place, day in enumerate(frame.days):
            rows, visits = _with_visitor(day.facts, choose.events_of_visits(place, step))
            heads = day.head[visits]
            new = going[heads] & (first + rows > reached[heads]) & (found[heads] < 0)
            # Of several events of a visit the last that is written stays: from the last to the first.
            found[heads.compress(new)[::-1]] = first + rows.compress(new)[::-1]
            first += len(day.facts)
        going = found >= 0
        reached, found = found, reached
        yield _Reached(np.flatnonzero(going), reached[going])


def _visitors(choose: Chooser, steps: Sequence[Filter], span: Span, where: Filter | None,
              window: int) -> Iterator[_Reached]:
    """Yield which visitors reach each step in time.

    Of all ways to an event through the steps before it, the one that started latest reaches farthest. Of the events
    that reach a step, the later ones never started earlier: so what counts is always the last one before.
    """
    frame = choose.frame
    size = sum(len(day.facts) for day in frame.days)
    numbers = numbered(frame.derived)
    chosen = np.zeros(numbers.size, dtype=bool)
    for place in range(len(frame.days)):
        rows = frame.rows(place, *span)
        there = frame.present(place, rows, None if where is None else choose.events(place, where)[rows])
        chosen[numbers.of_day[place][there]] = True
    before = starts = np.zeros(0, dtype=np.int64)
    for number, step in enumerate(steps):
        keys, ticks = _in_order(choose, step, span, chosen, size)
        if number:
            last = np.searchsorted(before, keys) - 1
            reaches = last >= 0
            reaches[reaches] &= before[last[reaches]] // size == keys[reaches] // size
            reaches[reaches] &= ticks[reaches] - starts[last[reaches]] <= window
            keys, starts = keys[reaches], starts[last[reaches]]
        else:
            starts = ticks
        before = keys
        who = keys // size if size else keys
        # Only who came so far can come farther.
        chosen[:] = False
        chosen[who] = True
        is_first = np.append(True, who[1:] != who[:-1])[:len(who)]
        yield _Reached(who[is_first], keys[is_first] % max(size, 1))


def _in_order(choose: Chooser, step: Filter, span: Span, chosen: Array, size: int) -> tuple[Array, Array]:
    """Return the events that satisfy a step, by visitor and time: visitor × all events + event; and their ticks."""
    frame, first = choose.frame, 0
    numbers = numbered(frame.derived)
    visitors, places, ticks = [], [], []
    for place, day in enumerate(frame.days):
        rows = frame.rows(place, *span)
        is_step = choose.events(place, step)
        is_step[:rows.start] = is_step[rows.stop:] = False
        events, visits = _with_visitor(day.facts, is_step)
        who = numbers.of_day[place][frame.derived[place].whose[visits]]
        here = chosen[who]
        visitors.append(who[here])
        places.append(first + events[here])
        ticks.append(day.facts.times(events[here]))
        first += len(day.facts)
    # In order of time already, so that only the visitors are to be put in order.
    of_visitor = joined(np.uint32, visitors)
    order = ordered(of_visitor)
    return (of_visitor.take(order).astype(np.int64) * size + joined(np.int64, places).take(order),
            joined(np.int64, ticks).take(order))
