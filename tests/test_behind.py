"""The events behind a number: as many as the number says, and those that it counted, page by page."""

from datetime import UTC, date, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall import config
from footfall.errors import UsageError
from footfall.pageview import event_key
from footfall.reports.behind import KINDS, Behind, of_visitor
from footfall.reports.building import build, days_around
from footfall.reports.facts import REPORTS
from footfall.reports.frame import Frame
from footfall.reports.funnels import at_step, funnel
from footfall.reports.listed import find
from footfall.reports.live import live, span_of_now
from footfall.reports.paths import on_path, paths
from footfall.reports.query import query
from footfall.reports.ranges import span_of
from footfall.reports.retention import cell, retention
from footfall.retries import FAMILY, marks_row
from footfall.stores import open_store
from footfall.timeuuid import make, sort_key, ticks_of
from tests.streams import fill
from tests.test_moving import any_store  # noqa: F401
from tests.test_query_plain import at, filters, ranges, streams

WEEK = {"since": date(2026, 1, 4), "until": date(2026, 1, 8)}
SIGNUP = ["is", "event", "signup"]
STEPS = ([{"page": "/*"}, SIGNUP, {"page": "/b*"}], [["is_not", "page", "/a"], {"page": "/*"}])


@pytest.fixture
def memory():
    with open_store("memory://", config.load({}, environ={})) as store:
        yield store


def days_in(store):
    def load(day):
        facts = build(store, "blog", day)
        return facts if len(facts) else None

    return partial(days_around, load)


def behind_of(days, kind, since, until, *, where=None, visitor=None):
    """The events behind a number of a range of days."""
    span = span_of(since, until, UTC)
    frame = Frame.over(days, span)
    return Behind(frame, kind, span, where=where, whose=of_visitor(frame, visitor) if visitor else None)


def pages(behind, store, count):
    """All of the events, gathered page by page, from the newest on."""
    found = behind.page(store, "blog", count)
    gathered = []
    while found.events:
        assert found.first == len(gathered)
        gathered += found.events
        found = behind.page(store, "blog", count, before=found.events[-1].name)
    return gathered


def drawn(data, store):
    """Fill a store with a stream, and return what may be asked of it: the ends of a range, and a filter."""
    for number, (ticks, fields) in enumerate(data.draw(streams())):
        # Of one tick and in any order of names, so that places among equals matter.
        name = make(ticks, number * 0x9E3779B97F4A7C15)
        store.family("Events" if "event" in fields else "PageViews").insert(
            event_key("blog", name), {name: fields})
    events = [(ticks_of(name), name) for family in ("PageViews", "Events")
              for _, row in store.family(family).get_range() for name in row]
    since, until = map(at, data.draw(ranges(sorted(events))))
    return {"since": since, "until": until, "where": data.draw(st.one_of(st.none(), filters))}


