"""The beacon over HTTP: through Flask's client, and the same corpus through the real server."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

from footfall import accounts, metrics
from footfall.app import create_app
from footfall.collect.collector import GIF
from footfall.errors import StoreUnavailable
from footfall.stores import open_store
from tests.browsers import browsers
from tests.servers import ROOT, Server, count_all, fetch, footfall, free_port, wait_until_answers
from tests.waiting import until

PAGE = "http://blog.example.com/post"
BROWSER = next(agent for agent, _ in browsers())


@pytest.fixture
def app(settings_of, store):
    accounts.add(store, "blog")
    return create_app(settings_of())


@pytest.fixture
def client(app):
    return app.test_client()


def stored(store, family="PageViews"):
    rows = store.family(family).get_range(column_count=1000)
    return [dict(value) for _, columns in rows for value in columns.values()]


def test_a_gif_stores_a_page_view_and_answers_with_a_pixel(client, store):
    answer = client.get(f"/a.gif?id=blog&url={PAGE}&ref=https://a.example/&title=Hi", headers={
        "User-Agent": BROWSER, "Accept-Language": "de,en;q=0.5"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert (answer.status_code, answer.data, len(GIF)) == (200, GIF, 43)
    assert (answer.content_type, answer.headers["Cache-Control"]) == ("image/gif", "private, no-cache")
    (view,) = stored(store)
    assert len(view.pop("visitor")) == 8
    assert view == ({"url": PAGE, "title": "Hi", "ip": "192.0.2.0", "referrer": "https://a.example/",
                              "user_agent": BROWSER, "language": "de"})


def test_a_view_without_user_agent_is_stored_apart(client, store):
    assert client.get(f"/a.gif?id=blog&url={PAGE}", headers={"User-Agent": ""}).data == GIF
    assert stored(store) == []
    assert [(view["user_agent"], view["reason"]) for view in stored(store, "Filtered")] == [("", "bot: empty")]
    assert store.info()["families"]["Visitors"]["columns"] == 0


@pytest.mark.parametrize("setting, header, stored_views, reason", [
    ("", "DNT", 0, "dnt"), ("", "Sec-GPC", 0, "gpc"), ("ignore", "DNT", 2, ""), ("ignore", "Sec-GPC", 2, ""),
])
def test_who_does_not_want_to_be_counted_is_not_if_the_site_honours_it(settings_of, store, setting, header,
                                                                     stored_views, reason):
    accounts.add(store, "blog")
    accounts.configure(store, "blog", {"dnt": setting})
    client = create_app(settings_of()).test_client()
    objecting = {"User-Agent": BROWSER, header: "1"}
    before = metrics.HITS.labels("declined", reason)._value.get()
    assert client.get(f"/a.gif?id=blog&url={PAGE}", headers=objecting).data == GIF
    assert client.post("/e", data=json.dumps({"id": "blog", "url": PAGE}), headers=objecting).status_code == 204
    client.get(f"/a.gif?id=blog&url={PAGE}", headers={"User-Agent": BROWSER, header: "0"})
    assert len(stored(store)) == stored_views + 1
    assert stored(store, "Filtered") == []
    assert metrics.HITS.labels("declined", reason)._value.get() - before == (2 if reason else 0)


def test_x_real_ip_is_believed_from_a_trusted_proxy_alone(client, store):
    for peer in ("127.0.0.1", "198.51.100.9"):
        client.get(f"/a.gif?id=blog&url={PAGE}", headers={"X-Real-IP": "203.0.113.5"},
                   environ_base={"REMOTE_ADDR": peer})
    assert [view["ip"] for view in stored(store)] == ["203.0.113.0", "198.51.100.0"]


def test_a_head_request_is_no_view(client, store):
    assert client.head(f"/a.gif?id=blog&url={PAGE}").status_code == 200
    assert stored(store) == []


@pytest.mark.parametrize("query, status, reason", [
    (f"url={PAGE}", 400, "id: missing"),
    ("id=blog", 400, "url: missing"),
    (f"id=nobody&url={PAGE}", 404, "id: unknown account"),
    (f"id=a%20b&url={PAGE}", 400, "id: must be 1 to 64 letters, digits, dots, dashes or underscores"),
    ("id=blog&url=http://a.example/%ff", 400, "url: not UTF-8"),
])
def test_a_bad_hit_is_refused_with_the_reason_and_reaches_no_store(client, store, query, status, reason):
    answer = client.get(f"/a.gif?{query}")
    assert (answer.status_code, answer.headers["X-Footfall"]) == (status, reason)
    assert stored(store) == []


def test_events_are_posted_one_or_many(client, store):
    one = client.post("/e", data=json.dumps({"id": "blog", "url": PAGE}), content_type="text/plain")
    two = client.post("/e", data=json.dumps([{"id": "blog", "url": PAGE, "event": "signup", "props": {"plan": "pro"}},
                                             {"id": "blog", "url": PAGE, "title": "Hi"}]), content_type="text/plain")
    assert (one.status_code, one.data, two.status_code) == (204, b"", 204)
    assert len(stored(store)) == 2
    assert [(event["event"], event["props"]) for event in stored(store, "Events")] == [("signup", {"plan": "pro"})]
    assert one.headers["Access-Control-Allow-Origin"] == "*"


def test_an_event_that_is_sent_again_counts_once(client, store):
    first = {"id": "blog", "url": PAGE, "eid": "one"}
    named = {"id": "blog", "url": PAGE, "eid": "two", "event": "engagement", "engaged": 1500, "scroll": 80,
             "at": int(client.post("/e", data=json.dumps(first)).headers["X-Footfall-Time"])}
    lost = {"id": "blog", "url": PAGE, "eid": "three", "age": 3_600_000, "retry": True}
    for again in (first | {"retry": True, "age": 40}, named, named | {"retry": True}, lost, lost | {"age": 3_600_500}):
        assert client.post("/e", data=json.dumps(again)).status_code == 204
    assert len(stored(store)) == 2
    assert [(event["event"], event["engaged"], event["scroll"]) for event in stored(store, "Events")] == [
        ("engagement", 1500, 80)]


@pytest.mark.parametrize("body, status, reason", [
    ("[]", 400, "body: 0 events"),
    ("{", 400, "body: "),
    (json.dumps({"id": "blog", "url": PAGE, "n\u00e4me\r\nX-Evil: 1": 1}), 400, "body: "),
    ("x" * 70_000, 413, "body: longer than 65536 bytes"),
    (json.dumps([{"id": "blog", "url": PAGE}, {"id": "blog", "url": ""}]), 400, "url: missing (event 2)"),
])
def test_a_bad_post_stores_nothing(client, store, body, status, reason):
    answer = client.post("/e", data=body)
    assert answer.status_code == status
    assert reason in answer.headers["X-Footfall"]
    assert stored(store) == stored(store, "Events") == []


def test_the_tracker_is_cacheable_for_an_hour_and_has_a_tag(client):
    answer = client.get("/a.js")
    assert answer.mimetype == "text/javascript"
    assert (answer.cache_control.max_age, answer.cache_control.public) == (3600, True)
    again = client.get("/a.js?id=blog", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_any_account_is_taken_when_the_owner_says_so(settings_of, store):
    client = create_app(settings_of(unknown_accounts="accept")).test_client()
    assert client.get(f"/a.gif?id=anybody&url={PAGE}").status_code == 200
    assert len(stored(store)) == 1


def test_a_store_that_is_away_gives_503_until_it_is_back(app, client, store, monkeypatch):
    real = app.extensions["footfall"].store().apply

    def away(mutations):
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(app.extensions["footfall"].store(), "apply", away)
    answer = client.get(f"/a.gif?id=blog&url={PAGE}")
    assert (answer.status_code, answer.headers["Retry-After"], answer.headers["X-Footfall"]) == (
        503, "5", "cannot store now")
    assert b"disk" not in answer.data
    monkeypatch.setattr(app.extensions["footfall"].store(), "apply", real)
    assert client.get(f"/a.gif?id=blog&url={PAGE}").status_code == 200
    assert len(stored(store)) == 1


def test_a_site_added_while_the_server_runs_is_known_soon(app, client, store):
    now = [0.0]
    app.extensions["footfall"].policy.accounts._clock = lambda: now[0]
    assert client.get(f"/a.gif?id=late&url={PAGE}").status_code == 404
    accounts.add(store, "late")
    assert client.get(f"/a.gif?id=late&url={PAGE}").status_code == 404
    now[0] += 1.5
    assert client.get(f"/a.gif?id=late&url={PAGE}").status_code == 200
    accounts.remove(store, "late", with_events=False)
    now[0] += 11
    until(lambda: client.get(f"/a.gif?id=late&url={PAGE}").status_code == 404)


def test_metrics_count_hits_and_are_shown_to_this_machine_alone(client):
    client.get(f"/a.gif?id=nobody&url={PAGE}")
    client.get(f"/a.gif?id=blog&url={PAGE}{'x' * 2048}")
    client.get(f"/a.gif?id=blog&url={PAGE}", headers={"User-Agent": "curl/8.5.0"})
    shown = client.get("/metrics").data.decode()
    assert 'footfall_hits_total{reason="id",result="refused"}' in shown
    assert 'footfall_hits_total{reason="",result="stored"}' in shown
    assert 'footfall_hits_total{reason="bot",result="filtered"}' in shown
    assert 'footfall_cut_fields_total{field="url"}' in shown
    assert client.get("/metrics", headers={"X-Real-IP": "203.0.113.5"}).status_code == 403


def test_ready_tells_whether_a_write_succeeds_now(app, client, store, monkeypatch):
    collector = app.extensions["footfall"]
    now = [100.0]
    collector.probe._clock = lambda: now[0]
    assert (client.get("/health").status_code, client.get("/ready").status_code) == (200, 200)
    assert store.family("Accounts").get_count("probe") == 0

    def away(mutations):
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(collector.store(), "apply", away)
        assert client.get("/ready").status_code == 200
        now[0] += 1.5
        refused = client.get("/ready")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert client.get("/health").status_code == 200
    now[0] += 1.5
    assert client.get("/ready").status_code == 200


# ----- the real server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("server")
    footfall(data, "site", "add", "blog")
    count_all(data)
    with Server(data) as server:
        yield server


def raw(server, request, shut=False):
    """Send bytes as they are; returns all that comes back until the server closes or is silent for a second."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
        sock.sendall(request)
        if shut:
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while chunk := sock.recv(65536):
                answer += chunk
                sock.settimeout(1)
        except TimeoutError:
            pass
        return answer


