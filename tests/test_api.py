"""The API over HTTP: through Flask's client, before an outbox, and through the real server, which is killed."""

import contextlib
import http.client
import json
import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from footfall import accounts, tokens
from footfall.app import create_app
from footfall.collect.collector import _Seldom
from footfall.collect.forwarder import Forwarder
from footfall.errors import StoreUnavailable
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from tests.browsers import browsers
from tests.servers import Server, footfall
from tests.waiting import until

PAGE = "https://blog.example.com/post"
BROWSER = next(agent for agent, _ in browsers())
EVENTS = "/api/v1/events"
GOOD, BAD = {"url": PAGE}, {"url": ""}
STORED = {"status": "stored"}
REFUSED = {"status": "refused", "reason": "url: missing, and only an event with a name can do without"}


@pytest.fixture
def token(store):
    accounts.add(store, "blog")
    return tokens.add(store, "blog")[0]


@pytest.fixture
def app(settings_of, token):
    return create_app(settings_of())


@pytest.fixture
def client(app):
    return app.test_client()


def send(client, token, *events, **more):
    return client.post(EVENTS, json={"events": events, **more}, headers={"Authorization": f"Bearer {token}"})


def stored(store, family="PageViews"):
    return [dict(value) for _, columns in store.family(family).get_range(column_count=1000)
            for value in columns.values()]


def is_problem(answer, status, detail):
    told = answer.json
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    assert detail in told["detail"]
    return True


