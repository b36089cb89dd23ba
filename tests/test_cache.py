"""The cache of facts says what the store says, at any moment, whatever happened to either."""

import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from footfall import accounts, cli, config, erasure, metrics, timeuuid
from footfall.collect.filters import Lists, Rules
from footfall.collect.moving import Range, apply_rules, restore
from footfall.columns import Remove
from footfall.erasure import Selection
from footfall.errors import StoreError, StoreUnavailable
from footfall.packing import packed, with_steps
from footfall.pageview import Event, row_key
from footfall.reports import cache as caches
from footfall.reports import daily, segment, tasks
from footfall.reports import manifest as manifests
from footfall.reports.asking import days_of
from footfall.reports.building import build, days_around
from footfall.reports.cache import FactsCache, open_cache
from footfall.reports.changed import MOST_PARTS, parts_of
from footfall.reports.columns import Derived
from footfall.reports.query import query
from footfall.storage import Change
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from footfall.stores.sqlite import SqliteStore
from tests.browsers import browsers
from tests.conftest import ROOT
from tests.happenings import DAY, DAY_TICKS, FIELDS, MIDNIGHT, VISITORS, shown
from tests.servers import Server, fetch, footfall
from tests.waiting import until

WEEK = [DAY + timedelta(days=number) for number in range(-3, 4)]
NEXT = DAY + timedelta(days=1)


def view(ticks, number=0, account="blog", family="PageViews", retry=False, **fields):
    """An event at so many ticks of the day."""
    return Event(family, account, timeuuid.make(MIDNIGHT + ticks, number), {
        "url": f"https://example.com/{number}", "title": "", "ip": "192.0.2.0", "referrer": "", "user_agent": "",
        "language": "", "visitor": (1 + number % 3).to_bytes(8), **({"event": "signup"} if family == "Events" else {}),
        **fields}, retry)


