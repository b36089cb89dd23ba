"""The weeks and months that reports are about: whole ones of a site's time zone, the last that is over."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from footfall.reports.buckets import instant
from footfall.timeuuid import ticks_at

EVERY = ("week", "month")
#: By the zone's clock: a report is sent from this hour on after its period is over. What browsers kept and sent late
#: is there by then, and it lies in the morning.
HOUR = 6


class Period(NamedTuple):
    """A week, Monday to Sunday, or a month.

    :param since: its first day.
    :param until: the day after its last.
    """

    every: str
    since: date
    until: date

    @property
    def name(self) -> str:
        """What tells it from the others: ``2026-W48`` or ``2026-11``."""
        return f"{self.since:%G-W%V}" if self.every == "week" else f"{self.since:%Y-%m}"

    def before(self) -> Period:
        """Return the one before."""
        return _ending(self.every, self.since)


def last(every: str, now: datetime, zone: tzinfo) -> Period:
    """Return the last period that is over, and of which a report may be sent.

    :param now: aware.
    """
    clock = now.astimezone(zone).replace(tzinfo=None) - timedelta(hours=HOUR)
    today = clock.date()
    return _ending(every, today - timedelta(days=today.weekday()) if every == "week" else today.replace(day=1))


def was_over(period: Period, at: datetime, zone: tzinfo) -> bool:
    """Tell whether a period was over at an instant, such as that of a subscription."""
    return ticks_at(at) >= instant(period.until, zone)


def _ending(every: str, until: date) -> Period:
    since = until - timedelta(days=7) if every == "week" else (until - timedelta(days=1)).replace(day=1)
    return Period(every, since, until)
