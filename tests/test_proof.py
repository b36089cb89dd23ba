"""The engine and the events by themselves say the same, whatever is asked, and however the events came."""

import contextlib
import random
import re
import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache as cache_results
from functools import partial
from zoneinfo import ZoneInfo

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from footfall import config, pageview, timeuuid
from footfall.packing import packed
from footfall.pageview import Event, event_key
from footfall.reports.building import build, days_around
from footfall.reports.cache import FactsCache, open_cache
from footfall.reports.engine import ask
from footfall.reports.plain import read
from footfall.reports.plain.events import PLACES
from footfall.reports.plain.filters import ENDS
from footfall.reports.plain.times import TIMES, instant
from footfall.reports.query import query
from footfall.reports.questions import ALL, QUESTIONS, Funnel, Live, Paths, Question, Retention
from footfall.reports.recent import oldest_day
from footfall.reports.verify import Told, by_events, differences, verify
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from tests.browsers import browsers
from tests.happenings import FIELDS
from tests.plain_reports import SECOND, ticks_at
from tests.servers import Server, fetch, footfall
from tests.test_query_plain import PAGES, ZONES, at, filters, goals, ranges, streams
from tests.traffic import ACCOUNTS, deliver, traffic
from tests.waiting import until

pytestmark = pytest.mark.ours

#: What each packed part begins with.
ZSTD = bytes.fromhex("28b52ffd")


def engine_on(cache):
    """The engine on a cache that lives on, as a page has it."""
    def engine(account, asked, since, until):
        return ask(asked, partial(cache.days, account), since, until, partial(oldest_day, cache.store, account))

    return engine


def views(cache, **asked):
    """How many page-views of the blog the engine counts around today."""
    today = datetime.now(UTC).date()
    found = query(partial(cache.days, "blog"), ["views"], today - timedelta(days=3), today + timedelta(days=2), **asked)
    return found.rows[0].metrics[0]


def wrong(cache, happened, questions, account):
    """What differs between the engine and the events, told."""
    since, until = happened.since + timedelta(days=1), happened.until - timedelta(days=1)
    return [str(each) for compared in verify(engine_on(cache), cache.store, account, since, until, questions)
            for each in compared.differences]


@pytest.mark.parametrize("kind, seed", [
    ("memory", 0), ("sqlite", 1), ("memory", 2), ("sqlite", 3), ("cassandra", 0),
])
def test_after_each_part_that_comes_the_engine_says_what_the_events_say(empty, kind, seed, tmp_path):
    happened, chance = traffic(seed, visitors=6), random.Random(seed)
    cache = FactsCache(empty, tmp_path / "cache")
    # A cluster's facts are read again for a minute after each change, and so for each question.
    some, last = (2, QUESTIONS[::25]) if kind == "cassandra" else (8, QUESTIONS)
    for _ in deliver(empty, happened, seed):
        assert not wrong(cache, happened, chance.sample(QUESTIONS, some), chance.choice(ACCOUNTS))
    for number, account in enumerate(ACCOUNTS):
        assert not wrong(cache, happened, last[number::len(ACCOUNTS)], account)
    assert not wrong(FactsCache(empty, tmp_path / "cache"), happened, chance.sample(QUESTIONS, some), ACCOUNTS[0])


#: Clocks that are set by half an hour, at a minute past midnight, and over a day.
ODD_BEGINS = ("2026-04-04T14:20+00:00", "2026-10-03T14:50+00:00", "2010-11-07T02:10+00:00", "2010-03-14T03:10+00:00",
              "2011-12-30T09:40+00:00")
BY = (*PLACES, *ENDS, *TIMES, "prop:plan", "prop:n", "prop:ü")


@st.composite
def stored(draw):
    """A store with events, some with what no collector would write, and their times and fields."""
    store, events = MemoryStore(), draw(streams())
    begin = draw(st.sampled_from((None, *ODD_BEGINS)))
    shift = ticks_at(begin) - events[0][0] if begin else 0
    events = [(ticks + shift, {**fields, **draw(st.one_of(st.just({}), st.just({}), FIELDS))})
              for ticks, fields in events]
    if draw(st.integers(0, 3)) == 0:
        # One visit that goes on for more than a day.
        begin = events[0][0]
        events = [(begin + number * 1_800 * SECOND, {**events[number % len(events)][1], "visitor": bytes([1] * 8)})
                  for number in range(60)]
    for number, (ticks, fields) in enumerate(events):
        # Events of one instant are in order of their names, and these in any.
        name = timeuuid.make(ticks, 64 * draw(st.integers(0, 2 ** 56 - 1)) + number)
        store.family("Events" if "event" in fields else "PageViews").insert(event_key("blog", name), {name: fields})
    return store, events


