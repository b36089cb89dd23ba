"""Sealed days: every event comes back to the byte, whatever it holds and whatever happens in between."""

import json
import re
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import cli, pageview, recipes, sealing, timeuuid
from footfall.analysis import map_reduce
from footfall.columns import Insert, Remove
from footfall.erasure import Selection, expire, forget
from footfall.errors import StoreError, UsageError
from footfall.retention import Retention
from footfall.stores import sqlite_sealing
from footfall.stores.memory import MemoryStore
from footfall.stores.sqlite import SqliteStore
from footfall.timeuuid import make, sort_key, ticks_at
from footfall.transfer import copying
from tests.contract import DAY, KEY, OTHER, StoreContract, at, row, value
from tests.sealing import SealingStore, rows_left, seal_all, unseal_all
from tests.test_copying import contents, copy

TODAY = datetime.now(UTC).date()


@pytest.fixture
def sealing_store(tmp_path):
    with SealingStore(f"sqlite:///{tmp_path}/sealing.db") as store:
        yield store


@pytest.fixture
def store(tmp_path):
    with SqliteStore(f"sqlite:///{tmp_path}/footfall.db") as store:
        yield store


@pytest.fixture
def views(store):
    return store.family("PageViews")


class TestSealed(StoreContract):
    """The whole contract, with every event sealed that can be."""

    @pytest.fixture
    def store(self, sealing_store):
        yield sealing_store
        assert rows_left(sealing_store) == 0


# ----- chunks

FIELDS = st.sampled_from(["url", "title", "n", "class", "a b", "", "é", "__x__"])
ATOMS = (st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.sampled_from([0, 1, 0.0, 1.0, -0.0])
         | st.floats() | st.text(max_size=5) | st.binary(max_size=5))
HELD = st.recursive(ATOMS, lambda some: st.lists(some, max_size=2) | st.dictionaries(
    st.text(max_size=2), some, max_size=2), max_leaves=4)
MAPS = st.dictionaries(FIELDS, HELD, max_size=5)
#: What other writers left: no msgpack, no map, keys that are no text or come twice, numbers longer than they need be,
#: text that is no UTF-8, the short floats and the old strings of 2012, and a time.
ODD = (st.binary(max_size=6) | HELD.map(msgpack.packb)
       | st.dictionaries(st.integers(0, 9), HELD, max_size=2).map(msgpack.packb)
       | st.sampled_from([b"\x82\xa1n\x01\xa1n\x02", b"\x81\xa1n\xcd\x00\x01", b"\x81\xa1n\xa2\xff\xfe",
                          b"\x81\xa1n\xca\x3f\x80\x00\x00", b"\x81\xa1n\xd6\xff\x00\x00\x00\x01", b"\xde\x00\x00",
                          b"\xc1", b"\x80\x80"])
       | MAPS.map(lambda fields: msgpack.packb(fields, use_bin_type=False)))
NAMES = st.builds(make, st.integers(ticks_at(DAY), ticks_at(DAY) + 99), st.integers(0, (1 << 62) - 1)).map(sort_key)


@given(st.dictionaries(NAMES, MAPS.map(msgpack.packb) | ODD, min_size=1, max_size=80), st.data())
def test_what_is_sealed_comes_back_to_the_byte(columns, data):
    names, values = zip(*sorted(columns.items()), strict=True)
    block = sealing.unseal(sealing.seal(names, values))
    start = data.draw(st.integers(0, len(names)))
    stop = data.draw(st.integers(start, len(names)))
    for some, part in ((slice(None), block), (slice(start, stop), block.part(start, stop))):
        assert (list(part.names), part.values()) == (list(names[some]), list(values[some]))
        assert part.ticks().tolist() == [timeuuid.ticks_of(timeuuid.from_sort_key(name)) for name in names[some]]


@given(st.lists(MAPS | MAPS, min_size=1, max_size=80), st.lists(FIELDS, max_size=3, unique=True))
def test_a_chunk_gives_the_maps_and_the_fields_that_its_values_hold(maps, fields):
    values = list(map(msgpack.packb, maps))
    block = sealing.unseal(sealing.seal([sort_key(at(0, number)) for number in range(len(maps))], values))
    # As text, in which 1 is not 1.0 and not True, and a number that is none is itself.
    assert repr(block.maps()) == repr(list(map(pageview.unpack, values)))
    assert repr([dict(sorted(some.items())) for some in block.maps(fields)]) == repr(
        [{field: event[field] for field in sorted(fields) if field in event} for event in maps])
    for field in fields:
        assert repr(block.column(field)) == repr([event.get(field) for event in maps])


