"""The engine gives what a plain reading of the events gives, for any events and any question."""

from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.reports import columns
from footfall.reports.funnels import funnel
from footfall.reports.live import live
from footfall.reports.paths import paths
from footfall.reports.query import query
from footfall.reports.retention import retention
from tests.plain_reports import COUNTS, EPOCH, METRICS, SECOND, TIMES, Plain, buckets, days_of, ticks_at

pytestmark = pytest.mark.ours

GAPS = (0, 1, 60 * SECOND, 60 * SECOND, 600 * SECOND, 600 * SECOND, 1500 * SECOND, 1500 * SECOND, 1800 * SECOND,
        1800 * SECOND + 1, 3000 * SECOND, 3 * 3600 * SECOND, 23 * 3600 * SECOND)
BEGINS = ("2026-03-28T22:40:00+00:00", "2026-03-28T23:55:00+00:00", "2026-10-24T23:45:00+00:00",
          "2026-02-27T23:50:00+00:00", "2026-11-01T03:35:00+00:00", "2026-12-31T23:59:00+00:00")
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe")
PAGES = ("/", "/Blog/a", "/blog/b", "/x*")
DIMENSIONS = ("page", "host", "title", "url", "event", "prop:plan", "prop:n", "entry_page", "exit_page", "referrer",
              "source", "channel", "country", "city", "language", "browser", "hour", "day", "week", "month")
KEPT = ([], ["page"], ["event"], ["prop:plan"], ["entry_page"], ["exit_page"], ["country"], ["country", "language"],
        ["page", "country"], ["exit_page", "language"])
PAGE_VALUES = ("/", "/blog/*", "*b*", "B", "/x*", "signup", "DE", "AT", "free", "1", "true", "de", "Google", "x", "*")

one_event = st.fixed_dictionaries({
    "gap": st.sampled_from(GAPS),
    "visitor": st.sampled_from((b"", *(bytes([number] * 8) for number in (1, 1, 1, 1, 1, 2, 2, 255)))),
    "page": st.sampled_from(PAGES),
    "event": st.sampled_from(("", "", "", "signup", "404", "engagement", "vitals")),
    "props": st.sampled_from(({}, {"plan": "free"}, {"plan": True, "n": 1}, {"plan": None, "n": 1.5}, {"n": "1"})),
    "country": st.sampled_from(("", "DE", "AT")),
    "city": st.sampled_from(("", "Limburg")),
    "language": st.sampled_from(("de", "en", "")),
    "referrer": st.sampled_from(("", "https://www.google.com/", "https://b.example/y", "https://a.example.com/")),
    "title": st.sampled_from(("", "A", "B")),
    "engaged": st.sampled_from((0, 0, 1500, 70_000)),
})


@st.composite
def streams(draw):
    ticks = ticks_at(draw(st.sampled_from(BEGINS)))
    events = []
    for drawn in draw(st.lists(one_event, min_size=1, max_size=30)):
        ticks += drawn["gap"]
        fields = {name: value for name, value in drawn.items() if value and name not in ("gap", "page", "engaged")}
        if drawn["event"] in ("engagement", "vitals"):
            fields["engaged"] = drawn["engaged"]
        events.append((ticks, fields | {"url": f"https://a.example.com{drawn['page']}"}))
    return events


FILTERABLE = tuple(name for name in DIMENSIONS if name not in ("hour", "day", "week", "month"))
leaves = st.tuples(st.sampled_from(("is", "is_not", "contains", "not_contains", "matches", "not_matches")),
                   st.sampled_from(FILTERABLE),
                   st.one_of(st.sampled_from(PAGE_VALUES), st.lists(st.sampled_from(PAGE_VALUES), max_size=3))
                   ).map(list)


def nested(inner):
    return st.one_of(st.lists(inner, min_size=1, max_size=3).map(lambda parts: ["and", *parts]),
                     st.lists(inner, min_size=1, max_size=3).map(lambda parts: ["or", *parts]),
                     inner.map(lambda part: ["not", part]))


plain_filters = st.recursive(leaves, nested, max_leaves=4)
filters = st.recursive(st.one_of(plain_filters, plain_filters.map(lambda part: ["visit", part])), nested, max_leaves=4)


@st.composite
def ranges(draw, events):
    """A range that the events lie in, that cuts them, or that has nothing of them."""
    ends = [ticks + more for ticks, _ in events for more in (0, 10, 10 * SECOND)]
    ends += [events[0][0] - 3600 * SECOND, events[0][0] + 30 * 86_400 * SECOND]
    since, until = sorted((draw(st.sampled_from(ends)), draw(st.one_of(st.just(max(ends)), st.sampled_from(ends)))))
    return since // 10 * 10, until // 10 * 10


