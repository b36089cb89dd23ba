"""nginx alone: deploy/nginx-log.conf itself, and a follower that is killed while everything is rotated."""

import gzip
import http.client
import os
import random
import shutil
import socket
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from footfall import recipes
from footfall.analysis import map_reduce
from footfall.stores import open_store
from tests.servers import Follower, Nginx, Server, count_all, footfall, free_port
from tests.waiting import until

pytestmark = pytest.mark.needs("nginx")

CLIENTS = 4
#: Of a client, between two views. Without it nginx takes many times more than a busy machine then stores in time.
PAUSE_SECONDS = 0.01
HEAD = b"Host: blog.example.com\r\nUser-Agent: Mozilla/5.0\r\n"

#: Requests as they go over the wire, but for the empty line at their end.
HITS = [
    b"GET /a.gif?id=blog&url=http://blog.example.com/ HTTP/1.1\r\n" + HEAD,
    b"GET /a.gif?id=blog&url=x&title=%C3%89t%C3%A9&ref=https%3A%2F%2Fa.example%2F HTTP/1.1\r\n" + HEAD
    + b"Accept-Language: de-CH,de;q=0.9\r\n",
    b"GET /a.gif?id=blog&url=http://blog.example.com/\xc3\xa9 HTTP/1.1\r\n" + HEAD,
    b'GET /a.gif?id=blog&url=x&title="quoted"\\back HTTP/1.1\r\n' + HEAD,
    b"GET /a.gif?id=blog&url=x HTTP/1.1\r\nHost: blog.example.com\r\n",
    b"GET /a.gif?id=blog&url=x HTTP/1.1\r\nHost: blog.example.com\r\nUser-Agent: \r\nAccept-Language:\r\n",
    b"GET /a.gif?id=blog&url=x HTTP/1.1\r\nHost: blog.example.com\r\nUser-Agent: -\r\n",
    b'GET /a.gif?id=blog&url=x HTTP/1.1\r\nHost: b\r\n'
    b'User-Agent: "\\x22\\" \xff\xc3\x28 caf\xc3\xa9 \x01\x1b\x7f\t.\r\n',
    b"GET /a.gif?id=blog&url=x HTTP/1.1\r\nHost: b\r\nUser-Agent: " + b"\\" * 3000 + b"\r\n",
    b"GET /a.gif?id=blog&url=x HTTP/1.1\r\nHost: b\r\nIf-Modified-Since: Mon, 28 Sep 1970 06:00:00 GMT\r\n",
    b"GET /a.gif?id=blog&url=x HTTP/1.1\r\nHost: b\r\nRange: bytes=0-1\r\n",
    b"GET /a.gif?id=blog&url=x&x={%22a%22:%20'%7B%7D'}&%00&;;&= HTTP/1.1\r\n" + HEAD,
    b"GET /a.gif?id=blog&url=" + b"%C3%A9" * 1100 + b" HTTP/1.1\r\n" + HEAD,
    b"GET /a.gif?id=blog&url=x?y?z#part HTTP/1.1\r\n" + HEAD,
    b"HEAD /a.gif?id=blog&url=head HTTP/1.1\r\n" + HEAD,
    b"POST /a.gif?id=blog&url=post HTTP/1.1\r\nContent-Length: 0\r\n" + HEAD,
    b"GET /a.gif HTTP/1.1\r\n" + HEAD,
    b"GET /a.gif?id=nobody&url=x HTTP/1.1\r\n" + HEAD,
    b"GET /a.gif?id=blog&url=%FF HTTP/1.1\r\n" + HEAD,
    b"GET /a.gif?id=blog&url=\xff HTTP/1.1\r\n" + HEAD,
    b"GET /a.gif?id=blog HTTP/1.1\r\n" + HEAD,
]


def send(port, request):
    """Send a request as it is; returns the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request + b"Connection: close\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b""))


def now_give_or_take_a_day():
    now = datetime.now(UTC)
    return now - timedelta(days=1), now + timedelta(days=1)


def stored(url):
    """The fields of every stored view, each as text, and how often it is there; of visitors only that there are."""

    def collect(views):
        return Counter(str(sorted((view | {"visitor": len(view["visitor"])}).items())) for _, _, view in views)

    with open_store(url) as store:
        return map_reduce("blog", *now_give_or_take_a_day(), collect, Counter.__add__, Counter(), store=store)


def views_in(store):
    """Every stored view's URL, and how often it is there."""
    return map_reduce("blog", *now_give_or_take_a_day(), *recipes.views_by_url, Counter(), store=store)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "blog"
    root.mkdir()
    (root / "index.html").write_text("<h1>A blog</h1>")
    return root


@pytest.fixture
def log(tmp_path):
    return tmp_path / "logs" / "footfall.log"


@pytest.fixture
def nginx(tmp_path, root, log):
    log.parent.mkdir()
    with Nginx(tmp_path / "nginx", root, free_port(), "nginx-log.conf", log) as nginx:
        yield nginx


