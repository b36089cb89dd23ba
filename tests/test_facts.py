"""What an event tells, dimension by dimension."""

from importlib import metadata

import pytest

from footfall.reports import segment, version
from footfall.reports.facts import FIELDS, ROWS, TABLES, fact_of
from footfall.reports.version import facts_version

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/18.3 Mobile/15E148 Safari/604.1")
PAGE = "https://www.example.com/a"
GOOGLE = "https://www.google.com/search?q=Small+Server"


def dimensions(fields):
    """Every dimension that an event has."""
    fact = fact_of(fields)
    return {name: value for table, names in TABLES.items()
            for name, value in zip(names, getattr(fact, table), strict=True) if value is not None}


#: What every event tells, whatever it lacks.
LEAST = {"page": "/", "url": "", "channel": "direct", "browser": "other", "browser_version": "other", "os": "other",
         "device": "other"}


@pytest.mark.parametrize("fields, expected", [
    ({}, {}),
    ({"event": ""}, {}),
    ({"event": "signup"}, {"event": "signup"}),
    ({"event": 7}, {}),
    ({"url": PAGE}, {"url": PAGE, "host": "example.com", "page": "/a"}),
    ({"url": "https://EXAMPLE.com:8443"}, {"url": "https://EXAMPLE.com:8443", "host": "example.com"}),
    ({"url": f"{PAGE}?q=1#part"}, {"url": f"{PAGE}?q=1#part", "host": "example.com", "page": "/a"}),
    ({"url": f"{PAGE}#/route?x=1"}, {"url": f"{PAGE}#/route?x=1", "host": "example.com", "page": "/a#/route?x=1"}),
    ({"url": f"{PAGE}#!old"}, {"url": f"{PAGE}#!old", "host": "example.com", "page": "/a#!old"}),
    ({"url": "/relative?x=1"}, {"url": "/relative?x=1", "page": "/relative"}),
    ({"url": "http://[broken/a"}, {"url": "http://[broken/a", "page": "http://[broken/a"}),
    ({"url": "file:///home/a.html"}, {"url": "file:///home/a.html", "page": "/home/a.html"}),
    ({"url": b"/bytes"}, {}),
    ({"title": "Größe"}, {"title": "Größe"}),
    ({"title": ["Home"]}, {}),
    ({"referrer": GOOGLE}, {"referrer": "google.com", "referrer_url": GOOGLE, "source": "Google", "channel": "search",
                            "search_term": "small server"}),
    ({"url": PAGE, "referrer": "https://example.com/b"},
     {"url": PAGE, "host": "example.com", "page": "/a", "channel": "internal"}),
    ({"url": f"{PAGE}?utm_source=News&utm_medium=email&utm_campaign=May&utm_content=top&utm_term=a+b",
      "referrer": "https://example.com/b"},
     {"url": f"{PAGE}?utm_source=News&utm_medium=email&utm_campaign=May&utm_content=top&utm_term=a+b",
      "host": "example.com", "page": "/a", "channel": "internal", "utm_source": "news", "utm_medium": "email",
      "utm_campaign": "may", "utm_content": "top", "utm_term": "a b"}),
    ({"url": "/?utm_source=News&utm_medium=email"}, {"url": "/?utm_source=News&utm_medium=email", "source": "news",
                                                     "channel": "mail", "utm_source": "news", "utm_medium": "email"}),
    ({"referrer": {"a": 1}}, {}),
    ({"user_agent": FIREFOX}, {"browser": "Firefox", "browser_version": "Firefox 140", "os": "Linux",
                               "device": "desktop"}),
    ({"user_agent": IPHONE}, {"browser": "Mobile Safari", "browser_version": "Mobile Safari 18.3", "os": "iOS",
                              "device": "mobile"}),
    ({"user_agent": 1}, {}),
    ({"country": "DE", "region": "Hesse", "city": "Frankfurt am Main"},
     {"country": "DE", "region": "DE Hesse", "city": "DE Frankfurt am Main"}),
    ({"city": "Mainz"}, {"city": "Mainz"}),
    ({"country": "", "region": "", "city": None}, {}),
    ({"language": "de-AT"}, {"language": "de-AT"}),
    ({"screen": "390x844"}, {"screen": "390x844"}),
    ({"screen": [390, 844], "language": True}, {}),
    ({"props": {"n": 1, "a": "ä"}}, {"props": '{"a": "ä", "n": 1}'}),
    ({"props": {}}, {}),
    ({"props": ["a"]}, {}),
    ({"props": {"a": b"\xff"}}, {}),
    ({"props": {1: "a", "b": 2}}, {}),
    ({"ip": "192.0.2.7", "cut": ["url"]}, {}),
])
def test_an_event_tells(fields, expected):
    assert dimensions(fields) == LEAST | expected


@pytest.mark.parametrize("visitor, number", [
    (b"\0\0\0\0\0\0\0\1", 1), (b"\xff" * 8, 2 ** 64 - 1), (b"", 0), (b"short", 0), (b"123456789", 0),
    ("12345678", 0), (7, 0), (None, 0),
])
def test_a_visitor_is_eight_bytes(visitor, number):
    assert fact_of({"visitor": visitor}).visitor == number


@pytest.mark.parametrize("stored, counted", [
    (0, 0), (1, 1), (2 ** 31 - 1, 2 ** 31 - 1), (2 ** 31, 0), (-1, 0), (True, 0), (1.0, 0), ("1", 0), (None, 0),
    ([1], 0),
])
@pytest.mark.parametrize("name", ["engaged", "scroll"])
def test_a_count_is_a_number_that_is_not_negative(name, stored, counted):
    assert getattr(fact_of({name: stored}), name) == counted


def test_every_table_is_made_of_fields_that_are_read():
    assert list(ROWS) == list(TABLES)
    assert {field for needed, _ in ROWS.values() for field in needed} <= set(FIELDS)


def test_the_version_follows_the_form_the_parsers_and_the_source(monkeypatch, tmp_path):
    def changed():
        facts_version.cache_clear()
        return facts_version()

    versions = [changed(), changed()]
    assert versions[0] == versions[1]
    monkeypatch.setattr(segment, "VERSION", segment.VERSION + 1)
    versions.append(changed())
    for package in version.RULES:
        installed = metadata.version
        monkeypatch.setattr(version, "version",
                            lambda name, package=package, installed=installed:
                            "99" if name == package else installed(name))
        versions.append(changed())
    source = tmp_path / "facts.py"
    source.write_text("# another\n")
    monkeypatch.setattr(version.facts, "__file__", str(source))
    versions.append(changed())
    monkeypatch.undo()
    assert len(set(versions)) == len(versions) - 1
    assert changed() == versions[0]