def at(ticks):
    """The moment, aware; ticks are whole microseconds."""
    return EPOCH + timedelta(microseconds=ticks // 10)


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_any_query_gives_what_a_plain_reading_gives(data):
    events = data.draw(streams())
    since, until = data.draw(ranges(events))
    tz = data.draw(st.sampled_from(ZONES))
    by = data.draw(st.lists(st.sampled_from(DIMENSIONS), max_size=3, unique=True))
    metrics = data.draw(st.lists(st.sampled_from(tuple(COUNTS)), min_size=1, unique=True))
    where = data.draw(st.one_of(st.none(), filters))
    goal = data.draw(filters)
    order = data.draw(st.one_of(st.none(), st.lists(st.tuples(st.sampled_from((*by, *metrics)),
                                                              st.sampled_from(("asc", "desc"))), max_size=2)))
    plain = Plain(events)
    rows = plain.query(metrics, since, until, by, where, ZoneInfo(tz), goal)
    expected = plain.ordered(rows, by, metrics, order)
    limit = data.draw(st.one_of(st.none(), st.integers(1, 5)))
    offset = data.draw(st.integers(0, 2))
    other = data.draw(st.one_of(st.none(), ranges(events)))
    found = query(days_of(events), metrics, at(since), at(until), by=by, where=where, tz=tz, goal=goal, order=order,
                  limit=limit, offset=offset, compare=other and tuple(map(at, other)))
    assert [row[:2] for row in found.rows] == expected[offset:None if limit is None else offset + limit]
    assert found.count == len(expected)
    against = plain.query(metrics, *other, by, where, ZoneInfo(tz), goal) if other else {}
    if other and by and by[0] in TIMES:
        here = dict(zip(buckets(by[0], *other, ZoneInfo(tz)), buckets(by[0], since, until, ZoneInfo(tz)), strict=False))
        against = {(here[key[0]], *key[1:]): numbers for key, numbers in against.items() if key[0] in here}
    for row in found.rows:
        numbers = against.get(row.values, {metric: METRICS[metric](defaultdict(int)) for metric in metrics})
        assert row.compared == (tuple(numbers[metric] for metric in metrics) if other else None)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_kept_of_whole_days_gives_what_a_plain_reading_gives(data):
    """Each day is counted once and kept; visits that cross midnight, and who comes on several days, are put right."""
    events = data.draw(streams())
    first, last = (ticks // (86_400 * SECOND) for ticks in (events[0][0], events[-1][0]))
    days, plain, zone = days_of(events), Plain(events), ZoneInfo("UTC")
    # Conversions are of a goal that nobody knows before, so they are not kept.
    metrics = sorted(COUNTS.keys() - {"conversion_rate"})
    for begin, end in {(first, last + 1), (first + data.draw(st.integers(-1, 1)), last + data.draw(st.integers(0, 1)))}:
        since, until = (day * 86_400 * SECOND for day in (begin, max(begin, end)))
        for by in KEPT:
            found = query(days, metrics, at(since), at(until), by=by)
            rows = plain.query(metrics, since, until, by, None, zone)
            assert [row[:2] for row in found.rows] == plain.ordered(rows, by, metrics)


def test_the_same_comes_out_when_a_vocabulary_is_full(monkeypatch):
    monkeypatch.setattr(columns, "LARGEST", 1)
    monkeypatch.setattr(columns, "MOST", 1)
    events = [(ticks_at(f"2026-01-0{day}T10:00:00") + number, {
        "url": f"https://a.example.com/{number}", "visitor": bytes([day] * 8), "country": f"C{day}"})
        for day in (1, 2, 3) for number in range(3)]
    by, metrics = ["page", "exit_page", "country"], ["views", "visits"]
    for _ in range(2):
        found = query(days_of(events), metrics, "2026-01-01", "2026-01-04", by=by, compare="previous")
        rows = Plain(events).query(metrics, ticks_at("2026-01-01T00:00"), ticks_at("2026-01-04T00:00"), by)
        assert [row[:2] for row in found.rows] == Plain(events).ordered(rows, by, metrics)


goals = st.one_of(st.sampled_from(PAGES).map(lambda page: {"page": page}), st.just({"event": "signup"}),
                  st.just({"event": "signup", "props": {"plan": "free"}}), filters)


def as_filter(goal):
    if isinstance(goal, list):
        return goal
    if "page" in goal:
        return ["and", ["not_matches", "event", "*"], ["matches", "page", goal["page"]]]
    return ["and", ["is", "event", goal["event"]], *(["is", f"prop:{key}", value]
                                                    for key, value in goal.get("props", {}).items())]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_funnel_counts_what_trying_every_way_counts(data):
    events = data.draw(streams())
    since, until = data.draw(ranges(events))
    steps = data.draw(st.lists(goals, min_size=1, max_size=4))
    within = data.draw(st.one_of(st.just("visit"), st.sampled_from((0, 60, 1800, 2460, 90_000))))
    where = data.draw(st.one_of(st.none(), filters))
    expected = Plain(events).funnel(list(map(as_filter, steps)), since, until,
                                    within if within == "visit" else within * SECOND, where)
    found = funnel(days_of(events), steps, at(since), at(until), within=within, where=where)
    assert [step.reached for step in found] == expected


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_retention_counts_what_a_plain_reading_counts(data):
    events = data.draw(streams())
    since, until = data.draw(ranges(events))
    period, tz = data.draw(st.sampled_from(("week", "month"))), data.draw(st.sampled_from(ZONES))
    found = retention(days_of(events), at(since), at(until), oldest=at(events[0][0]).date(), period=period, tz=tz)
    assert found == Plain(events).retention(since, until, period, ZoneInfo(tz))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_paths_are_those_of_a_plain_reading(data):
    events = data.draw(streams())
    since, until = data.draw(ranges(events))
    pattern = data.draw(st.sampled_from((*PAGES, "/?log/*", "*b*", "*", "/none")))
    where = data.draw(st.one_of(st.none(), filters))
    before, after = paths(days_of(events), pattern, at(since), at(until), where=where)
    assert (dict(before), dict(after)) == Plain(events).paths(pattern, since, until, where)
    for table in (before, after):
        assert table == sorted(table, key=lambda row: (-row[1], row[0] is None, row[0] or ""))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_live_counts_the_visitors_of_five_minutes(data):
    events = data.draw(streams())
    later = data.draw(st.sampled_from((0, 300, 301)))
    now = data.draw(st.sampled_from([ticks // 10 * 10 for ticks, _ in events])) + later * SECOND
    there = {fields.get("visitor") for ticks, fields in events if now - 300 * SECOND <= ticks <= now} - {None}
    assert live(days_of(events), at(now)) == len(there)
