"""The first page in Chromium, wide and narrow, light and dark, without JavaScript: a real log's numbers."""

import json
import re

import pytest

from tests.conftest import BLOG_LOG, ROOT
from tests.servers import Server, footfall

SCREENSHOTS = ROOT / "build" / "screenshots"
BLOCKS = {"Top pages": "url", "Referrers": "referrer", "Search queries": "search_term", "Browsers": "browser",
          "Devices": "device"}
LINE = '192.0.2.{} - - [{}/May/2015:10:05:03 +0000] "GET /{} HTTP/1.1" 200 1 "{}" "Mozilla/5.0 (X11; Linux x86_64)"\n'

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module", params=["made", pytest.param("real", marks=pytest.mark.needs("blog-log"))])
def site(request, tmp_path_factory):
    """A server with a log imported, one made here or the real blog's, and its owner's password."""
    data = tmp_path_factory.mktemp("first-page")
    log = BLOG_LOG
    if request.param == "made":
        log = data.parent / f"{data.name}.log"
        referrers = ("-", "https://www.google.com/search?q=page+views", "https://a.example/")
        lines = (LINE.format(n % 9, 12 + n % 7, f"post-{n % 13}", referrers[n % 3]) for n in range(400))
        log.write_text("".join(lines))
    footfall(data, "site", "add", "blog")
    footfall(data, "import", "log", str(log), "--site", "blog")
    password = footfall(data, "user", "add", "owner").stdout.split()[-1]
    week = ("--since", "2015-05-12", "--until", "2015-05-18")
    asked = [argument for dimension in ("day", *BLOCKS.values()) for argument in ("--by", dimension)]
    told = json.loads(footfall(data, "stats", "blog", *week, *asked, "--json").stdout)
    with Server(data) as server:
        yield server, password, told, request.param


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (360, "light")], ids=lambda param: f"{param[0]}-{param[1]}")
def page(request, browser):
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme,
                                  java_script_enabled=False)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("requestfailed", lambda request: page.problems.append(request.url))
    yield page
    context.close()


def log_in(page, server, password):
    page.goto(f"{server.url}/")
    assert page.url == f"{server.url}/login?next=/"
    page.get_by_label("User").fill("owner")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    assert page.url == f"{server.url}/"


def rows(page, heading):
    """The table under a heading, as [(title of the row, number)]."""
    block = page.locator(".block", has=page.get_by_role("heading", name=heading))
    return [(row.locator(".label").get_attribute("title"), int(row.locator("td").last.inner_text().replace(",", "")))
            for row in block.locator("tbody tr").all()]


def test_the_first_page_shows_the_logs_numbers(page, site, request):
    server, password, told, name = site
    log_in(page, server, password)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{request.node.callspec.id}.png", full_page=True)
    assert page.locator(".total strong").inner_text() == f"{told['views']:,}"
    for heading, dimension in BLOCKS.items():
        assert rows(page, heading) == [(row["value"], row["views"]) for row in told["by"][dimension]]
    titles = page.locator(".plot title").all_text_contents()
    bars = [re.fullmatch(r"\w+ (\d+) May 2015: ([\d,]+) views", title) for title in titles]
    shown = {f"2015-05-{int(bar[1]):02}": int(bar[2].replace(",", "")) for bar in bars}
    assert list(shown) == [f"2015-05-{day}" for day in range(12, 19)]
    assert shown == {row["value"]: row["views"] for row in told["by"]["day"]}
    assert f'<script async src="{server.url}/a.js" data-id="blog"></script>' in page.locator(".tag").inner_text()
    assert page.problems == []


def test_the_page_is_no_wider_than_its_window(page, site):
    server, password, _, _ = site
    log_in(page, server, password)
    box = page.locator("html").bounding_box()
    assert box["width"] <= page.viewport_size["width"]
    for part in page.locator("main, section, table, .chart, header").all():
        if part.is_visible():
            assert part.bounding_box()["width"] <= page.viewport_size["width"]


def test_a_reader_leaves_and_is_out(page, site):
    server, password, _, _ = site
    log_in(page, server, password)
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{server.url}/")
    assert "/login" in page.url
