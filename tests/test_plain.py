"""The definitions, each with an example that was worked out by hand."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from footfall.errors import UsageError
from footfall.reports.plain import METRICS, answer, funnel, live, paths, read, retention, visits
from footfall.stores.memory import MemoryStore
from tests.streams import DAY, fill, stream

NEXT = DAY + timedelta(days=1)
SIGNUP = {"event": "signup"}
#: Ann comes from Google and signs up, Bob from Hacker News and goes, Cid reads on, one is not told apart, Dan finds
#: nothing.
READERS = stream("""
    10:00 ann / ref=https://www.google.com/
    10:05 ann /pricing
    10:06 ann engagement /pricing engaged=4000
    10:07 ann signup /pricing prop.plan="pro" prop.seats=3 prop.trial=true prop.share=1.5 prop.code=null prop.note=""
    10:10 bob /pricing ref=https://news.ycombinator.com/item
    10:20 cid /
    10:25 cid /blog
    10:26 cid /pricing
    10:28 cid /
    10:30 - /
    11:00:00 dan /gone
    11:00:01 dan 404 /gone
""")


def ask(events, *metrics, **asked):
    return answer(events, metrics=metrics, **{"since": DAY, "until": NEXT, **asked})


def one(events, *metrics, **asked):
    """The metrics of the only row there is."""
    ((values, numbers),) = ask(events, *metrics, **asked)
    assert values == ()
    return numbers


def table(rows):
    """Rows by the one value that each has, times as text."""
    return {value if isinstance(value, str) else value.isoformat(): numbers for (value,), numbers in rows}


# ----- visits


@pytest.mark.parametrize("text, count, seconds", [
    ("10:00 ann /\n10:30 ann /", 1, 1800.0),  # 1,800 s exactly are one visit
    ("10:00 ann /\n10:30:00.0000001 ann /", 2, 0.0),  # a tick more are two
    ("10:00:00.0000001 ann /\n10:30:00.0000001 ann /", 1, 1800.0),
    ("10:00 ann /\n10:25 ann /\n10:50 ann /", 1, 3000.0),  # it is the gap that counts, not the length
    ("10:00 ann /\n10:20 ann engagement /\n10:45 ann /", 1, 2700.0),  # events of all kinds fill it
    ("10:00 ann /\n10:10 bob /", 2, 0.0),
    ("10:00 ann /\n10:10 - /\n10:40 ann /", 2, 0.0),  # nobody's event fills no gap
    ("10:00 - /\n10:01 - /", 0, None),
    ("10:40 ann /\n10:00 ann /\n10:20 ann /", 1, 2400.0),  # in whatever order they are given
    ("10:00 ann /\n10:00:00.0000001 ann /", 1, 1e-07),
    ("10:00 ann /\n10:00:03 ann /\n10:10 bob /\n10:20 cid /", 3, 1.0),
])
def test_a_visit_is_a_visitors_events_with_gaps_of_at_most_half_an_hour(text, count, seconds):
    assert one(stream(text), "visits", "visit_duration") == (count, seconds)


@pytest.mark.parametrize("text, rate", [
    ("10:00 ann /", 1.0),
    ("10:00 ann /\n10:01 ann engagement / engaged=60000", 1.0),
    ("10:00 ann /\n10:01 ann vitals /", 1.0),
    ("10:00 ann /\n10:00 ann 404 /", 1.0),
    ("10:00 ann /\n10:01 ann signup /", 0.0),
    ("10:00 ann /\n10:01 ann outbound /", 0.0),
    ("10:00 ann /\n10:01 ann form /", 0.0),
    ("10:00 ann /\n10:01 ann /", 0.0),
    ("10:01 ann engagement /", 0.0),  # a visit without a view is none
    ("10:01 ann 404 /", 0.0),
    ("10:01 ann signup /", 0.0),
    ("10:00 ann /\n10:10 bob /\n10:11 bob /b\n10:20 cid /", 2 / 3),
    ("10:00 - /", None),
])
def test_a_bounce_is_one_view_on_which_nothing_was_done(text, rate):
    assert one(stream(text), "bounce_rate") == (rate,)


MIDNIGHT = stream("""
    23:50 ann /a
    2026-01-06 00:10 ann /b
    2026-01-06 00:20 ann signup /b
