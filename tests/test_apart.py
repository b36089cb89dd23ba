"""What is kept apart, on its page: the command's counts, the hits, and the way back."""

import html
import json
import re
from datetime import timedelta

import pytest

from footfall import accounts, audit, cli, timeuuid
from footfall.collect.moving import Range, count_filtered, filtered, restore_one
from footfall.columns import Insert
from footfall.pageview import row_key
from footfall.reports.asking import query
from footfall.reports.cache import open_cache
from footfall.retries import FAMILY, marks_row
from tests.pages import DAYS, OURS, clients, link, rows
from tests.test_moving import MIDNIGHT, any_store, columns, counts, event, put  # noqa: F401

TICKS = timeuuid.ticks_at(MIDNIGHT + timedelta(days=3))
REASONS = ("bot: curl", "bot: curl", "rate", "spam: x.example", "bot: Googlebot")


def keep(store, hours, reason, low=0, **fields):
    """Keep a hit apart, so many hours after the first midnight; returns its name."""
    name = timeuuid.make(TICKS + int(hours * 3_600 * 10_000_000), low or timeuuid.random_bits())
    store.family("Filtered").insert(row_key("blog", timeuuid.datetime_of(name).date()), {name: {
        "url": "/", "title": "", "ip": "192.0.2.0", "referrer": "", "user_agent": "curl/8", "language": "",
        "visitor": b"12345678", "reason": reason} | fields})
    return name


@pytest.fixture
def names(store):
    return [keep(store, hours, reason) for hours, reason in zip((1, 2, 3, 25, 72), REASONS, strict=True)]


@pytest.fixture
def people(settings_of, store, monkeypatch, names):
    return clients(settings_of(), store, monkeypatch)


def press(client, page, value):
    """Press the Restore that sends a value; returns the page after it."""
    name, action = next((found[1], html.unescape(found[0])) for found in re.findall(
        r'<form method="post" action="(.*?)">\s*<input type="hidden" name="(.*?)" value="(.*?)">', page)
        if html.unescape(found[2]) == str(value))
    answer = client.post(action, data={name: str(value)}, headers=OURS)
    assert answer.status_code == 303
    return client.get(answer.location).text


def test_the_counts_are_those_of_the_command(people, settings_of, capsys):
    capsys.readouterr()
    assert cli.main(["filtered", "list", "blog", "--since", "2026-01-05", "--until", "2026-01-06", "--json",
                     "--data", str(settings_of().data)]) == 0
    told = json.loads(capsys.readouterr().out)
    page = people[0].get(f"/sites/blog/filtered?{DAYS}").text
    assert f"<strong>{told['events']}</strong> hits" in page
    assert {row[0].split()[0]: int(row[1]) for row in rows(page)[1:]} == told["by_rule"]
    by_reason = [(link(page, reason), int(row[1])) for row, reason in zip(
        rows(page, 1)[1:], told["by_reason"], strict=True)]
    assert [count for _, count in by_reason] == list(told["by_reason"].values())
    assert [row[0] for row in rows(page, 2)[1:]] == [
        event["time"].replace("T", " ")[:19] + ".000" for event in told["newest"]]


def test_hits_stand_there_with_the_reason_in_words(people):
    page = people[0].get(f"/sites/blog/filtered?{DAYS}").text
    assert rows(page, 2)[-1] == ["2026-01-05 01:00:00.000", "the user agent is a bot's, or empty (curl)", "/", "curl/8",
                                 "192.0.2.0"]
    page = people[0].get(link(page, "bot: curl")).text
    assert len(rows(page, 2)) == 3
    assert len(rows(people[0].get(link(page, "For whatever reason")).text, 2)) == 5
    assert "kept apart, and counted nowhere" in people[0].get(link(page, "2026-01-05 01:00:00.000")).text


def test_one_is_restored_and_counts(people, store, settings_of, names):
    cache = open_cache(settings_of(), store)
    asked = ("blog", ["views"], "2026-01-05", "2026-01-07")
    assert query(*asked, cache=cache)[0] == {"views": 0}
    page = people[1].get(f"/sites/blog/filtered?{DAYS}&reason=bot").text
    page = press(people[1], page, names[0])
    assert ("<strong>3</strong> hits" in page, str(names[0]) in page, str(names[1]) in page) == (True, False, True)
    assert "For <bdi>bot</bdi>" in page
    assert query(*asked, cache=cache)[0] == {"views": 1}
    assert "<strong>1</strong> event" in people[1].get(f"/sites/blog/events?{DAYS}").text
    noted = next(audit.entries(store, site="blog"))
    assert (noted.by, noted.action, noted.detail) == ("editor", "filtered.restore", f"event {names[0]}")
    # What is not kept apart any more is passed over.
    people[1].post(f"/sites/blog/filtered/restore?{DAYS}", data={"event": str(names[0])}, headers=OURS)
    assert query(*asked, cache=cache)[0] == {"views": 1}


