"""The whole main job on Cassandra: the server commits hits to its outbox, forwards them, and pages read them."""

import contextlib
import http.client
import re
import threading

import pytest

from footfall.collect.outbox import Outbox
from footfall.stores import open_store
from tests.live.fixtures import url_of
from tests.servers import Server, count_all, fetch, footfall
from tests.waiting import until

pytestmark = pytest.mark.needs("java", "mvn")

CLIENTS, VIEWS = 8, 25


def wait_until_forwarded(data):
    with contextlib.closing(Outbox(data / "outbox.db")) as outbox:
        until(lambda: outbox.status().waiting == 0, 60)


def test_hits_taken_by_the_server_are_in_cassandra_and_in_the_numbers(tmp_path, cassandra_url):
    settings = {"store": cassandra_url("served")}
    said = footfall(tmp_path, "site", "add", "blog", check=False, **settings)
    assert said.returncode == 1
    assert "run `footfall store init`" in said.stderr
    assert "table served.PageViews: made" in footfall(tmp_path, "store", "init", **settings).stdout
    footfall(tmp_path, "site", "add", "blog", **settings)
    count_all(tmp_path, **settings)
    answers = []

    def send(client):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for number in range(VIEWS):
            connection.request("GET", f"/a.gif?id=blog&url=http://blog.example.com/{client}/{number}")
            answer = connection.getresponse()
            answer.read()
            answers.append(answer.status)
        connection.close()

    with Server(tmp_path, workers=2, **settings) as server:
        assert fetch(f"{server.url}/a.gif?id=nobody&url=http://a.example/")[0] == 404
        clients = [threading.Thread(target=send, args=(client,)) for client in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        wait_until_forwarded(tmp_path)
        shown = dict(re.findall(r"^(footfall_\w+) (.*)$", fetch(f"{server.url}/metrics")[2].decode(), re.MULTILINE))
        printed = server.stop()
    assert {name: float(shown[name]) for name in (
        "footfall_forwarded_events_total", "footfall_outbox_waiting_events", "footfall_outbox_kept_events",
        "footfall_outbox_aside_events", "footfall_outbox_oldest_seconds")} == {
        "footfall_forwarded_events_total": CLIENTS * VIEWS, "footfall_outbox_waiting_events": 0,
        "footfall_outbox_kept_events": CLIENTS * VIEWS, "footfall_outbox_aside_events": 0,
        "footfall_outbox_oldest_seconds": 0}
    assert answers == [200] * CLIENTS * VIEWS
    assert "Traceback" not in printed
    counted = footfall(tmp_path, "stats", "blog", "--by", "url", "--metric", "views", "--limit", "1000", "--csv",
                       **settings).stdout
    assert counted.count(",1\n") == CLIENTS * VIEWS
    with open_store(settings["store"]) as store:
        assert store.info()["families"]["PageViews"]["columns"] == CLIENTS * VIEWS


def test_a_server_that_starts_while_cassandra_is_down_takes_hits_and_forwards_them_later(tmp_path, own_cassandra):
    settings = {"store": url_of(own_cassandra, "away"), "outbox_grace": 1}
    footfall(tmp_path, "store", "init", **settings)
    footfall(tmp_path, "site", "add", "blog", **settings)
    count_all(tmp_path, **settings)
    with open_store(settings["store"]) as store:
        started = store.node_starts()
        assert store.quorum() == 1
    with Server(tmp_path, **settings) as server:
        assert fetch(f"{server.url}/a.gif?id=blog&url=http://a.example/0")[0] == 200
        server.stop()
    own_cassandra.kill(1)
    with Server(tmp_path, **settings) as server:
        for number in range(1, 10):
            assert fetch(f"{server.url}/a.gif?id=blog&url=http://a.example/{number}")[0] == 200
        assert fetch(f"{server.url}/ready")[0] == 200
        assert fetch(f"{server.url}/a.gif?id=nobody&url=http://a.example/")[0] == 503
        server.stop()
    own_cassandra.restart(1)
    told = footfall(tmp_path, "outbox", "status", **settings).stdout
    assert re.search(r"^ +(9|10) events wait, the oldest for \d+ s$", told, re.MULTILINE)
    assert "The outbox is empty." in footfall(tmp_path, "outbox", "drain", **settings).stdout
    counted = footfall(tmp_path, "stats", "blog", "--by", "url", "--metric", "views", "--csv", **settings).stdout
    assert counted.count(",1\n") == 10
    with open_store(settings["store"]) as store:
        assert store.node_starts().keys() == started.keys()
        assert store.node_starts() != started
