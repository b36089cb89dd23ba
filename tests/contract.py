"""What every store must do: one class of tests, run on memory, SQLite and a live Cassandra.

A new store is one file in footfall/stores/ and a test class of three lines::

    class TestMemory(StoreContract):
        @pytest.fixture
        def store(self): ...
"""

import uuid
from datetime import UTC, datetime, timedelta

import msgpack
import pytest

from footfall import timeuuid
from footfall.errors import NotFoundException, StoreError
from footfall.packing import packed
from footfall.pageview import Event
from footfall.storage import Change, Insert, Once, Remove, Store
from footfall.timeuuid import convert_time_to_uuid, make, sort_key, ticks_at

DAY = datetime(2026, 1, 2, tzinfo=UTC)
KEY = "20260102.blog"
NEXT = "20260103.blog"
OTHER = "20260102.other.blog"


def at(hours: float = 0, low_bits: int = 0) -> uuid.UUID:
    """A name so many hours into :data:`DAY`."""
    return make(ticks_at(DAY) + round(hours * 3600 * timeuuid.TICKS_PER_SECOND), low_bits)


def value(number: int) -> bytes:
    return msgpack.packb({"url": f"http://blog.example.com/{number}", "title": "", "n": number})


def row(*hours: float) -> dict:
    return {at(hour): value(number) for number, hour in enumerate(hours)}


def event(hours: float, low_bits: int = 0, key: str = KEY, family: str = "PageViews") -> Insert:
    return Insert(family, key, at(hours, low_bits), value(1))


def retry(hours: float, low_bits: int = 7, key: str = KEY) -> Once:
    """An event that may have been stored before, and a column that goes with it."""
    return Once(event(hours, low_bits, key),
                (Insert("Visitors", "202601.blog", (bytes(8), at(hours, low_bits)), value(1)),))


#: Retries of one event, each within ten minutes of the one before: every other one stands.
CHAIN = [event(23.9, 7), *(Insert("Retries", f"PageViews {KEY}", str(at(hours, 7)), b"\x80") for hours in (24.0, 24.1)),
         event(24.0, 7, KEY), event(24.1, 7, KEY)]
SOME = [event(1), event(2), event(2, family="Events"), event(5, key=OTHER), event(25, key=NEXT)]
#: What is there, and what changes then: each row changes what some slice yields.
CHANGES = [
    ("an event more", SOME, lambda store: store.apply([event(1.5), event(1.2), event(3, family="Events")])),
    ("the first of a row", [], lambda store: store.apply([event(1)])),
    ("another value", SOME, lambda store: store.family("PageViews").insert(KEY, {at(1): value(2)})),
    ("with a ttl", SOME, lambda store: store.family("PageViews").insert(KEY, {at(3): value(2)}, ttl=3600)),
    ("one removed", SOME, lambda store: store.family("PageViews").remove(KEY, [at(1)])),
    ("a row removed", SOME, lambda store: store.family("PageViews").remove(KEY)),
    ("a batch", SOME, lambda store: store.apply([Remove("Events", KEY, at(2)), event(9), event(4, key=OTHER)])),
    ("a family emptied", SOME, lambda store: store.family("PageViews").truncate()),
    ("shredded", SOME, lambda store: store.shred([[Remove("PageViews", KEY, at(2))], [Remove("PageViews", OTHER)]])),
    ("shredded and rewritten", SOME, lambda store: store.shred([[Remove("Events", KEY)]], rewrite=True)),
    ("a retry that is new", SOME, lambda store: store.apply([retry(3)])),
    ("the event of a retry", [retry(3)], lambda store: store.apply([event(3.1, 7)])),
    ("across midnight", [retry(24.05, key=NEXT)], lambda store: store.apply([event(23.95, 7)])),
    ("its event is removed", [event(3, 7), *CHAIN, retry(24.05, key=NEXT)],
     lambda store: store.family("PageViews").remove(KEY, [at(23.9, 7)])),
    ("its event is shredded", CHAIN, lambda store: store.shred([[Remove("PageViews", KEY, at(23.9, 7))]])),
    ("its day is removed", CHAIN, lambda store: store.family("PageViews").remove(KEY, [at(23.9, 7), at(24, 7)])),
    ("its mark is removed", CHAIN,
     lambda store: store.family("Retries").remove(f"PageViews {KEY}", [str(at(24, 7))])),
    ("every mark is removed", CHAIN, lambda store: store.family("Retries").remove(f"PageViews {KEY}")),
    ("no mark is left", CHAIN, lambda store: store.family("Retries").truncate()),
    ("its mark comes later", [event(3, 7), event(3.1, 7)],
     lambda store: store.family("Retries").insert(f"PageViews {KEY}", {str(at(3.1, 7)): b"\x80"})),
]