@pytest.mark.ours
@given(st.data())
@settings(max_examples=80, deadline=None)
def test_the_events_behind_a_number_are_as_many_as_it_says_and_in_order(data):
    with open_store("memory://", config.load({}, environ={})) as store:
        asked, days = drawn(data, store), days_in(store)
        numbers = query(days, ["views", "events", "visits", "visitors"], **asked)[0]
        for kind in KINDS:
            behind = behind_of(days, kind, **asked)
            if kind in ("visits", "visitors"):
                assert getattr(behind, kind)() == len(behind)
            found = pages(behind, store, 3)
            assert len(found) == len(behind)
            assert kind == "all" or len(found) == numbers[kind]
            keys = [sort_key(each.name) for each in found]
            assert keys == sorted(keys, reverse=True)
            if kind == "views":
                assert all("event" not in each.fields for each in found)
            if kind == "events":
                assert all(each.fields["event"] not in REPORTS for each in found)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_behind_each_step_of_a_funnel_is_an_event_for_each_who_reached_it_and_who_was_lost(data):
    with open_store("memory://", config.load({}, environ={})) as store:
        asked, days = drawn(data, store), days_in(store)
        within = data.draw(st.sampled_from(["visit", 0, 600, timedelta(days=2)]))
        steps = data.draw(st.sampled_from(STEPS))
        told = funnel(days, steps, **asked, within=within)
        for number, (step, before) in enumerate(zip(told, (told[0], *told), strict=False), 1):
            found = at_step(days, steps, **asked, within=within, number=number)
            events = pages(found, store, 3)
            assert len(events) == len(found) == step.reached
            assert (found.visits() if within == "visit" else found.visitors()) == step.reached
            if steps[number - 1] == SIGNUP:
                assert all(event.fields["event"] == SIGNUP[2] for event in events)
            if number > 1:
                lost = at_step(days, steps, **asked, within=within, number=number, lost=True)
                assert (lost.visits() if within == "visit" else lost.visitors()) == len(lost)
                assert len(lost) == before.reached - step.reached
                earlier = pages(at_step(days, steps, **asked, within=within, number=number - 1), store, 100)
                assert {event.name for event in pages(lost, store, 100)} <= {event.name for event in earlier}


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_behind_each_row_of_paths_are_as_many_views(data):
    with open_store("memory://", config.load({}, environ={})) as store:
        asked, days = drawn(data, store), days_in(store)
        page = data.draw(st.sampled_from(["/", "/a", "/*"]))
        told = paths(days, page, **asked)
        whole = {event.name for event in pages(on_path(days, page, **asked), store, 100)}
        for side, counts in told._asdict().items():
            seen = set()
            for other, count in counts:
                found = on_path(days, page, **asked, side=side, other=other)
                events = {event.name for event in pages(found, store, 3)}
                assert len(events) == len(found) == count
                assert not events & seen
                seen |= events
            assert seen == whole
        assert len(on_path(days, page, **asked, side="after", other="/nowhere")) == 0


@given(st.data())
@settings(max_examples=15, deadline=None)  # Each has hundreds of numbers.
def test_behind_each_number_of_a_cohort_are_events_of_as_many_visitors(data):
    with open_store("memory://", config.load({}, environ={})) as store:
        asked, days = drawn(data, store), days_in(store)
        tz = data.draw(st.sampled_from(["UTC", "Pacific/Auckland"]))
        asked = {"since": asked["since"], "until": asked["until"], "oldest": date(2025, 1, 1), "tz": tz,
                 "period": data.draw(st.sampled_from(["week", "month"]))}
        for cohort in retention(days, **asked):
            for later, count in enumerate(cohort.counts):
                found = cell(days, **asked, cohort=cohort.period.isoformat(), later=later)
                assert len(Behind(found.frame, "visitors", found.span, whose=found.whose)) == count
                assert Behind(found.frame, "all", found.span, whose=found.whose).visitors() == count


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_behind_who_is_there_are_their_events_of_the_last_minutes(data):
    with open_store("memory://", config.load({}, environ={})) as store:
        now, days = drawn(data, store)["until"], days_in(store)
        span = span_of_now(now)
        behind = Behind(Frame.over(days, span), "visitors", span)
        assert len(behind) == live(days, now)
        assert all(span.since <= ticks_of(event.name) < span.until for event in pages(behind, store, 3))


@pytest.mark.parametrize("ask, message", [
    (lambda days: at_step(days, STEPS[0], **WEEK, number=4), "step 4: must be from 1 to 3"),
    (lambda days: at_step(days, STEPS[0], **WEEK, number=1, lost=True), "step 1: must be from 2 to 3"),
    (lambda days: on_path(days, "/", **WEEK, side="beside"), "side='beside': must be before or after"),
    (lambda days: cell(days, **WEEK, cohort="2026-01-06", later=0, oldest=date(2026, 1, 1)), "no such week"),
    (lambda days: cell(days, **WEEK, cohort="2026-01-05", later=1, oldest=date(2026, 1, 1)), "no such week"),
    (lambda days: cell(days, **WEEK, cohort="2026-01-05", later=0, period="day", oldest=date(2026, 1, 1)), "period"),
])
def test_what_no_number_is_of_is_refused(memory, ask, message):
    with pytest.raises(UsageError, match=message):
        ask(days_in(memory))


