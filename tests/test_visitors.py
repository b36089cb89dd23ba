"""Who is known again, for how long, and that nobody is afterwards."""

from datetime import UTC, date, datetime, timedelta

import pytest

import footfall
from footfall import accounts, timeuuid
from footfall.app import create_app
from footfall.collect.outbox import Outbox
from footfall.collect.visitors import LineVisitors, Undecided, Visitors
from footfall.errors import StoreUnavailable, UsageError
from footfall.salts import Salts, period
from footfall.storage import Remove
from footfall.stores import open_store, sqlite_file
from footfall.stores.memory import MemoryStore
from tests.waiting import until

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)
WHO = ("blog", "192.0.2.7", "Mozilla/5.0")


def ticks(**after):
    """A moment so long after midnight."""
    return timeuuid.ticks_at(MIDNIGHT + timedelta(**after))


class Away:
    """A store that does not answer."""

    def __getattr__(self, name):
        raise StoreUnavailable("away")


def visitors(store, mode="daily", memory=None):
    return Visitors(Salts(mode, lambda: store, memory), lambda: store)


@pytest.mark.parametrize("mode, moment, name, begin, end", [
    ("daily", "2026-01-05T00:00", "daily 2026-01-05", "2026-01-05", "2026-01-06"),
    ("daily", "2026-01-05T23:59:59.999999", "daily 2026-01-05", "2026-01-05", "2026-01-06"),
    ("weekly", "2026-01-04T12:00", "weekly 2025-12-29", "2025-12-29", "2026-01-05"),
    ("weekly", "2026-01-05T00:00", "weekly 2026-01-05", "2026-01-05", "2026-01-12"),
    ("monthly", "2026-02-28T12:00", "monthly 2026-02-01", "2026-02-01", "2026-03-01"),
    ("monthly", "2026-12-31T12:00", "monthly 2026-12-01", "2026-12-01", "2027-01-01"),
])
def test_a_period_is_a_day_a_week_from_monday_or_a_month_in_utc(mode, moment, name, begin, end):
    found = period(mode, timeuuid.ticks_at(datetime.fromisoformat(moment)))
    assert found == (name, *(timeuuid.ticks_at(date.fromisoformat(day)) for day in (begin, end)))


def test_collectors_that_share_a_store_give_a_visitor_one_id_and_others_others():
    store = MemoryStore()
    first, second = visitors(store), visitors(store)
    one = first.visitor(*WHO, ticks(hours=9), at_once=False)
    assert len(one) == 8
    assert second.visitor(*WHO, ticks(hours=10), at_once=False) == one
    others = {second.visitor(*who, ticks(hours=10), at_once=True) for who in (
        ("shop", *WHO[1:]), ("blog", "192.0.2.8", "Mozilla/5.0"), ("blog", "192.0.2.7", "Other/1"))}
    assert len(others | {one}) == 4


def test_a_salt_that_is_not_known_is_asked_for_where_there_is_time():
    known = visitors(MemoryStore())
    with pytest.raises(Undecided):
        known.visitor(*WHO, ticks(hours=9), at_once=True)
    one = known.visitor(*WHO, ticks(hours=9), at_once=False)
    assert known.visitor(*WHO, ticks(hours=9), at_once=True) == one


@pytest.mark.parametrize("mode, later", [("daily", timedelta(days=1)), ("weekly", timedelta(days=7)),
                                         ("monthly", timedelta(days=31))])
