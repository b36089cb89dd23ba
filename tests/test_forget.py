"""`footfall forget`, the outbox's part of it, and what is over leaving by itself: as an owner meets them."""

import json
import re
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from footfall import accounts, cli, metrics, timeuuid
from footfall.collect.expiry import Expiry
from footfall.collect.forwarder import Forwarder
from footfall.collect.outbox import Outbox
from footfall.erasure import PLACES, Selection
from footfall.errors import StoreError, StoreUnavailable
from footfall.packing import packed
from footfall.pageview import Event
from footfall.retention import Retention
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from tests.browsers import browsers
from tests.servers import Server, fetch, footfall
from tests.test_erasure import ANN, BOB, event, fill, numbers
from tests.test_outbox import FakeCluster, Never
from tests.waiting import until

live = pytest.mark.needs("java", "mvn")
NOW = datetime.now(UTC)
#: A reader's browser: what sends no browser's agent is kept apart.
READER = {"User-Agent": next(browsers())[0]}
ANNS = Selection("blog", visitor=ANN).takes_column


def days_ago(days, **more):
    return NOW - timedelta(days=days, **more)


def visits(count=6):
    """Events of two visitors in turn, Ann's first; number 5 is a retry."""
    return [event(number, NOW - timedelta(minutes=number), visitor=BOB if number % 2 else ANN)
            for number in range(count)]


# ----- the outbox


