"""A clock that is set back an hour while the server serves: names go on rising, and nothing is overwritten or lost."""

import os
import signal

import pytest

from footfall import timeuuid
from tests.faults.ledger import Ledger, Load
from tests.waiting import until

pytestmark = pytest.mark.ours

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
    with site.server() as server:
        # One client, so that what was sent later was also taken later.
        with Load(ledger, server.port, clients=1):
            until(ledger.acknowledges(300))
            os.truncate(clock, HOUR)
            until(ledger.acknowledges(300))
        in_order = sorted(ledger.acknowledged)
        # A worker that starts with the clock set back knows nothing of the names that were given before.
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        until(lambda: worker not in server.workers())
        with Load(ledger, server.port):
            until(ledger.acknowledges(300))
        server.stop()
    ledger.verify(site.stored())
    names = site.names()
    rising = [timeuuid.ticks_of(names[url]) for url in in_order]
    assert rising == sorted(set(rising))
    # Had the clock not been set back, this would show nothing.
    assert min(map(timeuuid.ticks_of, names.values())) < rising[0]
