"""The owner's pages through Flask's client: who gets in, what stands there, what a hostile hit can do to it."""

import html
import logging
import re
import threading
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest

from footfall import accounts, sessions, timeuuid, users
from footfall.app import create_app
from footfall.errors import StoreUnavailable
from footfall.pageview import row_key
from footfall.reports.cache import open_cache
from footfall.web import charts, cookies
from footfall.web.throttle import MAX_KEYS, Throttle
from tests.logins import OURS, PASSWORD, log_in

pytestmark = pytest.mark.usefixtures("cheap_hashes")

TODAY = datetime.now(UTC).date()
GOOGLE = "https://www.google.com/search?q=page+views"

_numbers = count()


@pytest.fixture
def app(settings_of, store):
    users.add(store, "owner", PASSWORD)
    return create_app(settings_of())


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def owner(client):
    """A client that is logged in."""
    assert log_in(client).status_code == 303
    return client


def view(store, site, day, url, referrer="", times=1, **more):
    """Store page-views of a day."""
    for number in (next(_numbers) for _ in range(times)):
        name = timeuuid.make(timeuuid.ticks_at(datetime(day.year, day.month, day.day, tzinfo=UTC)) + number, number)
        store.family("PageViews").insert(row_key(site, day), {name: {
            "url": url, "title": "<i>", "ip": "", "referrer": referrer, "user_agent": "", "language": "",
            **more}})


# ----- what is open


def test_a_route_that_is_new_is_closed(app):
    app.add_url_rule("/new", "new", lambda: "secret", methods=["GET", "POST"])
    client = app.test_client()
    assert client.get("/new").location == "/login?next=/new"
    assert client.post("/new", headers=OURS).status_code == 403


@pytest.mark.parametrize("path", ["/a.js", "/a.gif?id=none&url=x", "/login", "/static/style.css", "/static/favicon.svg",
                                  "/metrics"])
def test_the_beacon_the_login_and_its_files_need_no_session(client, path):
    with client.get(path) as answer:
        assert answer.status_code in (200, 404)
        assert answer.location is None


def test_nothing_but_the_static_files_can_be_had_by_way_of_them(client):
    for path in ("/static/../footfall/users.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"):
        assert client.get(path).status_code in (303, 404)


@pytest.mark.parametrize("method, path, status, location", [
    ("GET", "/nothing", 303, "/login?next=/nothing"),
    ("GET", "/?days=30&until=2026-01-31", 303, "/login?next=/?days%3D30%26until%3D2026-01-31"),
    ("GET", "//evil.example/", 303, "/login?next=/"),
    ("GET", "/%5Cevil.example", 303, "/login?next=/%255Cevil.example"),
    ("GET", "/" + "x" * 5000, 303, "/login?next=/"),
    ("GET", "/logout", 303, "/login?next=/logout"),
    ("POST", "/nothing", 403, None),
    ("DELETE", "/", 403, None),
    ("POST", "/logout", 403, None),
])
def test_what_does_not_exist_looks_like_what_is_closed(client, method, path, status, location):
    answer = client.open(path, method=method, headers=OURS)
    assert (answer.status_code, answer.location) == (status, location)


def test_an_address_that_leads_nowhere_says_so_to_the_owner(owner):
    answer = owner.get("/nothing")
    assert answer.status_code == 404
    assert "No such page" in answer.text


# ----- login, logout, session


def test_the_owner_logs_in_and_out(client):
    assert 'name="password"' in client.get("/login").text
    answer = log_in(client)
    assert (answer.status_code, answer.location) == (303, "/")
    assert "owner" in client.get("/").text
    assert client.get("/login").location == "/"
    assert client.post("/logout", headers=OURS).location == "/login"
    assert client.get("/").location == "/login?next=/"