def test_maps_of_a_chunk_share_nothing_that_can_be_changed():
    values = [msgpack.packb({"url": "/", "cut": ["url"], "props": {"a": [1]}})] * 3
    block = sealing.unseal(sealing.seal([sort_key(at(0, number)) for number in range(3)], values))
    for maps in (block.maps(), block.maps(["props", "cut"])):
        maps[0]["props"]["a"].append(2)
        maps[0]["cut"].clear()
        assert (maps[1]["props"], maps[1]["cut"]) == ({"a": [1]}, ["url"])
    assert block.column("props") == [{"a": [1]}] * 3


@pytest.mark.parametrize("data, message", [
    (b"", "cannot be read"),
    (msgpack.packb([1, b"x", b"", b"", [], [], {}]), "cannot be read"),
    (msgpack.packb([99]), "newer footfall's .version 99, this one knows 1.; upgrade"),
])
def test_what_is_no_chunk_of_ours_is_refused(data, message):
    with pytest.raises(StoreError, match=message):
        sealing.unseal(data)


# ----- days


def day_row(count, day=DAY):
    """So many views of a day, one a second."""
    return {make(ticks_at(day) + number * 10_000_000, number): value(number) for number in range(count)}


def chunks(store, key=KEY):
    return [events for (events,) in store.file.read('SELECT count FROM "Sealed" WHERE row_key = ? ORDER BY first', key)]


def sealed(store, account=None, before=TODAY):
    return sum(step.events for step in store.seal(account, before))


def test_the_days_before_one_are_sealed_of_one_account_or_of_all(store, views):
    keys = ["20260101.blog", "20260102.blog", "20260102.my.shop", "20260103.blog", "no day"]
    views.batch_insert({key: row(1, 2) for key in keys})
    store.family("Filtered").insert("20260102.blog", row(1))
    store.family("Accounts").insert("20260102.blog", {"a": b"\x80"})
    assert sealed(store, "my.shop", date(2026, 1, 3)) == 2
    assert sealed(store, None, date(2026, 1, 3)) == 5
    assert sorted(set(store.file.read('SELECT family, row_key FROM "Sealed"'))) == [
        ("Filtered", "20260102.blog"), *(("PageViews", key) for key in keys[:3])]
    assert list(views.row_keys()) == keys
    assert store.info()["sealed"]["columns"] == 7
    assert sum(step.events for step in store.unseal("blog", TODAY)) == 5
    assert chunks(store, keys[2]) == [2]
    assert [list(views.xget(key)) for key in keys] == [list(row(1, 2).items())] * 5


def test_late_events_go_into_the_chunks_when_a_day_is_sealed_again(store, views):
    views.insert(KEY, day_row(2300))
    assert sealed(store) == 2300
    assert chunks(store) == [1000, 1300]
    late = {at(hours, 1): value(9) for hours in (-1, 0.1, 0.2, 0.3, 20)}
    replaced = {name: value(7) for name in list(day_row(3))[1:]}
    views.insert(KEY, late | replaced)
    expected = sorted((day_row(2300) | late | replaced).items(), key=lambda column: sort_key(column[0]))
    for _ in range(2):
        assert list(views.xget(KEY)) == expected
        assert list(views.xget(KEY, column_reversed=True)) == expected[::-1]
        assert views.get_count(KEY) == store.info()["families"]["PageViews"]["columns"] == 2305
        assert [name for block in views.blocks(KEY) for name in block.names] == [
            sort_key(name) for name, _ in expected]
        assert [view for block in views.blocks(KEY) for view in block.maps()] == [
            pageview.unpack(view) for _, view in expected]
        sealed(store)
    assert rows_left(store) == 0
    assert sum(chunks(store)) == 2305
    assert max(chunks(store)) <= sqlite_sealing.MOST_EVENTS


def test_a_chunk_to_which_many_come_is_cut(store, views):
    views.insert(KEY, day_row(1000))
    sealed(store)
    views.insert(KEY, {make(ticks_at(DAY) + number * 10_000_000 + 5, 1): value(1) for number in range(900)})
    assert sealed(store) == 900
    assert chunks(store) == [950, 950]
    assert views.get_count(KEY) == 1900


