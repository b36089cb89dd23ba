"""How many page-views a second one core takes: footfall, parts of it, the form of 2012, and nginx's empty_gif.

``python -m bench.ingest`` loads each server in turn, several rounds, with 64 connections from the other core, and
prints medians and their ratios. It needs wrk and nginx. After each round of footfall the store is counted: no fewer
views than were acknowledged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.rig import SITE, Running, footfall, free_port, median, report, running, stored, wrk


@contextmanager
def _footfall(home: Path, variant: str = "", workers: int = 1, cores: tuple[int, ...] = (0,),
              **more: str) -> Iterator[Running]:
    port = free_port()
    footfall(home, "site", "add", SITE)
    module = ["bench.variants", variant] if variant else ["footfall", "serve"]
    environment = {"FOOTFALL_DATA": str(home), "FOOTFALL_PORT": str(port), "FOOTFALL_WORKERS": str(workers), **more}
    with running([sys.executable, "-m", *module], port, cores=cores, environment=environment, path="/a.js") as server:
        yield server


@contextmanager
def _seed(home: Path) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-b", f"127.0.0.1:{port}", "--no-control-socket",
               "bench.seed:app"]
    with running(command, port, environment={"SEED_DATABASE": str(home / "seed.db")}) as server:
        yield server


@contextmanager
def _nginx(home: Path) -> Iterator[Running]:
    port = free_port()
    (home / "nginx.conf").write_text(
        f"daemon off; pid {home}/pid; error_log stderr; worker_processes 1;\nevents {{ worker_connections 512; }}\n"
        "http { access_log off; keepalive_requests 1000000; "
        + "".join(f"{kind}_temp_path {home}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + f"server {{ listen 127.0.0.1:{port}; location = /a.gif {{ empty_gif; }} }} }}\n")
    with running(["nginx", "-c", f"{home}/nginx.conf", "-p", str(home)], port, path="/a.gif") as server:
        yield server


def measure(start: Callable[[Path], Iterator[Running]], seconds: float, connections: int = 64, *,
            counts: bool = False) -> dict[str, float]:
    """Load a fresh server once, and return its figures.

    :param counts: whether what it stored is to be counted: no less than it acknowledged.
    """
    with tempfile.TemporaryDirectory() as folder:
        with start(Path(folder)) as server:
            # What is done once, such as filling caches, is no part of what a hit costs.
            wrk(server.port, min(1.0, seconds), connections)
            before = server.cpu_seconds()
            load = wrk(server.port, seconds, connections)
            cpu = server.cpu_seconds() - before
        if counts and stored(Path(folder)) < load.requests:
            raise SystemExit(f"{load.requests} views were acknowledged, {stored(Path(folder))} are stored")
    if load.refused or load.broken:
        raise SystemExit(f"{load.refused} requests were refused, {load.broken} connections broke")
    return {"hits/s": load.rate, "p50 ms": load.p50, "p99 ms": load.p99, "CPU us/hit": cpu / load.requests * 1e6}


SERVERS = {
    "footfall": _footfall,
    "footfall_nocommit": lambda home: _footfall(home, "nocommit"),
    "footfall_early": lambda home: _footfall(home, "early"),
    "seed": _seed,
    "nginx": _nginx,
    "footfall_2_workers": lambda home: _footfall(home, workers=2, cores=(0, 1)),
    "footfall_1_worker": lambda home: _footfall(home, cores=(0, 1)),
}
RATIOS = [("footfall", "seed"), ("footfall", "footfall_early"), ("footfall", "footfall_nocommit"),
          ("footfall", "nginx"), ("footfall_2_workers", "footfall_1_worker")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of load, for each server in each round")
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
