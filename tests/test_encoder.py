"""Facts made of many events at once are those that the definition makes of each."""

import random

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import timeuuid
from footfall.columns import sort_name
from footfall.pageview import row_key, unpack
from footfall.reports.building import COUNTED, build
from footfall.storage import Insert
from footfall.stores.memory import MemoryStore
from tests.happenings import DAY, EVENTS, MIDNIGHT, busy_day, facts, shown

KEY = row_key("blog", DAY)


def stored(store, events, chance):
    """Store events, some in each family, and return them in the order in which they are counted."""
    columns = {}
    for ticks, fields in events:
        # Few low bits, so that an event is sometimes replaced, or has the name of one in the other family.
        name, family = timeuuid.make(ticks, chance.randrange(1000)), chance.choice(COUNTED)
        columns[sort_name(name), COUNTED.index(family)] = Insert(family, KEY, name, msgpack.packb(fields))
    store.apply(list(columns.values()))
    return [(timeuuid.ticks_of(column.name), unpack(column.value)) for _, column in sorted(columns.items())]


@given(events=EVENTS, chance=st.randoms(use_true_random=False))
def test_many_at_once_make_the_facts_that_each_makes_alone(events, chance):
    store = MemoryStore()
    assert shown(build(store, "blog", DAY)) == shown(facts([]))
    assert shown(facts(stored(store, events, chance))) == shown(build(store, "blog", DAY))


def test_a_day_of_many_blocks_makes_the_facts_that_each_event_makes_alone(store):
    events = busy_day(3_000)
    for number, (_, fields) in enumerate(events):
        fields["props"] = {"n": number % 7, "a": [1, {"b": None}]} if number % 5 == 0 else []
    assert shown(facts(stored(store, events, random.Random(3)))) == shown(build(store, "blog", DAY))


@given(events=EVENTS, chance=st.randoms(use_true_random=False), ends=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_a_part_of_a_day_has_the_events_between_two_ticks_both_included(events, chance, ends):
    store = MemoryStore()
    in_order = stored(store, events, chance)
    low, high = sorted(in_order[min(end, len(in_order) - 1)][0] if in_order else MIDNIGHT for end in ends)
    part = [event for event in in_order if low <= event[0] <= high]
    assert shown(build(store, "blog", DAY, low, high)) == shown(facts(part))


def test_what_is_no_map_tells_nothing_and_what_is_no_msgpack_is_an_error():
    store = MemoryStore()
    names = [timeuuid.make(MIDNIGHT + number, 0) for number in range(4)]
    values = [msgpack.packb({"url": "/a", "visitor": b"12345678"}), b"\x01", msgpack.packb({1: 2, "title": "Hi"}),
              msgpack.packb(["url"])]
    store.apply([Insert("PageViews", KEY, name, value) for name, value in zip(names, values, strict=True)])
    expected = [{"url": "/a", "visitor": b"12345678"}, {}, {"title": "Hi"}, {}]
    assert shown(build(store, "blog", DAY)) == shown(facts(
        [(MIDNIGHT + number, fields) for number, fields in enumerate(expected)]))
    store.apply([Insert("PageViews", KEY, names[1], b"\xc1")])
    with pytest.raises(ValueError):  # noqa: PT011 - msgpack's own has no text
        build(store, "blog", DAY)


def test_a_text_of_old_that_is_not_utf_8_is_read_with_replacement_marks():
    store = MemoryStore()
    store.apply([Insert("PageViews", KEY, timeuuid.make(MIDNIGHT, 0), b"\x82\xa3url\xa1/\xa5title\xa2\xff!")])
    assert build(store, "blog", DAY).tables["page"] == [(None, "/", "\ufffd!")]