@pytest.mark.parametrize("reason, left", [("bot: curl", 3), ("bot", 3), ("rate", 4)])
def test_all_for_a_reason_are_restored_in_the_days_shown(people, store, reason, left):
    page = press(people[1], people[1].get(f"/sites/blog/filtered?{DAYS}").text, reason)
    assert f"<strong>{left - 1}</strong> hit" in page
    assert counts(store)[2] == left
    assert next(audit.entries(store)).detail.endswith(f" for {reason}, 2026-01-05 to 2026-01-06")


def test_who_may_not_edit_the_site_restores_nothing(people, store, names):
    page = people[0].get(f"/sites/blog/filtered?{DAYS}").text
    assert ("Restore" in page, "<form method=\"post\" action=\"/sites" in page) == (False, False)
    before = columns(store)
    for data in ({"event": str(names[0])}, {"reason": "bot"}):
        assert people[0].post(f"/sites/blog/filtered/restore?{DAYS}", data=data, headers=OURS).status_code == 403
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert people[1].post(f"/sites/blog/filtered/restore?{DAYS}", data=data, headers=foreign).status_code == 403
    assert columns(store) == before


@pytest.mark.parametrize("data, status", [
    ({}, 400), ({"event": "x"}, 400), ({"event": "", "reason": ""}, 400), ({"reason": "no such"}, 303),
    ({"event": str(timeuuid.make(0, 1)), "reason": "bot"}, 400), ({"event": str(timeuuid.make(0, 1))}, 303),
])
def test_what_cannot_be_restored_is_refused(people, store, data, status):
    before = columns(store)
    assert people[1].post(f"/sites/blog/filtered/restore?{DAYS}", data=data, headers=OURS).status_code == status
    assert columns(store) == before


def test_the_list_comes_in_pages(settings_of, store, monkeypatch):
    for number in range(130):
        keep(store, number % 3, "rate", number + 1, url=f"/{number:03}")
    viewer, = clients(settings_of(), store, monkeypatch, roles=("viewer",))
    page = viewer.get(f"/sites/blog/filtered?{DAYS}&reason=rate").text
    seen = [row[2] for row in rows(page, 2)[1:]]
    page = viewer.get(link(page, "Older")).text
    seen += [row[2] for row in rows(page, 2)[1:]]
    assert (len(seen), len(set(seen)), ">Older<" in page) == (130, 130, False)
    assert len(rows(viewer.get(link(page, "Newest")).text, 2)) == 101
    assert viewer.get(f"/sites/blog/filtered?{DAYS}&before=x").status_code == 400


def test_days_are_those_of_the_site(people, store):
    accounts.configure(store, "blog", {"timezone": "America/New_York"})
    # 25 hours later it is eight in the evening of the 5th there; the three before are of the 4th.
    page = people[0].get("/sites/blog/filtered?period=custom&since=2026-01-05&until=2026-01-05").text
    assert [row[1] for row in rows(page, 1)[1:]] == ["1"]


def test_hostile_texts_are_texts(people, store):
    evil = '"><script>alert(1)</script>'
    keep(store, 5, f"bot: {evil}", url=evil, user_agent=evil, ip=evil)
    page = people[1].get(f"/sites/blog/filtered?{DAYS}").text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 5
    press(people[1], page, f"bot: {evil}")


def test_one_event_is_put_back_with_what_repeats_it(any_store):  # noqa: F811
    first, again, other = event(1), event(3), event(2)
    again = again.__class__("Filtered", "blog", timeuuid.make(timeuuid.ticks_of(again.id), first.id.int), {})
    for each in (first, again, other):
        put(any_store, each.__class__("Filtered", "blog", each.id, first.fields | {"reason": "rate"}))
    any_store.apply([Insert(FAMILY, marks_row("Filtered", again.row_key), str(again.id), b"\x80")])
    assert count_filtered(any_store, "blog", Range()) == {"rate": 2}
    assert restore_one(any_store, "blog", first.id) == {"rate": 2}
    assert restore_one(any_store, "blog", first.id) == {}
    assert [each.id for each in filtered(any_store, "blog", Range())] == [other.id]
    assert [name for name, _ in any_store.family("PageViews").xget(first.row_key)] == [first.id]


def test_they_are_counted_and_listed_either_way_round_in_any_range(any_store):  # noqa: F811
    events = [event(minutes) for minutes in (0, 1, 1, 24 * 60 - 0.001, 24 * 60, 3 * 24 * 60)]
    put(any_store, *(each.__class__("Filtered", "blog", each.id, each.fields | {"reason": "rate"}) for each in events))
    moments = [None, *(MIDNIGHT + timedelta(minutes=minutes) for minutes in (0, 1, 24 * 60, 2 * 24 * 60))]
    for within in (Range(since, until) for since in moments for until in moments):
        found = list(filtered(any_store, "blog", within))
        assert list(filtered(any_store, "blog", within, newest_first=True)) == found[::-1]
        assert count_filtered(any_store, "blog", within).total() == len(found)
        assert {each.id for each in found} == {
            each.id for each in events if within.has(timeuuid.datetime_of(each.id))}
