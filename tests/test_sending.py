"""How pages and their files are sent: compressed where it is asked for, and kept by browsers under their version."""

import gzip
import re

import pytest

from footfall.app import create_app


@pytest.fixture
def client(settings_of, store):
    return create_app(settings_of()).test_client()


def test_the_files_that_a_page_loads_are_kept_until_they_are_others(client):
    page = client.get("/login").text
    found = re.findall(r'"(/static/[^"]+)"', page)
    assert {path.partition("?")[0] for path in found} >= {"/static/style.css", "/static/page.js", "/static/favicon.svg"}
    for path in found:
        assert re.search(r"\?v=\w{12}$", path)
        answer = client.get(path, buffered=True)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        # Under another version, as an old page has it, and without one, it may be another soon.
        for other in (path.partition("?")[0], path[:-1] + "-"):
            assert "immutable" not in client.get(other, buffered=True).headers["Cache-Control"]


@pytest.mark.parametrize("path, accepted, is_small", [
    ("/static/style.css", "gzip, br", True),
    ("/static/page.js", "gzip", True),
    ("/static/page.js", "", False),
    ("/static/page.js", "gzip;q=0", False),
    # Less than a packet.
    ("/static/favicon.svg", "gzip", False),
])
def test_text_is_sent_compressed_to_who_takes_it(client, path, accepted, is_small):
    plain = client.get(path, buffered=True)
    answer = client.get(path, headers={"Accept-Encoding": accepted}, buffered=True)
    assert answer.headers.get("Content-Encoding") == ("gzip" if is_small else None)
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert (gzip.decompress(answer.data) if is_small else answer.data) == plain.data
    if is_small:
        assert len(answer.data) < 0.5 * len(plain.data)
        assert answer.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        known = {"Accept-Encoding": accepted, "If-None-Match": answer.headers["ETag"]}
        again = client.get(path, headers=known, buffered=True)
        assert (again.status_code, again.data) == (304, b"")


def test_what_is_made_while_it_is_sent_stays_so(client):
    parts = ("x" * 10_000 for _ in range(3))
    client.application.view_functions["health.health"] = lambda: (parts, {"Content-Type": "text/html"})
    answer = client.get("/health", headers={"Accept-Encoding": "gzip"})
    assert ("Content-Encoding" in answer.headers, "Content-Length" in answer.headers) == (False, False)
    assert len(answer.data) == 30_000
