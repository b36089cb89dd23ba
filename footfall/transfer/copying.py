"""Copy a whole store into another, and compare the two.

Every column of every family is brought to the target that it does not have, or has with another value; nothing is
removed from it. Running it again brings what came to the source since. How far a copy is stands in the target's
``Positions`` while it is under way, so that one that was cut off goes on, and one that came to its end leaves the
next to look at everything again.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from footfall import salts
from footfall.columns import FAMILIES, PROBE_ROW, TURNS_ROW, Column, Insert, sort_name
from footfall.storage import ColumnFamily, Store
from footfall.transfer.importing import BATCH
from footfall.transfer.positions import FAMILY, Mark, apply_then

#: Positions first: what they say was taken must be among the events that are read after them.
#: Salts stay where they are destroyed.
ORDER = tuple(sorted((name for name in FAMILIES if name != salts.FAMILY), key=lambda name: name != FAMILY))
MARK_ROWS = "copy "
MAX_SHOWN = 10

T = TypeVar("T")
_END: Any = object()


class Found(NamedTuple):
    """A column of the source, and where it was."""

    family: str
    key: str
    column: Column


@dataclass
class Counts:
    """Rows and columns that were read of each family, and the columns that the target got."""

    rows: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)


class Difference(NamedTuple):
    """A row that is not the same in both stores.

    :param columns: how many it has in the source.
    :param missing: how many of these the target does not have.
    :param other: how many have another value there.
    :param more: how many the target alone has.
    """

    family: str
    key: str
    columns: int
    missing: int
    other: int
    more: int


@dataclass
class Comparison:
    """What became of comparing two stores.

    ``wrong`` are the first rows of which the target misses something or has it otherwise, ``more`` the first of those
    in which it has all and more; ``wrong_rows`` and ``more_rows`` say how many there are.
    """

    rows: int = 0
    columns: int = 0
    wrong_rows: int = 0
    more_rows: int = 0
    wrong: list[Difference] = field(default_factory=list)
    more: list[Difference] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        """Count a row that is not the same."""
        if difference.missing or difference.other:
            self.wrong_rows += 1
            self.wrong += [difference][:MAX_SHOWN - len(self.wrong)]
        elif difference.more:
            self.more_rows += 1
            self.more += [difference][:MAX_SHOWN - len(self.more)]


class Row(NamedTuple):
    """What is compared of a row first: how many columns it has, and a digest of their names and values."""

    key: str
    columns: int
    digest: bytes


def mark_of(source: Store, target: Store) -> Mark:
    """Return the mark of the copy from one store to another."""
    parts = urlsplit(source.url)
    # Not the login, which is nobody's to see; but the machine, where the path is one on it.
    host = parts.netloc.rpartition("@")[2] or socket.gethostname()
    place = f"{parts.scheme}://{host}{parts.path}"
    return Mark(target, MARK_ROWS + blake2b(place.encode(), digest_size=16).hexdigest())


def copy(source: Store, target: Store, mark: Mark, counts: Counts, step: Callable[[str], None]) -> None:
    """Bring the target what it does not have of the source, in batches, each with how far it goes.

    :param mark: where an earlier copy was cut off, if it was; it is gone on from there.
    :param step: called with the family that is read after each batch.
    :raises StoreUnavailable: one of them did not answer; the copy may be begun again.
    """
    there = {name: frozenset(target.family(name).row_keys()) for name in FAMILIES}
    last: tuple[str, str] | None = None
    columns = _columns(source, mark.read())
    batches = iter(lambda: list(islice(columns, BATCH)), [])
    for batch in read_ahead(batches):
        new = [Insert(found.family, found.key, *found.column) for found in _not_in(target, there, batch)]
        apply_then(target, new, [mark.at(_place_of(batch[-1]))])
        for found in batch:
            counts.rows[found.family] += (found.family, found.key) != last
            counts.columns[found.family] += 1
            last = found.family, found.key
        counts.written.update(insert.family for insert in new)
        step(batch[-1].family)
    target.apply([mark.gone()])


def compare(source: Store, target: Store, step: Callable[[str, int, int], None]) -> Comparison:
    """Compare every row of two stores, both read at the same time.

    :param step: called with family, rows and columns compared.
    :raises StoreUnavailable: one of them did not answer.
    """
    done = Comparison()
    for name in ORDER:
        ours, theirs = source.family(name), target.family(name)
        for key, one, other in _side_by_side(read_ahead(_rows(ours)), read_ahead(_rows(theirs))):
            done.rows += 1
            done.columns += max(row.columns for row in (one, other) if row)
            if one != other:
                # What may have been written since its digest was made is found to be the same.
                done.add(_difference(ours, theirs, key))
            step(name, done.rows, done.columns)
    return done


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items, the next of which is got in another thread while one is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, items, _END)
            yield item


def _walk(family: ColumnFamily, start: str = "") -> Iterator[tuple[str, Iterator[Column]]]:
    """Yield the rows that are to be the same: not what probes, turns and copies themselves write."""
    for key, row in family.walk(start):
        passing = (PROBE_ROW, TURNS_ROW) if family.name == "Accounts" else ()
        if key not in passing and not (family.name == FAMILY and key.startswith(MARK_ROWS)):
            yield key, row


def _columns(source: Store, place: dict[str, Any] | None) -> Iterator[Found]:
    """Yield the columns of a store behind a place."""
    first, start, after = 0, "", None
    if place:
        first, start, after = ORDER.index(place["family"]), place["key"], place["name"]
    for name in ORDER[first:]:
        family = source.family(name)
        for key, row in _walk(family, start):
            for column in row:
                if after is None or key != start or sort_name(column[0]) > after:
                    yield Found(name, key, column)
        start, after = "", None


def _not_in(target: Store, there: dict[str, frozenset[str]], batch: Iterable[Found]) -> Iterator[Found]:
    """Yield those columns that the target does not have, or has with other values.

    :param there: the rows that the target had at the beginning: of others nothing need be asked.
    """
    by_row: dict[tuple[str, str], list[Found]] = {}
    for found in batch:
        by_row.setdefault((found.family, found.key), []).append(found)
    for (name, key), row in by_row.items():
        names = [found.column[0] for found in row]
        had = target.family(name).multiget([key], names).get(key, {}) if key in there[name] else {}
        yield from (found for found in row if had.get(found.column[0]) != found.column[1])


def _rows(family: ColumnFamily) -> Iterator[Row]:
    for key, row in _walk(family):
        digest, count = blake2b(digest_size=16), 0
        for name, value in row:
            digest.update(b"%d %s %d " % (count, _name_bytes(name), len(value)))
            digest.update(value)
            count += 1
        # A row may have gone since its key was read.
        if count:
            yield Row(key, count, digest.digest())


def _side_by_side(ones: Iterator[Row], others: Iterator[Row]) -> Iterator[tuple[str, Row | None, Row | None]]:
    """Yield the rows of two walks in order of their keys, those of one key together."""
    one, other = next(ones, None), next(others, None)
    while one or other:
        key = min(row.key for row in (one, other) if row)
        here, there = one if one and one.key == key else None, other if other and other.key == key else None
        yield key, here, there
        one = next(ones, None) if here else one
        other = next(others, None) if there else other


def _difference(ours: ColumnFamily, theirs: ColumnFamily, key: str) -> Difference:
    columns = missing = other = 0
    row = ours.stored(key)
    while page := dict(islice(row, BATCH)):
        had = theirs.multiget([key], page).get(key, {})
        columns += len(page)
        missing += len(page) - len(had)
        other += sum(had[name] != page[name] for name in had)
    more = sum(1 for _ in theirs.stored(key)) - (columns - missing)
    return Difference(ours.name, key, columns, missing, other, more)


def _name_bytes(name: Any) -> bytes:
    sorted_ = sort_name(name)
    encoded: bytes = sorted_.encode() if isinstance(sorted_, str) else sorted_
    return b"%d %s" % (len(encoded), encoded)


def _place_of(found: Found) -> dict[str, Any]:
    """Return a column's place in its store as a mark holds it."""
    return {"family": found.family, "key": found.key, "name": sort_name(found.column[0])}