def test_a_visitor_is_another_when_the_period_is_over(mode, later):
    known = visitors(MemoryStore(), mode)
    one = known.visitor(*WHO, ticks(hours=9), at_once=False)
    assert known.visitor(*WHO, ticks(hours=9) + later // timedelta(microseconds=1) * 10, at_once=False) != one


@pytest.mark.parametrize("before, after, same", [
    (timedelta(minutes=-10), timedelta(minutes=10), True),
    (timedelta(minutes=-29), timedelta(minutes=29), True),
    (timedelta(minutes=-10), timedelta(minutes=31), False),
    (timedelta(minutes=-45), timedelta(minutes=10), False),
])
@pytest.mark.parametrize("collectors", [1, 2])
def test_a_visit_survives_the_change_for_half_an_hour(before, after, same, collectors):
    store = MemoryStore()
    known = [visitors(store) for _ in range(collectors)]
    first, then = (timeuuid.ticks_at(MIDNIGHT + span) for span in (before, after))
    one = known[0].visitor(*WHO, first, at_once=False)
    name = timeuuid.make(first, 1)
    store.family("Visitors").insert("202601.blog", {(one, name): b"\x80"})
    known[-1].visitor("blog", "192.0.2.99", "another", then, at_once=False)
    assert (known[-1].visitor(*WHO, then, at_once=False) == one) is same


def test_after_the_change_no_file_holds_the_salt_and_no_address_can_be_found_again(tmp_path):
    url = f"sqlite:///{tmp_path}/footfall.db"
    with open_store(url) as store, open_store(url) as other:
        known = Salts("daily", lambda: store)
        salt = known.at(ticks(hours=9)).current
        store.family("Accounts").insert("accounts", {"blog": b"\x80"})
        assert other.family("Salts").get("salts") == {"daily 2026-01-05": salt}
        assert any(salt in path.read_bytes() for path in tmp_path.iterdir())
        known.tidy(ticks(days=1, minutes=10))
        assert known.at(ticks(days=1, minutes=10)).previous == salt
        known._tidy_at = 0
        known.tidy(ticks(days=1, minutes=31))
        assert [path.name for path in tmp_path.iterdir() if salt in path.read_bytes()] == []
        assert salt not in store.family("Salts").get("salts").values()
        assert salt not in known._known.values()
        assert known.at(ticks(days=1, minutes=31)).previous is None
        # What is kept of a visitor is of no use without it.
        assert Salts("daily", lambda: other).at(ticks(hours=9)).current != salt


def test_a_log_that_is_being_read_keeps_the_salt_until_the_next_attempt(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/footfall.db"
    with open_store(url) as store:
        store.claim("Salts", "salts", "daily 2026-01-05", b"0123456789abcdef")
        over = [[Remove("Salts", "salts", "daily 2026-01-05")]]
        held = store.file._connect()
        reader = held.connection
        reader.execute("BEGIN")
        reader.execute('SELECT count(*) FROM "Salts"').fetchone()
        monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0)
        with pytest.raises(StoreUnavailable, match="still holds what was deleted"):
            store.shred(over)
        reader.execute("ROLLBACK")
        store.shred(over)
        assert not any(b"0123456789abcdef" in path.read_bytes() for path in tmp_path.iterdir())


def test_the_next_salt_is_agreed_on_before_the_change():
    store = MemoryStore()
    known = Salts("daily", lambda: store)
    known.at(ticks(hours=9))
    known.tidy(ticks(hours=21))
    assert list(store.family("Salts").get("salts")) == ["daily 2026-01-05"]
    known._tidy_at = 0
    known.tidy(ticks(hours=23))
    assert list(store.family("Salts").get("salts")) == ["daily 2026-01-05", "daily 2026-01-06"]


def test_while_the_store_is_away_the_processes_of_one_machine_agree(tmp_path):
    outbox = Outbox(tmp_path / "outbox.db")
    away = [Salts("daily", Away, lambda: outbox) for _ in range(2)]
    assert away[0].at(ticks(hours=9)).current == away[1].at(ticks(hours=9)).current
    with pytest.raises(StoreUnavailable):
        Salts("daily", Away).at(ticks(hours=9))
    known = visitors(Away(), memory=lambda: outbox)
    one = known.visitor(*WHO, ticks(days=1, minutes=10), at_once=False)
    assert known.visitor(*WHO, ticks(days=1, minutes=10), at_once=True) == one
    salt = outbox.salt("daily 2026-01-05")
    outbox.shred_salts({"daily 2026-01-06"})
    assert not any(salt in path.read_bytes() for path in tmp_path.iterdir())
    outbox.close()


def test_all_salts_are_destroyed_where_visitors_are_not_told_apart_by_them():
    store = MemoryStore()
    store.claim("Salts", "salts", "daily 2026-01-05", b"salt")
    Salts("none", lambda: store).tidy(ticks(hours=9))
    assert list(store.family("Salts").xget("salts")) == []


@pytest.mark.parametrize("mode, posted, seen", [
    ("daily", {}, True),
    ("daily", {"visitor": "a" * 22, "new": True}, True),
    ("cookie", {"visitor": "a" * 22}, True),
    ("cookie", {}, False),
    ("none", {"visitor": "a" * 22}, False),
])
def test_visitors_are_told_apart_as_the_owner_says(settings_of, store, mode, posted, seen):
    accounts.add(store, "blog")
    client = create_app(settings_of(visitors=mode)).test_client()
    for address in ("192.0.2.7", "192.0.2.8"):
        answer = client.post("/e", json={"id": "blog", "url": "x", **posted}, environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == 204
    views = [dict(view) for _, row in store.family("PageViews").get_range() for view in row.values()]
    assert len({view.get("visitor") for view in views}) == (2 if mode == "daily" else 1)
    assert all(("visitor" in view) is seen for view in views)
    # What a page says of its cookie counts in that mode alone.
    assert all(("new" in view) is (mode == "cookie" and "new" in posted) for view in views)


def test_one_visitors_trail_is_read_by_its_id(settings_of, store):
    accounts.add(store, "blog")
    app = create_app(settings_of())
    client = app.test_client()
    for number, event in enumerate([None, "signup", None]):
        body = {"id": "blog", "url": f"http://blog.example.com/{number}"} | ({"event": event} if event else {})
        client.post("/e", json=body, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    client.post("/e", json={"id": "blog", "url": "http://blog.example.com/other"},
                environ_base={"REMOTE_ADDR": "192.0.2.8"})
    view = next(view for _, row in store.family("PageViews").get_range() for view in row.values() if "0" in view["url"])
    now = datetime.now(UTC)
    around = now - timedelta(days=1), now + timedelta(days=1)
    for visitor in (view["visitor"], view["visitor"].hex()):
        trail = list(footfall.visitor("blog", visitor, *around, store=store))
        assert [(fields["url"][-1], fields.get("event")) for _, _, fields in trail] == [
            ("0", None), ("1", "signup"), ("2", None)]
        assert all(account == "blog" and when.tzinfo is UTC for account, when, _ in trail)
    assert list(footfall.visitor("blog", bytes(8), *around, store=store)) == []
    with pytest.raises(UsageError, match="16 hexadecimal digits"):
        list(footfall.visitor("blog", "nobody", *around, store=store))


def test_a_running_collector_destroys_what_is_over(settings_of, store):
    collector = create_app(settings_of()).extensions["footfall"]
    collector.clock = timeuuid.Clock(lambda: ticks(days=1, hours=12) * 100)
    collector.store().claim("Salts", "salts", "daily 2026-01-05", b"salt")
    collector.tidy()
    until(lambda: not list(store.family("Salts").xget("salts")))


def test_lines_of_today_have_the_collectors_visitors_and_those_of_the_past_have_others(store):
    live = visitors(store).visitor(*WHO, ticks(hours=9), at_once=False)
    lines = [LineVisitors("daily", store, lambda: ticks(hours=20) * 100) for _ in range(2)]
    assert lines[0].visitor(*WHO, ticks(hours=10)) == live
    yesterday = [each.visitor(*WHO, ticks(hours=hour - 24)) for each in lines for hour in (9, 12)]
    assert yesterday[0] == yesterday[1] != yesterday[2] == yesterday[3]
    assert list(store.family("Salts").get("salts")) == ["daily 2026-01-05"]


def test_who_was_there_is_forgotten_with_the_salt():
    known = visitors(MemoryStore())
    known.visitor(*WHO, ticks(hours=9), at_once=False)
    assert WHO in known._hashes.visitors
    known.tidy(ticks(days=1, hours=12))
    assert known._hashes.visitors == {}