STREAM = """
2026-01-05 10:00:00.0000001 ann / low=1
2026-01-05 10:00:00.0000001 ann signup / low=2
2026-01-05 10:00:00.0000001 bob /a low=3 country=DE
2026-01-05 23:50 ann /a
2026-01-06 00:10 ann /b
2026-01-06 00:20 - /b
"""


@pytest.mark.parametrize("kind, where, visitor, expected", [
    ("all", None, None, ["/b", "/b", "/a", "/a", "signup", "/"]),
    ("views", None, None, ["/b", "/b", "/a", "/a", "/"]),
    ("events", None, None, ["signup"]),
    ("visits", None, None, ["/a", "/a", "/"]),
    ("visits", ["is", "page", "/b"], None, ["/a"]),
    ("visitors", None, None, ["/b", "/a"]),
    ("all", ["is", "country", "DE"], None, ["/a"]),
    ("all", None, b"ann     ", ["/b", "/a", "signup", "/"]),
    ("visits", None, b"ann     ", ["/a", "/"]),
    ("all", None, b"nobody  ", []),
])
def test_which_events_are_behind_a_number(memory, kind, where, visitor, expected):
    fill(memory, STREAM)
    found = pages(behind_of(days_in(memory), kind, **WEEK, where=where, visitor=visitor), memory, 2)
    assert [each.fields.get("event") or each.fields["url"].removeprefix("https://blog.example.com")
            for each in found] == expected


def test_one_goes_forward_as_one_went_back(memory):
    fill(memory, STREAM)
    behind = behind_of(days_in(memory), "all", **WEEK)
    everything = pages(behind, memory, 10)
    back = behind.page(memory, "blog", 2, after=everything[3].name)
    assert (back.first, back.events) == (1, everything[1:3])
    assert behind.page(memory, "blog", 2, after=everything[0].name).events == []
    assert behind.page(memory, "blog", 2, before=everything[-1].name).events == []


def test_every_store_gives_the_same_events_and_leaves_out_what_came_again(any_store):  # noqa: F811
    fill(any_store, STREAM)
    names = [name for name, _ in any_store.family("PageViews").xget("20260105.blog")]
    again = [make(ticks_of(name) + more, name.int) for name in names[:2] for more in (0, 1, 590 * 10_000_000)]
    for name in {*again} - {*names}:
        any_store.family("PageViews").insert("20260105.blog", {name: {"url": "/again"}})
        any_store.family(FAMILY).insert(marks_row("PageViews", "20260105.blog"), {str(name): b"\x80"})
    behind = behind_of(days_in(any_store), "all", **WEEK)
    for count in (1, 2, 100):
        found = pages(behind, any_store, count)
        assert [each.name for each in found] == [name for key in ("20260106.blog", "20260105.blog") for name in sorted(
            [name for family in ("PageViews", "Events") for name, _ in any_store.family(family).xget(key)],
            key=sort_key, reverse=True)]
        assert not any(each.fields["url"] == "/again" for each in found)


def test_an_event_is_found_by_its_name(memory):
    fill(memory, STREAM)
    newest = pages(behind_of(days_in(memory), "all", **WEEK), memory, 1)[0]
    assert find(memory, "blog", newest.name) == newest
    assert find(memory, "shop", newest.name) is None
    assert find(memory, "blog", make(0, 1)) is None


def test_an_unknown_kind_is_refused(memory):
    with pytest.raises(UsageError, match="kind='clicks': must be one of all, views, "):
        behind_of(days_in(memory), "clicks", **WEEK)
