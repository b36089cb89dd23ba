import sqlite3
import threading

import pytest

from footfall import timeuuid
from footfall.collect.forwarder import ATTEMPTS, MAX_BATCH, NODES_SECONDS, Forwarder, sole_forwarder
from footfall.collect.outbox import Outbox, open_outbox
from footfall.errors import StoreError, StoreUnavailable, UsageError
from footfall.pageview import pack, unpack
from footfall.storage import Insert
from footfall.stores import sqlite_file
from footfall.stores.memory import MemoryStore

clock = timeuuid.Clock()
KEY = "20260102.blog"
GRACE = 60
#: Longer than events are kept after they were acknowledged.
LONG = GRACE + 2 * NODES_SECONDS + 1


def view(number):
    return Insert("PageViews", KEY, clock.new_id(), pack({"url": str(number)}))


def views(count):
    return [view(number) for number in range(count)]


@pytest.fixture
def outbox(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db")
    yield outbox
    outbox.close()


def urls(outbox):
    return [int(unpack(event.insert.value)["url"]) for event in outbox.waiting(10_000)]


class FakeCluster(MemoryStore):
    """Nodes that restart, go silent, lose what they took last, and refuse some events."""

    def __init__(self, nodes=1):
        super().__init__()
        self.starts = dict.fromkeys(range(nodes), 1)
        self.nodes = nodes
        self.is_away = False
        self.refuses = {}
        self.applied = []

    def quorum(self):
        return self.nodes // 2 + 1

    def node_starts(self):
        self._answer()
        return dict(self.starts)

    def probe(self):
        self._answer()
        super().probe()

    def apply(self, mutations):
        self._answer()
        for mutation in mutations:
            if mutation.name in self.refuses:
                raise self.refuses[mutation.name]
        self.applied += [mutation.name for mutation in mutations if mutation.family == "PageViews"]
        super().apply(mutations)

    def _answer(self):
        if self.is_away:
            raise StoreUnavailable("away")

    def restart(self, node=0):
        """A node dies and comes back without what it acknowledged last."""
        self.starts[node] += 1
        self.family("PageViews").truncate()

    def names(self):
        return [name for name, _ in self.family("PageViews").xget(KEY)]


class Never(threading.Event):
    """Waits for nothing, and counts how often it was to wait."""

    def __init__(self):
        super().__init__()
        self.waits = 0

    def wait(self, timeout=None):
        self.waits += 1
        return False


class Bench:
    """A forwarder with a clock of its own."""

    def __init__(self, outbox, cluster):
        self.now = 0.0
        self.stop = Never()
        self.outbox = outbox
        self.cluster = cluster
        self.forwarder = Forwarder(outbox, cluster, GRACE, self.stop, clock=lambda: self.now)

    def send_all(self):
        while self.forwarder.step():
            pass

    def later(self, seconds):
        self.now += seconds
        self.send_all()


@pytest.fixture
def cluster():
    return FakeCluster()


@pytest.fixture
def bench(outbox, cluster):
    return Bench(outbox, cluster)


def test_events_are_given_in_the_order_of_their_commits(outbox):
    outbox.apply(views(3))
    outbox.apply(views(2))
    assert urls(outbox) == [0, 1, 2, 0, 1]
    assert [event.number for event in outbox.waiting(2)] == [1, 2]


def test_what_is_marked_waits_no_more_and_what_is_let_go_is_gone(outbox):
    outbox.apply(views(5))
    outbox.mark(3)
    assert (outbox.status().waiting, outbox.status().kept) == (2, 3)
    outbox.let_go(2)
    assert (outbox.status().waiting, outbox.status().kept) == (2, 1)
    # What waits is not let go, whatever is asked.
    outbox.let_go(5)
    assert urls(outbox) == [3, 4]


def test_a_number_is_never_given_twice(outbox):
    outbox.apply(views(2))
    outbox.mark(2)
    outbox.let_go(2)
    outbox.apply(views(1))
    assert [event.number for event in outbox.waiting(10)] == [3]


def test_beginning_again_gives_all_that_is_kept(outbox):
    outbox.apply(views(4))
    outbox.mark(4)
    outbox.let_go(1)
    assert outbox.begin_again() == 3
    assert urls(outbox) == [1, 2, 3]
    outbox.mark(4)
    outbox.let_go(4)
    assert outbox.begin_again() == 0
    assert outbox.status().waiting == 0


def test_an_outbox_that_is_opened_again_goes_on_where_it_was(outbox):
    outbox.apply(views(3))
    outbox.mark(1)
    outbox.close()
    again = Outbox(outbox.path)
    assert urls(again) == [1, 2]
    again.close()


def test_a_failed_apply_leaves_nothing_half_made(outbox):
    with pytest.raises(StoreError):
        outbox.apply([view(1), Insert("PageViews", KEY, clock.new_id(), None)])
    assert outbox.status().waiting == 0


def test_a_locked_outbox_is_unavailable(outbox, monkeypatch):
    other = sqlite3.connect(outbox.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.05)
    for write in (lambda: outbox.apply(views(1)), outbox.probe):
        with pytest.raises(StoreUnavailable, match="locked"):
            write()
    other.execute("ROLLBACK")
    other.close()
    outbox.probe()


def test_nothing_is_taken_at_once_while_another_writes(outbox):
    other = sqlite3.connect(outbox.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not outbox.apply_at_once(views(1))
    other.execute("ROLLBACK")
    other.close()
    assert outbox.status().waiting == 0
    assert outbox.apply_at_once([view(1), view(2)])
    assert urls(outbox) == [1, 2]


def test_names_of_text_come_back_as_text(outbox):
    outbox.apply([Insert("Accounts", "row", "name", b"\x80")])
    assert outbox.waiting(1)[0].insert == Insert("Accounts", "row", "name", b"\x80")


def test_only_a_cluster_has_an_outbox(settings_of):
    with pytest.raises(StoreError, match="has no outbox"):
        open_outbox(settings_of())


def test_all_is_sent_once_in_order_and_deleted_after_the_grace(bench, outbox, cluster):
    outbox.apply(views(MAX_BATCH + 10))
    names = [event.insert.name for event in outbox.waiting(10_000)]
    bench.send_all()
    assert cluster.applied == names
    assert (outbox.status().waiting, outbox.status().kept) == (0, MAX_BATCH + 10)
    bench.later(GRACE - 1)
    assert outbox.status().kept == MAX_BATCH + 10
    bench.later(LONG)
    assert outbox.status().kept == 0
    assert cluster.applied == names


def test_a_forwarder_begins_with_all_that_is_kept(bench, outbox, cluster):
    outbox.apply(views(3))
    bench.send_all()
    again = Bench(outbox, cluster)
    again.forwarder.begin()
    again.send_all()
    assert len(cluster.applied) == 6
    assert len(cluster.names()) == 3


def test_what_a_restarted_node_may_have_lost_is_sent_again(bench, outbox, cluster):
    outbox.apply(views(5))
    bench.send_all()
    cluster.restart()
    assert cluster.names() == []
    bench.later(LONG)
    assert len(cluster.names()) == 5
    assert outbox.status().kept == 5
    bench.later(LONG)
    assert outbox.status().kept == 0
    assert len(cluster.applied) == 10


@pytest.mark.parametrize("restarted, silent, is_sent_again", [
    ((), (), False), ((0,), (), False), ((), (0,), False), ((0, 1), (), True), ((), (0, 1), True), ((0,), (1,), True),
])
def test_of_three_nodes_one_may_fail(outbox, restarted, silent, is_sent_again):
    cluster = FakeCluster(3)
    bench = Bench(outbox, cluster)
    outbox.apply(views(5))
    bench.send_all()
    for node in restarted:
        cluster.starts[node] += 1
    for node in silent:
        del cluster.starts[node]
    bench.later(LONG)
    assert len(cluster.applied) == (10 if is_sent_again else 5)


def test_a_node_that_came_back_unseen_and_died_again_counts_as_lost(outbox):
    cluster = FakeCluster(3)
    del cluster.starts[1]
    bench = Bench(outbox, cluster)
    outbox.apply(views(5))
    bench.send_all()
    # Perhaps it was the second that acknowledged, and it is another life of it that is seen now.
    cluster.starts[1] = 2
    cluster.starts[0] += 1
    bench.later(LONG)
    assert len(cluster.applied) == 10


def test_a_cluster_that_is_away_is_waited_for_and_nothing_is_deleted(bench, outbox, cluster):
    outbox.apply(views(3))
    bench.send_all()
    cluster.is_away = True
    outbox.apply(views(2))
    for _ in range(20):
        bench.now += LONG
        assert bench.forwarder.step()
    assert bench.stop.waits == 20
    assert (outbox.status().waiting, outbox.status().kept) == (2, 3)
    cluster.is_away = False
    bench.send_all()
    assert len(cluster.names()) == 5


@pytest.mark.parametrize("error, pauses", [(StoreError("too large"), 0), (StoreUnavailable("timed out"), ATTEMPTS)])
def test_an_event_that_the_cluster_cannot_hold_is_set_aside_with_the_reason(bench, outbox, cluster, error, pauses):
    outbox.apply(views(100))
    poison = outbox.waiting(100)[41].insert
    cluster.refuses[poison.name] = error
    bench.send_all()
    assert (len(cluster.names()), outbox.status().waiting, outbox.status().aside) == (99, 0, 1)
    assert bench.stop.waits == pauses
    assert [(aside.insert, aside.error) for aside in outbox.all_aside(10)] == [(poison, str(error))]
    cluster.refuses.clear()
    assert outbox.retry() == 1
    bench.send_all()
    assert (len(cluster.names()), outbox.status().aside) == (100, 0)


def test_the_last_event_may_be_the_one_that_is_set_aside(bench, outbox, cluster):
    outbox.apply(views(1))
    cluster.refuses[outbox.waiting(1)[0].insert.name] = StoreError("too large")
    bench.send_all()
    assert outbox.status()[:4] == (0, 0.0, 0, 1)


def test_there_is_one_forwarder_at_a_time(outbox):
    with sole_forwarder(outbox), pytest.raises(UsageError, match="another forwarder"), sole_forwarder(outbox):
        pass
    with sole_forwarder(outbox):
        pass
