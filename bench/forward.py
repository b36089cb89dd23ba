"""How fast an outbox goes into Cassandra, beside the form of 2012: one insert after the other.

``python -m bench.forward`` fills an outbox with page-views of several sites, and has a forwarder send them to one real
Cassandra node; then as many single inserts as fit into a few seconds go there, each waited for; last, map_reduce reads
all of it. The target is 5,000 events a second. ``--hour`` has 1,000 views a second arrive instead, for a minute unless
told, while `footfall outbox forward` sends them on, and shows how many wait meanwhile: if that does not grow, an hour
is no different.

The node runs on core 0, everything else on core 1. It needs java, and mvn the first time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.rig import LOAD_CORE, ROOT, SERVER_CORE, SITE, footfall, report
from bench.views import batches, views
from footfall import recipes
from footfall.analysis import map_reduce
from footfall.collect.forwarder import Forwarder
from footfall.collect.outbox import FILE, Outbox
from footfall.stores import open_store
from footfall.stores.cassandra import CassandraStore
from tests.live.cassandra import Cluster

SITES = 5
#: Events of a commit, as a busy collector has them.
COMMIT = 20
WARM_EVENTS = 5_000
#: A second of arrivals comes in so many commits.
COMMITS_A_SECOND = 50
GRACE_SECONDS = 5


@contextlib.contextmanager
def cassandra(folder: Path, sync: str) -> Iterator[str]:
    """Run a node on the servers' core, and give the URL of an empty store on it; what follows runs on the load's.

    :param sync: the node's commitlog_sync.
    """
    settings = {"commitlog_sync": sync}
    if sync == "periodic":
        settings["commitlog_sync_period"] = "10s"
    # Children, and threads that are made later, keep the core they are made on.
    os.sched_setaffinity(0, {SERVER_CORE})
    with Cluster(folder / "cassandra", settings=settings) as cluster:
        os.sched_setaffinity(0, {LOAD_CORE})
        url = f"cassandra://127.0.0.1:{cluster.port}/bench?dc=datacenter1"
        footfall(folder, "store", "init", "--store", url)
        yield url


def forward(store: CassandraStore, outbox: Outbox, count: int) -> dict[str, float]:
    """Fill an outbox, send all of it, and return the figures."""
    for batch in batches(views(count, SITES), COMMIT):
        outbox.apply(batch)
    forwarder = Forwarder(outbox, store, GRACE_SECONDS, threading.Event())
    began, cpu = time.perf_counter(), _cpu_seconds()
    forwarder.begin()
    while outbox.status().waiting:
        forwarder.step()
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - cpu
    return {"events/s": count / seconds, "events": count, "CPU us/event": cpu / count * 1e6}


def insert_singly(store: CassandraStore, seconds: float) -> dict[str, float]:
    """Insert page-views one after the other, each when the last was acknowledged, and return the figures."""
    began, cpu, count = time.perf_counter(), _cpu_seconds(), 0
    for view in views(1_000_000, SITES):
        store.apply([view])
        count += 1
        if time.perf_counter() - began > seconds:
            break
    return {"events/s": count / (time.perf_counter() - began), "events": count,
            "CPU us/event": (_cpu_seconds() - cpu) / count * 1e6}


def measure(folder: Path, url: str, events: int, seconds: float) -> dict[str, dict[str, float]]:
    """Forward events and insert others singly, see that all are there, and return a row of figures for each."""
    with open_store(url) as store, contextlib.closing(Outbox(folder / FILE)) as outbox, \
            contextlib.closing(Outbox(folder / "warm" / FILE)) as warm:
        forward(store, warm, WARM_EVENTS)
        rows = {"forwarder": forward(store, outbox, events), "single_inserts": insert_singly(store, seconds)}
        sent = WARM_EVENTS + sum(row["events"] for row in rows.values())
        rows["map_reduce"] = read(store)
    if rows["map_reduce"]["events"] != sent:
        raise SystemExit(f"{sent:,} events were sent, {rows['map_reduce']['events']:,} are stored")
    return rows


def read(store: CassandraStore) -> dict[str, float]:
    """Have map_reduce count the pages of every site, and return the figures."""
    now, began, cpu = datetime.now(UTC), time.perf_counter(), _cpu_seconds()
    # All of them, also if midnight was passed meanwhile.
    count = sum(map_reduce(f"{SITE}-{number}", now - timedelta(days=1), now + timedelta(days=1),
                           *recipes.views_by_url, Counter(), store=store).total() for number in range(SITES))
    return {"events/s": count / (time.perf_counter() - began), "events": count,
            "CPU us/event": (_cpu_seconds() - cpu) / count * 1e6}


def bytes_on_disk(folder: Path) -> int:
    """Return what a node that has stopped keeps of page-views on its disk."""
    return sum(path.stat().st_size for path in (folder / "cassandra").glob("node1/data/bench/PageViews-*/*")
               if path.is_file())


def measure_arrivals(folder: Path, url: str, rate: int, seconds: int) -> None:
    """Have events arrive while they are forwarded, see that all are there at the end, and report how many waited."""
    command = [sys.executable, "-m", "footfall", "outbox", "forward"]
    environment = {**os.environ, "FOOTFALL_DATA": str(folder), "FOOTFALL_STORE": url,
                   "FOOTFALL_OUTBOX_GRACE": str(GRACE_SECONDS)}
    rows, most = {}, 0
    size = rate // COMMITS_A_SECOND
    with contextlib.closing(Outbox(folder / FILE)) as outbox:
        process = subprocess.Popen(command, env=environment, cwd=ROOT)
        try:
            began = time.perf_counter()
            for number, batch in enumerate(batches(views(rate * seconds, SITES), size), 1):
                outbox.apply(batch)
                if number % COMMITS_A_SECOND == 0:
                    told = outbox.status()
                    most = max(most, told.waiting)
                    if number // COMMITS_A_SECOND in {seconds * part // 6 for part in range(1, 7)}:
                        rows[f"after {number // COMMITS_A_SECOND} s"] = {
                            "arrived": number * size, "waiting": told.waiting, "kept": told.kept,
                            "outbox MB": told.bytes / 1e6}
                time.sleep(max(0.0, began + number / COMMITS_A_SECOND - time.perf_counter()))
            took = time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()
    printed = footfall(folder, "outbox", "drain", "--store", url, "--outbox-grace", str(GRACE_SECONDS))
    there = json.loads(footfall(folder, "store", "info", "--json", "--store", url))["families"]["PageViews"]["columns"]
    if there != rate * seconds:
        raise SystemExit(f"{rate * seconds:,} events arrived, {there:,} are stored; {printed}")
    report("forward_hour", rows, {"arrived_per_second": rate * seconds / took, "most_waiting": most,
                                  "most_waiting_seconds": most / rate})


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="in the outbox")
    parser.add_argument("--hour", action="store_true", help="have views arrive while they are sent on")
    parser.add_argument("--rate", type=int, default=1_000, help="views that arrive in a second, with --hour")
    parser.add_argument("--seconds", type=int, help="of single inserts [5], or of arrivals with --hour [60]")
    parser.add_argument("--sync", choices=["batch", "periodic"], default="periodic",
                        help="when the node has a write on its disk: before it acknowledges, or, as Cassandra has "
                        "it, up to 10 s later")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with cassandra(folder, options.sync) as url:
            if options.hour:
                measure_arrivals(folder, url, options.rate, options.seconds or 60)
                return
            rows = measure(folder, url, options.events, options.seconds or 5)
        report("forward", rows, {
            "events_per_second": rows["forwarder"]["events/s"],
            "forwarder / single_inserts": rows["forwarder"]["events/s"] / rows["single_inserts"]["events/s"],
            "cassandra_bytes_per_event": bytes_on_disk(folder) / rows["map_reduce"]["events"]})


if __name__ == "__main__":
    main()