def fill(store, count=20, days=1):
    store.apply(packed([view(day * DAY_TICKS + number * DAY_TICKS // count, number)
                        for day in range(days) for number in range(count)]))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def cache(store, folder):
    return FactsCache(store, folder)


def said(cache, first=WEEK[0], last=WEEK[-1], account="blog"):
    """What a cache says of a range of days, visits over midnight included."""
    return told(cache.days(account, first, last))


def told(days):
    return [(shown(day.facts), {name: getattr(day.visits, name).tolist() for name in day.visits.__dataclass_fields__},
             day.head.tolist(), day.offset) for day in days]


def true(store, first=WEEK[0], last=WEEK[-1], account="blog"):
    """What the store says of it, with nothing remembered."""
    return told(days_from(store, account)(first, last))


def in_files(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def files(folder):
    """The names of files, but for the counts, which go with those of the facts."""
    return {path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".counts"}


def counts(folder):
    """The names of the files of counts, each with whether the facts are there that it belongs to."""
    return {path.name: path.with_name(path.name.partition(".")[0] + ".facts").exists()
            for path in folder.rglob("*.counts")}


def asked(days):
    """What reports say of whole days."""
    return [query(days, metrics, WEEK[0], WEEK[-1], by=by).to_json() for metrics, by in (
        *((("visitors", "visits", "views", "bounce_rate"), by) for by in ((), ("day",), ("page",), ("source",))),
        (("visits", "bounce_rate"), ("exit_page",)))]


def days_in(cache):
    return partial(cache.days, "blog")


def days_from(store, account="blog"):
    """What gives the days as the store has them, with nothing remembered."""
    def load(day):
        facts = build(store, account, day)
        return facts if len(facts) else None

    return partial(days_around, load)


# ----- what changes shows


def test_a_fresh_event_is_there_at_once_and_only_it_is_read(store, cache, monkeypatch):
    fill(store)
    assert said(cache) == true(store)
    read = []
    monkeypatch.setattr(caches, "build", lambda *arguments: read.append(arguments[3:]) or build(*arguments))
    store.apply(packed([view(DAY_TICKS - 1, 99)]))
    assert said(cache) == true(store)
    assert read == [(MIDNIGHT + DAY_TICKS - 1,) * 2]
    assert said(cache) == true(store)
    assert len(read) == 1


class Door:
    """A lock that tells how many wait for it or have it."""

    def __init__(self, lock):
        self.lock, self.there = lock, 0

    def __enter__(self):
        self.there += 1
        self.lock.acquire()

    def __exit__(self, *_):
        self.lock.release()
        self.there -= 1


def test_of_those_who_wait_while_somebody_looks_at_the_store_one_looks_for_all(store, cache, monkeypatch):
    fill(store)
    said(cache)
    site, changes, looks, goes_on = cache._site("blog"), store.changes, [], threading.Event()
    site.lock = door = Door(site.lock)

    def look(cursor):
        looks.append(cursor)
        goes_on.wait()
        return changes(cursor)

    monkeypatch.setattr(store, "changes", look)
    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(cache.days, "blog", DAY, DAY)]
        until(lambda: looks)
        store.apply(packed([view(5, 99)]))
        answers += [threads.submit(cache.days, "blog", DAY, DAY) for _ in range(3)]
        until(lambda: door.there == 4)
        goes_on.set()
    assert len(looks) == 2
    assert {sum(len(day.facts) for day in answer.result()) for answer in answers[1:]} == {21}


def test_what_is_asked_of_one_moment_is_looked_for_once(store, cache, monkeypatch):
    fill(store)
    changes, looks = store.changes, []
    monkeypatch.setattr(store, "changes", lambda cursor: looks.append(cursor) or changes(cursor))
    days = days_of(cache, "blog")
    days(DAY, DAY)
    before = len(looks)
    days(DAY - timedelta(days=28), DAY)
    days(DAY - timedelta(days=1), DAY)
    # To build what is not known takes a look of its own.
    assert len(looks) == before + 1
    days(DAY, DAY)
    days(DAY - timedelta(days=27), DAY)
    assert len(looks) == before + 1
    store.apply(packed([view(5, 99)]))
    assert query(days_of(cache, "blog"), ["views"], DAY, DAY + timedelta(days=1))[0]["views"] > 0
    assert len(looks) == before + 2


#: Keep one page's events apart.
RULES = Rules(accounts.Account("blog", "", "", {"exclude_pages": "/0"}).settings, Lists(), ("page",))
#: What to do to a store: a name, and what each takes.
MOMENTS = st.one_of(st.sampled_from([0, 1, DAY_TICKS - 1, DAY_TICKS, -1]),
                    st.integers(-DAY_TICKS, 2 * DAY_TICKS - 1),
                    st.integers(-6, 6).map(lambda number: number * 300 * timeuuid.TICKS_PER_SECOND))
SOME_EVENTS = st.lists(st.builds(
    lambda ticks, number, family, retry, fields, visitor: view(ticks, number, family=family, retry=retry, **{
        **{name: value for name, value in fields.items() if isinstance(value, str) and name != "event"},
        "visitor": visitor}),
    MOMENTS, st.integers(0, 2), st.sampled_from(["PageViews", "PageViews", "Events"]), st.booleans(), FIELDS,
    VISITORS.filter(bool)), min_size=1, max_size=6)
HAPPENINGS = st.lists(st.tuples(st.booleans(), st.one_of(
    st.tuples(st.just("come"), SOME_EVENTS), st.tuples(st.just("come"), SOME_EVENTS),
    st.tuples(st.just("come again"), st.integers(0, 50)),
    st.tuples(st.just("go"), st.integers(0, 50)),
    st.tuples(st.just("rules"), st.none()), st.tuples(st.just("restore"), st.none()),
    st.tuples(st.just("forget"), VISITORS.filter(bool)),
    st.tuples(st.just("expire"), MOMENTS),
    st.tuples(st.just("mark goes"), st.none()),
    st.tuples(st.just("row goes"), st.sampled_from(["PageViews", "Events"])),
    st.tuples(st.just("all goes"), st.just("PageViews")),
    st.tuples(st.sampled_from(["tidy", "seal", "seal", "unseal"]), st.none()),
    st.tuples(st.just("ask"), st.sampled_from(WEEK)), st.tuples(st.just("ask"), st.sampled_from(WEEK)),
    st.tuples(st.just("save"), st.none()), st.tuples(st.just("start anew"), st.none()))), max_size=12)


def of(some, number):
    return some[number % len(some):][:1]


def stored(store):
    return [Remove(family, key, name) for family in ("PageViews", "Events") for key, row in store.family(family).walk()
            for name, _ in row]


def ask(store, cache, day):
    assert said(cache, day, day) == true(store, day, day)


#: What happens, by name: to a store, to the cache, how, and after which events.
HAPPEN = {
    "come": lambda store, cache, how, come: store.apply(packed(how)) or come.extend(how),
    "come again": lambda store, cache, how, come: store.apply(packed(of(come, how) if come else [])),
    "go": lambda store, cache, how, come: store.apply(of(stored(store), how) if stored(store) else []),
    "rules": lambda store, *_: apply_rules(store, "blog", RULES, Range()),
    "restore": lambda store, *_: restore(store, "blog", lambda fields: True, Range()),
    "forget": lambda store, cache, how, come: erasure.forget(store, Selection("blog", visitor=how)),
    "expire": lambda store, cache, how, come: erasure.forget(store, Selection(
        "blog", before=datetime(2026, 1, 2, tzinfo=UTC) + timedelta(microseconds=how // 10))),
    "mark goes": lambda store, *_: [store.family("Retries").remove(key, [name for name, _ in row][:1])
                                    for key, row in list(store.family("Retries").walk())],
    "row goes": lambda store, cache, how, come: store.family(how).remove(row_key("blog", DAY)),
    "all goes": lambda store, cache, how, come: store.family(how).truncate(),
    "tidy": lambda store, *_: store.tidy(),
    "seal": lambda store, *_: isinstance(store, SqliteStore) and list(store.seal("blog", NEXT)),
    "unseal": lambda store, *_: isinstance(store, SqliteStore) and list(store.unseal("blog", NEXT)),
    "ask": lambda store, cache, how, come: ask(store, cache, how),
    "save": lambda store, cache, how, come: cache.refresh("blog"),
    "start anew": lambda *_: None,
}


def check_happenings(store, folder, happenings):
    cache, come = FactsCache(store, folder), []
    for is_looked_at, (what, how) in happenings:
        HAPPEN[what](store, cache, how, come)
        if is_looked_at:
            cache.days("blog", WEEK[0], WEEK[-1])
        if what == "start anew":
            cache = FactsCache(store, folder)
    expected = true(store)
    assert said(cache) == expected
    cache.refresh("blog")
    assert said(FactsCache(store, folder)) == expected


FIVE_MINUTES = 300 * timeuuid.TICKS_PER_SECOND
#: A retry is left out once its event is there, and stands again when that is gone.
LATE_FIRST = [(True, ("come", [view(0, 1, retry=True)])), (True, ("come", [view(FIVE_MINUTES, 1)]))]


@pytest.mark.ours
@settings(max_examples=100)
@example(happenings=LATE_FIRST)
@example(happenings=[*LATE_FIRST, (False, ("go", 1))])
@example(happenings=[*LATE_FIRST, (False, ("mark goes", None))])
@given(happenings=HAPPENINGS)
def test_whatever_happens_the_cache_says_what_the_store_says(tmp_path_factory, happenings):
    check_happenings(MemoryStore(), tmp_path_factory.mktemp("cache"), happenings)


@pytest.mark.ours
@settings(max_examples=30)
@example(happenings=[*LATE_FIRST, (True, ("seal", None)), (False, ("forget", (2).to_bytes(8)))])
@example(happenings=[*LATE_FIRST, (True, ("seal", None)), (False, ("row goes", "PageViews"))])
@example(happenings=[*LATE_FIRST, (True, ("seal", None)), (False, ("all goes", "PageViews"))])
@example(happenings=[*LATE_FIRST, (True, ("seal", None)), (True, ("go", 0))])
@given(happenings=HAPPENINGS)
def test_whatever_happens_to_a_file_the_cache_says_what_it_says(tmp_path_factory, happenings):
    folder = tmp_path_factory.mktemp("cache")
    with open_store(f"sqlite:///{folder}/footfall.db") as store:
        store.file._writer.execute("PRAGMA synchronous = OFF")
        check_happenings(store, folder / "facts", happenings)


@pytest.mark.parametrize("changes, expected", [
    ([], {}),
    ([Change("PageViews", "20260102.blog", timeuuid.make(5, 1), timeuuid.make(7, 1)),
      Change("Events", "20260102.blog", timeuuid.make(8, 1), timeuuid.make(9, 1)),
      Change("Events", "20260102.blog", timeuuid.make(2, 1), timeuuid.make(2, 1)),
      Change("Events", "20260102.other", timeuuid.make(1, 1), timeuuid.make(1, 1))], {DAY: [(2, 2), (5, 9)]}),
    ([Change("PageViews", "20260102.blog"), Change("PageViews", "20260103.blog", timeuuid.make(1, 1), None)],
     {DAY: None, NEXT: [(1, timeuuid.ticks_of(timeuuid.HIGHEST_TIME_UUID))]}),
    ([Change("PageViews", "no day"), Change("PageViews", "20269901.blog")], {}),
    ([Change("Events", "20260102.blog", *[timeuuid.make(10 * number, 1)] * 2) for number in range(MOST_PARTS + 1)],
     {DAY: [(0, 10 * MOST_PARTS)]}),
])
def test_changes_become_parts_of_days(changes, expected):
    assert parts_of(changes, "blog") == expected


# ----- files


def test_files_are_kept_and_serve_a_process_that_starts_anew(store, cache, folder, monkeypatch):
    fill(store, days=3)
    expected = said(cache)
    assert {path.name for path in folder.iterdir()} == {"site.blog"}
    assert folder.joinpath("site.blog").stat().st_mode & 0o077 == 0
    monkeypatch.setattr(caches, "build", None)
    assert said(FactsCache(store, folder)) == expected


def test_what_was_counted_serves_a_process_that_starts_anew(store, cache, folder, monkeypatch):
    fill(store, days=4)
    expected = asked(days_in(cache))
    assert len(counts(folder)) == 4
    store.apply(packed([view(DAY_TICKS // 2 + 1, 99, visitor=bytes(8)), view(3 * DAY_TICKS + 1, 98)]))
    asked(days_in(cache))
    cache.refresh("blog")
    assert len(counts(folder)) == 2
    anew = asked(days_in(FactsCache(store, folder)))
    assert anew == asked(days_from(store)) != expected
    cache.days("blog", DAY, DAY)
    other = FactsCache(store, folder)
    asked(days_in(other))
    other.days("blog", DAY, DAY)
    assert len(counts(folder)) == 4
    assert all(counts(folder).values())

    def never(*_):
        raise AssertionError("counted again")

    monkeypatch.setattr(daily, "events_of", never)
    monkeypatch.setattr(daily, "visits_of", never)
    monkeypatch.setattr(Derived, "_visitors", never)
    monkeypatch.setattr(Derived, "_by_visitor", never)
    assert asked(days_in(FactsCache(store, folder))) == anew


def test_what_is_written_down_is_what_is_worth_it(store, cache, folder, monkeypatch):
    fill(store)
    said(cache)
    before = files(folder)
    store.apply(packed([view(DAY_TICKS - 1, 99)]))
    assert said(cache) == true(store)
    assert files(folder) == before
    monkeypatch.setattr(caches, "SAVED_EVENTS", 2)
    store.apply(packed([view(DAY_TICKS - 2, 98), view(DAY_TICKS - 3, 97)]))
    assert said(cache) == true(store)
    assert len(files(folder)) == len(before)
    assert files(folder) != before
    before = files(folder)
    store.apply(packed([view(DAY_TICKS - 4, 96)]))
    monkeypatch.setattr(caches, "SAVED_SECONDS", 0)
    assert said(cache) == true(store)
    assert files(folder) != before


def test_facts_of_another_version_or_of_another_store_are_built_anew(store, cache, folder, monkeypatch, tmp_path):
    fill(store)
    said(cache)
    before = files(folder)
    monkeypatch.setattr(caches, "facts_version", lambda: "another")
    assert not cache.status("blog")["is_current"]
    assert said(FactsCache(store, folder)) == said(cache) == true(store)
    assert not before & files(folder) - {manifests.MANIFEST, manifests.TURN}
    with open_store(f"sqlite:///{tmp_path}/other.db") as other:
        fill(other, 7)
        assert said(FactsCache(other, folder)) == true(other) != true(store)
    assert said(FactsCache(store, folder)) == true(store)


def segment_of(folder):
    return next(path for path in sorted(folder.rglob("*.facts")))


@pytest.mark.parametrize("damage", [
    lambda folder: segment_of(folder).write_bytes(b""),
    lambda folder: segment_of(folder).write_bytes(segment_of(folder).read_bytes()[:-9]),
    lambda folder: segment_of(folder).write_bytes(segment_of(folder).read_bytes().replace(b"\x03", b"\x02")),
    lambda folder: segment_of(folder).unlink(),
    lambda folder: (folder / "site.blog" / manifests.MANIFEST).write_text("{"),
    lambda folder: (folder / "site.blog" / manifests.MANIFEST).write_text('{"facts": 1}'),
])
def test_what_is_damaged_is_built_anew_and_counted(store, cache, folder, damage, caplog):
    fill(store)
    expected = said(cache)
    before = metrics.DAMAGED_FACTS._value.get()
    damage(folder)
    assert said(FactsCache(store, folder)) == expected
    assert metrics.DAMAGED_FACTS._value.get() == before + 1
    assert "built anew" in caplog.text
    assert said(FactsCache(store, folder)) == expected
    assert metrics.DAMAGED_FACTS._value.get() == before + 1


def test_a_folder_that_cannot_be_written_costs_time_and_no_number(store, folder, caplog):
    fill(store, days=2)
    folder.write_text("a file where the folder should be")
    cache = FactsCache(store, folder)
    for _ in range(2):
        assert said(cache) == true(store)
        store.apply(packed([view(5, 77)]))
    assert "facts cannot be kept" in caplog.text
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        cache.build("blog")


def test_a_store_that_is_away_is_no_reason_to_forget(store, cache, monkeypatch):
    fill(store)
    said(cache)
    store.apply(packed([view(5, 77)]))
    with monkeypatch.context() as patched:
        def away(*_):
            raise StoreUnavailable("away")

        patched.setattr(caches, "build", away)
        with pytest.raises(StoreUnavailable):
            said(cache)
    assert said(cache) == true(store)


def test_sites_do_not_meet(store, cache):
    store.apply(packed([view(5, 1), view(6, 2, account="other.blog"), view(7, 3, account="..")]))
    for account in ("blog", "other.blog", ".."):
        assert said(cache, account=account) == true(store, account=account)
    assert cache.accounts() == ["..", "blog", "other.blog"]
    cache.drop("..")
    assert cache.accounts() == ["blog", "other.blog"]


# ----- building



EXECUTORS = {"here": nullcontext, "threads": lambda: ThreadPoolExecutor(2),
             "processes": lambda: ProcessPoolExecutor(2, get_context("spawn"))}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_days_are_built_here_or_side_by_side(store, cache, executor, monkeypatch):
    fill(store, days=5)
    expected, steps = true(store), []
    monkeypatch.setattr(caches, "ROUND", 2)
    with EXECUTORS[executor]() as running:
        assert cache.build("blog", executor=running, progress=lambda *step: steps.append(step)) == 5
        assert cache.build("blog", executor=running) == 0
    assert steps == [(number, 5, 20 * number) for number in range(1, 6)]
    monkeypatch.setattr(caches, "MOST_UNKNOWN", 1)
    monkeypatch.setattr(caches, "build", None)
    assert said(cache) == expected


def test_a_store_of_one_process_is_built_by_its_threads_alone(cache):
    store = MemoryStore()
    fill(store)
    cache = FactsCache(store, cache.folder)
    with EXECUTORS["processes"]() as running, pytest.raises(StoreError, match="executor of threads"):
        cache.build("blog", executor=running)
    assert cache.build("blog") == 1


def test_a_long_range_asks_the_store_which_days_have_events(store, cache, monkeypatch):
    fill(store, days=2)
    built = []
    monkeypatch.setattr(tasks, "build", lambda *arguments: built.append(arguments[2]) or build(*arguments))
    first, last = DAY - timedelta(days=400), DAY + timedelta(days=400)
    assert len(said(cache, first, last)) == 2
    assert built == [NEXT, DAY]
    assert said(cache, first, last) == true(store)


# ----- several at once, and killed


def work(url, folder, number):
    """In a process of its own: events of its own come, and each is there at once, whatever the others write."""
    caches.SAVED_SECONDS = 0
    with open_store(url) as store:
        cache = FactsCache(store, folder)
        for step in range(15):
            store.apply(packed([view((number * 100 + step) * 1_000_000, 1000 * number + step)]))
            urls = {row for day in cache.days("blog", DAY, DAY) for row in day.facts.tables["url"]}
            assert (f"https://example.com/{1000 * number + step}",) in urls
            if step % 5 == number % 5:
                cache.build("blog") if number % 2 else cache.drop("blog")
    return number


def test_processes_and_threads_share_a_folder(store, folder):
    fill(store)
    with ProcessPoolExecutor(3, get_context("spawn")) as processes:
        workers = [processes.submit(work, store.url, folder, number) for number in range(3)]
        cache = FactsCache(store, folder)
        with ThreadPoolExecutor(4) as threads:
            for days in threads.map(lambda _: cache.days("blog", DAY, DAY), range(40)):
                assert sum(len(day.facts) for day in days) >= 20
        assert [worker.result() for worker in workers] == [0, 1, 2]
    assert said(cache) == said(FactsCache(store, folder)) == true(store)
    cache.refresh("blog")
    assert len(files(folder)) == 3


def test_a_file_that_another_process_replaces_meanwhile_is_no_damage(store, cache, folder, monkeypatch):
    fill(store)
    said(cache)
    other, damaged = FactsCache(store, folder), metrics.DAMAGED_FACTS._value.get()
    complete = other._complete

    def meanwhile(*arguments):
        complete(*arguments)
        if store.family("PageViews").get_count(row_key("blog", DAY)) == 20:
            store.apply(packed([view(5, 77)]))
            cache.refresh("blog")

    monkeypatch.setattr(other, "_complete", meanwhile)
    assert said(other) == true(store)
    assert metrics.DAMAGED_FACTS._value.get() == damaged


CRASH = """
import os, pathlib, signal, sys
from tests.test_cache import *

url, folder = sys.argv[1], pathlib.Path(sys.argv[2])

def die_at(last):
    steps = 0
    def count():
        nonlocal steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
    def look(name, arguments):
        writes = name in ("os.rename", "os.remove") or name == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes and str(folder) in str(arguments):
            count()
    sys.addaudithook(look)
    fsync = os.fsync
    os.fsync = lambda descriptor: (count(), fsync(descriptor))

def in_child(work):
    child = os.fork()
    if not child:
        try:
            with open_store(url) as store:
                # What is killed here is no machine.
                store.file._writer.execute("PRAGMA synchronous = OFF")
                work(store, FactsCache(store, folder))
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def change(store, cache, number):
    said(cache)
    store.apply(packed([view(number, number), view(DAY_TICKS + number, number)]))
    if number % 3 == 0:
        store.apply([Remove("PageViews", row_key("blog", DAY), name)
                     for name in store.family("PageViews").get(row_key("blog", DAY), column_count=2)])
    die_at(number)
    cache.refresh("blog")
    # What is counted now is written down when days are asked for again.
    asked(days_in(cache))
    said(cache)

def check(store, cache):
    assert said(cache) == true(store)
    assert asked(days_in(cache)) == asked(days_from(store))

# What the first event of a process takes long for, no child needs to do.
warm = MemoryStore()
fill(warm, 1)
true(warm)
number = 1
while (code := in_child(lambda store, cache: change(store, cache, number))) == -signal.SIGKILL:
    assert in_child(check) == 0, number
    number += 1
print(number, code)
"""


@pytest.mark.ours
def test_a_cache_that_is_killed_at_any_step_of_its_writing_tells_no_wrong_number(store, folder):
    fill(store, days=2)
    said(FactsCache(store, folder))
    run = subprocess.run([sys.executable, "-c", CRASH, store.url, str(folder)], cwd=ROOT, capture_output=True,
                         text=True, timeout=300, check=False)
    steps, code = run.stdout.split()[-2:]
    assert (code, run.returncode) == ("0", 0), run.stdout + run.stderr
    assert int(steps) > 15, steps
    FactsCache(store, folder).refresh("blog")
    assert len(files(folder)) == 4
    assert len(counts(folder)) == 2
    assert all(counts(folder).values())
    assert said(FactsCache(store, folder)) == true(store)


# ----- what leaves


def secrets_in(folder):
    """Every text and every visitor in files of facts, and their bytes."""
    shown = [segment.read(path) for path in folder.rglob("*.facts")]
    texts = {text for facts in shown for table in facts.tables.values() for row in table for text in row}
    return texts, {int(visitor) for facts in shown for visitor in facts.visits.visitor}, in_files(folder)


def test_what_is_forgotten_is_in_no_file_of_facts(tmp_path):
    secret, visitor = "https://example.com/very-secret-page", 0xA1B2C3D4E5F60718
    with open_store(f"sqlite:///{tmp_path}/footfall.db") as store:
        accounts.add(store, "blog")
        fill(store, days=2)
        store.apply(packed([view(77, 777, url=secret, visitor=visitor.to_bytes(8))]))
        cache = FactsCache(store, tmp_path / "cache")
        said(cache)
        cache.refresh("blog")
        asked(days_in(cache))
        said(cache)
        assert any(visitor.to_bytes(8, "little") in path.read_bytes() for path in tmp_path.rglob("*.counts"))
        texts, visitors, content = secrets_in(tmp_path / "cache")
        assert secret in texts
        assert visitor in visitors
        assert visitor.to_bytes(8, "little") in content
        footfall(tmp_path, "forget", "--site", "blog", "--visitor", f"{visitor:016x}", "--yes")
        texts, visitors, content = secrets_in(tmp_path / "cache")
        assert secret not in texts
        assert visitor not in visitors
        for order in ("little", "big"):
            assert visitor.to_bytes(8, order) not in content
        assert b"secret" not in content
        assert said(cache) == true(store)
        footfall(tmp_path, "site", "set", "blog", "--exclude-pages", "/7")
        footfall(tmp_path, "filtered", "apply", "blog")
        assert "https://example.com/7" in texts
        assert "https://example.com/7" not in secrets_in(tmp_path / "cache")[0]
        footfall(tmp_path, "filtered", "restore", "blog", "--yes")
        assert "https://example.com/7" in secrets_in(tmp_path / "cache")[0]
        footfall(tmp_path, "store", "expire", "--retention", "1")
        assert not list((tmp_path / "cache").rglob("*.facts"))
        assert not counts(tmp_path / "cache")


class Leaving(MemoryStore):
    """A store whose events leave by themselves: those of before an instant are not there."""

    by_ttl = True


def test_facts_are_shown_no_longer_than_their_events_are_kept(folder, monkeypatch):
    store = Leaving()
    fill(store, days=3)
    now = MIDNIGHT + 2 * DAY_TICKS + DAY_TICKS // 2
    monkeypatch.setattr(caches.time, "time_ns", lambda: now * 100)
    assert len(said(FactsCache(store, folder))) == 3
    accounts.configure(accounts.add(store, "blog") and store, "blog", {"retention_days": "1"})
    cache = FactsCache(store, folder)
    shown_ = said(cache)
    erasure.forget(store, Selection("blog", before=datetime(2026, 1, 3, 12, tzinfo=UTC)))
    assert shown_ == true(store) != []
    cache.refresh("blog")
    assert {path.name[:8] for path in folder.rglob("*.facts")} == {"20260103", "20260104"}


# ----- the command


def test_the_command_builds_shows_and_drops(tmp_path, capsys):
    def run(*arguments, fails=0):
        assert cli.main(["cache", *arguments, "--data", str(tmp_path)]) == fails
        return capsys.readouterr()

    with open_store(f"sqlite:///{tmp_path}/footfall.db") as store:
        accounts.add(store, "blog")
        accounts.add(store, "empty")
        fill(store, days=3)
        assert "blog: 3 days built" in footfall(tmp_path, "cache", "build", "--workers", "2").stdout
        assert json.loads(run("build", "--json").out) == {"built": {"blog": 0, "empty": 0}}
        (blog, empty) = json.loads(run("status", "--json").out)
        assert blog.pop("bytes") > 1000
        assert blog == {"site": "blog", "days": 3, "events": 60, "first": "2026-01-02", "last": "2026-01-04",
                        "is_current": True}
        assert (empty["site"], empty["days"]) == ("empty", 0)
        before = files(tmp_path / "cache")
        told = run("rebuild", "--site", "blog", "--progress")
        assert (told.out, "3 days, 60 events" in told.err) == ("blog: 3 days built\n", True)
        assert len(files(tmp_path / "cache") & before) == 2
        assert re.search(r"^blog +3 +60 .* 2026-01-02 to 2026-01-04$", run("status").out, re.MULTILINE)
        assert len(counts(tmp_path / "cache")) == 3
        run("drop", "--site", "blog")
        assert not list((tmp_path / "cache").rglob("*.facts"))
        assert not counts(tmp_path / "cache")
        assert "never built" in run("status", "--site", "blog").out
        run("build", "--site", "nobody", fails=2)
        assert said(open_cache(config.load({"data": str(tmp_path)}, environ={}), store)) == true(store)


# ----- a cluster


@pytest.mark.needs("java", "mvn")
def test_a_clusters_facts_are_those_of_a_file_with_the_same_events(cassandra_url, tmp_path):
    with open_store(cassandra_url("facts")) as store, open_store(f"sqlite:///{tmp_path}/copy.db") as copy:
        store.init()
        for each in (store, copy):
            fill(each, days=3)
        with ThreadPoolExecutor(2) as executor:
            cache = FactsCache(store, tmp_path / "cache")
            assert cache.build("blog", executor=executor) == 3
        assert said(cache) == true(copy)
        late = [view(3, 900), view(DAY_TICKS - 5, 901, retry=True), view(DAY_TICKS + 5, 901)]
        for event in late:
            store.apply(packed([event]))
            assert said(cache) == true(store)
        for gone in (Selection("blog", visitor=(1).to_bytes(8)),
                     Selection("blog", before=datetime(2026, 1, 3, 12, tzinfo=UTC))):
            erasure.forget(store, gone)
            assert said(cache) == true(store)
        assert said(FactsCache(store, tmp_path / "cache")) == true(store) != []


@pytest.mark.needs("java", "mvn")
def test_days_whose_events_may_have_left_a_cluster_are_read_each_time(cassandra_url, tmp_path):
    with open_store(cassandra_url("leaving", "retention_days=9")) as store:
        store.init()
        now = datetime.now(UTC).date()
        gone, kept = now - timedelta(days=10), now
        for day in (gone, kept):
            ticks = timeuuid.ticks_at(day) - MIDNIGHT
            columns = with_steps(packed([view(ticks, 1)]))
            store.apply([column._replace(ttl=2 if day is gone else None) for column in columns])
        cache = FactsCache(store, tmp_path / "cache")
        said(cache, gone, kept)
        until(lambda: not list(store.family("PageViews").xget(row_key("blog", gone))))
        assert said(cache, gone, kept) == true(store, gone, kept) != []
        assert cache.build("blog") == 0
        assert {path.name[:8] for path in tmp_path.rglob("*.facts")} == {f"{kept:%Y%m%d}"}


# ----- a server


def urls_of(cache):
    today = datetime.now(UTC).date()
    return {row for day in cache.days("blog", today, today) for row in day.facts.tables["url"]}


def hit(server, number):
    address = f"{server.url}/a.gif?id=blog&url=https://example.com/{number}"
    assert fetch(address, **{"User-Agent": next(browsers())[0]})[0] == 200


def test_what_a_server_has_answered_is_in_the_facts_of_another_process_at_once(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    settings_ = config.load({"data": str(tmp_path)}, environ={})
    with open_store(config=settings_) as store, Server(tmp_path) as server:
        cache = open_cache(settings_, store)
        for number in range(3):
            hit(server, number)
            assert (f"https://example.com/{number}",) in urls_of(cache)
        server.stop()


@pytest.mark.needs("java", "mvn")
def test_what_is_sent_on_to_a_cluster_is_in_the_facts_then(tmp_path, cassandra_url):
    settings_ = {"store": cassandra_url("served_facts")}
    footfall(tmp_path, "store", "init", **settings_)
    footfall(tmp_path, "site", "add", "blog", **settings_)
    with open_store(settings_["store"]) as store, Server(tmp_path, **settings_) as server:
        cache = FactsCache(store, tmp_path / "cache")
        for number in range(3):
            hit(server, number)
            until(lambda page=f"https://example.com/{number}": (page,) in urls_of(cache))
        server.stop()
