"""The specification of the beacon's parser, as tables."""

import ipaddress
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footfall import pageview
from footfall.collect.hit import MAX_BODY_BYTES, Policy, client_address, parse_events, parse_hit
from footfall.errors import BadHit
from footfall.pageview import LIMITS, kept_address
from footfall.timeuuid import Clock, hash_bits, make, ticks_of

PROXIES = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.1.0.0/16"))
POLICY = Policy(accounts={"blog", "my.site-2_x"}, ip="full", trusted_proxies=PROXIES)
NAME = make(0, 1)
CUSTOM = b'{"id": "blog", "url": "x", "event": "e", "props": {%s}}'
PAGE = "http://a.example/"
NOW_MS = 1_767_340_800_000
HOUR_MS = 3_600_000


def hit(query, headers=(), peer="192.0.2.7", policy=POLICY):
    return parse_hit(query, dict(headers), peer, policy=policy, name=NAME)


def posted(body, headers=(), policy=POLICY):
    return parse_events(body, dict(headers), "192.0.2.7", policy=policy, clock=Clock(lambda: NOW_MS * 1_000_000))


@pytest.mark.parametrize("query, expected", [
    (b"id=blog&url=http://a.example/", {"url": PAGE}),
    (b"id=blog&url=http%3A%2F%2Fa.example%2F", {"url": PAGE}),
    (b"id=blog&url=http://a.example/&t=Hi", {"title": "Hi"}),
    (b"id=blog&url=http://a.example/&title=Hi&t=No", {"title": "Hi"}),
    (b"id=blog&url=http://a.example/&title=%C3%89t%C3%A9+2", {"title": "Été 2"}),
    (b"id=blog&url=http://a.example/&ref=https://b.example/?q=1", {"referrer": "https://b.example/?q=1"}),
    (b"id=blog&url=http://a.example/?x=1%26y=2", {"url": "http://a.example/?x=1&y=2"}),
    (b"id=blog&id=other&url=http://a.example/&url=x", {"url": PAGE}),
    (b"id=blog&url=http://a.example/&_=123&unknown=1", {"url": PAGE}),
    (b"id=blog&url=http://a.example/%zz", {"url": "http://a.example/%zz"}),
    (b"id=blog&url=http://a.example/%C3%A9\xc3\xa9", {"url": "http://a.example/éé"}),
    (b"id=blog&url=http://a.example/%00%0A&title=a%0A%09b%1Bc", {"url": PAGE, "title": "a b c"}),
    (b"id=my.site-2_x&url=http://a.example/", {"url": PAGE}),
    (b"", BadHit("id: missing")),
    (b"url=http://a.example/", BadHit("id: missing")),
    (b"id=&url=http://a.example/", BadHit("id: missing")),
    (b"id=blog", BadHit("url: missing")),
    (b"id=blog&url=", BadHit("url: missing")),
    (b"id=blog&url=%20%0A", BadHit("url: missing")),
    (b"id=blog&url=%ff", BadHit("url: not UTF-8")),
    (b"id=blog&url=http://a.example/&title=%C3", BadHit("title: not UTF-8")),
    (b"id=blog&url=http://a.example/&ref=\xff", BadHit("ref: not UTF-8")),
    (b"id=%ff&url=http://a.example/", BadHit("id: not UTF-8")),
    (b"id=a/b&url=http://a.example/", BadHit("id: must be 1 to 64 letters, digits, dots, dashes or underscores")),
    (b"id=" + b"a" * 65 + b"&url=x", BadHit("id: must be 1 to 64 letters, digits, dots, dashes or underscores")),
    (b"id=nobody&url=http://a.example/", BadHit("id: unknown account", 404)),
])
def test_parse_hit(query, expected):
    if isinstance(expected, BadHit):
        with pytest.raises(BadHit) as refused:
            hit(query)
        assert refused.value == expected
    else:
        event = hit(query)
        assert (event.family, event.id) == ("PageViews", NAME)
        assert {field: event.fields[field] for field in expected} == expected


