"""A clock that is set back an hour while the server serves: names go on rising, and nothing is overwritten or lost."""

import os
import signal

from tests.faults.ledger import Ledger, Load
from tests.servers import fetch
from tests.waiting import until

HOUR = 3600
# Every Python that finds this in its path reads the time from a clock that is as many seconds off as a file is long.
SITECUSTOMIZE = """
import os, time
path, now, now_ns = {path!r}, time.time, time.time_ns
time.time = lambda: now() - os.stat(path).st_size
time.time_ns = lambda: now_ns() - os.stat(path).st_size * 10**9
"""


def test_a_clock_that_is_set_back(site, tmp_path, monkeypatch):
    patch, clock = tmp_path / "patch", tmp_path / "clock"
    patch.mkdir()
    clock.touch()
    (patch / "sitecustomize.py").write_text(SITECUSTOMIZE.format(path=str(clock)))
    monkeypatch.setenv("PYTHONPATH", str(patch))
    ledger = Ledger()
    with site.server() as server, Load(ledger, server.port):
        until(ledger.acknowledges(300))
        before = fetch(f"{server.url}/health")[1]["Date"]
        os.truncate(clock, HOUR)
        until(lambda: fetch(f"{server.url}/health")[1]["Date"] < before)
        until(ledger.acknowledges(300))
        # A worker that starts with the clock set back knows nothing of the names that were given before.
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        until(lambda: worker not in server.workers())
        until(ledger.acknowledges(300))
        server.stop()
    ledger.verify(site.stored())
