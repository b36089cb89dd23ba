"""The settings pages through Flask's client: every form, good and bad, who may use it, and that it does as the CLI."""

import gzip
import html
import io
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import urlencode

import pytest

from footfall import accounts, audit, config, definitions, goals, timeuuid, tokens, users
from footfall.app import create_app
from footfall.collect.worker import MAX_BODY_BYTES
from footfall.packing import packed
from footfall.pageview import Event, unpack
from footfall.stores import open_store
from footfall.transfer import uploads
from footfall.web.rules import rule_of
from tests.logins import OURS, PASSWORD
from tests.pages import rows
from tests.servers import Server, ask, footfall, log_in
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("cheap_hashes")

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def app(settings_of, store):
    accounts.add(store, "blog", "https://blog.example.com")
    for name in users.ROLES:
        users.add(store, name, PASSWORD, {"blog": name})
    users.add(store, "admin", PASSWORD)
    return create_app(settings_of())


@pytest.fixture
def client_of(app):
    """Gives a client that is logged in as a user."""

    def client_of(name):
        client = app.test_client()
        assert client.post("/login", data={"name": name, "password": PASSWORD}, headers=OURS).status_code == 303
        return client

    return client_of


@pytest.fixture
def editor(client_of):
    return Pages(client_of("editor"))


@pytest.fixture
def owner(client_of):
    return Pages(client_of("owner"))


class Pages:
    """The settings of the site blog, as a user's browser has them."""

    def __init__(self, client, site="blog"):
        self.client = client
        self.url = f"/sites/{site}/settings"

    def get(self, path=""):
        answer = self.client.get(self.url + path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path="", **fields):
        """Send a form and follow where its answer leads, as a browser does; returns the status and the page."""
        answer = self.client.post(self.url + path, data=fields, headers=OURS)
        if answer.status_code == 303:
            return 303, self.client.get(answer.location).text
        return answer.status_code, answer.text


def told(page):
    """What a page says was done, once."""
    return [html.unescape(each) for each in re.findall(r'<p class="done" role="status">(.*?)</p>', page)]


def problems(page):
    """What is wrong with which field."""
    return {name: html.unescape(text) for name, text in
            re.findall(r'<p class="problem" id="(.*?)-problem">(.*?)</p>', page)}


def fields(page):
    """What a browser would send of the form that a page ends with."""
    form = page.rpartition("<form")[2]
    found = dict(re.findall(r'<input id="\S+" name="(.*?)" type="\w+" value="(.*?)"', form))
    found |= dict(re.findall(r'<textarea id="\S+" name="(.*?)".*?>\n(.*?)</textarea>', form, re.DOTALL))
    for name, options in re.findall(r'<select id="\S+" name="(.*?)".*?>(.*?)</select>', form, re.DOTALL):
        found[name] = re.search(r'<option value="([^"]*)" selected', options)[1]
    return {name: html.unescape(text) for name, text in found.items()}


def noted(store):
    """What the audit log has: actions and their details, the oldest first."""
    return [(each.action, each.detail) for each in reversed(list(audit.entries(store, site="blog")))]


def hit(app, url, title="", agent=BROWSER):
    """Have the beacon take a view."""
    answer = app.test_client().get("/a.gif", query_string={"id": "blog", "url": url, "title": title},
                                   headers={"User-Agent": agent})
    assert answer.status_code == 200


def old_view(store, days, minutes=0, **more):
    """Store a view of some days ago, less so many minutes, with its step if it has a visitor."""
    then = datetime.now(UTC) - timedelta(days=days, minutes=-minutes)
    fields = {"url": "https://blog.example.com/", "title": "", "ip": "", "referrer": "", "user_agent": BROWSER,
              "language": "", **more}
    store.apply(packed([Event("PageViews", "blog", timeuuid.make(timeuuid.ticks_at(then), days), fields)]))


def stored(store, family):
    """The events of a family."""
    columns = store.family(family)
    return [unpack(value) for key in columns.row_keys() for _, value in columns.xget(key)]


# ----- general


def test_url_and_time_zone_are_saved_as_the_command_line_does(editor, store):
    status, page = editor.send(url="https://www.example.com/", timezone="Europe/Berlin")
    assert (status, told(page)) == (303, ["Saved. Running servers follow within ten seconds."])
    assert "Saved" not in editor.get()
    found = accounts.find(store, "blog")
    assert (found.url, found.given) == ("https://www.example.com", {"timezone": "Europe/Berlin"})
    assert noted(store) == [("site.set", "timezone: UTC → Europe/Berlin"),
                            ("site.set", "url: https://blog.example.com → https://www.example.com")]
    editor.send(url="https://www.example.com", timezone="UTC")
    assert accounts.find(store, "blog").given == {}


