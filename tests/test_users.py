"""Users as the command and the login see them."""

import re

import pytest

from footfall import second_factor, sessions, users
from footfall.errors import UsageError

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PASSWORD = "long enough"


def test_a_user_is_added_listed_and_removed(store):
    users.add(store, "owner", PASSWORD)
    users.add(store, "a.b_c-d@example.com", PASSWORD)
    assert [user.name for user in users.all_users(store)] == ["a.b_c-d@example.com", "owner"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", users.all_users(store)[0].created)
    users.remove(store, "owner")
    assert [user.name for user in users.all_users(store)] == ["a.b_c-d@example.com"]
    assert not users.check(store, "owner", PASSWORD)


@pytest.mark.parametrize("name, password, right", [
    ("owner", PASSWORD, True),
    ("owner", PASSWORD + " ", False),
    ("owner", "", False),
    ("Owner", PASSWORD, False),
    ("nobody", PASSWORD, False),
    ("", PASSWORD, False),
    ("own\0er", PASSWORD, False),
    ("x" * 1000, PASSWORD, False),
])
def test_only_the_users_own_password_is_right(store, name, password, right):
    users.add(store, "owner", PASSWORD)
    assert users.check(store, name, password) is right


@pytest.mark.parametrize("name, password, message", [
    ("", PASSWORD, "user '': must be 1 to 64 letters"),
    ("a b", PASSWORD, "user 'a b': must be"),
    ("x" * 65, PASSWORD, "must be 1 to 64 letters"),
    ("owner", PASSWORD, "user 'owner': exists already; `footfall user password owner`"),
    ("second", "too short", "password: must be at least 10 characters"),
    ("second", "with a \x1b in it", "all of them printable"),
])
def test_what_cannot_be_a_user_is_refused(store, name, password, message):
    users.add(store, "owner", PASSWORD)
    with pytest.raises(UsageError, match=re.escape(message)) as refused:
        users.add(store, name, password)
    assert password not in str(refused.value)
    assert len(users.all_users(store)) == 1


def test_another_password_and_a_new_user_of_that_name_end_the_sessions(store):
    users.add(store, "owner", PASSWORD)
    tokens = [users.session_token(store, "owner")]
    created = users.all_users(store)[0].created
    users.set_password(store, "owner", "something else")
    tokens.append(users.session_token(store, "owner"))
    assert (users.check(store, "owner", PASSWORD), users.check(store, "owner", "something else")) == (False, True)
    assert users.all_users(store)[0].created == created
    users.add(store, "second", PASSWORD)
    users.remove(store, "owner")
    assert users.session_token(store, "owner") is None
    users.add(store, "owner", PASSWORD)
    tokens.append(users.session_token(store, "owner"))
    assert len(set(tokens)) == 3


@pytest.mark.parametrize("change", [users.remove, lambda store, name: users.set_password(store, name, PASSWORD)])
def test_a_user_that_is_none_is_named_with_those_there_are(store, change):
    with pytest.raises(UsageError, match="user 'nobody': unknown; the users are none yet; `footfall user add NAME`"):
        change(store, "nobody")
    users.add(store, "owner", PASSWORD)
    with pytest.raises(UsageError, match="the users are owner"):
        change(store, "nobody")


def test_the_password_is_stored_as_an_scrypt_hash_alone(store):
    users.add(store, "owner", PASSWORD)
    value = store.family("Users").get("users", ["owner"])["owner"]
    assert value["password"].startswith("scrypt:")
    assert PASSWORD.encode() not in bytes(value)
    assert set(value.keys()) == {"password", "created", "session", "roles"}


def test_an_unknown_user_costs_as_many_hashes_as_a_wrong_password(store, monkeypatch):
    users.add(store, "owner", PASSWORD)
    hashed = []
    real = users.check_password_hash
    monkeypatch.setattr(users, "check_password_hash", lambda *given: hashed.append(given[0]) or real(*given))
    for name in ("owner", "nobody", "\0"):
        assert not users.check(store, name, "wrong password")
    assert len(hashed) == 3
    assert {stored.rpartition("$")[0].partition("$")[0] for stored in hashed} == {"scrypt:1024:1:1"}


def test_passwords_made_are_long_readable_and_never_the_same():
    made = {users.new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"(?:[2-9a-hjkmnp-z]{5}-){3}[2-9a-hjkmnp-z]{5}", password) for password in made)
    assert len(second_factor.READABLE) ** 20 > 2**80


@pytest.mark.parametrize("roles, role, site, may", [
    ({"*": "owner"}, "owner", "*", True),
    ({"*": "owner"}, "viewer", "blog", True),
    ({"*": "viewer"}, "viewer", "blog", True),
    ({"*": "viewer"}, "editor", "blog", False),
    ({"*": "viewer", "blog": "owner"}, "owner", "blog", True),
    ({"*": "viewer", "blog": "owner"}, "owner", "*", False),
    ({"*": "editor", "blog": "viewer"}, "editor", "blog", True),
    ({"blog": "owner"}, "viewer", "shop", False),
    ({"blog": "owner"}, "viewer", "*", False),
    ({}, "viewer", "blog", False),
])
def test_a_role_allows_what_those_below_it_do_on_its_site(store, roles, role, site, may):
    users.add(store, "anna", PASSWORD, roles)
    assert users.known(store, "anna").may(role, site) is may


def test_a_role_is_given_and_taken_on_one_site_and_on_every_site(store):
    users.add(store, "owner", PASSWORD)
    users.add(store, "anna", PASSWORD, {})
    assert users.set_role(store, "anna", "editor", "blog").roles == {"blog": "editor"}
    assert users.set_role(store, "anna", "viewer").roles == {"blog": "editor", "*": "viewer"}
    assert users.set_role(store, "anna", None, "blog").roles == {"*": "viewer"}
    with pytest.raises(UsageError, match="role 'boss' on 'blog': must be viewer, editor or owner"):
        users.set_role(store, "anna", "boss", "blog")


@pytest.mark.parametrize("change", [
    lambda store: users.remove(store, "owner"),
    lambda store: users.set_role(store, "owner", "editor"),
    lambda store: users.set_role(store, "owner", None),
    lambda store: users.set_roles(store, "owner", {"blog": "owner"}),
])
def test_the_last_owner_of_every_site_stays(store, change):
    users.add(store, "owner", PASSWORD)
    users.add(store, "anna", PASSWORD, {"*": "editor", "blog": "owner"})
    with pytest.raises(UsageError, match="user 'owner': is the last owner of every site; make another one first"):
        change(store)
    assert users.known(store, "owner").may("owner")
    users.set_role(store, "anna", "owner")
    change(store)


def test_with_a_user_go_its_sessions_and_its_codes(store):
    for name in ("owner", "anna"):
        users.add(store, name, PASSWORD)
        sessions.begin(store, name)
        second_factor.begin(store, name)
        second_factor.new_recovery_codes(store, name)
    users.remove(store, "anna")
    assert [len(sessions.all_of(store, name)) for name in ("owner", "anna")] == [1, 0]
    assert [second_factor.pending(store, name) is None for name in ("owner", "anna")] == [False, True]
    assert [second_factor.recovery_codes_left(store, name) for name in ("owner", "anna")] == [10, 0]