def test_what_goes_by_itself_stays_a_row(store, views):
    views.insert(KEY, row(1, 2, 3))
    sealed(store)
    views.insert(KEY, {at(2): value(8), at(4): value(9)}, ttl=3600)
    assert sealed(store) == 0
    assert chunks(store) == [2]
    assert list(views.get(KEY).values()) == [value(0), value(8), value(2), value(9)]
    assert store.file.read('SELECT count(*) FROM "PageViews"') == [(2,)]


@pytest.mark.parametrize("meanwhile", [
    [Insert("PageViews", KEY, at(1), value(9))],
    [Insert("PageViews", KEY, at(1.5), value(9))],
    [Remove("PageViews", KEY, at(2))],
    [Remove("PageViews", KEY, at(9))],
    [Remove("PageViews", KEY)],
])
def test_what_is_written_while_a_day_is_packed_is_what_counts(store, views, monkeypatch, meanwhile):
    memory = MemoryStore()
    for some in (store, memory):
        some.family("PageViews").insert(KEY, row(7, 8, 9))
    sealed(store)
    for some in (store, memory):
        some.family("PageViews").insert(KEY, row(1, 2, 3))
    seal, calls = sealing.seal, []

    def seal_slowly(*arguments):
        if not calls:
            calls.append(arguments)
            store.apply(meanwhile)
        return seal(*arguments)

    memory.apply(meanwhile)
    monkeypatch.setattr(sealing, "seal", seal_slowly)
    sealed(store)
    assert contents(store) == contents(memory)
    assert (len(calls), rows_left(store)) == (1, 0)


def test_events_that_would_not_come_back_stay_rows(store, views, monkeypatch):
    views.insert(KEY, row(1, 2))

    def refuse(*_):
        raise StoreError("these events would not come back from a chunk as they are")

    monkeypatch.setattr(sealing, "seal", refuse)
    assert sealed(store) == 0
    assert list(views.get(KEY)) == [at(1), at(2)]


@pytest.mark.ours
def test_sealing_unsealing_reading_and_writing_at_once_lose_and_double_nothing(store, views):
    views.insert(KEY, day_row(3000))
    ended, failed = threading.Event(), []

    def until_ended(work):
        def run():
            try:
                while not ended.is_set():
                    work()
            except BaseException as error:
                failed.append(error)
                raise
        return threading.Thread(target=run)

    threads = [until_ended(lambda: seal_all(store)), until_ended(lambda: unseal_all(store))]
    for thread in threads:
        thread.start()
    try:
        for number in range(40):
            name = at(0.001 * number, 5)
            views.insert(KEY, {name: value(number)})
            assert list(views.xget(KEY)) == sorted([*day_row(3000).items(), (name, value(number))],
                                                   key=lambda column: sort_key(column[0]))
            assert views.get_count(KEY) == 3001
            assert [found for block in views.blocks(KEY) for found in block.names].count(sort_key(name)) == 1
            assert list(views.row_keys()) == [KEY]
            assert views.get(KEY, [name]) == {name: value(number)}
            views.remove(KEY, [name])
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert list(views.xget(KEY)) == list(day_row(3000).items())


# ----- a server that has little to do


def test_a_server_seals_what_is_past_while_it_is_idle(store, views):
    now = datetime.now(UTC)
    past, present = f"{now - timedelta(days=3):%Y%m%d}.blog", f"{now:%Y%m%d}.blog"
    views.batch_insert({past: day_row(1500, now - timedelta(days=3)), present: row(1), "no day": row(1)})
    # It looks, and seals the day in two.
    for chunked in ([], [1000], [1500], [1500]):
        store.tidy()
        assert chunks(store, past) == chunked
    assert chunks(store, present) == chunks(store, "no day") == []


def test_a_server_seals_nothing_while_much_comes_in(store, views):
    def busy():
        for number in range(sqlite_sealing.BUSY_COMMITS + 1):
            views.insert("no day", {at(1): value(number)})

    views.insert(KEY, day_row(10))
    store.tidy()
    for _ in range(3):
        busy()
        store.tidy()
        assert chunks(store) == []
    store.tidy()
    assert chunks(store) == [10]


def test_of_several_processes_one_seals(store, views):
    views.insert(KEY, day_row(10))
    with SqliteStore(store.url) as other:
        other.tidy()
        for _ in range(3):
            store.tidy()
            assert chunks(store) == []
        other.tidy()
        assert chunks(store) == [10]


