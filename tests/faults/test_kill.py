"""kill -9 and SIGTERM under load: every view that was answered 200 is in the store afterwards, and none twice."""

import http.client
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from footfall import recipes
from footfall.analysis import map_reduce
from footfall.stores import open_store
from tests.servers import Server, footfall
from tests.waiting import until

CLIENTS = 16


class Load:
    """Clients that send numbered page-views and keep a ledger of those that were answered 200."""

    def __init__(self, port):
        self._port = port
        self._stop = threading.Event()
        self.acknowledged = set()
        self.sent = set()
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, client):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        for number in range(100_000):
            if self._stop.is_set():
                break
            url = f"http://blog.example.com/{self._port}/{client}/{number}"
            self.sent.add(url)
            try:
                connection.request("GET", f"/a.gif?id=blog&url={url}")
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                break
            if answer.status == 200:
                self.acknowledged.add(url)
        connection.close()


def views_in(data):
    """Every stored view's URL, and how often it is there."""
    with open_store(f"sqlite:///{data}/footfall.db") as store:
        now = datetime.now(UTC)
        return map_reduce("blog", now - timedelta(days=1), now + timedelta(days=1), *recipes.views_by_url, Counter(),
                          store=store)


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_ends_under_load_loses_no_acknowledged_view_and_stores_none_twice(tmp_path, workers, end):
    footfall(tmp_path, "site", "add", "blog")
    acknowledged, sent = set(), set()
    for _ in range(2):
        with Server(tmp_path, workers=workers) as server, Load(server.port) as load:
            until(lambda load=load: len(load.acknowledged) >= 2000)
            getattr(server, end)()
        acknowledged |= load.acknowledged
        sent |= load.sent
    stored = views_in(tmp_path)
    assert acknowledged - set(stored) == set()
    assert set(stored) - sent == set()
    assert max(stored.values()) == 1


def test_a_server_asked_to_end_answers_what_it_took(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    with Server(tmp_path) as server, Load(server.port) as load:
        until(lambda: len(load.acknowledged) >= 2000)
        server.stop()
    assert server.process.returncode == 0
    assert set(views_in(tmp_path)) == load.acknowledged
