"""The events behind a number: as many as the number says, and those that it counted, page by page."""

from datetime import date
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall import config
from footfall.errors import UsageError
from footfall.pageview import event_key
from footfall.reports.behind import KINDS, Behind, find
from footfall.reports.building import build, days_around
from footfall.reports.facts import REPORTS
from footfall.reports.query import query
from footfall.retries import FAMILY, marks_row
from footfall.stores import open_store
from footfall.timeuuid import make, sort_key, ticks_of
from tests.streams import fill
from tests.test_moving import any_store  # noqa: F401
from tests.test_query_plain import at, filters, ranges, streams

WEEK = {"since": date(2026, 1, 4), "until": date(2026, 1, 8)}


@pytest.fixture
def memory():
    with open_store("memory://", config.load({}, environ={})) as store:
        yield store


def days_in(store):
    def load(day):
        facts = build(store, "blog", day)
        return facts if len(facts) else None

    return partial(days_around, load)


def pages(behind, store, count):
    """All of the events, gathered page by page, from the newest on."""
    found = behind.page(store, "blog", count)
    gathered = []
    while found.events:
        assert found.first == len(gathered)
        gathered += found.events
        found = behind.page(store, "blog", count, before=found.events[-1].name)
    return gathered


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_the_events_behind_a_number_are_as_many_as_it_says_and_in_order(data):
    with open_store("memory://", config.load({}, environ={})) as store:
        for number, (ticks, fields) in enumerate(data.draw(streams())):
            # Of one tick and in any order of names, so that places among equals matter.
            name = make(ticks, number * 0x9E3779B97F4A7C15)
            store.family("Events" if "event" in fields else "PageViews").insert(
                event_key("blog", name), {name: fields})
        events = [(ticks_of(name), name) for family in ("PageViews", "Events")
                  for _, row in store.family(family).get_range() for name in row]
        since, until = map(at, data.draw(ranges(sorted(events))))
        where = data.draw(st.one_of(st.none(), filters))
        asked = {"since": since, "until": until, "where": where}
        days = days_in(store)
        numbers = query(days, ["views", "events", "visits", "visitors"], **asked)[0]
        for kind in KINDS:
            behind = Behind(days, kind, **asked)
            found = pages(behind, store, 3)
            assert len(found) == len(behind)
            assert kind == "all" or len(found) == numbers[kind]
            keys = [sort_key(each.name) for each in found]
            assert keys == sorted(keys, reverse=True)
            if kind == "views":
                assert all("event" not in each.fields for each in found)
            if kind == "events":
                assert all(each.fields["event"] not in REPORTS for each in found)


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
    found = pages(Behind(days_in(memory), kind, **WEEK, where=where, visitor=visitor), memory, 2)
    assert [each.fields.get("event") or each.fields["url"].removeprefix("https://blog.example.com")
            for each in found] == expected


def test_one_goes_forward_as_one_went_back(memory):
    fill(memory, STREAM)
    behind = Behind(days_in(memory), "all", **WEEK)
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
    behind = Behind(days_in(any_store), "all", **WEEK)
    for count in (1, 2, 100):
        found = pages(behind, any_store, count)
        assert [each.name for each in found] == [name for key in ("20260106.blog", "20260105.blog") for name in sorted(
            [name for family in ("PageViews", "Events") for name, _ in any_store.family(family).xget(key)],
            key=sort_key, reverse=True)]
        assert not any(each.fields["url"] == "/again" for each in found)


def test_an_event_is_found_by_its_name(memory):
    fill(memory, STREAM)
    newest = pages(Behind(days_in(memory), "all", **WEEK), memory, 1)[0]
    assert find(memory, "blog", newest.name) == newest
    assert find(memory, "shop", newest.name) is None
    assert find(memory, "blog", make(0, 1)) is None


def test_an_unknown_kind_is_refused(memory):
    with pytest.raises(UsageError, match="kind='clicks': must be one of all, views, "):
        Behind(days_in(memory), "clicks", **WEEK)
