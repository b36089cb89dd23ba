"""Sessions as the store keeps them."""

from datetime import UTC, datetime, timedelta

import pytest

from footfall import sessions
from footfall.errors import UsageError


def test_a_session_is_found_by_its_secret_and_its_users_name_alone(store):
    secret = sessions.begin(store, "anna", "Firefox", "192.0.2.0")
    found = sessions.find(store, "anna", secret)
    assert (found.agent, found.client, found.seen) == ("Firefox", "192.0.2.0", found.created)
    assert sessions.find(store, "ben", secret) is None
    for other in ("", "x", secret + "x", found.hash, "é"):
        assert sessions.find(store, "anna", other) is None
    assert secret not in repr([(name, bytes(value)) for name, value in store.family("Sessions").xget("anna")])


def test_sessions_are_listed_the_last_used_first_and_ended_one_by_one_and_all(store):
    now = datetime.now(UTC)
    secrets = {agent: sessions.begin(store, "anna", agent) for agent in ("one", "two", "three")}
    sessions.see(store, "anna", sessions.find(store, "anna", secrets["two"]), now + timedelta(hours=2))
    listed = sessions.all_of(store, "anna")
    assert (len(listed), listed[0].agent) == (3, "two")
    assert sessions.end(store, "anna", listed[0].id).agent == "two"
    assert sessions.find(store, "anna", secrets["two"]) is None
    assert sessions.find(store, "anna", secrets["one"]) is not None
    with pytest.raises(UsageError, match=f"session '{listed[0].id}': unknown; anna has [0-9a-f]{{12}}, [0-9a-f]{{12}}"):
        sessions.end(store, "anna", listed[0].id)
    sessions.end_all(store, "anna")
    assert sessions.all_of(store, "anna") == []


@pytest.mark.parametrize("kind", ["memory", "sqlite", "cassandra"])
def test_sessions_begin_and_end_in_every_store(empty):
    secrets = [sessions.begin(empty, "anna", str(number)) for number in range(3)]
    first = sessions.find(empty, "anna", secrets[0])
    sessions.see(empty, "anna", first, datetime.now(UTC) + timedelta(hours=2))
    sessions.end(empty, "anna", first.id)
    assert [sessions.find(empty, "anna", secret) is None for secret in secrets] == [True, False, False]
    sessions.end_all(empty, "anna")
    assert sessions.all_of(empty, "anna") == []
    assert sessions.find(empty, "anna", sessions.begin(empty, "anna")) is not None


def test_it_is_noted_once_an_hour_that_one_is_used(store, monkeypatch):
    secret = sessions.begin(store, "anna")
    created = datetime.fromisoformat(sessions.find(store, "anna", secret).created)
    written = []
    family = type(store.family("Sessions"))
    real = family.insert
    monkeypatch.setattr(family, "insert", lambda *given, **more: written.append(given) or real(*given, **more))
    for minutes, seen in ((59, 0), (60, 60), (61, 60), (119, 60), (120, 120)):
        sessions.see(store, "anna", sessions.find(store, "anna", secret), created + timedelta(minutes=minutes))
        assert datetime.fromisoformat(sessions.find(store, "anna", secret).seen) - created == timedelta(minutes=seen)
    assert len(written) == 2


def test_a_session_that_was_ended_while_it_was_used_stays_ended(store):
    secret = sessions.begin(store, "anna")
    found = sessions.find(store, "anna", secret)
    sessions.end(store, "anna", found.id)
    sessions.see(store, "anna", found, datetime.now(UTC) + timedelta(hours=2))
    assert sessions.find(store, "anna", secret) is None
    assert sessions.all_of(store, "anna") == []


def test_a_session_goes_by_itself_after_thirty_days(store, monkeypatch):
    ttls = []
    family = type(store.family("Sessions"))
    real = family.insert
    monkeypatch.setattr(family, "insert", lambda *given, ttl=None: ttls.append(ttl) or real(*given, ttl=ttl))
    found = sessions.find(store, "anna", sessions.begin(store, "anna"))
    sessions.see(store, "anna", found, datetime.fromisoformat(found.created) + timedelta(days=29, hours=23))
    sessions.see(store, "anna", found, datetime.fromisoformat(found.created) + timedelta(days=31))
    assert ttls == [30 * 86_400, 3600, 1]


def test_what_a_browser_calls_itself_is_kept_short(store):
    assert len(sessions.find(store, "anna", sessions.begin(store, "anna", "x" * 5000)).agent) == sessions.MAX_AGENT
