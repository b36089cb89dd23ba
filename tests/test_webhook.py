"""Webhooks: what is posted to a real server, signed, and where nothing is posted to."""

import contextlib
import hashlib
import hmac
import ipaddress
import json
import re
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from footfall import accounts
from footfall.errors import DeliveryError, DeliveryRefused, UsageError
from footfall.mailing import deliveries, subscriptions, webhooks
from footfall.mailing.destinations import destination
from footfall.mailing.herald import Herald
from footfall.reports.cache import open_cache
from tests.servers import Server, footfall
from tests.test_mail import LONG_AGO, NOW, subscribe
from tests.waiting import until


class Hook(ThreadingHTTPServer):
    """A server that keeps what is posted, and answers with the statuses it is told, the last one again and again."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.posts = [200], []

    @property
    def port(self):
        return self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, self.headers, body))
        status = self.server.statuses[0] if len(self.server.statuses) == 1 else self.server.statuses.pop(0)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.port}/elsewhere")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def running(hook):
    thread = threading.Thread(target=hook.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hook
    finally:
        hook.shutdown()
        hook.server_close()
        thread.join()


@pytest.fixture
def hook():
    with running(Hook()) as found:
        yield found


def test_what_is_posted_is_signed_with_the_time(hook):
    webhooks.post(f"http://127.0.0.1:{hook.port}/in?key=1", "secret", {"site": "blog", "ü": 1}, anywhere=True)
    ((path, headers, body),) = hook.posts
    assert (path, headers["Content-Type"]) == ("/in?key=1", "application/json")
    assert json.loads(body) == {"site": "blog", "ü": 1}
    at, signature = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Footfall-Signature"]).groups()
    assert abs(int(at) - time.time()) < 60
    assert signature == hmac.new(b"secret", f"{at}.".encode() + body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("statuses, posts, error", [
    ([200], 1, None), ([204], 1, None), ([500, 429, 200], 3, None), ([500], 3, "answered 500"),
    ([302], 3, "answered 302"), ([404], 3, "answered 404"),
])
def test_it_is_posted_three_times_at_most_and_no_redirect_is_followed(hook, statuses, posts, error):
    hook.statuses, waits = list(statuses), []
    with pytest.raises(DeliveryError, match=error) if error else contextlib.nullcontext():
        webhooks.post(f"http://localhost:{hook.port}/", "s", {}, anywhere=True, wait=waits.append)
    assert [path for path, _, _ in hook.posts] == ["/"] * posts
    assert waits == list(webhooks.BACKOFF_SECONDS)[:posts - 1]


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "https://10.0.0.1:{port}/",
    "https://192.168.1.1/", "https://169.254.169.254/latest", "https://[fe80::1]/", "https://[fd00::1]/",
    "https://[::ffff:127.0.0.1]/", "https://0.0.0.0/", "https://2130706433/", "https://127.1/", "https://localhost/",
])
def test_nothing_is_posted_to_an_address_that_is_not_public(hook, url):
    with pytest.raises(DeliveryRefused, match="is not public; FOOTFALL_WEBHOOK_ADDRESSES=any"):
        webhooks.post(url.replace("{port}", str(hook.port)), "s", {})
    assert hook.posts == []


@pytest.mark.parametrize("address, public", [
    ("93.184.216.34", True), ("2606:2800:220:1:248:1893:25c8:1946", True), ("127.0.0.1", False), ("10.1.2.3", False),
    ("100.64.0.1", False), ("172.16.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False),
    ("240.0.0.1", False), ("::1", False), ("::", False), ("fec0::1", False), ("ff0e::1", False),
    ("::ffff:10.0.0.1", False), ("2002:7f00:1::", False), ("64:ff9b::a00:1", False), ("64:ff9b::5db8:d822", True),
])
def test_which_addresses_are_public(address, public):
    assert webhooks.is_public(ipaddress.ip_address(address)) is public


def test_every_address_of_a_host_is_looked_at_and_the_one_looked_at_is_asked(hook, monkeypatch):
    def resolve(host, port, **_):
        return [(2, 1, 6, "", ("93.184.216.34", port)), (2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(webhooks.socket, "getaddrinfo", resolve)
    with pytest.raises(DeliveryRefused, match=r"webhook at hooks\.example\.com: 127\.0\.0\.1 is not public"):
        webhooks.post("https://hooks.example.com/", "s", {})


@pytest.mark.parametrize("url, message", [
    ("http://hooks.example.com/", "must begin with https://"),
    ("ftp://hooks.example.com/", "must begin with https://"),
    ("http://localhost.example.com/", "must begin with https://"),
    ("https:///path", "must be a URL"), ("https://[::1/", "must be a URL"), ("https://a.example:x/", "must be a URL"),
    ("https://a.example/\r\nHost: b", "must be a URL"), ("https://ä.example/", "must be a URL"),
    ("https://user:pass@hooks.example.com/", "must have no login"),
])
def test_what_cannot_be_a_webhook_is_refused(url, message):
    with pytest.raises(UsageError, match=message) as refused:
        webhooks.check_url(url)
    assert "pass@" not in str(refused.value)


def test_a_certificate_is_checked_against_the_hosts_name(hook, tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    hook.socket = context.wrap_socket(hook.socket, server_side=True)
    never = {"anywhere": True, "wait": lambda seconds: None}
    with pytest.raises(DeliveryError, match="certificate verify failed"):
        webhooks.post(f"https://localhost:{hook.port}/", "s", {}, **never)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    webhooks.post(f"https://localhost:{hook.port}/", "s", {}, **never)
    with pytest.raises(DeliveryError, match="certificate"):
        webhooks.post(f"https://127.0.0.1:{hook.port}/", "s", {}, **never)
    assert len(hook.posts) == 1


def test_who_answers_a_byte_at_a_time_is_cut_off(monkeypatch):
    class Slow(_Handler):
        def do_POST(self):
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"H")
                    time.sleep(0.02)

    monkeypatch.setattr(webhooks, "TIMEOUT_SECONDS", 0.3)
    slow = Hook()
    slow.RequestHandlerClass = Slow
    with running(slow), pytest.raises(DeliveryError):
        webhooks.post(f"http://127.0.0.1:{slow.port}/", "s", {}, anywhere=True, wait=lambda seconds: None)


def test_a_report_is_posted_once_with_its_numbers(hook, settings_of, store):
    accounts.add(store, "blog")
    config = settings_of(webhook_addresses="any")
    url = f"http://127.0.0.1:{hook.port}/"
    made = subscribe(store, to="", webhook=url, created=LONG_AGO)
    for _ in range(2):
        list(Herald(config, open_cache(config, store)).send_due(accounts.find(store, "blog"), NOW))
    ((_, headers, body),) = hook.posts
    told = json.loads(body)
    assert (told["id"], told["type"], told["period"]) == (f"blog.{made.id}.2026-W47.webhook", "report", "2026-W47")
    assert told["numbers"]["views"] == {"now": 0, "before": 0}
    at = int(re.match(r"t=(\d+)", headers["Footfall-Signature"])[1])
    assert headers["Footfall-Signature"] == webhooks.sign(made.destination.secret, body, at)


def test_a_server_without_mail_posts_what_is_due(hook, settings_of, store, tmp_path):
    accounts.add(store, "blog")
    subscribe(store, to="", webhook=f"http://127.0.0.1:{hook.port}/", created=LONG_AGO)
    with Server(tmp_path / "data", webhook_addresses="any") as running:
        until(lambda: hook.posts)
        running.stop()
    assert len(hook.posts) == 1


def test_an_address_that_nothing_is_posted_to_is_recorded(settings_of, store):
    accounts.add(store, "blog")
    made = subscriptions.add(store, "blog", destination(webhook="https://127.0.0.1/"), "week")
    config = settings_of()
    herald = Herald(config, open_cache(config, store))
    (attempt,) = herald.send_now(accounts.find(store, "blog"), made, NOW)
    assert "is not public" in attempt.problem
    assert deliveries.latest(store, "blog", made.id).state == "refused"


def test_a_secret_is_shown_once_and_never_listed(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    added = footfall(tmp_path, "mail", "add", "--site", "blog", "--webhook", "https://hooks.example.com/").stdout
    (secret,) = re.findall("shown only now: (ffwh_[A-Za-z0-9_-]{32})", added)
    listed = footfall(tmp_path, "mail", "list").stdout
    assert ("https://hooks.example.com/" in listed, secret in listed) == (True, False)