""")


def test_no_midnight_cuts_a_visit_and_it_belongs_to_the_day_of_its_first_event():
    metrics = "views", "events", "visitors", "visits", "visit_duration", "views_per_visit"
    assert table(ask(MIDNIGHT, *metrics, by=["day"], until=date(2026, 1, 7))) == {
        "2026-01-05": (1, 0, 1, 1, 1800.0, 2.0), "2026-01-06": (1, 1, 1, 0, None, None)}
    assert one(MIDNIGHT, *metrics) == (1, 0, 1, 1, 1800.0, 2.0)
    assert one(MIDNIGHT, *metrics, since=NEXT, until=date(2026, 1, 7)) == (1, 1, 1, 0, None, None)


def test_a_visit_that_begins_in_the_range_is_chosen_by_what_lies_beyond_it():
    assert one(MIDNIGHT, "views", "visits", where=["is", "page", "/b"]) == (0, 1)
    assert table(ask(MIDNIGHT, "visits", "views", by=["page"])) == {"/a": (1, 1), "/b": (1, 0)}
    assert one(MIDNIGHT, "conversion_rate", goal=SIGNUP) == (1.0,)


@pytest.mark.parametrize("low_bits, entry, exit_", [
    ((0x00, 0x01, 0x7F), "/1", "/3"),
    ((0x7F, 0x01, 0x00), "/3", "/1"),
    ((0x00, 0x80, 0x7F), "/2", "/3"),  # bytes are signed, as in Cassandra's order
])
def test_events_of_one_instant_are_in_order_of_their_names(low_bits, entry, exit_):
    lines = [f"10:00 ann /{number} low={low}" for number, low in enumerate(low_bits, 1)]
    for text in ("\n".join(lines), "\n".join(lines[::-1])):
        assert ask(stream(text), "visits", by=["entry_page", "exit_page"]) == [((entry, exit_), (1,))]


# ----- metrics


ALL = tuple(METRICS)


def test_all_metrics_of_a_range():
    # Visits of 420, 0, 480 and 1 s; with 2, 1, 4 and 1 of the 9 views.
    assert dict(zip(ALL, one(READERS, *ALL, goal=SIGNUP), strict=True)) == {
        "views": 9, "events": 2, "visitors": 4, "engaged_time": 4000, "visits": 4, "bounce_rate": 2 / 4,
        "visit_duration": 225.25, "views_per_visit": 8 / 4, "entries": 4, "exits": 4, "exit_rate": 4 / 9,
        "conversion_rate": 1 / 4}


def test_all_metrics_by_page():
    # Ann leaves from where she signed up; Cid was on the front page twice, and it is one visit.
    rows = ask(READERS, *ALL, by=["page"], goal=SIGNUP)
    assert [value for (value,), _ in rows] == ["/", "/pricing", "/blog", "/gone"]
    assert table(rows) == {
        "/": (4, 0, 2, 0, 2, 0.0, 450.0, 3.0, 2, 1, 1 / 4, 1 / 2),
        "/pricing": (3, 1, 3, 4000, 3, 1 / 3, 300.0, 7 / 3, 1, 2, 2 / 3, 1 / 3),
        "/blog": (1, 0, 1, 0, 1, 0.0, 480.0, 4.0, 0, 0, 0.0, 0.0),
        "/gone": (1, 1, 1, 0, 1, 1.0, 1.0, 1.0, 1, 1, 1.0, 0.0)}


def test_nothing_is_zero_and_a_part_of_nothing_is_none():
    assert one([], *ALL, goal=SIGNUP) == (0, 0, 0, 0, 0, None, None, None, 0, 0, None, None)


# ----- dimensions


@pytest.mark.parametrize("by, metrics, expected", [
    # Events by their own source, visits by their first event's: the sign-up has none, Ann's visit has.
    ("source", ("views", "events", "visits", "views_per_visit", "conversion_rate"),
     {"Google": (1, 0, 1, 2.0, 1.0), "Hacker News": (1, 0, 1, 1.0, 0.0)}),
    ("channel", ("visits", "views"), {"direct": (2, 7), "search": (1, 1), "social": (1, 1)}),
    ("source", ("entries", "exits", "visits"), {"Google": (1, 1, 1), "Hacker News": (1, 1, 1)}),
    # A part of 0 of something is not nothing.
    ("source", ("bounce_rate",), {"Google": (0.0,), "Hacker News": (1.0,)}),
    # A page-view has no name. The tracker's report is no event, but a visit has it.
    ("event", ("events",), {"404": (1,), "signup": (1,)}),
    ("event", ("events", "visits", "visitors", "views"),
     {"404": (1, 1, 1, 0), "signup": (1, 1, 1, 0), "engagement": (0, 1, 1, 0)}),
    ("event", ("exits", "entries"), {"404": (1, 0), "signup": (1, 0)}),
    ("prop:plan", ("events", "visits"), {"pro": (1, 1)}),
    ("prop:seats", ("events",), {"3": (1,)}),
    ("prop:trial", ("events",), {"true": (1,)}),
    ("prop:share", ("events",), {"1.5": (1,)}),
    ("prop:note", ("events",), {"": (1,)}),
    ("prop:code", ("events", "visits"), {}),
    ("prop:none", ("events",), {}),
    # Nobody's event has a page, but no entry page.
    ("entry_page", ("views", "visits", "visitors"), {"/": (6, 2, 2), "/gone": (1, 1, 1), "/pricing": (1, 1, 1)}),
    ("exit_page", ("views", "visits", "entries"), {"/": (4, 1, 1), "/gone": (1, 1, 1), "/pricing": (3, 2, 2)}),
    ("host", ("views", "visits", "entries"), {"blog.example.com": (9, 4, 4)}),
    ("url", ("entries",), {"https://blog.example.com/": (2,), "https://blog.example.com/gone": (1,),
                           "https://blog.example.com/pricing": (1,)}),
    ("title", ("views",), {}),
    ("country", ("views", "visits"), {}),
])
def test_by_one_dimension(by, metrics, expected):
    assert table(ask(READERS, *metrics, by=[by], goal=SIGNUP)) == expected


def test_an_events_own_values_and_its_visits():
    moved = stream("10:00 ann /a country=DE\n10:05 ann /b country=FR\n10:06 ann signup /b country=FR")
    assert table(ask(moved, "views", "visits", by=["country"])) == {"DE": (1, 1), "FR": (1, 0)}
    assert ask(moved, "visits", "views", by=["country", "page"]) == [
        (("DE", "/a"), (1, 1)), (("DE", "/b"), (1, 0)), (("FR", "/b"), (0, 1))]
    assert one(moved, "views", "visits", where=["is", "country", "FR"]) == (1, 0)


def test_by_two_dimensions_a_visit_counts_once_under_each_pair_that_its_events_have():
    assert ask(READERS, "visits", "entries", "exits", by=["page", "source"]) == [
        (("/", "Google"), (1, 1, 0)), (("/pricing", "Google"), (1, 0, 1)), (("/pricing", "Hacker News"), (1, 1, 1))]
    assert ask(READERS, "visits", by=["page", "event"]) == [
        (("/gone", "404"), (1,)), (("/pricing", "engagement"), (1,)), (("/pricing", "signup"), (1,))]


# ----- time


def hours(events, **asked):
    return table(ask(events, "views", by=["hour"], **asked))


def test_an_hour_that_the_clock_leaves_out_is_no_bucket():
    # On 29 March Berlin goes from 01:59 to 03:00, at 01:00 UTC: the day ends at 22:00 UTC.
    events = stream("""
        2026-03-28 22:59:59.9999999 - /
        2026-03-28 23:00 - /
        2026-03-29 00:59:59.9999999 - /
        2026-03-29 01:00 - /
        2026-03-29 21:59:59.9999999 - /
        2026-03-29 22:00 - /
    """)
    found = hours(events, since=date(2026, 3, 29), until=date(2026, 3, 30), tz="Europe/Berlin")
    assert len(found) == 23
    assert list(found)[:4] == ["2026-03-29T00:00:00+01:00", "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00",
                               "2026-03-29T04:00:00+02:00"]
    assert [numbers[0] for numbers in found.values()] == [1, 1, 1, *[0] * 19, 1]
    assert table(ask(events, "views", by=["day"], since=date(2026, 3, 28), until=date(2026, 3, 31),
                     tz="Europe/Berlin")) == {"2026-03-28": (1,), "2026-03-29": (4,), "2026-03-30": (1,)}


def test_two_hours_of_one_clock_time_are_two_buckets():
    # On 25 October Berlin goes from 02:59 to 02:00, at 01:00 UTC: the day begins at 22:00 and ends at 23:00 UTC.
    events = stream("""
        2026-10-24 22:00 - /
        2026-10-25 00:30 - /
        2026-10-25 01:30 - /
        2026-10-25 01:40 - /
        2026-10-25 22:59:59.9999999 - /
    """)
    found = hours(events, since=date(2026, 10, 25), until=date(2026, 10, 26), tz="Europe/Berlin")
    assert len(found) == 25
    assert list(found)[1:5] == ["2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00",
                                "2026-10-25T03:00:00+01:00"]
    assert [numbers[0] for numbers in found.values()] == [1, 0, 1, 2, *[0] * 20, 1]


def test_where_the_offset_is_no_whole_hour_the_local_clock_tells_the_hour():
    events = stream("""
        2026-01-04 18:29:59.9999999 - /
        2026-01-04 18:30 - /
        2026-01-04 19:29:59.9999999 - /
        2026-01-04 19:30 - /
        18:29:59.9999999 - /
        18:30 - /
    """)
    found = hours(events, tz="Asia/Kolkata")
    assert len(found) == 24
    assert list(found)[:2] == ["2026-01-05T00:00:00+05:30", "2026-01-05T01:00:00+05:30"]
    assert [numbers[0] for numbers in found.values()] == [2, 1, *[0] * 21, 1]


def test_a_midnight_that_comes_twice_begins_its_day_the_first_time():
    # On 7 November 2010 St. John's went from 00:01 back to 23:01, at 02:31 UTC.
    events = stream("""
        2010-11-07 02:29:59.9999999 - /
        2010-11-07 02:30 - /
        2010-11-07 02:31 - /
        2010-11-07 03:29:59.9999999 - /
        2010-11-07 03:30 - /
    """)
    asked = {"since": date(2010, 11, 7), "until": datetime(2010, 11, 7, 0, 10, fold=1), "tz": "America/St_Johns"}
    assert hours(events, **asked) == {
        "2010-11-07T00:00:00-02:30": (1,), "2010-11-06T23:00:00-03:30": (2,), "2010-11-07T00:00:00-03:30": (1,)}
    assert list(hours(events, **{**asked, "until": datetime(2010, 11, 6, 23, 2, fold=1)})) == [
        "2010-11-07T00:00:00-02:30", "2010-11-06T23:00:00-03:30"]
    assert table(ask(events, "views", by=["day"], **{**asked, "since": date(2010, 11, 6)})) == {
        "2010-11-06": (1,), "2010-11-07": (4,)}


@pytest.mark.parametrize("by, tz, expected", [
    ("week", "UTC", {"2025-12-29": (2,), "2026-01-05": (1,)}),
    ("week", "Europe/Berlin", {"2025-12-29": (1,), "2026-01-05": (2,)}),
    ("month", "UTC", {"2025-12-01": (1,), "2026-01-01": (2,)}),
    ("month", "Europe/Berlin", {"2026-01-01": (3,)}),
])
def test_weeks_begin_on_monday_and_all_by_the_local_clock(by, tz, expected):
    events = stream("2025-12-31 23:30 - /\n2026-01-04 23:30 - /\n2026-01-05 00:30 - /")
    first = {"UTC": date(2025, 12, 31), "Europe/Berlin": date(2026, 1, 1)}[tz]
    assert table(ask(events, "views", by=[by], since=first, tz=tz)) == expected


@pytest.mark.parametrize("since, until, tz, views", [
    (DAY, NEXT, "UTC", 4),
    (DAY, NEXT, "Europe/Berlin", 5),  # from 23:00 to 23:00 UTC
    (datetime(2026, 1, 5, 10), datetime(2026, 1, 5, 11), "UTC", 1),  # half open: 10:00, not 11:00
    (datetime(2026, 1, 5, 10, 0, 0, 1), datetime(2026, 1, 5, 11, 0, 0, 1), "UTC", 1),
    (datetime(2026, 1, 5, 11), datetime(2026, 1, 5, 12), "Europe/Berlin", 1),
    (datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 5, 11, tzinfo=UTC), "Europe/Berlin", 1),
    (NEXT, DAY, "UTC", 0),
])
def test_a_range_is_half_open_and_in_the_zone_of_the_question(since, until, tz, views):
    events = stream("""
        2026-01-04 23:00 - /
        00:00 - /
        10:00 - /
        11:00 - /
        22:59:59.9999999 - /
        2026-01-06 00:00 - /
    """)
    assert one(events, "views", since=since, until=until, tz=tz) == (views,)


def test_a_visits_hour_is_that_of_its_first_event():
    assert {value[11:13]: numbers for value, numbers in table(ask(
        stream("10:50 ann /\n11:10 ann /b\n11:30 ann /c"), "visits", "views", "views_per_visit", by=["hour"],
        since=datetime(2026, 1, 5, 10), until=datetime(2026, 1, 5, 12))).items()} == {
            "10": (1, 1, 3.0), "11": (0, 2, None)}


def test_the_buckets_of_a_range_are_all_that_it_touches():
    asked = {"since": datetime(2026, 1, 5, 10, 50), "until": datetime(2026, 1, 5, 12, 10)}
    assert list(hours([], **asked)) == [f"2026-01-05T{hour}:00:00+00:00" for hour in (10, 11, 12)]
    assert list(table(ask([], "views", by=["day"], since=DAY, until=datetime(2026, 1, 6, 0, 0, 0, 1)))) == [
        "2026-01-05", "2026-01-06"]


# ----- order


def test_best_first_then_by_value_and_time_in_its_order():
    events = stream("""
        10:00 - /b
        10:00 - /a
        11:00 - /c
        11:00 - /c
        2026-01-04 10:00 - /z
    """)
    assert ask(events, "views", by=["page"]) == [(("/c",), (2,)), (("/a",), (1,)), (("/b",), (1,))]
    assert ask(events, "views", by=["day", "page"], since=date(2026, 1, 3)) == [
        ((date(2026, 1, 4), "/z"), (1,)), ((DAY, "/a"), (1,)), ((DAY, "/b"), (1,)), ((DAY, "/c"), (2,))]


def test_what_is_none_comes_last():
    events = stream("10:00 ann /a\n10:01 ann signup /b\n10:02 bob /a")
    assert ask(events, "exit_rate", "exits", by=["page"]) == [(("/a",), (1 / 2, 1)), (("/b",), (None, 1))]


# ----- filters


@pytest.mark.parametrize("where, views, visits_", [
    (["is", "page", "/pricing"], 3, 3),
    (["is", "page", ["/blog", "/gone"]], 2, 2),
    (["in", "page", ["/blog", "/gone"]], 2, 2),
    (["is", "page", []], 0, 0),
    (["is_not", "page", "/"], 5, 4),  # a visit, if any of its events does
    (["is_not", "page", ["/", "/pricing"]], 2, 2),
    (["is_not", "page", []], 9, 4),
    (["not", ["is", "page", "/"]], 5, 4),
    (["contains", "page", "PRI"], 3, 3),
    (["contains", "page", ["blo", "GON"]], 2, 2),
    (["not_contains", "page", ["pri", "BLO"]], 5, 3),
    (["matches", "page", "/p*"], 3, 3),
    (["matches", "page", "/P*"], 0, 0),
    (["matches", "page", "p*"], 0, 0),
    (["matches", "page", "/"], 4, 2),
    (["matches", "page", "*o*"], 2, 2),
    (["matches", "page", ["/b*", "*ne"]], 2, 2),
    (["matches", "page", "/.*"], 0, 0),
    (["not_matches", "page", "/*"], 0, 0),
    (["not_matches", "page", ["/", "/p*"]], 2, 2),
    # What is missing satisfies only the negative.
    (["is", "source", "Google"], 1, 1),
    (["is_not", "source", "Google"], 8, 3),
    (["contains", "source", ""], 2, 2),
    (["not_contains", "source", "OO"], 8, 3),
    (["matches", "source", "*"], 2, 2),
    (["not_matches", "source", "*"], 7, 2),
    (["is", "event", "signup"], 0, 1),
    (["is", "prop:seats", "3"], 0, 1),
    (["is_not", "prop:seats", "3"], 9, 4),
    (["and", ["is", "source", "Google"], ["is", "page", "/pricing"]], 0, 1),  # the source is the visit's
    (["or", ["is", "source", "Google"], ["is", "page", "/blog"]], 2, 2),
    (["and"], 9, 4),
    (["or"], 0, 0),
    (["is", "entry_page", "/"], 6, 2),
    (["is", "exit_page", "/"], 4, 1),
    (["is_not", "entry_page", "/"], 3, 2),  # nobody's view has none
    (["visit", ["is", "event", "signup"]], 2, 1),
    (["not", ["visit", ["is", "event", "signup"]]], 7, 3),
    (["visit", ["is_not", "page", "/none"]], 8, 4),  # nobody's view is in no visit
    (["and", ["visit", ["is", "page", "/blog"]], ["is", "page", "/"]], 2, 1),
    (["visit", ["and", ["is", "source", "Google"], ["is", "event", "signup"]]], 2, 1),
    (["visit", ["and", ["is", "page", "/blog"], ["is", "event", "signup"]]], 0, 0),  # of one event, both
    (["and", ["visit", ["is", "page", "/blog"]], ["visit", ["is", "page", "/pricing"]]], 4, 1),
])
def test_a_filter_chooses_events_and_visits(where, views, visits_):
    assert one(READERS, "views", "visits", where=where) == (views, visits_)


@pytest.mark.parametrize("operator, wanted, value, events", [
    ("contains", "STRASSE", "Straße", 1),
    ("contains", "ß", "STRASSE", 1),
    ("contains", "é", "CAFÉ", 1),
    ("contains", "*", "a*b", 1),
    ("contains", "*", "ab", 0),
    ("contains", "", "ab", 1),
    ("matches", "a*b", "ab", 1),
    ("matches", "a*b", "a\n*b", 1),
    ("matches", "a*b", "aab\n", 0),
    ("matches", "a?b", "axb", 0),
    ("matches", "[a]", "a", 0),
    ("matches", "**", "a", 1),
    ("is", "a", "A", 0),
])
def test_contains_knows_no_case_and_a_star_is_any_run_of_characters(operator, wanted, value, events):
    noted = stream(f"10:00 - note / prop.note={json.dumps(value)}")
    assert one(noted, "events", where=[operator, "prop:note", wanted]) == (events,)


def test_a_chosen_visit_is_counted_as_a_whole():
    where = ["is", "page", "/pricing"]
    assert one(READERS, "views_per_visit", "visit_duration", "bounce_rate", where=where) == (7 / 3, 300.0, 1 / 3)
    # Under a page only by its chosen events, but it begins and ends where it does.
    assert table(ask(READERS, "visits", "entries", "exits", "views", by=["page"], where=where)) == {
        "/pricing": (3, 1, 2, 3), "/": (0, 2, 1, 0)}
    assert table(ask(READERS, "visits", "views", by=["page"], where=["is", "source", "Google"])) == {
        "/": (1, 1), "/pricing": (1, 0)}


@pytest.mark.parametrize("goal, where, rate", [
    ({"page": "/pricing"}, None, 3 / 4),
    ({"page": "/p*"}, None, 3 / 4),
    ({"page": "*"}, None, 1.0),
    ({"event": "signup"}, None, 1 / 4),
    ({"event": "signup", "props": {"plan": "pro", "seats": 3, "trial": True}}, None, 1 / 4),
    ({"event": "signup", "props": {"plan": "free"}}, None, 0.0),
    ({"event": "signup"}, ["is", "source", "Hacker News"], 0.0),
    ({"event": "signup"}, ["is", "page", "/"], 1 / 2),  # what converts need not be chosen itself
    ({"event": "signup"}, ["is", "page", "/none"], None),
    (["and", ["is", "source", "Google"], ["is", "event", "signup"]], None, 1 / 4),
])
def test_a_conversion_is_a_visit_that_reaches_the_goal(goal, where, rate):
    assert one(READERS, "conversion_rate", goal=goal, where=where) == (rate,)


def test_a_goals_page_is_viewed():
    assert one(stream("10:00 ann /\n10:01 ann signup /b"), "conversion_rate", goal={"page": "/b"}) == (0.0,)


@pytest.mark.parametrize("asked, message", [
    ({"metrics": ["colour"]}, "'colour': no metric"),
    ({"by": ["colour"]}, "'colour': no dimension"),
    ({"metrics": ["conversion_rate"]}, "needs a goal"),
    ({"where": ["is", "day", "2026-01-05"]}, "time is not filtered"),
    ({"where": ["is", "colour", "red"]}, "'colour': no dimension"),
    ({"where": ["is", "page", None]}, "must be text"),
    ({"where": ["like", "page", "/"]}, "with one of is, in"),
    ({"where": ["visit", ["and", ["visit", ["is", "page", "/"]]]]}, "cannot stand in a visit"),
    ({"goal": ["is", "hour", "10"]}, "time is not filtered"),
])
def test_what_cannot_be_asked_is_said(asked, message):
    with pytest.raises(UsageError, match=message):
        answer([], **{"metrics": ["views"], "since": DAY, "until": NEXT, **asked})


# ----- journeys

FUNNEL = stream("""
    10:00 ann / ref=https://www.google.com/
    10:05 ann /pricing
    10:07 ann signup /pricing
    10:00 bob /pricing
    10:10 bob /
    10:00 cid /
    10:20 cid /
    10:25 cid /pricing
    11:05 cid signup /pricing
    10:00 dan /pricing
    10:00 - /
