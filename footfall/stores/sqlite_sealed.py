"""Sealed days in an SQLite file: chunks of a row's events, beside the rows of its table.

The chunks of a row do not overlap. What is written to a day that was sealed stays a row of the table, and counts before
a sealed column of the same name; sealing the day again (:mod:`footfall.stores.sqlite_sealing`) takes it into the
chunks. So writers need not know of chunks, but for what is removed or is to go by itself, which is taken out of its
chunk (:func:`make_way`).
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from footfall.blocks import Block, Page
from footfall.columns import FAMILIES, Insert, Remove, sort_name
from footfall.stores.sqlite_file import SqliteFile

if TYPE_CHECKING:
    from footfall.sealing import Sealed

TABLE = "Sealed"
#: What is before and behind every name.
LOWEST, HIGHEST = b"", b"\xff" * 17

_FIELDS = "rowid, first, last, count, data"
_CHUNK = f'SELECT {_FIELDS} FROM "{TABLE}" WHERE family = ? AND row_key = ?'

Row = tuple[bytes, bytes]


class Chunk(NamedTuple):
    """A chunk as it lies in the file, with the names that it begins and ends with."""

    number: int
    first: bytes
    last: bytes
    events: int
    data: bytes


class Left(NamedTuple):
    """What is left of a chunk when events are taken out: names, none for nothing, and the bytes of the new chunk."""

    was: bytes
    names: Sequence[bytes]
    data: bytes


#: What is left of chunks, by their numbers.
Prepared = Mapping[int, Left]


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the table of the chunks."""
    connection.execute(f'CREATE TABLE IF NOT EXISTS "{TABLE}" (family TEXT NOT NULL, row_key TEXT NOT NULL, '
                       "first BLOB NOT NULL, last BLOB NOT NULL, count INTEGER NOT NULL, data BLOB NOT NULL)")
    # Chunks are found from either end; what is only counted is counted from an index.
    connection.execute(f'CREATE UNIQUE INDEX IF NOT EXISTS "{TABLE}First" ON "{TABLE}" '
                       "(family, row_key, first, last, count)")
    connection.execute(f'CREATE UNIQUE INDEX IF NOT EXISTS "{TABLE}Last" ON "{TABLE}" (family, row_key, last)')


def is_sealed(family: str) -> bool:
    """Tell whether days of a family are sealed."""
    return FAMILIES[family] == "time"


# ----- reading; a connection is given by :meth:`SqliteFile.snapshot` or is the one that writes


def chunk_after(connection: sqlite3.Connection, family: str, key: str, low: bytes) -> Chunk | None:
    """Return the first chunk of a row that does not end before a name."""
    return _chunk(connection, f"{_CHUNK} AND last >= ? ORDER BY last LIMIT 1", family, key, low)


def chunk_before(connection: sqlite3.Connection, family: str, key: str, high: bytes) -> Chunk | None:
    """Return the last chunk of a row that does not begin behind a name."""
    return _chunk(connection, f"{_CHUNK} AND first <= ? ORDER BY first DESC LIMIT 1", family, key, high)


def chunk_next(connection: sqlite3.Connection, family: str, key: str, low: bytes, high: bytes, *,
               backwards: bool) -> Chunk | None:
    """Return the first chunk of a row, or backwards the last, that touches a range of names."""
    chunk = chunk_before(connection, family, key, high) if backwards else chunk_after(connection, family, key, low)
    return chunk if chunk and chunk.first <= high and chunk.last >= low else None


def chunks_within(connection: sqlite3.Connection, family: str, key: str, low: bytes, high: bytes) -> Iterator[Chunk]:
    """Yield the chunks of a row that touch a range of names, in order."""
    chunk = chunk_after(connection, family, key, low)
    while chunk and chunk.first <= high:
        yield chunk
        chunk = chunk_after(connection, family, key, behind(chunk.last))


def behind(name: bytes) -> bytes:
    """Return what is behind a name and before every other that is."""
    return name + b"\0"


def before(name: bytes) -> bytes:
    """Return what is before a name and behind every other that is."""
    return (int.from_bytes(name) - 1).to_bytes(len(name)) if any(name) else LOWEST


def cut(chunk: Chunk, low: bytes, high: bytes) -> Sealed:
    """Return the events of a chunk from one name to another, both included."""
    block = _unsealed(chunk)
    if low <= chunk.first and chunk.last <= high:
        return block
    return block.part(bisect_left(block.names, low), bisect_right(block.names, high))


