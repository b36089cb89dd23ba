"""The page on which reports and alerts are added, tried and removed, and the link in a mail that ends them."""

import html
import re

import pytest

from footfall import accounts, audit, users
from footfall.app import create_app
from footfall.mailing import alerts, subscriptions, unsubscribing
from footfall.mailing.destinations import destination
from tests.logins import OURS, PASSWORD
from tests.servers import Server, ask, footfall, log_in
from tests.test_mail import box, server, subscribe  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PAGE = "/sites/blog/settings/mail"
LISTED = re.compile(r"<td>(\S+@\S+|https://\S+)<br>every (week|month): ")


@pytest.fixture
def app(server, box, settings_of, store):  # noqa: F811
    for site in ("blog", "shop"):
        accounts.add(store, site)
    for name, roles in (("owner", {"*": "owner"}), ("editor", {"blog": "editor"}), ("viewer", {"blog": "viewer"})):
        users.add(store, name, PASSWORD, roles)
    return create_app(settings_of(**server[1], public_url="https://stats.example.com"))


@pytest.fixture
def editor(app):
    return logged_in(app, "editor")


def logged_in(app, name):
    client = app.test_client()
    # Behind https, as the address says; the session's cookie is sent over nothing else.
    client.environ_base["wsgi.url_scheme"] = "https"
    options = {"base_url": "https://stats.example.com", "headers": OURS}
    assert client.post("/login", data={"name": name, "password": PASSWORD}, **options).status_code == 303
    return lambda method, path, **form: client.open(path, method=method, data=form, **options)


def test_an_editor_adds_a_report_tries_it_and_removes_it(editor, store, box):  # noqa: F811
    assert "Nobody gets a report of this site." in editor("GET", PAGE).text
    added = editor("POST", PAGE, to="anna@example.com", every="week", section=["pages", "goals"])
    assert (added.status_code, added.location) == (303, PAGE)
    (made,) = subscriptions.subscriptions(store, "blog")
    assert (made.destination.to, made.every, made.sections) == ("anna@example.com", "week", ("pages", "goals"))
    page = editor("GET", PAGE).text
    assert LISTED.findall(page) == [("anna@example.com", "week")]
    assert editor("POST", f"{PAGE}/{made.id}/try").status_code == 303
    assert "Sent to anna@example.com." in editor("GET", PAGE).text
    assert box.subjects == ["blog: 0 visitors last week (0%)"]
    box.answers["RCPT"] = "550 <nobody>"
    tried = editor("POST", f"{PAGE}/{made.id}/try")
    assert (tried.status_code, "550 &lt;nobody&gt;" in tried.text) == (502, True)
    assert editor("POST", f"{PAGE}/{made.id}/remove").status_code == 303
    assert subscriptions.subscriptions(store, "blog") == []
    assert [entry.action for entry in audit.entries(store) if entry.action.startswith("mail.")] == [
        "mail.remove", "mail.try", "mail.try", "mail.add"]


