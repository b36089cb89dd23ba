import os
import pickle
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from footfall.errors import StoreError, StoreUnavailable
from footfall.packing import packed
from footfall.pageview import Event
from footfall.storage import Change, Insert, Remove
from footfall.stores import sqlite_changes, sqlite_family, sqlite_file, sqlite_trails
from footfall.stores.sqlite import SqliteStore
from footfall.stores.sqlite_trails import TrailFamily
from footfall.timeuuid import sort_key
from tests.contract import KEY, OTHER, StoreContract, at, row, value


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "footfall.db"


@pytest.fixture
def store(path):
    with SqliteStore(f"sqlite:///{path}") as store:
        yield store


class TestSqlite(StoreContract):
    @pytest.fixture
    def store(self, store):
        return store


def test_the_file_is_its_owners_alone(store, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_commits_wait_for_the_disk(store):
    assert store.file._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.file._writer.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_second_store_of_the_same_file_sees_what_the_first_wrote(store):
    store.family("PageViews").insert(KEY, row(1))
    with SqliteStore(store.url) as second:
        assert second.init() == []
        assert second.family("PageViews").get_count(KEY) == 1


def test_a_thread_that_ends_leaves_no_connection(store, path):
    def read():
        with ThreadPoolExecutor(1) as pool:
            pool.submit(store.family("PageViews").get_count, KEY).result(10)

    def is_open():
        return sum(os.path.realpath(file) == str(path) for file in Path("/proc/self/fd").iterdir())

    read()
    before = is_open()
    for _ in range(5):
        read()
    assert is_open() == before > 0


def test_many_may_make_the_same_file_at_once(tmp_path):
    """Telling a file to keep a log fails while another tells it, rather than after a while."""

    def make(path):
        with SqliteStore(f"sqlite:///{path}") as store:
            store.family("PageViews").insert(KEY, row(1))
            return store.file._writer.execute("PRAGMA journal_mode").fetchone()

    with ThreadPoolExecutor(8) as pool:
        for number in range(60):
            made = list(pool.map(make, [tmp_path / f"{number}.db"] * 8))
            assert made == [("wal",)] * 8


def test_threads_that_write_and_read_at_once_lose_nothing(store):
    views = store.family("PageViews")

    def work(number):
        views.insert(KEY, {at(number / 100, number): value(number)})
        return sum(1 for _ in views.xget(KEY))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert views.get_count(KEY) == 200


def test_a_failed_apply_leaves_nothing_half_made(store):
    views = store.family("PageViews")
    broken = Insert("PageViews", KEY, at(2), None)
    with pytest.raises(StoreError, match="NOT NULL"):
        store.apply([Insert("PageViews", KEY, at(1), value(1)), broken])
    assert views.get_count(KEY) == 0
    views.insert(KEY, row(3))
    assert views.get_count(KEY) == 1


def test_a_locked_file_is_unavailable_until_it_is_let_go(store, path, monkeypatch):
    views = store.family("PageViews")
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        views.insert(KEY, row(1))
    other.execute("ROLLBACK")
    other.close()
    views.insert(KEY, row(1))
    assert views.get_count(KEY) == 1


def arrivals(*numbers):
    return packed(Event("PageViews", "blog", at(number), {"url": "/", "visitor": b"visitor1"}) for number in numbers)


def test_what_is_written_at_once_is_what_is_written_otherwise(store, tmp_path):
    with SqliteStore(f"sqlite:///{tmp_path}/other.db") as other:
        (_, here), (_, there) = store.changes(), other.changes()
        assert store.apply_at_once(arrivals(1, 2))
        other.apply(arrivals(1, 2))
        for family in ("PageViews", "Visitors"):
            found = [[(key, list(each.family(family).xget(key))) for key in each.family(family).row_keys()]
                     for each in (store, other)]
            assert found[0] == found[1] != []
        assert store.changes(here)[0] == other.changes(there)[0] != []


def test_nothing_is_written_at_once_while_another_writes(store, path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not store.apply_at_once(arrivals(1))
    other.execute("ROLLBACK")
    other.close()
    with store.file.transaction(), ThreadPoolExecutor(1) as pool:
        assert not pool.submit(store.apply_at_once, arrivals(1)).result(10)
    assert store.family("PageViews").get_count(KEY) == 0
    assert store.apply_at_once(arrivals(1))
    assert store.family("PageViews").get_count(KEY) == 1


def test_what_must_be_looked_up_before_is_not_written_at_once(store):
    retry = Event("PageViews", "blog", at(1), {"url": "/"}, retry=True)
    for mutations in (packed([retry]), [Insert("PageViews", KEY, at(1), value(1))], [Remove("PageViews", KEY)]):
        assert not store.apply_at_once([*arrivals(2), *mutations])
    assert store.family("PageViews").get_count(KEY) == 0


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="File exists"):
        SqliteStore(f"sqlite:///{tmp_path}/file/footfall.db")


@pytest.mark.parametrize("content, error", [
    (b"This is a text file, not a database at all." * 30, "not a database"),
    (None, "of another program"),
])
def test_a_file_of_another_program_is_refused(tmp_path, content, error):
    path = tmp_path / "other.db"
    if content is None:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE t (x)")
        other.close()
    else:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=error):
        SqliteStore(f"sqlite:///{path}")


