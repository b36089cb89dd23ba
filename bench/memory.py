"""What one report takes of memory: ``python -m bench.memory``.

``footfall demo`` writes the events, and footfall keeps its facts of them. Each of the sixteen reports of
:mod:`bench.reports`, and the page of the site, is then asked for once by a process of its own, which has opened the
store and knows nothing yet; at last one process is asked everything. Told is what a process held before it was asked,
and the most that it held above that: all of it as the kernel counts it (``VmHWM``), its own memory (``RssAnon``), and
pages of files that are mapped (``RssFile``), which the kernel takes back when others need the room.
A folder that is named by ``--folder`` is kept for the next time; that of ``bench.reports`` does as well.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bench.dashboard import PASSWORD, USER, make_site, pages
from bench.reports import SITE, SOME, UNTIL, reports_of
from bench.rig import report
from footfall.reports.cache import FactsCache
from footfall.reports.query import query
from footfall.stores import open_store

ALL = ("visitors", "visits", "views")
DIMENSIONS = ("page", "entry_page", "exit_page", "source", "referrer", "channel", "country", "browser", "os", "device",
              "event")
PAGE, EVERYTHING = "the page of the site", "everything, one after the other"
#: Between two looks at what a process holds.
SECONDS = 0.002
NAMES = ("VmRSS", "VmHWM", "RssAnon", "RssFile")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=5_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--folder", type=Path, help="where the events are kept for the next time")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_ask_one(asked.folder, asked.one, asked.days)))
        return
    with ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        make_site(folder, asked.views, asked.days)
        with open_store(f"sqlite:///{folder}/footfall.db") as store:
            names = [*reports_of(FactsCache(store, folder / "cache"), UNTIL, UNTIL), PAGE, EVERYTHING]
        rows = {name: json.loads(subprocess.run(
            [sys.executable, "-m", "bench.memory", "--folder", str(folder), "--days", str(asked.days), "--one", name],
            check=True, capture_output=True, text=True).stdout) for name in names}
    report("memory", rows, {"views": asked.views, "days": asked.days,
                            "one report, MB above idle at most": max(
                                rows[name]["above idle, MB"] for name in names if name != EVERYTHING),
                            "everything, MB at most": rows[EVERYTHING]["most, MB"]})


def _ask_one(folder: Path, name: str, days: int) -> dict[str, float]:
    """Ask for one report, in this process, and return what that took."""
    with open_store(f"sqlite:///{folder}/footfall.db") as store:
        cache = FactsCache(store, folder / "cache")
        since, until = UNTIL - timedelta(days=days - 1), UNTIL + timedelta(days=1)
        reports: dict[str, Callable[[], Any]] = dict(reports_of(cache, since, until))
        if name == PAGE:
            reports[PAGE] = _page(folder, days)
        reports[EVERYTHING] = lambda: _everything(cache, reports, since, until)
        ask = reports[name]
        # What was held while this was set up does not count.
        Path("/proc/self/clear_refs").write_text("5")
        idle, most = _held(), {}
        is_done = threading.Event()

        def look() -> None:
            while not is_done.wait(SECONDS):
                for what, held in _held().items():
                    most[what] = max(held, most.get(what, 0.0))

        watcher = threading.Thread(target=look)
        watcher.start()
        ask()
        is_done.set()
        watcher.join()
        after = _held()
        own, mapped = (max(most.get(what, 0.0), after[what]) - idle[what] for what in ("RssAnon", "RssFile"))
    return {"idle, MB": idle["VmRSS"], "most, MB": after["VmHWM"], "above idle, MB": after["VmHWM"] - idle["VmRSS"],
            "own, MB": own, "mapped, MB": mapped, "kept after, MB": after["VmRSS"] - idle["VmRSS"]}


def _held() -> dict[str, float]:
    """Return what this process holds, in MB."""
    told = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {name.rstrip(":"): int(number) / 1024 for name, number, *_ in (line for line in told if len(line) > 1)
            if name.rstrip(":") in NAMES}


def _page(folder: Path, days: int) -> Callable[[], Any]:
    """Return what asks for the page of the site, as somebody who is logged in."""
    os.environ["FOOTFALL_DATA"] = str(folder)
    from footfall.app import create_app

    client = create_app().test_client()
    client.post("/login", data={"name": USER, "password": PASSWORD}, headers={"Sec-Fetch-Site": "same-origin"})

    def ask() -> None:
        status = client.get(pages(days)["page"][0]).status_code
        if status != 200:
            raise SystemExit(f"the page was answered {status}")

    return ask


def _everything(cache: FactsCache, reports: dict[str, Callable[[], Any]], since: date, until: date) -> None:
    for dimension in DIMENSIONS:
        for where in (None, SOME):
            query(partial(cache.days, SITE), ALL, since, until, by=dimension, where=where)
    for name, ask in reports.items():
        if name not in (PAGE, EVERYTHING):
            ask()


if __name__ == "__main__":
    main()