def test_who_tries_too_often_has_to_wait(editor, store, box):  # noqa: F811
    made = subscribe(store)
    answers = [editor("POST", f"{PAGE}/{made.id}/try") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert len(box.letters) == 5


def test_the_secret_of_a_webhook_is_on_the_page_once(editor, store):
    added = editor("POST", PAGE, webhook="https://hooks.example.com/x", every="month")
    (made,) = subscriptions.subscriptions(store, "blog")
    assert made.destination.secret in added.text
    assert added.headers["Cache-Control"] == "no-store"
    page = editor("GET", PAGE).text
    assert LISTED.findall(page) == [("https://hooks.example.com/…", "month")]
    assert made.destination.secret not in page
    # The path of a webhook may be as good as a password.
    assert "hooks.example.com/x" not in page + repr(list(audit.entries(store)))


def test_an_alert_is_added_and_removed(editor, store):
    for when, numbers in (("visitors", {"threshold": "7"}), ("views", {}), ("silence", {"hours": "5"})):
        assert editor("POST", "/sites/blog/settings/alerts", to="anna@example.com", when=when, **numbers
                      ).status_code == 303
    made = alerts.alerts(store, "blog")
    page = html.unescape(editor("GET", PAGE).text)
    assert [f"<td>anna@example.com<br>{each}</td>" in page for each in made] == [True] * 3
    assert {each.when: dict(each.numbers) for each in made} == {
        "visitors": {"threshold": 7, "minutes": 5}, "views": {"times": 3, "least": 20}, "silence": {"hours": 5}}
    for each in made:
        assert editor("POST", f"/sites/blog/settings/alerts/{each.id}/remove").status_code == 303
    assert alerts.alerts(store, "blog") == []


def test_an_editor_says_what_the_badge_tells(editor, store):
    tag = '<img src="https://stats.example.com/badge/blog.svg" alt="Views this month" height="20">'
    for told, status, is_shown in (("views", 303, True), ("everything", 400, True), ("off", 303, False)):
        assert editor("POST", "/sites/blog/settings/badge", badge=told).status_code == status
        page = html.unescape(editor("GET", PAGE).text)
        assert (tag in page) == is_shown
    assert accounts.find(store, "blog").given == {}
    assert [entry.detail for entry in audit.entries(store) if entry.action == "site.set"] == [
        "badge: views → the default", "badge: off → views"]


@pytest.mark.parametrize("path, form, message", [
    ("mail", {"to": "anna", "every": "week"}, "to 'anna': must be an address"),
    ("mail", {"every": "week"}, "neither is given"),
    ("mail", {"to": "anna@example.com", "every": "day"}, "every 'day': must be"),
    ("mail", {"to": "anna@example.com", "every": "week", "section": "<b>"}, "section '<b>': must be one of"),
    ("alerts", {"to": "anna@example.com"}, "when '': must be one of"),
    ("alerts", {"to": "anna@example.com", "when": "silence", "hours": "x"}, "hours='x': must be a whole number"),
    ("alerts", {"to": "anna@example.com", "when": "silence", "hours": "999"}, "hours=999: must be"),
])
def test_what_cannot_be_is_told_on_the_page(editor, path, form, message):
    answer = editor("POST", f"/sites/blog/settings/{path}", **form)
    assert answer.status_code == 400
    assert message in html.unescape(answer.text)


def test_nobody_reaches_what_is_another_sites(app, store):
    made = subscribe(store, "shop")
    for name, path, status in (
        ("viewer", PAGE, 403), ("editor", "/sites/shop/settings/mail", 404),
        ("owner", "/sites/none/settings/mail", 404),
    ):
        assert logged_in(app, name)("GET", path).status_code == status
    assert logged_in(app, "editor")("POST", f"{PAGE}/{made.id}/remove").status_code == 400
    assert subscriptions.subscriptions(store, "shop") == [made]


def test_a_mail_program_ends_a_subscription_by_one_post_and_a_reader_by_a_button(app, store):
    client = app.test_client()
    for is_program in (True, False):
        made = subscribe(store)
        path = f"/mail/unsubscribe/{unsubscribing.token(store, 'blog', made.id)}"
        if not is_program:
            page = client.get(path)
            assert (page.status_code, "Send me no more" in page.text) == (200, True)
            assert page.headers["Cache-Control"] == "no-store"
        assert subscriptions.subscriptions(store, "blog") == [made]
        # A program of no page of ours: no cookie, no Origin.
        for _ in range(2):
            answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
            assert (answer.status_code, "You get no more of these mails" in answer.text) == (200, True)
        assert subscriptions.subscriptions(store, "blog") == []
    for path in ("/mail/unsubscribe/x", "/mail/unsubscribe/blog.0123456789ab.AAAAAAAAAAAAAAAAAAAAAAAA"):
        assert (client.get(path).status_code, client.post(path).status_code) == (404, 404)


def test_the_link_is_not_in_the_access_log_and_works_at_a_real_server(store, settings_of, tmp_path):
    accounts.add(store, "blog")
    made = subscriptions.add(store, "blog", destination("anna@example.com"), "week")
    token = unsubscribing.token(store, "blog", made.id)
    with Server(tmp_path / "data", access_log=tmp_path / "access.log") as running:
        url = f"{running.url}/mail/unsubscribe/{token}"
        assert ask(url, Referer=url)[0] == 200
        assert ask(f"{url}?x=1", "POST", "List-Unsubscribe=One-Click", **{
            "Content-Type": "application/x-www-form-urlencoded"})[0] == 200
        running.stop()
    assert subscriptions.subscriptions(store, "blog") == []
    log = (tmp_path / "access.log").read_text()
    assert (log.count("/mail/unsubscribe/- HTTP"), log.count("/mail/unsubscribe/-?x=1"), token in log) == (1, 1, False)


def test_a_report_is_tried_at_a_real_server(server, box, tmp_path):  # noqa: F811
    footfall(tmp_path, "site", "add", "blog")
    footfall(tmp_path, "user", "add", "owner", "--password-stdin", stdin=PASSWORD)
    added = footfall(tmp_path, "mail", "add", "--site", "blog", "--to", "anna@example.com").stdout
    (made,) = re.findall("Added ([0-9a-f]{12})", added)
    with Server(tmp_path, **server[1]) as running:
        cookie = log_in(running.url, "owner", PASSWORD)
        status, _, page = ask(f"{running.url}{PAGE}/{made}/try", "POST", "", Cookie=cookie, **OURS)
        assert status == 303, page
        running.stop()
    assert len(box.letters) == 1