""")
STEPS = [{"page": "/"}, {"page": "/pricing"}, SIGNUP]
FROM_GOOGLE = ["and", ["is", "source", "Google"], ["is", "event", "signup"]]


@pytest.mark.parametrize("within, steps, where, counts", [
    ("visit", STEPS, None, [3, 2, 1]),
    # Cid signs up 45 minutes after his second look at the front page: the latest beginning counts.
    (timedelta(minutes=45), STEPS, None, [3, 2, 2]),
    (timedelta(minutes=45) - timedelta(microseconds=1), STEPS, None, [3, 2, 1]),
    (timedelta(minutes=5), STEPS, None, [3, 2, 0]),
    (timedelta(0), STEPS, None, [3, 0, 0]),
    ("visit", [{"page": "/"}, {"page": "/"}], None, [3, 1]),  # one view is one step
    ("visit", STEPS, ["is", "source", "Google"], [1, 1, 1]),
    ("visit", [["is", "source", "Google"], FROM_GOOGLE], None, [1, 1]),
    (timedelta(days=1), [["is", "source", "Google"], FROM_GOOGLE], None, [1, 0]),  # an event's own source
    ("visit", [{"page": "/none"}, {"page": "/"}], None, [0, 0]),
])
def test_a_funnel(within, steps, where, counts):
    assert [step.reached for step in funnel(FUNNEL, steps, within=within, where=where, since=DAY, until=NEXT)] == counts


def test_a_funnels_shares():
    assert [tuple(step) for step in funnel(FUNNEL, STEPS, since=DAY, until=NEXT)] == [
        (3, 1.0, 1.0), (2, 2 / 3, 2 / 3), (1, 1 / 3, 1 / 2)]
    assert [tuple(step) for step in funnel([], STEPS[:2], since=DAY, until=NEXT)] == [(0, None, None), (0, None, None)]


def test_a_funnels_range():
    # Visits that begin in it, as wholes; visitors by their events in it.
    asked = {"since": DAY, "until": datetime(2026, 1, 5, 10, 6)}
    assert [step.reached for step in funnel(FUNNEL, STEPS, **asked)] == [3, 2, 1]
    assert [step.reached for step in funnel(FUNNEL, STEPS, within=timedelta(days=1), **asked)] == [2, 1, 0]


RETENTION = stream("""
    2026-01-01 10:00 dan /
    2026-01-05 10:00 ann /
    2026-01-06 10:00 bob /
    2026-01-06 10:00 fay /
    2026-01-06 10:00 - /
    2026-01-12 10:00 cid /
    2026-01-13 10:00 ann engagement /
    2026-01-13 10:00 dan /
    2026-01-14 10:00 cid /
    2026-01-20 10:00 ann /
    2026-01-20 11:00 eve /
    2026-01-23 10:00 fay /
