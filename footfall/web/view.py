"""What a page of a site shows, as its URL says it: which days, compared with what, filtered by what.

::

    ?period=28d&compare=previous&is.country=DE&is.country=AT&contains.page=/blog

``period`` is one of :data:`PERIODS`; ``custom`` has its ends in ``since`` and ``until``, both included. A filter is
``<operator>.<dimension>=<value>``: several values of one are alternatives, several filters hold together. Everything
that is shown can so be linked, kept as a bookmark and gone back to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from footfall.errors import UsageError
from footfall.reports.buckets import local, zone_of
from footfall.reports.filters import OPERATORS, parse
from footfall.reports.query import Query
from footfall.reports.ranges import compared, span_of
from footfall.reports.recent import Range, ending

#: What can be picked, with the words on the page; the first is shown unasked.
PERIODS: Mapping[str, str] = {
    "28d": "28 days", "today": "Today", "yesterday": "Yesterday", "7d": "7 days", "90d": "90 days",
    "month": "This month", "last-month": "Last month", "year": "This year", "12m": "12 months", "custom": "Other days",
}
COMPARISONS: Mapping[str, str] = {"previous": "the days before", "year": "a year before", "none": "nothing"}
INTERVALS = ("hour", "day", "week", "month")
#: No event is older than the time that computers count from.
OLDEST = date(1970, 1, 1)
MAX_FILTERS, MAX_VALUES, MAX_VALUE = 20, 50, 2_048

#: Fields of a URL that are no filters.
_PLAIN = ("period", "since", "until", "compare", "interval")


class Chip(NamedTuple):
    """A filter as the page shows it."""

    operator: str
    dimension: str
    values: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its name in a URL."""
        return f"{self.operator}.{self.dimension}"


@dataclass(frozen=True)
class View:
    """What is shown.

    :param site: the account.
    :param zone: name of the time zone whose days are meant.
    :param today: there.
    :param period: one of :data:`PERIODS`.
    :param range: its days.
    :param compare: one of :data:`COMPARISONS`.
    :param interval: of the chart, one of :data:`INTERVALS`; empty for what suits the range.
    """

    site: str
    zone: str
    today: date
    period: str
    range: Range
    compare: str = "previous"
    interval: str = ""
    chips: tuple[Chip, ...] = ()

    @property
    def where(self) -> list[Any] | None:
        """The filter, as :class:`~footfall.reports.query.Query` takes it."""
        forms = [[chip.operator, chip.dimension, list(chip.values)] for chip in self.chips]
        return ["and", *forms] if forms else None

    @property
    def by_time(self) -> str:
        """The interval of the chart: as asked for, or what suits the range."""
        days = (self.range.until - self.range.since).days
        return self.interval or ("hour" if days <= 2 else "day" if days <= 92 else "week" if days <= 400 else "month")

    def query(self, metrics: Sequence[str], by: Sequence[str] = (), *, compared: bool = False,
              also: list[Any] | None = None, **more: Any) -> Query:
        """Return the question for some metrics of what is shown.

        :param compared: whether what it is compared with is asked for too.
        :param also: a filter more.
        :param more: as in :class:`~footfall.reports.query.Query`.
        """
        compare = self.compare if compared and self.compare != "none" else None
        where = ["and", *filter(None, (self.where, also))] if also else self.where
        return Query(metrics, self.range.since, self.range.until, by, where, self.zone, compare, **more)

    def fields(self) -> list[tuple[str, str]]:
        """Return what its URL says: nothing that goes without saying."""
        found = [("period", self.period)] if self.period != next(iter(PERIODS)) else []
        if self.period == "custom":
            found += [("since", str(self.range.since)), ("until", str(self.range.until - timedelta(days=1)))]
        found += [("compare", self.compare)] if self.compare != "previous" else []
        found += [("interval", self.interval)] if self.interval else []
        return found + [(chip.key, value) for chip in self.chips for value in chip.values]

    def search(self, *more: tuple[str, str]) -> str:
        """Return the end of a URL that leads to what is shown, with its question mark; empty if nothing is to say."""
        fields = [*self.fields(), *more]
        return f"?{urlencode(fields)}" if fields else ""

    def but(self, **changes: Any) -> View:
        """Return it with other fields."""
        return replace(self, **changes)

    def within(self, operator: str, dimension: str, value: str) -> View:
        """Return it filtered by one value more, or by this one instead of another of the dimension's."""
        chip = Chip(operator, dimension, (value,))
        return self.but(chips=(*(each for each in self.chips if each.key != chip.key), chip))

    def without(self, chip: Chip) -> View:
        """Return it without one of its filters."""
        return self.but(chips=tuple(each for each in self.chips if each != chip))

    def over(self, since: date, until: date) -> View:
        """Return it over other days, both included."""
        return self.but(period="custom", range=Range(since, until + timedelta(days=1)), interval="")

    def days_of(self, interval: str, begin: date) -> tuple[date, date]:
        """Return the first and the last day that are shown of a day, week or month; of an hour, its day.

        :param begin: of the interval.
        """
        first = date(begin.year, begin.month, begin.day)
        end = first + timedelta(days=7 if interval == "week" else 1)
        if interval == "month":
            end = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        return max(first, self.range.since), min(end, self.range.until) - timedelta(days=1)

    def compared_with(self) -> View | None:
        """Return it over the days that it is compared with; ``None`` if there are none."""
        if self.compare == "none":
            return None
        zone = zone_of(self.zone)
        span = compared(self.compare, span_of(*self.range, zone), zone)
        since, until = (local(ticks, zone).date() for ticks in span)
        return self.but(period="custom", range=Range(since, until)) if since < until else None

    def clock(self, moment: datetime) -> str:
        """Return a moment as text, to the millisecond, in the time zone of what is shown."""
        return moment.astimezone(ZoneInfo(self.zone)).isoformat(" ", "milliseconds")


