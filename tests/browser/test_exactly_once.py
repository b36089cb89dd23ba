"""Whatever becomes of the network, each event is stored once: real pages, real server, real store."""

import contextlib
import socket
import threading

import pytest

from footfall.collect.forwarder import Forwarder
from footfall.collect.outbox import Outbox
from footfall.stores import open_store
from tests.browser.conftest import wait_for
from tests.servers import Nginx, Server, count_all, footfall
from tests.waiting import until

pytestmark = pytest.mark.needs("chromium")


def stored(server):
    """The titles of the views that are stored, and what other events are, in order of their names."""
    with open_store(server.settings.get("store", f"sqlite:///{server.data}/footfall.db")) as opened:
        views, events = ([dict(value) for _, columns in opened.family(family).get_range(column_count=1000)
                          for value in columns.values()] for family in ("PageViews", "Events"))
    return (sorted(view["title"] for view in views),
            sorted(event["event"] + event.get("props", {}).get("n", "") for event in events
                   if event["event"] != "engagement"))


class Network:
    """A TCP proxy on the way to a port that can fail: by refusing connections, or by swallowing what is answered."""

    def __init__(self, port):
        self.to = port
        self.swallows = False
        self.swallowed = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            try:
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            with server:
                threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
                # A page that is left resets its connections.
                with contextlib.suppress(OSError):
                    while answer := server.recv(65536):
                        if self.swallows:
                            self.swallowed += 1
                            return
                        client.sendall(answer)

    @staticmethod
    def _pump(client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass


@pytest.fixture
def server(tmp_path):
    footfall(tmp_path / "data", "site", "add", "blog")
    count_all(tmp_path / "data")
    with Server(tmp_path / "data") as server:
        yield server


@pytest.fixture
def network(server):
    network = Network(server.port)
    yield network
    network.close()


@pytest.fixture
def blog(recorder, network):
    """The address of four pages, whose events go to footfall through the network."""
    put_pages(recorder, network)
    return recorder.url


def put_pages(recorder, network):
    """Have four pages served whose events go through a network."""
    for name in ("one", "two", "three", "four"):
        recorder.pages[f"/{name}"] = (
            f"<!doctype html><head><title>{name}</title><script async src='/a.js' data-id='blog' "
            f"data-api='http://stats.example.com:{network.port}/e'></script></head>")


def is_queue_empty(page):
    return page.evaluate("Object.keys(localStorage).every(key => !key.startsWith('footfall:'))")


def test_a_server_that_was_away_for_two_pages_has_each_event_once_when_it_is_back(page, blog, server):
    server.stop()
    for name in ("one", "two"):
        page.goto(f"{blog}/{name}")
        page.wait_for_function("!!window.footfall")
        page.evaluate(f"footfall('read', {{n: '{name}'}})")
    server.start()
    page.goto(f"{blog}/three")
    wait_for(page, lambda: is_queue_empty(page))
    assert stored(server) == (["one", "three", "two"], ["readone", "readtwo"])
    assert page.problems == []


def test_a_server_that_cannot_store_for_a_while_has_each_event_once_from_the_page_that_is_open(page, recorder):
    for name in ("one", "two"):
        recorder.pages[f"/{name}"] = f"<title>{name}</title><script src='/a.js' data-id='blog'></script>"
    recorder.answer, recorder.retry_after = lambda events: 503, 1
    page.goto(f"{recorder.url}/one")
    wait_for(page, lambda: len(recorder.posts) >= 2)
    recorder.answer = lambda events: 204
    wait_for(page, lambda: is_queue_empty(page))
    assert len({event["eid"] for event in recorder.events}) == 1
    assert [event.get("retry", False) for event in recorder.events] == [False] + [True] * (len(recorder.posts) - 1)
    ages = [event["age"] for event in recorder.events]
    assert ages == sorted(ages)
    assert ages[-1] >= 1000


@pytest.mark.parametrize("status", [400, 404, 413])
def test_what_the_server_refuses_for_good_is_not_sent_again(page, recorder, status):
    recorder.pages["/one"] = "<title>one</title><script src='/a.js' data-id='blog'></script>"
    recorder.answer = lambda events: status if "event" in events[0] else 204
    page.goto(f"{recorder.url}/one")
    page.wait_for_function("!!window.footfall")
    page.evaluate("footfall('bad')")
    page.evaluate("footfall('bad')")
    wait_for(page, lambda: len(recorder.posts) == 3 and is_queue_empty(page))
    assert [len(post) for post in recorder.posts] == [1, 1, 1]


def test_events_whose_answer_was_lost_are_stored_once(page, blog, server, network):
    network.swallows = True
    page.goto(f"{blog}/one")
    page.wait_for_function("!!window.footfall")
    page.evaluate("footfall('read', {n: '1'})")
    wait_for(page, lambda: network.swallowed >= 2)
    page.goto(f"{blog}/two")
    wait_for(page, lambda: network.swallowed >= 4)
    assert stored(server)[0] == ["one", "two"]
    network.swallows = False
    page.goto(f"{blog}/three")
    wait_for(page, lambda: is_queue_empty(page))
    assert stored(server) == (["one", "three", "two"], ["read1"])


def test_a_browser_that_was_offline_sends_when_it_is_online_again(context, page, blog, server):
    page.goto(f"{blog}/one")
    wait_for(page, lambda: is_queue_empty(page))
    context.set_offline(True)
    for number in range(15):
        page.evaluate(f"history.pushState({{}}, '', '/{number}'); document.title = '{number:02}'")
        page.wait_for_timeout(20)
    assert stored(server)[0] == ["one"]
    context.set_offline(False)
    wait_for(page, lambda: is_queue_empty(page))
    assert stored(server)[0] == [f"{number:02}" for number in range(15)] + ["one"]


def test_a_tab_that_is_closed_at_once_is_counted_once(context, blog, server, recorder):
    for name in ("one", "two", "three"):
        page = context.new_page()
        page.goto(f"{blog}/{name}", wait_until="commit")
        page.wait_for_function("!!window.footfall")
        page.close()
    page = context.new_page()
    page.goto(f"{blog}/four")
    wait_for(page, lambda: is_queue_empty(page))
    assert stored(server)[0] == ["four", "one", "three", "two"]


def test_tabs_share_what_is_left_without_sending_it_twice(context, recorder):
    recorder.pages["/"] = "<title>tab</title><script src='/a.js' data-id='blog' data-local></script>"
    url = f"http://localhost:{recorder.port}/"
    recorder.answer = lambda events: 503
    first = context.new_page()
    first.goto(url)
    for number in range(5):
        first.evaluate(f"footfall('e{number}')")
    wait_for(first, lambda: recorder.posts)
    first.close()
    until(lambda: any(len(post) > 1 for post in recorder.posts))
    recorder.answer = lambda events: 204
    recorder.posts.clear()
    tabs = [context.new_page() for _ in range(4)]
    assert all(tab.goto(url) for tab in tabs)
    wait_for(tabs[0], lambda: all(is_queue_empty(tab) for tab in tabs))
    assert tabs[0].evaluate("isSecureContext && !!navigator.locks")
    assert sorted(event["event"] for event in recorder.events if event.get("event", "").startswith("e")
                  and event["event"] != "engagement") == [f"e{number}" for number in range(5)]
    assert len(recorder.views()) == 4 + 1


def test_the_queue_is_bounded_in_number_and_in_time(page, recorder):
    recorder.pages |= {"/": "<title>one</title><script src='/a.js' data-id='blog'></script>",
                       "/seed": "<title>s</title>"}
    page.goto(f"{recorder.url}/seed")
    page.evaluate("""() => {
        const now = Date.now()
        const put = (eid, age, id) => localStorage['footfall:' + eid] = JSON.stringify(
            {id, event: 'e', url: 'x', eid, made: now - age, busy: 0, retry: true})
        for (let n = 0; n < 120; n++) put('n' + n, 1000 + n, 'blog')
        put('old', 48 * 3600e3 + 1000, 'blog'); put('other', 1000, 'shop'); localStorage.mine = 'kept' }""")
    page.goto(f"{recorder.url}/")
    wait_for(page, lambda: page.evaluate("Object.keys(localStorage).sort()") == ["footfall:other", "mine"])
    # The view and the newest 99.
    assert {event["eid"] for event in recorder.named("e")} == {f"n{number}" for number in range(99)}


@pytest.mark.needs("nginx", "java", "mvn")
def test_two_collectors_behind_nginx_bring_each_event_once_to_the_cluster(page, recorder, tmp_path, cassandra_url):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<h1>A blog</h1>")
    store = {"store": cassandra_url("two_collectors")}
    footfall(tmp_path / "1", "store", "init", **store)
    footfall(tmp_path / "1", "site", "add", "blog", **store)
    count_all(tmp_path / "1", **store)
    with Server(tmp_path / "1", **store) as one, Server(tmp_path / "2", **store) as two, Nginx(
            tmp_path / "nginx", tmp_path / "site", f"127.0.0.1:{one.port};\nserver 127.0.0.1:{two.port}") as nginx:
        network = Network(nginx.port)
        put_pages(recorder, network)
        network.swallows = True
        page.goto(f"{recorder.url}/one")
        page.wait_for_function("!!window.footfall")
        page.evaluate("footfall('read', {n: '1'})")
        wait_for(page, lambda: network.swallowed >= 4)
        page.goto(f"{recorder.url}/two")
        wait_for(page, lambda: network.swallowed >= 6)
        # Then both are away for a page, and nginx says 502.
        network.swallows = False
        one.stop()
        two.stop()
        page.goto(f"{recorder.url}/three")
        page.wait_for_function("!!window.footfall")
        one.start()
        two.start()
        page.goto(f"{recorder.url}/four")
        wait_for(page, lambda: is_queue_empty(page))
        network.close()
        for server in (one, two):
            server.stop()
            with contextlib.closing(Outbox(server.data / "outbox.db")) as outbox, open_store(store["store"]) as cluster:
                Forwarder(outbox, cluster, 60, threading.Event()).run(lambda outbox=outbox: not outbox.status().waiting)
    assert stored(one) == (["four", "one", "three", "two"], ["read1"])
    with open_store(store["store"]) as cluster:
        # Copies went to both collectors: they are there, marked, and left out.
        assert sum(1 for _, row in cluster.family("PageViews").walk() for _ in row) > 4


@pytest.mark.needs("nginx")
def test_a_blocked_address_is_gone_round_by_paths_of_ones_own(page, tmp_path):
    footfall(tmp_path / "data", "site", "add", "blog")
    count_all(tmp_path / "data")
    paths = {"script_path": "/assets/site.js", "event_path": "/assets/log"}
    site = tmp_path / "site"
    site.mkdir()
    with Server(tmp_path / "data", **paths) as server:
        public_url = f"http://stats.example.com:{server.port}"
        tag = footfall(tmp_path / "data", "site", "tag", "blog", public_url=public_url, **paths).stdout
        (site / "index.html").write_text(f"<!doctype html><title>Hi</title>{tag}")
        page.route(lambda url: url.endswith(("/a.js", "/e")), lambda route: route.abort())
        with Nginx(tmp_path / "nginx", site, server.port) as nginx:
            page.goto(f"http://blog.example.com:{nginx.port}/")
            wait_for(page, lambda: stored(server)[0] == ["Hi"])
