"""Alerts: many visitors, an unusual hour, silence; each told once, and again when it was over."""

import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from footfall import accounts, definitions
from footfall.errors import UsageError
from footfall.mailing import alerts, unsubscribing
from footfall.mailing.destinations import destination
from footfall.mailing.herald import Herald
from footfall.reports.asking import days_of
from footfall.reports.cache import open_cache
from tests.servers import footfall
from tests.test_mail import NOW, box, config, herald, server, view  # noqa: F401 - fixtures
from tests.test_webhook import hook  # noqa: F401 - a fixture

WEEK = timedelta(weeks=1)


@pytest.fixture
def blog(store):
    accounts.add(store, "blog")
    return accounts.find(store, "blog")


def views(store, count, at, first=1):
    for number in range(count):
        view(store, "blog", at + timedelta(seconds=number), visitor=first + number)


def usually(store, count, at=NOW, weeks=(1, 2, 3, 4)):
    for week in weeks:
        views(store, count, at - week * WEEK)


def add(store, when, **numbers):
    return alerts.add(store, "blog", destination("anna@example.com"), when, numbers)


def begins(store, config, alert, now=NOW, zone="UTC"):  # noqa: F811
    found = alerts.verdict(alert, days_of(open_cache(config, store), "blog"), now, zone)
    return found.begins, found.ends


@pytest.mark.parametrize("count, state", [
    (0, (False, True)), (7, (False, True)), (8, (False, False)), (9, (False, False)), (10, (True, False)),
    (11, (True, False)),
])
def test_many_visitors_within_some_minutes(store, config, blog, count, state):  # noqa: F811
    alert = add(store, "visitors", threshold=10, minutes=2)
    views(store, count, NOW - timedelta(minutes=1))
    views(store, 30, NOW - timedelta(minutes=3), first=100)
    assert begins(store, config, alert) == state


@pytest.mark.parametrize("usual, count, state", [
    (10, 31, (True, False)), (10, 30, (False, False)), (10, 24, (False, True)),
    # Three times nothing is soon reached: there must be so many at least.
    (0, 19, (False, False)), (0, 20, (True, False)), (0, 15, (False, True)),
])
def test_an_hour_of_more_views_than_usual(store, config, blog, usual, count, state):  # noqa: F811
    alert = add(store, "views", times=3, least=20)
    usually(store, usual, NOW - timedelta(minutes=30))
    # One week in which it was otherwise does not make it usual.
    views(store, 99, NOW - WEEK - timedelta(minutes=50), first=1000)
    views(store, count, NOW - timedelta(minutes=30))
    assert begins(store, config, alert) == state


@pytest.mark.parametrize("weeks, since, state", [
    ((1, 2, 3, 4), None, (True, False)), ((1, 3, 4), None, (True, False)), ((2, 3), None, (False, False)),
    ((), None, (False, False)), ((1, 2, 3, 4), 119, (False, True)), ((1, 2, 3, 4), 121, (True, False)),
])
def test_silence_where_there_use_to_be_events(store, config, blog, weeks, since, state):  # noqa: F811
    alert = add(store, "silence", hours=2)
    usually(store, 1, NOW - timedelta(hours=1), weeks)
    if since is not None:
        views(store, 1, NOW - timedelta(minutes=since))
    assert begins(store, config, alert) == state


def test_the_same_hour_of_a_week_before_is_so_by_the_clock(store, config, blog):  # noqa: F811
    berlin = ZoneInfo("Europe/Berlin")
    # Clocks were set back on Sunday the 25th: the same hour was an hour earlier in UTC.
    now = datetime(2026, 10, 27, 12, tzinfo=berlin)
    for week in range(1, 5):
        at = (now.replace(tzinfo=None) - week * WEEK - timedelta(minutes=10)).replace(tzinfo=berlin)
        views(store, 1, at)
    alert = add(store, "silence", hours=1)
    assert begins(store, config, alert, now, "Europe/Berlin") == (True, False)
    assert begins(store, config, alert, now, "UTC") == (False, False)


def test_each_happening_is_told_once_and_the_next_again(box, herald, store, blog):  # noqa: F811
    add(store, "visitors", threshold=2, minutes=5)
    for minute, count in ((0, 0), (1, 2), (2, 0), (3, 0), (20, 0), (21, 0), (22, 3), (23, 0)):
        now = NOW + timedelta(minutes=minute)
        views(store, count, now - timedelta(seconds=30), first=10 * minute)
        list(herald.look(blog, now))
    assert box.subjects == ["blog: 2 visitors within 5 minutes", "blog: 3 visitors within 5 minutes"]


