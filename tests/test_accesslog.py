import gzip
import io
import os
import re
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import timeuuid
from footfall.errors import UsageError
from footfall.stores.memory import MemoryStore
from footfall.transfer import accesslog
from footfall.transfer.accesslog import RULES, EqualLines, LineReader, load_rules, read_views, rules_as_toml
from footfall.transfer.files import LogFile
from footfall.transfer.importing import Importer, Summary

COMMON = b'192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /post HTTP/1.1" 200 2326'
AGENT = b"Mozilla/5.0 (X11; Linux x86_64)"
COMBINED = COMMON + b' "https://www.google.com/search?q=views" "' + AGENT + b'"'


def request(path, method="GET", status=200):
    return f'192.0.2.7 - - [17/May/2015:10:05:03 +0000] "{method} {path} HTTP/1.1" {status} 1'.encode()


@pytest.mark.parametrize("line, expected", [
    (COMMON, {"url": "/post", "address": "192.0.2.7", "referrer": "", "user_agent": "",
              "when": datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)}),
    (COMBINED, {"referrer": "https://www.google.com/search?q=views", "user_agent": AGENT.decode()}),
    (b"blog.example.com " + COMBINED, {"url": "http://blog.example.com/post"}),
    (b"blog.example.com:443 " + COMBINED, {"url": "https://blog.example.com/post"}),
    (b"blog.example.com:8080 " + COMMON, {"url": "http://blog.example.com:8080/post", "address": "192.0.2.7"}),
    (COMMON.replace(b"192.0.2.7", b"2001:db8::7"), {"address": "2001:db8::7"}),
    (COMMON.replace(b"192.0.2.7", b"host.example.net"), {"address": "host.example.net"}),
    (COMMON.replace(b"- -", b"- frank"), {"address": "192.0.2.7"}),
    (COMMON.replace(b"- -", b"- frank miller"), {"address": "192.0.2.7", "url": "/post"}),
    (COMMON.replace(b"+0000", b"-0730"), {"when": datetime(2015, 5, 17, 17, 35, 3, tzinfo=UTC)}),
    (COMBINED.replace(AGENT, rb"a \"quoted\" \xc3\xa9"), {"user_agent": 'a "quoted" é'}),
    (COMBINED.replace(AGENT, b"-"), {"user_agent": ""}),
    (COMBINED.replace(AGENT, b"caf\xe9"), {"user_agent": "caf\ufffd"}),
    (COMBINED + b' "extra" 0.005', {"user_agent": AGENT.decode()}),
    (request("/a?b=c"), {"url": "/a?b=c"}),
    (request("http://blog.example.com/full"), {"url": "http://blog.example.com/full"}),
])
def test_a_line_is_read(line, expected):
    read = LineReader().read(line)
    assert read.reason == ""
    assert {field: getattr(read, field) for field in expected} == expected


@pytest.mark.parametrize("line, reason", [
    (b"", "malformed"),
    (b"not a log line", "malformed"),
    (COMMON.replace(b"May", b"Mai"), "malformed"),
    (COMMON.replace(b"17/May", b"31/Feb"), "malformed"),
    (COMMON.replace(b'"GET /post HTTP/1.1"', b'"-"'), "malformed"),
    (COMMON.replace(b'"GET /post HTTP/1.1"', rb'"\x16\x03\x01"'), "malformed"),
    (COMMON[:-20], "malformed"),
    (request("/", "HEAD"), "method"),
    (request("/", "POST"), "method"),
    (request("/", status=301), "status"),
    (request("/", status=404), "status"),
    (request("/", status=304), ""),
    (request("/style.css"), "asset"),
    (request("/style.css?v=3"), "asset"),
    (request("/LOGO.PNG"), "asset"),
    (request("/robots.txt"), "asset"),
    (request("/index.html"), ""),
    (request("/INDEX.HTML?x=a.png"), ""),
    (request("/docs/release-2.0"), ""),
    (request("/a.b/c"), ""),
    (request("/feed"), "feed"),
    (request("/blog/feed/"), "feed"),
    (request("/?flav=rss20"), "feed"),
    (request("/atom.xml"), "asset"),
    (request("/feedback"), ""),
    (request("/growing-feed.html"), ""),
])
def test_what_counts_as_a_page_view(line, reason):
    assert LineReader().read(line).reason == reason


@given(st.binary(max_size=200), st.integers(0, len(COMBINED)))
def test_no_line_stops_the_reader(junk, cut):
    reader = LineReader()
    for line in (junk, COMBINED[:cut] + junk, COMBINED[:cut] + junk + COMBINED[cut:]):
        assert reader.read(line).reason in ("", "malformed", "method", "status", "asset", "feed", "skip")