def test_any_account_is_taken_when_the_owner_says_so():
    assert hit(b"id=nobody&url=x", policy=POLICY._replace(accounts=None)).account == "nobody"


@pytest.mark.parametrize("headers, expected", [
    ({}, {"user_agent": "", "language": ""}),
    ({"user-agent": "Mozilla/5.0"}, {"user_agent": "Mozilla/5.0"}),
    ({"user-agent": "Caf\u00c3\u00a9/1"}, {"user_agent": "Café/1"}),
    ({"user-agent": "Caf\xe9/1"}, {"user_agent": "Caf\ufffd/1"}),
    ({"accept-language": "de-CH,de;q=0.9,en;q=0.8"}, {"language": "de-CH"}),
    ({"accept-language": "en;q=0.9"}, {"language": "en"}),
    ({"accept-language": "*"}, {"language": ""}),
    ({"accept-language": "<script>"}, {"language": ""}),
])
def test_what_headers_tell(headers, expected):
    fields = hit(b"id=blog&url=x", headers).fields
    assert {field: fields[field] for field in expected} == expected
    assert set(fields) == set(pageview.FIELDS)


@pytest.mark.parametrize("peer, headers, expected", [
    ("192.0.2.7", {}, "192.0.2.7"),
    ("192.0.2.7", {"x-real-ip": "198.51.100.1", "x-forwarded-for": "198.51.100.2"}, "192.0.2.7"),
    ("127.0.0.1", {"x-real-ip": "198.51.100.1", "x-forwarded-for": "198.51.100.2"}, "198.51.100.1"),
    ("127.0.0.1", {"x-forwarded-for": "203.0.113.9, 198.51.100.2, 10.1.2.3"}, "198.51.100.2"),
    ("127.0.0.1", {"x-forwarded-for": "203.0.113.9, nonsense, 10.1.2.3"}, "127.0.0.1"),
    ("127.0.0.1", {"x-real-ip": "nonsense"}, "127.0.0.1"),
    ("127.0.0.1", {}, "127.0.0.1"),
    ("", {"x-real-ip": "198.51.100.1"}, "198.51.100.1"),
    ("", {}, ""),
    ("::ffff:127.0.0.1", {"x-real-ip": "2001:DB8:0::1"}, "2001:db8::1"),
    ("fe80::1%eth0", {}, "fe80::1"),
])
def test_only_a_trusted_proxy_is_believed(peer, headers, expected):
    assert client_address(headers, peer, PROXIES) == expected


@pytest.mark.parametrize("address, ip, expected", [
    ("192.0.2.7", "full", "192.0.2.7"),
    ("192.0.2.7", "truncated", "192.0.2.0"),
    ("192.0.2.7", "none", ""),
    ("2001:db8:1:2:3:4:5:6", "truncated", "2001:db8:1::"),
    ("", "truncated", ""),
])
def test_how_much_of_an_address_is_kept(address, ip, expected):
    assert kept_address(address, ip) == expected


