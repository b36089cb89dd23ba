"""What the benchmarks share: servers on one core, the load on the other, and what both cost.

Everything runs on this machine: the server's processes are pinned to core 0, wrk and whatever else makes the
load to core 1. Figures of one run can be compared; those of two runs on a shared machine hardly can.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

ROOT = Path(__file__).parent.parent
SERVER_CORE, LOAD_CORE = 0, 1
SITE = "blog"
VARIED_REQUESTS = 2_000
_TICK = os.sysconf("SC_CLK_TCK")


class Load(NamedTuple):
    """What a load was answered: requests, the seconds they took, milliseconds at the 50th and the 99th percentile."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


class Running:
    """A server that runs, pinned to its core."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def pids(self) -> list[int]:
        """Return the processes of the server, its master first."""
        pids = [self.process.pid]
        for pid in pids:
            with contextlib.suppress(FileNotFoundError):
                pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return pids

    def cpu_seconds(self) -> float:
        """Return the seconds of processor that all its processes have used."""
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in self.pids()) / _TICK

    def memory(self) -> int:
        """Return the bytes of memory that its largest process holds."""
        return max(int(_stat(pid)[21]) * os.sysconf("SC_PAGE_SIZE") for pid in self.pids())


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


@contextlib.contextmanager
def running(command: Sequence[str], port: int, *, cores: Sequence[int] = (SERVER_CORE,),
            environment: Mapping[str, str] | None = None, path: str = "/") -> Iterator[Running]:
    """Run a server until the block is left, and give it once it answers at a path, whatever the answer."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cores)), *command], cwd=ROOT, text=True, stdout=log, stderr=log,
            start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})})
        try:
            deadline = time.monotonic() + 30
            while not _answers(f"http://127.0.0.1:{port}{path}"):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(f"{' '.join(command)} does not answer:\n{log.read()}")
                time.sleep(0.05)
            yield Running(process, port)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def footfall(data: Path, *arguments: str) -> str:
    """Run a footfall command on a data folder, and return what it prints."""
    environment = {**os.environ, "FOOTFALL_DATA": str(data)}
    return subprocess.run([sys.executable, "-m", "footfall", *arguments], env=environment, cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout


def stored(data: Path) -> int:
    """Return how many page-views the store of a data folder holds."""
    return int(json.loads(footfall(data, "store", "info", "--json"))["families"]["PageViews"]["columns"])


def check_stored(data: Path, acknowledged: int, in_flight: int) -> None:
    """End with an error if a store holds other than what was acknowledged.

    :param in_flight: views that may be there although nobody waited for their answer any more.
    """
    there = stored(data)
    if not acknowledged <= there <= acknowledged + in_flight:
        raise SystemExit(f"{acknowledged:,} views were acknowledged, {there:,} are stored")


def varied_requests(count: int = VARIED_REQUESTS) -> list[tuple[str, str, str]]:
    """Return paths of page-views with agents and languages, as a blog's readers would send them."""
    chance = random.Random(7)
    pages = [f"https://blog.example.com/{year}/{month:02d}/{word}-{other}.html" for year in (2024, 2025, 2026)
             for month in range(1, 13)
             for word, other in (("notes", "time"), ("a-small", "server"), ("graphs", "again"))]
    referrers = ["", "", "https://www.google.com/", "https://www.bing.com/search?q=self+hosted+analytics",
                 "https://news.example.org/item?id=41", "https://duckduckgo.com/", "https://blog.example.com/"]
    systems = ["Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "Macintosh; Intel Mac OS X 10_15_7",
               "Linux; Android 14; Pixel 8", "iPhone; CPU iPhone OS 17_4 like Mac OS X"]
    languages = ["en-US,en;q=0.9", "de-DE,de;q=0.8,en;q=0.5", "fr", "es-ES,es;q=0.9", "ja,en-US;q=0.7"]
    made = []
    for _ in range(count):
        url, referrer = chance.choice(pages), chance.choice(referrers)
        title = url.rpartition("/")[2].removesuffix(".html").replace("-", " ").title()
        agent = (f"Mozilla/5.0 ({chance.choice(systems)}) AppleWebKit/537.36 (KHTML, like Gecko) "
                 f"Chrome/{chance.randrange(110, 130)}.0.0.0 Safari/537.36")
        path = f"/a.gif?id={SITE}&url={quote(url, safe='')}&ref={quote(referrer, safe='')}&title={quote(title)}"
        made.append((path, agent, chance.choice(languages)))
    return made


def wrk(port: int, seconds: int, connections: int = 64, core: int = LOAD_CORE) -> Load:
    """Load a server with varied page-views over connections that stay open, as fast as it answers.

    A request that is refused, or a connection that breaks, ends the benchmark.
    """
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        rows = ",\n".join(f"wrk.format('GET', {json.dumps(path)}, {{['User-Agent']={json.dumps(agent)}, "
                          f"['Accept-Language']={json.dumps(language)}, Host='blog.example.com'}})"
                          for path, agent, language in varied_requests())
        script.write(f"init = function(args)\n  requests = {{{rows}}}\n  math.randomseed(7)\nend\n"
                     "request = function() return requests[math.random(#requests)] end\n"
                     "done = function(summary, latency)\n"
                     "  io.write(string.format('JSON {\"requests\": %d, \"us\": %d, \"p50\": %d, \"p99\": %d, "
                     "\"status\": %d, \"broken\": %d}\\n', summary.requests, summary.duration, "
                     "latency:percentile(50), latency:percentile(99), summary.errors.status, "
                     "summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))\n"
                     "end\n")
        script.flush()
        # A slow answer is slow, and not a connection that broke: the form of 2012 has some of more than two seconds.
        printed = subprocess.run(["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
                                  "--timeout", "20s", "-s", script.name, f"http://127.0.0.1:{port}/"],
                                 check=True, capture_output=True, text=True).stdout
    told = json.loads(re.search("JSON (.*)", printed)[1])
    if told["status"] or told["broken"]:
        raise SystemExit(f"{told['status']} requests were refused, {told['broken']} connections broke")
    return Load(told["requests"], told["us"] / 1e6, told["p50"] / 1000, told["p99"] / 1000)


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def report(name: str, rows: Mapping[str, Mapping[str, Any]], figures: Mapping[str, Any]) -> None:
    """Print a table for people, and last one line of JSON."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    print(f"{name:24}" + "".join(f"{column:>16}" for column in columns))
    for label, row in rows.items():
        print(f"{label:24}" + "".join(f"{row.get(column, ''):>16,.4g}" if isinstance(row.get(column), float)
                                      else f"{row.get(column, '')!s:>16}" for column in columns))
    print(json.dumps({"benchmark": name, **figures, "rows": rows}))
