"""Metrics by dimensions: events and visits are laid on heaps, one for each value, and each heap is counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from footfall.errors import UsageError
from footfall.reports.plain.events import PlainEvent, Visit, visits, with_visits
from footfall.reports.plain.filters import (
    Filter,
    check_dimension,
    check_filter,
    chosen_events,
    goal_filter,
    is_chosen,
    is_visit_chosen,
    own_value,
    visit_value,
)
from footfall.reports.plain.times import TIMES, buckets, instant, time_value

Values = tuple[Any, ...]
Number = int | float | None
#: The values of the dimensions, and the metrics, in the order they were asked for.
Row = tuple[Values, tuple[Number, ...]]


@dataclass
class Heap:
    """What is counted under one value.

    :param events: chosen events in the range.
    :param visits: chosen visits that begin in the range.
    :param entries: how many of the chosen visits begin here; ``exits``: end here.
    :param conversions: how many of ``visits`` reach the goal.
    """

    events: list[PlainEvent] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    entries: int = 0
    exits: int = 0
    conversions: int = 0

    @property
    def views(self) -> int:
        """Its page-views in the range."""
        return sum(event.is_view for event in self.events)


def ratio(part: int, whole: int) -> float | None:
    """Return a part of a whole; of nothing there is none."""
    return part / whole if whole else None


def mean_seconds(ticks: int, number: int) -> float | None:
    """Return the mean, in seconds, of times that make so many ticks together."""
    return ticks / number / 10**7 if number else None


METRICS: Mapping[str, Callable[[Heap], Number]] = {
    "views": lambda heap: heap.views,
    "events": lambda heap: sum(event.is_custom for event in heap.events),
    "visitors": lambda heap: len({event.visitor for event in heap.events if event.visitor}),
    "engaged_time": lambda heap: sum(event.fact.engaged for event in heap.events),
    "visits": lambda heap: len(heap.visits),
    "bounce_rate": lambda heap: ratio(sum(visit.is_bounce for visit in heap.visits), len(heap.visits)),
    "visit_duration": lambda heap: mean_seconds(sum(visit.duration for visit in heap.visits), len(heap.visits)),
    "views_per_visit": lambda heap: ratio(sum(visit.views for visit in heap.visits), len(heap.visits)),
    "entries": lambda heap: heap.entries,
    "exits": lambda heap: heap.exits,
    "exit_rate": lambda heap: ratio(heap.exits, heap.views),
    "conversion_rate": lambda heap: ratio(heap.conversions, len(heap.visits)),
}


def answer(events: Sequence[PlainEvent], *, metrics: Sequence[str], since: date | datetime, until: date | datetime,
           by: Sequence[str] = (), where: Filter | None = None, tz: str = "UTC",
           goal: Mapping[str, Any] | Filter | None = None) -> list[Row]:
    """Return metrics of the range [since, until), by dimensions: rows of values and metrics.

    :param events: of an account; as :func:`~footfall.reports.plain.read` gives them for the range.
    :param since: a date is its midnight in ``tz``, a naive datetime is in ``tz``; and so with ``until``.
    :param by: dimensions; without any there is one row.
    :param where: which events count; ``None`` for all.
    :param goal: what ``conversion_rate`` asks for: a goal or a filter.
    :returns: by one dimension of time: every bucket of the range. Otherwise the rows in which anything was counted. By
        time first: in its order; else the highest first metric first; then in order of the values.
    :raises UsageError: there is no such metric, dimension or filter.
    """
    wanted = None if goal is None else goal_filter(goal)
    _check(metrics, by, where, wanted)
    zone = ZoneInfo(tz)
    start, end = instant(since, zone), instant(until, zone)
    heaps = _heaps(events, start, end, by, where, zone, wanted)
    groups: list[Values] = list(heaps)
    if not by:
        groups = [()]
    elif is_series(by):
        groups = [(_key(bucket, zone),) for bucket in buckets(by[0], start, end, zone)]
    rows = [(group, tuple(METRICS[metric](heaps.get(group, Heap())) for metric in metrics)) for group in groups]
    rows = sorted(row for row in rows if not by or is_series(by) or _counts_something(metrics, row, heaps))
    if by and by[0] not in TIMES:
        rows.sort(key=lambda row: (row[1][0] is None, -(row[1][0] or 0)))
    return [(tuple(value[0] if isinstance(value, tuple) else value for value in values), numbers)
            for values, numbers in rows]


def is_series(by: Sequence[str]) -> bool:
    """Tell whether rows are a series of times, which has one for each."""
    return len(by) == 1 and by[0] in TIMES


def _counts_something(metrics: Sequence[str], row: Row, heaps: Mapping[Values, Heap]) -> bool:
    """Tell whether one of the counts that metrics are made of is not 0. A ratio of 0 is a part of something."""
    values, numbers = row
    return (any(number is not None and (number != 0 or isinstance(number, float)) for number in numbers)
            # Visits may end where no view is: a part of nothing, but not nothing.
            or ("exit_rate" in metrics and heaps[values].exits > 0))


def _heaps(events: Sequence[PlainEvent], start: int, end: int, by: Sequence[str], where: Filter | None, zone: ZoneInfo,
           goal: Filter | None) -> dict[Values, Heap]:
    """Lay each chosen event, and each chosen visit, under its values. What lacks one of them lies nowhere."""
    heaps: defaultdict[Values, Heap] = defaultdict(Heap)
    all_visits = visits(events)
    for event, its_visit in with_visits(events, all_visits):
        if start <= event.ticks < end and is_chosen(where, event, its_visit):
            for group in _whole(_values_of_event(by, event, its_visit, zone)):
                heaps[group].events.append(event)
    for visit in all_visits:
        chosen = chosen_events(where, visit) if start <= visit.first.ticks < end else []
        if not chosen:
            continue
        converts = goal is not None and is_visit_chosen(goal, visit)
        # Once under each value that its chosen events have, however many of them have it.
        for group in _whole(*(_values_of_visit(by, visit, event, zone) for event in chosen)):
            heaps[group].visits.append(visit)
            heaps[group].conversions += converts
        for group in _whole(_values_of_visit(by, visit, visit.first, zone)):
            heaps[group].entries += 1
        for group in _whole(_values_of_visit(by, visit, visit.last, zone)):
            heaps[group].exits += 1
    return dict(heaps)


def _values_of_event(by: Sequence[str], event: PlainEvent, visit: Visit | None, zone: ZoneInfo) -> Values:
    return tuple(_key(time_value(dimension, event.ticks, zone), zone) if dimension in TIMES
                 else own_value(dimension, event, visit) for dimension in by)


def _values_of_visit(by: Sequence[str], visit: Visit, event: PlainEvent, zone: ZoneInfo) -> Values:
    """Return the values of a visit; those of the page are the ones of one of its events."""
    return tuple(_key(time_value(dimension, visit.first.ticks, zone), zone) if dimension in TIMES
                 else visit_value(dimension, event, visit) for dimension in by)


def _key(time: date | datetime, zone: ZoneInfo) -> Any:
    """Return what a time is told apart and put in order by.

    Where a clock is set within an hour, both parts may be named by one instant: the second is the one whose name the
    clock did not show then.
    """
    if not isinstance(time, datetime):
        return time
    return time, time.astimezone(zone).utcoffset() != time.utcoffset()


def _whole(*groups: Values) -> set[Values]:
    """Return those different values in which none is missing."""
    return {group for group in groups if None not in group}


def _check(metrics: Sequence[str], by: Sequence[str], where: Filter | None, goal: Filter | None) -> None:
    for metric in metrics:
        if metric not in METRICS:
            raise UsageError(f"{metric!r}: no metric; use {', '.join(METRICS)}")
    if "conversion_rate" in metrics and goal is None:
        raise UsageError("conversion_rate: needs a goal, such as {'page': '/thanks'}")
    for dimension in by:
        check_dimension(dimension, TIMES)
    for part in (where, goal):
        if part is not None:
            check_filter(part)