""")


def test_who_comes_back_by_week():
    # Dan was there before, and Fay comes back after the end.
    assert [tuple(row) for row in retention(RETENTION, period="week", since=DAY, until=date(2026, 1, 22))] == [
        (date(2026, 1, 5), (3, 1, 1)), (date(2026, 1, 12), (1, 0)), (date(2026, 1, 19), (1,))]
    # Ann, Bob and Fay came in the week, but before the range.
    late = {"since": date(2026, 1, 7), "until": date(2026, 1, 15)}
    assert [tuple(row) for row in retention(RETENTION, period="week", **late)] == [
        (date(2026, 1, 5), (0, 0)), (date(2026, 1, 12), (1,))]


def test_who_comes_back_by_month_and_in_a_zone():
    events = stream("2026-01-31 23:30 ann /\n2026-02-01 10:00 ann /\n2026-03-01 10:00 ann /\n2026-03-02 10:00 bob /")
    asked = {"period": "month", "since": date(2026, 1, 1), "until": date(2026, 4, 1)}
    assert [row.counts for row in retention(events, **asked)] == [(1, 1, 1), (0, 0), (1,)]
    assert [row.counts for row in retention(events, tz="Europe/Berlin", **asked)] == [(0, 0, 0), (1, 1), (1,)]


def test_what_is_read_before_and_after():
    events = stream("""
        10:00 ann /
        10:01 ann /x
        10:02 ann /y
        10:03 ann /x
        10:00 bob /x
        10:00 cid /x
        10:01 cid signup /x
        10:02 cid /z
        10:00 - /x
        2026-01-04 23:50 dan /x
        00:10 dan /x
    """)
    found = paths(events, "/x", since=DAY, until=NEXT)
    assert found.before == {"/": 1, "/y": 1, None: 2}
    assert found.after == {"/y": 1, "/z": 1, None: 2}
    assert paths(events, "/*", since=DAY, until=NEXT).before == {None: 3, "/": 1, "/x": 2, "/y": 1}
    assert paths(events, "/x", since=DAY, until=NEXT, where=["is", "page", "/z"]).after == {"/z": 1}


@pytest.mark.parametrize("text, there", [
    ("10:00:00 ann /", 1),
    ("09:59:59.9999999 ann /", 0),
    ("10:05:00 ann /", 1),
    ("10:05:00.0000001 ann /", 0),
    ("10:01 ann /\n10:02 ann engagement /\n10:03 bob signup /\n10:04 - /", 2),
])
def test_who_had_an_event_within_five_minutes_is_there(text, there):
    assert live(stream(text), datetime(2026, 1, 5, 10, 5, tzinfo=UTC)) == there


# ----- reading


@pytest.fixture
def memory():
    return MemoryStore()


def test_visits_are_read_whole_however_long_they_are(memory):
    # A page that reports every half hour, from the 3rd to the 8th.
    moments = [datetime(2026, 1, 3, 1) + number * timedelta(minutes=30) for number in range(5 * 48)]
    fill(memory, "\n".join(f"{moment:%Y-%m-%d %H:%M} ann engagement /long" for moment in moments))
    fill(memory, "2026-01-01 10:00 bob /\n10:00 bob /", account="blog.b")
    events = read(memory, "blog", DAY, NEXT)
    assert [len(visit.events) for visit in visits(events)] == [5 * 48]
    assert [len(visit.events) for visit in visits(read(memory, "blog"))] == [5 * 48]
    assert [event.fact.page[1] for event in read(memory, "blog.b", DAY, NEXT)] == ["/"]
    assert read(memory, "nobody") == []


def test_a_day_of_any_zone_is_read_whole(memory):
    fill(memory, "2026-01-04 10:00 - /\n2026-01-06 11:59 - /")
    events = read(memory, "blog", DAY, NEXT)
    assert one(events, "views", tz="Pacific/Kiritimati") == (1,)  # UTC+14
    assert one(events, "views", tz="Etc/GMT+12") == (1,)
