"""What is forgotten is gone wherever it lay, the rest is not, and whoever was cut off can begin again."""

import ipaddress
import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from footfall import accounts, erasure
from footfall.erasure import Selection
from footfall.errors import StoreUnavailable
from footfall.packing import packed
from footfall.pageview import FIELDS, Event, pack
from footfall.retention import Retention, limited, retention_of
from footfall.retries import with_marks
from footfall.storage import Insert
from footfall.stores.memory import MemoryStore
from footfall.stores.sqlite import SqliteStore
from footfall.timeuuid import TICKS_PER_SECOND, make, ticks_at
from tests.sealing import SealingStore

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ANN, BOB = b"ann's id", b"bob's id"
DATA = ("PageViews", "Events", "Filtered", "Visitors", "Retries")


def event(number, when, *, family="PageViews", account="blog", visitor=ANN, ip="192.0.2.0"):
    fields = dict.fromkeys(FIELDS, "") | {"url": f"http://{account}.example.com/{number}", "ip": ip}
    fields |= {"visitor": visitor} if visitor else {}
    fields |= {"event": "signup"} if family == "Events" else {"reason": "bot"} if family == "Filtered" else {}
    return Event(family, account, make(ticks_at(when), number), fields, retry=number % 10 == 5)


#: Numbers that end in 5 are retries, which a cluster has marks of.
EVENTS = [
    event(1, datetime(2026, 1, 31, 23)),
    event(2, datetime(2026, 2, 1, 1), family="Events"),
    event(3, datetime(2026, 2, 1, 2), visitor=BOB, ip="192.0.2.77"),
    event(4, datetime(2026, 2, 1, 3), family="Filtered"),
    event(5, datetime(2026, 2, 1, 4), ip="2001:db8::1"),
    event(6, datetime(2026, 2, 28, 5), visitor=None, ip="198.51.100.0"),
    event(7, datetime(2026, 3, 10, 11), visitor=BOB),
    event(8, datetime(2026, 3, 10, 11, 30), family="Events"),
    event(11, datetime(2026, 2, 1, 1), account="my.blog"),
    event(15, datetime(2026, 2, 1, 1), account="my.blog", family="Filtered"),
]


def fill(store, events=EVENTS):
    """Store events as a cluster does, with marks."""
    for account in ("blog", "my.blog"):
        accounts.add(store, account)
    store.apply(with_marks(packed(events)))
    return store


def fill_oddly(store):
    """Store the events, and what others may have written by hand, which is no reason to stumble."""
    fill(store)
    store.family("PageViews").insert("no row key", {make(ticks_at(NOW), 1): b"no map"})
    store.family("Visitors").insert("when.blog", {(bytes(8), make(ticks_at(NOW), 1)): b"no map"})
    store.family("PageViews").insert("20260310.blog", {make(ticks_at(NOW) - number, 99): value for number, value in
                                                       enumerate((b"no map", pack({"visitor": 1, "ip": ["?"]})))})
    return store


@pytest.fixture(params=["memory", "sqlite", "sealed"])
def store(request, tmp_path):
    if request.param == "memory":
        yield fill_oddly(MemoryStore())
        return
    with (SealingStore if request.param == "sealed" else SqliteStore)(f"sqlite:///{tmp_path}/footfall.db") as store:
        yield fill_oddly(store)


def numbers(store):
    """The numbers of the events, those of them that have steps, and those that have marks."""
    left = {name: set() for name in DATA}
    for name in DATA:
        for _, row in store.family(name).walk():
            for column, value in row:
                if name == "Retries":
                    left[name].add(int(column[-4:], 16))
                elif b"example.com" in value:
                    left[name].add(int(value["url"].rpartition("/")[2]))
    return left["PageViews"] | left["Events"] | left["Filtered"], left["Visitors"], left["Retries"]


ALL = {1, 2, 3, 4, 5, 6, 7, 8, 11, 15}
#: The one without a visitor, and those that are kept apart: no trail leads to them.
TRACELESS = {4, 6, 15}