def is_told_by(column: tuple[str, str, uuid.UUID], change: Change) -> bool:
    family, key, name = column
    return change.family == family and (change.key is None or (
        change.key == key and (change.low is None or sort_key(change.low) <= sort_key(name))
        and (change.high is None or sort_key(name) <= sort_key(change.high))))


class StoreContract:
    @pytest.fixture
    def views(self, store: Store):
        return store.family("PageViews")

    @pytest.fixture
    def accounts(self, store: Store):
        return store.family("Accounts")

    # ----- insert and get

    def test_what_is_inserted_is_read_back_to_the_byte(self, views):
        views.insert(KEY, {at(1): value(1)})
        assert dict(views.xget(KEY)) == {at(1): value(1)}
        assert views.get(KEY) == {at(1): value(1)}

    def test_a_value_opens_like_the_map_it_holds(self, views):
        views.insert(KEY, {at(1): {"url": "http://blog.example.com/", "title": "Hé"}})
        ((_, stored),) = views.xget(KEY)
        assert stored["title"] == stored.get("title") == "Hé"
        assert dict(stored) == msgpack.unpackb(stored) == {"url": "http://blog.example.com/", "title": "Hé"}

    def test_a_later_insert_of_the_same_name_replaces_the_value(self, views):
        views.insert(KEY, {at(1): value(1)})
        views.insert(KEY, {at(1): value(2)})
        assert views.get(KEY) == {at(1): value(2)}

    def test_a_repeated_insert_changes_nothing(self, views):
        for _ in range(3):
            views.batch_insert({KEY: row(1, 2), OTHER: row(3)})
        assert (views.get_count(KEY), views.get_count(OTHER)) == (2, 1)

    def test_get_of_an_empty_row_or_slice_raises_not_found(self, views):
        with pytest.raises(NotFoundException, match=r"20260102\.blog"):
            views.get(KEY)
        views.insert(KEY, row(1))
        for missing in ({"column_start": at(2)}, {"columns": [at(3)]}, {"columns": []}):
            with pytest.raises(NotFoundException):
                views.get(KEY, **missing)

    def test_get_takes_100_columns_unless_told_and_xget_all(self, views):
        views.insert(KEY, row(*(number / 100 for number in range(1200))))
        assert len(views.get(KEY)) == 100
        assert len(views.get(KEY, column_count=1100)) == 1100
        assert len(list(views.xget(KEY))) == 1200
        assert [name for name, _ in views.xget(KEY, column_count=700)] == [at(n / 100) for n in range(700)]

    def test_get_by_names_gives_those_that_exist_in_order(self, views):
        views.insert(KEY, row(1, 2, 3))
        assert list(views.get(KEY, columns=[at(3), at(9), at(1), at(1)])) == [at(1), at(3)]
        assert views.get_count(KEY, columns=[at(3), at(3), at(9)]) == 1

    def test_multiget_leaves_empty_rows_out(self, views):
        views.insert(KEY, row(1))
        views.insert(OTHER, row(5))
        assert views.multiget([OTHER, "20260103.blog", KEY]) == {OTHER: row(5), KEY: row(1)}
        assert views.multiget([OTHER, KEY], column_finish=at(2)) == {KEY: row(1)}

    def test_xget_of_a_row_that_does_not_exist_yields_nothing(self, views):
        assert list(views.xget("20260109.nobody")) == []

    # ----- slices and order

    def test_both_ends_of_a_slice_are_inclusive(self, views):
        views.insert(KEY, row(1, 2, 3, 4))
        assert list(views.get(KEY, column_start=at(2), column_finish=at(3))) == [at(2), at(3)]
        assert views.get_count(KEY, column_start=at(2), column_finish=at(3)) == 2

    def test_a_reversed_slice_starts_at_its_higher_end(self, views):
        views.insert(KEY, row(1, 2, 3, 4))
        names = [name for name, _ in views.xget(KEY, at(3), at(2), column_reversed=True)]
        assert names == [at(3), at(2)]
        assert list(views.get(KEY, column_reversed=True, column_count=1)) == [at(4)]

    def test_a_datetime_stands_for_its_whole_microsecond(self, views):
        ticks = ticks_at(DAY + timedelta(hours=7))
        names = [make(ticks - 1, 5), make(ticks, 0), make(ticks + 9, 7), make(ticks + 10, 0)]
        views.insert(KEY, {name: value(1) for name in names})
        seven = DAY + timedelta(hours=7)
        for moment in (seven, seven.replace(tzinfo=None), seven.astimezone()):
            assert list(views.get(KEY, column_start=moment, column_finish=moment)) == names[1:3]
            backwards = views.get(KEY, column_start=moment, column_finish=moment, column_reversed=True)
            assert list(backwards) == names[2:0:-1]

    def test_pycassas_empty_string_is_an_open_end(self, views):
        views.insert(KEY, row(1, 2))
        assert list(views.get(KEY, column_start="", column_finish=at(1))) == [at(1)]
        assert list(views.get(KEY, column_start=at(2), column_finish="")) == [at(2)]

    def test_names_of_one_tick_are_in_the_order_of_signed_bytes(self, views):
        names = [at(1, bits) for bits in (0x0080, 0x00FF, 0x0000, 0x007F, 0x8000, 0x7F00, 0xFF << 48, 0x3F << 56)]
        views.insert(KEY, {name: value(1) for name in names})
        ordered = sorted(names, key=sort_key)
        assert list(views.get(KEY)) == ordered
        assert list(views.get(KEY, column_start=ordered[2], column_finish=ordered[5])) == ordered[2:6]

    def test_a_name_of_another_day_than_its_rows_is_kept_in_order(self, views):
        views.insert(KEY, row(-30, 5, 26, 23, 50))
        assert list(views.get(KEY)) == [at(-30), at(5), at(23), at(26), at(50)]
        assert list(views.get(KEY, column_start=at(-31), column_finish=at(5))) == [at(-30), at(5)]
        assert list(views.get(KEY, column_reversed=True)) == [at(50), at(26), at(23), at(5), at(-30)]

    def test_two_events_of_one_microsecond_are_two(self, views):
        clock = timeuuid.Clock(lambda: 1_767_312_000_000_000_123)
        views.insert(KEY, {clock.new_id(): value(1)})
        views.insert(KEY, {clock.new_id(): value(2)})
        assert views.get_count(KEY) == 2

    # ----- rows

    def test_get_range_yields_rows_in_the_order_of_their_keys(self, views):
        keys = ["20260102.b", "20260101.b", "20260103.b", "20260102.a"]
        views.batch_insert({key: row(1, 2) for key in keys})
        assert [key for key, _ in views.get_range()] == sorted(keys)
        assert [key for key, _ in views.get_range("20260102.a", "20260102.b")] == ["20260102.a", "20260102.b"]
        assert [key for key, _ in views.get_range(row_count=2)] == ["20260101.b", "20260102.a"]
        assert list(views.get_range(start="20260103", column_count=1)) == [("20260103.b", row(1))]

    def test_row_keys_go_both_ways(self, views):
        keys = [f"2026010{day}.b" for day in range(1, 6)]
        views.batch_insert({key: row(1) for key in keys})
        assert list(views.row_keys("20260102.", "20260104.z")) == keys[1:4]
        assert list(views.row_keys("20260104.z", "20260102.", reverse=True)) == keys[3:0:-1]

    def test_walk_yields_every_row_with_all_its_columns(self, views):
        keys = ["20260102.b", "20260101.b", "20260103.b", "no day"]
        columns = row(-30, 1, 2, *(3 + number / 1000 for number in range(1100)), 100)
        views.batch_insert(dict.fromkeys(keys, columns))
        assert [(key, list(found)) for key, found in views.walk()] == [
            (key, list(columns.items())) for key in sorted(keys)]
        assert [key for key, _ in views.walk("20260102.")] == ["20260102.b", "20260103.b", "no day"]

    # ----- remove

    def test_remove_takes_columns_or_the_row(self, views):
        views.insert(KEY, row(1, 2, 3))
        views.remove(KEY, [at(2), at(9)])
        assert list(views.get(KEY)) == [at(1), at(3)]
        views.remove(KEY)
        views.remove(KEY)
        assert list(views.xget(KEY)) == [] == list(views.row_keys())

    def test_what_was_removed_can_be_inserted_again(self, views):
        views.insert(KEY, row(1))
        views.remove(KEY)
        views.insert(KEY, row(1))
        assert list(views.get(KEY)) == [at(1)]

    def test_truncate_empties_its_family_alone(self, store, views):
        views.insert(KEY, row(1))
        store.family("Events").insert(KEY, row(1))
        views.truncate()
        assert (views.get_count(KEY), store.family("Events").get_count(KEY)) == (0, 1)

    def test_what_is_shredded_is_gone_batch_after_batch(self, store, views):
        views.insert(KEY, row(1, 2, 3))
        views.insert(OTHER, row(*(number / 100 for number in range(1100))))
        store.family("Visitors").insert("202601.blog", {(bytes(8), at(hour)): value(1) for hour in (1, 2)})

        def batches():
            yield [Remove("PageViews", KEY, at(2)), Remove("Visitors", "202601.blog", (bytes(8), at(1)))]
            # The next are found while the store is read.
            later = [Remove("PageViews", KEY, name) for name, _ in views.stored(KEY, at(2))]
            yield [Remove("PageViews", OTHER), *later]
            yield []

        store.shred(batches())
        assert list(views.get_range()) == [(KEY, row(1))]
        assert list(store.family("Visitors").get("202601.blog")) == [(bytes(8), at(2))]
        store.shred([[Remove("PageViews", KEY)]], rewrite=True)
        assert list(views.row_keys()) == []

    # ----- batches and mutations

    def test_a_batch_sends_at_its_size_and_at_its_end(self, views):
        with views.batch(queue_size=2) as batch:
            batch.insert(KEY, row(1))
            assert views.get_count(KEY) == 0
            batch.insert(KEY, row(2)).insert(KEY, row(3))
            assert views.get_count(KEY) == 2
        assert views.get_count(KEY) == 3

    def test_a_batch_that_ends_in_an_error_sends_no_more(self, views):
        with pytest.raises(KeyError), views.batch() as batch:
            batch.insert(KEY, row(1))
            raise KeyError
        assert views.get_count(KEY) == 0

    def test_apply_takes_families_together_and_in_order(self, store, views, accounts):
        store.apply([Insert("PageViews", KEY, at(1), value(1)), Insert("Accounts", "accounts", "blog", b"\x80"),
                     Insert("PageViews", KEY, at(2), value(2)), Remove("PageViews", KEY, at(1))])
        assert list(views.get(KEY)) == [at(2)]
        assert accounts.get("accounts") == {"blog": b"\x80"}

    def test_a_column_with_a_ttl_is_there_until_then(self, views):
        views.insert(KEY, row(1), ttl=3600)
        assert views.get_count(KEY) == 1

    # ----- blocks

    def test_blocks_give_the_events_that_xget_gives(self, views):
        columns = row(-30, *(number / 100 for number in range(1200)), 30)
        views.insert(KEY, columns)
        views.insert(OTHER, row(1))
        for start, finish in ((None, None), (at(2), at(9)), (DAY + timedelta(hours=2), DAY + timedelta(hours=3)),
                              (at(40), None)):
            expected = list(views.xget(KEY, start, finish))
            blocks = list(views.blocks(KEY, start, finish))
            assert all(blocks)
            assert [name for block in blocks for name in block.names] == [sort_key(name) for name, _ in expected]
            assert [ticks for block in blocks for ticks in block.ticks().tolist()] == [
                timeuuid.ticks_of(name) for name, _ in expected]
            assert [when for block in blocks for when in block.datetimes()] == [
                timeuuid.datetime_of(name) for name, _ in expected]
            assert [fields for block in blocks for fields in block.maps()] == [dict(value) for _, value in expected]
            assert [number for block in blocks for number in block.column("n")] == [
                value["n"] for _, value in expected]
        assert list(views.blocks("20260109.nobody")) == []

    def test_blocks_give_the_fields_that_an_event_has(self, views):
        stored = [{"url": "/1", "n": 1, "x": [1]}, {"url": "/2"}, {"n": None, "url": "/3"}, {1: 2}]
        views.insert(KEY, {at(number): msgpack.packb(fields) for number, fields in enumerate(stored)})
        assert [fields for block in views.blocks(KEY) for fields in block.maps()] == stored
        for fields in (("url",), ("n", "url"), ("z",), ()):
            assert [some for block in views.blocks(KEY, fields=fields) for some in block.maps(fields)] == [
                {field: event[field] for field in fields if field in event} for event in stored]
            assert [[value for block in views.blocks(KEY, fields=fields) for value in block.column(field)]
                    for field in fields] == [[event.get(field) for event in stored] for field in fields]
            assert [block.columns(fields) for block in views.blocks(KEY, fields=fields)] == [
                [[event.get(field) for event in stored] for field in fields]]

    @pytest.mark.parametrize("packed, fields", [
        (b"\x82\xa3url\xa3/\xff1\xa1n\x01", {"url": "/\ufffd1", "n": 1}),
        (b"\x82\xa3url\xa2/1\xa1n\xcd\x00\x01", {"url": "/1", "n": 1}),
        (b"\x83\xa3url\xa2/0\xa3url\xa2/1\xa1n\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", {"url": "/1", "n": 1.0}),
    ])
    def test_blocks_read_what_other_writers_left(self, views, packed, fields):
        views.insert(KEY, {at(1): value(0), at(2): packed})
        assert [some for block in views.blocks(KEY) for some in block.maps()] == [
            {"url": "http://blog.example.com/0", "title": "", "n": 0}, fields]
        assert [some for block in views.blocks(KEY, at(2)) for some in block.maps(["url"])] == [{"url": fields["url"]}]
        assert [number for block in views.blocks(KEY, at(2)) for number in block.column("n")] == [fields["n"]]
        assert [block.columns(["n", "url"]) for block in views.blocks(KEY, at(2))] == [[[fields["n"]], [fields["url"]]]]
        assert views.get(KEY)[at(2)] == packed

    def test_a_value_that_is_no_map_has_no_fields(self, views):
        views.insert(KEY, {at(1): msgpack.packb("text")})
        (block,) = views.blocks(KEY)
        assert (block.maps(), block.maps(["t"]), block.column("t")) == (["text"], [{}], [None])
        assert block.columns(["t", "u"]) == [[None], [None]]

    def test_blocks_leave_out_what_slices_leave_out(self, store, views):
        views.insert(KEY, row(1, 2, 3))
        store.apply([retry(5)])
        views.insert(KEY, {at(5.1, 7): value(2), at(5.2, 8): value(3)})
        expected = [sort_key(name) for name, _ in views.xget(KEY)]
        assert len(expected) == 5
        assert [name for block in views.blocks(KEY) for name in block.names] == expected

    @pytest.mark.parametrize("family", ["Accounts", "Visitors"])
    def test_blocks_are_of_events_alone(self, store, family):
        with pytest.raises(StoreError, match=f"{family}: blocks are of events"):
            store.family(family).blocks(KEY)

    # ----- text families

    def test_text_names_are_in_the_order_of_their_bytes(self, accounts):
        names = ["b", "a", "é", "Z", "ab", "\U0001f600", "\uffff"]
        accounts.insert("accounts", dict.fromkeys(names, b"\x80"))
        ordered = sorted(names, key=str.encode)
        assert list(accounts.get("accounts")) == ordered
        assert list(accounts.get("accounts", column_start="a", column_finish="b")) == ["a", "ab", "b"]
        assert list(accounts.get("accounts", column_reversed=True)) == ordered[::-1]

    # ----- visitors: composite names

    def test_one_slice_is_one_visitors_trail(self, store):
        trails, some = store.family("Visitors"), [bytes([number]) * 8 for number in (0, 3, 4, 200, 255)]
        names = [(visitor, at(hour)) for visitor in some for hour in (1, 2, 3)]
        trails.insert("202601.blog", {name: value(1) for name in names[::-2]})
        store.tidy()
        trails.insert("202601.blog", {name: value(1) for name in names[::-1]})
        assert list(trails.get("202601.blog")) == names
        assert list(trails.get("202601.blog", column_reversed=True)) == names[::-1]
        for place, visitor in enumerate(some):
            trail = names[place * 3:place * 3 + 3]
            assert list(trails.get("202601.blog", column_start=(visitor,), column_finish=(visitor,))) == trail
            assert list(trails.get("202601.blog", column_start=(visitor, DAY + timedelta(hours=2)),
                                   column_finish=(visitor,))) == trail[1:]
        assert list(trails.get("202601.blog", column_start=names[2], column_finish=names[10])) == names[2:11]
        assert list(trails.get("202601.blog", columns=[names[9], names[0], (some[0], at(9))])) == [names[0], names[9]]
        assert trails.get_count("202601.blog", column_start=(some[1],), column_finish=(some[2],)) == 6
        store.tidy()
        assert list(trails.get("202601.blog")) == names
        trails.insert("202601.blog", {names[0]: value(2), names[1]: value(2)})
        assert [dict(step)["n"] for step in trails.get("202601.blog", column_count=3).values()] == [2, 2, 1]
        assert store.info()["families"]["Visitors"] == {"rows": 1, "columns": 15}
        trails.remove("202601.blog", [names[0]])
        assert list(trails.row_keys()) == ["202601.blog"]
        assert list(trails.get("202601.blog", column_count=1)) == names[1:2]
        trails.remove("202601.blog")
        assert list(trails.xget("202601.blog")) == []

    def test_events_that_arrive_are_steps_in_their_visitors_trails(self, store):
        trails, some = store.family("Visitors"), [bytes([number]) * 8 for number in (255, 0, 200)]
        events = [Event(*place, at(hour, number), {"url": f"https://{hour}/", "visitor": visitor, **more})
                  for number, visitor in enumerate(some) for hour in (1, 30, 2)
                  for place, more in ((("PageViews", "blog"), {}), (("Events", "other.blog"), {"event": "signup"}))]
        store.apply(packed(events[::3]))
        store.tidy()
        store.apply(packed([*events, Event("Filtered", "blog", at(3), {"url": "x", "visitor": some[0]}),
                            Event("PageViews", "blog", at(4), {"url": "x"})]))
        for left in (events, events[1:], events[2:]):
            rows = {f"202601.{account}": {
                (each.fields["visitor"], each.id): {key: each.fields[key] for key in ("url", "event")
                                                    if key in each.fields}
                for each in sorted(left, key=lambda each: (each.fields["visitor"], sort_key(each.id)))
                if each.account == account} for account in ("blog", "other.blog")}
            assert list(trails.row_keys()) == list(rows)
            assert list(trails.row_keys(reverse=True)) == list(rows)[::-1]
            assert list(trails.row_keys("202601.c")) == ["202601.other.blog"]
            assert list(trails.row_keys("", "202601.c")) == ["202601.blog"]
            assert store.info()["families"]["Visitors"] == {"rows": 2, "columns": len(left)}
            for key, steps in rows.items():
                names = list(steps)
                assert {name: dict(step) for name, step in trails.xget(key)} == steps
                assert list(trails.get(key)) == names
                assert list(trails.get(key, column_reversed=True)) == names[::-1]
                assert list(trails.get(key, column_count=2)) == names[:2]
                assert list(trails.get(key, names[::-2])) == names[::-2][::-1]
                assert trails.get_count(key) == len(names)
                assert trails.get_count(key, column_start=names[1], column_finish=names[-2]) == len(names) - 2
                for visitor in some:
                    assert list(trails.xget(key, (visitor,), (visitor,))) == [
                        (name, step) for name, step in trails.xget(key) if name[0] == visitor]
            gone = left[0]
            trails.remove(f"202601.{gone.account}", [(gone.fields["visitor"], gone.id)])
        trails.remove("202601.blog")
        store.tidy()
        assert list(trails.row_keys()) == ["202601.other.blog"]
        trails.truncate()
        assert list(trails.row_keys()) == []

    @pytest.mark.parametrize("name", [at(1), (b"short", at(1)), (bytes(8), "x"), (bytes(8),), "text"])
    def test_a_trail_has_visitors_and_times_as_names(self, store, name):
        with pytest.raises(StoreError, match=r"\(visitor, time UUID\)"):
            store.family("Visitors").insert("202601.blog", {name: value(1)})

    # ----- retries

    def test_a_retry_is_left_out_where_its_event_stands_within_ten_minutes(self, store, views):
        minute = 1 / 60
        views.insert(KEY, {at(1, 7): value(1), at(1, 8): value(1)})
        store.apply([retry(1 + 9 * minute)])
        store.apply([retry(1 - 9 * minute), retry(1 + 2 * minute)])
        assert list(views.get(KEY)) == [at(1, 7), at(1, 8)]
        assert list(views.get(KEY, column_start=at(1, 0), column_count=1)) == [at(1, 7)]
        assert list(views.get(KEY, column_reversed=True)) == [at(1, 8), at(1, 7)]
        assert views.get_count(KEY) == 2
        store.apply([retry(1 + 11 * minute)])
        assert list(views.get(KEY)) == [at(1, 7), at(1, 8), at(1 + 11 * minute, 7)]

    def test_a_retry_that_comes_before_its_event_is_left_out_once_that_is_there(self, store, views):
        store.apply([retry(1), retry(2, 9)])
        views.insert(KEY, {at(1 + 1 / 60, 7): value(2), at(1.5, 9): value(1)})
        assert list(views.get(KEY)) == [at(1 + 1 / 60, 7), at(1.5, 9), at(2, 9)]
        assert views.get_count(KEY) == 3

    def test_a_retry_whose_event_never_came_is_stored_once_however_often_it_comes(self, store, views):
        minute = 1 / 60
        store.apply([retry(1), retry(1), retry(1 + minute), retry(2, 9)])
        store.apply([retry(1 + minute), retry(1 + 2 * minute)])
        assert list(views.get(KEY)) == [at(1, 7), at(2, 9)]
        assert views.get_count(KEY) == 2

    def test_a_retry_is_known_across_midnight_but_not_across_accounts(self, store, views):
        minute = 1 / 60
        views.insert(KEY, {at(24 - minute, 7): value(1)})
        views.insert("20260103.other", {at(24 + minute, 7): value(1)})
        store.apply([retry(24 + minute, key="20260103.blog")])
        assert list(views.xget("20260103.blog")) == []
        store.apply([retry(24 + minute, key="20260103.third")])
        assert list(views.get("20260103.third")) == [at(24 + minute, 7)]

    # ----- changes

    def yielded(self, store):
        """What slices yield of the rows that the tests of changes write to."""
        return {(family, key, name): bytes(value) for family in ("PageViews", "Events") for key in (KEY, NEXT, OTHER)
                for name, value in store.family(family).xget(key)}

    @pytest.mark.parametrize("before, change", [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
    def test_what_slices_yield_otherwise_lies_within_the_changes(self, store, before, change):
        store.apply(before)
        _, cursor = store.changes()
        there = self.yielded(store)
        change(store)
        changes, later = store.changes(cursor)
        found = self.yielded(store)
        differ = {each for each in there | found if there.get(each) != found.get(each)}
        assert differ
        assert [each for each in differ if not any(is_told_by(each, one) for one in changes)] == []
        assert store.changes(later)[1].partition(".")[0] == later.partition(".")[0]

    def test_a_change_tells_the_lowest_and_the_highest_name_of_its_row(self, store, views):
        _, cursor = store.changes()
        # Rows of this test alone: a cluster tells of its last minute again.
        views.batch_insert({"20260109.blog": row(3, 1, 2), "20260109.other": row(5)})
        store.family("Events").insert("20260109.blog", row(7))
        store.family("Filtered").insert("20260109.blog", row(8))
        changes, _ = store.changes(cursor)
        assert {Change("PageViews", "20260109.blog", at(1), at(3)), Change("PageViews", "20260109.other", at(5), at(5)),
                Change("Events", "20260109.blog", at(7), at(7))} <= set(changes)
        assert {change.family for change in changes} <= {"PageViews", "Events"}

    @pytest.mark.parametrize("cursor", [None, "0123456789abcdef.0.0"])
    def test_without_a_cursor_of_this_store_everything_may_have_changed(self, store, cursor):
        assert store.changes(cursor)[0] == [Change("PageViews", None), Change("Events", None)]

    def test_a_change_is_told_to_each_who_asks_from_his_own_cursor(self, store, views):
        cursors = [store.changes()[1]]
        for hour in (1, 2):
            views.insert(KEY, row(hour))
            cursors.append(store.changes(cursors[-1])[1])
        for number, hour in ((0, 1), (0, 2), (1, 2)):
            assert any(is_told_by(("PageViews", KEY, at(hour)), one) for one in store.changes(cursors[number])[0])

    # ----- claims

    def test_the_first_to_claim_a_column_has_it_and_the_others_learn_what_it_holds(self, store):
        assert store.claim("Salts", "salts", "day", b"first") == b"first"
        assert store.claim("Salts", "salts", "day", b"second", ttl=3600) == b"first"
        assert store.claim("Salts", "salts", "next", b"third", ttl=3600) == b"third"
        assert store.family("Salts").get("salts") == {"day": b"first", "next": b"third"}
        store.family("Salts").remove("salts", ["day"])
        assert store.claim("Salts", "salts", "day", b"fourth") == b"fourth"

    # ----- refusals

    @pytest.mark.parametrize("key, columns, message", [
        ("", {at(1): b"\x80"}, "row key ''"),
        ("k" * 513, {at(1): b"\x80"}, "512 bytes"),
        ("a\0b", {at(1): b"\x80"}, "NUL"),
        (b"bytes", {at(1): b"\x80"}, "row key b'bytes'"),
        (KEY, {uuid.UUID(int=4 << 76): b"\x80"}, "version 1"),
        (KEY, {"text": b"\x80"}, "time UUIDs"),
        (KEY, {at(1): "text"}, "not str"),
        (KEY, {at(1): b"\x80", at(2): bytes((1 << 20) + 1)}, "1,048,577 bytes"),
    ])
    def test_what_a_family_cannot_hold_is_refused_whole(self, views, key, columns, message):
        with pytest.raises(StoreError, match=message):
            views.insert(key, columns)
        assert list(views.row_keys()) == []

    def test_a_family_that_is_none_is_refused(self, store):
        with pytest.raises(StoreError, match="'Pageviews': unknown; the families are PageViews, "):
            store.family("Pageviews")

    # ----- the store

    def test_info_counts_rows_and_columns(self, store, views):
        views.batch_insert({KEY: row(1, 2), OTHER: row(3)})
        assert store.info()["families"]["PageViews"] == {"rows": 2, "columns": 3}

    def test_a_probe_writes_and_leaves_nothing(self, store, accounts):
        store.probe()
        assert list(accounts.row_keys()) == []

    # ----- the original's snippets, as they were typed

    def test_the_originals_insert_and_hour_slice(self, views):
        for hour in (6, 7, 7.5, 8):
            moment = DAY.replace(tzinfo=None) + timedelta(hours=hour)
            page_view = {"url": f"http://blog.example.com/{hour}", "title": "A post"}
            views.insert(f"{moment:%Y%m%d}.blog", {
                convert_time_to_uuid(moment, randomize=True): msgpack.packb(page_view)})
        start = convert_time_to_uuid(datetime(2026, 1, 2, 7))
        finish = convert_time_to_uuid(datetime(2026, 1, 2, 8), lowest_val=False)
        urls = [msgpack.unpackb(data)["url"] for _, data in views.xget(KEY, column_start=start, column_finish=finish)]
        assert urls == [f"http://blog.example.com/{hour}" for hour in (7, 7.5, 8)]
        assert len(list(views.xget(KEY))) == 4