def test_a_newer_footfalls_file_is_refused(store, path):
    store.close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(StoreError, match="newer footfall"):
        SqliteStore(f"sqlite:///{path}")


def test_an_older_footfalls_file_gets_the_families_it_lacks(store, path):
    store.family("PageViews").insert(KEY, row(1))
    store.close()
    with sqlite3.connect(path) as other:
        for table in ("Positions", "Changes", "ChangesOf"):
            other.execute(f'DROP TABLE "{table}"')
        other.execute("PRAGMA user_version = 1")
    other.close()
    with SqliteStore(f"sqlite:///{path}") as again:
        again.family("Positions").insert("import", {"file": {"offset": 1}})
        assert again.family("PageViews").get_count(KEY) == 1
        _, cursor = again.changes()
        again.family("PageViews").insert(KEY, row(2))
        assert again.changes(cursor)[0] == [Change("PageViews", KEY, at(2), at(2))]


def test_what_an_older_footfall_wrote_of_trails_stays(store, path):
    store.family("Visitors").insert("202601.blog", {(b"a" * 8, at(1)): value(1)})
    store.close()
    with sqlite3.connect(path) as other:
        other.execute('CREATE TABLE "VisitorsArrived" (row_key TEXT, id BLOB, data BLOB, expires INTEGER)')
        other.execute('CREATE VIEW "VisitorsAll" AS SELECT * FROM "VisitorsArrived"')
        other.execute('INSERT INTO "VisitorsArrived" VALUES (?, ?, ?, NULL)',
                      ("202601.blog", sort_key(at(2)) + b"a" * 8, value(2)))
        other.execute("PRAGMA user_version = 7")
    other.close()
    with SqliteStore(f"sqlite:///{path}") as again:
        assert list(again.family("Visitors").xget("202601.blog")) == [
            ((b"a" * 8, at(1)), value(1)), ((b"a" * 8, at(2)), value(2))]


def arrived(*hours, visitor=b"a" * 8):
    return packed([Event("PageViews", "blog", at(hour), {"url": f"https://{hour}/", "visitor": visitor})
                   for hour in hours])


def steps(store):
    return {name: dict(step) for name, step in store.family("Visitors").xget("202601.blog")}


def test_steps_are_written_by_whoever_comes_first_and_once(store):
    store.apply(arrived(*range(24)))
    expected = steps(store)
    assert len(expected) == 24
    with SqliteStore(store.url) as other:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda each: [each.tidy() for _ in range(5)], [store, other]))
        assert steps(other) == expected
    assert store.file.read('SELECT count(*) FROM "VisitorsDue"') == [(0,)]
    assert store.file.read('SELECT count(*) FROM "Visitors"') == [(24,)]


def test_a_step_that_is_removed_while_it_is_being_written_stays_away(store, monkeypatch):
    store.apply(arrived(1, 2))
    told = TrailFamily._told

    def remove_meanwhile(trails, due):
        yield from told(trails, due)
        store.family("Visitors").remove("202601.blog", [(b"a" * 8, at(1))])

    with monkeypatch.context() as patched:
        patched.setattr(TrailFamily, "_told", remove_meanwhile)
        store.tidy()
    assert list(steps(store)) == [(b"a" * 8, at(2))]
    store.tidy()
    assert list(steps(store)) == [(b"a" * 8, at(2))]


def test_a_step_tells_what_its_event_tells_sealed_or_gone(store):
    store.apply(arrived(1, 2, 3))
    list(store.seal(None, date(2026, 2, 1)))
    store.family("PageViews").remove(KEY, [at(2)])
    store.family("PageViews").insert(KEY, {at(3): b"\xc1"})
    for _ in range(2):
        assert list(steps(store).values()) == [{"url": "https://1/"}, {}, {}]
        store.tidy()


def test_the_oldest_steps_are_written_first_and_not_all_at_once(store, monkeypatch):
    monkeypatch.setattr(sqlite_trails, "PAUSE_SECONDS", 0)
    for first in range(0, 120, 40):
        store.apply(arrived(*[(first + number) / 100 for number in range(40)]))
    store.apply(arrived(*[2 + number / 100 for number in range(1000)]))
    # At first little, since many came; then eight rows of what was due, of 40 events or 64.
    for written in (40, 504, 1016, 1120, 1120):
        store.tidy()
        assert store.file.read('SELECT count(*), max(substr(id, 9)) FROM "Visitors"') == [
            (written, sort_key(at((written - 1 if written < 120 else written + 79) / 100)))]
        assert len(steps(store)) == 1120


