"""Funnels: how many visits, or visitors, go all the way through some steps, where they stop, and by which events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    visits = facts.visit[rows]
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
                last = before.take(visits)
                new = np.flatnonzero((last >= 0) & (rows >= last))
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


class _Taken(NamedTuple):
    """Events that satisfy a step, in order of time: whose they are, their places among all, and their ticks."""

    who: Array
    places: Array
    ticks: Array


def _visitors(choose: Chooser, steps: Sequence[Filter], span: Span, where: Filter | None,
              window: int) -> list[_Reached]:
    """Return which visitors reach each step in time.

    Those who are there on one day only are followed day by day, so that little is gone through at once.
    """
    frame = choose.frame
    numbers = numbered(frame.derived)
    found = [_Reached() for _ in steps]
    several: list[list[_Taken]] = [[] for _ in steps]
    is_chosen = np.zeros(numbers.several, dtype=bool)
    first = 0
    for place, day in enumerate(frame.days):
        facts, derived, comes_again = day.facts, frame.derived[place], numbers.comes_again[place]
        rows = frame.rows(place, *span)
        there = frame.present(place, rows if where is None else choose.rows(place, where, rows))
        is_chosen[numbers.of_day[place][comes_again & there]] = True
        once = []
        for number, step in enumerate(steps):
            is_step = choose.events(place, step)
            is_step[:rows.start] = is_step[rows.stop:] = False
            events, visits = _with_visitor(facts, is_step)
            who = derived.whose.take(visits)
            again = comes_again.take(who)
            alone = np.flatnonzero(~again & there.take(who))
            once.append(_Taken(who.take(alone), events.take(alone), facts.times(events.take(alone))))
            other = np.flatnonzero(again)
            several[number].append(_Taken(numbers.of_day[place].take(who.take(other)), first + events.take(other),
                                          facts.times(events.take(other))))
        for reached, (who, events) in zip(found, _followed(once, there, len(facts), window), strict=True):
            reached.add(numbers.of_day[place].take(who), first + events)
        first += len(facts)
    together = [_Taken(*(joined(kind, (each[column] for each in step)) for column, kind in enumerate(
        (np.uint32, np.int64, np.int64)))) for step in several]
    for reached, (who, events) in zip(found, _followed(together, is_chosen, first, window), strict=True):
        reached.add(who, events)
    return found


def _followed(steps: Sequence[_Taken], chosen: Array, size: int, window: int) -> Iterator[tuple[Array, Array]]:
    """Yield which visitors reach each step, each once, and the places of the first events by which they do.

    Of all ways to an event through the steps before it, the one that started latest reaches farthest. Of the events
    that reach a step, the later ones never started earlier: so what counts is always the last one before.

    :param chosen: by number, who may.
    :param size: one more than the highest place.
    """
    before = starts = np.zeros(0, dtype=np.int64)
    for number, taken in enumerate(steps):
        here = np.flatnonzero(chosen.take(taken.who))
        who = taken.who.take(here)
        # In order of time already, so that only the visitors are to be put in order.
        order = ordered(who)
        here = here.take(order)
        keys = who.take(order).astype(np.int64) * size + taken.places.take(here)
        ticks = taken.ticks.take(here)
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
        chosen = np.zeros(len(chosen), dtype=bool)
        chosen[who] = True
        is_first = np.append(True, who[1:] != who[:-1])[:len(who)]
        yield who.compress(is_first), keys.compress(is_first) % max(size, 1)
