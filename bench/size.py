"""What a million page-views take on disk, and how fast they are read: SQLite, its sealed days, the outbox, map_reduce.

``python -m bench.size`` stores page-views of one day the way a busy server does, in commits of 20, counts the bytes of
the files, and has map_reduce count the pages, beside a plain loop over SQLite's own rows that only unpacks them.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgpack

from bench.rig import SITE, report
from bench.views import batches, views
from footfall import recipes
from footfall.analysis import map_reduce
from footfall.collect.outbox import FILE, Outbox
from footfall.storage import Store
from footfall.stores import open_store

COMMIT = 20


def read_by_map_reduce(store: Store, count: int) -> float:
    """Return how many views a second map_reduce counts the pages of."""
    now, began = datetime.now(UTC), time.perf_counter()
    # All of them, also if midnight was passed meanwhile.
    pages = map_reduce(f"{SITE}-0", now - timedelta(days=1), now + timedelta(days=1), *recipes.views_by_url,
                       Counter(), store=store)
    if pages.total() != count:
        raise SystemExit(f"{count:,} views were stored, {pages.total():,} were read")
    return count / (time.perf_counter() - began)


def read_by_hand(path: Path, count: int) -> float:
    """Return how many views a second a loop over the table unpacks."""
    began = time.perf_counter()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        Counter(msgpack.unpackb(data)["url"] for (data,) in connection.execute('SELECT data FROM "PageViews"'))
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=100_000)
    options = parser.parse_args()
    count, value_bytes = options.views, 0
    with tempfile.TemporaryDirectory() as folder:
        path, outbox_path = Path(folder) / "footfall.db", Path(folder) / FILE
        with open_store(f"sqlite:///{path}") as store, contextlib.closing(Outbox(outbox_path)) as outbox:
            for batch in batches(views(count, visitors=True), COMMIT):
                store.apply(batch)
                outbox.apply(batch)
                value_bytes += sum(len(insert.value) for insert in batch if insert.family == "PageViews")
        # Closed, so without the write-ahead logs, which are a few megabytes however many views there are.
        rows = {"sqlite": {"bytes/view": path.stat().st_size / count},
                "outbox": {"bytes/view": outbox_path.stat().st_size / count},
                "values_alone": {"bytes/view": value_bytes / count}}
        with open_store(f"sqlite:///{path}") as store:
            rows["map_reduce"] = {"views/s": read_by_map_reduce(store, count)}
            rows["plain_loop"] = {"views/s": read_by_hand(path, count)}
            # The visitors' steps stay what they are.
            steps = store.info()["families"]["Visitors"]["columns"]
            tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
            if sum(step.events for step in store.seal(None, tomorrow)) != count:
                raise SystemExit(f"{count:,} views were stored, not all of them were sealed")
            store.shred([], rewrite=True)
            rows["sealed"] = {"bytes/view": path.stat().st_size / count,
                              "views/s": read_by_map_reduce(store, count)}
            store.family("Visitors").truncate()
            store.shred([], rewrite=True)
            rows["sealed_views"] = {"bytes/view": path.stat().st_size / count}
            rows["steps"] = {"bytes/view": (rows["sealed"]["bytes/view"] - rows["sealed_views"]["bytes/view"])
                             * count / steps}
    report("size", rows, {"sqlite_MB_per_million": rows["sqlite"]["bytes/view"],
                          "sealed_MB_per_million": rows["sealed"]["bytes/view"],
                          "outbox_MB_per_million": rows["outbox"]["bytes/view"],
                          "map_reduce / plain_loop": rows["map_reduce"]["views/s"] / rows["plain_loop"]["views/s"]})


if __name__ == "__main__":
    main()