def test_events_are_stored_and_each_has_its_result(client, store, token):
    paid = {"event": "paid", "props": {"plan": "pro"}, "time": "2026-01-02T07:30:00Z", "id": "7", "visitor": "u-7"}
    answer = send(client, token, {"url": PAGE, "ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}, BAD, paid)
    assert (answer.status_code, answer.json) == (
        200, {"results": [STORED, REFUSED, STORED], "stored": 2, "refused": 1})
    assert answer.headers["Cache-Control"] == "no-store"
    (view,), (event,) = stored(store), stored(store, "Events")
    assert (view["url"], view["ip"], view["user_agent"], len(view["visitor"])) == (PAGE, "192.0.2.0", "Mozilla/5.0", 8)
    assert (event["event"], event["props"], event["url"]) == ("paid", {"plan": "pro"}, "")
    assert store.family("Events").get_count("20260102.blog") == 1
    assert [dict(step) for _, step in store.family("Visitors").xget("202601.blog")] == [{"url": "", "event": "paid"}]


def test_one_visitor_of_page_and_server_is_one(client, store, token):
    client.get(f"/a.gif?id=blog&url={PAGE}", headers={"User-Agent": BROWSER},
               environ_base={"REMOTE_ADDR": "192.0.2.7"})
    send(client, token, {"event": "paid", "ip": "192.0.2.7", "user_agent": BROWSER})
    assert stored(store)[0]["visitor"] == stored(store, "Events")[0]["visitor"]


def test_all_or_nothing_stores_nothing_if_one_event_is_bad(client, store, token):
    answer = send(client, token, GOOD, BAD, GOOD, all_or_nothing=True)
    assert is_problem(answer, 400, "1 of 3 events are refused, so none was stored")
    not_stored = {"status": "not stored"}
    assert (answer.json["results"], answer.json["stored"], answer.json["refused"]) == (
        [not_stored, REFUSED, not_stored], 0, 1)
    assert stored(store) == []
    assert send(client, token, GOOD, GOOD, all_or_nothing=True).json["stored"] == 2
    assert len(stored(store)) == 2


def test_events_that_are_all_bad_are_answered_without_the_store(client, store, token):
    assert send(client, token, BAD, BAD).json == {"results": [REFUSED] * 2, "stored": 0, "refused": 2}


def test_a_batch_that_is_sent_again_changes_nothing(client, store, token):
    batch = [{"url": f"{PAGE}/{number}", "time": "2026-01-02T07:30:00Z", "id": str(number), "visitor": "v"}
             for number in range(500)]
    for _ in range(3):
        assert send(client, token, *batch).json == {"results": [STORED] * 500, "stored": 500, "refused": 0}
    assert {view["url"] for view in stored(store)} == {event["url"] for event in batch}
    assert [store.family(family).get_count(key) for family, key in (
        ("PageViews", "20260102.blog"), ("Visitors", "202601.blog"))] == [500, 500]


# ----- who may send


@pytest.mark.parametrize("header, challenge", [
    (None, 'Bearer realm="footfall"'),
    ("Basic b3duZXI6eA==", 'Bearer realm="footfall"'),
    ("Bearer", 'Bearer realm="footfall", error="invalid_token"'),
    ("Bearer ", 'Bearer realm="footfall", error="invalid_token"'),
    ("Bearer ff_" + "A" * 43, 'Bearer realm="footfall", error="invalid_token"'),
    ("Bearer short", 'Bearer realm="footfall", error="invalid_token"'),
    ("Bearer \xff\xfe", 'Bearer realm="footfall", error="invalid_token"'),
])
def test_who_shows_no_token_or_a_wrong_one_is_refused(client, store, token, header, challenge):
    for query in ("", f"?token={token}&access_token={token}"):
        answer = client.post(EVENTS + query, json={"events": [GOOD]},
                             headers={} if header is None else {"Authorization": header})
        assert is_problem(answer, 401, "token")
        assert answer.headers["WWW-Authenticate"] == challenge
    assert stored(store) == []


def test_unknown_malformed_expired_and_removed_tokens_get_the_same_answer(app, client, store):
    accounts.add(store, "other")
    (expired, kept), (removed, gone) = (tokens.add(store, "other", days=1) for _ in range(2))
    past = kept._replace(expires=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())._asdict()
    store.family("Tokens").insert("tokens", {past.pop("hash"): past})
    tokens.remove(store, gone.id)
    answers = [send(client, text, GOOD) for text in (expired, removed, "ff_" + "A" * 43, "ff_" + "A" * 4000, "x")]
    assert len({(answer.status_code, answer.data, str(answer.headers)) for answer in answers}) == 1
    assert is_problem(answers[0], 401, "the token is unknown, or has expired")


def test_a_token_is_good_for_its_site_alone(client, store, token):
    accounts.add(store, "other")
    answer = send(client, token, {**GOOD, "site": "other"}, {**GOOD, "site": "blog"})
    assert answer.json["results"] == [{"status": "refused", "reason": "site: not the token's"}, STORED]
    assert store.family("PageViews").get_count(f"{datetime.now(UTC):%Y%m%d}.other") == 0


@pytest.mark.parametrize("change, detail", [
    ({"site": "gone"}, "the token's site is no more"),
    ({"scope": "stats"}, "the token is not one for events"),
])
def test_a_token_of_no_site_or_for_something_else_is_forbidden(client, store, token, change, detail):
    text, made = tokens.add(store, "blog")
    changed = {**made._asdict(), **change}
    store.family("Tokens").insert("tokens", {changed.pop("hash"): changed})
    answer = send(client, text, GOOD)
    assert is_problem(answer, 403, detail)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="footfall", error="insufficient_scope"'


def test_no_page_of_another_site_is_asked_about_and_none_is_let_in_by_a_cookie(client, store, token):
    headers = {"Authorization": f"bearer {token}", "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = client.post(EVENTS, json={"events": [GOOD]}, headers=headers)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    asked = client.options(EVENTS, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert not [name for name, _ in asked.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("body, content_type, status, detail", [
    ('{"events": [{"url": "x"}]}', "text/plain", 415, "content-type: must be application/json"),
    ('{"events": [{"url": "x"}]}', None, 415, "content-type"),
    ('{"events": [{"url": "x"}]', "application/json", 400, "body: "),
    ('{"events": []}', "application/json", 400, "body: 0 events"),
    (json.dumps({"events": [GOOD] * 501}), "application/json; charset=utf-8", 413, "body: 501 events"),
    (" " * (1 << 20) + "{}", "application/json", 413, "body: longer than 1048576 bytes"),
])
def test_what_is_no_batch_is_refused_whole(client, store, token, body, content_type, status, detail):
    answer = client.post(EVENTS, data=body, content_type=content_type, headers={"Authorization": f"Bearer {token}"})
    assert is_problem(answer, status, detail)
    assert stored(store) == []


# ----- a store that is away


def test_a_store_that_is_away_gives_503_and_takes_nothing(app, client, store, token, monkeypatch):
    def away(mutations):
        raise StoreUnavailable("the disk is full")

    collector = app.extensions["footfall"]
    collector.store()
    with monkeypatch.context() as patch:
        patch.setattr(collector.store(), "apply", away)
        answer = send(client, token, GOOD, BAD)
        assert is_problem(answer, 503, "nothing was taken")
        assert answer.headers["Retry-After"] == "5"
        assert b"disk" not in answer.data
    assert send(client, token, GOOD, BAD).json["stored"] == 1
    assert len(stored(store)) == 1


def test_metrics_count_events_by_what_became_of_them(client, token):
    def counted():
        lines = client.get("/metrics").text.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines
                if line.startswith(("footfall_hits_total", "footfall_cut_fields_total"))}

    before = counted()
    send(client, token, {"url": "x" * 3000}, GOOD, BAD, {"colour": 1})
    client.post(EVENTS)
    more = {name: value - before.get(name, 0) for name, value in counted().items() if value != before.get(name, 0)}
    assert more == {'footfall_hits_total{reason="",result="stored"}': 2,
                    'footfall_hits_total{reason="url",result="refused"}': 1,
                    'footfall_hits_total{reason="body",result="refused"}': 1,
                    'footfall_hits_total{reason="token",result="refused"}': 1,
                    'footfall_cut_fields_total{field="url"}': 1}


