"""Lines that nginx writes of hits: what each gives is what the live beacon would have stored."""

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import timeuuid
from footfall.collect.filters import Lists, RuleBook
from footfall.collect.hit import Policy, parse_hit
from footfall.errors import BadHit
from footfall.transfer.beaconlog import read_hits

POLICY = Policy(accounts={"blog", "shop"}, ip="truncated", trusted_proxies=())
PARSE = partial(parse_hit, policy=POLICY)
ID = "0123456789abcdef0123456789abcdef"
HIT = {"time": 1767340800.123, "id": ID, "address": "192.0.2.7", "method": "GET", "status": "200",
       "uri": "/a.gif?id=blog&url=http://a.example/",
       "headers": {"user-agent": "Mozilla/5.0", "accept-language": "de,en"}}


def line(**changes):
    return json.dumps(HIT | changes).encode()


def taken(*lines, site=None):
    skipped = []
    return list(read_hits(lines, PARSE, lambda reason, raw: skipped.append((reason, raw)), site)), skipped


def test_a_hit_is_taken_with_nginxs_time_and_as_much_of_the_address_as_is_kept():
    (event,), skipped = taken(line() + b"\n")
    assert skipped == []
    assert (event.family, event.row_key) == ("PageViews", "20260102.blog")
    assert event.fields == {"url": "http://a.example/", "title": "", "ip": "192.0.2.0", "referrer": "",
                            "user_agent": "Mozilla/5.0", "language": "de"}
    assert timeuuid.datetime_of(event.id).isoformat() == "2026-01-02T08:00:00.123000+00:00"


def test_a_hit_of_a_bot_is_taken_apart_and_who_does_not_want_to_be_counted_is_not():
    rules = RuleBook(lambda account: None, Lists()).rules
    headers = HIT["headers"] | {"user-agent": "curl/8.5.0"}
    lines = [line(headers=headers), line(headers=headers | {"dnt": "1"}), line(headers=headers | {"sec-gpc": "1"})]
    skipped = []
    parse = partial(parse_hit, policy=POLICY._replace(rules=rules))
    (event,) = read_hits(lines, parse, lambda reason, raw: skipped.append(reason))
    assert (event.family, event.fields["reason"], skipped) == ("Filtered", "bot: curl", ["dnt", "gpc"])


def test_an_id_comes_from_the_request_alone():
    other = "f" * 32
    events, _ = taken(line(), line(), line(id=other), line(time=1767340800.124), line(extra="passed over"))
    assert [event.id == events[0].id for event in events] == [True, True, False, False, True]


@pytest.mark.parametrize("changes, reason", [
    ({"method": "HEAD"}, "method"),
    ({"method": "POST", "status": "405"}, "method"),
    ({"status": "304"}, "status"),
    ({"status": "412"}, "status"),
    ({"uri": "/a.gif"}, "id: missing"),
    ({"uri": "/a.gif?id=blog"}, "url: missing"),
    ({"uri": "/a.gif?id=nobody&url=x"}, "id: unknown account"),
    ({"uri": "/a.gif?id=blog&url=%ff"}, "url: not UTF-8"),
    ({"id": ID[:-1]}, "malformed"),
    ({"id": ID.upper()}, "malformed"),
    ({"id": ID + "\n"}, "malformed"),
    ({"time": "now"}, "malformed"),
    ({"time": -1e11}, "malformed"),
    ({"time": 1e300}, "malformed"),
    ({"uri": "/a.gif?id=blog&url=\u20ac"}, "malformed"),
    ({"headers": []}, "malformed"),
    ({"headers": {"user-agent": None}}, "malformed"),
])
def test_a_line_that_is_no_view_is_skipped_with_its_reason(changes, reason):
    assert taken(line(**changes)) == ([], [(reason, line(**changes))])


@pytest.mark.parametrize("raw", [b"", b"{}", b"null", b"not JSON", line()[:-1], line()[5:], b"\0" * 50, b"\xff\xfe",
                                 b'{"time":1e999}', b"[" * 10_000])
def test_a_line_that_is_none_stops_nothing(raw):
    events, skipped = taken(raw, line())
    assert (len(events), skipped) == (1, [("malformed", raw)])


def test_one_sites_hits_can_be_taken_alone():
    shop = line(uri="/a.gif?id=shop&url=x")
    events, skipped = taken(line(), shop, site="shop")
    assert [event.account for event in events] == ["shop"]
    assert skipped == [("site", line())]


def escaped(raw):
    """What nginx's ``escape=json`` writes of some bytes."""
    short = {0x22: b'\\"', 0x5C: rb"\\", 0x0A: rb"\n", 0x0D: rb"\r", 0x09: rb"\t", 0x08: rb"\b", 0x0C: rb"\f"}
    return b"".join(short.get(byte) or (b"\\u%04X" % byte if byte < 0x20 else bytes([byte])) for byte in raw)


ANY = st.binary(max_size=60) | st.text(max_size=30).map(str.encode)
QUERY = ANY | ANY.map(b"id=blog&url=http://a.example/".__add__) | ANY.map(
    lambda raw: b"id=blog&url=x&title=" + raw.replace(b"&", b""))


@pytest.mark.ours
@given(QUERY, ANY, ANY, st.sampled_from(["192.0.2.7", "2001:db8::1", "unix:"]))
def test_any_request_gives_by_way_of_the_log_what_the_live_beacon_gives(query, agent, language, peer):
    name = timeuuid.make(1767340800_123 * 10_000, int(ID, 16))
    headers = {"user-agent": agent.decode("latin-1"), "accept-language": language.decode("latin-1")}
    try:
        live = PARSE(query, headers, peer, name=name)
    except BadHit as error:
        live = error.reason
    raw = (b'{"time":1767340800.123,"id":"%s","address":"%s","method":"GET","status":"200","uri":"/a.gif?%s",'
           b'"headers":{"user-agent":"%s","accept-language":"%s","host":"a.example"}}' % (
               ID.encode(), peer.encode(), escaped(query), escaped(agent), escaped(language)))
    events, skipped = taken(raw)
    assert [*events, *(reason for reason, _ in skipped)] == [live]