@pytest.mark.parametrize("selected, gone", [
    ({"visitor": ANN}, {1, 2, 4, 5, 8}),
    ({"visitor": BOB}, {3, 7}),
    ({"visitor": b"nobody's"}, set()),
    ({"network": ipaddress.ip_network("192.0.2.0")}, {1, 2, 4, 7, 8}),
    ({"network": ipaddress.ip_network("192.0.2.0/24")}, {1, 2, 3, 4, 7, 8}),
    ({"network": ipaddress.ip_network("2001:db8::/32")}, {5}),
    ({"before": datetime(2026, 1, 1, tzinfo=UTC)}, set()),
    ({"before": datetime(2026, 2, 1, tzinfo=UTC)}, {1}),
    ({"before": datetime(2026, 2, 1, 2, tzinfo=UTC)}, {1, 2}),
    ({"before": datetime(2026, 2, 2, tzinfo=UTC)}, {1, 2, 3, 4, 5}),
    ({"before": datetime(2026, 3, 10, 11, 30, tzinfo=UTC)}, {1, 2, 3, 4, 5, 6, 7}),
    ({"before": datetime(9999, 12, 31, tzinfo=UTC)}, {1, 2, 3, 4, 5, 6, 7, 8}),
])
def test_what_is_forgotten_is_gone_everywhere_and_the_rest_is_not(store, selected, gone):
    selection = Selection("blog", **selected)
    said = erasure.count(store, selection)
    assert numbers(store) == (ALL, ALL - TRACELESS, {5, 15})
    removed = erasure.forget(store, selection)
    assert numbers(store) == (ALL - gone, ALL - TRACELESS - gone, {5, 15} - gone)
    # What is no event at all goes with its time alone.
    others = selected.get("before") == datetime(9999, 12, 31, tzinfo=UTC)
    assert said == removed
    assert removed == Counter(PageViews=len(gone & {1, 3, 5, 6, 7}) + 2 * others, Events=len(gone & {2, 8}),
                              Filtered=len(gone & {4}), Visitors=len(gone - TRACELESS), Retries=len(gone & {5}))
    assert erasure.forget(store, selection).total() == 0
    assert [account.id for account in accounts.all_accounts(store)] == ["blog", "my.blog"]


class CutOff(MemoryStore):
    """A store that goes away after some writes."""

    writes = 10 ** 9

    def apply(self, mutations):
        if self.writes == 0:
            raise StoreUnavailable("away")
        self.writes -= 1
        super().apply(mutations)


@pytest.mark.parametrize("selected, gone", [
    ({"visitor": ANN}, {1, 2, 4, 5, 8}),
    ({"network": ipaddress.ip_network("0.0.0.0/0")}, {1, 2, 3, 4, 6, 7, 8}),
    ({"before": datetime(2026, 3, 10, 11, 30, tzinfo=UTC)}, {1, 2, 3, 4, 5, 6, 7}),
])
def test_a_forgetting_that_is_cut_off_anywhere_is_completed_by_the_next(selected, gone):
    cuts = 0
    while True:
        store = fill(CutOff())
        store.writes = cuts
        try:
            erasure.forget(store, Selection("blog", **selected))
            break
        except StoreUnavailable:
            store.writes = 10 ** 9
        erasure.forget(store, Selection("blog", **selected))
        assert numbers(store) == (ALL - gone, ALL - TRACELESS - gone, {5, 15} - gone)
        cuts += 1
    assert cuts > 4


def test_an_event_that_came_again_from_another_address_is_its_last_senders():
    store = fill(MemoryStore())
    again = EVENTS[0].fields | {"visitor": BOB, "ip": "203.0.113.0"}
    store.apply(packed([Event("PageViews", "blog", EVENTS[0].id, again)]))
    erasure.forget(store, Selection("blog", visitor=ANN))
    assert 1 in numbers(store)[0]
    assert [visitor for visitor, _ in store.family("Visitors").get("202601.blog")] == [BOB]


