"""How many page-views a second one core takes: footfall, parts of it, the form of 2012, and nginx's empty_gif.

``python -m bench.ingest`` loads each server in turn, several rounds, with 64 connections from the other core, and
prints medians and their ratios. It needs wrk and nginx. After each round of footfall the store is counted: every view
that was acknowledged is there.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.rig import Running, check_stored, median, report, wrk
from bench.servers import serve_footfall, serve_nginx, serve_seed


def measure(start: Callable[[Path], AbstractContextManager[Running]], seconds: int, connections: int = 64, *,
            counts: bool = False) -> dict[str, float]:
    """Load a fresh server once, and return its figures.

    :param counts: whether what it stored is to be counted: all that it acknowledged.
    """
    with tempfile.TemporaryDirectory() as folder:
        with start(Path(folder)) as server:
            # What is done once, such as filling caches, is no part of what a hit costs.
            warm = wrk(server.port, 1, connections)
            before = server.cpu_seconds()
            load = wrk(server.port, seconds, connections)
            cpu = server.cpu_seconds() - before
        if counts:
            check_stored(Path(folder), warm.requests + load.requests, 2 * connections)
    return {"hits/s": load.rate, "p50 ms": load.p50, "p99 ms": load.p99, "CPU us/hit": cpu / load.requests * 1e6}


SERVERS = {
    "footfall": serve_footfall,
    "footfall_nocommit": lambda home: serve_footfall(home, "nocommit"),
    "footfall_early": lambda home: serve_footfall(home, "early"),
    "seed": serve_seed,
    "nginx": serve_nginx,
    "footfall_2_workers": lambda home: serve_footfall(home, workers=2, cores=(0, 1)),
    "footfall_1_worker": lambda home: serve_footfall(home, cores=(0, 1)),
}
RATIOS = [("footfall", "seed"), ("footfall", "footfall_early"), ("footfall", "footfall_nocommit"),
          ("footfall", "nginx"), ("footfall_2_workers", "footfall_1_worker")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="of load, for each server in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SERVERS, default=list(SERVERS))
    options = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in options.only}
    for _ in range(options.rounds):
        for name in options.only:
            counts = name.startswith("footfall") and name != "footfall_nocommit"
            rounds[name].append(measure(SERVERS[name], options.seconds, counts=counts and name != "footfall_early"))
    rows = {name: {figure: median([each[figure] for each in measured]) for figure in measured[0]}
            for name, measured in rounds.items()}
    report("ingest", rows, {f"{one} / {other}": rows[one]["hits/s"] / rows[other]["hits/s"]
                            for one, other in RATIOS if one in rows and other in rows})


if __name__ == "__main__":
    main()