def today_in(zone: str, now: datetime | None = None) -> date:
    """Return the day that it is in a time zone.

    :param zone: its name.
    :param now: aware; the present if none is given.
    """
    return (now or datetime.now(UTC)).astimezone(ZoneInfo(zone)).date()


def parse_view(fields: Iterable[tuple[str, str]], site: str, zone: str, today: date) -> View:
    """Return what the fields of a query string ask for; those that are none of ours are passed over.

    :param fields: names and values, in order, a name as often as it is there.
    :raises UsageError: a field has a value that is none of those it can have.
    """
    plain: dict[str, str] = {}
    filters: dict[str, list[str]] = {}
    for name, value in fields:
        if name in _PLAIN:
            plain[name] = value
        elif is_field(name):
            filters.setdefault(name, []).append(value)
    period = plain.get("period") or ("custom" if plain.get("since") else next(iter(PERIODS)))
    _one_of("period", period, PERIODS)
    chips = tuple(Chip(name.partition(".")[0], name.partition(".")[2], tuple(dict.fromkeys(values)))
                  for name, values in filters.items())
    if len(chips) > MAX_FILTERS or any(len(chip.values) > MAX_VALUES or len(value) > MAX_VALUE
                                       for chip in chips for value in chip.values):
        raise UsageError(f"filters: at most {MAX_FILTERS}, of {MAX_VALUES} values, of {MAX_VALUE} characters")
    for chip in chips:
        parse([chip.operator, chip.dimension, list(chip.values)], name=chip.key)
    interval = plain.get("interval", "")
    return View(site, zone, today, period, _range(period, plain, today),
                _one_of("compare", plain.get("compare") or "previous", COMPARISONS),
                _one_of("interval", interval, INTERVALS) if interval else "", chips)


def is_field(name: str) -> bool:
    """Tell whether a field of a URL says what is shown, and not something else of one page."""
    return name in _PLAIN or ("." in name and name.partition(".")[0] in OPERATORS)


def _one_of(name: str, value: str, allowed: Iterable[str]) -> str:
    if value not in allowed:
        raise UsageError(f"{name}={value!r}: must be one of {', '.join(allowed)}")
    return value


def _range(period: str, plain: Mapping[str, str], today: date) -> Range:
    if period == "custom":
        since, until = _day("since", plain.get("since", "")), _day("until", plain.get("until", "") or str(today))
        if until < since:
            raise UsageError(f"until={until}: lies before since={since}; swap them")
        return Range(since, until + timedelta(days=1))
    month, tomorrow = today.replace(day=1), today + timedelta(days=1)
    return {
        "today": Range(today, tomorrow),
        "yesterday": Range(today - timedelta(days=1), today),
        "7d": ending(today, 7),
        "28d": ending(today, 28),
        "90d": ending(today, 90),
        "month": Range(month, tomorrow),
        "last-month": Range((month - timedelta(days=1)).replace(day=1), month),
        "year": Range(today.replace(month=1, day=1), tomorrow),
        "12m": Range((month - timedelta(days=330)).replace(day=1), tomorrow),
    }[period]


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.max
    # fromisoformat takes other ways to write a day too, which a link would then have to keep.
    if day.isoformat() != text or not OLDEST <= day <= date(2199, 12, 31):
        raise UsageError(f"{name}={text!r}: must be a day such as 2026-01-31")
    return day
