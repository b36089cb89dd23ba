"""What pages cost the hits beside them: one server that does both, and two by ``--role``.

``python -m bench.roles`` sends page-views at a fixed rate, latencies counted from when each was due
(:mod:`bench.open_loop`), while clients ask for the page of the site over and over: one, and then eight, ask
``footfall serve``, and eight ask ``footfall serve --role web`` beside ``--role collect`` on one data folder. The
servers, one or two, share core 0, so the second process brings no second core: what differs is who decides whose turn
it is, Python's lock or the kernel. The page is of days that are over, its facts are there, and it is the same for all.
It needs wrk.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from bench.open_loop import load_at
from bench.rig import LOAD_CORE, SITE, check_stored, footfall, free_port, median, report, running, stored

RATE = 1_000.0
READERS = 8
PASSWORD = "correct horse battery"
#: How long the readers go on beside the measured hits: the load's start, and its last answers.
MARGIN_SECONDS = 2


def measure(home: Path, roles: tuple[str, ...], readers: int, rate: float, seconds: int) -> dict[str, float]:
    """Measure hits beside pages, from servers of some roles on one data folder.

    :param roles: ``all`` alone, or the one that takes the hits and the one that shows the pages.
    :param readers: clients that ask for the page.
    """
    before = stored(home)
    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(_serve(home, role)) for role in roles]
        path, cookie = f"/sites/{SITE}?since={_week_ago()}&until={_yesterday()}", _log_in(ports[-1])
        # The first one has more to do: it imports what makes reports, and looks through the files of facts.
        _look_at(ports[-1], path, cookie)
        warm_up = load_at(ports[0], rate, 1)
        # And now the patterns of user agents, which are put together for the first hits that a page shows.
        _look_at(ports[-1], path, cookie)
        asking = subprocess.Popen(
            ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{readers}", f"-d{seconds + MARGIN_SECONDS}s",
             "--timeout", "60s", "-H", f"Cookie: {cookie}", f"http://127.0.0.1:{ports[-1]}{path}"],
            stdout=subprocess.PIPE, text=True)
        load = load_at(ports[0], rate, seconds)
        printed = asking.communicate()[0]
    check_stored(home, before + warm_up.requests + load.requests, 0)
    if asking.returncode or "Non-2xx" in printed or "Socket errors" in printed:
        raise SystemExit(f"not every page was shown:\n{printed}")
    pages = int(re.search(r"(\d+) requests in", printed)[1])
    if not pages:
        raise SystemExit(f"no page was shown within {seconds + MARGIN_SECONDS} s: give --seconds more, or --views less")
    return {"hits/s": rate, "p50 ms": load.p50, "p99 ms": load.p99, "max ms": load.most, "pages": pages}


def make_site(home: Path, views: int) -> None:
    """Make a site with views of a week that is over, and a user who may see them."""
    footfall(home, "demo", "--site", SITE, "--days", "7", "--until", _yesterday(), "--views", str(views))
    footfall(home, "site", "set", SITE, "--rate", "0")
    footfall(home, "cache", "build")
    subprocess.run([sys.executable, "-m", "footfall", "user", "add", "owner", "--password-stdin", "--data", str(home)],
                   input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def _serve(home: Path, role: str) -> Iterator[int]:
    """Run a server of a role, and give its port."""
    port = free_port()
    settings = {"FOOTFALL_DATA": str(home), "FOOTFALL_PORT": str(port), "FOOTFALL_ROLE": role}
    with running([sys.executable, "-m", "footfall", "serve"], port, environment=settings, path="/health"):
        yield port


def _log_in(port: int) -> str:
    """Return the cookie of a session."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", "/login", urlencode({"name": "owner", "password": PASSWORD}), {
            "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        if answer.status != 303:
            raise SystemExit(f"the login was answered {answer.status}")
        return str(answer.headers["Set-Cookie"]).partition(";")[0]


def _look_at(port: int, path: str, cookie: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Cookie": cookie})
        if (status := connection.getresponse().status) != 200:
            raise SystemExit(f"the page was answered {status}")


def _yesterday() -> str:
    return str(datetime.now(UTC).date() - timedelta(days=1))


def _week_ago() -> str:
    return str(datetime.now(UTC).date() - timedelta(days=7))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="of each load, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=RATE, help="hits a second")
    parser.add_argument("--views", type=int, default=1_000, help="that the page shows")
    options = parser.parse_args()
    servers = {"all, one reader": (("all",), 1), "all, eight readers": (("all",), READERS),
               "roles, eight readers": (("collect", "web"), READERS)}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, (roles, readers) in servers.items():
            with tempfile.TemporaryDirectory() as folder:
                make_site(Path(folder), options.views)
                rounds[name].append(measure(Path(folder), roles, readers, options.rate, options.seconds))
    rows = {name: {figure: median([each[figure] for each in measured]) for figure in measured[0]}
            for name, measured in rounds.items()}
    report("roles", rows, {f"p99 ms, {name}": row["p99 ms"] for name, row in rows.items()})


if __name__ == "__main__":
    main()