def test_a_hostile_line_is_read_in_no_time():
    for line in (b'"' * 60_000, b"a " * 30_000, b'1.1.1.1 - - [17/May/2015:10:05:03 +0000] "' + b"\\" * 60_000,
                 b"1.1.1.1 - " + b"x " * 30_000 + b"["):
        assert LineReader().read(line).reason == "malformed"


def test_origin_stands_before_the_path():
    assert LineReader(RULES, "https://blog.example.com/").read(b"www.example.com " + COMMON).url == (
        "https://blog.example.com/post")


def test_rules_can_be_changed_by_a_file(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('pages = ["html", "txt"]\nskip = ["^/admin/"]\nmethods = ["GET", "POST"]\nstatuses = [200, 404]\n')
    reader = LineReader(load_rules(path))
    assert [reader.read(request(*line)).reason for line in [
        ("/robots.txt",), ("/admin/x",), ("/x", "POST"), ("/x", "GET", 404), ("/x", "GET", 304), ("/feed",)]] == [
        "", "skip", "", "", "status", "feed"]


def test_shown_rules_are_a_rules_file(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(rules_as_toml())
    assert load_rules(path) == RULES


@pytest.mark.parametrize("content, message", [
    ("colours = []", "colours: unknown rule; the rules are methods, statuses, pages, feeds, skip"),
    ('methods = "GET"', "methods='GET': must be a list of strings"),
    ('statuses = ["200"]', "must be a list of numbers"),
    ("statuses = [true]", "must be a list of numbers"),
    ('feeds = ["("]', "no regular expression"),
    ("= 3", "cannot be read as TOML"),
])
def test_bad_rules_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "rules.toml"
    path.write_text(content)
    with pytest.raises(UsageError, match=re.escape(message)):
        load_rules(path)


def taken(lines, ip="full"):
    skipped = []
    events = list(read_views(lines, LineReader(), "blog", ip, lambda reason, line: skipped.append((reason, line))))
    return events, skipped


def test_equal_lines_are_different_views_and_the_same_again_the_second_time():
    lines = [COMMON + b"\n", COMBINED + b"\r\n", COMMON + b"\n", b"junk\n", COMMON]
    events, skipped = taken(lines)
    assert len({event.id for event in events}) == 4
    assert skipped == [("malformed", b"junk")]
    assert [event.id for event in taken(lines)[0]] == [event.id for event in events]
    assert {timeuuid.datetime_of(event.id) for event in events} == {datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)}
    assert events[0].row_key == "20150517.blog"


@pytest.mark.parametrize("ip, expected", [("full", "192.0.2.7"), ("truncated", "192.0.2.0"), ("none", "")])
def test_no_more_of_an_address_is_kept_than_the_setting_says(ip, expected):
    named = COMMON.replace(b"192.0.2.7", b"host.example.net")
    first, second = taken([COMMON, named], ip)[0]
    assert first.fields["ip"] == expected
    assert second.fields["ip"] == ("host.example.net" if ip == "full" else "")


def test_memory_for_equal_lines_is_bounded(monkeypatch):
    monkeypatch.setattr(accesslog, "MAX_REMEMBERED", 3)
    equal = EqualLines()
    assert [equal.ordinal(line) for line in (b"a", b"a", b"b", b"c", b"d", b"d", b"a")] == [0, 1, 0, 0, 0, 1, 0]


# ----- importing


def test_importing_twice_adds_nothing():
    store = MemoryStore()
    lines = [request(f"/{number % 700}") for number in range(1500)]
    for expected in ((1500, 0), (0, 1500)):
        summary = Summary()
        importer = Importer(store, summary)
        importer.take(taken(lines)[0])
        importer.flush()
        assert (summary.taken, summary.skipped["there already"]) == expected
    assert store.family("PageViews").get_count("20150517.blog") == 1500


# ----- files


def test_plain_gzip_and_standard_input_give_the_same_lines(tmp_path, monkeypatch):
    content = b"".join(b"line %d\n" % number for number in range(10_000)) + b"last, without an end"
    plain, zipped = tmp_path / "access.log", tmp_path / "access.log.1"
    plain.write_bytes(content)
    zipped.write_bytes(gzip.compress(content))
    for path, source in ((str(plain), None), (str(zipped), None), ("-", content), ("-", gzip.compress(content))):
        if source is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source)))
        with LogFile(path) as file:
            assert b"".join(file) == content
            assert file.position == (len(source) if source else os.path.getsize(path))
            assert file.size == (None if source else os.path.getsize(path))


def test_a_gzip_file_cut_off_gives_its_lines_and_then_says_so(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(os.urandom(50_000).hex().encode())[:-5000])
    with LogFile(str(path)) as file, pytest.raises(UsageError, match=r"cut.gz: cannot be read on"):
        list(file)


@pytest.mark.parametrize("path, message", [("missing.log", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"{re.escape(path)}: {message}"):
        LogFile(path)
