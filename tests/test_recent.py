"""The newest days of a site, and its oldest one."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from footfall.reports.recent import Range, last_days, newest_days, newest_view, oldest_day
from footfall.timeuuid import make, ticks_at

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def fill(store):
    def fill(*days, account="blog", family="PageViews", hour=7):
        for number, day in enumerate(days):
            moment = datetime(2026, 1, day, hour, tzinfo=UTC)
            store.family(family).insert(f"{moment:%Y%m%d}.{account}", {make(ticks_at(moment), number): {"url": "/"}})

    return fill


def test_a_range_of_days_names_each():
    assert Range(date(2026, 1, 30), date(2026, 2, 2)).days() == [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1)]


@pytest.mark.parametrize("day, hour, zone, expected", [
    (10, 7, "UTC", Range(date(2026, 1, 4), date(2026, 1, 11))),
    (4, 7, "UTC", Range(date(2026, 1, 4), date(2026, 1, 11))),
    (3, 7, "UTC", Range(date(2025, 12, 28), date(2026, 1, 4))),
    (3, 23, "UTC", Range(date(2025, 12, 28), date(2026, 1, 4))),
    (3, 23, "Europe/Berlin", Range(date(2026, 1, 4), date(2026, 1, 11))),
    (2, 23, "Europe/Berlin", Range(date(2025, 12, 28), date(2026, 1, 4))),
    (10, 7, "Pacific/Auckland", Range(date(2026, 1, 5), date(2026, 1, 12))),
])
def test_the_last_days_end_today_or_on_the_newest_day_there_is(store, fill, day, hour, zone, expected):
    fill(day, hour=hour)
    fill(9, account="other.blog")
    assert last_days(store, "blog", 7, zone=ZoneInfo(zone), now=NOW) == expected


def test_the_newest_view_is_the_accounts_own(store, fill):
    fill(2, 5)
    fill(9, account="other.blog")
    fill(8, family="Events")
    assert newest_view(store, "blog") == datetime(2026, 1, 5, 7, tzinfo=UTC)
    assert newest_view(store, "nobody") is None
    assert last_days(store, "nobody", 7, now=NOW).until == date(2026, 1, 11)


def test_the_newest_days_before_one_are_told_of_several_accounts(store, fill):
    fill(2, 5, 7)
    fill(1, account="shop")
    assert newest_days(store, {"blog", "shop", "nobody"}, before=date(2026, 1, 7)) == {
        "blog": date(2026, 1, 5), "shop": date(2026, 1, 1)}
    assert newest_days(store, set(), before=date(2026, 1, 7)) == {}


def test_the_oldest_day_is_that_of_the_first_event_of_any_kind(store, fill):
    fill(4)
    fill(3, family="Events")
    fill(1, account="other.blog")
    fill(2, family="Filtered")
    assert oldest_day(store, "blog") == date(2026, 1, 3)
    assert oldest_day(store, "nobody") is None