def count(server, family="PageViews"):
    with open_store(f"sqlite:///{server.data}/footfall.db") as store:
        return store.info()["families"][family]["columns"]


@pytest.mark.parametrize("request_, status, views", [
    (b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 200", 1),
    (b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.0\r\n\r\n", b"HTTP/1.1 200", 1),
    (b"GET /a.gif?id=blog&url=http://a.example/%ff HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 400", 0),
    (b"GET /a.gif?url=http://a.example/ HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 400", 0),
    (b"GET /a.gif?id=blog&url=" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 414", 0),
    (b"GET /a.gif?id=blog&url=http://a.example/" + b"x" * 6000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 200", 1),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"HTTP/1.1 400", 0),
    (b"GET\r\n\r\n", b"HTTP/1.1 400", 0),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 36\r\n\r\n" + b'{"id":"blog","url":"http://a.exa/"}'.ljust(36),
     b"HTTP/1.1 204", 1),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n23\r\n"
     b'{"id":"blog","url":"http://a.exa/"}\r\n0\r\n\r\n', b"HTTP/1.1 204", 1),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 400", 0),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 35\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     b"HTTP/1.1 400", 0),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", b"HTTP/1.1 501", 0),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"HTTP/1.1 400", 0),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 35\r\n\r\n", b"HTTP/1.1 417", 0),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 35\r\n\r\n"
     b'{"id":"blog","url":"http://a.exa/"}', b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204", 1),
    (b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 100 + b"\r\n",
     b"HTTP/1.1 431", 0),
    (b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
     b"HTTP/1.1 431", 0),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 400", 0),
    (b"POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + b" " * 100_000, b"HTTP/1.1 413", 0),
])
def test_the_server_answers_each_request_by_name(server, request_, status, views):
    before = count(server)
    assert raw(server, request_).startswith(status)
    assert count(server) - before == views


def test_requests_of_one_connection_are_answered_in_turn(server):
    before = count(server)
    one = b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\n\r\n"
    assert raw(server, one * 5).count(b"HTTP/1.1 200") == 5
    assert count(server) - before == 5


def test_a_body_that_ends_too_soon_is_refused(server):
    before = count(server)
    short = b'POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n{"id":"blog","url":"http://a.exa/"}'
    assert raw(server, short, shut=True).startswith(b"HTTP/1.1 400")
    assert count(server) == before


def test_requests_of_both_ways_are_answered_in_their_order(server):
    before = count(server)
    hit = b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\n\r\n"
    chunked = (b"POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n23\r\n"
               b'{"id":"blog","url":"http://a.exa/"}\r\n0\r\n\r\n')
    health = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
    answers = raw(server, hit + chunked + health + hit + hit.replace(b"blog", b"nobody") + health)
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"204", b"200", b"200", b"404", b"200"]
    assert count(server) - before == 3