@st.composite
def moments(draw, events, zone):
    """The two ends of a range: instants, what clocks show there, or days."""
    forms = (lambda moment: moment, lambda moment: moment.astimezone(zone).replace(tzinfo=None),
             lambda moment: moment.astimezone(zone).date())
    whole = events[0][0] // 10 * 10, events[-1][0] // 10 * 10 + 10
    begin, end = map(at, draw(st.one_of(st.just(whole), ranges(events))))
    since, until = draw(st.sampled_from(forms))(begin), draw(st.sampled_from(forms))(end)
    if not isinstance(until, datetime):
        until += timedelta(days=1)
    assume(instant(since, zone) <= instant(until, zone))
    return since, until


def questions(events):
    wheres = st.one_of(st.none(), st.none(), filters)
    zones = st.sampled_from(ZONES)
    steps = st.lists(goals, min_size=1, max_size=4).map(tuple)
    within = st.one_of(st.just("visit"), st.sampled_from((0, 60, 1800, 2460, 90_000)).map(
        lambda seconds: timedelta(seconds=seconds)))
    by = st.lists(st.one_of(st.sampled_from(TIMES), st.sampled_from(BY)), max_size=2, unique=True).map(tuple)
    metrics = st.one_of(st.just(ALL), st.lists(st.sampled_from(ALL), min_size=1, unique=True).map(tuple))
    asked = st.builds(Question, metrics, by, wheres, zones, goal=goals)
    live = st.builds(Live, st.just(0), now=st.sampled_from(events).flatmap(lambda event: st.sampled_from(
        [at(event[0] // 10 * 10 + more * SECOND) for more in (0, 60, 300, 301)])))
    return st.one_of(asked, asked, asked, asked, st.builds(Funnel, steps, within, wheres, zones),
                     st.builds(Retention, st.sampled_from(("week", "month")), zones), live,
                     st.builds(Paths, st.sampled_from((*PAGES, "/?log/*", "*b*", "*", "/none")), wheres, zones))


@given(st.data())
@settings(max_examples=150)
def test_whatever_is_asked_the_engine_says_what_the_events_say(data):
    store, events = data.draw(stored())
    told = Told(read(store, "blog"), set())

    @cache_results
    def load(day):
        return facts if len(facts := build(store, "blog", day)) else None

    for asked in data.draw(st.lists(questions(events), min_size=5, max_size=5)):
        since, until = data.draw(moments(events, ZoneInfo(getattr(asked, "tz", "UTC"))))
        found = ask(asked, partial(days_around, load), since, until, lambda: at(events[0][0]).date())
        assert differences(asked, found, by_events(asked, told, since, until)) == []


# ----- the real things


def test_made_up_traffic_has_the_numbers_of_its_events_before_and_after_it_is_sealed(tmp_path):
    footfall(tmp_path, "demo", "--site", "blog", "--views", "3000", "--days", "20", "--until", "2026-03-31")
    command = "cache", "verify", "--since", "2026-03-28", "--until", "2026-03-30"
    before = footfall(tmp_path, *command).stdout
    assert re.fullmatch(rf"blog, 2026-03-28 to 2026-03-30: {len(QUESTIONS)} questions, [\d,]{{5,}} rows, [\d,]{{6,}} "
                        r"numbers: all are those of the events\n", before)
    assert "Sealed" in footfall(tmp_path, "store", "seal").stdout
    footfall(tmp_path, "cache", "drop")
    assert footfall(tmp_path, *command).stdout == before


def hit(server, number):
    address = f"{server.url}/a.gif?id=blog&url=https://blog.example.com/{number}"
    assert fetch(address, **{"User-Agent": next(browsers())[0]})[0] == 200


def test_what_a_server_has_answered_is_in_the_numbers_at_once(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    settings_ = config.load({"data": str(tmp_path)}, environ={})
    with open_store(config=settings_) as store, Server(tmp_path) as server:
        cache = open_cache(settings_, store)
        for number in range(1, 4):
            hit(server, number)
            assert views(cache) == number
        server.stop()


@pytest.mark.needs("java", "mvn")
def test_what_is_sent_on_to_a_cluster_is_in_the_numbers_then(tmp_path, cassandra_url):
    settings_ = {"store": cassandra_url("served_numbers")}
    footfall(tmp_path, "store", "init", **settings_)
    footfall(tmp_path, "site", "add", "blog", **settings_)
    with open_store(settings_["store"]) as store, Server(tmp_path, **settings_) as server:
        cache = FactsCache(store, tmp_path / "cache")
        for number in range(1, 4):
            hit(server, number)
            until(lambda number=number: views(cache) == number)
        server.stop()


def with_unpacked(content):
    """Bytes, and those that are packed in them."""
    unpacked = [content]
    for found in re.finditer(re.escape(ZSTD), content):
        with contextlib.suppress(zstandard.ZstdError):
            unpacked.append(zstandard.ZstdDecompressor().decompressobj().decompress(content[found.start():]))
    return b"".join(unpacked)


def kept(store, data):
    """What is kept of events: in the files of the store with what is sealed there, and in those of the cache."""
    # By another process: one that has a database open and closes its file elsewhere loses its locks.
    files = subprocess.run(["cat", *data.glob("footfall.db*")], capture_output=True, check=True).stdout
    chunks = store.file.read('SELECT data FROM "Sealed"')
    return files + b"".join(with_unpacked(chunk) for (chunk,) in chunks), b"".join(
        with_unpacked(path.read_bytes()) for path in (data / "cache").rglob("*") if path.is_file())


def test_what_is_taken_away_is_in_no_number_no_file_of_facts_and_no_chunk(tmp_path):
    visitor, secret, spam = bytes.fromhex("a1b2c3d4e5f60718"), "/very-secret", "/only-spam"
    begin = timeuuid.ticks_at(datetime.now(UTC).date()) - 86_400 * SECOND

    def come(store, first, count):
        pages = [("/", b"neighbor"), (secret, visitor), (spam, b"spammer.")] * count
        store.apply(packed([Event("PageViews", "blog", timeuuid.make(begin + number * SECOND, number), {
            **dict.fromkeys(pageview.FIELDS, ""), "url": f"https://blog.example.com{page}", "visitor": who,
            "user_agent": next(browsers())[0]})
            for number, (page, who) in enumerate(pages, first)]))

    footfall(tmp_path, "site", "add", "blog")
    settings_ = config.load({"data": str(tmp_path)}, environ={})
    with open_store(config=settings_) as store:
        cache = open_cache(settings_, store)
        come(store, 0, 400)
        assert list(store.seal("blog", datetime.now(UTC).date()))
        # What is late lies beside what is sealed.
        come(store, 5_000, 10)
        assert views(cache) == 1230
        cache.refresh("blog")
        for content in kept(store, tmp_path):
            assert secret.encode() in content
            assert spam.encode() in content
            assert visitor in content or visitor[::-1] in content

        footfall(tmp_path, "forget", "--site", "blog", "--visitor", visitor.hex(), "--yes")
        assert (views(cache), views(cache, where=["is", "page", secret])) == (820, 0)
        for content in kept(store, tmp_path):
            assert not [each for each in (secret.encode(), visitor, visitor[::-1]) if each in content]

        footfall(tmp_path, "site", "set", "blog", "--exclude-pages", spam)
        footfall(tmp_path, "filtered", "apply", "blog")
        assert (views(cache), views(cache, where=["is", "page", spam])) == (410, 0)
        assert spam.encode() not in kept(store, tmp_path)[1]
        footfall(tmp_path, "store", "seal")
        for family, expected in (("PageViews", False), ("Filtered", True)):
            chunks = store.file.read('SELECT data FROM "Sealed" WHERE family = ?', family)
            assert any(spam.encode() in with_unpacked(chunk) for (chunk,) in chunks) is expected
