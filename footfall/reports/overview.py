"""The numbers that pages and commands show: page-views of a range by a dimension, best first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from footfall import recipes
from footfall.analysis import Item, MapFn, Progress, map_reduce
from footfall.errors import UsageError
from footfall.pageview import days_of
from footfall.recipes import KeyFn, Recipe
from footfall.storage import Store
from footfall.timeuuid import Moment

#: What page-views can be told apart by.
DIMENSIONS: dict[str, Recipe] = {
    "url": recipes.views_by_url,
    "title": recipes.views_by_title,
    "referrer": recipes.views_by_referrer,
    "source": recipes.views_by_source,
    "channel": recipes.views_by_channel,
    "search": recipes.search_queries,
    "utm_source": recipes.views_by_utm_source,
    "utm_medium": recipes.views_by_utm_medium,
    "utm_campaign": recipes.views_by_campaign,
    "utm_term": recipes.views_by_utm_term,
    "utm_content": recipes.views_by_utm_content,
    "browser": recipes.views_by_browser,
    "browser_version": recipes.views_by_browser_version,
    "os": recipes.views_by_os,
    "device": recipes.views_by_device,
    "country": recipes.views_by_country,
    "region": recipes.views_by_region,
    "city": recipes.views_by_city,
    "language": recipes.views_by_language,
    "address": recipes.views_by_address,
    "hour": recipes.views_by_hour,
    "day": recipes.views_by_day,
}
#: Dimensions that are read along time instead of best first.
IN_ORDER = ("hour", "day")


class Row(NamedTuple):
    """One value of a dimension and its page-views."""

    value: Any
    views: int


class Range(NamedTuple):
    """Whole UTC days: the first, and the one after the last."""

    since: date
    until: date

    def days(self) -> list[date]:
        """Return every day in it."""
        return [self.since + timedelta(days=number) for number in range((self.until - self.since).days)]


class Overview(NamedTuple):
    """What the first page shows of a site: views by day, and the best of some dimensions."""

    range: Range
    views: int
    by_day: list[Row]
    top: dict[str, list[Row]]


def views_by(store: Store, account: str, dimensions: Collection[str], since: Moment, until: Moment, *,
             limit: int | None = None, executor: Executor | None = None,
             progress: Progress | bool | None = None) -> dict[str, list[Row]]:
    """Return page-views by each of some dimensions, in one reading of the events.

    :param since: first instant; a date is its UTC midnight.
    :param until: the instant that ends the range, itself left out.
    :param limit: at most so many rows of a dimension; hours and days are all returned.
    :returns: rows by dimension: best first, ties by value; hours and days in order of time.
    :raises UsageError: there is no such dimension.
    """
    for dimension in dimensions:
        if dimension not in DIMENSIONS:
            raise UsageError(f"{dimension!r}: no dimension; use {', '.join(DIMENSIONS)}")
    key_fns = {dimension: DIMENSIONS[dimension].map_fn.key_fn for dimension in dimensions}
    nothing: dict[str, Counter[Any]] = {dimension: Counter() for dimension in dimensions}
    counts = map_reduce(account, since, until, _counting(key_fns), _add, nothing, store=store, executor=executor,
                        progress=progress)
    return {dimension: _ranked(dimension, counts[dimension], limit) for dimension in dimensions}


def overview(store: Store, account: str, days: Range, dimensions: tuple[str, ...], *, limit: int = 10) -> Overview:
    """Return views by day, days without any included, and the best of each dimension, in one reading."""
    tables = views_by(store, account, ("day", *dimensions), days.since, days.until, limit=limit)
    views = dict(tables.pop("day"))
    by_day = [Row(day, views.get(day, 0)) for day in days.days()]
    return Overview(days, sum(views.values()), by_day, tables)


def newest_day(store: Store, account: str) -> date | None:
    """Return the newest UTC day on which an account has page-views; ``None`` if it has none."""
    days = days_of(store.family("PageViews").row_keys(reverse=True))
    return next((day for day, owner, _ in days if owner == account), None)


def last_days(store: Store, account: str, count: int, *, now: datetime | None = None) -> Range:
    """Return the last ``count`` days that end today, or, if they hold no page-view, that end on the newest one."""
    today = (now or datetime.now(UTC)).date()
    newest = newest_day(store, account)
    last = newest if newest is not None and newest <= today - timedelta(days=count) else today
    return Range(last - timedelta(days=count - 1), last + timedelta(days=1))


def _ranked(dimension: str, counts: Counter[Any], limit: int | None) -> list[Row]:
    rows = [Row(*item) for item in counts.items()]
    if dimension in IN_ORDER:
        return sorted(rows)
    return sorted(rows, key=lambda row: (-row.views, row.value))[:limit]


def _counting(key_fns: Mapping[str, KeyFn]) -> MapFn:
    """Return a map_fn that counts by several dimensions in one reading."""

    def map_fn(views: Iterable[Item]) -> dict[str, Counter[Any]]:
        counts: dict[str, Counter[Any]] = {dimension: Counter() for dimension in key_fns}
        for _, when, view in views:
            for dimension, key_fn in key_fns.items():
                key = key_fn(when, view)
                if key is not None:
                    counts[dimension][key] += 1
        return counts

    return map_fn


def _add(total: dict[str, Counter[Any]], counts: dict[str, Counter[Any]]) -> dict[str, Counter[Any]]:
    return {dimension: recipes.add(total[dimension], counts[dimension]) for dimension in total}