def test_what_follows_a_refused_request_is_not_taken(server):
    before = count(server)
    smuggled = b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\n\r\n"
    hidden = (b"POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert raw(server, hidden + smuggled).count(b"HTTP/1.1") == 1
    assert count(server) == before


def test_a_streaming_answer_arrives_piece_by_piece(tmp_path):
    """gunicorn -k our worker, with an application of somebody's whose next piece waits for the reader."""
    (tmp_path / "streaming.py").write_text(STREAMING_APP)
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-k", "footfall.collect.worker.Worker", "-b", f"127.0.0.1:{port}",
         "--no-control-socket", "--chdir", str(tmp_path), "streaming:app"], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_until_answers(f"http://127.0.0.1:{port}/go", server)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request("GET", "/stream")
            answer = connection.getresponse()
            for number in range(3):
                assert answer.read1() == f"piece {number}\n".encode()
                assert fetch(f"http://127.0.0.1:{port}/go")[0] == 200
            assert answer.read() == b""
    finally:
        server.terminate()
        server.communicate(timeout=30)


STREAMING_APP = """
import threading

go = threading.Semaphore(0)


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/stream":
        while go.acquire(blocking=False):
            pass
        return stream()
    go.release()
    return [b"gone on"]


def stream():
    for number in range(3):
        yield f"piece {number}\\n".encode()
        go.acquire()
"""


