"""How fast a day's facts are made of stored page-views, and what they take on disk and in memory.

``python -m bench.facts`` stores the page-views of one day in SQLite, 2.5 a visit, and makes facts of them, beside the
reader of the first tracker of 2012, which only reads: a hundred columns at a time, each with a UUID, a float and a map.
Times are of the processor, the best of three in turns. Then it writes the facts, and says what each part takes on disk,
and how long it takes to splice 500 events in at the end of a day that is ten times as busy.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from bench.rig import SITE, report
from bench.views import batches, views
from footfall import timeuuid
from footfall.pageview import pack, row_key, unpack
from footfall.reports import segment
from footfall.reports.building import build
from footfall.reports.day import Day, day_of, day_of_columns
from footfall.reports.facts import agent_of
from footfall.reports.splicing import spliced, visitors_of
from footfall.storage import Insert, Store
from footfall.stores import open_store

DAY = date(2026, 1, 2)
KEY = row_key(SITE, DAY)
COMMIT = 500
PAGE = 100
SPLICED, BUSIER = 500, 10


def visits(count: int) -> Iterator[Insert]:
    """Yield page-views of a day, spread over it, 2.5 to a visit, in no order."""
    chance, midnight = random.Random(7), timeuuid.ticks_at(DAY)
    day_ticks = 86_400 * timeuuid.TICKS_PER_SECOND
    places = [("DE", "Hesse", "Frankfurt am Main"), ("FR", "Brittany", "Rennes"), ("US", "Ohio", "Dayton")]
    made = views(count)
    while True:
        visitor, place = chance.randbytes(8), chance.choice(places)
        ticks, screen = midnight + chance.randrange(day_ticks), chance.choice(["1920x1080", "390x844", "1440x900"])
        agent = None
        for insert in itertools.islice(made, chance.choice((1, 1, 2, 2, 3, 6))):
            fields: dict[str, Any] = unpack(insert.value)
            agent = agent or fields["user_agent"]
            fields |= {"user_agent": agent, "visitor": visitor, "screen": screen,
                       **dict(zip(("country", "region", "city"), place, strict=True))}
            yield Insert("PageViews", KEY, timeuuid.make(ticks, timeuuid.random_bits()), pack(fields))
            ticks = min(ticks + chance.randrange(600 * timeuuid.TICKS_PER_SECOND), midnight + day_ticks - 1)
        if agent is None:
            return


def read_as_in_2012(path: Path) -> int:
    """Read the day as the first tracker did, and return how many page-views it has."""
    count, last = 0, b""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        while page := connection.execute('SELECT id, data FROM "PageViews" WHERE row_key = ? AND id > ? '
                                         f"ORDER BY id LIMIT {PAGE}", (KEY, last)).fetchall():
            for identity, data in page:
                name, _ = uuid.UUID(bytes=identity), msgpack.unpackb(data)
                _ = (name.time - timeuuid.EPOCH_TICKS) / 1e7
            count, last = count + len(page), page[-1][0]
    return count


def rates(path: Path, store: Store) -> tuple[Day, float, float]:
    """Return the facts, and how many views a second were read as in 2012 and were made facts of."""
    # Loaded once a process, and no part of what a view costs.
    agent_of("Mozilla/5.0")
    reading, making = [], []
    for _ in range(3):
        began = time.process_time()
        count = read_as_in_2012(path)
        reading.append(time.process_time() - began)
        began = time.process_time()
        day = build(store, SITE, DAY)
        making.append(time.process_time() - began)
        if len(day) != count:
            raise SystemExit(f"{count:,} views are stored, {len(day):,} are in the facts")
    return day, count / min(reading), count / min(making)


def splice_ms(day: Day) -> float:
    """Return the milliseconds in which the last 500 events are added to a day ten times as busy, the best of five."""
    more = np.arange(BUSIER)
    times = np.sort(np.add.outer(day.ticks, more).ravel())
    visitors = np.add.outer(visitors_of(day) // BUSIER * BUSIER, more.astype(np.uint64)).ravel()
    codes = {name: np.repeat(column, BUSIER) for name, column in day.codes.items()}
    busy = day_of_columns(DAY, times, codes, day.tables, visitors, np.repeat(day.engaged, BUSIER),
                          np.repeat(day.scroll, BUSIER))
    first, last, nothing = int(times[0]), int(times[-1]), day_of(DAY, [])
    added = int(times[-SPLICED])
    before, part = spliced(busy, added, last, nothing), spliced(busy, first, added - 1, nothing)
    seconds = []
    for _ in range(5):
        began = time.process_time()
        after = spliced(before, added, last, part)
        seconds.append(time.process_time() - began)
    if len(after) != len(busy) or len(after.visits) != len(busy.visits):
        raise SystemExit(f"{len(busy):,} events were spliced, {len(after):,} are there")
    return min(seconds) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=166_000)
    options = parser.parse_args()
    value_bytes = 0
    with tempfile.TemporaryDirectory() as folder:
        path, file = Path(folder) / "footfall.db", Path(folder) / "day.facts"
        with open_store(f"sqlite:///{path}") as store:
            for batch in batches(visits(options.views), COMMIT):
                store.apply(batch)
                value_bytes += sum(len(insert.value) for insert in batch)
            day, read, made = rates(path, store)
        size, parts = segment.write(file, day), segment.sizes(file)
    count = len(day)
    rows = {"reader_of_2012": {"views/s": read}, "facts": {"views/s": made, "bytes/view": size / count},
            **{f"  {name}": {"bytes/view": part / count} for name, part in parts.items() if part * 100 > count},
            "values": {"bytes/view": value_bytes / count}}
    splice = splice_ms(day)
    report("facts", rows, {"facts / reader_of_2012": made / read, "visits / views": len(day.visits) / count,
                           "bytes/view": size / count, f"ms to splice {SPLICED} into {count * BUSIER}": splice})


if __name__ == "__main__":
    main()