def test_hits_taken_from_nginxs_log_are_those_that_the_server_would_have_taken(tmp_path, nginx, log):
    for name in ("live", "read"):
        footfall(tmp_path / name, "site", "add", "blog")
        count_all(tmp_path / name)
    with Server(tmp_path / "live", ip="full") as server:
        for hit in HITS:
            live, ours = send(server.port, hit), send(nginx.port, hit)
            if b" 200 OK\r\n" in live:
                assert b" 200 OK\r\n" in ours
                headers = [{line.partition(b":")[0]: line for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")}
                           for answer in (live, ours)]
                assert all(headers[0][name] == headers[1][name] for name in (
                    b"Content-Type", b"Content-Length", b"Cache-Control", b"Cross-Origin-Resource-Policy"))
                assert not headers[1].keys() & {b"Last-Modified", b"ETag", b"Expires"}
        server.stop()
    expected = stored(f"sqlite:///{tmp_path}/live/footfall.db")
    assert expected.total() == 14
    with Follower(tmp_path / "read", log, "--format", "beacon", ip="full") as follower:
        until(lambda: stored(f"sqlite:///{tmp_path}/read/footfall.db").total() >= 14)
        said = follower.stop()
    assert stored(f"sqlite:///{tmp_path}/read/footfall.db") == expected
    assert follower.process.returncode == 0
    for line in (f"{len(HITS)} lines read", "14 page-views taken", "2 skipped: method", "2 skipped: url: not UTF-8",
                 "1 skipped: id: missing", "1 skipped: id: unknown account", "1 skipped: url: missing"):
        assert line in said
    again = footfall(tmp_path / "read", "import", "log", str(log), "--format", "beacon", ip="full").stdout
    assert "0 page-views taken" in again
    assert "14 skipped: there already" in again


class Load:
    """Clients that view numbered pages and keep a ledger of those answered; ``pause`` makes them stand still."""

    def __init__(self, port):
        self._port = port
        self._stop = threading.Event()
        self.pause = threading.Lock()
        self.ledger = Counter()
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
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        number = 0
        while not self._stop.is_set():
            number += 1
            url = f"http://blog.example.com/{client}/{number}"
            with self.pause:
                connection.request("GET", f"/a.gif?id=blog&url={url}")
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200
                self.ledger[url] += 1
            self._stop.wait(PAUSE_SECONDS)
        connection.close()


class Rotation:
    """Rotates a log, each time in another way, and keeps all its older files."""

    def __init__(self, log, nginx, load):
        self._log = log
        self._nginx = nginx
        self._load = load
        self._number = 0

    def rename(self):
        old = self._next()
        self._log.rename(old)
        self._nginx.reopen_logs()
        until(self._log.exists)
        return old

    def rename_and_zip(self):
        # A line that nginx writes to the old file when that has been zipped is lost to everyone.
        old = self.rename()
        until(lambda: not self._nginx.has_open(old))
        zipped = old.with_name(old.name + ".gz")
        zipped.write_bytes(gzip.compress(old.read_bytes()))
        shutil.copystat(old, zipped)
        old.unlink()

    def copy_and_truncate(self):
        # A line that is written between the two is lost to everyone, as docs/import.md says.
        with self._load.pause:
            self._settle()
            shutil.copy(self._log, self._next())
            os.truncate(self._log, 0)

    def _next(self):
        self._number += 1
        return self._log.with_name(f"{self._log.name}.{self._number}")

    def _settle(self):
        """Wait until nginx has written down every hit that it has answered."""
        until(lambda: sum(map(lines_in, self._log.parent.iterdir())) == self._load.ledger.total())


def lines_in(path):
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).count(b"\n")


@pytest.mark.parametrize("kind", ["sqlite", "cassandra"])
def test_killed_and_rotated_at_any_moment_every_view_is_stored_once(tmp_path, nginx, log, kind, request):
    settings = {}
    if kind == "cassandra":
        settings["store"] = request.getfixturevalue("cassandra_url")("followed")
        footfall(tmp_path, "store", "init", **settings)
    footfall(tmp_path, "site", "add", "blog", **settings)
    count_all(tmp_path, **settings)
    chance = random.Random(f"{kind} 1")
    with open_store(settings.get("store", f"sqlite:///{tmp_path}/footfall.db")) as store:

        def count():
            first = datetime.now(UTC)
            days = {f"{day:%Y%m%d}.blog" for day in (first - timedelta(hours=1), first)}
            return sum(store.family("PageViews").get_count(day) for day in days)

        with Load(nginx.port) as load:
            rotation = Rotation(log, nginx, load)
            for rotate in (rotation.rename, rotation.copy_and_truncate, rotation.rename_and_zip) * 2:
                while_nobody_follows = chance.random() < 0.5
                with Follower(tmp_path, log, "--format", "beacon", **settings) as follower:
                    before, more = count(), chance.randrange(300)
                    until(lambda before=before, more=more: count() > before + more)
                    if not while_nobody_follows:
                        rotate()
                        if chance.random() < 0.5:
                            before = count()
                            until(lambda before=before: count() > before)
                    follower.kill()
                if while_nobody_follows:
                    rotate()
        with Follower(tmp_path, log, "--format", "beacon", **settings) as follower:
            until(lambda: count() >= load.ledger.total(), 60)
            said = follower.stop()
        assert views_in(store) == load.ledger
    assert "LOST" not in said
    assert "Traceback" not in said
    assert "malformed" not in said