@pytest.mark.parametrize("fields, wrong", [
    ({"url": "blog.example.com", "timezone": "UTC"}, "url"),
    ({"url": "https://blog.example.com/a/page", "timezone": "UTC"}, "url"),
    ({"url": "http://[", "timezone": "UTC"}, "url"),
    ({"url": "", "timezone": "Mars/Olympus"}, "timezone"),
])
def test_what_cannot_be_is_told_beside_its_field_and_kept_as_it_was_typed(editor, store, fields, wrong):
    status, page = editor.send(**fields)
    assert (status, list(problems(page))) == (400, [wrong])
    assert html.escape(fields[wrong], quote=True) in page
    assert accounts.find(store, "blog").url == "https://blog.example.com"
    assert noted(store) == []


def test_a_site_is_removed_by_who_types_its_id(owner, store):
    assert list(problems(owner.send("/remove", confirm="blogg", events="remove")[1])) == ["confirm"]
    assert accounts.find(store, "blog")
    status, page = owner.send("/remove", confirm="blog", events="keep")
    assert (status, told(page)) == (303, ["Removed blog; its events are kept."])
    assert accounts.all_accounts(store) == []
    assert noted(store) == [("site.remove", "without its events")]


# ----- a new site


def test_a_site_is_added_by_who_owns_every_site_and_its_tag_shown(client_of, store):
    admin = Pages(client_of("admin"))
    admin.url = "/new-site"
    status, page = admin.send(id="shop", url="https://shop.example.com/", timezone="Asia/Kolkata")
    assert (status, told(page)) == (303, ["Added shop. Paste the tag below into its pages."])
    assert "data-id=&#34;shop&#34;" in page
    shop = accounts.find(store, "shop")
    assert (shop.url, shop.given) == ("https://shop.example.com", {"timezone": "Asia/Kolkata"})
    assert [(each.action, each.by) for each in audit.entries(store, site="shop")] == [("site.add", "admin")]
    for bad, wrong in (({"id": "shop"}, "id"), ({"id": "a shop"}, "id"), ({"id": ""}, "id"),
                       ({"id": "new", "url": "shop"}, "url"), ({"id": "new", "timezone": "Mars"}, "timezone")):
        status, page = admin.send(**{"url": "", "timezone": "UTC"} | bad)
        assert (status, list(problems(page)), len(accounts.all_accounts(store))) == (400, [wrong], 2)


def test_nobody_else_adds_a_site(client_of, store):
    for name in users.ROLES:
        client = client_of(name)
        assert client.get("/new-site").status_code == 403
        assert client.post("/new-site", data={"id": "shop"}, headers=OURS).status_code == 403
    assert len(accounts.all_accounts(store)) == 1


# ----- installation


@pytest.mark.parametrize("query, expected", [
    ("", '<script async src="http://localhost/a.js" data-id="blog"></script>'),
    ("?build=core&track=forms", '<script async src="http://localhost/a.core.js" data-id="blog"></script>'),
    ("?track=forms&track=outbound&track=nonsense&local=1",
     '<script async src="http://localhost/a.js" data-id="blog" data-local data-track="outbound forms"></script>'),
])
def test_the_tag_is_shown_in_the_variant_that_is_asked_for(editor, query, expected):
    page = editor.get(f"/installation{query}")
    assert html.unescape(re.search('<pre class="copy" id="tag">(.*?)</pre>', page)[1]) == expected


def test_a_tag_with_a_hash_names_the_frozen_script(editor):
    assert 'integrity="sha384-' in html.unescape(editor.get("/installation?integrity=1"))


def test_a_view_is_seen_as_soon_as_it_came_and_one_that_a_filter_took_with_the_reason(editor, app):
    assert "Waiting for a view…" in editor.get("/installation")
    hit(app, "https://blog.example.com/post?x=<i>", "A <b>title</b>")
    page = " ".join(editor.get("/installation").split())
    assert re.search(r"We have just seen a view of <bdi>https://blog.example.com/post\?x=&lt;i&gt;</bdi>, \d s ago, "
                     "Firefox on Linux, “<bdi>A &lt;b&gt;title&lt;/b&gt;</bdi>”", page)
    hit(app, "https://blog.example.com/bot", agent="curl/8.0")
    page = " ".join(editor.get("/installation").split())
    assert re.search(r"A hit was kept apart.*/bot</bdi>, \d s ago.*: bot: curl \(the user agent is a bot", page)


