"""Share links, public sites and frames: what others see of a site, and what they never do."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from footfall import accounts, audit, definitions, shares, timeuuid, users
from footfall.app import create_app
from footfall.collect.access_log import masked
from footfall.errors import UsageError
from footfall.pageview import FIELDS, row_key
from footfall.web.rules import SHAREABLE
from tests.logins import OURS, PASSWORD, logged_in, made, post, shown


@pytest.fixture
def app(settings_of, store, cheap_hashes):
    for site in ("blog", "shop"):
        accounts.add(store, site)
    users.add(store, "owner", PASSWORD, {"blog": "owner"})
    return create_app(settings_of())


@pytest.fixture
def client(app):
    """Somebody without a login."""
    return app.test_client()


@pytest.fixture
def owner(app):
    return logged_in(app)


def test_a_key_leads_to_its_site_until_it_expires_or_is_removed(store):
    key, share = shares.add(store, "blog", "for Anna", by="owner", days=7)
    now = datetime.now(UTC)
    assert re.fullmatch(r"[\w-]{22}", key)
    assert shares.resolve(store, key, now) == share == shares.all_of(store, "blog")[0]
    assert shares.resolve(store, key, now + timedelta(days=7)) is None
    for other in ("", "x", key[:-1], key + "x", share.hash, "\0", "x" * 22):
        assert shares.resolve(store, other, now) is None
    assert key not in repr([bytes(value) for row in ("blog", "/shares")
                            for _, value in store.family("Definitions").xget(row)])
    assert shares.remove(store, "blog", share.id) == share
    assert shares.resolve(store, key, now) is None
    assert list(store.family("Definitions").xget("/shares")) == []


def test_links_go_with_their_site(store):
    accounts.add(store, "blog")
    key, _ = shares.add(store, "blog")
    accounts.remove(store, "blog", with_events=False)
    assert shares.resolve(store, key, datetime.now(UTC)) is None


@pytest.mark.parametrize("given, message", [
    ({"name": "x" * 65}, "must be at most 64 characters"),
    ({"name": "a\x1b"}, "all of them printable"),
    ({"days": 0}, "days 0: must be from 1"),
    ({"days": 10**9}, "must be from 1 to 36,500"),
    ({"password": "short"}, "password: must be at least 10"),
    ({"password": "long enough", "embed": True}, "embed: a link with a password cannot be shown in a frame"),
])
def test_what_cannot_be_a_link_is_said(store, given, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        shares.add(store, "blog", **given)
    assert definitions.all_of(store, "blog", "share") == []


def test_an_owner_makes_a_link_that_is_shown_once_and_removes_it(app, store, owner, client):
    answer = post(owner, "/sites/blog/settings/sharing/add", name="for Anna", days="7")
    assert answer.headers["Cache-Control"] == "no-store"
    path = made(answer).removeprefix("http://localhost")
    page = owner.get("/sites/blog/settings/sharing").text
    assert "for Anna" in page
    assert path not in page
    assert client.get(path).status_code == 200
    (link,) = shares.all_of(store, "blog")
    assert post(owner, "/sites/blog/settings/sharing/remove", id=link.id).status_code == 303
    assert client.get(path).status_code == 404
    assert shown(post(owner, "/sites/blog/settings/sharing/remove", id=link.id))
    assert [(entry.by, entry.action, entry.site, entry.detail) for entry in audit.entries(store)][:2] == [
        ("owner", "share.remove", "blog", f"{link.id} for Anna"), ("owner", "share.add", "blog", f"{link.id} for Anna")]


@pytest.mark.parametrize("fields", [{"days": "x"}, {"days": "-1"}, {"password": "short"}])
def test_a_form_that_cannot_be_a_link_is_told(owner, store, fields):
    answer = post(owner, "/sites/blog/settings/sharing/add", **fields)
    assert (answer.status_code, shown(answer) is None) == (400, False)
    assert shares.all_of(store, "blog") == []


def test_a_shared_page_leads_to_shared_pages_alone_and_tells_nobody_where_it_is(store, client):
    key, _ = shares.add(store, "blog")
    answer = client.get(f"/share/{key}?period=7d")
    assert answer.status_code == 200
    assert "/sites/" not in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    for path in (f"/share/{key}/events", f"/share/{key}/filtered", f"/share/{key}/nothing", "/share/" + "x" * 22,
                 "/share/x"):
        assert client.get(path).status_code == 404
    assert client.post(f"/share/{key}", headers=OURS).status_code == 403


def test_an_owner_with_a_link_of_another_site_is_nobody_there(store, owner):
    key, _ = shares.add(store, "shop")
    page = owner.get(f"/share/{key}").text
    assert "Log out" not in page
    assert "Settings" not in page
    assert owner.get("/sites/shop").status_code == 404


def test_a_link_with_a_password_is_shown_to_who_knows_it(store, client):
    key, _ = shares.add(store, "blog", password="open sesame")
    other, _ = shares.add(store, "shop", password="open sesame")
    answer = client.get(f"/share/{key}")
    assert (answer.status_code, 'name="password"' in answer.text, "blog" in answer.text) == (403, True, False)
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert shown(post(client, f"/share/{key}/unlock", password="wrong")) == "Wrong password."
    answer = post(client, f"/share/{key}/unlock", password="open sesame")
    assert (answer.status_code, answer.location) == (303, f"/share/{key}")
    cookie = {part.strip() for part in answer.headers["Set-Cookie"].split(";")}
    assert cookie >= {f"Path=/share/{key}", "HttpOnly", "SameSite=Lax"}
    assert client.get(f"/share/{key}").status_code == 200
    assert client.get(f"/share/{other}").status_code == 403
    stolen = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    client.set_cookie("footfall_share", stolen, path=f"/share/{other}")
    client.set_cookie("footfall_session", stolen)
    assert client.get(f"/share/{other}").status_code == 403
    assert client.get("/account").status_code == 303


def test_whoever_guesses_a_links_password_must_wait(store, client):
    key, _ = shares.add(store, "blog", password="open sesame")
    for _ in range(5):
        assert post(client, f"/share/{key}/unlock", password="wrong").status_code == 403
    answer = post(client, f"/share/{key}/unlock", password="open sesame")
    assert (answer.status_code, shown(answer)[:26]) == (429, "Too many failed passwords.")
    assert post(client, "/share/" + "x" * 22 + "/unlock", password="x").status_code == 404
    open_, _ = shares.add(store, "blog")
    assert post(client, f"/share/{open_}/unlock", password="").status_code == 404


def test_a_public_site_is_shown_to_everybody_and_nothing_else_of_it_is(store, owner, client):
    assert client.get("/sites/blog").status_code == 303
    assert post(owner, "/sites/blog/settings/sharing/public", public="on").status_code == 303
    page = client.get("/sites/blog")
    assert page.status_code == 200
    assert "Settings" not in page.text
    for path in ("/sites/shop", "/sites/nowhere", "/sites/blog/events", "/sites/blog/settings/sharing", "/"):
        assert client.get(path).status_code == 303, path
    assert client.post("/sites/blog", headers=OURS).status_code == 403
    post(owner, "/sites/blog/settings/sharing/public")
    assert client.get("/sites/blog").status_code == 303


def test_users_without_a_role_see_a_public_site_as_everybody_does(app, store):
    users.add(store, "anna", PASSWORD, {})
    anna = logged_in(app, "anna")
    assert anna.get("/sites/blog").status_code == 404
    accounts.configure(store, "blog", {"public": "yes", "embed": "example.com"})
    page = anna.get("/sites/blog")
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("hosts, ancestors", [
    ("", "'none'"),
    ("www.example.com", "www.example.com"),
    ("Example.com, *.example.org,localhost:8080", "example.com *.example.org localhost:8080"),
])
def test_frames_are_for_the_hosts_that_the_site_names(store, client, hosts, ancestors):
    accounts.configure(store, "blog", {"embed": hosts, "public": "yes"})
    framed, _ = shares.add(store, "blog", embed=True)
    plain, _ = shares.add(store, "blog")
    for path, expected in ((f"/share/{framed}", ancestors), (f"/share/{plain}", "'none'"), ("/sites/blog", ancestors),
                           ("/login", "'none'")):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert re.search("frame-ancestors ([^;]*)", policy)[1] == expected, path


@pytest.mark.parametrize("hosts", ["https://example.com", "example.com; script-src *", "a b", "*", "'self'", "a/b",
                                   "é.example"])
def test_what_is_no_host_is_refused(store, owner, hosts):
    answer = post(owner, "/sites/blog/settings/sharing/public", embed=hosts)
    assert answer.status_code == 400
    assert "must be hosts such as example.com" in shown(answer)
    assert accounts.find(store, "blog").given == {}


@pytest.mark.parametrize("text, kept", [
    ("GET /share/abc_-1 HTTP/1.1", "GET /share/- HTTP/1.1"),
    ("GET /share/abc/pages?period=7d HTTP/1.1", "GET /share/-/pages?period=7d HTTP/1.1"),
    ("https://stats.example.com/share/abc#x", "https://stats.example.com/share/-#x"),
    ("GET /shared/abc HTTP/1.1", "GET /shared/abc HTTP/1.1"),
    ("Exception on /share/abc [GET]", "Exception on /share/- [GET]"),
])
def test_keys_are_masked_in_what_is_logged(text, kept):
    assert masked(text) == kept


def test_a_shared_page_that_fails_is_logged_without_its_key(app, store, client, caplog):
    key, _ = shares.add(store, "blog")

    def fails(**_):
        raise RuntimeError("broken")

    app.view_functions["shared.overview"] = fails
    assert client.get(f"/share/{key}").status_code == 500
    assert "Exception on /share/- [GET]" in caplog.text
    assert key not in caplog.text


#: Every page that is shared, with something for its variables.
SHARED_PAGES = {
    "site.overview": "", "site.live": "/live", "site.panel": "/panel/page", "site.panel_csv": "/panel/page.csv",
    "site.goals": "/goals", "site.funnel": "/funnel", "site.retention": "/retention", "site.paths": "/paths",
}


def test_every_shared_page_is_shown_without_a_login_and_leads_to_shared_pages_alone(app, store, client):
    assert set(SHARED_PAGES) == SHAREABLE
    accounts.configure(store, "blog", {"public": "yes"})
    for number in range(3):
        store.family("PageViews").insert(row_key("blog", datetime.now(UTC).date()), {
            timeuuid.make(timeuuid.ticks_at(datetime.now(UTC)) + number, number): {
                **dict.fromkeys(FIELDS, ""), "url": f"https://blog.example.com/{number % 2}", "visitor": b"ann-----"}})
    key, _ = shares.add(store, "blog")
    for endpoint, end in SHARED_PAGES.items():
        for base in (f"/share/{key}", "/sites/blog"):
            answer = client.get(f"{base}{end}?period=today")
            assert answer.status_code == 200, (endpoint, answer.text)
            links = re.findall(r'(?:href|action|src)="(/[^"?]*)', answer.text)
            strange = {link for link in links if not link.startswith(("/static/", base))} - {"/"}
            assert strange == set(), endpoint
            for link in {link for link in links if link.startswith(base)}:
                assert client.get(link).status_code == 200, (endpoint, link)