@pytest.fixture
def outbox(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db")
    yield outbox
    outbox.close()


@pytest.fixture
def cluster():
    return FakeCluster()


def send_all(outbox, cluster, **options):
    forwarder = Forwarder(outbox, cluster, 60, Never(), **options)
    forwarder.begin()
    while forwarder.step():
        pass


def in_file(outbox):
    """The numbers of the events whose bytes are in the outbox's files."""
    return {int(number) for path in outbox.path.parent.iterdir()
            for number in re.findall(rb"blog\.example\.com/(\d+)", path.read_bytes())}


def test_forgetting_reaches_what_waits_what_is_kept_and_what_was_set_aside(outbox, cluster):
    events = visits(6)
    outbox.apply(packed(events[:4]))
    cluster.refuses = {events[2].id: StoreError("too large"), events[3].id: StoreError("too large")}
    send_all(outbox, cluster)
    assert (outbox.status().kept, outbox.status().aside) == (2, 2)
    outbox.apply(packed([*events[4:], event(5, NOW, visitor=ANN)]))
    assert outbox.status().waiting == 5
    cluster.refuses = {}
    assert outbox.count(ANNS) == 4
    assert outbox.forget(ANNS) == 4
    assert in_file(outbox) == {1, 3, 5}
    assert outbox.forget(ANNS) == 0
    assert outbox.retry() == 1
    for _ in range(2):
        outbox.begin_again()
        send_all(outbox, cluster)
    # The first was with the cluster before: it is for the store's own part.
    assert numbers(cluster) == ({0, 1, 3, 5}, {0, 1, 3, 5}, {5})
    assert {name for _, row in cluster.family("Retries").walk() for name, _ in row} == {str(events[5].id)}


def test_positions_stay_right_when_what_they_name_was_forgotten(outbox, cluster):
    outbox.apply(packed(visits(4)))
    send_all(outbox, cluster)
    outbox.forget(lambda column: True)
    assert outbox.status()[:4] == (0, 0.0, 0, 0)
    assert outbox.begin_again() == 0
    outbox.apply(packed([event(8, NOW)]))
    assert [number for number, _ in outbox.waiting(10)] == [5]
    send_all(outbox, cluster)
    assert numbers(cluster)[0] == {0, 1, 2, 3, 8}


def test_forgetting_waits_for_what_is_on_its_way(outbox):
    """What the forwarder has read is with the cluster when the outbox has forgotten it, to be removed there."""
    outbox.apply(packed(visits(4)))
    under_way, go_on = threading.Event(), threading.Event()

    class Slow(FakeCluster):
        def apply(self, mutations):
            under_way.set()
            assert go_on.wait(30)
            super().apply(mutations)

    cluster = Slow()
    sender = threading.Thread(target=send_all, args=(outbox, cluster))
    sender.start()
    assert under_way.wait(30)
    there = []
    forgetter = threading.Thread(target=lambda: (outbox.forget(ANNS), there.extend(numbers(cluster)[0])))
    forgetter.start()
    assert outbox.count(ANNS) == 2
    go_on.set()
    for thread in (forgetter, sender):
        thread.join(30)
    assert sorted(there) == [0, 1, 2, 3]
    assert outbox.count(ANNS) == 0


def test_events_get_the_time_that_is_left_to_them_and_those_that_are_over_are_not_sent(outbox, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: timeuuid.ticks_at(NOW) * 100)
    ttls = []

    class Timed(FakeCluster):
        def apply(self, mutations):
            ttls.extend((mutation.family, mutation.key.partition(".")[2], mutation.ttl) for mutation in mutations)
            super().apply(mutations)

    outbox.apply(packed([event(1, days_ago(1)), event(5, days_ago(9)), event(15, days_ago(10)),
                         event(2, days_ago(1), account="other")]))
    cluster, site = Timed(), accounts.Account("blog", "", "", {"retention_days": "10"})
    before = metrics.EXPIRED._value.get(), metrics.FORWARDED._value.get()
    send_all(outbox, cluster, retention=lambda: Retention(0, [site]))
    day = 86_400
    assert Counter(ttls) == Counter({
        ("PageViews", "blog", 9 * day): 1, ("Visitors", "blog", 9 * day): 1, ("PageViews", "blog", day): 1,
        ("Visitors", "blog", day): 1, ("Retries", "blog", day): 1, ("PageViews", "other", None): 1,
        ("Visitors", "other", None): 1})
    # The mark and the event.
    assert (metrics.EXPIRED._value.get() - before[0], metrics.FORWARDED._value.get() - before[1]) == (2, 4)
    assert outbox.status()[:2] == (0, 0.0)


# ----- the server, and others who take events


def test_of_several_processes_one_removes_what_is_over_once_an_hour(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOW.timestamp() + later)
    store, later = fill(MemoryStore(), [event(1, days_ago(3)), event(2, NOW)]), 0.0
    for process in (Expiry(2, lambda: store) for _ in range(2)):
        process._take_turn()
    assert numbers(store)[0] == {2}
    store.apply(packed([event(1, days_ago(3))]))
    Expiry(2, lambda: store)._take_turn()
    assert numbers(store)[0] == {1, 2}
    later = 3_601.0
    Expiry(0, lambda: store)._take_turn()
    assert numbers(store)[0] == {1, 2}
    Expiry(2, lambda: store)._take_turn()
    assert numbers(store)[0] == {2}


def test_a_store_that_is_away_when_it_is_time_is_no_trouble(caplog):
    class Away:
        def __getattr__(self, name):
            raise StoreUnavailable("away")

    Expiry(2, Away)._take_turn()
    assert "the rest is in an hour: away" in caplog.text


@pytest.mark.parametrize("server, site, is_gone", [(30, None, True), (0, 30, True), (30, 60, False), (0, None, False)])
def test_a_running_server_removes_what_is_over(tmp_path, server, site, is_gone):
    with open_store(f"sqlite:///{tmp_path}/footfall.db") as store:
        fill(store, [event(1, days_ago(31)), event(2, days_ago(1)), event(3, days_ago(61), account="my.blog")])
        accounts.configure(store, "my.blog", {"retention_days": "60"})
        if site:
            accounts.configure(store, "blog", {"retention_days": str(site)})
        with Server(tmp_path, retention=server, workers=2) as running:
            # When the other site's old event has gone, ours has had its turn.
            until(lambda: 3 not in numbers(store)[0])
            assert fetch(f"{running.url}/a.gif?id=blog&url=http://blog.example.com/77", **READER)[0] == 200
            assert "Traceback" not in running.stop()
        left = {2, 77} if is_gone else {1, 2, 77}
        assert numbers(store)[:2] == (left, left)


LINE = '192.0.2.7 - - [{:%d/%b/%Y:%H:%M:%S +0000}] "GET /{} HTTP/1.1" 200 1 "-" "Mozilla/5.0"\n'


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOOTFALL_DATA", str(tmp_path / "data"))

    def run(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.mark.parametrize("server, site, taken", [("0", "", 3), ("30", "", 2), ("0", "5", 1), ("30", "365", 3)])
def test_an_import_does_not_bring_back_what_is_over(run, tmp_path, server, site, taken):
    log = tmp_path / "access.log"
    log.write_text("".join(LINE.format(days_ago(days), days) for days in (1, 10, 40)))
    run("site", "add", "blog")
    run("site", "set", "blog", "--retention-days", site)
    told = run("import", "log", log, "--site", "blog", "--retention", server)[1]
    assert f"{taken:>10,} page-views taken" in told
    assert ("skipped: retention (older than its site's are kept)" in told) is (taken < 3)
    with open_store() as store:
        assert store.info()["families"]["PageViews"]["columns"] == taken


def test_what_is_over_can_be_removed_by_hand(run):
    with open_store() as store:
        fill(store, [event(1, days_ago(31)), event(2, NOW)])
    assert json.loads(run("store", "expire", "--retention", "40", "--json")[1])["removed"] == dict.fromkeys(PLACES, 0)
    code, told, _ = run("store", "expire", "--retention", "30")
    assert code == 0
    assert re.search(r"^ +1 page-views$", told, re.MULTILINE)
    with open_store() as store:
        assert numbers(store)[0] == {2}


# ----- the command


@pytest.fixture
def kept(run):
    """The store that the command finds."""
    with open_store() as store:
        yield fill(store, visits(6))


@pytest.mark.parametrize("arguments, left", [
    (("--visitor", ANN.hex()), {1, 3, 5}),
    (("--ip", "192.0.2.0"), set()),
    (("--ip", "198.51.100.0/24"), {0, 1, 2, 3, 4, 5}),
    (("--before", f"{NOW - timedelta(days=1):%Y-%m-%d}"), {0, 1, 2, 3, 4, 5}),
    (("--before", (NOW - timedelta(minutes=2, seconds=30)).isoformat()), {0, 1, 2}),
])
def test_the_command_forgets(run, kept, arguments, left):
    code, told, _ = run("forget", "--site", "blog", *arguments, "--yes", "--json")
    assert code == 0
    removed = json.loads(told)["removed"]
    assert removed["PageViews"] == removed["Visitors"] == 6 - len(left)
    assert list(removed) == ["PageViews", "Events", "Filtered", "Visitors", "Retries", "outbox"]
    assert numbers(kept)[:2] == (left, left)


def test_the_command_asks_first_and_says_of_how_many(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/footfall.db") as store:
        fill(store, visits(6))
        ask = ("forget", "--site", "blog", "--visitor", ANN.hex())
        said = footfall(tmp_path, *ask, stdin="n\n", check=False)
        assert said.returncode == 130
        assert re.search(r"^ +3 page-views$", said.stderr, re.MULTILINE)
        assert len(numbers(store)[0]) == 6
        said = footfall(tmp_path, *ask, "--json", stdin="y\n")
        assert json.loads(said.stdout)["removed"]["PageViews"] == 3
        assert numbers(store)[0] == {1, 3, 5}
        # Of nothing there is nothing to ask.
        assert "0 page-views" in footfall(tmp_path, *ask).stdout


@pytest.mark.parametrize("arguments, code, message", [
    ((), 2, "give one of them"),
    (("--visitor", ANN.hex(), "--ip", "192.0.2.0"), 2, "give one of them"),
    (("--visitor", "9f86"), 2, "--visitor='9f86': must be 16 hexadecimal digits"),
    (("--visitor", "nobody"), 2, "must be 16 hexadecimal digits"),
    (("--ip", "192.0.2.7/24"), 2, "has host bits set"),
    (("--ip", ""), 2, "must be an address, or a network such as 192.0.2.0/24"),
    (("--before", "yesterday"), 2, "--before='yesterday': must be a day such as 2026-01-02"),
    (("--site", "a/b", "--ip", "192.0.2.0"), 2, "account 'a/b': must be"),
    (("--site", "other", "--ip", "192.0.2.0"), 2, "site 'other': unknown; the sites are blog, my.blog"),
])
def test_what_is_asked_wrongly_is_said_and_nothing_is_removed(run, kept, arguments, code, message):
    said = run("forget", "--site", "blog", *arguments, "--yes")
    assert said[0] == code
    assert message in said[2]
    assert len(numbers(kept)[0]) == 6


@pytest.mark.parametrize("ip, address, hint", [
    ("truncated", "192.0.2.77", "FOOTFALL_IP=truncated: it is kept as 192.0.2.0"),
    ("truncated", "198.51.100.0", ""),
    ("none", "192.0.2.77", "FOOTFALL_IP=none: no address is kept"),
    ("full", "192.0.2.77", ""),
])
def test_who_looks_for_a_whole_address_is_told_how_it_is_kept(run, kept, monkeypatch, ip, address, hint):
    monkeypatch.setenv("FOOTFALL_IP", ip)
    told = run("forget", "--site", "blog", "--ip", address, "--yes")[1]
    assert hint in told
    assert ("FOOTFALL_IP" in told) is bool(hint)


def test_the_events_of_a_site_that_was_removed_can_be_forgotten(run, kept):
    accounts.remove(kept, "blog", with_events=False)
    assert run("forget", "--site", "blog", "--visitor", ANN.hex(), "--yes")[0] == 0
    assert numbers(kept)[0] == {1, 3, 5}


# ----- a cluster


@live
def test_in_a_cluster_a_reader_is_forgotten_and_does_not_come_back(tmp_path, cassandra_url):
    settings = {"store": cassandra_url("forgotten")}
    footfall(tmp_path, "store", "init", **settings)
    footfall(tmp_path, "site", "add", "blog", **settings)
    with open_store(settings["store"]) as store:
        with Server(tmp_path, **settings) as server:
            for address in ("192.0.2.7", "198.51.100.7"):
                for number in range(3):
                    sent = fetch(f"{server.url}/a.gif?id=blog&url=http://blog.example.com/{address[:3]}{number}",
                                 **READER, **{"X-Real-IP": address})
                    assert sent[0] == 200
            store.apply(packed([event(4, NOW, family="Filtered", ip="192.0.2.0")]))
            until(lambda: len(numbers(store)[0]) == 7 and len(numbers(store)[1]) == 6)
            told = footfall(tmp_path, "forget", "--site", "blog", "--ip", "192.0.2.0", "--yes", "--json", **settings)
            assert json.loads(told.stdout)["removed"] == {
                "PageViews": 3, "Events": 0, "Filtered": 1, "Visitors": 3, "Retries": 0, "outbox": 3}
            server.stop()
        # Another forwarder begins with all that is kept.
        with Server(tmp_path, **settings) as server:
            assert fetch(f"{server.url}/a.gif?id=blog&url=http://blog.example.com/9", **READER)[0] == 200
            until(lambda: 9 in numbers(store)[0])
            server.stop()
        left = {1980, 1981, 1982, 9}
        assert numbers(store)[:2] == (left, left)
        old = Event("PageViews", "blog", timeuuid.make(timeuuid.ticks_at(days_ago(40)), 3),
                    {"url": "http://blog.example.com/3", "visitor": BOB})
        store.apply(packed([old]))
        before = f"{days_ago(1):%Y-%m-%d}"
        told = footfall(tmp_path, "forget", "--site", "blog", "--before", before, "--yes", "--json", **settings)
        assert json.loads(told.stdout)["removed"]["PageViews"] == 1
        assert numbers(store)[:2] == (left, left)


@live
def test_in_a_cluster_events_leave_when_their_time_is_over(tmp_path, cassandra_url):
    settings = {"store": cassandra_url("expiring"), "retention": 1}
    footfall(tmp_path, "store", "init", **settings)
    footfall(tmp_path, "site", "add", "blog", **settings)
    footfall(tmp_path, "site", "add", "kept", **settings)
    footfall(tmp_path, "site", "set", "kept", "--retention-days", "30", **settings)
    with open_store(settings["store"]) as store, closing(Outbox(tmp_path / "outbox.db")) as outbox:
        def ttls(family):
            return [ttl for (ttl,) in store.connection.run(f'SELECT TTL(data) FROM expiring."{family}"')]

        # It was there before the retention was set.
        store.apply(packed([event(6, days_ago(3))]))
        with Server(tmp_path, **settings) as server:
            outbox.apply(packed([event(3, NOW), event(5, NOW), event(2, NOW, family="Events"),
                                 event(4, NOW, family="Filtered"), event(7, days_ago(2)),
                                 event(8, days_ago(2), account="kept")]))
            kept = {2, 3, 4, 5, 6, 8}
            until(lambda: numbers(store) == (kept, kept - {4}, {5}))
            assert [len(ttls(family)) for family in ("PageViews", "Events", "Filtered", "Visitors", "Retries")] == [
                4, 1, 1, 5, 1]
            for family in ("PageViews", "Events", "Filtered", "Visitors", "Retries"):
                assert all(ttl is None or 0 < ttl <= 86_400 or 27 * 86_400 < ttl <= 28 * 86_400 for ttl in ttls(family))
                assert ttls(family).count(None) == (family in ("PageViews", "Visitors"))
            shown = fetch(f"{server.url}/metrics")[2].decode()
            assert "footfall_expired_events_total 1.0" in shown
            nearly = datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=3)
            outbox.apply(packed([event(11, nearly), event(15, nearly), event(12, nearly, family="Events"),
                                 event(14, nearly, family="Filtered")]))
            until(lambda: outbox.status().waiting == 0 and numbers(store) == (kept, kept - {4}, {5}))
            server.stop()
        assert json.loads(footfall(tmp_path, "store", "expire", "--json", **settings).stdout)["removed"] == {
            **dict.fromkeys(PLACES, 0), "PageViews": 1, "Visitors": 1}
        assert numbers(store)[:2] == (kept - {6}, kept - {4, 6})
        log = tmp_path / "access.log"
        log.write_text(LINE.format(days_ago(2), 10) + LINE.format(NOW, 11))
        told = footfall(tmp_path, "import", "log", str(log), "--site", "blog", **settings).stdout
        assert "1 page-views taken" in told
        assert "1 skipped: retention" in told
        assert ttls("PageViews").count(None) == 0
