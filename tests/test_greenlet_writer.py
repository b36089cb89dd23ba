import threading

import gevent
import pytest

from footfall.collect import greenlet_writer
from footfall.collect import writer as writer_module
from footfall.collect.greenlet_writer import GreenletWriter
from footfall.collect.writer import MAX_BATCH
from footfall.errors import StoreError, StoreUnavailable
from footfall.stores.memory import MemoryStore
from tests.test_writer import SlowStore, stored, view


@pytest.fixture
def slow():
    return SlowStore()


def until(condition):
    """Let other greenlets run until a condition holds, for ten seconds at most."""
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.002)


def outcome(writer, events):
    """Commit in a greenlet or thread, and return the error, if there was one, instead of raising it."""
    try:
        writer.commit(events)
    except StoreError as error:
        return error
    return None


def test_commit_returns_when_the_events_are_stored():
    store = MemoryStore()
    writer = GreenletWriter(lambda: store)
    for number in range(3):
        assert gevent.spawn(outcome, writer, [view(number)]).get(timeout=10) is None
        assert stored(store) == number + 1


def test_greenlets_and_threads_that_wait_share_one_commit(slow):
    writer = GreenletWriter(lambda: slow)
    first = gevent.spawn(outcome, writer, [view()])
    until(lambda: slow.entered.acquire(blocking=False))
    greenlets = [gevent.spawn(outcome, writer, [view(n), view(n)]) for n in range(40)]
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(outcome(writer, [view()]))) for _ in range(10)]
    for thread in threads:
        thread.start()
    until(lambda: writer._queued == 90)
    slow.gate.set()
    assert [each.get(timeout=10) for each in (first, *greenlets)] == [None] * 41
    until(lambda: len(outcomes) == 10)
    assert outcomes == [None] * 10
    assert slow.batches == [1, 90]
    assert stored(slow) == 91


def test_a_commit_takes_no_more_than_a_batch(slow):
    writer = GreenletWriter(lambda: slow)
    greenlets = [gevent.spawn(outcome, writer, [view() for _ in range(50)]) for _ in range(50)]
    until(lambda: slow.entered.acquire(blocking=False))
    slow.gate.set()
    assert [each.get(timeout=10) for each in greenlets] == [None] * 50
    assert (max(slow.batches), sum(slow.batches)) == (MAX_BATCH, 2500)


def test_a_full_queue_refuses_and_takes_again_when_it_is_empty(slow):
    writer = GreenletWriter(lambda: slow, max_queue=3)
    first = gevent.spawn(outcome, writer, [view()])
    until(lambda: slow.entered.acquire(blocking=False))
    second = gevent.spawn(outcome, writer, [view(), view(), view()])
    until(lambda: writer._queued == 3)
    third = gevent.spawn(outcome, writer, [view()]).get(timeout=10)
    assert isinstance(third, StoreUnavailable)
    assert "3 events wait" in str(third)
    slow.gate.set()
    assert [first.get(timeout=10), second.get(timeout=10)] == [None, None]
    assert gevent.spawn(outcome, writer, [view()]).get(timeout=10) is None
    assert stored(slow) == 5


def test_a_store_that_is_away_fails_the_wait_and_serves_when_it_is_back():
    store = MemoryStore()
    answers = iter([StoreUnavailable("away")])

    def opened():
        for error in answers:
            raise error
        return store

    writer = GreenletWriter(opened)
    assert str(gevent.spawn(outcome, writer, [view()]).get(timeout=10)) == "away"
    assert gevent.spawn(outcome, writer, [view()]).get(timeout=10) is None
    assert stored(store) == 1


def test_a_greenlet_that_was_killed_while_it_waited_disturbs_nobody(slow):
    writer = GreenletWriter(lambda: slow)
    first = gevent.spawn(outcome, writer, [view()])
    until(lambda: slow.entered.acquire(blocking=False))
    killed, kept = (gevent.spawn(outcome, writer, [view()]) for _ in range(2))
    until(lambda: writer._queued == 2)
    killed.kill()
    slow.gate.set()
    assert [first.get(timeout=10), kept.get(timeout=10)] == [None, None]
    assert gevent.spawn(outcome, writer, [view()]).get(timeout=10) is None
    assert stored(slow) == 4


class QuickStore(MemoryStore):
    """A store that can take events at once, and keeps for each commit in which thread that was and of how many."""

    def __init__(self):
        super().__init__()
        self.commits = []
        #: What is told when events are to be taken at once: whether they are, or an error.
        self.at_once = True

    def apply(self, mutations):
        self.commits.append((threading.current_thread() is threading.main_thread(), len(mutations)))
        super().apply(mutations)

    def apply_at_once(self, mutations):
        if isinstance(self.at_once, Exception):
            raise self.at_once
        if self.at_once:
            self.apply(mutations)
        return self.at_once


@pytest.fixture
def quick():
    return QuickStore()


@pytest.fixture
def writer(quick):
    """A writer that has committed one event, and knows that this is quick."""
    writer = GreenletWriter(lambda: quick)
    assert gevent.spawn(outcome, writer, [view()]).get(timeout=10) is None
    assert quick.commits.pop() == (False, 1)
    return writer


def commit_some(writer, count=3):
    greenlets = [gevent.spawn(outcome, writer, [view()]) for _ in range(count)]
    return [each.get(timeout=10) for each in greenlets]


def test_what_comes_in_one_pass_is_committed_by_the_hub(writer, quick):
    for _ in range(2):
        assert commit_some(writer) == [None] * 3
    assert quick.commits == [(True, 3)] * 2
    assert stored(quick) == 7


def test_the_hub_commits_a_batch_at_a_time(writer, quick, monkeypatch):
    monkeypatch.setattr(writer_module, "MAX_BATCH", 2)
    assert commit_some(writer, 5) == [None] * 5
    assert quick.commits == [(True, 2), (True, 2), (True, 1)]


@pytest.mark.parametrize("at_once", [False, StoreUnavailable("away"), StoreError("cannot hold that")])
def test_what_cannot_be_taken_at_once_is_left_to_the_pool(writer, quick, at_once):
    quick.at_once = at_once
    assert commit_some(writer) == [None] * 3
    assert quick.commits == [(False, 3)]
    quick.at_once = True
    assert commit_some(writer) == [None] * 3
    assert quick.commits == [(False, 3), (True, 3)]
    assert stored(quick) == 7


def test_after_a_slow_commit_the_pool_does_them_until_one_is_quick(writer, quick, monkeypatch):
    usual = greenlet_writer.QUICK_SECONDS
    monkeypatch.setattr(greenlet_writer, "QUICK_SECONDS", 0)
    for _ in range(3):
        assert commit_some(writer) == [None] * 3
    monkeypatch.setattr(greenlet_writer, "QUICK_SECONDS", usual)
    for _ in range(2):
        assert commit_some(writer) == [None] * 3
    assert [in_hub for in_hub, _ in quick.commits] == [True, False, False, False, True]


def test_threads_share_the_hubs_commits(writer, quick):
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(outcome(writer, [view()])))
    thread.start()
    until(lambda: outcomes)
    assert (outcomes, quick.commits) == ([None], [(True, 1)])
