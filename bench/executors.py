"""What map_reduce gains from each executor on this machine, and what the death of a worker costs.

``python -m bench.executors`` stores page-views of 60 days in an SQLite file and counts their pages: one day after the
other, then on threads, processes, loky and Dask with as many workers as there are cores, all of them warm; then again
on those that outlive a worker, while a day in the middle kills the process that maps it. Every count must be exact.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import loky
from distributed import Client, LocalCluster

from bench.rig import SITE, report
from bench.views import views
from footfall import recipes, timeuuid
from footfall.analysis import Item, map_reduce
from footfall.storage import Insert, Store
from footfall.stores import open_store

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 60
KILLING_DAY = (FIRST + timedelta(days=DAYS // 2)).date()
WORKERS = os.cpu_count() or 1

count_pages, add = recipes.views_by_url


class KillsOnce:
    """Counts pages, and kills its process in the middle of a day unless that was done already."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __call__(self, items: Iterable[Item]) -> Any:
        return count_pages(self._watched(items))

    def _watched(self, items: Iterable[Item]) -> Iterator[Item]:
        for number, item in enumerate(items):
            if number == 100 and item[1].date() == KILLING_DAY and not self.mark.exists():
                self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield item


def fill(store: Store, count: int) -> None:
    """Store page-views that are spread evenly over the days."""
    step, batch = DAYS * timedelta(days=1) / count, []
    for number, (family, _, _, value, ttl) in enumerate(views(count)):
        moment = FIRST + number * step
        batch.append(Insert(family, f"{moment:%Y%m%d}.{SITE}",
                            timeuuid.make(timeuuid.ticks_at(moment), number), value, ttl))
        if len(batch) == 1000:
            store.apply(batch)
            batch.clear()
    store.apply(batch)


def measure(store: Store, count: int, map_fn: Callable[[Iterable[Item]], Any],
            executor: Executor | Callable[[], Executor] | None) -> float:
    """Return the seconds in which map_reduce counts all pages."""
    began = time.perf_counter()
    pages = map_reduce(SITE, FIRST, FIRST + timedelta(days=DAYS), map_fn, add, Counter(), store=store,
                       executor=executor)
    seconds = time.perf_counter() - began
    if pages.total() != count:
        raise SystemExit(f"{count:,} views were stored, {pages.total():,} were counted")
    return seconds


def loky_pool() -> Executor:
    """Return loky's pool of this process, another one if it broke."""
    return loky.get_reusable_executor(max_workers=WORKERS)


def processes() -> ProcessPoolExecutor:
    """Return a new pool of processes."""
    return ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"))


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=1_000_000)
    count = parser.parse_args().views
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(open_store(f"sqlite:///{folder}/views.db"))
        fill(store, count)
        cluster = stack.enter_context(LocalCluster(n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1",
                                                   dashboard_address="127.0.0.1:0", local_directory=str(folder)))
        dask = stack.enter_context(Client(cluster)).get_executor()
        pools = {"serial": None, "threads": stack.enter_context(ThreadPoolExecutor(WORKERS)),
                 "processes": stack.enter_context(processes()), "loky": loky_pool, "dask": dask}
        rows = {}
        for name, pool in pools.items():
            # Once before, so that the workers have started and read the code, and the file is in memory.
            measure(store, count, count_pages, pool)
            rows[name] = {"seconds": measure(store, count, count_pages, pool)}
        for name, pool in {"processes": processes, "loky": loky_pool, "dask": dask}.items():
            # For processes a pool that begins anew, unlike the others: its workers' start is in the figure.
            rows[name]["one killed"] = measure(store, count, KillsOnce(folder / name), pool)
        loky_pool().shutdown()
    ratios = {f"serial / {name}": rows["serial"]["seconds"] / rows[name]["seconds"] for name in pools if pools[name]}
    report("executors", rows, {"views": count, "workers": WORKERS, **ratios})


if __name__ == "__main__":
    main()
