import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date
from typing import ClassVar

import pytest

from footfall import accounts, timeuuid
from footfall.accounts import KnownAccounts
from footfall.errors import StoreUnavailable, UsageError
from tests.waiting import until


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Memory:
    kept: ClassVar = {}

    def remember_accounts(self, columns):
        self.kept = columns

    def accounts(self):
        return self.kept


class Away:
    """A store that can go away."""

    def __init__(self, store):
        self.store = store
        self.is_away = False
        self.asked = 0

    def __call__(self):
        self.asked += 1
        if self.is_away:
            raise StoreUnavailable("away")
        return self.store


@pytest.fixture
def away(store):
    accounts.add(store, "blog")
    return Away(store)


def test_an_account_is_known_once_asked_for(away):
    known = KnownAccounts(away)
    assert not known.recall("blog")
    assert "blog" in known
    assert known.recall("blog")
    assert away.asked == 1


def test_unknown_ids_ask_the_store_once_a_second(away):
    clock = Clock()
    known = KnownAccounts(away, clock=clock)
    for _ in range(10):
        assert "nobody" not in known
    assert away.asked == 1
    accounts.add(away.store, "nobody")
    clock.now = 1.1
    assert "nobody" in known


def test_while_the_store_is_asked_others_wait_longer_if_nothing_is_known_yet(away, monkeypatch):
    monkeypatch.setattr(accounts, "PATIENCE_SECONDS", 0.01)
    entered, gate, clock = threading.Event(), threading.Event(), Clock()

    def slow():
        entered.set()
        assert gate.wait(10)
        return away()

    known = KnownAccounts(slow, clock=clock)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(known.find, "blog")
        assert entered.wait(10)
        second = pool.submit(known.find, "blog")
        # Longer than anybody waits later.
        assert not wait([second], timeout=0.2).done
        gate.set()
        assert first.result(10) == second.result(10) == known.recall("blog")
        gate.clear()
        entered.clear()
        clock.now = 2
        third = pool.submit(known.find, "nobody")
        assert entered.wait(10)
        with pytest.raises(StoreUnavailable, match="slow to tell"):
            known.find("nobody")
        gate.set()
        assert third.result(10) is None


def test_a_removed_account_is_unknown_when_the_list_was_read_again(away):
    clock = Clock()
    known = KnownAccounts(away, clock=clock)
    assert "blog" in known
    accounts.remove(away.store, "blog", with_events=False)
    assert "blog" in known
    clock.now = 11
    until(lambda: not known.recall("blog"))
    assert "blog" not in known


def test_known_accounts_stay_known_while_the_store_is_away(away):
    clock = Clock()
    known = KnownAccounts(away, clock=clock)
    assert "blog" in known
    away.is_away = True
    for clock.now in (20, 40, 60):
        assert "blog" in known
    with pytest.raises(StoreUnavailable, match="away"):
        "nobody" in known  # noqa: B015


def test_a_collector_that_starts_while_the_store_is_away_remembers(away):
    memory = Memory()
    assert "blog" in KnownAccounts(away, memory=lambda: memory)
    assert list(memory.kept) == ["blog"]
    away.is_away = True
    again = KnownAccounts(away, memory=lambda: memory)
    assert "blog" in again
    with pytest.raises(StoreUnavailable, match="away"):
        "nobody" in again  # noqa: B015
    with pytest.raises(StoreUnavailable, match="away"):
        "blog" in KnownAccounts(away)  # noqa: B015


def test_settings_of_a_site_are_kept_as_they_were_given_and_read_as_what_they_mean(away):
    defaults = accounts.find(away.store, "blog").settings
    assert (defaults["dnt"], defaults["retention_days"]) == ("honour", 0)
    accounts.configure(away.store, "blog", {"dnt": "ignore", "retention_days": "400"})
    accounts.configure(away.store, "blog", {"dnt": ""})
    found = KnownAccounts(away).find("blog")
    assert (found.given, found.settings) == ({"retention_days": "400"}, defaults | {"retention_days": 400})
    assert found == accounts.find(away.store, "blog")


@pytest.mark.parametrize("changes, message", [
    ({"retention_days": "never"}, r"--retention-days='never': must be a whole number from 0 to 7300"),
    ({"colour": "blue"}, "colour: unknown setting of a site; there are timezone, "),
])
def test_a_setting_that_a_site_cannot_have_is_refused_by_name(away, changes, message):
    with pytest.raises(UsageError, match=message):
        accounts.configure(away.store, "blog", changes)
    assert accounts.find(away.store, "blog").given == {}


def test_a_site_moves_to_another_url_and_keeps_its_settings(away):
    accounts.configure(away.store, "blog", {"dnt": "ignore"})
    accounts.set_url(away.store, "blog", "https://www.example.com/")
    found = accounts.find(away.store, "blog")
    assert (found.url, found.given) == ("https://www.example.com", {"dnt": "ignore"})
    for url in ("www.example.com", "ftp://example.com", "https://example.com/page", "http://["):
        with pytest.raises(UsageError, match="must be where the site's pages are"):
            accounts.set_url(away.store, "blog", url)
    with pytest.raises(UsageError, match="unknown"):
        accounts.set_url(away.store, "shop", "")


def test_a_site_that_is_removed_with_its_events_leaves_no_trail_and_rows_of_others_are_no_hindrance(away):
    store, name, visitor = away.store, timeuuid.make(timeuuid.ticks_at(date(2026, 1, 2)), 1), bytes(8)
    store.family("PageViews").batch_insert({"20260102.blog": {name: b"\x80"}, "no row key": {name: b"\x80"},
                                            "20260102.shop": {name: b"\x80"}})
    store.family("Visitors").batch_insert({key: {(visitor, name): b"\x80"} for key in ("202601.blog", "202601.shop")})
    store.family("Retries").insert("PageViews 20260102.blog", {str(name): b"\x80"})
    assert accounts.remove(store, "blog", with_events=True) == 1
    assert {family: list(store.family(family).row_keys()) for family in ("PageViews", "Visitors", "Retries")} == {
        "PageViews": ["20260102.shop", "no row key"], "Visitors": ["202601.shop"], "Retries": []}
