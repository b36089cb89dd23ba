import threading

import gevent
import pytest

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