def test_wrong_names_and_passwords_get_the_same_answer(client, caplog):
    with caplog.at_level(logging.DEBUG):
        wrong = [log_in(client, name, password, environ_base={"REMOTE_ADDR": f"192.0.2.{number}"})
                 for number, (name, password) in enumerate([("owner", "secret word"), ("nobody", "secret word"),
                                                            ("<b>", "secret word"), ("", "")])]
    assert {answer.status_code for answer in wrong} == {403}
    assert {re.search('role="alert">(.*?)<', answer.text)[1] for answer in wrong} == {"Wrong name or password."}
    assert not any("Set-Cookie" in answer.headers for answer in wrong)
    assert 'value="&lt;b&gt;"' in wrong[2].text
    assert "secret" not in caplog.text + "".join(answer.text for answer in wrong)
    assert "from 192.0.2.1" in caplog.text


def test_another_password_or_removal_ends_a_session(app, store, owner):
    assert owner.get("/").status_code == 200
    users.set_password(store, "owner", "another password")
    assert owner.get("/").status_code == 303
    assert log_in(owner, password="another password").status_code == 303
    assert owner.get("/").status_code == 200
    users.add(store, "second", PASSWORD)
    users.remove(store, "owner")
    assert owner.get("/").status_code == 303
    users.add(store, "owner", PASSWORD)
    assert owner.get("/").status_code == 303


@pytest.mark.parametrize("kept", [
    {"user": "owner", "token": ""}, {"user": ["owner"], "token": 1}, {"token": "é"}, {"secret": "é"},
    {"secret": ""}, {"secret": None}, {"user": "nobody"}, {"user": "\0"}])
def test_a_signed_cookie_without_the_users_token_and_a_session_of_its_own_is_no_session(owner, kept):
    assert owner.get("/").status_code == 200
    with owner.session_transaction() as session:
        session.update(kept)
    client = owner
    assert client.get("/").status_code == 303


def test_a_session_of_another_key_is_none(app, owner, settings_of):
    (settings_of().data / "session.key").unlink()
    other = create_app(settings_of()).test_client()
    other.set_cookie("footfall_session", owner.get_cookie("footfall_session").value)
    assert other.get("/").status_code == 303


def test_what_a_session_held_before_the_login_is_gone_after(client):
    with client.session_transaction() as session:
        session["planted"] = "yes"
    log_in(client)
    with client.session_transaction() as session:
        assert set(session) == {"_permanent", "user", "token", "secret"}


def test_pages_are_shown_although_it_cannot_be_noted_that_the_session_is_used(owner, monkeypatch):
    def full(*arguments):
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(sessions, "see", full)
    assert owner.get("/").status_code == 200


