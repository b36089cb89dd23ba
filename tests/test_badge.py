"""The badge: a number of a site that everybody may know, once its settings say so."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from footfall import accounts
from footfall.app import create_app
from footfall.web import badge
from tests.servers import Server, fetch, footfall
from tests.test_mail import view


@pytest.fixture
def blog(store):
    accounts.add(store, "blog")
    accounts.configure(store, "blog", {"badge": "views"})
    for _ in range(3):
        view(store, "blog", datetime.now(UTC), visitor=1)


@pytest.fixture
def client(settings_of, store):
    return create_app(settings_of()).test_client()


def told(answer):
    assert answer.status_code == 200, answer.text
    return ET.fromstring(answer.text).find("{http://www.w3.org/2000/svg}text").text


@pytest.mark.parametrize("shows, query, text", [
    ("views", "", "3 views this month"),
    ("visitors", "", "1 visitor this month"),
    ("views", "?period=28d", "3 views in 28 days"),
    ("views", "?period=year&label=so+far", "3 views so far"),
    ("views", "?label=", "3 views"),
    ("views", "?label=%3C/text%3E%3Cscript%3E%22%26", '3 views </text><script>"&'),
    ("views", "?label=%20%20a%20%20b", "3 views a b"),
])
def test_it_shows_the_number_that_the_site_tells(client, store, blog, shows, query, text):
    accounts.configure(store, "blog", {"badge": shows})
    assert told(client.get(f"/badge/blog.svg{query}")) == text


def test_there_is_none_unless_the_site_says_so(client, store, blog):
    accounts.add(store, "shop")
    for name in ("shop", "none", "x" * 300):
        # Whether there is such a site is nobody's business.
        assert client.get(f"/badge/{name}.svg").status_code == 404


@pytest.mark.parametrize("query, message", [
    ("?period=today", "period='today': must be one of month, 28d, year"), ("?label=" + "x" * 41, "label: must be 40"),
    ("?label=a%0Ab", "all of them printable"), ("?label=%E2%80%AEa", "all of them printable"),
])
def test_what_cannot_be_asked_for_is_refused(client, blog, query, message):
    answer = client.get(f"/badge/blog.svg{query}")
    assert (answer.status_code, message in answer.text) == (400, True)


def test_pages_of_other_sites_may_show_it_and_caches_keep_it_for_ten_minutes(client, blog):
    headers = client.get("/badge/blog.svg").headers
    assert headers["Content-Type"].startswith("image/svg+xml")
    assert headers["Cache-Control"] == "public, max-age=600"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers
    assert "prefers-color-scheme:dark" in client.get("/badge/blog.svg").text


def test_it_is_counted_once_in_ten_minutes_however_often_it_is_asked_for(store):
    now, counted = [0.0], []
    kept = badge.Badges(lambda: store, clock=lambda: now[0])

    def count():
        counted.append(now[0])
        return len(counted)

    for at, number in ((0, 1), (1, 1), (599, 1), (600, 2), (1199, 2), (1201, 3)):
        now[0] = at
        assert kept.number(("blog",), count) == number
    for site in range(badge.MOST + 5):
        kept.number((str(site),), lambda: 0)
    assert len(kept._kept) == badge.MOST


def test_a_wider_text_takes_a_wider_picture(client, blog):
    widths = [int(re.search(r'width="(\d+)"', client.get(f"/badge/blog.svg?label={label}").text)[1])
              for label in ("", "iii", "mmm", "今月今月")]
    assert widths == sorted(set(widths))


def test_a_real_server_gives_it_without_a_login(tmp_path):
    footfall(tmp_path, "site", "add", "blog")
    footfall(tmp_path, "site", "set", "blog", "--badge", "visitors")
    with Server(tmp_path) as running:
        status, headers, body = fetch(f"{running.url}/badge/blog.svg")
        assert (status, headers["Cache-Control"]) == (200, "public, max-age=600")
        assert b"0 visitors this month" in body
        assert fetch(f"{running.url}/badge/shop.svg")[0] == 404
        running.stop()
