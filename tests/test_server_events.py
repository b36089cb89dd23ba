"""The specification of what servers send, as tables."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import pageview
from footfall.collect.hit import Policy
from footfall.collect.server_events import MAX_BODY_BYTES, parse_server_events
from footfall.collect.visitors import cookie_visitor
from footfall.errors import BadHit
from footfall.timeuuid import Clock, hash_bits, make, ticks_at, ticks_of

PAGE = "https://blog.example.com/post"
NOW = datetime(2026, 1, 2, 8, tzinfo=UTC)
NOW_MS = 1_767_340_800_000
POLICY = Policy(accounts={"blog"}, ip="truncated", trusted_proxies=())
VISITOR = b"by hash."
HASHED = POLICY._replace(visitor=lambda account, address, agent, ticks: VISITOR)
COOKIES = POLICY._replace(cookies=True)


def parsed(body, policy=POLICY):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_server_events(body, "blog", policy=policy, clock=Clock(lambda: NOW_MS * 1_000_000))


def one(event, policy=POLICY):
    """The event that is stored of one that is sent."""
    found = parsed({"events": [event]}, policy)
    assert found.reasons == [None]
    return found.events[0]


@pytest.mark.parametrize("sent, family, stored", [
    ({"url": PAGE}, "PageViews", dict.fromkeys(pageview.FIELDS, "") | {"url": PAGE}),
    ({"url": f" {PAGE}\n", "title": "Hi\tyou", "referrer": "https://a.example/"}, "PageViews",
     {"url": PAGE, "title": "Hi you", "referrer": "https://a.example/"}),
    ({"url": PAGE, "site": "blog", "title": None, "event": None, "time": None}, "PageViews", {"title": ""}),
    ({"url": PAGE, "ip": "192.0.2.7", "user_agent": "Mozilla/5.0 é", "language": "de-AT,en;q=0.5"}, "PageViews",
     {"ip": "192.0.2.0", "user_agent": "Mozilla/5.0 é", "language": "de-AT"}),
    ({"url": PAGE, "ip": "::ffff:192.0.2.7", "language": "?"}, "PageViews", {"ip": "192.0.2.0", "language": ""}),
    ({"url": "x" * 3000}, "PageViews", {"url": "x" * 2048, "cut": ["url"]}),
    ({"event": "paid"}, "Events", {"event": "paid", "url": "", "title": ""}),
    ({"event": "paid", "url": PAGE, "props": {"plan": "pro", "n": 3, "ok": True, "x": None, "y": 1.5}}, "Events",
     {"event": "paid", "url": PAGE, "props": {"plan": "pro", "n": 3, "ok": True, "x": None, "y": 1.5}}),
])
def test_what_is_stored_of_an_event(sent, family, stored):
    event = one(sent)
    assert (event.family, event.account, event.retry) == (family, "blog", False)
    assert {field: event.fields.get(field) for field in stored} == stored
    assert set(pageview.FIELDS) <= set(event.fields)
    assert pageview.unpack(pageview.pack(event.fields)) == event.fields


@pytest.mark.parametrize("time, moment", [
    (NOW_MS, NOW),
    (NOW_MS - 1, datetime(2026, 1, 2, 7, 59, 59, 999_000, tzinfo=UTC)),
    (NOW_MS + 600_000, datetime(2026, 1, 2, 8, 10, tzinfo=UTC)),
    ("2026-01-02T07:30:00Z", datetime(2026, 1, 2, 7, 30, tzinfo=UTC)),
    ("2026-01-02T07:30:00.123456+01:00", datetime(2026, 1, 2, 6, 30, 0, 123_456, tzinfo=UTC)),
    ("1990-01-01T00:00:00Z", datetime(1990, 1, 1, tzinfo=UTC)),
])
def test_an_event_with_a_time_and_an_id_has_the_same_name_each_time(time, moment):
    names = {one({"url": PAGE, "time": time, "id": "order-7"}).id for _ in range(2)}
    assert names == {make(ticks_at(moment), hash_bits("order-7"))}
    without_id = [one({"url": PAGE, "time": time}).id for _ in range(2)]
    assert without_id[0] != without_id[1]
    assert {ticks_of(name) for name in without_id} == {ticks_at(moment)}


def test_an_event_without_a_time_is_of_now_and_each_has_a_name_of_its_own():
    events = parsed({"events": [{"url": PAGE}] * 3}).events
    assert [ticks_of(event.id) for event in events] == [ticks_at(NOW) + number for number in range(3)]


@pytest.mark.parametrize("sent, policy, visitor", [
    ({"visitor": "u-7"}, HASHED, cookie_visitor("blog", "u-7")),
    ({"visitor": "u-7"}, COOKIES, cookie_visitor("blog", "u-7")),
    ({"visitor": "u-7", "ip": "192.0.2.7"}, HASHED, cookie_visitor("blog", "u-7")),
    ({"visitor": "u-7", "ip": "192.0.2.7"}, POLICY, None),
    ({"ip": "192.0.2.7"}, HASHED, VISITOR),
    ({"ip": "192.0.2.7", "time": "2026-01-02T00:00:00Z"}, HASHED, VISITOR),
    ({"ip": "192.0.2.7", "time": "2026-01-01T23:59:59Z"}, HASHED, None),
    ({"ip": "192.0.2.7"}, COOKIES, None),
    ({}, HASHED, None),
])
def test_a_visitor_is_the_one_that_is_named_or_that_the_address_of_today_stands_for(sent, policy, visitor):
    assert one({"url": PAGE, **sent}, policy).fields.get("visitor") == visitor


def test_the_visitors_address_and_agent_are_taken_whole_and_so_is_the_place():
    asked = []
    policy = POLICY._replace(visitor=lambda *who: asked.append(who) or VISITOR,
                             places=lambda address: {"country": "AT"} if address == "192.0.2.7" else {})
    event = one({"url": PAGE, "ip": "192.0.2.7", "user_agent": "Mozilla/5.0"}, policy)
    assert asked == [("blog", "192.0.2.7", "Mozilla/5.0", ticks_at(NOW))]
    assert (event.fields["country"], event.fields["ip"]) == ("AT", "192.0.2.0")
    assert "country" not in one({"url": PAGE}, policy).fields


@pytest.mark.parametrize("sent, reason", [
    ({}, "url: missing, and only an event with a name can do without"),
    ({"url": " "}, "url: missing"),
    ({"url": 7}, "body: Expected `str | null`, got `int` - at `$.url`"),
    ({"url": PAGE, "colour": "red"}, "body: Object contains unknown field `colour`"),
    ({"url": PAGE, "site": "other"}, "site: not the token's"),
    ({"url": PAGE, "props": {"a": 1}}, "props: only with event"),
    ({"event": "", "url": PAGE}, "event: must be 1 to 64 characters"),
    ({"event": "engagement", "url": PAGE}, "event: engagement is the tracker's own"),
    ({"event": "e", "props": {"a": [1]}}, "body: "),
    ({"event": "e", "props": {str(number): 1 for number in range(31)}}, "props: 31 of them, at most 30"),
    ({"url": PAGE, "id": "a"}, "id: only with time"),
    ({"url": PAGE, "id": "a b", "time": NOW_MS}, "body: "),
    ({"url": PAGE, "visitor": "x" * 65}, "body: "),
    ({"url": PAGE, "ip": "example.com"}, "ip: must be an IPv4 or IPv6 address"),
    ({"url": PAGE, "time": NOW_MS + 600_001}, "time: must be after 1989 and at most ten minutes ahead"),
    ({"url": PAGE, "time": NOW_MS // 1000}, "time: must be after 1989"),
    ({"url": PAGE, "time": -1}, "time: must be after 1989"),
    ({"url": PAGE, "time": 10**18}, "time: must be after 1989"),
    ({"url": PAGE, "time": "2026-01-02T07:30:00"}, "time: must be ISO 8601 with a zone"),
    ({"url": PAGE, "time": "yesterday"}, "time: must be ISO 8601 with a zone"),
    ({"url": PAGE, "time": "0001-01-01T00:00:00+23:00"}, "time: must be"),
    ({"url": PAGE, "time": True}, "body: "),
    ("page", "body: Expected `object`"),
    ({"url": PAGE, "x" * 5000: 1}, "body: Object contains unknown field `xxx"),
])
def test_a_bad_event_is_refused_by_name_and_the_others_are_not(sent, reason):
    found = parsed({"events": [{"url": PAGE}, sent, {"url": PAGE}]})
    assert [bool(each) for each in found.reasons] == [False, True, False]
    assert found.reasons[1].startswith(reason)
    assert len(found.reasons[1]) <= 200
    assert (len(found.events), found.refused, found.all_or_nothing) == (2, 1, False)


@pytest.mark.parametrize("body, status, reason", [
    (b"", 400, "body: "),
    (b"{", 400, "body: "),
    (b"[]", 400, "body: "),
    (b'{"events": {}}', 400, "body: "),
    (b'{"events": [], "all": true}', 400, "body: Object contains unknown field `all`"),
    (b'{"events": []}', 400, "body: 0 events, must be 1 to 500"),
    (b'{"events": [' + b",".join([b"{}"] * 501) + b"]}", 413, "body: 501 events, must be 1 to 500"),
    (b'{"events": [{"url": "x"}, {"url": }]}', 400, "body: "),
    (b'{"events": [{"url": "\\ud800"}]}', 400, "body: "),
    (b'{"events": [' + b"[" * 100_000 + b"]}", 400, "body: "),
    (b" " * (MAX_BODY_BYTES + 1), 413, "body: longer than 1048576 bytes"),
])
def test_a_body_that_is_no_batch_is_refused_whole(body, status, reason):
    with pytest.raises(BadHit) as refused:
        parsed(body)
    assert refused.value.status == status
    assert refused.value.reason.startswith(reason)


def test_an_event_that_is_not_utf8_is_refused_by_itself():
    found = parsed(b'{"events": [{"url": "\xff"}, {"url": "x"}]}')
    assert found.reasons[0].startswith("body: ")
    assert found.reasons[1] is None


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
EVENT = st.fixed_dictionaries({}, optional={
    "url": st.text(), "title": st.text(), "event": st.text() | st.none(), "ip": st.text() | st.just("::1"),
    "time": st.integers() | st.text() | st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    "id": st.text() | st.just("abc"), "visitor": st.text() | st.just("v"), "user_agent": st.text(),
    "props": st.dictionaries(st.text(), st.text() | st.integers() | st.floats() | st.booleans() | st.none())})


@given(st.binary() | JSON.map(json.dumps).map(str.encode)
       | st.lists(EVENT | JSON, max_size=4).map(lambda events: json.dumps({"events": events}).encode()))
def test_any_body_is_stored_or_refused_by_name(body):
    try:
        found = parsed(body, HASHED)
    except BadHit as error:
        assert error.status in (400, 413)
    else:
        assert found.refused == len([reason for reason in found.reasons if reason])
        for event in found.events:
            assert pageview.unpack(pageview.pack(event.fields)) == event.fields
            assert event.row_key.endswith(".blog")