def found(connection: sqlite3.Connection, family: str, key: str, names: Iterable[bytes]) -> Iterator[Row]:
    """Yield those of some names that are sealed, with their values."""
    chunk = block = None
    for name in sorted(names):
        if chunk is None or block is None or name > chunk.last:
            chunk = chunk_after(connection, family, key, name)
            if chunk is None:
                return
            block = _unsealed(chunk)
        place = bisect_left(block.names, name)
        if place < len(block) and block.names[place] == name:
            yield name, block.part(place, place + 1).values()[0]


def names_between(connection: sqlite3.Connection, family: str, key: str, low: bytes, high: bytes) -> Iterator[bytes]:
    """Yield the sealed names of a row from one to another, both included."""
    for chunk in chunks_within(connection, family, key, low, high):
        yield from cut(chunk, low, high).names


def count(connection: sqlite3.Connection, family: str, key: str, low: bytes, high: bytes) -> int:
    """Return how many sealed columns of a row, from one name to another, no row stands before."""
    total: int = 0
    whole = connection.execute(
        f'SELECT total(count) FROM "{TABLE}" AS chunk WHERE family = ? AND row_key = ? AND first >= ? AND last <= ? '
        f"AND NOT {_is_covered(family)}", (family, key, low, high)).fetchone()
    total += int(whole[0])
    rest = connection.execute(
        f'SELECT {_FIELDS} FROM "{TABLE}" AS chunk WHERE family = ? AND row_key = ? AND last >= ? '
        f"AND first <= ? AND (first < ? OR last > ? OR {_is_covered(family)})", (family, key, low, high, low, high))
    for chunk in map(Chunk._make, rest.fetchall()):
        total += _uncovered(connection, family, key, chunk, low, high)
    return total


