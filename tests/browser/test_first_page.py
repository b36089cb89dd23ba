"""The page of a site in Chromium, wide and narrow, light and dark, without JavaScript: a real log's numbers."""

import json
import re

import pytest

from tests.browser.conftest import follow
from tests.conftest import BLOG_LOG, ROOT
from tests.servers import Server, footfall

SCREENSHOTS = ROOT / "build" / "screenshots"
#: Panels of the page, with their dimension and its tab.
PANELS = {"pages": ("page", "Page"), "sources": ("referrer", "Referrer"), "technology": ("browser", "Browser")}
WEEK = "period=custom&since=2015-05-12&until=2015-05-18"
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
    dimensions = ("day", *(dimension for dimension, _ in PANELS.values()))
    asked = [argument for dimension in dimensions for argument in ("--by", dimension)]
    told = json.loads(footfall(data, "stats", "blog", *week, *asked, "--json").stdout)
    with Server(data) as server:
        yield server, password, told, request.param


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (360, "light")], ids=lambda param: f"{param[0]}-{param[1]}")
def page(request, browser, site):
    """The page of the site about the log's week, after a login that began at the first page."""
    (server, password, _, _), (width, scheme) = site, request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme,
                                  java_script_enabled=False)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    # What was still being loaded when the next page was asked for is cut off, which is no failure.
    page.on("requestfailed", lambda request: page.problems.extend(
        [request.url] if request.failure != "net::ERR_ABORTED" else []))
    page.goto(f"{server.url}/")
    assert page.url == f"{server.url}/login?next=/"
    page.get_by_label("User").fill("owner")
    page.get_by_label("Password").fill(password)
    follow(page, page.get_by_role("button", name="Log in"))
    assert page.url == f"{server.url}/sites/blog"
    page.goto(f"{server.url}/sites/blog?{WEEK}")
    yield page
    context.close()


def rows(page, key):
    """The rows of a panel, as [(title, number)]."""
    return [(row.locator(".label").get_attribute("title"), int(row.locator("td").nth(1).inner_text().replace(",", "")))
            for row in page.locator(f"#panel-{key} tbody tr").all()]


def test_the_page_shows_the_logs_numbers(page, site, request):
    _, _, told, name = site
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{request.node.callspec.id}.png", full_page=True)
    assert page.locator(".figures li", has_text="Views").first.locator("strong").inner_text() == f"{told['views']:,}"
    titles = page.locator(".step title").all_text_contents()
    days = [re.match(r"\w+ (\d+) May 2015: ([\d,]+) views", title) for title in titles]
    shown = {f"2015-05-{int(day[1]):02}": int(day[2].replace(",", "")) for day in days}
    assert list(shown) == [f"2015-05-{day}" for day in range(12, 19)]
    assert shown == {row["value"]: row["views"] for row in told["by"]["day"]}
    for key, (dimension, tab) in PANELS.items():
        follow(page, page.locator(f"#panel-{key}").get_by_role("link", name=tab, exact=True))
        assert rows(page, key) == [(row["value"], row["views"]) for row in told["by"][dimension]][:9]
    assert page.problems == []


def test_a_click_on_a_row_filters_and_a_click_on_its_chip_takes_that_back(page, site):
    views = page.locator(".figures li", has_text="Views").first.locator("strong")
    all_of_it = views.inner_text()
    row = page.locator("#panel-pages tbody tr").nth(1)
    title, number = row.locator(".label").get_attribute("title"), row.locator("td").nth(1).inner_text()
    follow(page, row.locator(".label"))
    assert (page.locator(".chip bdi").inner_text(), views.inner_text()) == (f"Page is {title}", number)
    follow(page, page.get_by_role("link", name=f"Remove the filter Page is {title}"))
    assert views.inner_text() == all_of_it
    assert page.locator(".chip").count() == 0


def test_other_days_and_one_more_filter_can_be_chosen_in_forms(page, site):
    page.locator(".pick summary").first.click()
    page.get_by_label("From").fill("2015-05-13")
    page.get_by_label("to", exact=True).fill("2015-05-14")
    follow(page, page.get_by_role("button", name="Show"))
    assert "since=2015-05-13&until=2015-05-14" in page.url
    page.locator(".pick summary", has_text="Add a filter").click()
    page.get_by_label("Filter by").fill("page")
    page.locator("select[name=operator]").select_option("contains")
    page.get_by_label("value").fill("post")
    follow(page, page.get_by_role("button", name="Filter", exact=True))
    assert page.url.endswith("since=2015-05-13&until=2015-05-14&contains.page=post")
    assert page.locator(".chip bdi").inner_text() == "Page contains post"


def test_the_page_is_no_wider_than_its_window(page, site):
    box = page.locator("html").bounding_box()
    assert box["width"] <= page.viewport_size["width"]
    for part in page.locator("main, section, table, .chart, header").all():
        if part.is_visible():
            assert part.bounding_box()["width"] <= page.viewport_size["width"]


def test_a_reader_leaves_and_is_out(page, site):
    follow(page, page.get_by_role("button", name="Log out"))
    page.goto(f"{site[0].url}/")
    assert "/login" in page.url