@pytest.mark.parametrize("field, key", [("url", "url"), ("title", "title"), ("referrer", "ref")])
def test_a_long_field_is_cut_at_a_character_and_marked(field, key):
    limit = LIMITS[field]
    long = "h" + "é" * limit
    fields = hit(f"id=blog&url={PAGE}&{key}={long}".encode() if key != "url" else f"id=blog&url={long}".encode()).fields
    assert fields[field] == "h" + "é" * ((limit - 1) // 2)
    assert fields["cut"] == [field]
    exact = hit(f"id=blog&url={'x' * LIMITS['url']}".encode()).fields
    assert "cut" not in exact


def test_a_long_user_agent_is_cut():
    fields = hit(b"id=blog&url=x", {"user-agent": "m" * 600}).fields
    assert (len(fields["user_agent"]), fields["cut"]) == (512, ["user_agent"])


@pytest.mark.parametrize("body, expected", [
    ({"id": "blog", "url": PAGE}, [("PageViews", {"url": PAGE, "title": "", "referrer": ""})]),
    ([{"id": "blog", "url": PAGE, "title": "Hi", "ref": "r"}, {"id": "blog", "url": PAGE, "event": "signup"}],
     [("PageViews", {"title": "Hi", "referrer": "r"}), ("Events", {"event": "signup", "url": PAGE})]),
    ({"id": "blog", "url": PAGE, "event": "buy", "props": {"plan": "pro", "n": 3, "ok": True, "x": None}},
     [("Events", {"event": "buy", "props": {"plan": "pro", "n": 3, "ok": True, "x": None}})]),
])
def test_parse_events(body, expected):
    events = posted(json.dumps(body).encode(), {"user-agent": "Mozilla/5.0", "accept-language": "en"})
    assert [event.family for event in events] == [family for family, _ in expected]
    assert len({event.id for event in events}) == len(events)
    for event, (_, fields) in zip(events, expected, strict=True):
        assert {field: event.fields[field] for field in fields} == fields
        assert (event.fields["user_agent"], event.fields["language"], event.fields["ip"]) == (
            "Mozilla/5.0", "en", "192.0.2.7")
        assert pageview.unpack(pageview.pack(event.fields)) == event.fields


@pytest.mark.parametrize("fields, milliseconds, retry", [
    ({}, NOW_MS, False),
    ({"eid": "abc"}, NOW_MS, False),
    ({"eid": "abc", "age": 1500}, NOW_MS - 1500, False),
    ({"eid": "abc", "age": 49 * HOUR_MS, "retry": True}, NOW_MS - 49 * HOUR_MS, True),
    ({"eid": "abc", "at": NOW_MS - HOUR_MS, "retry": True}, NOW_MS - HOUR_MS, False),
    ({"eid": "abc", "at": NOW_MS + 60_000}, NOW_MS + 60_000, False),
])
def test_an_events_time_is_that_of_receipt_less_its_age_or_the_one_it_names(fields, milliseconds, retry):
    (event,) = posted(json.dumps({"id": "blog", "url": PAGE} | fields).encode())
    assert ticks_of(event.id) == milliseconds * 10_000
    assert event.retry is retry
    if "eid" in fields:
        assert event.id == make(milliseconds * 10_000, hash_bits("abc"))


@pytest.mark.parametrize("fields, stored", [
    ({"screen": "1280x720"}, {"screen": "1280x720"}),
    ({"screen": "1x1", "bot": "webdriver"}, {"screen": "1x1", "bot": "webdriver"}),
    ({"event": "e", "bot": "webdriver"}, {"event": "e", "bot": "webdriver"}),
    ({"event": "engagement", "engaged": 1500, "scroll": 60}, {"event": "engagement", "engaged": 1500, "scroll": 60}),
    ({"event": "engagement", "scroll": 60}, {"event": "engagement", "engaged": 0, "scroll": 60}),
])
def test_what_the_tracker_tells_of_a_view_and_of_its_reading(fields, stored):
    (event,) = posted(json.dumps({"id": "blog", "url": PAGE} | fields).encode())
    assert {name: value for name, value in event.fields.items() if name not in pageview.FIELDS} == stored


@pytest.mark.parametrize("body, status, reason", [
    (b"", 400, "body: "),
    (b'{"id": "blog", "url": "x", "retry": true}', 400, "retry: only with eid"),
    (b'{"id": "blog", "url": "x", "eid": "a b"}', 400, "body: "),
    (b'{"id": "blog", "url": "x", "age": -1}', 400, "body: "),
    (b'{"id": "blog", "url": "x", "age": 176400001}', 400, "body: "),
    (b'{"id": "blog", "url": "x", "at": %d}' % (NOW_MS + 60_001), 400, "at: "),
    (b'{"id": "blog", "url": "x", "at": %d}' % (NOW_MS - 49 * HOUR_MS - 1), 400, "at: "),
    (b'{"id": "blog", "url": "x", "at": %d, "age": 1}' % NOW_MS, 400, "at: "),
    (b'{"id": "blog", "url": "x", "scroll": 5}', 400, "engaged, scroll: only with event engagement"),
    (b'{"id": "blog", "url": "x", "event": "engagement", "scroll": 101}', 400, "body: "),
    (b'{"id": "blog", "url": "x", "screen": "wide"}', 400, "body: "),
    (b'{"id": "blog", "url": "x", "bot": "Web Driver"}', 400, "body: "),
    (b'{"id": "blog", "url": "x", "bot": "%s"}' % (b"b" * 33), 400, "body: "),
    (b"{", 400, "body: "),
    (b"null", 400, "body: "),
    (b"[]", 400, "body: 0 events"),
    (b'{"id": "blog", "url": "\xff"}', 400, "body: "),
    (b'{"id": "blog", "url": "\\ud800"}', 400, "body: "),
    (b'{"url": "x"}', 400, "body: "),
    (b'{"id": "blog", "url": "x", "colour": 1}', 400, "colour"),
    (b'{"id": "blog", "url": 7}', 400, "body: "),
    (b'{"id": "blog", "url": ""}', 400, "url: missing (event 1)"),
    (b'[{"id": "blog", "url": "x"}, {"id": "nobody", "url": "x"}]', 404, "id: unknown account (event 2)"),
    (b'{"id": "blog", "url": "x", "event": ""}', 400, "event: "),
    (b'{"id": "blog", "url": "x", "props": {"a": 1}}', 400, "props: only with event"),
    (CUSTOM % b'"a": [1]', 400, "body: "),
    (CUSTOM % b'"": 1', 400, "props: a name"),
    (CUSTOM % b'"a": 123456789012345678901234567890', 400, "props: a number"),
    (CUSTOM % (b'"a": "%s"' % (b"v" * 600)), 413, "props: a value"),
    (CUSTOM % b",".join(b'"k%d": 1' % number for number in range(31)), 413, "31"),
    (b"[" + b",".join([b'{"id": "blog", "url": "x"}'] * 51) + b"]", 413, "51 events"),
    (b" " * (MAX_BODY_BYTES + 1), 413, "longer than"),
    (b"[" * 50_000, 400, "body: "),
])
def test_a_bad_body_is_refused_whole(body, status, reason):
    with pytest.raises(BadHit) as refused:
        posted(body)
    assert refused.value.status == status
    assert reason in refused.value.reason


HEADERS = st.dictionaries(st.sampled_from(["user-agent", "accept-language", "x-real-ip", "x-forwarded-for"]),
                          st.text(st.characters(max_codepoint=255)))


@given(st.binary(max_size=300), HEADERS, st.sampled_from(["", "127.0.0.1", "::1", "192.0.2.7", "nonsense"]))
@example(b"id=blog&url=%ED%A0%80", {}, "")
def test_any_query_is_stored_or_refused_by_name(query, headers, peer):
    for prefix in (b"", b"id=blog&url="):
        try:
            event = hit(prefix + query, headers, peer)
        except BadHit as error:
            assert error.status in (400, 404, 413)
            assert ": " in error.reason
        else:
            assert pageview.unpack(pageview.pack(event.fields)) == event.fields
            assert all(len(event.fields[field].encode()) <= limit for field, limit in LIMITS.items())


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
EVENT = st.fixed_dictionaries({"id": st.just("blog"), "url": st.text()}, optional={
    "ref": st.text(), "title": st.text(), "event": st.text() | st.none() | st.just("engagement"),
    "eid": st.text() | st.just("abc"), "age": st.integers(), "at": st.integers() | st.just(NOW_MS),
    "retry": st.booleans(), "engaged": st.integers(), "scroll": st.integers(0, 100),
    "screen": st.text() | st.just("1x1"), "bot": st.text() | st.just("webdriver"),
    "props": st.dictionaries(st.text(), st.text() | st.integers() | st.floats() | st.booleans() | st.none())})


@given(st.binary() | JSON.map(json.dumps).map(str.encode) | EVENT.map(json.dumps).map(str.encode)
       | st.lists(EVENT, max_size=3).map(json.dumps).map(str.encode))
def test_any_body_is_stored_or_refused_by_name(body):
    try:
        events = posted(body)
    except BadHit as error:
        assert error.status in (400, 404, 413)
    else:
        for event in events:
            assert pageview.pack(event.fields)
