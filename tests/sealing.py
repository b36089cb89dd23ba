"""Stores that seal what they are given, for the tests that hold sealed events to what holds for others."""

from footfall.columns import FAMILIES
from footfall.stores import sqlite_sealed, sqlite_sealing
from footfall.stores.sqlite import SqliteStore

#: The families whose days are sealed.
EVENTS = [name for name in FAMILIES if sqlite_sealed.is_sealed(name)]


def each_row(store, some):
    """Seal or unseal the rows of all events, also those that are of no day."""
    rows = [(name, key) for name in EVENTS for key in list(store.family(name).row_keys())]
    return sum(step.events for step in sqlite_sealing.steps(store.file, some, iter(rows)))


def seal_all(store):
    return each_row(store, sqlite_sealing.seal_some)


def unseal_all(store):
    return each_row(store, sqlite_sealing.unseal_some)


def rows_left(store):
    """How many events are rows of the tables, those left out that are to go by themselves."""
    return sum(store.file.read(f'SELECT count(*) FROM "{name}" WHERE expires IS NULL')[0][0] for name in EVENTS)


class SealingStore(SqliteStore):
    """Seals after every write whatever there is: nothing that is read is a row.

    :param then: what it does after its writes, one after the other, in place of sealing.
    """

    def __init__(self, url, then=(seal_all,)):
        super().__init__(url)
        self._then = then
        self._writes = 0

    def apply(self, mutations):
        super().apply(mutations)
        self._then[self._writes % len(self._then)](self)
        self._writes += 1
