"""The first run: who has the token that the server printed becomes the first user."""

import re

import pytest

from footfall import audit, users, welcome
from footfall.app import create_app
from footfall.cli.serve import greeting
from tests.logins import PASSWORD, log_in, post, shown

NAME = {"name": "anna", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def client(settings_of, store, cheap_hashes):
    return create_app(settings_of()).test_client()


def test_the_token_makes_the_first_user_who_owns_everything(store, client):
    token = welcome.new_token(store)
    assert 'href="/welcome"' in client.get("/login").text
    assert 'name="token"' in client.get("/welcome").text
    answer = post(client, "/welcome", token=f" {token}\n", **NAME)
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/users").status_code == 200
    assert users.known(store, "anna").roles == {"*": "owner"}
    assert [(entry.by, entry.action) for entry in audit.entries(store)] == [("anna", "user.add")]


def test_once_there_is_a_user_no_token_counts(store, client):
    token = welcome.new_token(store)
    users.add(store, "owner", PASSWORD)
    assert client.get("/welcome").location == "/login"
    assert post(client, "/welcome", token=token, **NAME).location == "/login"
    assert not welcome.is_token(store, token)
    assert not welcome.add_first(store, token, "anna", PASSWORD)
    assert welcome.new_token(store) is None
    assert "welcome" not in client.get("/login").text
    assert [user.name for user in users.all_users(store)] == ["owner"]


def test_servers_that_start_one_after_the_other_have_tokens_of_their_own(store):
    tokens = [welcome.new_token(store) for _ in range(3)]
    assert len(set(tokens)) == 3
    assert all(re.fullmatch(r"[\w-]{22}", token) and welcome.is_token(store, token) for token in tokens)
    for other in ("", "x", tokens[0][:-1]):
        assert not welcome.is_token(store, other)
    assert not any(token in repr(list(store.family("Users").xget("welcome"))) for token in tokens)


@pytest.mark.parametrize("changes, status, problem", [
    ({"token": "wrong"}, 403, "That is not the token"),
    ({"token": ""}, 403, "That is not the token"),
    ({"again": "something else"}, 400, "password: the two are not the same"),
    ({"password": "short", "again": "short"}, 400, "password: must be at least 10 characters"),
    ({"name": "a b"}, 400, "user &#39;a b&#39;: must be 1 to 64 letters"),
])
def test_what_cannot_be_a_first_user_is_said_and_the_token_counts_on(store, client, changes, status, problem):
    token = welcome.new_token(store)
    answer = post(client, "/welcome", **{"token": token, **NAME, **changes})
    assert (answer.status_code, shown(answer)[:len(problem)]) == (status, problem)
    assert not users.any_user(store)
    assert post(client, "/welcome", token=token, **NAME).status_code == 303


def test_whoever_guesses_the_token_must_wait(store, client, caplog):
    token = welcome.new_token(store)
    for _ in range(5):
        assert post(client, "/welcome", token="guess", **NAME).status_code == 403
    answer = post(client, "/welcome", token=token, **NAME)
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    assert "first user refused: wrong token, from 127.0.0.1" in caplog.text
    assert "guess" not in caplog.text


def test_without_a_user_nobody_logs_in(client):
    assert log_in(client).status_code == 403


def test_the_server_says_address_and_token_apart(settings_of):
    told = greeting(settings_of(port="8080"), [], "the-token").splitlines()
    assert [line.strip() for line in told[-4:]] == [
        "There is no user yet. To become the first, open", "http://127.0.0.1:8080/welcome", "and enter the token",
        "the-token"]
    assert "the-token" in greeting(settings_of(role="web"), [], "the-token")
    assert "token" not in greeting(settings_of(), [])
