"""What a URL says of what is shown, and the URL that what is shown has."""

from datetime import date

import pytest

from footfall.errors import UsageError
from footfall.reports.recent import Range
from footfall.web.view import parse_view

TODAY = date(2026, 3, 18)


def shown(*fields):
    return parse_view(fields, "blog", "Europe/Berlin", TODAY)


@pytest.mark.parametrize("fields, since, until", [
    ([], date(2026, 2, 19), date(2026, 3, 19)),
    ([("period", "today")], date(2026, 3, 18), date(2026, 3, 19)),
    ([("period", "yesterday")], date(2026, 3, 17), date(2026, 3, 18)),
    ([("period", "7d")], date(2026, 3, 12), date(2026, 3, 19)),
    ([("period", "month")], date(2026, 3, 1), date(2026, 3, 19)),
    ([("period", "last-month")], date(2026, 2, 1), date(2026, 3, 1)),
    ([("period", "year")], date(2026, 1, 1), date(2026, 3, 19)),
    ([("period", "12m")], date(2025, 4, 1), date(2026, 3, 19)),
    ([("since", "2026-01-31"), ("until", "2026-02-01")], date(2026, 1, 31), date(2026, 2, 2)),
    ([("since", "2026-03-01")], date(2026, 3, 1), date(2026, 3, 19)),
])
def test_the_days_of_a_period(fields, since, until):
    assert shown(*fields).range == Range(since, until)


@pytest.mark.parametrize("fields, message", [
    ([("period", "8d")], "period='8d': must be one of 28d"),
    ([("since", "1.2.2026")], "since='1.2.2026': must be a day"),
    ([("since", "20260101")], "since='20260101': must be a day"),
    ([("since", "2026-02-02"), ("until", "2026-02-01")], "lies before"),
    ([("compare", "x")], "compare='x'"),
    ([("interval", "minute")], "interval='minute'"),
    ([("is.colour", "red")], "dimension 'colour': unknown"),
    ([("is.day", "2026-01-01")], "is a time"),
    ([("is.page", "x" * 2049)], "filters: at most"),
    ([("is.page", str(number)) for number in range(51)], "filters: at most"),
])
def test_what_cannot_be_shown_is_named(fields, message):
    with pytest.raises(UsageError, match=message):
        shown(*fields)


def test_values_of_a_filter_are_alternatives_and_filters_hold_together():
    view = shown(("is.country", "DE"), ("contains.page", "/blog"), ("is.country", "AT"), ("is.prop:plan", "pro"))
    assert view.where == ["and", ["is", "country", ["DE", "AT"]], ["contains", "page", ["/blog"]],
                          ["is", "prop:plan", ["pro"]]]
    assert view.without(view.chips[1]).where == ["and", ["is", "country", ["DE", "AT"]], ["is", "prop:plan", ["pro"]]]
    assert view.within("is", "country", "FR").chips[-1].values == ("FR",)
    assert shown().where is None


@pytest.mark.parametrize("fields, search", [
    ([], ""),
    ([("period", "28d"), ("compare", "previous"), ("unknown", "1")], ""),
    ([("period", "today")], "?period=today"),
    ([("since", "2026-01-31"), ("until", "2026-02-01"), ("compare", "year"), ("interval", "hour")],
     "?period=custom&since=2026-01-31&until=2026-02-01&compare=year&interval=hour"),
    ([("is.page", "/a?b=1&c"), ("is.page", "ü")], "?is.page=%2Fa%3Fb%3D1%26c&is.page=%C3%BC"),
])
def test_a_view_has_one_short_url(fields, search):
    view = shown(*fields)
    assert view.search() == search
    assert shown(*view.fields()) == view


@pytest.mark.parametrize("since, until, interval", [
    ("2026-03-18", "2026-03-18", "hour"), ("2026-03-01", "2026-03-18", "day"),
    ("2025-09-01", "2026-03-18", "week"), ("2020-01-01", "2026-03-18", "month"),
])
def test_the_interval_suits_the_range(since, until, interval):
    assert shown(("since", since), ("until", until)).by_time == interval
    assert shown(("since", since), ("until", until), ("interval", "day")).by_time == "day"


@pytest.mark.parametrize("asked, since, until", [
    ([("period", "7d")], date(2026, 3, 5), date(2026, 3, 12)),
    ([("period", "7d"), ("compare", "year")], date(2025, 3, 12), date(2025, 3, 19)),
    ([("since", "2028-02-29"), ("until", "2028-02-29"), ("compare", "year")], date(2027, 2, 28), date(2027, 3, 1)),
])
def test_the_days_that_it_is_compared_with(asked, since, until):
    other = shown(*asked, ("is.country", "DE")).compared_with()
    assert (other.range, other.chips) == (Range(since, until), shown(("is.country", "DE")).chips)


def test_there_may_be_no_days_that_it_is_compared_with():
    assert shown(("compare", "none")).compared_with() is None
    assert shown(("since", "2028-02-28"), ("until", "2028-02-28"), ("compare", "year")).compared_with() is None


def test_its_questions_have_its_range_filter_zone_and_comparison():
    query = shown(("is.country", "DE"), ("period", "today")).query(("views",), ("page",), compared=True, limit=3)
    assert (query.since, query.until, query.tz, query.compare, query.limit) == (
        TODAY, date(2026, 3, 19), "Europe/Berlin", "previous", 3)
    assert shown(("compare", "none")).query(("views",), compared=True).compare is None
