from datetime import UTC, date, datetime

import pytest

from footfall.errors import UsageError
from footfall.reports import overview as overviews
from footfall.reports.overview import Range, Row, last_days, newest_day, overview, views_by
from footfall.timeuuid import make, ticks_at

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def fill(store):
    def fill(*views, account="blog"):
        for number, (day, url) in enumerate(views):
            moment = datetime(2026, 1, day, 7, tzinfo=UTC)
            store.family("PageViews").insert(f"{moment:%Y%m%d}.{account}", {make(ticks_at(moment), number): {
                "url": url, "title": "", "ip": "", "referrer": "", "user_agent": "", "language": ""}})

    return fill


def test_best_first_and_ties_by_value(store, fill):
    fill((1, "/b"), (1, "/a"), (2, "/c"), (3, "/c"))
    span = date(2026, 1, 1), date(2026, 1, 4)
    assert views_by(store, "blog", ["url"], *span) == {"url": [Row("/c", 2), Row("/a", 1), Row("/b", 1)]}
    assert views_by(store, "blog", ["url"], *span, limit=1) == {"url": [Row("/c", 2)]}
    assert [row.value.day for row in views_by(store, "blog", ["day"], *span, limit=1)["day"]] == [1, 2, 3]


def test_no_such_dimension_is_named(store):
    with pytest.raises(UsageError, match="'colour': no dimension; use url, "):
        views_by(store, "blog", ["colour"], date(2026, 1, 1), date(2026, 1, 2))


def test_an_overview_has_every_day_also_those_without_views(store, fill):
    fill((1, "/a"), (3, "/a"), (3, "/b"))
    seen = overview(store, "blog", Range(date(2026, 1, 1), date(2026, 1, 4)), ("url", "referrer"))
    assert [(row.value.day, row.views) for row in seen.by_day] == [(1, 1), (2, 0), (3, 2)]
    assert (seen.views, seen.top) == (3, {"url": [Row("/a", 2), Row("/b", 1)], "referrer": []})


@pytest.mark.parametrize("day, expected", [
    (10, Range(date(2026, 1, 4), date(2026, 1, 11))),
    (4, Range(date(2026, 1, 4), date(2026, 1, 11))),
    (3, Range(date(2025, 12, 28), date(2026, 1, 4))),
])
def test_the_last_days_end_today_or_on_the_newest_day_there_is(store, fill, day, expected):
    fill((day, "/a"))
    fill((9, "/a"), account="other.blog")
    assert last_days(store, "blog", 7, now=NOW) == expected


def test_the_newest_day_is_the_accounts_own(store, fill):
    fill((2, "/"), (5, "/"))
    fill((9, "/"), account="other.blog")
    assert newest_day(store, "blog") == date(2026, 1, 5)
    assert newest_day(store, "nobody") is None
    assert overviews.last_days(store, "nobody", 7, now=NOW).until == date(2026, 1, 11)
