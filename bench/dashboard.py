"""What the page of a large site costs: until it is there, what is sent of it, and the hits beside it.

``python -m bench.dashboard``: ``footfall demo`` writes page-views, and ``footfall serve`` shows 28 days of them against
the days before: the page as it is first opened, filtered by one value of many, and who is there now. Each is asked for
over and over by one reader, who takes it compressed as browsers do. Then page-views come at a fixed rate, latencies
counted from when each was due (:mod:`bench.open_loop`): alone, and while the reader goes on. The server is on core 0,
readers and hits are on core 1. A folder that is named by ``--folder`` is kept for the next time. It needs wrk.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode

from bench.open_loop import load_at
from bench.rig import LOAD_CORE, SITE, footfall, free_port, report, running, stored

#: The site that is shown; the hits are another's, so that its days are over.
SHOWN = "demo"
UNTIL = date(2026, 3, 31)
RATE = 500.0
#: How long the reader goes on beside the measured hits: the load's start, and its last answers.
MARGIN_SECONDS = 2
USER, PASSWORD = "reader", "correct horse battery"
#: Values by which readers filter.
CHOSEN = ("DE", "US", "IN", "FR", "GB", "NL", "CA", "BR")


class Reader:
    """Somebody who is logged in, with a connection that stays open.

    :ivar cookie: that tells who.
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._connection.request("POST", "/login", urlencode({"name": USER, "password": PASSWORD}), {
            "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"})
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 303:
            raise SystemExit(f"the login was answered {answer.status}")
        self.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]

    def get(self, path: str) -> tuple[float, bytes]:
        """Return how many milliseconds a page took, and what was sent of it."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Cookie": self.cookie, "Accept-Encoding": "gzip"})
        answer = self._connection.getresponse()
        sent = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path} was answered {answer.status}")
        return (time.perf_counter() - began) * 1000, sent

    def close(self) -> None:
        self._connection.close()


def make_site(home: Path, views: int, days: int) -> None:
    """Make the site that is shown, with its facts, one that takes hits, and a user who may see them."""
    for site in (SHOWN, SITE):
        footfall(home, "site", "add", site, "--if-missing")
    # What bench.reports keeps in a folder does as well.
    if not stored(home):
        footfall(home, "demo", "--site", SHOWN, "--days", str(days), "--until", str(UNTIL), "--views", str(views),
                 "--seed", "7", "--visitors", "monthly")
    footfall(home, "site", "set", SITE, "--rate", "0")
    footfall(home, "cache", "build")
    subprocess.run([sys.executable, "-m", "footfall", "user", "add", USER, "--password-stdin", "--if-none", "--data",
                    str(home)], input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def _serve(home: Path) -> Iterator[int]:
    port = free_port()
    settings = {"FOOTFALL_DATA": str(home), "FOOTFALL_PORT": str(port)}
    with running([sys.executable, "-m", "footfall", "serve"], port, environment=settings, path="/health"):
        yield port


def pages(days: int) -> dict[str, list[str]]:
    """Return the paths that are asked for in turn, by what they are."""
    range_ = {"period": "custom", "since": str(UNTIL - timedelta(days=days - 1)), "until": str(UNTIL)}
    page = f"/sites/{SHOWN}?{urlencode(range_)}"
    return {"page": [page], "page, filtered": [f"{page}&is.country={country}" for country in CHOSEN],
            "who is there now": [f"/sites/{SHOWN}/live"]}


def measure_pages(port: int, days: int, times: int) -> dict[str, dict[str, float]]:
    """Return what each kind of page takes: the first one, which reads the facts, and the median and p99 of others."""
    reader, rows = Reader(port), {}
    with contextlib.closing(reader):
        for kind, paths in pages(days).items():
            first, sent = reader.get(paths[0])
            took = sorted(reader.get(paths[number % len(paths)])[0] for number in range(times))
            plain = gzip.decompress(sent) if sent.startswith(b"\x1f\x8b") else sent
            rows[kind] = {"first ms": first, "p50 ms": took[len(took) // 2], "p99 ms": took[int(len(took) * 0.99)],
                          "sent kB": len(sent) / 1000, "plain kB": len(plain) / 1000}
    return rows


def measure_hits(port: int, days: int, rate: float, seconds: int) -> dict[str, dict[str, float]]:
    """Return the latencies of hits alone, and beside a reader who opens page after page."""
    load_at(port, rate, 1)
    alone = load_at(port, rate, seconds)
    reader = Reader(port)
    reader.close()
    asking = subprocess.Popen(
        ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", "-c1", f"-d{seconds + MARGIN_SECONDS}s", "--timeout", "60s",
         "-H", f"Cookie: {reader.cookie}", "-H", "Accept-Encoding: gzip",
         f"http://127.0.0.1:{port}{pages(days)['page'][0]}"], stdout=subprocess.PIPE, text=True)
    beside = load_at(port, rate, seconds)
    printed = asking.communicate()[0]
    if asking.returncode or "Non-2xx" in printed or "Socket errors" in printed:
        raise SystemExit(f"not every page was shown:\n{printed}")
    shown = int(re.search(r"(\d+) requests in", printed)[1])
    return {"hits alone": {"p50 ms": alone.p50, "p99 ms": alone.p99},
            "hits beside a reader": {"p50 ms": beside.p50, "p99 ms": beside.p99,
                                     "pages/s": shown / (seconds + MARGIN_SECONDS)}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=10_000_000, help="on all days")
    parser.add_argument("--days", type=int, default=56, help="that have views; the page shows the last 28")
    parser.add_argument("--times", type=int, default=50, help="each page is asked for")
    parser.add_argument("--seconds", type=int, default=8, help="of each load of hits")
    parser.add_argument("--rate", type=float, default=RATE, help="hits a second")
    parser.add_argument("--folder", type=Path, help="where the site is kept for the next time")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(exist_ok=True)
        make_site(home, asked.views, asked.days)
        port = stack.enter_context(_serve(home))
        shown = min(28, asked.days)
        rows = measure_pages(port, shown, asked.times)
        rows |= measure_hits(port, shown, asked.rate, asked.seconds)
    report("dashboard", rows, {"views": asked.views, "days": asked.days, "rate": asked.rate,
                               "page p50 ms": rows["page"]["p50 ms"], "page p99 ms": rows["page"]["p99 ms"],
                               "page sent kB": rows["page"]["sent kB"],
                               "hits p99 ms beside a reader": rows["hits beside a reader"]["p99 ms"]})


if __name__ == "__main__":
    main()
