"""The whole main job on Cassandra: the server takes hits into it, and commands and pages read it."""

import http.client
import threading

import pytest

from footfall.stores import open_store
from tests.servers import Server, fetch, footfall

pytestmark = pytest.mark.needs("java", "mvn")

CLIENTS, VIEWS = 8, 25


def test_hits_taken_by_the_server_are_in_cassandra_and_in_the_numbers(tmp_path, cassandra_url):
    settings = {"store": cassandra_url("served")}
    said = footfall(tmp_path, "site", "add", "blog", check=False, **settings)
    assert said.returncode == 1
    assert "run `footfall store init`" in said.stderr
    assert "table served.PageViews: made" in footfall(tmp_path, "store", "init", **settings).stdout
    footfall(tmp_path, "site", "add", "blog", **settings)
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
        printed = server.stop()
    assert answers == [200] * CLIENTS * VIEWS
    assert "Traceback" not in printed
    counted = footfall(tmp_path, "stats", "blog", "--by", "url", "--limit", "1000", "--csv", **settings).stdout
    assert counted.count(",1\n") == CLIENTS * VIEWS
    with open_store(settings["store"]) as store:
        assert store.info()["families"]["PageViews"]["columns"] == CLIENTS * VIEWS