def test_of_steps_that_are_shredded_no_byte_is_left(store, path):
    store.apply(arrived(1, 2, visitor=b"shredded"))
    store.apply(arrived(3, visitor=b"shredded"))
    store.tidy()
    store.apply(arrived(4, 5, visitor=b"shredded"))
    store.apply(arrived(6))
    names = [at(hour) for hour in range(1, 6)]
    store.shred([[Remove("PageViews", KEY, name) for name in names],
                 [Remove("Visitors", "202601.blog", (b"shredded", name)) for name in names]])
    assert list(steps(store)) == [(b"a" * 8, at(6))]
    assert b"shredded" not in path.read_bytes()


def replace(path):
    os.replace(shutil.copy(path, path.with_name("copy.db")), path)


@pytest.mark.parametrize("put_away", [Path.unlink, replace])
def test_a_file_that_is_not_the_one_with_the_name_any_more_takes_nothing(store, path, put_away):
    views = store.family("PageViews")
    views.insert(KEY, row(1))
    put_away(path)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"replaced|No such file"):
            views.insert(KEY, row(2))


def test_expired_columns_are_not_read_and_leave_the_file(store, monkeypatch):
    views = store.family("PageViews")
    views.insert(KEY, row(1), ttl=10)
    views.insert(KEY, row(2))
    later = sqlite_family.now() + 11_000
    monkeypatch.setattr(sqlite_family, "now", lambda: later)
    assert list(views.get(KEY)) == list(row(2))
    assert views.get_count(KEY) == 1
    views.insert(OTHER, row(3), ttl=10)
    assert store.file.read('SELECT count(*) FROM "PageViews"') == [(2,)]


def test_closing_twice_does_nothing(store):
    store.close()
    store.close()
    with pytest.raises(StoreError):
        store.family("PageViews").insert(KEY, row(1))


def test_a_store_pickles_to_its_url(store):
    store.family("PageViews").insert(KEY, row(1))
    with pickle.loads(pickle.dumps(store)) as again:
        assert (again.url, again.family("PageViews").get_count(KEY)) == (store.url, 1)


# ----- the log of changes


def test_nothing_is_told_where_nothing_changed(store):
    views = store.family("PageViews")
    views.insert(KEY, row(1))
    _, cursor = store.changes()
    store.family("Accounts").insert("accounts", {"blog": b"\x80"})
    store.family("Filtered").insert(KEY, row(2))
    store.tidy()
    assert store.changes(cursor) == ([], cursor)
    views.insert(KEY, row(2))
    assert store.changes(cursor)[0] == [Change("PageViews", KEY, at(2), at(2))]


def test_two_processes_of_one_file_tell_of_each_others_changes(store):
    with SqliteStore(store.url) as second:
        _, cursor = second.changes()
        store.family("PageViews").insert(KEY, row(1))
        changes, cursor = second.changes(cursor)
        second.family("PageViews").insert(KEY, row(2))
        assert changes == [Change("PageViews", KEY, at(1), at(1))]
        assert store.changes(cursor)[0] == [Change("PageViews", KEY, at(2), at(2))]


def test_what_fails_is_not_told(store):
    _, cursor = store.changes()
    with pytest.raises(StoreError):
        store.apply([Insert("PageViews", KEY, at(1), value(1)), Insert("PageViews", KEY, at(2), None)])
    assert store.changes(cursor) == ([], cursor)


def test_the_log_stays_short_and_tells_old_readers_more_and_new_ones_the_same(store, monkeypatch):
    monkeypatch.setattr(sqlite_changes, "FRESH", 100)
    monkeypatch.setattr(sqlite_changes, "MOST", 220)
    cursors = [store.changes()[1]]
    for number in range(300):
        store.apply([Insert("PageViews", OTHER if number % 7 else KEY, at(number / 100), value(1))])
        if number % 50 == 49:
            cursors.append(store.changes(cursors[-1])[1])
    asked = [store.changes(cursor)[0] for cursor in cursors]
    store.tidy()
    assert store.file.read('SELECT count(*) FROM "Changes"') == [(100 + 2,)]
    for before, cursor in zip(asked, cursors, strict=True):
        now = store.changes(cursor)[0]
        assert all(any(one.key == all_.key and sort_key(all_.low) <= sort_key(one.low)
                       and sort_key(one.high) <= sort_key(all_.high) for all_ in now) for one in before)
    assert [store.changes(cursor)[0] for cursor in cursors[-2:]] == asked[-2:]


def test_a_copy_that_was_put_back_is_another_log(store, path, tmp_path):
    views = store.family("PageViews")
    views.insert(KEY, row(1))
    _, earlier = store.changes()
    store.file._writer.execute(f"VACUUM INTO '{tmp_path / 'backup.db'}'")
    views.insert(KEY, row(2))
    _, cursor = store.changes()
    store.close()
    os.replace(tmp_path / "backup.db", path)
    for left_over in ("-wal", "-shm"):
        path.with_name(path.name + left_over).unlink(missing_ok=True)
    everything = [Change("PageViews", None), Change("Events", None)]
    with SqliteStore(store.url) as again:
        assert again.changes(earlier)[0] == []
        assert again.changes(cursor)[0] == everything
        again.family("PageViews").insert(KEY, row(3))
        assert again.changes(earlier)[0] == [Change("PageViews", KEY, at(3), at(3))]
        assert again.changes(cursor)[0] == everything
