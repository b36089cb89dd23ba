"""The one engine: metrics by dimensions over a range, filtered, compared, in order; docs/metrics.md defines them.

::

    asked = Query(("visitors", "views"), date(2026, 1, 1), date(2026, 2, 1), by=("page",), limit=10)
    for values, metrics, _ in run(asked, days).rows: …

Days come from outside, as columns; a query changes nothing and may run in any thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import tzinfo
from typing import Any

from footfall.errors import UsageError
from footfall.reports.buckets import Buckets, buckets, zone_of
from footfall.reports.choosing import chooser_of
from footfall.reports.counting import Counting
from footfall.reports.dimensions import Dimension, dimension
from footfall.reports.filters import Filter, parse
from footfall.reports.frame import Days
from footfall.reports.goals import filter_of
from footfall.reports.metrics import METRICS
from footfall.reports.ranges import Span, compared, moment, span_of
from footfall.reports.result import Counted, Result, Row
from footfall.timeuuid import Moment

COMPARED = ("previous", "year")


@dataclass(frozen=True)
class Query:
    """A question.

    :param metrics: names of metrics, at least one.
    :param since: first instant; a date is its midnight in the time zone, a naive datetime is the zone's clock.
    :param until: the instant that ends the range, itself left out.
    :param by: names of dimensions.
    :param where: a filter, as :func:`footfall.reports.filters.parse` takes it.
    :param tz: name of the time zone.
    :param compare: ``previous``, ``year``, or the two ends of another range.
    :param order: pairs of a name and ``asc`` or ``desc``; as docs/metrics.md says if not given.
    :param limit: at most so many rows.
    :param offset: so many rows are left out first.
    :param goal: what ``conversion_rate`` is about, as :func:`footfall.reports.goals.filter_of` takes it.
    :raises UsageError: something is not what it may be.
    """

    metrics: Sequence[str]
    since: Moment | str
    until: Moment | str
    by: Sequence[str] = ()
    where: object = None
    tz: str = "UTC"
    compare: object = None
    order: object = None
    limit: int | None = None
    offset: int = 0
    goal: object = None

    def __post_init__(self) -> None:
        # Every part is looked at, so that a question that cannot be answered is never kept nor sent.
        _Checked(self)

    @classmethod
    def parse(cls, form: object) -> Query:
        """Return the query that a mapping describes, with the parameters as keys, as JSON has it.

        :raises UsageError: it describes none.
        """
        if not isinstance(form, Mapping):
            raise UsageError(f"query {form!r}: must be an object with metrics, since, until, …")
        names = [field.name for field in fields(cls)]
        for name in form:
            if name not in names:
                raise UsageError(f"query: {name!r}: unknown; use {', '.join(names)}")
        for name in names[:3]:
            if name not in form:
                raise UsageError(f"query: {name}: missing; give metrics, since and until")
        return cls(**form)


class _Checked:
    """A query whose words have become what they stand for."""

    def __init__(self, query: Query) -> None:
        self.zone: tzinfo = zone_of(query.tz)
        self.span = span_of(moment(query.since, "since"), moment(query.until, "until"), self.zone)
        self.metrics = _names(query.metrics, "metrics")
        if not self.metrics:
            raise UsageError(f"metrics: none; use {', '.join(METRICS)}")
        for metric in self.metrics:
            if metric not in METRICS:
                raise UsageError(f"metric {metric!r}: unknown; use {', '.join(METRICS)}")
        self.by: tuple[Dimension, ...] = tuple(map(dimension, _names(query.by, "by")))
        self.where: Filter | None = None if query.where is None else parse(query.where)
        self.goal: Filter | None = None if query.goal is None else filter_of(query.goal)
        if self.goal is None and "conversion_rate" in self.metrics:
            raise UsageError("metric 'conversion_rate': of which goal? Give goal, such as {'page': '/thanks'}")
        self.compared: Span | None = None if query.compare is None else self._compared(query.compare)
        self.order = self._order(query.order)
        self.limit = None if query.limit is None else _count(query.limit, "limit", 1)
        self.offset = _count(query.offset, "offset", 0)

    def _compared(self, asked: object) -> Span:
        if isinstance(asked, str) and asked in COMPARED:
            return compared(asked, self.span, self.zone)
        if isinstance(asked, list | tuple) and len(asked) == 2:
            return compared((moment(asked[0], "compare"), moment(asked[1], "compare")), self.span, self.zone)
        raise UsageError(f"compare {asked!r}: must be {', '.join(COMPARED)} or a list of since and until")

    def _order(self, asked: object) -> tuple[tuple[str, str], ...]:
        names = [each.name for each in self.by]
        if asked is None:
            if self.by and self.by[0].kind == "time":
                return ((names[0], "asc"),)
            return ((self.metrics[0], "desc"),)
        if not isinstance(asked, list | tuple):
            raise UsageError(f"order {asked!r}: must be a list of pairs, such as [['{self.metrics[0]}', 'desc']]")
        for pair in asked:
            if not isinstance(pair, list | tuple) or len(pair) != 2 or pair[1] not in ("asc", "desc"):
                raise UsageError(f"order: {pair!r}: must be a name and asc or desc")
            if pair[0] not in (*names, *self.metrics):
                raise UsageError(f"order: {pair[0]!r}: not asked for; use {', '.join((*names, *self.metrics))}")
        return tuple((str(name), str(direction)) for name, direction in asked)


def query(days: Days, metrics: Sequence[str] = ("visitors", "visits", "views"), since: Moment | str = "",
          until: Moment | str = "", **asked: Any) -> Result:
    """Return what a query asks for, see :class:`Query` for the parameters."""
    return run(Query(metrics, since, until, **asked), days)


def run(asked: Query, days: Days) -> Result:
    """Return what a query asks for.

    :param days: gives the days.
    :raises UsageError: the range has too many buckets.
    """
    checked = _Checked(asked)
    groups = _counted(checked, checked.span, days, is_one_of_two=checked.compared is not None)
    most = None if checked.limit is None else checked.offset + checked.limit
    shown = groups.ordered(checked.order, most)[checked.offset:]
    other: Counted | None = None
    places: dict[tuple[Any, ...], int] = {}
    if checked.compared is not None:
        other = _counted(checked, checked.compared, days, is_one_of_two=True)
        places = {other.key(group): group for group in range(len(other))}
    rows = []
    for group in shown:
        against = None
        if other is not None:
            place = places.get(groups.key(group))
            against = tuple(METRICS[name].of_nothing if place is None else other.metric(name, place)
                            for name in checked.metrics)
        rows.append(Row(groups.values(group), tuple(groups.metric(name, group) for name in checked.metrics), against))
    return Result(tuple(each.name for each in checked.by), checked.metrics, rows, len(groups))


def _counted(checked: _Checked, span: Span, days: Days, *, is_one_of_two: bool) -> Counted:
    """Return what there is in a range; of two ranges, one at a time is in memory."""
    choose = chooser_of(days(*span.days()) if span.since < span.until else [])
    of_times: dict[str, Buckets] = {each.name: buckets(each.name, checked.zone, *span) for each in checked.by
                                    if each.kind == "time"}
    counts = {count for name in checked.metrics for count in METRICS[name].counts}
    table = Counting(choose, span, checked.by, of_times, checked.where, checked.goal).table(counts)
    if is_one_of_two:
        for day in choose.frame.days:
            day.facts.release()
    return Counted(table, choose.frame, checked.by, of_times)


def _names(given: object, name: str) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
        raise UsageError(f"{name} {given!r}: must be a list of names")
    for each in names:
        if names.count(each) > 1:
            raise UsageError(f"{name}: {each!r} is there twice; name it once")
    return tuple(names)


def _count(given: object, name: str, least: int) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < least:
        raise UsageError(f"{name} {given!r}: must be a whole number, {least} or more")
    return given