# ----- what else an owner does


def event_row(count):
    return {name: msgpack.packb({"url": f"/{number}", "title": "", "ip": "192.0.2.0", "referrer": "", "user_agent": "",
                                 "language": "", "visitor": bytes([number % 2]) * 8})
            for number, name in enumerate(day_row(count))}


@pytest.mark.parametrize("remove", [
    lambda store: forget(store, Selection("blog", visitor=bytes(8))),
    lambda store: forget(store, Selection("blog", before=DAY + timedelta(seconds=1000))),
    lambda store: expire(store, Retention(1), datetime.now(UTC)),
])
def test_what_is_forgotten_is_in_no_chunk_and_nowhere_in_the_files(store, views, tmp_path, remove):
    events = event_row(1500)
    views.insert(KEY, events)
    store.family("Visitors").insert("202601.blog", {(bytes([number % 2]) * 8, name): {"url": "/"}
                                                    for number, name in enumerate(events)})
    plain = [events[name] for name in list(events)[:1000:2]]
    assert plain[0] in everything(tmp_path)
    sealed(store)
    # Nothing is left of the rows, so that what is removed later is removed.
    files = everything(tmp_path)
    ((chunk,), *_) = store.file.read('SELECT data FROM "Sealed" ORDER BY first LIMIT 1')
    # A chunk lies on several pages of the file.
    pieces = [chunk[start:start + 200] for start in range(400, len(chunk) - 200, 2000)]
    assert all(piece in files for piece in pieces)
    assert remove(store)["PageViews"] >= 750
    store.shred([])
    files = everything(tmp_path)
    assert not [piece for piece in pieces if piece in files]
    assert not [event for event in plain if event in files]
    left = [view["visitor"] for _, view in views.xget(KEY)]
    assert left == [bytes([1]) * 8] * 750 or not left or len(left) == 500


def everything(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.glob("footfall.db*")))


def test_a_sealed_store_is_copied_both_ways(sealing_store, tmp_path):
    sealing_store.family("PageViews").insert(KEY, day_row(1200))
    sealing_store.family("Events").insert(OTHER, row(-30, 1, 50))
    with SqliteStore(f"sqlite:///{tmp_path}/copied.db") as target:
        copy(sealing_store, target)
        assert copying.compare(sealing_store, target, lambda *_: None).wrong_rows == 0
        assert contents(target) == contents(sealing_store)
        seal_all(target)
        back = MemoryStore()
        copy(target, back)
        assert contents(back) == contents(target)
        # What is there already is not brought again.
        assert copy(target, sealing_store).written.total() == 0


@pytest.mark.parametrize("fields", [None, ("url",), ("url", "n"), ("n", "missing")])
@pytest.mark.parametrize("split", ["day", "hour"])
def test_map_reduce_gets_the_same_from_sealed_days(store, views, fields, split):
    views.batch_insert({KEY: day_row(1500), "20260103.blog": row(25, 26, 30)})

    def items():
        return map_reduce("blog", DAY, DAY + timedelta(days=2), list, lambda all_, some: all_ + some, [], store=store,
                          fields=fields, split=split)

    expected = items()
    assert len(expected) == 1503
    seal_all(store)
    assert items() == expected
    views.insert(KEY, {at(0.001, 1): value(7), at(0.3, 1): value(8)})
    late = items()
    assert (len(late), [item for item in late if item in expected]) == (1505, expected)
    assert [when for _, when, _ in late] == sorted(when for _, when, _ in late)


def test_recipes_count_the_same_from_sealed_days(store, views):
    views.insert(KEY, day_row(100))
    before = map_reduce("blog", DAY, DAY + timedelta(days=1), *recipes.views_by_hour, Counter(), store=store)
    seal_all(store)
    assert map_reduce("blog", DAY, DAY + timedelta(days=1), *recipes.views_by_hour, Counter(), store=store) == before


def test_an_older_footfalls_file_can_be_sealed(store, views, tmp_path):
    views.insert(KEY, row(1, 2))
    store.close()
    with sqlite3.connect(tmp_path / "footfall.db") as other:
        other.execute('DROP TABLE "Sealed"')
        other.execute("PRAGMA user_version = 4")
    other.close()
    with SqliteStore(store.url) as again:
        assert sealed(again) == 2
        assert list(again.family("PageViews").get(KEY)) == [at(1), at(2)]


