import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from footfall import timeuuid
from footfall.collect.writer import MAX_BATCH, Writer
from footfall.errors import StoreError, StoreUnavailable
from footfall.pageview import Event
from footfall.stores.memory import MemoryStore
from tests.waiting import until

clock = timeuuid.Clock()


def view(number=0):
    return Event("PageViews", "blog", clock.new_id(), {"url": str(number)})


def stored(store):
    family = store.family("PageViews")
    return sum(family.get_count(key) for key in family.row_keys())


class SlowStore(MemoryStore):
    """A store whose commits wait for a gate, and which keeps what each was given."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.batches = []

    def apply(self, mutations):
        self.entered.release()
        assert self.gate.wait(10)
        self.batches.append(len(mutations))
        super().apply(mutations)


@pytest.fixture
def slow():
    return SlowStore()


@pytest.fixture
def writing():
    """Makes writers, and ends their threads after the test."""
    made = []

    def make(store, **more):
        made.append(Writer(store if callable(store) else lambda: store, **more))
        return made[-1]

    yield make
    for writer in made:
        writer.close()


def test_commit_returns_when_the_events_are_stored(writing):
    store = MemoryStore()
    writer = writing(store)
    for number in range(3):
        writer.commit([view(number)])
        assert stored(store) == number + 1


def test_all_who_wait_share_one_commit(writing, slow):
    writer = writing(slow)
    with ThreadPoolExecutor(50) as pool:
        first = pool.submit(writer.commit, [view()])
        assert slow.entered.acquire(timeout=10)
        others = [pool.submit(writer.commit, [view(n), view(n)]) for n in range(40)]
        until(lambda: writer._queued == 80)
        slow.gate.set()
        for waiting in (first, *others):
            waiting.result(10)
    assert slow.batches == [1, 80]
    assert stored(slow) == 81


def test_a_commit_takes_no_more_than_a_batch(writing, slow):
    writer = writing(slow)
    with ThreadPoolExecutor(50) as pool:
        futures = [pool.submit(writer.commit, [view() for _ in range(50)])]
        assert slow.entered.acquire(timeout=10)
        futures += [pool.submit(writer.commit, [view() for _ in range(50)]) for _ in range(40)]
        until(lambda: writer._queued == 2000)
        slow.gate.set()
        for future in futures:
            future.result(10)
    assert max(slow.batches) <= MAX_BATCH
    assert sum(slow.batches) == 2050


def test_a_full_queue_refuses_and_takes_again_when_it_is_empty(writing, slow):
    writer = writing(slow, max_queue=3)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(writer.commit, [view()])
        assert slow.entered.acquire(timeout=10)
        second = pool.submit(writer.commit, [view(), view(), view()])
        until(lambda: writer._queued == 3)
        with pytest.raises(StoreUnavailable, match="3 events wait"):
            writer.commit([view()])
        slow.gate.set()
        first.result(10)
        second.result(10)
    writer.commit([view()])
    assert stored(slow) == 5


def test_a_store_that_is_away_fails_the_wait_and_serves_when_it_is_back(writing):
    store = MemoryStore()
    answers = iter([StoreUnavailable("away")])

    def opened():
        for error in answers:
            raise error
        return store

    writer = writing(opened)
    with pytest.raises(StoreUnavailable, match="away"):
        writer.commit([view()])
    writer.commit([view()])
    assert stored(store) == 1


def test_what_the_store_cannot_hold_fails_alone(writing, slow):
    class Picky(SlowStore):
        def apply(self, mutations):
            super().apply([])
            if any(mutation.value == b"\x81\xa3url\xa3bad" for mutation in mutations):
                raise StoreError("cannot hold that")
            MemoryStore.apply(self, mutations)

    store = Picky()
    writer = writing(store)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(writer.commit, [view()])
        assert store.entered.acquire(timeout=10)
        good = [pool.submit(writer.commit, [view(n)]) for n in range(3)]
        bad = pool.submit(writer.commit, [view("bad")])
        until(lambda: writer._queued == 4)
        store.gate.set()
        assert isinstance(bad.exception(10), StoreError)
        for future in (first, *good):
            future.result(10)
    assert stored(store) == 4


def test_a_closed_writer_has_stored_what_it_took_and_takes_no_more(writing):
    store = MemoryStore()
    writer = writing(store)
    writer.commit([view()])
    writer.close()
    with pytest.raises(StoreUnavailable, match="stopping"):
        writer.commit([view()])
    assert stored(store) == 1