# ----- filters

FILTERS = {"bots": "filter", "spam": "filter", "exclude_addresses": "", "exclude_countries": "", "hosts": "",
           "exclude_pages": "", "rate": "240"}


def test_filters_are_saved_as_the_command_line_does(editor, store):
    status, _ = editor.send("/filters", **FILTERS)
    assert (status, accounts.find(store, "blog").given, noted(store)) == (303, {}, [])
    changes = {"bots": "count", "hosts": "example.com, *.example.com", "exclude_countries": "de", "rate": "0"}
    status, page = editor.send("/filters", **FILTERS | changes | {"exclude_addresses": "192.0.2.0/24\r\n203.0.113.9"})
    assert (status, accounts.find(store, "blog").given) == (
        303, {**changes, "exclude_addresses": "192.0.2.0/24, 203.0.113.9"})
    assert "203.0.113.9</textarea>" in page
    assert noted(store)[0][1].startswith("bots: filter → count; exclude_addresses: empty → 192.0.2.0/24, 203.0.113.9")
    editor.send("/filters", **FILTERS)
    assert accounts.find(store, "blog").given == {}


@pytest.mark.parametrize("field, bad", [
    ("bots", "eat"), ("spam", ""), ("exclude_addresses", "192.0.2.x"), ("exclude_countries", "Germany"),
    ("hosts", "https://example.com"), ("exclude_pages", "admin"), ("rate", "-1"), ("rate", "many"),
])
def test_a_filter_that_cannot_be_is_refused_and_no_other_saved(editor, store, field, bad):
    status, page = editor.send("/filters", **FILTERS | {"bots": "count", field: bad})
    if bad:
        assert (status, list(problems(page))) == (400, [field])
        assert accounts.find(store, "blog").given == {}
    else:
        assert status == 303


def test_what_comes_from_my_own_address_is_kept_apart_after_a_click(editor, app, store):
    assert "no address of the internet" in editor.get("/filters")
    page = editor.send("/filters/address")[1]
    assert told(page) == ["What comes from 127.0.0.1 is kept apart within ten seconds."]
    assert accounts.find(store, "blog").given == {"exclude_addresses": "127.0.0.1"}
    assert told(editor.send("/filters/address")[1]) == ["127.0.0.1 is left out already."]
    hit(app, "https://blog.example.com/")
    page = editor.get("/filters")
    assert re.search(r"<td>address: the address is one of the site.*?</td><td class=\"number\">1</td>", page)


def test_rules_are_applied_to_what_is_stored_after_telling_what_they_find(editor, app, store):
    hit(app, "https://blog.example.com/admin/1")
    hit(app, "https://blog.example.com/post")
    accounts.configure(store, "blog", {"exclude_pages": "/admin/*"})
    today = datetime.now(UTC).date()
    form = {"since": str(today - timedelta(days=1)), "until": str(today), "rule": "page"}
    status, page = editor.send("/filters/apply", **form)
    assert (status, "1 event would be kept apart" in page, len(stored(store, "Filtered"))) == (200, True, 0)
    status, page = editor.send("/filters/apply", **form, sure="yes")
    assert (status, told(page)) == (303, ["Kept apart: 1 event."])
    (kept,) = stored(store, "Filtered")
    assert (kept["url"], kept["reason"], kept["applied"]) == (
        "https://blog.example.com/admin/1", "page: /admin/*", True)
    assert noted(store) == [("filtered.move", f"apply page from {form['since']} to {form['until']}: 1 event")]
    assert "find nothing" in editor.send("/filters/apply", **form)[1]


@pytest.mark.parametrize("form, wrong", [
    ({"since": "yesterday", "until": "2026-01-01", "rule": "page"}, ["since"]),
    ({"since": "2026-01-01", "until": "", "rule": "page"}, ["until"]),
    ({"since": "2026-01-01", "until": "2026-01-02", "rule": "nonsense"}, ["rule"]),
])
def test_rules_are_applied_to_days_that_are_some(editor, form, wrong):
    status, page = editor.send("/filters/apply", **form)
    assert (status, list(problems(page))) == (400, wrong)


# ----- privacy