class Cluster(MemoryStore):
    """Nodes that may be away."""

    is_away = False

    def family(self, name):
        if self.is_away:
            raise StoreUnavailable("away")
        return super().family(name)

    def node_starts(self):
        return {0: 1}

    def quorum(self):
        return 1


def test_with_an_outbox_events_are_taken_while_the_cluster_is_away_and_each_counts_once(settings_of, monkeypatch):
    cluster = Cluster()
    monkeypatch.setattr("footfall.collect.collector.open_store", lambda config: cluster)
    accounts.add(cluster, "blog")
    token, _ = tokens.add(cluster, "blog")
    settings = settings_of(store="cassandra://127.0.0.1/footfall")
    app = create_app(settings)
    client = app.test_client()
    batch = [{"url": f"{PAGE}/{number}", "time": 1_767_340_800_000, "id": str(number), "visitor": "v"}
             for number in range(20)]
    assert send(client, token, *batch[:10]).json["stored"] == 10
    cluster.is_away = True
    app.extensions["footfall.api"]._clock = lambda: 1e9
    assert send(client, token, *batch).json["stored"] == 20
    assert is_problem(send(client, "ff_" + "A" * 43, GOOD), 503, "nothing was taken")
    # One that starts now knows the sites from the outbox, but no token.
    assert is_problem(send(create_app(settings).test_client(), token, GOOD), 503, "nothing was taken")
    cluster.is_away = False
    outbox = app.extensions["footfall"].outbox()
    assert outbox.status().waiting == 30
    forwarder = Forwarder(outbox, cluster, 60, threading.Event())
    until(lambda: not forwarder.step() and outbox.status().waiting == 0)
    assert [cluster.family(family).get_count(key) for family, key in (
        ("PageViews", "20260102.blog"), ("Visitors", "202601.blog"))] == [20, 20]
    outbox.close()


# ----- the real server


@pytest.mark.ours
def test_a_killed_server_lost_no_event_and_has_each_once_and_no_file_has_the_token(tmp_path):
    """Batches are sent again from the first while the server is killed, three times, and then once more."""
    data, log = tmp_path / "data", tmp_path / "access.log"
    footfall(data, "site", "add", "blog")
    token = footfall(data, "token", "add", "--site", "blog").stdout.split()[-1]
    batches = [[{"url": f"{PAGE}/{batch}/{number}", "time": 1_767_340_800_000 + number, "id": f"{batch}.{number}"}
                for number in range(100)] for batch in range(30)]
    acknowledged = set()
    server = Server(data, access_log=log)
    for kill_at in (5, 15, 25):
        reached = threading.Event()
        killer = threading.Thread(target=lambda reached=reached: reached.wait() and server.kill())
        killer.start()
        try:
            for number, batch in enumerate(batches):
                if number == kill_at:
                    reached.set()
                assert post(server, token, batch) == 100
                acknowledged |= {event["url"] for event in batch}
        except (OSError, http.client.HTTPException):
            pass
        finally:
            reached.set()
            killer.join()
        assert len(acknowledged) >= kill_at * 100
        assert acknowledged <= set(stored_urls(data))
        server.start()
    with server:
        assert post(server, "ff_" + "A" * 43, batches[0]) is None
        assert [post(server, token, batch) for batch in batches] == [100] * 30
        printed = server.stop()
    assert sorted(stored_urls(data)) == sorted(event["url"] for batch in batches for event in batch)
    assert {f'POST {EVENTS} HTTP/1.1" {status}' in log.read_text() for status in (200, 401)} == {True}
    secret = token.removeprefix("ff_")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert secret not in printed


def stored_urls(data):
    with open_store(f"sqlite:///{data}/footfall.db") as store:
        return [view["url"] for _, view in store.family("PageViews").xget("20260102.blog")]


def post(server, token, batch):
    """Send a batch; returns how many the server says are stored, or ``None`` if it says something else."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request("POST", EVENTS, json.dumps({"events": batch}), {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        return json.loads(connection.getresponse().read()).get("stored")


def test_the_token_is_in_no_message_that_is_logged(app, client, store, token, caplog, monkeypatch):
    def away(mutations):
        raise StoreUnavailable("the disk is full")

    # It logs one failure a second, and the test before may have had one.
    monkeypatch.setattr("footfall.collect.collector._tell", _Seldom())
    with caplog.at_level(logging.DEBUG):
        send(client, token, GOOD, BAD)
        send(client, token + "x", GOOD)
        monkeypatch.setattr(app.extensions["footfall"].store(), "apply", away)
        assert send(client, token, GOOD).status_code == 503
    assert "503" in caplog.text
    assert token not in caplog.text
