"""The account, the users, the people of a site and the audit log as the pages show them."""

import html
import re
import time

import pytest

from footfall import accounts, audit, second_factor, sessions, totp, users
from footfall.app import create_app
from tests.logins import OURS, PASSWORD, log_in, logged_in, made, post, shown


@pytest.fixture
def app(settings_of, store, cheap_hashes):
    for site in ("blog", "shop"):
        accounts.add(store, site)
    users.add(store, "admin", PASSWORD)
    users.add(store, "owner", PASSWORD, {"blog": "owner"})
    return create_app(settings_of())


@pytest.fixture
def owner(app):
    """Logged in as the owner of one site."""
    return logged_in(app)


@pytest.fixture
def admin(app):
    """Logged in as the owner of every site."""
    return logged_in(app, "admin")


def noted(store):
    return [(entry.by, entry.action, entry.site, entry.detail) for entry in audit.entries(store)]


def present_code(store, name="owner", step=0):
    secret = store.family("Users").get("totp", [name])[name]["secret"]
    return totp.code(secret, int(time.time()) // totp.STEP_SECONDS + step)


# ----- the account


def test_another_password_takes_the_old_one_and_ends_the_other_sessions(app, store, owner):
    other = logged_in(app)
    answer = post(owner, "/account/password", old=PASSWORD, password="something else", again="something else")
    assert (answer.status_code, answer.location) == (303, "/account?done=password")
    assert "all other sessions have ended" in owner.get(answer.location).text
    assert other.get("/").status_code == 303
    assert log_in(app.test_client()).status_code == 403
    assert log_in(app.test_client(), password="something else").status_code == 303
    assert ("owner", "user.password", "", "owner") in noted(store)


@pytest.mark.parametrize("old, password, again, status, problem", [
    ("wrong password", "something else", "something else", 403, "Wrong password."),
    (PASSWORD, "something else", "something", 400, "password: the two are not the same"),
    (PASSWORD, "short", "short", 400, "password: must be at least 10 characters"),
    ("", "", "", 403, "Wrong password."),
])
def test_what_cannot_be_a_change_of_password_changes_nothing(app, owner, old, password, again, status, problem):
    answer = post(owner, "/account/password", old=old, password=password, again=again)
    assert (answer.status_code, shown(answer)[:len(problem)]) == (status, problem)
    assert log_in(app.test_client()).status_code == 303


def test_sessions_are_listed_and_ended_from_another(app, store, owner):
    other = app.test_client()
    log_in(other, headers={**OURS, "User-Agent": "<b>Other"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    page = owner.get("/account").text
    assert "&lt;b&gt;Other" in page
    assert "192.0.2.0" in page
    assert "192.0.2.7" not in page
    assert page.count("this browser") == 1
    (ends,) = re.findall(r'name="id" value="(\w+)"', page)
    assert post(owner, "/account/sessions/end", id=ends).status_code == 303
    assert (other.get("/account").status_code, owner.get("/account").status_code) == (303, 200)
    assert post(owner, "/account/sessions/end", id=ends).status_code == 303
    assert ("owner", "session.end", "", ends) in noted(store)


def test_whoever_logs_out_cannot_come_back_with_the_old_cookie(owner):
    cookie = owner.get_cookie("footfall_session").value
    assert post(owner, "/logout").location == "/login"
    owner.set_cookie("footfall_session", cookie)
    assert owner.get("/").status_code == 303


def test_a_session_of_another_users_is_not_ended(app, store, owner, admin):
    (session,) = sessions.all_of(store, "admin")
    post(owner, "/account/sessions/end", id=session.id)
    assert admin.get("/account").status_code == 200


# ----- codes


@pytest.fixture
def recovery(owner, store):
    """The recovery codes of the owner, who has turned codes on."""
    post(owner, "/account/codes/begin")
    return made(post(owner, "/account/codes/confirm", code=present_code(store, step=-1))).split()


def test_codes_are_turned_on_with_a_secret_an_address_and_a_picture(owner, store):
    assert "Turn codes on" in owner.get("/account").text
    assert post(owner, "/account/codes/begin").location == "/account#codes"
    page = owner.get("/account").text
    secret = second_factor.pending(store, "owner")
    assert f'<pre class="copy">{secret}</pre>' in page
    assert html.unescape(re.search(r"otpauth://[^<]*", page)[0]).startswith(
        f"otpauth://totp/footfall%20localhost:owner?secret={secret}&")
    assert re.search(r"<svg .*?</svg>", page)
    assert "style=" not in page
    answer = post(owner, "/account/codes/confirm", code="000000" if present_code(store) != "000000" else "1")
    assert (answer.status_code, shown(answer)[:11]) == (400, "Wrong code.")
    assert not second_factor.is_on(store, "owner")
    answer = post(owner, "/account/codes/confirm", code=present_code(store))
    assert len(made(answer).split()) == second_factor.RECOVERY_CODES
    page = owner.get("/account").text
    assert secret not in page
    assert "10 recovery" in page
    assert ("owner", "totp.on", "", "owner") in noted(store)


def test_a_login_then_takes_a_code_in_a_form_of_its_own(app, store, recovery):
    client = app.test_client()
    answer = log_in(client, to="/login?next=/account")
    assert (answer.status_code, answer.location) == (303, "/login/code?next=/account")
    assert client.get("/").location == "/login?next=/"
    assert 'name="code"' in client.get(answer.location).text
    refused = post(client, answer.location, code="1")
    assert (refused.status_code, shown(refused)) == (403, "Wrong code, or one that was used already.")
    code = present_code(store)
    answer = post(client, answer.location, code=code)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert client.get("/account").status_code == 200
    again = app.test_client()
    log_in(again)
    assert post(again, "/login/code", code=code).status_code == 403
    assert post(again, "/login/code", code=recovery[0]).status_code == 303
    assert again.get("/account").status_code == 200
    third = app.test_client()
    log_in(third)
    assert post(third, "/login/code", code=recovery[0]).status_code == 403
    assert ("", "login.refused", "", "user owner, wrong code") in noted(store)


def test_nobody_is_asked_for_a_code_who_has_shown_no_password(app, client_of_pending, recovery, store):
    client = app.test_client()
    assert client.get("/login/code").location == "/login?next=/"
    assert post(client, "/login/code", code=present_code(store)).location == "/login?next=/"
    client = client_of_pending(-1)
    assert client.get("/login/code").location == "/login?next=/"
    client = client_of_pending(60)
    assert client.get("/login/code").status_code == 200
    users.set_password(store, "owner", "something else")
    assert post(client, "/login/code", code=present_code(store)).location == "/login?next=/"


@pytest.fixture
def client_of_pending(app, store):
    """Makes clients that have shown the owner's password, and may show a code for some more seconds."""

    def make(seconds):
        client = app.test_client()
        with client.session_transaction() as session:
            session["pending"] = {"user": "owner", "token": users.session_token(store, "owner"),
                                  "until": int(time.time()) + seconds}
        return client

    return make


def test_whoever_guesses_codes_must_wait_although_the_password_is_right(app, store, recovery):
    client = app.test_client()
    for _ in range(5):
        assert log_in(client).status_code == 303
        assert post(client, "/login/code", code="1").status_code == 403
    assert log_in(client).status_code == 303
    answer = post(client, "/login/code", code=present_code(store))
    assert (answer.status_code, shown(answer)[:22]) == (429, "Too many failed codes.")
    assert int(answer.headers["Retry-After"]) > 0


def test_codes_are_turned_off_by_the_password(app, store, owner, recovery):
    assert post(owner, "/account/codes/off", old="wrong password").status_code == 403
    assert second_factor.is_on(store, "owner")
    renewed = made(post(owner, "/account/codes/recovery", old=PASSWORD)).split()
    assert set(renewed).isdisjoint(recovery)
    assert post(owner, "/account/codes/off", old=PASSWORD).location == "/account?done=off"
    assert log_in(app.test_client()).location == "/"


def test_an_open_browser_is_no_way_to_guess_the_password(owner):
    for _ in range(5):
        assert post(owner, "/account/codes/off", old="wrong password").status_code == 403
    assert post(owner, "/account/codes/off", old=PASSWORD).status_code == 429


# ----- all users


def test_users_are_added_with_a_role_and_a_password_that_is_shown_once(app, store, admin):
    answer = post(admin, "/users/add", name="anna", role="viewer", site="blog")
    assert answer.headers["Cache-Control"] == "no-store"
    anna = logged_in(app, "anna", made(answer))
    assert (anna.get("/sites/blog").status_code, anna.get("/sites/shop").status_code) == (200, 404)
    page = admin.get("/users").text
    assert "viewer of blog" in page
    assert made(answer) not in page
    assert ("admin", "user.add", "blog", "anna, viewer") in noted(store)


def test_roles_passwords_and_users_are_changed(app, store, admin):
    owner = logged_in(app)
    assert owner.get("/sites/shop").status_code == 404
    assert post(admin, "/users/role", name="owner", role="viewer", site="*").status_code == 303
    assert owner.get("/sites/shop").status_code == 200
    assert post(admin, "/users/role", name="owner", role="none", site="*").status_code == 303
    assert owner.get("/sites/shop").status_code == 404
    reset = post(admin, "/users/password", name="owner")
    assert owner.get("/").status_code == 303
    owner = logged_in(app, "owner", made(reset))
    assert post(admin, "/users/remove", name="owner").status_code == 303
    assert owner.get("/").status_code == 303
    assert [entry[1:] for entry in noted(store) if entry[0] == "admin" and entry[1] != "login"] == [
        ("user.remove", "", "owner"), ("user.password", "", "owner"), ("user.role", "", "owner, none"),
        ("user.role", "", "owner, viewer")]


@pytest.mark.parametrize("path, fields, problem", [
    ("add", {"name": "owner", "role": "viewer", "site": "*"}, "exists already"),
    ("add", {"name": "<b>", "role": "viewer", "site": "*"}, "must be 1 to 64 letters"),
    ("add", {"name": "anna", "role": "boss", "site": "*"}, "must be viewer, editor or owner"),
    ("add", {"name": "anna", "role": "viewer", "site": "nowhere"}, "unknown; the sites are blog, shop"),
    ("add", {}, "unknown; the sites are"),
    ("role", {"name": "nobody", "role": "viewer", "site": "*"}, "unknown; the users are admin, owner"),
    ("role", {"name": "admin", "role": "none", "site": "*"}, "is the last owner of every site"),
    ("role", {"name": "admin", "role": "viewer", "site": "*"}, "is the last owner of every site"),
    ("remove", {"name": "admin"}, "is the last owner of every site"),
    ("remove", {}, "unknown; the users are"),
    ("password", {"name": "nobody"}, "unknown; the users are"),
])
def test_what_cannot_be_done_with_users_is_said(store, admin, path, fields, problem):
    before = users.all_users(store)
    answer = post(admin, f"/users/{path}", **fields)
    assert answer.status_code == 400
    assert problem in shown(answer)
    assert users.all_users(store) == before


# ----- the people of a site


def test_an_owner_lets_people_into_a_site_and_sends_them_away(app, store, owner):
    answer = post(owner, "/sites/blog/settings/people", name="anna", role="viewer")
    anna = logged_in(app, "anna", made(answer))
    assert anna.get("/sites/blog").status_code == 200
    assert post(owner, "/sites/blog/settings/people", name="anna", role="editor").status_code == 303
    assert users.known(store, "anna").roles == {"blog": "editor"}
    assert post(owner, "/sites/blog/settings/people", name="anna", role="none").status_code == 303
    assert anna.get("/sites/blog").status_code == 404
    assert "anna" not in owner.get("/sites/blog/settings/people").text
    assert [entry for entry in noted(store) if entry[0] == "owner" and entry[1] != "login"] == [
        ("owner", "user.role", "blog", "anna, none"), ("owner", "user.role", "blog", "anna, editor"),
        ("owner", "user.add", "blog", "anna, viewer")]


@pytest.mark.parametrize("name, role, problem", [
    ("owner", "none", "only an owner of every site makes and unmakes owners"),
    ("owner", "viewer", "only an owner of every site makes and unmakes owners"),
    ("anna", "owner", "only an owner of every site makes and unmakes owners"),
    ("anna", "boss", "must be viewer, editor or owner"),
    ("nobody", "none", "user &#39;nobody&#39;: unknown"),
    ("", "viewer", "must be 1 to 64 letters"),
])
def test_what_an_owner_of_a_site_may_not_do_with_its_people(store, owner, name, role, problem):
    before = users.all_users(store)
    answer = post(owner, "/sites/blog/settings/people", name=name, role=role)
    assert answer.status_code == 400
    assert problem in shown(answer)
    assert "admin" not in shown(answer)
    assert users.all_users(store) == before


def test_an_owner_of_every_site_makes_and_unmakes_owners(store, admin):
    page = admin.get("/sites/blog/settings/people").text
    assert "owner of every site" in page
    post(admin, "/sites/blog/settings/people", name="anna", role="owner")
    assert users.known(store, "anna").roles == {"blog": "owner"}
    post(admin, "/sites/blog/settings/people", name="owner", role="viewer")
    assert users.known(store, "owner").roles == {"blog": "viewer"}


# ----- the audit log


def test_the_audit_log_is_shown_page_by_page_and_to_a_sites_owners_what_is_about_it(store, admin, owner):
    for number in range(60):
        audit.note(store, "site.set", by="<i>", site="blog" if number % 2 else "shop", detail=f"number={number}.")
    page = admin.get("/audit").text
    assert "&lt;i&gt;" in page
    assert re.findall(r"number=(\d+)\.", page) == [str(number) for number in reversed(range(10, 60))]
    older = admin.get(html.unescape(re.search(r'href="([^"]*before=[^"]*)"', page)[1])).text
    assert re.findall(r"number=(\d+)\.", older) == [str(number) for number in reversed(range(10))]
    page = owner.get("/sites/blog/settings/audit").text
    assert re.findall(r"number=(\d+)\.", page) == [str(number) for number in reversed(range(1, 60, 2))]
    for strange in ("x", "\0", "9999", "2026-01-01T00:00:00.000000+00:00-zzzzzzzz"):
        assert admin.get("/audit", query_string={"before": strange}).status_code == 200


def test_logins_are_noted_without_what_was_typed_for_a_name(app, store):
    for name, password in (("owner", "wrong password"), ("my secret password", "x"), ("owner", PASSWORD)):
        log_in(app.test_client(), name, password, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert [entry[1:] for entry in audit.entries(store)] == [
        ("owner", "login", "", "", "192.0.2.0"),
        ("", "login.refused", "", "unknown user", "192.0.2.0"),
        ("", "login.refused", "", "user owner", "192.0.2.0")]