def test_a_session_ends_after_thirty_days(app, owner):
    assert app.permanent_session_lifetime == timedelta(days=30)
    cookie = log_in(app.test_client()).headers["Set-Cookie"]
    ends = datetime.strptime(re.search(r"Expires=(.*?) GMT", cookie)[1], "%a, %d %b %Y %H:%M:%S").replace(tzinfo=UTC)
    assert abs(ends - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.parametrize("settings, peer, headers, secure", [
    ({}, "127.0.0.1", {}, False),
    ({}, "127.0.0.1", {"X-Forwarded-Proto": "http"}, False),
    ({}, "127.0.0.1", {"X-Forwarded-Proto": "https"}, True),
    ({}, "::ffff:127.0.0.1", {"X-Forwarded-Proto": "https"}, True),
    ({}, "", {"X-Forwarded-Proto": "https"}, True),
    ({}, "192.0.2.1", {"X-Forwarded-Proto": "https"}, False),
    ({"trusted_proxies": "192.0.2.0/24"}, "192.0.2.1", {"X-Forwarded-Proto": "https"}, True),
    ({"public_url": "https://stats.example.com"}, "192.0.2.1", {}, True),
    ({"public_url": "http://stats.example.com"}, "192.0.2.1", {}, False),
])
def test_the_cookie_is_secure_where_the_reader_came_over_https(settings_of, app, settings, peer, headers, secure):
    client = create_app(settings_of(**settings)).test_client()
    cookie = log_in(client, headers={**OURS, **headers}, environ_base={"REMOTE_ADDR": peer}).headers["Set-Cookie"]
    assert cookie.startswith("footfall_session=")
    assert {part.strip() for part in cookie.split(";")} >= {"HttpOnly", "SameSite=Lax", "Path=/"}
    assert ("Secure" in cookie) is secure


@pytest.mark.parametrize("wanted, target", [
    ("/?days=30", "/?days=30"),
    ("/a/b?c=//d", "/a/b?c=//d"),
    ("", "/"),
    ("relative", "/"),
    ("//evil.example", "/"),
    ("///evil.example", "/"),
    ("/\\evil.example", "/"),
    ("\\\\evil.example", "/"),
    ("/a\\b", "/"),
    ("https://evil.example/", "/"),
    ("https:evil.example", "/"),
    ("javascript:alert(1)", "/"),
    ("/\t/evil.example", "/"),
    ("/\n/evil.example", "/"),
    (" //evil.example", "/"),
    ("/" + "x" * 2000, "/"),
])
def test_the_login_leads_to_a_page_of_ours_alone(client, wanted, target):
    answer = client.post("/login", query_string={"next": wanted}, data={"name": "owner", "password": PASSWORD},
                         headers=OURS)
    assert (answer.status_code, answer.location) == (303, target)
    assert client.get("/login", query_string={"next": wanted}).location == target


@pytest.mark.parametrize("headers, passes", [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://stats.example.com"}, False),
    ({"Origin": "http://stats.example.com"}, True),
    ({"Origin": "https://STATS.example.com"}, True),
    ({"Origin": "http://stats.example.com:81"}, False),
    ({"Origin": "http://evil.example"}, False),
    ({"Origin": "http://evil.example", "Referer": "http://stats.example.com/"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "http://["}, False),
    ({"Referer": "http://stats.example.com/login?next=/"}, True),
    ({"Referer": "http://stats.example.com.evil.example/"}, False),
    ({"Referer": "http://stats.example.com@evil.example/"}, False),
    ({}, False),
])
def test_a_form_sent_from_another_site_is_refused(client, headers, passes):
    answer = log_in(client, headers={**headers, "Host": "stats.example.com"})
    assert answer.status_code == (303 if passes else 403)
    assert ("Set-Cookie" in answer.headers) is passes


def test_a_page_of_any_site_may_post_to_the_beacon(client, store):
    accounts.add(store, "blog")
    answer = client.post("/e", data='{"id": "blog", "url": "http://a.example/"}', headers={
        "Sec-Fetch-Site": "cross-site", "Origin": "http://a.example"})
    assert answer.status_code == 204


# ----- throttling


@pytest.fixture
def clock(app):
    now = [1000.0]
    app.extensions["footfall.web"].throttle.clock = lambda: now[0]
    return now


def test_after_five_failures_an_address_must_wait(client, clock):
    for _ in range(5):
        clock[0] += 10
        assert log_in(client, password="wrong password", name="somebody").status_code == 403
    answer = log_in(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "860")
    assert "Too many failed logins. Try again in 15 minutes." in answer.text
    assert log_in(client, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 303
    clock[0] += 859
    assert log_in(client).status_code == 429
    clock[0] += 1
    assert log_in(client).status_code == 303


def test_after_five_failures_a_name_must_wait_wherever_they_came_from(client, clock):
    for number in range(5):
        peer = {"REMOTE_ADDR": f"192.0.2.{number}"}
        assert log_in(client, password="wrong password", environ_base=peer).status_code == 403
    assert log_in(client, environ_base={"REMOTE_ADDR": "198.51.100.1"}).status_code == 429
    assert log_in(client, "nobody", environ_base={"REMOTE_ADDR": "198.51.100.1"}).status_code == 403


def test_the_address_that_counts_is_the_one_a_trusted_proxy_tells(client, clock):
    for _ in range(5):
        log_in(client, "somebody", headers={**OURS, "X-Real-IP": "192.0.2.1"})
    assert log_in(client, headers={**OURS, "X-Real-IP": "192.0.2.1"}).status_code == 429
    assert log_in(client, headers={**OURS, "X-Real-IP": "192.0.2.2"}).status_code == 303
    for number in range(5):
        log_in(client, "another", headers={**OURS, "X-Real-IP": f"2001:db8::{number}"})
    assert log_in(client, headers={**OURS, "X-Real-IP": "2001:db8::ffff"}).status_code == 429


def test_a_login_that_succeeds_forgets_the_failures(client, clock):
    for _ in range(3):
        for _ in range(4):
            assert log_in(client, password="wrong password").status_code == 403
        assert log_in(client).status_code == 303


def test_tries_at_the_same_time_are_counted_too():
    throttle, allowed = Throttle(), []
    threads = [threading.Thread(target=lambda: allowed.append(throttle.take(["user owner"]))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert allowed.count(0) == 5


def test_the_throttle_remembers_a_bounded_number():
    throttle = Throttle(lambda: 1.0)
    for number in range(MAX_KEYS + 5):
        throttle.take([f"address {number}"])
    assert len(throttle._tries) == MAX_KEYS
    assert "address 4" not in throttle._tries


# ----- the key


def test_the_key_is_made_when_first_needed_and_is_its_owners_alone(app, client, settings_of, store):
    key = settings_of().data / "session.key"
    accounts.add(store, "blog")
    client.get("/a.gif?id=blog&url=x")
    client.get("/login")
    assert not key.exists()
    log_in(client)
    assert (len(key.read_bytes()), key.stat().st_mode & 0o777) == (32, 0o600)


def test_processes_that_make_the_key_together_have_the_same(tmp_path):
    keys, start = [], threading.Barrier(8)

    def make():
        start.wait()
        keys.append(cookies.session_key(tmp_path / "data"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(keys), len(set(keys))) == (8, 1)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["session.key"]


def test_without_a_key_nobody_logs_in_and_the_beacon_goes_on(app, settings_of, store):
    (settings_of().data / "session.key").write_bytes(b"short")
    accounts.add(store, "blog")
    client = create_app(settings_of()).test_client()
    client.set_cookie("footfall_session", "x.y.z")
    assert client.get("/a.gif?id=blog&url=x").status_code == 200
    answer = log_in(client)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (503, False)
    assert str(settings_of().data) not in answer.text


def test_a_store_that_is_away_is_no_wrong_password(app, client, monkeypatch):
    def away(*arguments):
        raise StoreUnavailable("/secret/place: disk I/O error")

    monkeypatch.setattr(users, "check", away)
    answer = log_in(client)
    assert (answer.status_code, "secret" in answer.text) == (503, False)


# ----- headers


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/static/style.css"])
def test_pages_carry_the_headers_that_protect_them(owner, path):
    with owner.get(path) as answer:
        headers, page = answer.headers, answer.get_data(as_text=True)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    if not path.startswith("/static"):
        assert headers["Cache-Control"] == "no-store"
        assert "Cookie" in headers["Vary"]
        assert " style=" not in page
        assert not re.search(r"<script(?![^>]* src=)|<script[^>]*>[^<]| on\w+=", page)
        assert not re.search(r'(?:src|href)="(?![/#])', page)


def test_the_beacon_sees_nothing_of_the_owners_session(owner, store):
    accounts.add(store, "blog")
    for path in ("/a.gif?id=blog&url=x", "/a.js"):
        answer = owner.get(path)
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")


# ----- the page


def cards(page):
    """Each site's card on the first page: what it says and where it leads."""
    found = re.findall(r'<a class="panel card" href="(.*?)">\s*<h2>(.*?)</h2>(.*?)</a>', page, re.DOTALL)
    return {site: (" ".join(re.sub("<.*?>", " ", inner).split()), html.unescape(url)) for url, site, inner in found}


def test_the_first_page_lists_the_sites_with_their_last_days(owner, store):
    accounts.add(store, "blog", "https://blog.example.com")
    accounts.add(store, "shop")
    view(store, "blog", TODAY, "https://blog.example.com/", GOOGLE, times=1200)
    view(store, "blog", TODAY - timedelta(days=6), "https://blog.example.com/a", times=34, visitor=b"ann-----")
    view(store, "blog", TODAY - timedelta(days=7), "https://blog.example.com/", times=5)
    view(store, "other", TODAY, "/", times=5)
    page = owner.get("/").text
    assert cards(page) == {
        "blog": ("https://blog.example.com 1 visitor 1,234 views", "/sites/blog?period=7d"),
        "shop": ("No views yet. Its page has the tag to paste.", "/sites/shop?period=7d")}
    assert page.count("<polyline") == 1
    page = owner.get("/?days=28").text
    assert cards(page)["blog"] == ("https://blog.example.com 1 visitor 1,239 views", "/sites/blog")
    assert '<a href="/?days=90">90 days</a>' in page


def test_who_has_one_site_is_led_to_it(owner, store):
    accounts.add(store, "blog")
    assert (owner.get("/").status_code, owner.get("/").location) == (303, "/sites/blog")
    assert set(cards(owner.get("/?all=1").text)) == {"blog"}
    accounts.add(store, "shop")
    assert set(cards(owner.get("/").text)) == {"blog", "shop"}


def test_a_reader_sees_the_sites_where_he_has_a_role(app, store):
    for site in ("blog", "shop", "wiki"):
        accounts.add(store, site)
    users.add(store, "ann", PASSWORD, {"blog": "viewer", "wiki": "owner"})
    client = app.test_client()
    log_in(client, "ann")
    assert set(cards(client.get("/").text)) == {"blog", "wiki"}
    assert (client.get("/sites/wiki").status_code, client.get("/sites/shop").status_code) == (200, 404)


def test_a_view_that_comes_after_a_page_was_shown_is_on_the_next(owner, store):
    accounts.add(store, "blog")
    view(store, "blog", TODAY, "/")
    assert cards(owner.get("/?all=1").text)["blog"][0] == "1 view"
    view(store, "blog", TODAY - timedelta(days=1), "/late")
    assert cards(owner.get("/?all=1").text)["blog"][0] == "2 views"
    assert "/late" in owner.get("/sites/blog").text


def test_readers_who_come_together_before_the_facts_are_built_all_get_the_page(app, store, monkeypatch):
    accounts.add(store, "blog")
    view(store, "blog", TODAY, "/", times=50)
    opened, answers = [], []
    monkeypatch.setattr("footfall.reports.cache.open_cache", lambda *given: opened.append(0) or open_cache(*given))
    clients = [app.test_client() for _ in range(4)]
    for each in clients:
        assert log_in(each).status_code == 303
    threads = [threading.Thread(target=lambda each=each: answers.append(each.get("/?all=1").text)) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [cards(answer)["blog"][0] for answer in answers] == ["50 views"] * 4
    assert len(opened) == 1


@pytest.mark.parametrize("path", ["/?all=1", "/sites/blog"])
def test_a_store_that_is_away_is_told_instead_of_the_page(owner, store, monkeypatch, path):
    def away(*arguments):
        raise StoreUnavailable("disk I/O error")

    accounts.add(store, "blog")
    monkeypatch.setattr("footfall.reports.cache.build", away)
    monkeypatch.setattr("footfall.stores.sqlite.SqliteStore.changes", away)
    answer = owner.get(path)
    assert (answer.status_code, answer.mimetype) == (503, "text/plain")


def test_a_site_without_new_views_shows_its_newest_days_and_says_so(owner, store):
    for site in ("log", "older", "now", "empty"):
        accounts.add(store, site)
    view(store, "log", date(2015, 5, 20), "/", times=3)
    view(store, "log", date(2015, 5, 14), "/", times=2)
    view(store, "log", date(2015, 5, 13), "/", times=1)
    view(store, "older", date(2012, 1, 1), "/")
    view(store, "now", TODAY - timedelta(days=6), "/")
    note = "No views in the last 7 days; these are"
    found = cards(owner.get("/").text)
    assert found["log"] == (f"5 views {note} 14 May 2015 to 20 May 2015.",
                            "/sites/log?period=custom&since=2015-05-14&until=2015-05-20")
    assert found["older"][0] == f"1 view {note} 26 Dec 2011 to 1 Jan 2012."
    assert found["now"] == ("1 view", "/sites/now?period=7d")
    assert "5</strong>" in owner.get(found["log"][1]).text


@pytest.mark.parametrize("asked", ["8", "-7", "7.0", "<b>"])
def test_days_that_cannot_be_are_named_in_one_line(owner, asked):
    answer = owner.get("/", query_string={"days": asked})
    assert (answer.status_code, answer.mimetype, answer.text.count("\n")) == (400, "text/plain", 1)
    assert f"days={asked!r}: must be 7, 28 or 90" in answer.text


def test_without_a_site_the_page_tells_how_to_add_one(owner):
    page = owner.get("/").text
    assert "No site yet" in page
    assert "footfall site add blog --url https://blog.example.com" in page


def test_a_site_without_views_is_told_what_to_do(owner, store):
    accounts.add(store, "blog")
    page = owner.get("/sites/blog").text
    assert "Paste it into every page of the site" in page
    assert "footfall import log access.log --site blog" in page
    assert "data-id=&#34;blog&#34;" in page


@pytest.mark.parametrize("settings, headers, address", [
    ({}, {"Host": "stats.example.com:8080"}, "http://stats.example.com:8080"),
    ({}, {"Host": "stats.example.com", "X-Forwarded-Proto": "https"}, "https://stats.example.com"),
    ({}, {"Host": "stats.example.com", "X-Forwarded-Host": "evil.example"}, "http://stats.example.com"),
    ({"public_url": "https://count.example.com"}, {"Host": "localhost"}, "https://count.example.com"),
])
def test_the_tag_leads_to_where_footfall_is_reached(settings_of, app, store, settings, headers, address):
    accounts.add(store, "blog")
    client = create_app(settings_of(**settings)).test_client(use_cookies=False)
    cookie = log_in(client).headers["Set-Cookie"].partition(";")[0]
    page = client.get("/sites/blog", headers={**headers, "Cookie": cookie}).text
    assert f"src=&#34;{address}/a.js&#34;" in page


# ----- charts


@pytest.mark.parametrize("highest, marks", [
    (0, [0, 1]),
    (1, [0, 1]),
    (4, [0, 1, 2, 3, 4]),
    (6, [0, 2, 4, 6]),
    (11, [0, 5, 10, 15]),
    (99, [0, 20, 40, 60, 80, 100]),
    (100, [0, 20, 40, 60, 80, 100]),
    (101, [0, 50, 100, 150]),
    (2896, [0, 1000, 2000, 3000]),
    (10**12 + 1, [0, 5 * 10**11, 10**12, 15 * 10**11]),
])
def test_the_axis_has_round_marks(highest, marks):
    assert charts.ticks(highest) == marks


@pytest.mark.parametrize("count, labels", [
    (0, []), (1, [0]), (7, [0, 1, 2, 3, 4, 5, 6]), (30, [2, 7, 12, 17, 22, 27]), (90, [6, 19, 32, 45, 58, 71, 84])])
def test_labels_are_few_and_even(count, labels):
    assert list(charts.labelled(count)) == labels


@pytest.mark.parametrize("number, whole, width", [
    (0, 0, "0"), (None, 1, "0"), (1, 3, "33.33"), (3, 3, "100"), (1, 10**9, "1e-07")])
def test_a_share_is_as_wide_as_its_part_of_the_whole(number, whole, width):
    assert f'<rect width="{width}" height="1"/>' in charts.share(number, whole)


@pytest.mark.parametrize("numbers, line", [
    ([], ""), ([5], "0.0,2.0"), ([0, 0], "0.0,38.0 100.0,38.0"), ([4, 0, 2], "0.0,2.0 50.0,38.0 100.0,20.0")])
def test_a_small_line_is_as_high_as_its_numbers(numbers, line):
    assert f'<polyline class="now" points="{line}"/>' in charts.spark(numbers)
