"""Funnels: how many visits, or visitors, go all the way through some steps, where they stop, and by which events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from footfall.errors import UsageError
from footfall.reports.arrays import Array, ordered
from footfall.reports.choosing import Chooser
from footfall.reports.columns import joined
from footfall.reports.day import Day
from footfall.reports.filters import Filter, parse
from footfall.reports.frame import Days, Frame
from footfall.reports.goals import steps_of, window_of
from footfall.reports.listed import Listed, by_day
from footfall.reports.ranges import Span, span_between
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
    frame = Frame.over(days, span := span_between(since, until, tz))
    counts = [each.count for each in _reached(frame, steps_of(steps), span, where, window_of(within))]
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
    frame = Frame.over(days, span := span_between(since, until, tz))
    reached = _reached(frame, wanted[:number], span, where, window_of(within))
    events = reached[-1].events
    if lost:
        before = reached[-2]
        events = before.events[~np.isin(before.who, reached[-1].who, assume_unique=True)]
    return Listed(frame, by_day(frame, events))


class _Reached:
    """Who reached a step, day by day.

    :ivar count: how many.
    """

    def __init__(self) -> None:
        self.count = 0
        self._who: list[Array] = []
        self._events: list[Array] = []

    def add(self, who: Array, events: Array) -> None:
        """Take some of them, each once.

        :param who: the numbers of the visits, or of the visitors.
        :param events: for each the number, among the events of all days, of the first by which the step was reached.
        """
        self.count += len(who)
        self._who.append(who)
        self._events.append(events)

    @property
    def who(self) -> Array:
        """What was taken, in one."""
        return joined(np.int64, self._who)

    @property
    def events(self) -> Array:
        """What was taken, in one."""
        return joined(np.int64, self._events)


def _reached(frame: Frame, steps: Sequence[Filter], span: Span, where: object,
             window: int | None) -> list[_Reached]:
    chosen = None if where is None else parse(where)
    choose = Chooser(frame)
    return (_visits(choose, steps, span, chosen) if window is None
            else _visitors(choose, steps, span, chosen, window))


def _with_visitor(facts: Day, mask: Array) -> tuple[Array, Array]:
    """Return the events of a mask that have a visitor, and their visits."""
    rows = np.flatnonzero(mask)
    visits = facts.visit.take(rows)
    has_visitor = visits < len(facts.visits)
    if has_visitor.all():
        return rows, visits
    return rows.compress(has_visitor), visits.compress(has_visitor)


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def _visits(choose: Chooser, steps: Sequence[Filter], span: Span, where: Filter | None) -> list[_Reached]:
    """Return which visits reach each step: whoever takes each as early as he can gets farthest.

    Day by day, so that what is gone through is never larger than a day; visits that go on over midnight take along
    which steps they have reached.
    """
    frame = choose.frame
    going = frame.beginning(*span)
    if where is not None:
        going &= choose.visits(where)
    over_midnight = np.unique(joined(np.int64, (day.heads for day in frame.days)))
    carried = np.zeros((len(steps), len(over_midnight)), dtype=bool)
    found = [_Reached() for _ in steps]
    first = 0
    for place, day in enumerate(frame.days):
        own = slice(*np.searchsorted(over_midnight, (day.offset, day.offset + len(day.visits))))
        here = np.concatenate((over_midnight[own] - day.offset, day.parts))
        of_carried = np.concatenate((np.arange(own.start, own.stop), np.searchsorted(over_midnight, day.heads)))
        is_going = going[frame.own(place)]
        is_going[day.parts] = going[day.heads]
        # The number of the event that reached the step before, counted from 1; 0 on a day before, -1 for none.
        before = is_going.astype(np.int32) - 1
        for number, step in enumerate(steps):
            reached = np.full(len(day.visits), -1, dtype=np.int32)
            known = here.compress(carried[number, of_carried])
            if (before >= 0).any():
                rows, visits = _with_visitor(day.facts, choose.events_of_visits(place, step))
                # Most are of visits that came no farther: a narrow array tells.
                here_too = np.flatnonzero((before >= 0).take(visits))
                rows, visits = rows.take(here_too), visits.take(here_too)
                new = np.flatnonzero(rows >= before.take(visits))
                # Of several events of a visit the last that is written stays: from the last to the first.
                reached[visits.take(new)[::-1]] = rows.take(new)[::-1] + 1
            # Whoever reached it on a day before did so earlier.
            reached[known] = 0
            new = np.flatnonzero(reached > 0)
            found[number].add(day.heads_of(new), first + reached.take(new).astype(np.int64) - 1)
            carried[number, of_carried] = reached[here] >= 0
            before = reached
        first += len(day.facts)
    return found


class _Followed:
    """Visitors who are followed from step to step.

    Of all ways to an event through the steps before it, the one that started latest reaches farthest. Of the events
    that reach a step, the later ones never started earlier: so what counts is always the last one before.

    :param chosen: by number, who is followed.
    :param size: one more than the highest place of an event.
    :param window: how many ticks it may take them.
    """

    def __init__(self, chosen: Array, size: int, window: int) -> None:
        self._chosen = chosen
        self._size = max(size, 1)
        self._window = window
        # The events that reached the step before, by visitor and place, and when each one's way started.
        self._before: Array | None = None
        self._starts = np.zeros(0, dtype=np.int64)

    def among(self, who: Array) -> Array:
        """Return the numbers of those events whose visitors are followed still."""
        return np.flatnonzero(self._chosen.take(who))

    def step(self, who: Array, places: Array, ticks: Array) -> tuple[Array, Array]:
        """Return who reaches the next step, each once, and the places of the first events by which they do.

        :param who: whose the events are that satisfy it, in order of time; all are followed still.
        :param places: the places of these events.
        :param ticks: their times.
        """
        # In order of time already, so that only the visitors are to be put in order.
        order = ordered(who)
        keys = who.take(order).astype(np.int64) * self._size + places.take(order)
        starts = ticks = ticks.take(order)
        if self._before is not None:
            last = np.searchsorted(self._before, keys) - 1
            reaches = last >= 0
            reaches[reaches] &= self._before[last[reaches]] // self._size == keys[reaches] // self._size
            reaches[reaches] &= ticks[reaches] - self._starts[last[reaches]] <= self._window
            keys, starts = keys[reaches], self._starts[last[reaches]]
        self._before, self._starts = keys, starts
        who = keys // self._size
        # Only who came so far can come farther.
        self._chosen = np.zeros(len(self._chosen), dtype=bool)
        self._chosen[who] = True
        is_first = np.append(True, who[1:] != who[:-1])[:len(who)]
        return who.compress(is_first), keys.compress(is_first) % self._size


def _visitors(choose: Chooser, steps: Sequence[Filter], span: Span, where: Filter | None,
              window: int) -> list[_Reached]:
    """Return which visitors reach each step in time.

    Those who are there on one day only are followed day by day, so that little is gone through at once.
    """
    frame = choose.frame
    numbers = numbered(frame.derived)
    found = [_Reached() for _ in steps]
    several: list[list[tuple[Array, Array, Array]]] = [[] for _ in steps]
    is_chosen = np.zeros(numbers.several, dtype=bool)
    first = 0
    for place, day in enumerate(frame.days):
        facts, whose, comes_again = day.facts, frame.derived[place].whose, numbers.comes_again[place]
        rows = frame.rows(place, *span)
        there = frame.present(place, rows if where is None else choose.rows(place, where, rows))
        is_chosen[numbers.of_day[place][comes_again & there]] = True
        once = _Followed(there & ~comes_again, len(facts), window)
        for number, step in enumerate(steps):
            is_step = choose.events(place, step)
            is_step[:rows.start] = is_step[rows.stop:] = False
            events, visits = _with_visitor(facts, is_step)
            who = whose.take(visits)
            again = np.flatnonzero(comes_again.take(who))
            several[number].append((numbers.of_day[place].take(who.take(again)), first + events.take(again),
                                    facts.times(events.take(again))))
            here = once.among(who)
            events = events.take(here)
            reached, reaching = once.step(who.take(here), events, facts.times(events))
            found[number].add(numbers.of_day[place].take(reached), first + reaching)
        first += len(facts)
    together = _Followed(is_chosen, first, window)
    for reached_by, parts in zip(found, several, strict=True):
        taken = [joined(kind, (part[column] for part in parts))
                 for column, kind in enumerate((np.uint32, np.int64, np.int64))]
        here = together.among(taken[0])
        reached_by.add(*together.step(*(column.take(here) for column in taken)))
    return found
