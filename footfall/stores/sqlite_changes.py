"""The log of what changed in an SQLite file: written in the transaction that changes it, so it tells of all.

A commit of events adds a row for each day that it touches, most often one. Of those that are long past, many are made
into one, over and over, the older the more (:func:`tidy`): who reads from there reads more than changed, not less.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from footfall.changes import EVERYTHING, Cursor, Entry, touched
from footfall.columns import Remove
from footfall.stores.sqlite_file import Change, SqliteFile

#: Rows beyond which some are made into one, and those that stay as they are.
MOST, FRESH = 10_000, 1_000
_INSERT = 'INSERT INTO "Changes" (family, row_key, low, high, gone) VALUES (?, ?, ?, ?, ?)'


def make_tables(connection: sqlite3.Connection) -> None:
    """Make what the log needs."""
    # The row with the highest version always stays, so that none is given twice. The mark tells a row from another by
    # its version, in a file that was put back as it was before.
    connection.execute('CREATE TABLE IF NOT EXISTS "Changes" (version INTEGER PRIMARY KEY, family TEXT NOT NULL, '
                       "row_key TEXT NOT NULL, low BLOB NOT NULL, high BLOB NOT NULL, gone INTEGER NOT NULL, "
                       "mark INTEGER NOT NULL DEFAULT (random()))")
    # Tells this log from that of another file which takes this one's place.
    connection.execute('CREATE TABLE IF NOT EXISTS "ChangesOf" (id TEXT NOT NULL)')
    connection.execute('INSERT INTO "ChangesOf" SELECT lower(hex(randomblob(8))) '
                       'WHERE NOT EXISTS (SELECT 1 FROM "ChangesOf")')


def record(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Log something, in the transaction that does it."""
    for entry in entries:
        connection.execute(_INSERT, entry)


def logged(change: Change, remove: Remove) -> Change:
    """Return a change that logs as well that it removes something.

    :param remove: what it removes, or the row of which it removes a part.
    """

    def both(connection: sqlite3.Connection) -> None:
        change(connection)
        record(connection, touched([remove]))

    return both


def read(file: SqliteFile, since: Cursor | None) -> tuple[list[Entry], Cursor]:
    """Return what was logged since ``since``, and where the log ends.

    A cursor names the file, and the last row that was read by its version and its mark.
    """
    owner, version, mark = since.split(".") if since else ("", "0", "0")
    # In one query, so that nothing is written between two.
    rows = file.read(
        'SELECT family, row_key, low, high, gone, id, version, mark FROM "ChangesOf" LEFT JOIN "Changes" '
        "ON version >= ? ORDER BY version", int(version))
    *_, there, last, last_mark = rows[-1]
    first, first_mark = rows[0][-2:]
    cursor = f"{there}.{last or 0}.{last_mark or 0}"
    # The row that was read last is still there, or was made into one with a later one.
    goes_on = version == "0" or (first is not None and (first > int(version) or first_mark == int(mark)))
    if there != owner or not goes_on:
        return EVERYTHING, cursor
    return [Entry(family, key, low, high, bool(gone)) for family, key, low, high, gone, _, number, _ in rows
            if number is not None and number > int(version)], cursor


def tidy(file: SqliteFile) -> None:
    """Make many rows into one if there are many: for each row of events and thousand versions, or ten thousand, …"""
    if file.read('SELECT count(*) FROM "Changes"')[0][0] <= MOST:
        return
    with file.transaction() as connection:
        bits = 10
        while connection.execute('SELECT count(*) FROM "Changes"').fetchone()[0] > MOST // 2 and bits < 63:
            _merge(connection, bits)
            bits += 3


def _merge(connection: sqlite3.Connection, bits: int) -> None:
    """Make rows of the same events whose versions differ in the lowest bits alone into one, the last of them."""
    (last,) = connection.execute('SELECT max(version) FROM "Changes"').fetchone()
    some = connection.execute(
        "SELECT last.version, last.family, last.row_key, part.low, part.high, part.gone, last.mark FROM ("
        'SELECT max(version) AS version, min(low) AS low, max(high) AS high, max(gone) AS gone FROM "Changes" '
        'WHERE version <= ? GROUP BY family, row_key, version >> ?) AS part JOIN "Changes" AS last USING (version)',
        (last - FRESH, bits)).fetchall()
    connection.execute('DELETE FROM "Changes" WHERE version <= ?', (last - FRESH,))
    connection.executemany('INSERT INTO "Changes" VALUES (?, ?, ?, ?, ?, ?, ?)', some)
