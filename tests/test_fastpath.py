"""The short way answers as the long way does, and leaves alone what is not for it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import accounts, config, timeuuid
from footfall.app import create_app
from footfall.collect import fastpath
from footfall.collect.collector import Collector
from footfall.errors import StoreUnavailable
from footfall.stores.memory import MemoryStore
from tests.browsers import browsers
from tests.waiting import until

PAGE = "http://blog.example.com/"
BROWSER = next(agent for agent, _ in browsers())


class Immediate:
    """A writer without threads: what it is given is in ``events`` at once."""

    def __init__(self):
        self.events = []
        self.error = None

    def commit(self, events):
        if self.error:
            raise self.error
        self.events += events


def new_collector(data):
    """A collector that knows the site blog."""
    collector = Collector(config.load({"data": str(data)}, environ={}))
    collector._opened = MemoryStore()
    accounts.add(collector._opened, "blog")
    collector.writer = Immediate()
    # What is asked of the store once: the accounts, and today's salt.
    assert "blog" in collector.policy.accounts
    collector.take_view(b"id=blog&url=x", {}, "")
    collector.writer.events.clear()
    return collector


@pytest.fixture
def collector(tmp_path):
    return new_collector(tmp_path)


@pytest.fixture
def client(settings_of, collector):
    app = create_app(settings_of())
    app.extensions["footfall"] = collector
    return app.test_client()


def get(path, *headers, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: h", *headers, "", ""]).encode("latin-1")


def post(body, *headers):
    return get("/e", f"Content-Length: {len(body)}", *headers, method="POST") + body


def parsed(response):
    """(status, headers, body) of response bytes."""
    head, _, body = response.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


HITS = [
    f"id=blog&url={PAGE}&title=Hi", f"id=blog&url={PAGE}%C3%A9&ref=x", f"id=blog&url={PAGE}%ff", f"url={PAGE}",
    "id=blog", f"id=a%20b&url={PAGE}", f"id=blog&url={PAGE}{'x' * 3000}", "id=blog&url=%00", "", "&&&=&",
    f"id=blog&id=x&url={PAGE}",
]
BODIES = [
    json.dumps({"id": "blog", "url": PAGE}).encode(),
    json.dumps([{"id": "blog", "url": PAGE, "event": "e", "props": {"n": 1}}] * 3).encode(),
    b"", b"{", b"[]", b'{"id": "blog"}', b"\xff", json.dumps([{"id": "blog", "url": PAGE}] * 51).encode(),
]
ALIKE = ("Content-Type", "Cache-Control", "X-Footfall", "Access-Control-Allow-Origin",
         "Cross-Origin-Resource-Policy")
HEADERS = ("User-Agent: Caf\xc3\xa9/1", "Accept-Language: de-CH,en", "X-Real-IP: 203.0.113.9")


def both_ways(collector, client, request, long_way):
    """What each way answers and stores: (status, headers that matter, body), [fields of the events]."""
    answers = []
    for go in (lambda: parsed(fastpath.serve(request, collector, "127.0.0.1").response), long_way):
        collector.writer.events = []
        status, headers, body = go()
        kept = {name: value for name, value in headers.items() if name in ALIKE}
        answers.append((status, kept, body, [(event.family, event.account, event.fields)
                                             for event in collector.writer.events]))
    return answers


@pytest.mark.parametrize("query", HITS)
def test_a_hit_is_answered_and_stored_alike_both_ways(collector, client, query):
    def long_way():
        headers = dict(header.split(": ", 1) for header in HEADERS)
        answer = client.get(f"/a.gif?{query}", headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"})
        return answer.status_code, answer.headers, answer.data

    short, long = both_ways(collector, client, get(f"/a.gif?{query}", *HEADERS), long_way)
    assert short == long


AGENTS = (BROWSER, "", "curl/8.5.0", "Googlebot/2.1 (+http://www.google.com/bot.html)")
OBJECTIONS = ("DNT: 1", "Sec-GPC: 1", "DNT: 0")


@pytest.mark.parametrize("headers, family", [
    *((f"User-Agent: {agent}", "Filtered" if agent != BROWSER else "PageViews") for agent in AGENTS),
    *((objection, None if objection.endswith("1") else "PageViews") for objection in OBJECTIONS),
])
@pytest.mark.parametrize("request_", [get(f"/a.gif?id=blog&url={PAGE}"), post(BODIES[0])])
def test_a_hit_is_kept_apart_or_declined_alike_both_ways(collector, client, request_, headers, family):
    headers = [("User-Agent", BROWSER)] * (not headers.startswith("User")) + [tuple(headers.split(": ", 1))]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
    method, path, _ = request_.decode().split(" ", 2)

    def long_way():
        body = request_.partition(b"\r\n\r\n")[2]
        answer = client.open(path, method=method, data=body, headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"})
        return answer.status_code, answer.headers, answer.data

    short, long = both_ways(collector, client, request_.replace(b"\r\n", b"\r\n" + lines, 1), long_way)
    long[1].pop("Content-Type", None) if long[0] == 204 else None
    assert short == long
    assert [each for each, *_ in short[3]] == ([family] if family else [])


@pytest.mark.parametrize("body", BODIES)
def test_a_post_is_answered_and_stored_alike_both_ways(collector, client, body):
    def long_way():
        answer = client.post("/e", data=body, headers={"User-Agent": "A/1"}, environ_base={"REMOTE_ADDR": "127.0.0.1"})
        return answer.status_code, answer.headers, answer.data

    short, long = both_ways(collector, client, post(body, "User-Agent: A/1"), long_way)
    # Flask names its own type for an answer that has no body.
    long[1].pop("Content-Type", None) if long[0] == 204 else None
    assert short == long


def test_the_day_s_first_hit_is_left_alone_for_its_salt_is_the_stores_to_give(collector):
    tomorrow = collector.clock.ticks() + 86_400 * timeuuid.TICKS_PER_SECOND
    collector.clock = timeuuid.Clock(lambda: tomorrow * 100)
    assert fastpath.serve(get("/a.gif?id=blog&url=x"), collector, "") is None
    assert collector.take_view(b"id=blog&url=x", {}, "").status == 200
    assert fastpath.serve(get("/a.gif?id=blog&url=x"), collector, "").response.startswith(b"HTTP/1.1 200")


def test_a_post_is_told_the_time_that_its_events_were_named_by(collector, client):
    collector.clock = timeuuid.Clock(lambda: 1_767_340_800_123_000_000)
    collector.take_view(b"id=blog&url=x", {}, "")
    _, short, _ = parsed(fastpath.serve(post(BODIES[0]), collector, "127.0.0.1").response)
    long = client.post("/e", data=BODIES[0]).headers
    for headers in (short, long):
        assert headers["X-Footfall-Time"] == "1767340800123"
        assert "X-Footfall-Time" in headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("data", [
    b"", b"GET ", b"GET /a.gif?id=blog", get("/a.gif?id=blog&url=x")[:-1], get("/"), get("/a.js?id=blog"),
    get("/a.gifx?id=blog&url=x"), get("/a.gif?id=nobody&url=x"), get("/a.gif?id=blog&url=x").replace(b"1.1", b"1.0"),
    get("/a.gif?id=blog&url=x", "Transfer-Encoding: chunked"), get("/a.gif?id=blog&url=x", "Expect: 100-continue"),
    get("/a.gif?id=blog&url=x", "Upgrade: websocket", "Connection: Upgrade"),
    get("/a.gif?id=blog&url=x", "Content-Length: 3") + b"abc", get("/a.gif?id=blog&url=x", "Content-Length: -1"),
    get("/a.gif?id=blog&url=x", "Content-Length: 1", "Content-Length: 2"), get("/a.gif?id=blog&url=x", "no colon"),
    get("/a.gif?id=blog&url=x", "Bad Name : x"), post(BODIES[0])[:-1], post(b"")[:-2],
    post(b'{"id": "nobody", "url": "x"}'), get("/a.gif?id=blog&url=x").replace(b"\r\n", b"\n"),
])
def test_what_is_not_for_it_is_left_alone(collector, data):
    assert fastpath.serve(data, collector, "127.0.0.1") is None
    assert collector.writer.events == []


def test_a_head_request_is_answered_without_body_and_counts_nothing(collector):
    status, headers, body = parsed(fastpath.serve(get("/a.gif?id=blog&url=x", method="HEAD"), collector, "").response)
    assert (status, headers["Content-Length"], body) == (200, "43", b"")
    assert collector.writer.events == []


def test_only_the_first_request_of_several_is_taken(collector):
    one, two = get("/a.gif?id=blog&url=1"), get("/a.gif?id=blog&url=2", "Connection: close")
    served = fastpath.serve(one + two, collector, "")
    assert (served.length, served.close) == (len(one), False)
    assert [event.fields["url"] for event in collector.writer.events] == ["1"]
    assert fastpath.serve(two, collector, "").close


def test_what_cannot_be_stored_now_is_503(collector):
    collector.writer.error = StoreUnavailable("the disk is full")
    status, headers, body = parsed(fastpath.serve(get("/a.gif?id=blog&url=x"), collector, "").response)
    assert (status, headers["Retry-After"], b"disk" in body) == (503, "5", False)


def test_a_removed_account_is_left_alone_once_the_list_was_read_again(collector):
    known = collector.policy.accounts
    accounts.remove(collector.store(), "blog", with_events=False)
    later = known._clock() + 11
    known._clock = lambda: later
    until(lambda: fastpath.serve(get("/a.gif?id=blog&url=x"), collector, "") is None)


@pytest.fixture(scope="module")
def one_collector(tmp_path_factory):
    return new_collector(tmp_path_factory.mktemp("fast"))


@given(junk=st.binary(max_size=200), cut=st.integers(0, 120))
def test_any_bytes_are_served_or_left_alone(one_collector, junk, cut):
    whole = get("/a.gif?id=blog&url=http://a.example/", *HEADERS) + post(BODIES[0])
    for data in (junk, whole[:cut] + junk, whole[:cut] + junk + whole[cut:]):
        served = fastpath.serve(data, one_collector, "192.0.2.1")
        assert served is None or (served.length <= len(data) and served.response.startswith(b"HTTP/1.1 "))