def told(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many chunks there are, how many columns they hold, and the bytes of them."""
    chunks, columns, size = connection.execute(
        f'SELECT count(*), total(count), total(length(data)) FROM "{TABLE}"').fetchone()
    return {"columns": int(columns), "chunks": chunks, "bytes": int(size)}


def count_all(connection: sqlite3.Connection, family: str) -> int:
    """Return how many sealed columns of a family no row stands before."""
    (whole,) = connection.execute(f'SELECT total(count) FROM "{TABLE}" AS chunk WHERE family = ? '
                                  f"AND NOT {_is_covered(family)}", (family,)).fetchone()
    rest = connection.execute(f'SELECT row_key, {_FIELDS} FROM "{TABLE}" AS chunk WHERE family = ? '
                              f"AND {_is_covered(family)}", (family,)).fetchall()
    return int(whole) + sum(_uncovered(connection, family, key, Chunk(*chunk), LOWEST, HIGHEST)
                            for key, *chunk in rest)


def merged(rows: Sequence[Row], block: Sealed, *, backwards: bool) -> list[Row]:
    """Return rows and sealed columns of one range as columns in order."""
    columns = dict(zip(block.names, block.values(), strict=True))
    if rows:
        columns |= dict(rows)
        return sorted(columns.items(), reverse=backwards)
    return list(columns.items())[::-1 if backwards else 1]


def woven(rows: Sequence[Row], block: Sealed) -> Iterator[Block]:
    """Yield rows and sealed columns of one range as blocks in order."""
    start, waiting = 0, list[Row]()
    for row in rows:
        place = bisect_left(block.names, row[0], start)
        if place > start:
            yield from page_of(waiting)
            waiting = []
            yield block.part(start, place)
        waiting.append(row)
        start = place + (place < len(block) and block.names[place] == row[0])
    yield from page_of(waiting)
    if start < len(block):
        yield block.part(start, len(block))


def page_of(rows: Sequence[Row]) -> Iterator[Page]:
    """Yield the block of some rows, if there are any."""
    if rows:
        names, values = zip(*rows, strict=True)
        yield Page(names, values)


# ----- writing


def prepare(file: SqliteFile, mutations: Iterable[Any]) -> Prepared:
    """Return what is left of the chunks that mutations take events out of, before the transaction that needs it."""
    prepared: dict[int, Left] = {}
    for (family, key), names in _taken_out(mutations).items():
        with file.snapshot() as connection:
            chunks = list(_touched(connection, family, key, names))
        for chunk in chunks:
            prepared[chunk.number] = _left(chunk, names)
    return prepared


def make_way(connection: sqlite3.Connection, mutations: Iterable[Any], prepared: Prepared) -> None:
    """Take out of the chunks what mutations remove, or write to go by itself.

    All of it at once, whatever the order of the mutations: what is sealed is older than each of them.
    """
    mutations = list(mutations)
    for mutation in mutations:
        if isinstance(mutation, Remove) and mutation.name is None and is_sealed(mutation.family):
            remove_row(connection, mutation.family, mutation.key)
    for (family, key), names in _taken_out(mutations).items():
        for chunk in list(_touched(connection, family, key, names)):
            left = prepared.get(chunk.number)
            if left is None or left.was != chunk.data:
                left = _left(chunk, names)
            remove(connection, chunk)
            if left.names:
                insert(connection, family, key, left.names, left.data)


def insert(connection: sqlite3.Connection, family: str, key: str, names: Sequence[bytes], data: bytes) -> None:
    """Write the chunk of some names."""
    connection.execute(f'INSERT INTO "{TABLE}" (family, row_key, first, last, count, data) VALUES (?, ?, ?, ?, ?, ?)',
                       (family, key, names[0], names[-1], len(names), data))


def remove(connection: sqlite3.Connection, chunk: Chunk) -> None:
    """Remove a chunk."""
    connection.execute(f'DELETE FROM "{TABLE}" WHERE rowid = ?', (chunk.number,))


def remove_row(connection: sqlite3.Connection, family: str, key: str) -> None:
    """Remove the chunks of a row."""
    connection.execute(f'DELETE FROM "{TABLE}" WHERE family = ? AND row_key = ?', (family, key))


def _chunk(connection: sqlite3.Connection, sql: str, *values: Any) -> Chunk | None:
    row = connection.execute(sql, values).fetchone()
    return Chunk(*row) if row else None


def _unsealed(chunk: Chunk) -> Sealed:
    # Not at the top: it takes a tenth of a second to import, and most commands read nothing that is sealed.
    from footfall.sealing import unseal

    return unseal(chunk.data)


def _is_covered(family: str) -> str:
    """Return the condition that rows lie in the range of a chunk."""
    return (f'EXISTS (SELECT 1 FROM "{family}" AS late WHERE late.row_key = chunk.row_key '
            "AND late.id BETWEEN chunk.first AND chunk.last)")


def _uncovered(connection: sqlite3.Connection, family: str, key: str, chunk: Chunk, low: bytes, high: bytes) -> int:
    """Return how many events of a chunk, from one name to another, no row stands before."""
    names = set(cut(chunk, low, high).names)
    rows = connection.execute(f'SELECT id FROM "{family}" WHERE row_key = ? AND id BETWEEN ? AND ?',
                              (key, chunk.first, chunk.last))
    return len(names.difference(name for (name,) in rows))


def _taken_out(mutations: Iterable[Any]) -> dict[tuple[str, str], set[bytes]]:
    """Return the names that must not stay sealed, by family and row."""
    names: defaultdict[tuple[str, str], set[bytes]] = defaultdict(set)
    for mutation in mutations:
        is_out = mutation.ttl is not None if isinstance(mutation, Insert) else isinstance(mutation, Remove)
        if is_out and mutation.name is not None and is_sealed(mutation.family):
            names[mutation.family, mutation.key].add(sort_name(mutation.name))
    return names


def _touched(connection: sqlite3.Connection, family: str, key: str, names: Iterable[bytes]) -> Iterator[Chunk]:
    """Yield the chunks that some names may be in."""
    last = LOWEST
    for name in sorted(names):
        if name <= last:
            continue
        chunk = chunk_after(connection, family, key, name)
        if chunk is None:
            return
        if chunk.first <= name:
            last = chunk.last
            yield chunk


def _left(chunk: Chunk, names: set[bytes]) -> Left:
    from footfall.sealing import seal

    block = _unsealed(chunk)
    left = [row for row in zip(block.names, block.values(), strict=True) if row[0] not in names]
    if not left:
        return Left(chunk.data, (), b"")
    kept, values = zip(*left, strict=True)
    return Left(chunk.data, kept, chunk.data if len(left) == len(block) else seal(kept, values))
