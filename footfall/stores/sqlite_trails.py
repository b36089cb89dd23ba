"""The trails of visitors in an SQLite file: written in the order of time, read in the order of visitors.

Visitors come in no order. Written at once where it belongs, each step of a trail would touch a page of its own, and a
commit write more pages for the steps than for the events. So a step goes, in the commit of its event, to the end of a
table of what has arrived; a view shows that and what is settled as one; and every second some of the oldest settle.
"""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from footfall.packing import TRAILS
from footfall.stores.sqlite_file import SqliteFile
from footfall.timeuuid import sort_key

#: The tables that hold the family, and the view of both.
ARRIVED, SETTLED, ALL = "VisitorsArrived", TRAILS, "VisitorsAll"
#: Steps that settle at once: so few that no hit waits for them.
SETTLED_AT_ONCE = 500


def make_tables(connection: sqlite3.Connection) -> None:
    """Make what the family needs beside its own table."""
    connection.execute(f'CREATE TABLE IF NOT EXISTS "{ARRIVED}" (row_key TEXT NOT NULL, id BLOB NOT NULL, '
                       "data BLOB NOT NULL, expires INTEGER, PRIMARY KEY (row_key, id)) WITHOUT ROWID")
    # A step that came again is the one that arrived last.
    connection.execute(
        f'CREATE VIEW IF NOT EXISTS "{ALL}" AS '
        f'SELECT row_key, id, data, expires FROM "{SETTLED}" AS settled WHERE NOT EXISTS (SELECT 1 FROM "{ARRIVED}" '
        "AS arrived WHERE arrived.row_key = settled.row_key "
        "AND arrived.id = CAST(substr(settled.id, 9) || substr(settled.id, 1, 8) AS BLOB)) UNION ALL "
        f'SELECT row_key, CAST(substr(id, 17) || substr(id, 1, 16) AS BLOB), data, expires FROM "{ARRIVED}"')


def arrived_id(name: tuple[bytes, uuid.UUID]) -> bytes:
    """Return what stands for a step among those that have arrived: its time first."""
    return sort_key(name[1]) + name[0]


def settle(file: SqliteFile) -> int:
    """Let some of the oldest steps settle, and return how many these were."""
    with file.transaction() as connection:
        oldest: list[tuple[Any, ...]] = connection.execute(
            f'SELECT row_key, id, data, expires FROM "{ARRIVED}" ORDER BY row_key, id LIMIT ?',
            (SETTLED_AT_ONCE,)).fetchall()
        connection.executemany(f'INSERT OR REPLACE INTO "{SETTLED}" VALUES (?, ?, ?, ?)', sorted(
            (key, identity[16:] + identity[:16], data, expires) for key, identity, data, expires in oldest))
        connection.executemany(f'DELETE FROM "{ARRIVED}" WHERE row_key = ? AND id = ?',
                               [(key, identity) for key, identity, *_ in oldest])
    return len(oldest)