@pytest.mark.parametrize("arguments, told, left", [
    (["seal"], "Sealed 7 events of 3 rows.", 1),
    (["seal", "--site", "blog", "--progress"], "Sealed 5 events of 2 rows.", 3),
    (["seal", "--before", "2026-01-02", "--shrink"], "Sealed 2 events of 1 rows.", 6),
    (["seal", "--before", "2999-01-01"], "Sealed 7 events of 3 rows.", 1),
])
def test_the_command_seals_and_unseals(store, views, capsys, arguments, told, left):
    views.batch_insert({"20260101.blog": row(-20, -19), KEY: row(1, 2, 3), "20260102.my.shop": row(1, 2),
                        f"{TODAY:%Y%m%d}.blog": row(1)})
    where = ["--store", store.url]
    assert cli.main(["store", *arguments, *where]) == 0
    assert capsys.readouterr().out == told + "\n"
    assert rows_left(store) == left
    assert cli.main(["store", "info", *where]) == 0
    shown = capsys.readouterr().out
    assert re.search(rf"^sealed: {8 - left} columns in \d chunks, [\d,]+ bytes$", shown, re.M)
    assert cli.main(["store", "info", "--json", *where]) == 0
    assert json.loads(capsys.readouterr().out)["sealed"]["columns"] == 8 - left
    assert cli.main(["store", "unseal", *where]) == 0
    assert capsys.readouterr().out.startswith(f"Unsealed {8 - left} events of ")
    assert rows_left(store) == 8


@pytest.mark.parametrize("command", ["seal", "unseal"])
@pytest.mark.parametrize("url", ["cassandra://127.0.0.1:1/footfall", "memory://"])
def test_a_store_that_is_no_file_is_not_sealed(capsys, command, url):
    assert cli.main(["store", command, "--store", url]) == 2
    assert "a Cassandra cluster compresses its files by itself" in capsys.readouterr().err
    with pytest.raises(UsageError):
        MemoryStore().seal(None, TODAY)


# ----- cut off at any moment

#: Seals or unseals a file, and is killed before the statement of a number. It says how many there were.
CUT_OFF = """
import os, signal, sys
from tests.sealing import seal_all, unseal_all
from footfall.stores.sqlite import SqliteStore

def run(path, work, last):
    store, seen = SqliteStore(f"sqlite:///{path}"), 0

    def count(statement):
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    store.file._writer.set_trace_callback(count)
    work(store)
    store.file._writer.set_trace_callback(None)
    # As whoever is killed, it closes nothing.
    os._exit(0)

work, *paths = sys.argv[1:]
for number, path in enumerate(paths, 1):
    child = os.fork()
    if not child:
        run(path, {"seal": seal_all, "unseal": unseal_all}[work], number)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.ours
@pytest.mark.parametrize("work", ["seal", "unseal"])
def test_whoever_is_killed_at_any_step_loses_and_doubles_nothing(store, views, tmp_path, work):
    views.insert(KEY, day_row(1600))
    sealed(store)
    views.insert(KEY, {at(0.1, 1): value(7), **dict.fromkeys(list(day_row(5)), value(8))})
    views.insert(OTHER, {at(1): b"no map", at(2): value(1)})
    if work == "unseal":
        sealed(store)
        views.insert(KEY, {at(0.1, 1): value(9)})
    expected = contents(store)
    store.close()
    original = (tmp_path / "footfall.db").read_bytes()
    paths = [tmp_path / f"{number}.db" for number in range(60)]
    for path in paths:
        path.write_bytes(original)
    ended = subprocess.run([sys.executable, "-c", CUT_OFF, work, *map(str, paths)], check=True, capture_output=True,
                           text=True).stdout.split()
    killed = ended.count("-9")
    # Every step was met: those that were given more time came to their end.
    assert 10 < killed < 60
    assert ended == ["-9"] * killed + ["0"] * (60 - killed)
    for path in paths[:killed + 1]:
        with SqliteStore(f"sqlite:///{path}") as again:
            assert contents(again) == expected
            {"seal": seal_all, "unseal": unseal_all}[work](again)
            assert contents(again) == expected
            assert (rows_left(again), again.info()["sealed"]["columns"]) == (
                (0, 1603) if work == "seal" else (1603, 0))
            assert again.file.read("PRAGMA integrity_check") == [("ok",)]
