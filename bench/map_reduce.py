"""map_reduce over a month of page-views: from rows, from sealed days, and as the form of 2012 read them.

``python -m bench.map_reduce`` stores the views twice, seals one of the stores, and has each reader count the pages with
the map_fn and the reduce_fn of 2012. It also tells what a view takes on disk, how fast views are sealed, and for how
long that keeps hits waiting.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgpack

from bench.rig import SITE, median, report
from bench.views import believable
from footfall.analysis import map_reduce, prep_query
from footfall.storage import Insert, Store
from footfall.stores import open_store
from footfall.timeuuid import convert_uuid_to_time, from_sort_key, sort_key, ticks_at

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
#: Columns that pycassa's xget asked for at once, as the form of 2012 used it.
COLUMNS_A_QUERY = 100
COMMIT = 5_000

Item = tuple[str, datetime, dict[str, Any]]


def map_fn(columns: Iterable[Item]) -> dict[str, int]:
    results: dict[str, int] = {}
    for _id, _ts, data in columns:
        results.setdefault(data["url"], 0)
        results[data["url"]] += 1
    return results


def reduce_fn(accum: dict[str, int], item: dict[str, int]) -> dict[str, int]:
    for key, value in item.items():
        accum.setdefault(key, 0)
        accum[key] += value
    return accum


def as_in_2012(path: Path, start: datetime, end: datetime) -> dict[str, int]:
    """Count the pages as the form of 2012 did, which had Cassandra in place of the file's rows."""
    query = prep_query(SITE, start, end)
    connection = sqlite3.connect(path)

    def xget(key: str, low: bytes, high: bytes) -> Iterator[tuple[uuid.UUID, bytes]]:
        while page := connection.execute('SELECT id, data FROM "PageViews" WHERE row_key = ? AND id >= ? AND id <= ? '
                                         f"ORDER BY id LIMIT {COLUMNS_A_QUERY}", (key, low, high)).fetchall():
            for name, data in page:
                yield from_sort_key(name), data
            low = page[-1][0] + b"\0"

    def columns(key: str) -> Iterator[Item]:
        for name, data in xget(key, sort_key(query.column_start), sort_key(query.column_finish)):
            yield SITE, datetime.fromtimestamp(convert_uuid_to_time(name), UTC), msgpack.unpackb(data)

    total: dict[str, int] = {}
    for key in query.row_keys:
        total = reduce_fn(total, map_fn(columns(key)))
    connection.close()
    return total


def fill(store: Store, count: int, days: int) -> float:
    """Store views, and return how many bytes their values have on average."""
    size, batch = 0, list[Insert]()
    for insert in believable(SITE, ticks_at(FIRST), count, days):
        size += len(insert.value)
        batch.append(insert)
        if len(batch) == COMMIT:
            store.apply(batch)
            batch = []
    store.apply(batch)
    return size / count


def seal(store: Any, end: datetime) -> dict[str, float]:
    """Seal all days, and return views a second of processor, and for how many milliseconds writers waited each time."""
    held: list[float] = []
    transaction = store.file.transaction

    class Timed:
        def __init__(self) -> None:
            self._inner = transaction()

        def __enter__(self) -> Any:
            connection = self._inner.__enter__()
            self._began = time.perf_counter()
            return connection

        def __exit__(self, *error: Any) -> Any:
            try:
                return self._inner.__exit__(*error)
            finally:
                held.append((time.perf_counter() - self._began) * 1000)

    store.file.transaction = Timed
    began = time.process_time()
    events = sum(step.events for step in store.seal(None, end.date()))
    seconds = time.process_time() - began
    store.file.transaction = transaction
    held.sort()
    return {"views/s": events / seconds, "held p50 ms": median(held), "held p99 ms": held[len(held) * 99 // 100],
            "held max ms": held[-1]}


def timed(read: Callable[[], dict[str, int]], count: int) -> float:
    """Return how many views a reader counts in a second of processor: it waits for nothing but others who use that."""
    began = time.process_time()
    found = read()
    seconds = time.process_time() - began
    if sum(found.values()) != count:
        raise SystemExit(f"{count:,} views were stored, {sum(found.values()):,} were read")
    return count / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    count, end = options.views, FIRST + timedelta(days=options.days)
    with tempfile.TemporaryDirectory() as folder:
        plain_path, sealed_path = Path(folder) / "plain.db", Path(folder) / "sealed.db"
        with open_store(f"sqlite:///{plain_path}") as store:
            value_bytes = fill(store, count, options.days)
            store.shred([], rewrite=True)
        shutil.copy(plain_path, sealed_path)
        with open_store(f"sqlite:///{sealed_path}") as store:
            sealing = seal(store, end)
            store.shred([], rewrite=True)
        with open_store(f"sqlite:///{plain_path}") as plain, open_store(f"sqlite:///{sealed_path}") as sealed:

            def reader(store: Store, fields: tuple[str, ...] | None = None) -> Callable[[], dict[str, int]]:
                return lambda: map_reduce(SITE, FIRST, end, map_fn, reduce_fn, {}, store=store, fields=fields)

            readers = {"2012": lambda: as_in_2012(plain_path, FIRST, end), "rows": reader(plain),
                       "rows, url": reader(plain, ("url",)), "sealed": reader(sealed),
                       "sealed, url": reader(sealed, ("url",))}
            rates: dict[str, list[float]] = {name: [] for name in readers}
            for _ in range(options.rounds):
                for name, read in readers.items():
                    rates[name].append(timed(read, count))
        bytes_a_view = {"rows": os.path.getsize(plain_path) / count, "sealed": os.path.getsize(sealed_path) / count}
    speeds = {name: median(some) for name, some in rates.items()}
    rows: dict[str, dict[str, Any]] = {
        name: {"views/s": speed, "times 2012": speed / speeds["2012"], "bytes/view": bytes_a_view.get(name, "")}
        for name, speed in speeds.items()}
    rows["sealing"] = sealing
    report("map_reduce", rows, {"views": count, "value_bytes": value_bytes, **{
        f"{name} / 2012": speeds[name] / speeds["2012"] for name in list(readers)[1:]},
        "bytes/view": bytes_a_view})


if __name__ == "__main__":
    main()
