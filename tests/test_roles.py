"""`footfall serve --role collect` and `--role web`, two servers on one data folder: what each answers and does."""

import json
import re
import subprocess
import threading
from datetime import UTC, datetime, timedelta

import pytest

from footfall import accounts, timeuuid
from footfall.app import create_app
from footfall.pageview import row_key
from footfall.web import roles
from tests.browsers import browsers
from tests.servers import ROOT, Nginx, Server, ask, count_all, fetch, footfall, free_port, log_in

PAGE = "http://blog.example.com/"
PASSWORD = "correct horse battery"
BROWSER = next(agent for agent, _ in browsers())


def make_site(data):
    footfall(data, "site", "add", "blog")
    count_all(data)
    footfall(data, "user", "add", "owner", "--password-stdin", stdin=PASSWORD)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A server of each role, on one data folder."""
    data = tmp_path_factory.mktemp("roles")
    make_site(data)
    with Server(data, role="collect") as collect, Server(data, role="web") as web:
        yield {"collect": collect, "web": web}


def test_every_route_is_answered_by_the_servers_of_its_roles_and_is_404_at_the_others(servers, settings_of):
    routes = create_app(settings_of()).url_map.bind("localhost")
    for path in {re.sub(r"<.*?>", "x", rule.rule) for rule in routes.map.iter_rules()}:
        methods = routes.allowed_methods(path)
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
            # Events are sent to one role, and read from the other, at the same path.
            asked = {routes.match(path, each)[0] for each in ([method] if method in methods else methods)}
            # What is no address of ours, as x is no UUID, is a page that does not exist.
            having = {role for endpoint in asked for role in roles.of(endpoint)} or {roles.WEB}
            for role, server in servers.items():
                status, headers, _ = ask(server.url + path, method)
                is_elsewhere = status == 404 and f"this server's role is {role}" in headers.get("X-Footfall", "")
                assert is_elsewhere == (role not in having), (role, method, path, status)


def test_a_route_that_is_new_is_a_page(settings_of):
    for role, status in (("all", 303), ("collect", 404), ("web", 303)):
        app = create_app(settings_of(role=role))
        app.add_url_rule("/new", "new", lambda: "")
        assert app.test_client().get("/new").status_code == status


@pytest.mark.parametrize("method, path, collect, web", [
    ("GET", "/a.js", 200, 404),
    ("GET", "/a.core.js", 200, 404),
    ("GET", f"/a.gif?id=blog&url={PAGE}", 200, 404),
    ("GET", "/a.gif?id=blog", 400, 404),
    ("HEAD", "/a.gif?id=blog", 200, 404),
    ("POST", "/e", 204, 404),
    ("GET", "/e", 405, 404),
    ("POST", "/api/v1/events", 401, 404),
    ("GET", "/api/v1/events", 404, 401),
    ("PUT", "/api/v1/events", 405, 405),
    ("POST", "/api/v1/query", 404, 401),
    ("GET", "/api/v1/nothing", 404, 404),
    ("GET", "/ready", 200, 404),
    ("GET", "/health", 200, 200),
    ("GET", "/metrics", 200, 200),
    ("GET", "/", 404, 303),
    ("POST", "/", 404, 403),
    ("GET", "/login", 404, 200),
    ("POST", "/login", 404, 403),
    ("POST", "/logout", 404, 403),
    ("GET", "/static/style.css", 404, 200),
    ("GET", "/welcome", 404, 303),
    ("GET", "/share/x", 404, 404),
    ("GET", "/nothing", 404, 303),
])
def test_what_each_role_answers(servers, method, path, collect, web):
    body = json.dumps({"id": "blog", "url": PAGE}) if path == "/e" and method == "POST" else None
    assert {role: ask(server.url + path, method, body)[0] for role, server in servers.items()} == {
        "collect": collect, "web": web}


def test_hits_taken_by_the_one_are_on_the_page_of_the_other_and_each_keeps_counters_of_its_own(tmp_path):
    make_site(tmp_path)
    with Server(tmp_path, role="collect", workers=2) as collect:
        assert fetch(f"{collect.url}/a.gif?id=blog&url={PAGE}first", **{"User-Agent": BROWSER})[0] == 200
        with Server(tmp_path, role="web", workers=2) as web:
            cookie = log_in(web.url, "owner", PASSWORD)
            assert ask(f"{collect.url}/a.gif?id=blog&url={PAGE}second", **{
                "User-Agent": BROWSER, "Cookie": cookie})[0] == 200
            status, _, page = ask(f"{web.url}/sites/blog", Cookie=cookie)
            assert (status, b"/first" in page, b"/second" in page) == (200, True, True)
            counted = 'footfall_hits_total{reason="",result="stored"}'
            assert f"{counted} 2.0" in fetch(f"{collect.url}/metrics")[2].decode()
            assert f"{counted} 0.0" in fetch(f"{web.url}/metrics")[2].decode()
            printed = web.stop(), collect.stop()
    assert (web.process.returncode, collect.process.returncode) == (0, 0)
    assert "serves the pages alone at" in printed[0]
    assert "Paste this" in printed[1]


@pytest.mark.parametrize("role, removes", [("all", True), ("collect", True), ("web", False)])
def test_what_is_over_is_removed_by_a_server_that_takes_hits(settings_of, store, role, removes):
    accounts.add(store, "blog")
    long_ago = datetime.now(UTC) - timedelta(days=9)
    store.family("PageViews").insert(row_key("blog", long_ago.date()), {
        timeuuid.make(timeuuid.ticks_at(long_ago), 1): {"url": PAGE}})
    collector = create_app(settings_of(role=role, retention="1")).extensions["footfall"]
    collector.tidy()
    while busy := [each for each in threading.enumerate() if each.name in ("footfall-tidy", "footfall-expiry")]:
        busy[0].join()
    assert (list(store.family("PageViews").row_keys()) == []) == removes


def test_a_server_of_pages_starts_while_its_cluster_is_away_and_leaves_the_outbox_to_others(tmp_path):
    with Server(tmp_path, role="web", store=f"cassandra://127.0.0.1:{free_port()}/footfall") as web:
        assert fetch(f"{web.url}/health")[0] == 200
        form = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        assert ask(f"{web.url}/login", "POST", f"name=owner&password={PASSWORD}", **form)[0] == 503
        assert "footfall_outbox" not in fetch(f"{web.url}/metrics")[2].decode()
        assert web.forwarders() == []
        web.stop()
    assert not (tmp_path / "outbox.db").exists()


@pytest.mark.needs("nginx")
def test_nginx_sends_hits_to_the_one_and_whoever_wants_pages_to_the_other(servers, tmp_path):
    (tmp_path / "blog").mkdir()
    (tmp_path / "blog" / "index.html").write_text("<h1>A blog</h1>")
    with Nginx(tmp_path / "nginx", tmp_path / "blog", servers["collect"].port, pages=servers["web"].port) as nginx:
        url = f"http://127.0.0.1:{nginx.port}"
        for host, method, path, status in (
            ("blog.example.com", "GET", "/a.js", 200),
            ("blog.example.com", "GET", f"/a.gif?id=blog&url={PAGE}", 200),
            ("blog.example.com", "GET", "/login", 404),
            ("stats.example.com", "GET", "/a.js", 200),
            ("stats.example.com", "GET", f"/a.gif?id=blog&url={PAGE}", 200),
            ("stats.example.com", "POST", "/e", 400),
            ("stats.example.com", "POST", "/api/v1/events", 401),
            ("stats.example.com", "GET", "/api/v1/events", 401),
            ("stats.example.com", "POST", "/api/v1/query", 401),
            ("stats.example.com", "GET", "/ready", 200),
            ("stats.example.com", "GET", "/", 303),
            ("stats.example.com", "GET", "/login", 200),
            ("stats.example.com", "GET", "/static/style.css", 200),
            ("stats.example.com", "GET", "/share/x", 404),
            ("stats.example.com", "GET", "/metrics", 404),
        ):
            assert ask(url + path, method, Host=host)[0] == status, (host, path)


@pytest.mark.needs("systemd-analyze")
def test_the_systemd_unit_is_a_template_with_the_file_that_gives_it_a_role(tmp_path):
    unit = (ROOT / "deploy" / "footfall.service").read_text()
    (tmp_path / "footfall@.service").write_text(unit.replace("/opt/footfall/bin/footfall", "/bin/true"))
    (tmp_path / "footfall@.service.d").mkdir()
    (tmp_path / "footfall@.service.d" / "role.conf").write_text((ROOT / "deploy" / "footfall-role.conf").read_text())
    for role in ("collect", "web"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / f"footfall@{role}.service"],
                              capture_output=True, text=True, check=False)
        assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])
