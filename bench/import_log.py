"""How fast logs go into SQLite: hits that nginx took, imported and followed, beside an access log of the same views.

    python -m bench.import_log [--views 200000] [--rounds 3]

Each figure is that of the `footfall` command in a process of its own, from its start to its end, into a new file. The
last line is JSON: lines a second and peak memory of each, and the ratio to the access log, the baseline.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from footfall import accounts
from footfall.storage import Store
from footfall.stores import open_store

PAGES, AGENTS, VIEWS_A_SECOND = 5_000, 200, 5_000
START = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp() * 1000)
AGENT = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/{}.0.{}.0 Safari/537.36")
LANGUAGES = ("en-US,en;q=0.9", "de-CH,de;q=0.9,en;q=0.8", "fr", "")


class Run(NamedTuple):
    """What one command took: lines a second, seconds of processor, megabytes."""

    rate: float
    cpu: float
    megabytes: float


def write_logs(folder: Path, views: int) -> dict[str, Path]:
    """Write the same views as a log of hits and as an access log; readers view three pages on average."""
    chance = random.Random(1)
    paths = {"beacon": folder / "footfall.log", "access": folder / "access.log"}
    readers = [(f"203.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}",
                AGENT.format(chance.randrange(90, 90 + AGENTS // 4), chance.randrange(4)), chance.choice(LANGUAGES))
               for _ in range(max(1, views // 3))]
    with paths["beacon"].open("w") as beacon, paths["access"].open("w") as access:
        for number in range(views):
            # A reader's views lie near each other.
            address, agent, language = readers[min(len(readers) - 1, max(0, number // 3 + chance.randrange(-500, 500)))]
            page = int(PAGES * chance.random() ** 3)
            url, referrer = f"https://blog.example.com/2026/post-{page}.html", "https://www.google.com/"
            when = START + number * 1000 // VIEWS_A_SECOND
            query = f"id=blog&url={quote(url, '')}&ref={quote(referrer, '')}&title={quote(f'Post {page} – a blog', '')}"
            beacon.write(json.dumps({
                "time": when / 1000, "id": f"{chance.getrandbits(128):032x}", "address": address, "method": "GET",
                "status": "200", "uri": f"/a.gif?{query}", "headers": {
                    "user-agent": agent, "accept-language": language, "host": "blog.example.com"}},
                separators=(",", ":")) + "\n")
            stamp = datetime.fromtimestamp(when // 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
            access.write(f'{address} - - [{stamp}] "GET /2026/post-{page}.html HTTP/1.1" 200 {number} '
                         f'"{referrer}" "{agent}"\n')
    return paths


def run(log: Path, form: str, views: int, *, follow: bool = False) -> Run:
    """Import a log into a new store; one that is followed is ended when all its views are there."""
    with tempfile.TemporaryDirectory(dir=log.parent) as data:
        url = f"sqlite:///{data}/footfall.db"
        with open_store(url) as store:
            accounts.add(store, "blog")
        command = [sys.executable, "-m", "footfall", "import", "log", str(log), "--format", form, "--site", "blog"]
        began = time.perf_counter()
        process = subprocess.Popen(command + ["--follow"] * follow, env={**os.environ, "FOOTFALL_DATA": data},
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open_store(url) as store:
            while follow and _taken(store) < log.stat().st_size:
                time.sleep(0.05)
            if follow:
                process.send_signal(signal.SIGTERM)
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            stored = sum(store.family("PageViews").get_count(key) for key in store.family("PageViews").row_keys())
        if (process.returncode, stored) != (0, views):
            raise SystemExit(f"{' '.join(command)}: exit {process.returncode}, {stored:,} of {views:,} views stored")
        return Run(views / seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _taken(store: Store) -> int:
    """How many bytes of the log were taken."""
    return sum(value["offset"] for _, columns in store.family("Positions").get_range() for value in columns.values())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--views", type=int, default=200_000)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    runs: dict[str, list[Run]] = {"access": [], "beacon": [], "beacon --follow": []}
    with tempfile.TemporaryDirectory() as folder:
        logs = write_logs(Path(folder), options.views)
        for _ in range(options.rounds):
            for name, done in runs.items():
                form, _, follow = name.partition(" ")
                done.append(run(logs[form], form, options.views, follow=bool(follow)))
                print(f"{name:16} {done[-1].rate:>9,.0f} lines/s {done[-1].cpu:6.1f} s of processor "
                      f"{done[-1].megabytes:6.0f} MB", flush=True)
        size = {form: path.stat().st_size / options.views for form, path in logs.items()}
    median = {name: Run(*map(statistics.median, zip(*done, strict=True))) for name, done in runs.items()}
    print(json.dumps({
        "benchmark": "import_log", "views": options.views,
        "lines_per_second": {name: round(each.rate) for name, each in median.items()},
        "megabytes": {name: round(each.megabytes) for name, each in median.items()},
        "bytes_per_line": {form: round(each) for form, each in size.items()},
        "ratio_to_access": {name: round(each.rate / median["access"].rate, 2) for name, each in median.items()}}))


if __name__ == "__main__":
    main()
