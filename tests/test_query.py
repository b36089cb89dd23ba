"""The engine's words: what it refuses, and how; order, pages of rows, ranges compared; facts as files have them."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.errors import UsageError
from footfall.reports import segment
from footfall.reports.buckets import buckets, instant, zone_of
from footfall.reports.building import days_around
from footfall.reports.filters import parse
from footfall.reports.funnels import funnel
from footfall.reports.goals import filter_of
from footfall.reports.metrics import METRICS
from footfall.reports.paths import paths
from footfall.reports.query import Query, query, run
from footfall.reports.ranges import Span, compared, moment, span_of
from footfall.reports.retention import retention
from tests.plain_reports import Plain, days_of, matches, ticks_at

JANUARY = {"since": "2026-01-01", "until": "2026-02-01"}


def nothing(first, last):
    return []


def event(time, visitor, page="/", **more):
    return ticks_at(time), {"url": f"https://a.example.com{page}", "visitor": visitor.encode().ljust(8), **more}


@pytest.fixture
def days():
    return days_of([event("2026-01-01T10:00:00", "ann", "/a"), event("2026-01-01T10:05:00", "ann", "/b"),
                    event("2026-01-02T10:00:00", "bob", "/c"), event("2026-01-02T10:05:00", "bob", "/a"),
                    event("2026-01-03T10:00:00", "cid", "/d", event="signup")])


@pytest.mark.parametrize("asked, error", [
    ({"metrics": ["view"]}, "metric 'view': unknown; use views, events, visitors, "),
    ({"metrics": []}, "metrics: none; use views, "),
    ({"metrics": 5}, "metrics 5: must be a list of names"),
    ({"metrics": ["views", "views"]}, "metrics: 'views' is there twice; name it once"),
    ({"by": ["colour"]}, "dimension 'colour': unknown; use hour, day, week, month, event, host, page, "),
    ({"by": ["prop:"]}, "dimension 'prop:': unknown; use "),
    ({"by": [5]}, r"by \[5\]: must be a list of names"),
    ({"since": "tomorrow"}, "since 'tomorrow': must be a date or a time, such as 2026-01-31"),
    ({"until": None}, "until None: must be a date or a time"),
    ({"until": "2025-12-31"}, "until '2025-12-31': lies before since '2026-01-01'; swap them"),
    ({"since": "0001-01-01"}, "since '0001-01-01': must lie between the years 1900 and 2200"),
    ({"tz": "Berlin"}, "tz 'Berlin': unknown time zone; use a name such as UTC or Europe/Berlin"),
    ({"tz": 1}, "tz 1: unknown time zone"),
    ({"tz": "../etc/passwd"}, "tz '../etc/passwd': unknown time zone"),
    ({"tz": "Europe"}, "tz 'Europe': unknown time zone"),
    ({"compare": "last"}, "compare 'last': must be previous, year or a list of since and until"),
    ({"compare": ["2026-01-01"]}, "compare .*: must be previous, year or a list"),
    ({"compare": ["2026-01-01", "x"]}, "compare 'x': must be a date"),
    ({"order": "views"}, r"order 'views': must be a list of pairs, such as \[\['views', 'desc'\]\]"),
    ({"order": [["views", "down"]]}, r"order: \['views', 'down'\]: must be a name and asc or desc"),
    ({"order": [["visits", "asc"]]}, "order: 'visits': not asked for; use views"),
    ({"limit": 0}, "limit 0: must be a whole number, 1 or more"),
    ({"limit": True}, "limit True: must be a whole number"),
    ({"offset": -1}, "offset -1: must be a whole number, 0 or more"),
    ({"metrics": ["conversion_rate"]}, "metric 'conversion_rate': of which goal"),
    ({"goal": {"url": "/"}}, r"goal {'url': '/'}: must be {'page': PATTERN}, "),
    ({"goal": {"event": "buy", "props": 3}}, "goal: props 3: must be properties and their values"),
    ({"goal": {"event": "buy", "props": {"x": None}}}, "goal: value None of 'prop:x': must be text, a number, true or"),
    ({"where": "page is /"}, "where 'page is /': must be a list that begins with one of is, is_not, "),
    ({"where": []}, r"where \[\]: must be a list"),
    ({"where": ["like", "page", "/"]}, "where: operator 'like': unknown; use is, is_not, "),
    ({"where": [["is"], "page", "/"]}, r"where: operator \['is'\]: unknown"),
    ({"where": ["is", "page"]}, "where: 'is' with 1 arguments; give a dimension, and a value or a list"),
    ({"where": ["is", "pages", "/"]}, "dimension 'pages': unknown; use "),
    ({"where": ["is", "day", "2026-01-01"]}, "where: 'day' is a time, which cannot be filtered; use since and until"),
    ({"where": ["in", "page", "/"]}, "where: 'in' with '/'; give a list, or use 'is'"),
    ({"where": ["is", "page", 5]}, "where: value 5 of 'page': must be text"),
    ({"where": ["is", "prop:x", [None]]}, "where: value None of 'prop:x': must be text, a number, true or false"),
    ({"where": ["not"]}, "where: 'not' with 0 filters; give one"),
    ({"where": ["or"]}, "where: 'or' with 0 filters; give one or more"),
    ({"where": ["visit", ["and", ["visit", ["is", "page", "/"]]]]}, "where: 'visit' within 'visit'; write one only"),
    ({"colour": 1}, "query: 'colour': unknown; use metrics, since, until, by, "),
])
def test_what_cannot_be_answered_is_refused_with_a_reason(asked, error):
    with pytest.raises(UsageError, match=error):
        Query.parse({"metrics": ["views"]} | JANUARY | asked)


@pytest.mark.parametrize("form, error", [
    ([], r"query \[\]: must be an object"),
    ({"metrics": ["views"], "since": "2026-01-01"}, "query: until: missing; give metrics, since and until"),
])
def test_what_is_no_query_is_refused(form, error):
    with pytest.raises(UsageError, match=error):
        Query.parse(form)


def test_filters_that_are_too_deep_are_refused_before_the_stack_ends():
    form = ["is", "page", "/"]
    for _ in range(5000):
        form = ["not", form]
    with pytest.raises(UsageError, match="deeper than 32"):
        parse(form)


def test_more_buckets_than_anybody_reads_are_refused():
    with pytest.raises(UsageError, match="dimension 'hour': more than 200000 in the range"):
        query(nothing, "views", "1900-01-01", "2000-01-01", by="hour")


@pytest.mark.parametrize("call, error", [
    (lambda: funnel(nothing, [], **JANUARY), r"steps \[\]: must be a list of one to 20 goals or filters"),
    (lambda: funnel(nothing, [{"page": "/"}, 3], **JANUARY), "step 2 3: must be a list that begins with"),
    (lambda: funnel(nothing, [{"page": "/"}], within="day", **JANUARY), "within 'day': must be 'visit', a "),
    (lambda: funnel(nothing, [{"page": "/"}], within=-1, **JANUARY), "within -1: must be 'visit'"),
    (lambda: retention(nothing, **JANUARY, oldest=date(2026, 1, 1), period="day"), "period 'day': unknown; use week, "),
    (lambda: paths(nothing, 3, **JANUARY), "page: value 3 of 'page': must be text"),
])
def test_the_other_reports_refuse_as_plainly(call, error):
    with pytest.raises(UsageError, match=error):
        call()


@pytest.mark.parametrize("asked, expected", [
    ({}, ["/a", "/b", "/c"]),
    ({"order": [["views", "asc"]]}, ["/b", "/c", "/a"]),
    ({"order": [["page", "desc"]]}, ["/c", "/b", "/a"]),
    ({"order": [["views", "asc"], ["page", "desc"]]}, ["/c", "/b", "/a"]),
    ({"order": []}, ["/a", "/b", "/c"]),
    ({"limit": 2}, ["/a", "/b"]),
    ({"limit": 1, "offset": 1}, ["/b"]),
    ({"offset": 3}, []),
    ({"limit": 9, "offset": 2}, ["/c"]),
])
def test_rows_come_in_order_and_in_pages(days, asked, expected):
    found = run(Query.parse({"metrics": "views", "by": "page"} | JANUARY | asked), days)
    assert [row.values[0] for row in found.rows] == expected
    assert found.count == 3


@pytest.mark.parametrize("direction, expected", [
    ("asc", [("/c", 0.0), ("/a", 0.5), ("/b", 1.0), ("/d", None)]),
    ("desc", [("/b", 1.0), ("/a", 0.5), ("/c", 0.0), ("/d", None)]),
])
def test_a_row_without_the_ratio_comes_last_up_and_down(days, direction, expected):
    found = query(days, ["exit_rate"], by="page", order=[["exit_rate", direction]], **JANUARY)
    assert [(*row.values, *row.metrics) for row in found.rows] == expected


def test_rows_as_json(days):
    found = query(days, ["views", "bounce_rate"], "2026-01-02", "2026-01-04", by=["day"], compare="previous")
    assert found.to_json() == {"count": 2, "rows": [
        {"day": "2026-01-02", "views": 2, "bounce_rate": 0.0, "compared": {"views": 0, "bounce_rate": None}},
        {"day": "2026-01-03", "views": 0, "bounce_rate": 0.0, "compared": {"views": 2, "bounce_rate": 0.0}}]}


def test_an_empty_range_has_no_buckets_and_one_row_without_dimensions():
    assert query(nothing, "views", "2026-01-01", "2026-01-01").rows == [((), (0,), None)]
    assert query(nothing, "views", "2026-01-01", "2026-01-01", by="day", compare="previous").rows == []
    assert funnel(nothing, [{"page": "/"}], "2026-01-01", "2026-01-01") == [(0, None, None)]


@pytest.mark.parametrize("how, since, until, tz, expected", [
    ("previous", "2026-03-29", "2026-03-30", "Europe/Berlin", ("2026-03-28T00:00+01:00", "2026-03-29T00:00+01:00")),
    ("previous", "2026-03-30", "2026-03-31", "Europe/Berlin", ("2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00")),
    ("previous", "2026-03-01", "2026-04-01", "UTC", ("2026-01-29T00:00+00:00", "2026-03-01T00:00+00:00")),
    ("previous", "2026-03-29T12:00", "2026-03-30T12:00", "Europe/Berlin",
     ("2026-03-28T11:00+01:00", "2026-03-29T12:00+02:00")),
    ("previous", "2026-03-29", "2026-03-29T06:00", "Europe/Berlin",
     ("2026-03-28T19:00+01:00", "2026-03-29T00:00+01:00")),
    ("previous", "2026-03-29T00:00+00:00", "2026-03-30T00:00+00:00", "UTC", ("2026-03-28T00:00Z", "2026-03-29T00:00Z")),
    ("year", "2024-02-29", "2024-03-01", "UTC", ("2023-02-28T00:00Z", "2023-03-01T00:00Z")),
    ("year", "2024-02-29T13:00:00.000001", "2024-02-29T14:00", "UTC",
     ("2023-02-28T13:00:00.000001Z", "2023-02-28T14:00Z")),
    ("year", "2026-03-29T04:00", "2026-03-29T05:00", "Europe/Berlin",
     ("2025-03-29T04:00+01:00", "2025-03-29T05:00+01:00")),
    ("year", "2026-10-25", "2026-10-26", "Europe/Berlin", ("2025-10-25T00:00+02:00", "2025-10-26T00:00+02:00")),
    (("2020-01-01", "2020-01-03"), "2026-01-01", "2026-01-02", "Asia/Kolkata",
     ("2020-01-01T00:00+05:30", "2020-01-03T00:00+05:30")),
])
def test_what_a_range_is_compared_with(how, since, until, tz, expected):
    zone = zone_of(tz)
    how = how if isinstance(how, str) else tuple(moment(each, "compare") for each in how)
    span = span_of(moment(since, "since"), moment(until, "until"), zone)
    assert compared(how, span, zone) == tuple(map(ticks_at, expected))


@pytest.mark.parametrize("dimension, tz, since, until, expected", [
    ("day", "Europe/Berlin", "2026-03-28", "2026-03-31", {
        date(2026, 3, 28): 24, date(2026, 3, 29): 23, date(2026, 3, 30): 24}),
    ("day", "Europe/Berlin", "2026-10-24", "2026-10-27", {
        date(2026, 10, 24): 24, date(2026, 10, 25): 25, date(2026, 10, 26): 24}),
    # Samoa had no 30 December 2011.
    ("day", "Pacific/Apia", "2011-12-29", "2012-01-01", {date(2011, 12, 29): 24, date(2011, 12, 31): 24}),
    ("week", "UTC", "2026-01-01", "2026-01-06", {date(2025, 12, 29): 168, date(2026, 1, 5): 24}),
    ("month", "UTC", "2026-01-31", "2026-03-02", {date(2026, 1, 1): 744, date(2026, 2, 1): 672, date(2026, 3, 1): 24}),
    ("hour", "Australia/Lord_Howe", "2026-04-05T01:00", "2026-04-05T03:00", {
        datetime(2026, 4, 5, 1, tzinfo=timezone(timedelta(hours=11))): 1,
        datetime(2026, 4, 5, 1, tzinfo=timezone(timedelta(hours=10, minutes=30))): 0.5,
        datetime(2026, 4, 5, 2, tzinfo=timezone(timedelta(hours=10, minutes=30))): 1}),
    ("hour", "America/St_Johns", "2026-11-01T00:30", "2026-11-01T02:00", {
        datetime(2026, 11, 1, 0, tzinfo=timezone(-timedelta(hours=2, minutes=30))): 0.5,
        datetime(2026, 11, 1, 1, tzinfo=timezone(-timedelta(hours=2, minutes=30))): 1,
        datetime(2026, 11, 1, 1, tzinfo=timezone(-timedelta(hours=3, minutes=30))): 1}),
])
def test_buckets_and_how_long_they_are(dimension, tz, since, until, expected):
    zone = zone_of(tz)
    span = span_of(moment(since, "since"), moment(until, "until"), zone)
    found = buckets(dimension, zone, *span)
    ends = [*found.edges[1:], span.until]
    hours = [(end - begin) / ticks_at("1970-01-01T01:00") for begin, end in zip(found.edges, ends, strict=True)]
    assert dict(zip(found.values, hours, strict=True)) == expected


def test_a_span_knows_the_utc_days_that_it_touches():
    def touched(since, until):
        return Span(ticks_at(since), ticks_at(until)).days()

    assert touched("2026-01-01", "2026-01-02") == (date(2026, 1, 1), date(2026, 1, 1))
    assert touched("2026-01-01", "2026-01-02T00:00:00.000001") == (date(2026, 1, 1), date(2026, 1, 2))
    assert touched("2026-01-01T23:00", "2026-01-01T23:30") == (date(2026, 1, 1), date(2026, 1, 1))


def test_an_instant_of_the_clock():
    berlin = zone_of("Europe/Berlin")
    assert instant(datetime(2026, 10, 25, 2, 30), berlin) == ticks_at("2026-10-25T02:30+02:00")
    assert instant(datetime(2026, 10, 25, 2, 30, fold=1), berlin) == ticks_at("2026-10-25T02:30+01:00")
    assert instant(datetime(2026, 3, 29, 2, 30), berlin) == ticks_at("2026-03-29T03:30+02:00")
    assert instant(date(2026, 1, 1), UTC) == ticks_at("2026-01-01T00:00Z")


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_a_pattern_matches_what_its_regular_expression_does(pattern, text):
    assert parse(["matches", "page", pattern]).satisfied()(text) is matches(pattern, text)


def test_a_pattern_of_many_stars_takes_no_time():
    assert not parse(["matches", "page", "*a" * 50 + "b"]).satisfied()("a" * 5000)


@pytest.mark.parametrize("goal, form", [
    ({"page": "/a*"}, ["and", ["not_matches", "event", "*"], ["matches", "page", "/a*"]]),
    ({"event": "buy"}, ["and", ["is", "event", "buy"]]),
    ({"event": "buy", "props": {"n": 3, "ok": True, "x": "y"}},
     ["and", ["is", "event", "buy"], ["is", "prop:n", "3"], ["is", "prop:ok", "true"], ["is", "prop:x", "y"]]),
    (["is", "page", "/a"], ["is", "page", "/a"]),
])
def test_a_goal_is_a_filter(goal, form):
    assert filter_of(goal) == parse(form)


def test_a_funnel_finds_the_latest_start_from_which_there_is_time():
    days = days_of([event("2026-01-01T10:00:00", "ann", "/a"), event("2026-01-01T10:50:00", "ann", "/a"),
                    event("2026-01-01T10:55:00", "ann", "/b"), event("2026-01-01T11:40:00", "ann", "/c")])
    steps = [{"page": page} for page in ("/a", "/b", "/c")]
    asked = {"since": "2026-01-01", "until": "2026-01-02"}
    assert [step.reached for step in funnel(days, steps, **asked, within=timedelta(minutes=50))] == [1, 1, 1]
    assert [step.reached for step in funnel(days, steps, **asked, within=timedelta(minutes=49))] == [1, 1, 0]


@pytest.mark.ours
def test_facts_in_files_tell_what_facts_in_memory_do(tmp_path):
    # More visits than a byte can number, so that narrow numbers must be made wider.
    events = [(ticks_at(f"2026-01-0{day}T23:50:00") + number * 20_000_000, {
        "url": f"https://a.example.com/{number % 7}", "visitor": f"{number % visitors}".encode().ljust(8),
        "country": f"C{number % 5}", "event": "signup" if number % 11 == 0 else ""})
        for day, visitors in ((1, 300), (2, 100), (3, 100)) for number in range(700)]
    days = days_of(events)

    def load(day):
        path = tmp_path / f"{day}"
        found = [stitched.facts for stitched in days(day, day) if stitched.facts.day == day]
        if not found:
            return None
        segment.write(path, found[0])
        return segment.read(path)

    def from_files(first, last):
        return days_around(load, first, last)

    metrics = tuple(METRICS)
    january = (date(2026, 1, 1), date(2026, 2, 1))
    for by in ((), ("page",), ("page", "entry_page"), ("exit_page",), ("day",), ("hour", "country"), ("event", "day")):
        for where in (None, ["is", "page", "/3"], ["visit", ["is", "country", "C1"]]):
            asked = Query(metrics, *january, by=by, where=where, tz="Asia/Kolkata", goal={"event": "signup"})
            assert run(asked, from_files) == run(asked, days)
            plain, is_goal = Plain(events), ["is", "event", "signup"]
            rows = plain.query(metrics, *asked_span(asked), by, where, zone_of(asked.tz), is_goal)
            assert [row[:2] for row in run(asked, days).rows] == plain.ordered(rows, by, metrics)
    steps = [{"page": "/1"}, {"event": "signup"}]
    for within in ("visit", 900):
        assert funnel(from_files, steps, *january, within=within) == funnel(days, steps, *january, within=within)
    assert paths(from_files, "/1", *january) == paths(days, "/1", *january)
    assert retention(from_files, *january, oldest=january[0]) == retention(days, *january, oldest=january[0])


def asked_span(asked):
    zone = zone_of(asked.tz)
    return span_of(moment(asked.since, "since"), moment(asked.until, "until"), zone)


def test_what_is_kept_of_days_is_added_to_the_last_bit():
    days = days_of([(ticks_at("2026-01-01T10:00:00"), {"url": "https://a.example.com/", "visitor": bytes(8)})])
    for day in days(date(2026, 1, 1), date(2026, 1, 1)):
        day.facts.tallies.put(("events",), {f"counts.{name}": np.array([count], dtype=np.uint64) for name, count in (
            ("views", 1), ("events", 0), ("engaged_time", 2**60 + 1))}, lasting=False)
    found = query(days, ("engaged_time", "views"), date(2026, 1, 1), date(2026, 1, 2))[0]
    assert found == {"engaged_time": 2**60 + 1, "views": 1}
