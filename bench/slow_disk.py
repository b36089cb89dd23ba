"""What a slow disk costs: hits a second with an fsync that takes 5 ms more, beside the same without.

``python -m bench.slow_disk`` loads `footfall serve` with 256 connections. It needs wrk and cc, which compiles
bench/slow_fsync.c; the server is run with that preloaded. The target for the ratio is 0.60 or more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.ingest import measure
from bench.rig import ROOT, median, report
from bench.servers import serve_footfall

#: Times a commit of SQLite's as the server commits, in milliseconds.
COMMIT = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = FULL")
connection.execute("CREATE TABLE t (i)")
began = time.perf_counter()
for number in range(50):
    connection.execute("INSERT INTO t VALUES (?)", (number,))
print((time.perf_counter() - began) / 50 * 1000)
"""


def compile_shim(folder: Path) -> Path:
    """Compile the slow fsync, and return the library to preload."""
    library = folder / "slow_fsync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(ROOT / "bench" / "slow_fsync.c"), "-ldl"],
                   check=True)
    return library


def commit_milliseconds(folder: Path, environment: dict[str, str]) -> float:
    """Return what one commit takes in a process of that environment."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return float(subprocess.run([sys.executable, "-c", COMMIT, f"{own}/t.db"], check=True, text=True,
                                    env={**os.environ, **environment}, capture_output=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="of load, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=256)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environments = {"footfall": {}, "footfall_slow_disk": {"LD_PRELOAD": str(compile_shim(Path(folder)))}}
        commits = {name: commit_milliseconds(Path(folder), more) for name, more in environments.items()}
        if commits["footfall_slow_disk"] < 5:
            raise SystemExit(f"with the slow fsync a commit takes {commits['footfall_slow_disk']:.1f} ms: "
                             "this Python's SQLite does not call it")
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in environments}
        for _ in range(options.rounds):
            for name, more in environments.items():
                rounds[name].append(measure(partial(serve_footfall, environment=more), options.seconds,
                                            options.connections, counts=True))
    rows = {name: {"commit ms": commits[name],
                   **{figure: median([each[figure] for each in measured]) for figure in measured[0]}}
            for name, measured in rounds.items()}
    report("slow_disk", rows, {"connections": options.connections, "footfall_slow_disk / footfall":
                               rows["footfall_slow_disk"]["hits/s"] / rows["footfall"]["hits/s"]})


if __name__ == "__main__":
    main()