def test_do_not_track_is_ignored_when_told_so(editor, store):
    assert editor.send("/privacy", dnt="ignore")[0] == 303
    assert accounts.find(store, "blog").given == {"dnt": "ignore"}
    assert noted(store) == [("site.set", "dnt: honour → ignore")]
    status, page = editor.send("/privacy", dnt="perhaps")
    assert (status, list(problems(page))) == (400, ["dnt"])


def test_the_page_shows_what_the_server_keeps_and_where_that_was_set(client_of):
    page = Pages(client_of("editor")).get("/privacy")
    for row in ("<code>FOOTFALL_IP</code></td><td><code>truncated</code> (default)",
                "<code>FOOTFALL_VISITORS</code></td><td><code>daily</code> (default)"):
        assert row in page


def test_a_retention_that_removes_events_is_set_after_telling_how_many(owner, store):
    old_view(store, days=40)
    status, page = owner.send("/privacy/retention", retention_days="30")
    assert (status, "<td>page-views</td><td class=\"number\">1</td>" in page) == (200, True)
    assert accounts.find(store, "blog").given == {}
    assert owner.send("/privacy/retention", retention_days="30", sure="yes")[0] == 303
    assert accounts.find(store, "blog").given == {"retention_days": "30"}
    assert "are kept for 30 days" in owner.get("/privacy")
    assert owner.send("/privacy/retention", retention_days="50")[0] == 303
    assert owner.send("/privacy/retention", retention_days="0")[0] == 303
    assert accounts.find(store, "blog").given == {}
    for bad in ("-1", "7301", "soon"):
        status, page = owner.send("/privacy/retention", retention_days=bad)
        assert (status, list(problems(page))) == (400, ["retention_days"])


@pytest.mark.parametrize("by, value, gone", [
    ("visitor", "0102030405060708", 1), ("address", "192.0.2.0", 1), ("address", "192.0.0.0/16", 2),
    ("before", "2100-01-01", 2), ("visitor", "ffffffffffffffff", 0), ("address", "203.0.113.0", 0),
])
def test_events_are_forgotten_after_telling_how_many(owner, store, by, value, gone):
    old_view(store, days=1, visitor=bytes(range(1, 9)), ip="192.0.2.0")
    old_view(store, days=2, visitor=bytes(8), ip="192.0.3.0")
    status, page = owner.send("/privacy/forget", **{by: value})
    assert (status, len(stored(store, "PageViews"))) == (200, 2)
    if not gone:
        assert "Nothing is found" in page
        return
    assert f'<td>page-views</td><td class="number">{gone}</td>' in page
    status, page = owner.send("/privacy/forget", **{by: value, "sure": "yes"})
    assert (status, len(stored(store, "PageViews"))) == (303, 2 - gone)
    assert told(page)[0].startswith(f"Removed for good: {gone} page-views, 0 custom events")
    (note,) = noted(store)
    assert note[0] == "forget"
    assert by == "before" or value not in note[1]


@pytest.mark.parametrize("form, wrong", [
    ({}, ["forget"]),
    ({"visitor": "0102030405060708", "address": "192.0.2.0"}, ["forget"]),
    ({"visitor": "somebody", "sure": "yes"}, ["visitor"]),
    ({"address": "home", "sure": "yes"}, ["address"]),
    ({"before": "tomorrow", "sure": "yes"}, ["before"]),
])
def test_what_is_to_be_forgotten_is_named_by_one_of_three(owner, store, form, wrong):
    old_view(store, days=1)
    status, page = owner.send("/privacy/forget", **form)
    assert (status, list(problems(page)), len(stored(store, "PageViews"))) == (400, wrong, 1)


def test_of_an_address_it_is_told_how_it_is_kept(owner):
    assert "it is kept as 192.0.2.0" in owner.send("/privacy/forget", address="192.0.2.7")[1]


# ----- tokens


