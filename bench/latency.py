"""How long a reader waits: at 30 % of what one core takes, and at all of it, beside the form of 2012.

``python -m bench.latency`` finds with wrk what each server takes with 64 connections, which gives the latency at
full load, and then sends 30 % of what footfall takes at a fixed rate, latencies counted from when each request was due
(:mod:`bench.open_loop`). The form of 2012 gets the same rate if it takes that, else 30 % of its own. The targets for
the 99th percentile of footfall are 5 ms at 30 % and 15 ms at full load. It needs wrk.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from bench.open_loop import CONNECTIONS, load_at
from bench.rig import Running, check_stored, median, report, wrk
from bench.servers import serve_footfall, serve_seed

PART = 0.3
#: The form of 2012 is asked for footfall's rate only if that is less than so much of what it takes.
BEARABLE = 0.9

Start = Callable[[Path], AbstractContextManager[Running]]


def measure_full(start: Start, seconds: int, *, counts: bool = False) -> dict[str, float]:
    """Measure a fresh server at full load.

    :param counts: whether what it stored is to be counted: all that it acknowledged.
    """
    with tempfile.TemporaryDirectory() as folder:
        with start(Path(folder)) as server:
            loads = wrk(server.port, 1), wrk(server.port, seconds)
        if counts:
            check_stored(Path(folder), sum(load.requests for load in loads), 2 * CONNECTIONS)
    return {"full/s": loads[1].rate, "full p50 ms": loads[1].p50, "full p99 ms": loads[1].p99}


def measure_at(start: Start, seconds: int, rate: float, *, counts: bool = False) -> dict[str, float]:
    """Measure a fresh server at a rate, without a backlog of anything; ``counts`` as in :func:`measure_full`."""
    with tempfile.TemporaryDirectory() as folder:
        with start(Path(folder)) as server:
            loads = load_at(server.port, rate, 1), load_at(server.port, rate, seconds)
        if counts:
            check_stored(Path(folder), sum(load.requests for load in loads), 0)
    return {"rate/s": rate, "p50 ms": loads[1].p50, "p99 ms": loads[1].p99, "max ms": loads[1].most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="of each load, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {"footfall": [], "seed": []}
    for _ in range(options.rounds):
        full = measure_full(serve_footfall, options.seconds, counts=True)
        rate = PART * full["full/s"]
        rounds["footfall"].append(full | measure_at(serve_footfall, options.seconds, rate, counts=True))
        full = measure_full(serve_seed, options.seconds)
        rate = rate if rate < BEARABLE * full["full/s"] else PART * full["full/s"]
        rounds["seed"].append(full | measure_at(serve_seed, options.seconds, rate))
    rows = {name: {figure: median([each[figure] for each in measured]) for figure in measured[0]}
            for name, measured in rounds.items()}
    ours, seed = rows["footfall"], rows["seed"]
    report("latency", rows, {"p99_ms_at_30_percent": ours["p99 ms"], "p99_ms_at_full_load": ours["full p99 ms"],
                             "seed_takes_the_rate": ours["rate/s"] <= BEARABLE * seed["full/s"],
                             "seed p99 / footfall p99": seed["p99 ms"] / ours["p99 ms"]})


if __name__ == "__main__":
    main()