def test_silence_is_told_and_so_is_its_end(box, herald, store, blog):  # noqa: F811
    add(store, "silence", hours=1)
    for hours in (-1, 0, 1, 2):
        usually(store, 1, NOW + timedelta(hours=hours) - timedelta(minutes=30))
    list(herald.look(blog, NOW))
    list(herald.look(blog, NOW + timedelta(minutes=1)))
    assert box.subjects == ["blog: no event for 1 hour"]
    views(store, 1, NOW + timedelta(minutes=61))
    list(herald.look(blog, NOW + timedelta(minutes=62)))
    list(herald.look(blog, NOW + timedelta(minutes=63)))
    assert box.subjects == ["blog: no event for 1 hour", "blog: over, 1 event within 1 hour"]
    assert "over at 2026-11-25T13:02:00+00:00" in box.letters[-1][2].get_content()
    list(herald.look(blog, NOW + timedelta(hours=2, minutes=5)))
    assert box.subjects[2:] == ["blog: no event for 1 hour"]


def test_what_could_not_be_told_is_told_when_it_can_be(box, config, store, blog):  # noqa: F811
    alert = add(store, "visitors", threshold=2, minutes=5)
    views(store, 2, NOW - timedelta(seconds=30))
    box.answers["RCPT"] = "450 busy"
    cache = open_cache(config, store)
    list(Herald(config, cache).look(blog, NOW))
    box.answers.clear()
    list(Herald(config, cache).look(blog, NOW + timedelta(hours=1)))
    assert box.subjects == ["blog: 2 visitors within 5 minutes"]
    # It was over meanwhile, so it is armed again.
    assert definitions.all_of(store, "blog", "alarm") == []
    alerts.remove(store, "blog", alert.id)
    assert definitions.all_of(store, "blog", "sent") == []


def test_one_that_can_never_be_told_does_not_stay_for_ever(config, store, blog, box):  # noqa: F811
    add(store, "visitors", threshold=2, minutes=5)
    views(store, 2, NOW - timedelta(seconds=30))
    box.answers["RCPT"] = "450 busy"
    for hours in (0, 1, 26):
        list(Herald(config, open_cache(config, store)).look(blog, NOW + timedelta(hours=hours)))
    assert definitions.all_of(store, "blog", "alarm") == []


def test_the_link_in_an_alert_ends_that_alert(box, herald, store, blog):  # noqa: F811
    made, other = add(store, "visitors", threshold=1), add(store, "views", least=1)
    views(store, 5, NOW - timedelta(seconds=30))
    list(herald.look(blog, NOW))
    links = {message["List-Unsubscribe"]: message.get_content() for _, _, message, _ in box.letters}
    (link,) = [link for link in links if made.id in link]
    assert link.strip("<>") in links[link]
    unsubscribing.end(store, *unsubscribing.read(store, link.strip("<>").rpartition("/")[2]))
    assert alerts.alerts(store, "blog") == [other]


def test_an_alert_is_posted_too(hook, settings_of, store, blog):  # noqa: F811
    config = settings_of(webhook_addresses="any")  # noqa: F811
    where = destination(webhook=f"http://127.0.0.1:{hook.port}/")
    made = alerts.add(store, "blog", where, "visitors", {"threshold": 1})
    views(store, 1, NOW - timedelta(seconds=30))
    list(Herald(config, open_cache(config, store)).look(blog, NOW))
    told = json.loads(hook.posts[0][2])
    assert {name: told[name] for name in ("type", "site", "alert", "when", "state", "since")} == {
        "type": "alert", "site": "blog", "alert": made.id, "when": "visitors", "state": "began",
        "since": "2026-11-25T12:00:00+00:00"}


@pytest.mark.parametrize("when, numbers, message", [
    ("noise", {}, "when 'noise': must be one of visitors, views, silence"),
    ("silence", {"threshold": 3}, "threshold: is not for silence, which takes hours"),
    ("silence", {"hours": 0}, "hours=0: must be a whole number from 1 to 168"),
])
def test_what_cannot_be_an_alert_is_refused(store, blog, when, numbers, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        add(store, when, **numbers)


def test_the_command_adds_lists_checks_and_removes(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    added = footfall(tmp_path, "alert", "add", "--site", "blog", "--when", "visitors", "--threshold", "1",
                     "--to", "anna@example.com").stdout
    (made,) = re.findall("Added ([0-9a-f]{12}): 1 visitor or more within 5 minutes, of blog, is told to", added)
    assert footfall(tmp_path, "alert", "list", "--site", "blog").stdout.startswith(f"{made}\tblog\t1 visitor or more")
    assert "is not the case: 0 visitors within 5 minutes" in footfall(tmp_path, "alert", "check").stdout
    footfall(tmp_path, "alert", "remove", "--site", "blog", made)
    assert footfall(tmp_path, "alert", "list").stdout == ""
