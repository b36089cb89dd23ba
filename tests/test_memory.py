import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from footfall.errors import StoreError
from footfall.stores.memory import MemoryStore
from tests.contract import KEY, StoreContract, at, value


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore()


def test_threads_that_insert_at_once_lose_nothing():
    views = MemoryStore().family("PageViews")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: views.insert(KEY, {at(n / 100, n): value(n)}), range(800)))
    assert views.get_count(KEY) == 800


def test_a_memory_store_does_not_travel_to_another_process():
    with pytest.raises(StoreError, match="memory:// lives in one process"):
        pickle.dumps(MemoryStore())
