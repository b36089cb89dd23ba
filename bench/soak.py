"""What many hits do to a server: memory after 100,000 of them and at the end, and that none is lost.

``python -m bench.soak`` loads `footfall serve` for ten minutes, or until ``--hits``, with 64 connections. The target
for the ratio of the worker's memory at the end to that after 100,000 hits is 1.20 or less. Ten million views take some
5 GB in the folder for temporary files, which TMPDIR names. It needs wrk.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from bench.rig import check_stored, report, wrk
from bench.servers import serve_footfall

CONNECTIONS = 64
FIRST_HITS = 100_000
#: Memory is looked at after so many seconds of load: shorter ones first, so as to be near the first hits' number.
FIRST_SECONDS, SECONDS = 1, 10


def soak(minutes: float, hits: int | None) -> None:
    """Load a server for so long, or until it took so many hits, and print what became of its memory."""
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        with serve_footfall(Path(folder)) as server:
            began, taken, loads = time.monotonic(), 0, 0
            while taken < FIRST_HITS or (time.monotonic() < began + minutes * 60 and (hits is None or taken < hits)):
                load = wrk(server.port, SECONDS if rows else FIRST_SECONDS, CONNECTIONS)
                taken, loads = taken + load.requests, loads + 1
                now = {"hits": taken, "memory MB": server.memory() / 1e6, "hits/s": load.rate, "p99 ms": load.p99}
                if taken >= FIRST_HITS:
                    rows.setdefault("first", now)
                    rows["last"] = now
                    print(f"{taken:>12,} hits {now['memory MB']:>8.1f} MB {load.rate:>10,.0f} hits/s", flush=True)
        check_stored(Path(folder), taken, loads * CONNECTIONS)
    report("soak", rows, {"hits": taken, "memory_ratio": rows["last"]["memory MB"] / rows["first"]["memory MB"],
                          "acknowledged_missing": 0})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--hits", type=int, help="end when so many were taken, if that is sooner")
    options = parser.parse_args()
    soak(options.minutes, options.hits)


if __name__ == "__main__":
    main()
