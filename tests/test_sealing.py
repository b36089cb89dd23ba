"""Sealed days: every event comes back to the byte, whatever it holds and whatever happens in between."""

import pytest

from footfall.columns import FAMILIES
from footfall.stores import sqlite_sealed, sqlite_sealing
from footfall.stores.sqlite import SqliteStore
from tests.contract import StoreContract


class SealingStore(SqliteStore):
    """Seals after every write whatever there is, also what is of no day: no event that is read is a row."""

    def apply(self, mutations):
        super().apply(mutations)
        rows = [(name, key) for name in filter(sqlite_sealed.is_sealed, FAMILIES)
                for key in list(self.family(name).row_keys())]
        for _ in sqlite_sealing.steps(self.file, sqlite_sealing.seal_some, iter(rows)):
            pass


@pytest.fixture
def sealing_store(tmp_path):
    with SealingStore(f"sqlite:///{tmp_path}/footfall.db") as store:
        yield store


class TestSealed(StoreContract):
    @pytest.fixture
    def store(self, sealing_store):
        yield sealing_store
        left = [sealing_store.file.read(f'SELECT count(*) FROM "{name}" WHERE expires IS NULL')
                for name in filter(sqlite_sealed.is_sealed, FAMILIES)]
        assert left == [[(0,)]] * 3
