"""The newest days of a site: what is shown to whoever did not ask for others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice
from typing import NamedTuple

from footfall import timeuuid
from footfall.changes import COUNTED
from footfall.pageview import days_of
from footfall.storage import Store


class Range(NamedTuple):
    """Whole days: the first, and the one after the last."""

    since: date
    until: date

    def days(self) -> list[date]:
        """Return every day in it."""
        return [self.since + timedelta(days=number) for number in range((self.until - self.since).days)]


def ending(last: date, count: int) -> Range:
    """Return so many days, the last of which is given."""
    return Range(last - timedelta(days=count - 1), last + timedelta(days=1))


def last_days(store: Store, account: str, count: int, *, zone: tzinfo = UTC, now: datetime | None = None) -> Range:
    """Return the last ``count`` days that end today, or, if they hold no page-view, that end on the newest one's.

    :param zone: the time zone whose days are meant.
    :param now: aware; the present unless a test says otherwise.
    """
    today = (now or datetime.now(UTC)).astimezone(zone).date()
    view = newest_view(store, account)
    newest = view.astimezone(zone).date() if view else None
    return ending(newest if newest is not None and newest <= today - timedelta(days=count) else today, count)


def newest_view(store: Store, account: str) -> datetime | None:
    """Return when the newest page-view of an account was; ``None`` if it has none."""
    views = store.family("PageViews")
    for _, owner, key in days_of(views.row_keys(reverse=True)):
        if owner == account:
            for name, _ in views.xget(key, column_reversed=True, column_count=1):
                return timeuuid.datetime_of(name)
    return None


def newest_days(store: Store, accounts: set[str], *, before: date) -> dict[str, date]:
    """Return each account's newest UTC day with page-views before a day, found in one walk back over all days."""
    found: dict[str, date] = {}
    # No account follows the day here, so the walk begins below every key of it.
    keys: Iterable[str] = store.family("PageViews").row_keys(f"{before:%Y%m%d}", reverse=True) if accounts else ()
    for day, account, _ in days_of(keys):
        if account in accounts:
            found.setdefault(account, day)
            if len(found) == len(accounts):
                break
    return found


def oldest_day(store: Store, account: str) -> date | None:
    """Return the UTC day of an account's first event; ``None`` if it has none."""
    return min(_ends(store, account, reverse=False), default=None)


def newest_day(store: Store, account: str) -> date | None:
    """Return the UTC day of an account's last event; ``None`` if it has none."""
    return max(_ends(store, account, reverse=True), default=None)


def _ends(store: Store, account: str, *, reverse: bool) -> list[date]:
    """Return the first day of each family that counts, or the last."""
    found: list[date] = []
    for family in COUNTED:
        keys = days_of(store.family(family).row_keys(reverse=reverse))
        found += islice((day for day, owner, _ in keys if owner == account), 1)
    return found
