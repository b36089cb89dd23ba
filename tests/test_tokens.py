"""Tokens as the command and a server see them."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from footfall import accounts, cli, tokens
from footfall.errors import StoreUnavailable, UsageError
from footfall.tokens import KnownTokens

NOW = datetime.now(UTC)


class Away:
    """A store that can go away, and a clock."""

    def __init__(self, store):
        self.store = store
        self.is_away = False
        self.asked = 0
        self.now = 0.0

    def __call__(self):
        self.asked += 1
        if self.is_away:
            raise StoreUnavailable("away")
        return self.store

    def known(self):
        return KnownTokens(self, clock=lambda: self.now)


@pytest.fixture
def away(store):
    return Away(store)


def test_a_token_is_random_and_only_its_hash_is_stored(store):
    texts = [tokens.add(store, "blog")[0] for _ in range(20)]
    assert len(set(texts)) == 20
    assert all(re.fullmatch(r"ff_[A-Za-z0-9_-]{43}", text) for text in texts)
    columns = dict(store.family("Tokens").xget("tokens"))
    assert len(columns) == 20
    kept = repr(columns)
    assert not any(text in kept or text.removeprefix("ff_") in kept for text in texts)


def test_tokens_are_listed_and_removed_by_their_ids(store):
    _, second = tokens.add(store, "shop", "billing", days=30)
    _, first = tokens.add(store, "blog")
    assert tokens.all_tokens(store) == [first, second]
    assert (second.site, second.name, second.scope) == ("shop", "billing", "events")
    assert datetime.fromisoformat(second.expires) - datetime.fromisoformat(second.created) == timedelta(days=30)
    assert first.expires == ""
    assert tokens.remove(store, first.id) == first
    assert tokens.all_tokens(store) == [second]


def test_an_id_that_is_none_is_refused_without_being_repeated(store):
    text, made = tokens.add(store, "blog")
    with pytest.raises(UsageError, match=rf"token: unknown; .*: {made.id}$") as refused:
        tokens.remove(store, text)
    assert text not in str(refused.value)


@pytest.mark.parametrize("name", ["x" * 65, "a\tb", "a\x1b[31m"])
def test_a_name_that_would_spoil_the_list_is_refused(store, name):
    with pytest.raises(UsageError, match=r"name .*: must be at most 64 characters"):
        tokens.add(store, "blog", name)


def test_a_token_is_known_once_asked_for_and_a_wrong_one_never(away):
    text, made = tokens.add(away.store, "blog")
    known = away.known()
    assert known.find(text, NOW) == made
    assert known.find(text, NOW) == made
    assert away.asked == 1
    for wrong in ("", "ff_", text[:-1], text + "A", text.swapcase(), "ff_" + "A" * 43, "ff_" + "é" * 43, made.hash):
        assert known.find(wrong, NOW) is None


def test_unknown_tokens_ask_the_store_once_a_second(away):
    known = away.known()
    for number in range(10):
        assert known.find("ff_" + f"{number}" * 43, NOW) is None
    assert away.asked == 1
    text, made = tokens.add(away.store, "blog")
    assert known.find(text, NOW) is None
    away.now = 1.1
    assert known.find(text, NOW) == made


def test_a_removed_token_ends_within_ten_seconds(away):
    text, made = tokens.add(away.store, "blog")
    known = away.known()
    assert known.find(text, NOW) == made
    tokens.remove(away.store, made.id)
    away.now = 10
    assert known.find(text, NOW) is None


def test_a_token_ends_when_it_expires_also_while_the_store_is_away(away):
    text, made = tokens.add(away.store, "blog", days=1)
    known = away.known()
    end = datetime.fromisoformat(made.expires)
    assert known.find(text, end - timedelta(seconds=1)) == made
    away.is_away = True
    away.now = 20
    assert known.find(text, end - timedelta(seconds=1)) == made
    assert known.find(text, end) is None


def test_while_the_store_is_away_known_tokens_stay_known_and_of_others_nothing_is_said(away):
    text, made = tokens.add(away.store, "blog")
    later, _ = tokens.add(away.store, "blog")
    known = away.known()
    assert known.find(text, NOW) == made
    tokens.remove(away.store, tokens.all_tokens(away.store)[1].id)
    away.is_away = True
    for away.now in (20, 40, 60):
        assert known.find(text, NOW) == made
    with pytest.raises(StoreUnavailable, match="away"):
        known.find("ff_" + "A" * 43, NOW)
    with pytest.raises(StoreUnavailable, match="away"):
        away.known().find(later, NOW)


def test_the_tokens_of_a_removed_site_go_with_it(store):
    for site in ("blog", "blog", "shop"):
        tokens.add(store, site)
    tokens.remove_all_of(store, "blog")
    tokens.remove_all_of(store, "nobody")
    assert [token.site for token in tokens.all_tokens(store)] == ["shop"]


@pytest.mark.parametrize("site, scopes, kept, may, may_not", [
    ("blog", ["events"], "events", [("events", "blog"), ("events", "")],
     [("events", "shop"), ("read", "blog"), ("", "blog"), ("events read", "blog")]),
    ("blog", ["write", "read", "read"], "read write", [("read", "blog"), ("write", "blog")], [("events", "blog")]),
    ("*", ["read"], "read", [("read", "blog"), ("read", "shop"), ("read", "")], [("write", "blog")]),
])
def test_a_token_is_for_its_scopes_on_its_site(store, site, scopes, kept, may, may_not):
    _, made = tokens.add(store, site, scopes=scopes)
    assert tokens.all_tokens(store) == [made]
    assert made.scope == kept
    assert [made.may(*asked) for asked in (*may, *may_not)] == [True] * len(may) + [False] * len(may_not)


@pytest.mark.parametrize("scopes", [[], ["admin"], ["read", ""], ["read write"]])
def test_a_token_of_no_scope_or_another_is_none(store, scopes):
    with pytest.raises(UsageError, match="must be some of events, read, write"):
        tokens.add(store, "blog", scopes=scopes)
    assert tokens.all_tokens(store) == []


def test_the_command_gives_scopes_and_every_site(store, settings_of, capsys):
    arguments = ["--data", str(settings_of().data)]
    accounts.add(store, "blog")
    for site, scopes in (("blog", []), ("*", ["--scope", "write", "--scope", "read"])):
        assert cli.main(["token", "add", "--site", site, *scopes, *arguments]) == 0
    assert cli.main(["token", "add", "--site", "shop", *arguments]) == 2
    capsys.readouterr()
    assert cli.main(["token", "list", *arguments]) == 0
    assert [line.split("\t")[1:3] for line in capsys.readouterr().out.splitlines()] == [
        ["*", "read write"], ["blog", "events"]]