@pytest.mark.parametrize("selected, is_gone", [
    ({"visitor": ANN}, lambda number: number % 7 == 0),
    ({"before": datetime(2026, 1, 3, 12, tzinfo=UTC)}, lambda number: number < 1800),
])
def test_no_byte_of_what_was_forgotten_is_left_in_a_file(tmp_path, selected, is_gone):
    """In the order that hits come in, pages are split, and copies of rows stay in the unused part of some."""
    with SqliteStore(f"sqlite:///{tmp_path}/footfall.db") as store, SqliteStore(store.url) as other:
        order = list(range(3600))
        random.Random(7).shuffle(order)
        for first in range(0, len(order), 20):
            store.apply(packed([Event("PageViews", f"blog{number % 3}", make(ticks_at(datetime(2026, 1, 1) + timedelta(
                minutes=number * 2)), number), {"url": f"secret-{number:04}-" * (5 + number * 31 % 37), "visitor": (
                    ANN if number % 7 == 0 else BOB)}) for number in order[first:first + 20]]))
        # Another process that had pages in its memory writes, too.
        other.family("PageViews").insert("20260101.other", {make(0, 1): b"\x80"})

        def found():
            return {int(number) for path in tmp_path.iterdir() for number in re.findall(rb"secret-(\d{4})-",
                                                                                        path.read_bytes())}

        assert found() == set(range(3600))
        for account in ("blog0", "blog1", "blog2"):
            erasure.forget(store, Selection(account, **selected))
        other.family("PageViews").insert("20260101.other", {make(0, 2): b"\x80"})
        assert found() == {number for number in range(3600) if not is_gone(number)}


# ----- retention


@pytest.mark.parametrize("default, own, days, left", [
    (0, 0, 0, None), (30, 0, 30, 29), (0, 10, 10, 9), (30, 10, 10, 9), (10, 30, 30, 29), (1, 0, 1, 0),
])
def test_a_sites_own_retention_counts_before_the_servers(default, own, days, left):
    retention = Retention(default, [accounts.Account("blog", "", "", {"retention_days": str(own)})])
    assert retention.days("blog") == days
    assert retention.days("other") == default
    name = make(ticks_at(NOW - timedelta(days=1)), 1)
    ticks = retention.ticks_left("blog", name, ticks_at(NOW))
    assert ticks == (None if left is None else left * 86_400 * TICKS_PER_SECOND)
    assert retention.is_over("blog", name, ticks_at(NOW)) is (left == 0)


@pytest.mark.parametrize("age, ttl", [
    (timedelta(0), 86_400), (timedelta(seconds=-5), 86_405), (timedelta(hours=23), 3_600),
    (timedelta(days=1, microseconds=-1), 1), (timedelta(days=1), None), (timedelta(days=100), None),
])
def test_an_event_and_what_belongs_to_it_get_the_seconds_that_are_left(age, ttl):
    late = Event("PageViews", "blog", make(ticks_at(NOW - age), 5), {"url": "x", "visitor": ANN}, retry=True)
    columns = [*with_marks(packed([late])), Insert("Accounts", "accounts", "blog", b"\x80")]
    kept = limited(columns, Retention(1), ticks_at(NOW))
    assert [(column.family, column.ttl) for column in kept[:-1]] == (
        [] if ttl is None else [("Retries", ttl), ("PageViews", ttl), ("Visitors", ttl)])
    assert kept[-1] == columns[-1]
    assert limited(columns, Retention(), ticks_at(NOW)) == columns


def test_no_ttl_is_longer_than_cassandra_takes():
    ahead = Insert("PageViews", "20260310.blog", make(ticks_at(NOW + timedelta(hours=1)), 1), b"\x80")
    assert limited([ahead], Retention(7300), ticks_at(NOW))[0].ttl == 7300 * 86_400


@pytest.mark.parametrize("default, own, gone", [
    (0, {}, set()),
    (30, {}, {1, 2, 3, 4, 5, 11, 15}),
    (30, {"blog": 365}, {11, 15}),
    (0, {"my.blog": 30}, {11, 15}),
    (365, {"blog": 10}, {1, 2, 3, 4, 5, 6}),
])
def test_what_is_older_than_its_site_keeps_it_is_removed(store, default, own, gone):
    for account, days in own.items():
        accounts.configure(store, account, {"retention_days": str(days)})
    removed = erasure.expire(store, retention_of(store, default), NOW)
    assert numbers(store) == (ALL - gone, ALL - TRACELESS - gone, {5, 15} - gone)
    assert removed.total() == len(gone) + len(gone - TRACELESS) + len(gone & {5, 15})


def test_events_of_no_site_are_kept_as_long_as_the_server_says():
    store = fill(MemoryStore(), [])
    store.apply(packed([event(1, NOW - timedelta(days=40), account="gone"), event(2, NOW, account="gone")]))
    assert erasure.expire(store, retention_of(store, 30), NOW) == Counter(PageViews=1, Visitors=1)
    assert numbers(store)[0] == {2}
