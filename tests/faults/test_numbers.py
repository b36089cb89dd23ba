"""After kills, retries and late events each event counts once, and the engine says what the events say."""

import http.client
import json
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from footfall import config
from footfall.reports.cache import open_cache
from footfall.reports.query import query
from footfall.stores import open_store
from tests.browsers import browsers
from tests.faults.ledger import RETRY_SECONDS
from tests.servers import ask, footfall, start
from tests.waiting import until

pytestmark = pytest.mark.ours

EVENTS = 300
LATE_BATCHES = 6
LINES = 200
AGENTS = [agent for agent, _ in browsers()][::9]
SITE = "http://blog.example.com"


def persist(url, body, mark_retry=lambda body: None, **headers):
    """Send something until it is answered, as a page or a server does that must not lose it."""
    while True:
        try:
            status, _, answer = ask(url, "POST", json.dumps(body), **headers)
        except (OSError, http.client.HTTPException):
            mark_retry(body)
        else:
            if status != 503:
                assert status in (200, 204), (status, answer)
                return
        threading.Event().wait(RETRY_SECONDS)


def read_page(server, number):
    """Send what a reader does, whose page says so when it sends something again."""
    chance = random.Random(number)
    body = {"id": "blog", "url": f"{SITE}/{number}", "eid": f"e{number}",
            "ref": chance.choice(("", "https://www.google.com/")), "age": chance.choice((0, 0, 5_000, 2_400_000))}
    if number % 3 == 0:
        body |= {"event": chance.choice(("signup", "engagement", "404"))}
    if body.get("event") == "signup":
        body |= {"props": {"plan": chance.choice(("pro", "free"))}}
    persist(f"{server.url}/e", body, lambda body: body.update(retry=True),
            **{"User-Agent": AGENTS[number % len(AGENTS)], "X-Real-IP": f"198.51.{number % 4}.7"})


def tell_late(server, token, number):
    """Send, as a server does, a batch of what happened in the days before."""
    now = datetime.now(UTC)
    events = [{"event": "paid", "url": f"{SITE}/paid", "id": f"order-{number}-{each}", "visitor": f"u-{each % 7}",
               "time": (now - timedelta(hours=(7 * number + each) % 70, seconds=each)).isoformat()}
              for each in range(20)]
    persist(f"{server.url}/api/v1/events", {"events": events}, Authorization=f"Bearer {token}",
            **{"Content-Type": "application/json"})


def log_of(path):
    """A web server's log of the last two days, of page-views that nobody has told yet."""
    now = datetime.now(UTC)
    path.write_text("".join(
        f"203.0.113.{number % 9} - - [{now - timedelta(minutes=13 * number):%d/%b/%Y:%H:%M:%S +0000}] "
        f'"GET /log/{number} HTTP/1.1" 200 9 "-" "{AGENTS[number % len(AGENTS)]}"\n' for number in range(LINES)))
    return path


def kill_while_it_builds(data):
    """Start to build the cache, and kill that once it has begun to write."""
    def written():
        return {(path.name, path.stat().st_mtime_ns) for path in (data / "cache").glob("*/*.facts")}

    before, process = written(), start(data, "cache", "build")
    until(lambda: process.poll() is not None or written() != before)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_after_kills_retries_and_late_events_the_numbers_are_those_of_the_events(sqlite_site, tmp_path):
    data, first = sqlite_site.data, datetime.now(UTC).date() - timedelta(days=4)
    token = footfall(data, "token", "add", "--site", "blog").stdout.split()[-1]
    with sqlite_site.server(workers=2) as server, ThreadPoolExecutor(10) as clients:
        sent = [clients.submit(read_page, server, number) for number in range(EVENTS)]
        late = [clients.submit(tell_late, server, token, number) for number in range(LATE_BATCHES)]
        importing = start(data, "import", "log", log_of(tmp_path / "access.log"), "--site", "blog")
        for part in (1, 2, 3):
            until(lambda part=part: sum(each.done() for each in sent) >= part * EVENTS // 4)
            server.kill()
            server.start()
            kill_while_it_builds(data)
        for each in (*sent, *late):
            each.result()
        output = importing.communicate()[0]
        assert importing.returncode == 0, output
        server.stop()
    last = datetime.now(UTC).date()
    told = footfall(data, "cache", "verify", "--since", str(first), "--until", str(last)).stdout
    assert "all are those of the events" in told
    settings = config.load({"data": str(data)}, environ={})
    with open_store(config=settings) as store:
        cache = open_cache(settings, store)
        rows = query(lambda *days: cache.days("blog", *days), ("views", "events"), first, last + timedelta(days=1),
                     by=("page",)).rows
    assert sum(row.metrics[0] for row in rows) == LINES + sum(number % 3 > 0 for number in range(EVENTS))
    assert {row.values[0]: row.metrics for row in rows if sum(row.metrics) != 1} == {"/paid": (0, 20 * LATE_BATCHES)}
