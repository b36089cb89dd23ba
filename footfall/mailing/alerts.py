"""Alerts: what an owner wants to be told at once; definitions of the kind ``alert``, and whether one is the case now.

``visitors`` tells of many at once, ``views`` of an hour that has more than such hours use to have, ``silence`` of
hours without an event where there use to be some. What is usual is what the last four weeks had at the same time by
the site's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from statistics import median
from typing import Any, NamedTuple

from footfall import accounts, definitions
from footfall.definitions import Definition
from footfall.errors import UsageError
from footfall.mailing import deliveries
from footfall.mailing.destinations import Destination
from footfall.reports.buckets import zone_of
from footfall.reports.frame import Days
from footfall.reports.query import Query, run
from footfall.storage import Store

KIND = "alert"
#: A definition, of the alert's own id, while it is the case: since when, and when it was over.
ALARM = "alarm"
WEEKS = 4
#: In so many of those weeks there must have been events for their absence to be told.
USUAL_WEEKS = 3
#: A spike is over when there is less than this part of what it takes to be one: not at each to and fro.
OVER = 0.8
MOST = 50

#: What each kind of alert is told: names of numbers, with the lowest, the highest, and what they are unless given.
NUMBERS: Mapping[str, Mapping[str, tuple[int, int, int]]] = {
    "visitors": {"threshold": (1, 10_000_000, 50), "minutes": (1, 60, 5)},
    "views": {"times": (2, 1_000, 3), "least": (1, 10_000_000, 20)},
    "silence": {"hours": (1, 168, 3)},
}


class Alert(NamedTuple):
    """One of them.

    :param created: when it was made, in ISO 8601, UTC.
    :param when: one of :data:`NUMBERS`.
    :param numbers: its numbers, by name.
    """

    site: str
    id: str
    created: str
    when: str
    numbers: Mapping[str, int]
    destination: Destination

    def __str__(self) -> str:
        n = self.numbers
        if self.when == "visitors":
            return f"{_some(n['threshold'], 'visitor')} or more within {_some(n['minutes'], 'minute')}"
        if self.when == "views":
            return f"more than {n['times']:,} times the usual views of an hour, and {n['least']:,} or more"
        return f"no event for {_some(n['hours'], 'hour')} that usually have some"


class Verdict(NamedTuple):
    """How it stands with an alert.

    :param begins: it is the case.
    :param ends: it is so little the case that it is over.
    :param told: the numbers, in words.
    """

    begins: bool
    ends: bool
    told: str


def add(store: Store, site: str, destination: Destination, when: str, numbers: Mapping[str, int | None],
        by: str = "") -> Alert:
    """Add an alert.

    :param numbers: those that are given, by name; ``None`` for what is usual.
    :param by: the user who does so; empty for the command line.
    :raises UsageError: there is no such site, it has too many, or what is given cannot be.
    """
    accounts.find(store, site)
    if when not in NUMBERS:
        raise UsageError(f"when {when!r}: must be one of {', '.join(NUMBERS)}")
    kept = {name: usual for name, (_, _, usual) in NUMBERS[when].items()}
    for name, number in numbers.items():
        if number is None:
            continue
        if name not in kept:
            raise UsageError(f"{name}: is not for {when}, which takes {', '.join(kept)}")
        low, high, _ = NUMBERS[when][name]
        if not low <= number <= high:
            raise UsageError(f"{name}={number}: must be a whole number from {low:,} to {high:,}")
        kept[name] = number
    if len(definitions.all_of(store, site, KIND)) >= MOST:
        raise UsageError(f"alert: {site} has {MOST} already; remove one first")
    fields: dict[str, Any] = {**destination.fields(), "when": when, "numbers": kept}
    return _alert(definitions.add(store, site, KIND, fields, by))


def alerts(store: Store, site: str) -> list[Alert]:
    """Return those of a site, the oldest first."""
    return [_alert(each) for each in definitions.all_of(store, site, KIND)]


def remove(store: Store, site: str, alert_id: str) -> Alert:
    """Remove one, and return what it was.

    :raises UsageError: there is none of that id.
    """
    removed = _alert(definitions.remove(store, site, KIND, alert_id))
    store.family(definitions.FAMILY).remove(site, [f"{ALARM}.{alert_id}"])
    deliveries.forget(store, site, alert_id)
    return removed


def verdict(alert: Alert, days: Days, now: datetime, zone: str) -> Verdict:
    """Return how it stands with an alert.

    :param days: gives the site's days.
    :param now: aware.
    :param zone: name of the site's time zone.
    """
    numbers = alert.numbers
    if alert.when == "visitors":
        there = _counted(days, ("visitors",), now, timedelta(minutes=numbers["minutes"]))
        least = numbers["threshold"]
        return Verdict(there >= least, there < OVER * least,
                       f"{_some(there, 'visitor')} within {_some(numbers['minutes'], 'minute')}")
    if alert.when == "views":
        hour = timedelta(hours=1)
        views = _counted(days, ("views",), now, hour)
        usual = median(_counted(days, ("views",), then, hour) for then in _weeks_before(now, zone_of(zone)))
        most = max(numbers["times"] * usual, numbers["least"] - 1)
        return Verdict(views > most, views <= OVER * most, f"{views:,} views within an hour, usually {usual:,.0f}")
    span = timedelta(hours=numbers["hours"])
    found = ("views", "events")
    events = _counted(days, found, now, span)
    before = [_counted(days, found, then, span) for then in _weeks_before(now, zone_of(zone))] if not events else []
    is_unusual = sum(count > 0 for count in before) >= USUAL_WEEKS
    return Verdict(is_unusual, events > 0,
                   f"no event for {_some(numbers['hours'], 'hour')}" if not events else
                   f"{_some(events, 'event')} within {_some(numbers['hours'], 'hour')}")


def _counted(days: Days, metrics: tuple[str, ...], end: datetime, span: timedelta) -> int:
    (row,) = run(Query(metrics, end - span, end), days)
    return sum(row.values())


def _weeks_before(now: datetime, zone: tzinfo) -> list[datetime]:
    """Return the same moments of the weeks before by a zone's clock, where a week can be an hour longer or shorter."""
    clock = now.astimezone(zone).replace(tzinfo=None)
    return [(clock - timedelta(weeks=week)).replace(tzinfo=zone) for week in range(1, WEEKS + 1)]


def _some(count: int, of: str) -> str:
    return f"{count:,} {of}{'' if count == 1 else 's'}"


def _alert(found: Definition) -> Alert:
    fields = found.fields
    return Alert(found.site, found.id, found.created, fields["when"], fields["numbers"], Destination.of(fields))
