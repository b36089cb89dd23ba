"""The reports of a site, asked for by its id: what a Python prompt begins with.

::

    import footfall

    footfall.query("blog", ["visitors", "views"], "2026-01-01", "2026-02-01", by=["page"], limit=10)

docs/metrics.md defines the numbers. Facts come from the cache and are as new as the store; what is not kept there yet
is built first, which takes its time for many days.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache as remembered
from functools import partial

from footfall.reports import funnels, recent, retention
from footfall.reports import live as lives
from footfall.reports import paths as trails
from footfall.reports.cache import FactsCache, default_cache
from footfall.reports.frame import Days
from footfall.reports.funnels import Step
from footfall.reports.paths import Paths
from footfall.reports.query import Query, run
from footfall.reports.result import Result
from footfall.reports.retention import Cohort
from footfall.reports.visits import StitchedDay
from footfall.timeuuid import Moment

#: Days of a range from which it is worth to look which of them are before or after every event: each takes some time.
LONG = 1_000


def days_of(cache: FactsCache, account: str) -> Days:
    """Return what gives an account's days to several questions that are asked now, each range the same each time."""
    return remembered(partial(_days_between, cache, account, time.monotonic()))


def query(account: str, metrics: str | Sequence[str], since: Moment | str, until: Moment | str, *,
          by: str | Sequence[str] = (), where: object = None, tz: str = "UTC", compare: object = None,
          order: object = None, limit: int | None = None, offset: int = 0, goal: object = None,
          cache: FactsCache | None = None) -> Result:
    """Return metrics of a site by dimensions.

    :param account: the site's id.
    :param cache: the cache of facts; the settings' own if none is given.
    :raises UsageError: something is not what it may be.
    :raises StoreUnavailable: the store did not answer.

    The other parameters are those of :class:`footfall.reports.query.Query`.
    """
    asked = Query(metrics, since, until, by, where, tz, compare, order, limit, offset, goal)
    return run(asked, _days(account, cache))


def funnel(account: str, steps: Sequence[object], since: Moment | str, until: Moment | str, *,
           within: object = "visit", where: object = None, tz: str = "UTC",
           cache: FactsCache | None = None) -> list[Step]:
    """Return how far the steps of a funnel are reached, as :func:`footfall.reports.funnels.funnel` does.

    :param cache: as :func:`query`.
    """
    return funnels.funnel(_days(account, cache), steps, since, until, within=within, where=where, tz=tz)


def cohorts(account: str, since: Moment | str, until: Moment | str, *, period: str = "week", tz: str = "UTC",
            cache: FactsCache | None = None) -> list[Cohort]:
    """Return how many come again, as :func:`footfall.reports.retention.retention` does.

    :param cache: as :func:`query`.
    """
    cache = cache or default_cache()
    oldest = recent.oldest_day(cache.store, account) or datetime.now(UTC).date()
    return retention.retention(_days(account, cache), since, until, oldest=oldest, period=period, tz=tz)


def paths(account: str, page: str, since: Moment | str, until: Moment | str, *, where: object = None,
          tz: str = "UTC", limit: int | None = None, cache: FactsCache | None = None) -> Paths:
    """Return what was viewed before and after a page, as :func:`footfall.reports.paths.paths` does.

    :param cache: as :func:`query`.
    """
    return trails.paths(_days(account, cache), page, since, until, where=where, tz=tz, limit=limit)


def live(account: str, now: datetime | None = None, *, cache: FactsCache | None = None) -> int:
    """Return how many visitors are there now, as :func:`footfall.reports.live.live` does.

    :param account: the site's id.
    :param now: the end of the five minutes; the present if none is given, a naive datetime is UTC.
    :param cache: as :func:`query`.
    """
    return lives.live(_days(account, cache), now or datetime.now(UTC))


def _days_between(cache: FactsCache, account: str, asked: float, first: date, last: date) -> list[StitchedDay]:
    if (last - first).days >= LONG:
        oldest, newest = recent.oldest_day(cache.store, account), recent.newest_day(cache.store, account)
        if oldest is None or newest is None or oldest > last or newest < first:
            return []
        first, last = max(first, oldest), min(last, newest)
    return cache.days(account, first, last, asked)


def _days(account: str, cache: FactsCache | None) -> Days:
    return days_of(cache or default_cache(), account)