def test_a_token_is_shown_once_and_may_do_what_it_is_for_until_it_is_removed(owner, app, store):
    status, page = owner.send("/tokens", name="the shop", expires="30", scope="events")
    token = re.search('<pre class="copy" id="token">(.*?)</pre>', page)[1]
    assert (status, token in owner.get("/tokens"), "the shop" in owner.get("/tokens")) == (200, False, True)
    (kept,) = tokens.all_tokens(store)
    assert (kept.site, kept.name, kept.scope, kept.expires[:10]) == ("blog", "the shop", "events", str(
        datetime.now(UTC).date() + timedelta(days=30)))
    api = app.test_client()
    body = {"events": [{"url": "https://blog.example.com/", "user_agent": BROWSER}]}
    assert api.post("/api/v1/events", json=body, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert told(owner.send(f"/tokens/{kept.id}/remove")[1]) == [
        f"Removed token {kept.id}. Running servers refuse it within ten seconds."]
    assert tokens.all_tokens(store) == []
    assert noted(store) == [(action, f"{kept.id} the shop, for events") for action in ("token.add", "token.remove")]
    owner.send("/tokens", scope=["write", "read"])
    assert [token.scope for token in tokens.all_tokens(store)] == ["read write"]


@pytest.mark.parametrize("form, wrong", [
    ({"expires": "0"}, ["expires"]), ({"expires": "a week"}, ["expires"]), ({"name": "x" * 65}, ["name"]),
    ({"name": "a\x07bell"}, ["name"]), ({"scope": []}, ["scope"]), ({"scope": ["everything"]}, ["scope"]),
])
def test_a_token_that_cannot_be_is_not_made(owner, store, form, wrong):
    status, page = owner.send("/tokens", **{"scope": "events", **form})
    assert (status, list(problems(page)), tokens.all_tokens(store)) == (400, wrong, [])


def test_a_token_of_another_site_is_neither_shown_nor_removed(owner, store):
    accounts.add(store, "shop")
    other = tokens.add(store, "shop", "another's")[1]
    assert "another" not in owner.get("/tokens")
    assert told(owner.send(f"/tokens/{other.id}/remove")[1]) == ["That token is gone already."]
    assert tokens.all_tokens(store) == [other]


# ----- goals, funnels, annotations


@pytest.mark.parametrize("form, kept", [
    ({"name": "Thanks", "kind": "page", "what": "/thanks*", "props": "ignored=yes"}, {"page": "/thanks*"}),
    ({"name": "Signed up", "kind": "event", "what": "signup"}, {"event": "signup"}),
    ({"name": "Pro", "kind": "event", "what": "paid", "props": "plan = pro\r\n\r\nto=a=b\r\nin=[\"DE\", \"AT\"]"},
     {"event": "paid", "props": {"plan": "pro", "to": "a=b", "in": ["DE", "AT"]}}),
])
def test_a_goal_is_added_shown_changed_and_removed(editor, store, form, kept):
    assert told(editor.send("/goals", **form)[1]) == [f"Saved the goal {form['name']}."]
    (goal,) = goals.goals(store, "blog")
    assert (goal.name, goal.form) == (form["name"], kept)
    page = editor.get(f"/goals/{goal.id}")
    sent = fields(page) | {"name": "Another"}
    editor.send(f"/goals/{goal.id}", **sent)
    assert goals.goals(store, "blog") == [goals.Goal(goal.id, "Another", kept)]
    assert told(editor.send(f"/goals/{goal.id}/remove")[1]) == ["Removed the goal Another."]
    assert goals.goals(store, "blog") == []
    assert [action for action, _ in noted(store)] == ["goal.add", "goal.set", "goal.remove"]
    assert editor.send(f"/goals/{goal.id}/remove")[0] == 404
    assert editor.client.get(f"{editor.url}/goals/{goal.id}").status_code == 404


@pytest.mark.parametrize("form, wrong", [
    ({"name": "", "kind": "page", "what": "/"}, "name"),
    ({"name": "Taken", "kind": "page", "what": "/"}, "name"),
    ({"name": "A", "kind": "page", "what": " "}, "what"),
    ({"name": "A", "kind": "event", "what": "paid", "props": "plan"}, "props"),
    ({"name": "A", "kind": "event", "what": "paid", "props": "plan=[1"}, "props"),
])
def test_a_goal_that_cannot_be_is_told_beside_its_field(editor, store, form, wrong):
    goals.add_goal(store, "blog", "Taken", {"page": "/"})
    status, page = editor.send("/goals", **form)
    assert (status, list(problems(page)), len(goals.goals(store, "blog"))) == (400, [wrong], 1)
    assert fields(page).items() >= {name: text.strip() for name, text in form.items()}.items()


def test_a_goal_and_a_funnel_are_tried_before_they_are_saved(editor, store):
    for number, path in enumerate(("/pricing", "/thanks", "/pricing")):
        old_view(store, days=number // 2 + 1, minutes=number, visitor=bytes([number // 2 + 1] * 8),
                 url=f"https://blog.example.com{path}")
    status, page = editor.send("/goals", name="", kind="page", what="/thanks", **{"try": "yes"})
    assert (status, "visits 1 (50.0% of all), visitors 1, times 1" in page) == (200, True)
    status, page = editor.send("/funnels", name="", steps="/pricing\r\n/thanks", within="visit", **{"try": "yes"})
    assert status == 200
    assert rows(page) == [["Step", "visits", "of the first"], ["1. /pricing", "2", "100.0%"],
                          ["2. /thanks", "1", "50.0%"]]
    assert (goals.goals(store, "blog"), goals.funnels(store, "blog"), noted(store)) == ([], [], [])


def test_a_funnel_is_added_shown_changed_and_removed(editor, store):
    steps = '/pricing\r\n\r\nsignup\r\n["is", "country", ["DE"]]\r\n{"event": "paid", "props": {"plan": "pro"}}'
    assert told(editor.send("/funnels", name="Buy", steps=steps, within="7d")[1]) == ["Saved the funnel Buy."]
    kept = [{"page": "/pricing"}, {"event": "signup"}, ["is", "country", ["DE"]],
            {"event": "paid", "props": {"plan": "pro"}}]
    (funnel,) = goals.funnels(store, "blog")
    assert (funnel.name, funnel.steps, funnel.within) == ("Buy", kept, 604_800)
    sent = fields(editor.get(f"/funnels/{funnel.id}"))
    assert sent["within"] == "7d"
    editor.send(f"/funnels/{funnel.id}", **sent | {"within": ""})
    assert goals.funnels(store, "blog") == [goals.Funnel(funnel.id, "Buy", kept, "visit")]
    assert told(editor.send(f"/funnels/{funnel.id}/remove")[1]) == ["Removed the funnel Buy."]
    assert [action for action, _ in noted(store)] == ["funnel.add", "funnel.set", "funnel.remove"]


@pytest.mark.parametrize("form, wrong", [
    ({"name": "", "steps": "/a"}, "name"),
    ({"name": "A", "steps": ""}, "steps"),
    ({"name": "A", "steps": "/a\n[1"}, "steps"),
    ({"name": "A", "steps": '["is", "nonsense", "x"]'}, "steps"),
    ({"name": "A", "steps": "\n".join(["/a"] * 21)}, "steps"),
    ({"name": "A", "steps": "/a", "within": "soon"}, "within"),
])
def test_a_funnel_that_cannot_be_is_told_beside_its_field(editor, store, form, wrong):
    status, page = editor.send("/funnels", **form)
    assert (status, list(problems(page)), goals.funnels(store, "blog")) == (400, [wrong], [])


def test_an_annotation_is_added_changed_and_removed(editor, store):
    assert told(editor.send("/annotations", day="2026-01-31", text="A <b>launch</b>")[1]) == [
        "Saved the annotation of 2026-01-31."]
    (note,) = goals.annotations(store, "blog")
    assert (str(note.day), note.text, note.by) == ("2026-01-31", "A <b>launch</b>", "editor")
    editor.send(f"/annotations/{note.id}", **fields(editor.get(f"/annotations/{note.id}")) | {"day": "2026-02-01"})
    assert [(str(each.day), each.text) for each in goals.annotations(store, "blog")] == [
        ("2026-02-01", "A <b>launch</b>")]
    assert editor.send(f"/annotations/{note.id}/remove")[0] == 303
    assert goals.annotations(store, "blog") == []
    for bad in ({"day": "soon", "text": "x"}, {"day": "2026-01-31", "text": " "}):
        status, page = editor.send("/annotations", **bad)
        assert (status, list(problems(page))) == (400, ["day" if bad["day"] == "soon" else "text"])


# ----- export


def test_an_export_leads_to_the_file_of_the_days_that_were_named(editor, store):
    assert "Parquet" in editor.get("/export")
    old_view(store, days=1)
    sent = {"format": "jsonl", "since": "2026-01-01", "until": ""}
    answer = editor.client.post(f"{editor.url}/export", data=sent, headers=OURS)
    assert (answer.status_code, answer.location) == (303, "/sites/blog/export.jsonl?since=2026-01-01")
    assert b"https://blog.example.com/" in editor.client.get(answer.location).data
    for bad, wrong in (({"format": "xml"}, "format"), ({"since": "soon"}, "since"),
                       ({"since": "2026-01-02", "until": "2026-01-01"}, "until")):
        status, page = editor.send("/export", **{"format": "csv"} | bad)
        assert (status, list(problems(page))) == (400, [wrong])


# ----- who may


def test_each_section_is_there_for_who_may_use_it_and_for_nobody_else(app, client_of):
    """What takes an owner is refused to an editor, and a viewer, or whoever is of another site, sees nothing."""
    users_of = {name: client_of(name) for name in users.ROLES}
    checked = set()
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("settings."):
            continue
        path = re.sub("<.*?>", "x", rule.rule.replace("<site>", "blog"))
        for method in rule.methods & {"GET", "POST"}:
            needed = rule_of(rule.endpoint, method)
            for name, client in users_of.items():
                answer = client.open(path, method=method, headers=OURS)
                may = users.ROLES.index(name) >= users.ROLES.index(needed)
                assert (answer.status_code != 403) == may, (path, method, name)
                assert client.open(path.replace("blog", "other"), method=method, headers=OURS).status_code == 404
            checked.add(needed)
    assert checked == {"editor", "owner"}


def test_the_sections_that_a_user_may_not_see_are_not_named(client_of):
    named = {name: re.findall("<li><a href=\"/sites/blog/settings.*?>(.*?)</a>", Pages(client_of(name)).get())
             for name in ("editor", "owner")}
    assert "Tokens" in named["owner"]
    assert "Tokens" not in named["editor"]
    assert {"General", "Filters", "Goals"} <= set(named["editor"])


def test_a_form_that_another_site_sends_changes_nothing(client_of, store):
    answer = client_of("owner").post("/sites/blog/settings", data={"url": "", "timezone": "UTC"},
                                     headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, accounts.find(store, "blog").url) == (403, "https://blog.example.com")


# ----- import

LOG = b"""192.0.2.7 - - [31/Jan/2026:10:00:00 +0000] "GET /post HTTP/1.1" 200 512 "-" "Mozilla/5.0"
192.0.2.7 - - [31/Jan/2026:10:00:01 +0000] "GET /a.css HTTP/1.1" 200 512 "-" "Mozilla/5.0"
192.0.2.7 - - [31/Jan/2026:10:00:02 +0000] "POST /form HTTP/1.1" 200 512 "-" "Mozilla/5.0"
<script>not a line</script>
"""


def upload(owner, content, name="access.log", **fields):
    """Upload a log and wait for the end of its import; returns the page then."""
    answer = owner.client.post(f"{owner.url}/import", data={"log": (io.BytesIO(content), name), **fields}, headers=OURS)
    if answer.status_code == 303:
        until(lambda: "<progress" not in owner.get("/import"), 60)
    return answer.status_code, owner.get("/import") if answer.status_code == 303 else answer.text


def test_an_uploaded_access_log_is_imported_as_the_command_line_does_and_once(owner, store, tmp_path):
    assert upload(owner, LOG, "logs/access.log")[0] == 303
    kept = stored(store, "PageViews")
    assert [(each["url"], each["ip"]) for each in kept] == [("https://blog.example.com/post", "192.0.2.0")]
    _, page = upload(owner, gzip.compress(LOG), "access.log.gz", origin="")
    assert stored(store, "PageViews") == kept
    there = ["skipped: there already (imported before)", "1"]
    assert sum(there in rows(page, number) for number in (0, 1)) == 1
    assert [["Lines", "Number"], ["read", "4"], ["taken as page-views", "1"],
            ["skipped: asset (picture, script, style sheet, download …)", "1"], ["skipped: method (not a GET)", "1"],
            ["skipped: malformed (not a line of an access log)", "1"]] in (rows(page, 0), rows(page, 1))
    assert ("<bdi>access.log</bdi>" in page, "&lt;script&gt;not a line" in page) == (True, True)
    assert noted(store)[0] == ("import.begin", f"access.log, {len(LOG)} bytes")
    assert list((tmp_path / "data" / "uploads").iterdir()) == []
    upload(owner, LOG, origin="https://www.example.com")
    assert {each["url"] for each in stored(store, "PageViews")} == {"https://blog.example.com/post"}


@pytest.mark.parametrize("content, name, fields, wrong", [
    (b"", "", {}, "log"), (LOG, "a.log", {"origin": "blog.example.com"}, "origin"),
])
def test_an_upload_that_cannot_be_is_refused(owner, store, tmp_path, content, name, fields, wrong):
    status, page = upload(owner, content, name, **fields)
    assert (status, list(problems(page)), uploads.uploads(store, "blog")) == (400, [wrong], [])


def test_an_import_that_fails_says_why(owner, store):
    _, page = upload(owner, gzip.compress(LOG)[:-20], "cut.gz")
    assert re.search(r'<p class="problem">It failed after \d page-views: cut.gz: cannot be read on', page)


def test_one_import_of_a_site_goes_on_at_a_time_and_one_that_was_cut_off_is_told_so(owner, store):
    now = datetime.now(UTC)
    fields = {"name": "access.log", "size": 100, "state": "running", "told": now.isoformat()}
    running = definitions.add(store, "blog", "import", fields)
    status, page = upload(owner, LOG)
    assert (status, "another import of this site goes on" in problems(page)["log"]) == (400, True)
    definitions.change(store, "blog", "import", running.id, fields | {
        "told": (now - timedelta(minutes=5)).isoformat(), "taken": 7})
    assert "It was cut off, as the server ended, after 7 page-views" in owner.get("/import")
    assert upload(owner, LOG)[0] == 303


# ----- a real server


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with a site, and the session cookies of an owner and an editor."""
    data = tmp_path_factory.mktemp("served")
    footfall(data, "site", "add", "blog", "--url", "https://blog.example.com")
    with open_store(f"sqlite:///{data}/footfall.db", config.load({}, environ={})) as store:
        for name in ("owner", "editor"):
            users.add(store, name, PASSWORD, {"blog": name})
    with Server(data) as server:
        yield server, {name: log_in(server.url, name, PASSWORD) for name in ("owner", "editor")}


def post(server, cookie, path, body, kind="application/x-www-form-urlencoded"):
    return ask(f"{server.url}/sites/blog/settings{path}", "POST", body,
               **{"Sec-Fetch-Site": "same-origin", "Cookie": cookie, "Content-Type": kind})


def test_a_filter_that_was_saved_holds_for_the_running_server(served):
    """Within ten seconds, as after `footfall site set`."""
    server, cookies = served

    def apart(number):
        beacon = f"{server.url}/a.gif?id=blog&url=https%3A%2F%2Fblog.example.com%2Fprivate%2F{number}"
        assert ask(beacon, **{"User-Agent": BROWSER})[0] == 200
        with open_store(f"sqlite:///{server.data}/footfall.db", config.load({}, environ={})) as store:
            filtered = store.family("Filtered").get_range(column_count=10_000)
            return "page: /private/*" in [unpack(value)["reason"] for _, row in filtered for value in row.values()]

    assert not apart(0)
    form = urlencode(FILTERS | {"exclude_pages": "/private/*"})
    assert post(server, cookies["editor"], "/filters", form)[0] == 303
    numbers = count(1)
    until(lambda: apart(next(numbers)))
    listed = footfall(server.data, "filtered", "list", "blog", "--json").stdout
    assert json.loads(listed)["by_reason"]["page: /private/*"] == 1
    told = footfall(server.data, "site", "set", "blog", "--url", "https://www.example.com").stdout
    assert "exclude_pages = /private/*" in told
    page = ask(f"{server.url}/sites/blog/settings", Cookie=cookies["editor"])[2].decode()
    assert 'value="https://www.example.com"' in page


def multipart(content):
    """A form with a file, as a browser sends it; returns its type and its bytes."""
    edge = "----footfall"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="log"; filename="large.log"\r\n\r\n'
    return f"multipart/form-data; boundary={edge}", head.encode() + content + f"\r\n--{edge}--\r\n".encode()


def test_a_server_takes_a_large_upload_from_an_owner_and_from_nobody_else(served):
    server, cookies = served
    lines = b"".join(LOG.splitlines(keepends=True)[0].replace(b"/post", b"/post/%d" % number)
                     for number in range(20_000))
    kind, body = multipart(lines)
    assert len(body) > MAX_BODY_BYTES
    for cookie, path in ((cookies["editor"], "/import"), ("", "/import"), (cookies["owner"], "/filters")):
        assert post(server, cookie, path, body, kind)[0] == 413
    assert post(server, cookies["owner"], "/import", body, kind)[0] == 303

    def shown():
        page = ask(f"{server.url}/sites/blog/settings/import", Cookie=cookies["owner"])[2].decode()
        return "<progress" not in page and rows(page)

    assert until(shown, 60) == [["Lines", "Number"], ["read", "20,000"], ["taken as page-views", "20,000"]]
    assert list((server.data / "uploads").iterdir()) == []
