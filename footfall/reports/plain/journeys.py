"""What readers do one after the other: funnels, who comes back, what is read before and after a page, who is here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from footfall.errors import UsageError
from footfall.reports.plain.answers import ratio
from footfall.reports.plain.events import PlainEvent, Visit, in_order, visits, with_visits
from footfall.reports.plain.filters import (
    Filter,
    check_filter,
    goal_filter,
    is_chosen,
    is_chosen_in_visit,
    is_visit_chosen,
)
from footfall.reports.plain.times import buckets, instant, time_value

#: How long after an event its reader is there.
LIVE_TICKS = 300 * 10_000_000
#: An event and its visit.
_Of = tuple[PlainEvent, Visit]


class Step(NamedTuple):
    """How many reached a step, as a share of those who reached the first, and of those who reached the one before.

    Before the first there is none: it is a share of itself.
    """

    reached: int
    of_first: float | None
    of_before: float | None


class Cohort(NamedTuple):
    """The visitors who first came in a period, and how many of them came in it and in each period after it."""

    period: date
    counts: tuple[int, ...]


class Paths(NamedTuple):
    """The pages that were viewed just before and just after a page; ``None`` where the visit began, or had no more."""

    before: Counter[str | None]
    after: Counter[str | None]


def funnel(events: Sequence[PlainEvent], steps: Sequence[Mapping[str, Any] | Filter], *, since: date | datetime,
           until: date | datetime, within: str | timedelta = "visit", where: Filter | None = None,
           tz: str = "UTC") -> list[Step]:
    """Return how many visits, or visitors, took the first step, the first and then the second, and so on.

    :param steps: goals or filters.
    :param within: ``visit``: visits that begin in the range, as wholes; or the longest time from the first step to the
        last: visitors, by their events in the range.
    :param where: which visits, or visitors by an event in the range; ``None`` for all.
    """
    if not steps:
        raise UsageError("steps=[]: a funnel needs one at least")
    filters = [goal_filter(step) for step in steps]
    for part in (*filters, *([] if where is None else [where])):
        check_filter(part)
    start, end = instant(since, ZoneInfo(tz)), instant(until, ZoneInfo(tz))
    if within == "visit":
        reached = [_taken(filters, [(event, visit) for event in visit.events], is_chosen_in_visit)
                   for visit in visits(events) if start <= visit.first.ticks < end and is_visit_chosen(where, visit)]
    elif isinstance(within, timedelta):
        reached = _steps_of_visitors(filters, events, start, end, where, within // timedelta(microseconds=1) * 10)
    else:
        raise UsageError(f"within={within!r}: must be 'visit' or a timedelta")
    counts = [sum(number >= step for number in reached) for step in range(1, len(filters) + 1)]
    return [Step(count, ratio(count, counts[0]), ratio(count, counts[max(step - 1, 0)]))
            for step, count in enumerate(counts)]


def retention(events: Sequence[PlainEvent], *, period: str, since: date | datetime, until: date | datetime,
              tz: str = "UTC", seen: Collection[int] = ()) -> list[Cohort]:
    """Return, by the week or month in which visitors first came, how many of them came in it and in each one after it.

    :param events: of the range and of all that is before it: a visitor is new on his first event in the whole store.
    :param seen: visitors who came before these events, if these are not all.
    :returns: a row for each period of the range, whose counts go up to the range's end; the last may be incomplete.
    """
    if period not in ("week", "month"):
        raise UsageError(f"period={period!r}: must be week or month")
    zone = ZoneInfo(tz)
    start, end = instant(since, zone), instant(until, zone)
    of_visitor: defaultdict[int, list[int]] = defaultdict(list)
    for event in in_order(events):
        if event.visitor and event.visitor not in seen:
            of_visitor[event.visitor].append(event.ticks)
    periods = buckets(period, start, end, zone)
    came: Counter[tuple[date, date]] = Counter()
    for times in of_visitor.values():
        if start <= times[0] < end:
            theirs = {time_value(period, ticks, zone) for ticks in times if ticks < end}
            came.update((time_value(period, times[0], zone), later) for later in theirs)
    return [Cohort(first, tuple(came[first, later] for later in periods[number:]))
            for number, first in enumerate(periods)]


def paths(events: Sequence[PlainEvent], page: str, *, since: date | datetime, until: date | datetime,
          where: Filter | None = None, tz: str = "UTC") -> Paths:
    """Return what was viewed just before and just after each view of a page, in visits that begin in the range.

    :param page: a pattern, in which ``*`` stands for any run of characters.
    :param where: which visits; ``None`` for all.
    """
    goal = goal_filter({"page": page})
    start, end = instant(since, ZoneInfo(tz)), instant(until, ZoneInfo(tz))
    found = Paths(Counter(), Counter())
    for visit in visits(events):
        if not (start <= visit.first.ticks < end and is_visit_chosen(where, visit)):
            continue
        views = [event for event in visit.events if event.is_view]
        for number, view in enumerate(views):
            if is_chosen(goal, view, visit):
                found.before[views[number - 1].value("page") if number else None] += 1
                found.after[views[number + 1].value("page") if number + 1 < len(views) else None] += 1
    return found


def live(events: Sequence[PlainEvent], now: datetime) -> int:
    """Return how many visitors have an event in the five minutes up to now, both ends included.

    :param now: aware, or UTC.
    """
    ticks = instant(now, ZoneInfo("UTC"))
    return len({event.visitor for event in events if event.visitor and ticks - LIVE_TICKS <= event.ticks <= ticks})


def _steps_of_visitors(steps: Sequence[Filter], events: Sequence[PlainEvent], start: int, end: int,
                       where: Filter | None, longest: int) -> list[int]:
    """Return how many steps each visitor with a chosen event in the range took within the time that he had."""
    of_visitor: defaultdict[int, list[_Of]] = defaultdict(list)
    for event, visit in with_visits(events, visits(events)):
        if visit is not None and start <= event.ticks < end:
            of_visitor[event.visitor].append((event, visit))
    return [_best_try(steps, theirs, longest) for theirs in of_visitor.values()
            if any(is_chosen(where, event, visit) for event, visit in theirs)]


def _best_try(steps: Sequence[Filter], events: Sequence[_Of], longest: int) -> int:
    """Return how many steps a visitor took at best, whichever event he is taken to have begun with."""
    tries = ([(event, visit) for event, visit in events[begin:] if event.ticks - first.ticks <= longest]
             for begin, (first, its_visit) in enumerate(events) if is_chosen(steps[0], first, its_visit))
    return max((_taken(steps, some, is_chosen) for some in tries), default=0)


def _taken(steps: Sequence[Filter], events: Sequence[_Of],
           satisfies: Callable[[Filter, PlainEvent, Visit], bool]) -> int:
    """Return how many steps, one after the other, events take."""
    taken = 0
    for event, visit in events:
        if taken < len(steps) and satisfies(steps[taken], event, visit):
            taken += 1
    return taken