def test_many_clients_at_once_are_all_stored(server):
    before = count(server)
    answers = []

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for view in range(20):
            connection.request("GET", f"/a.gif?id=blog&url=http://a.example/{number}/{view}")
            answer = connection.getresponse()
            answer.read()
            answers.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 600
    assert count(server) - before == 600


def test_the_server_ends_when_it_is_asked_to_and_prints_no_traceback(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    with Server(tmp_path) as server:
        printed = server.stop()
    assert server.process.returncode == 0
    assert "serves http://127.0.0.1:" in printed
    assert "Traceback" not in printed


def test_who_sends_a_head_too_slowly_is_cut_off(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\nX-Slow")
        began = time.monotonic()
        answer = sock.recv(65536)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
        assert time.monotonic() - began > 5


def test_a_request_in_pieces_is_served_as_a_whole_one(server):
    before = count(server)
    request = b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(request)):
            sock.sendall(request[number:number + 1])
        assert sock.makefile("rb").read().startswith(b"HTTP/1.1 200")
    assert count(server) - before == 1


def test_a_server_asked_to_end_lets_idle_connections_go(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    count_all(tmp_path)
    with Server(tmp_path) as server:
        idle = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(50)]
        for sock in idle[:25]:
            sock.sendall(b"GET /a.gif?id=blog&url=http://a.example/ HTTP/1.1\r\nHost: h\r\n\r\n")
            answer = b""
            while not answer.endswith(GIF):
                answer += sock.recv(65536)
        printed = server.stop()
        assert [sock.recv(1) for sock in idle] == [b""] * 50
    for sock in idle:
        sock.close()
    assert (server.process.returncode, count(server)) == (0, 25)
    assert "Traceback" not in printed
