"""How fast a day's facts are made of stored page-views, and what they take.

``python -m bench.facts`` stores believable page-views of one day in SQLite and makes facts of them, beside the reader
of 2012, which counts their pages. Times are of the processor, the best of three in turns. Then it writes the facts and
says what each part takes on disk, and how long it takes to splice 500 events in at the end of a day ten times as busy.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from bench.map_reduce import as_in_2012
from bench.rig import SITE, report
from bench.views import batches, believable
from footfall import timeuuid
from footfall.reports import segment
from footfall.reports.building import build
from footfall.reports.day import Day, day_of, day_of_columns
from footfall.reports.facts import agent_of
from footfall.reports.splicing import spliced, visitors_of
from footfall.storage import Store
from footfall.stores import open_store

DAY = date(2026, 1, 2)
FIRST = timeuuid.as_utc(DAY)
COMMIT = 500
SPLICED, BUSIER = 500, 10


def rates(path: Path, store: Store) -> tuple[Day, float, float]:
    """Return the facts, and how many views a second were read as in 2012 and were made facts of."""
    # Loaded once a process, and no part of what a view costs.
    agent_of("Mozilla/5.0")
    reading, making = [], []
    for _ in range(3):
        began = time.process_time()
        count = sum(as_in_2012(path, FIRST, FIRST + timedelta(days=1)).values())
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
            for batch in batches(believable(SITE, timeuuid.ticks_at(DAY), options.views, 1), COMMIT):
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
