"""What a page asks for while it is looked at: who is there, and whether anything is new."""

from datetime import UTC, datetime, timedelta

import pytest

from footfall import accounts, timeuuid, users
from footfall.app import create_app
from footfall.pageview import row_key
from tests.logins import OURS, PASSWORD


@pytest.fixture
def reader(settings_of, store, monkeypatch):
    """A client of somebody who may see one site."""
    monkeypatch.setattr(users, "HASHING", "scrypt:1024:1:1")
    for site in ("blog", "shop"):
        accounts.add(store, site)
    users.add(store, "reader", PASSWORD, {"blog": "viewer"})
    client = create_app(settings_of()).test_client()
    said = client.post("/login", data={"name": "reader", "password": PASSWORD}, headers=OURS)
    assert said.status_code == 303
    return client


def view(store, when, visitor):
    store.family("PageViews").insert(row_key("blog", when.date()), {timeuuid.make(timeuuid.ticks_at(when), visitor): {
        "url": "http://blog.example.com/", "title": "", "ip": "", "referrer": "", "user_agent": "", "language": "",
        "visitor": bytes([visitor] * 8)}})


def test_who_is_there_now_is_told_and_when_the_newest_event_was(reader, store):
    told = reader.get("/sites/blog/live").json
    assert (told["visitors"], told["newest"]) == (0, None)
    now = datetime.now(UTC)
    for minutes, visitor in ((60, 1), (4, 2), (2, 2), (1, 3), (-60, 4)):
        view(store, now - timedelta(minutes=minutes), visitor)
    told = reader.get("/sites/blog/live")
    # Whose event lies in the future, as a wrong clock has it, is not there yet.
    assert (told.json["visitors"], told.json["newest"]) == (2, (now - timedelta(minutes=1)).isoformat())
    assert now <= datetime.fromisoformat(told.json["at"]) <= datetime.now(UTC)
    assert told.headers["Cache-Control"] == "no-store"
    view(store, now, 3)
    told = reader.get("/sites/blog/live").json
    assert (told["visitors"], told["newest"]) == (2, now.isoformat())


def test_it_is_told_to_those_only_who_may_see_the_site(reader):
    assert [reader.get(f"/sites/{site}/live").status_code for site in ("blog", "shop", "none")] == [200, 404, 404]
