"""What static/page.js does to a page that has its marks, whatever else stands there.

The server is made up here, so that it can be slow, away, or say something else the next time.
"""

import json
from html import escape
from urllib.parse import parse_qsl, urlsplit

import pytest

from footfall.app import SECURITY_HEADERS
from tests.browser.conftest import wait_for
from tests.conftest import ROOT

pytestmark = pytest.mark.needs("chromium")

HOST = "http://stats.example.com"
PAGE = """<!doctype html><html lang="en"><head><title>{title}</title><link rel="stylesheet" href="/style.css">
<script defer src="/page.js"></script></head><body><a href="?period=outside">Outside</a><main id="main">
<p class="live" data-live="/sites/blog/live" {renew}>
<a href="/sites/blog/events?now=2026-01-01&amp;x=1" data-number>0</a> now</p>
<p id="asked">{query}</p>
<details class="pick"><summary>Days</summary><div><a href="?period=7d" aria-keyshortcuts="7">7 days</a>
<a href="?period=today" aria-keyshortcuts="t">Today</a></div></details>
<a href="?" aria-keyshortcuts="ArrowLeft">Earlier</a>
<details class="pick"><summary aria-keyshortcuts="f">Filter</summary><form method="get">
<input type="hidden" name="period" value="7d"><input name="is.page" aria-label="Page">
<button>Apply</button></form></details>
<ul>{chips}</ul>
<div class="chart"><svg class="plot" width="400" height="100" role="img" aria-label="Views">{steps}</svg></div>
<a id="row" href="?is.page=/a">/a</a> <a href="/sites/shop?x=1">Elsewhere</a> <a href="#there">A part</a>
<a href="?tab=2#there">Another tab</a>
<a href="?csv=1" download>CSV</a> <a href="?file=1">A file</a> <details><summary>As a table</summary>Table</details>
</main></body></html>"""
#: When who is there was counted.
LOOKED = "2026-01-10T12:00:02+00:00"
DAYS = [f"2026-01-{day:02}" for day in range(1, 11)]


class Site:
    """The made-up site of a browser's page.

    :ivar asked: each request's path and query, in order.
    :ivar visitors: how many are there now, and ``newest``: when the newest event was.
    :ivar answers: gives how to answer a query: with a status, or ``None`` for never.
    """

    def __init__(self, page):
        self.page = page
        self.asked, self.held = [], []
        self.visitors, self.newest, self.renew = 0, None, ""
        self.answers = lambda query: 200
        page.context.route(f"{HOST}/**", self._answer)

    def open(self, query=""):
        self.page.goto(f"{HOST}/sites/blog{query}")
        self.pass_seconds(0)
        return self.page

    def pass_seconds(self, seconds=10):
        """Let the page's time pass, and what it asks for then be answered."""
        self.page.clock.run_for(seconds * 1000)
        # What was asked for before is answered before.
        self.page.evaluate("fetch('/style.css').then(answer => answer.text())")

    def count(self, path):
        """How many requests there were for a path that ends so, with its query."""
        return sum(each.endswith(path) for each in self.asked)

    def _answer(self, route):
        url = urlsplit(route.request.url)
        self.asked.append(url.path + ("?" + url.query if url.query else ""))
        if url.path in ("/page.js", "/style.css"):
            route.fulfill(path=ROOT / "static" / url.path[1:])
        elif url.path.endswith("/live"):
            told = json.dumps({"visitors": self.visitors, "at": LOOKED, "newest": self.newest})
            route.fulfill(status=self.answers("live"), content_type="application/json", body=told)
        elif url.query == "file=1":
            kept = {"Content-Disposition": "attachment; filename=file.jsonl"}
            route.fulfill(content_type="application/x-ndjson", headers=kept, body="{}")
        elif (status := self.answers(url.query)) is None:
            self.held.append(route)
        else:
            route.fulfill(status=status, content_type="text/html", headers=SECURITY_HEADERS, body=self._page(url))

    def _page(self, url):
        fields = parse_qsl(url.query)
        chips = "".join(f'<li>{escape(value)} <a href="?" aria-keyshortcuts="Escape">×</a></li>'
                        for name, value in fields if name == "is.page")
        steps = "".join(f'<g class="step" data-since="{day}" data-until="{day}"><title>{day}: {number} views</title>'
                        f'<rect fill="transparent" x="{number * 10}%" width="10%" height="100"/>'
                        f'<a href="/sites/blog/events?day={day}" tabindex="-1"><rect fill="transparent" '
                        f'x="{number * 10}%" width="10%" y="70" height="24"/></a></g>'
                        for number, day in enumerate(DAYS))
        return PAGE.format(title=escape(url.query or "all"), query=escape(url.query), renew=self.renew, chips=chips,
                           steps=steps)


@pytest.fixture
def site(page):
    page.clock.install()
    yield Site(page)
    assert page.problems == []


def shows(page, query):
    """Wait until the page shows a query, which its address says too."""
    page.locator("#asked", has_text=query).wait_for(state="attached")
    wait_for(page, lambda: page.locator("#asked").text_content() == query)
    assert page.url.removesuffix("?") == f"{HOST}/sites/blog" + ("?" + query if query else "")


def stay(page):
    """Mark the page, so that one that is loaded after it can be told from it."""
    page.evaluate("window.mark = 1")
    return lambda: page.evaluate("window.mark") == 1


def test_a_link_to_another_view_changes_the_page_alone_and_back_goes_back(site):
    page = site.open()
    stayed = stay(page)
    page.locator("#row").focus()
    page.keyboard.press("Enter")
    shows(page, "is.page=/a")
    assert (page.title(), page.locator("[role=status]").text_content()) == ("is.page=/a", "Loaded")
    # Who came by the keyboard goes on where he was.
    assert page.evaluate("document.activeElement.id") == "row"
    page.go_back()
    shows(page, "")
    page.go_forward()
    shows(page, "is.page=/a")
    page.get_by_text("×").click()
    shows(page, "")
    assert stayed()


def test_a_menu_is_closed_after_its_link_and_what_else_was_open_stays_so(site):
    page = site.open()
    page.get_by_text("As a table").click()
    page.get_by_text("Days", exact=True).click()
    page.get_by_role("link", name="7 days").click()
    shows(page, "period=7d")
    opened = page.evaluate("[...document.querySelectorAll('details')].map(each => each.open)")
    assert opened == [False, False, True]
    assert page.evaluate("document.activeElement.textContent") == "Days"
    page.get_by_text("Days", exact=True).click()
    page.locator("#asked").click()
    assert page.locator("details.pick[open]").count() == 0


def test_a_form_of_the_view_goes_the_same_way(site):
    page = site.open()
    stayed = stay(page)
    page.keyboard.press("f")
    page.keyboard.type("/ä b")
    page.keyboard.press("Enter")
    shows(page, "period=7d&is.page=%2F%C3%A4+b")
    assert stayed()


@pytest.mark.parametrize("name", ["Outside", "Elsewhere"])
def test_other_links_are_the_browsers(site, name):
    page = site.open()
    with page.expect_event("load"):
        page.get_by_role("link", name=name).click()


def test_a_part_of_the_page_is_gone_to_by_the_browser_and_one_of_another_view_stays_where_it_is(site):
    page = site.open()
    pages = site.count("/sites/blog")
    page.get_by_role("link", name="A part").click()
    assert (page.url, site.count("/sites/blog")) == (f"{HOST}/sites/blog#there", pages)
    page.get_by_role("link", name="Another tab").click()
    shows(page, "tab=2")


def test_a_link_that_is_to_be_opened_elsewhere_is_the_browsers(site):
    page = site.open()
    with page.context.expect_page() as opened:
        page.locator("#row").click(modifiers=["ControlOrMeta"])
    assert opened.value != page
    assert page.url == f"{HOST}/sites/blog"


def test_a_newer_wish_ends_an_older_one(site):
    page = site.open()
    stayed = stay(page)
    site.answers = lambda query: None if query == "is.page=/a" else 200
    page.locator("#row").click()
    wait_for(page, lambda: site.held)
    assert page.locator("main").get_attribute("aria-busy") == "true"
    page.keyboard.press("t")
    shows(page, "period=today")
    assert (stayed(), page.locator("main").get_attribute("aria-busy")) == (True, None)


def test_what_fails_is_loaded_as_without_the_script(site):
    page = site.open()
    site.answers = lambda query: 500 if query == "is.page=/a" else 200
    with page.expect_event("load"):
        page.locator("#row").click()
    assert (page.url, site.count("?is.page=/a")) == (f"{HOST}/sites/blog?is.page=/a", 2)


def test_what_is_no_page_is_loaded_by_the_browser(site):
    page = site.open()
    stayed = stay(page)
    with page.expect_download() as loaded:
        page.get_by_role("link", name="A file").click()
    assert loaded.value.suggested_filename == "file.jsonl"
    assert (stayed(), page.url, page.locator("[aria-busy]").count()) == (True, f"{HOST}/sites/blog", 0)


# ----- live


def test_who_is_there_is_asked_for_while_the_page_is_looked_at(site):
    page = site.open()
    site.visitors = 1234
    site.pass_seconds()
    number = page.locator("[data-number]")
    wait_for(page, lambda: number.text_content() == "1,234")
    assert page.locator(".live.some").count() == 1
    # What the number leads to is of the time that it is of.
    assert dict(parse_qsl(urlsplit(number.get_attribute("href")).query)) == {"now": LOOKED, "x": "1"}
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true; document.dispatchEvent(new Event('visibilitychange'))")
    asked = site.count("/live")
    site.pass_seconds(60)
    assert site.count("/live") == asked
    site.visitors = 5
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    wait_for(page, lambda: number.text_content() == "5")


def test_a_server_that_is_away_is_asked_less_and_less(site):
    site.open()
    site.answers = lambda query: 503 if query == "live" else 200
    pauses, since = [], 0
    while len(pauses) < 4:
        asked = site.count("/live")
        site.pass_seconds()
        since += 10
        if site.count("/live") > asked:
            pauses.append(since)
            since = 0
    assert pauses == [10, 20, 40, 80]


def test_a_page_of_today_is_renewed_after_new_events_but_not_under_the_readers_hands(site):
    site.renew, site.newest = "data-renew", "2026-01-10T12:00:00+00:00"
    page = site.open()
    site.pass_seconds()
    pages = site.count("/sites/blog")
    site.newest = "2026-01-10T12:00:01+00:00"
    page.get_by_text("Filter").click()
    page.keyboard.press("Tab")
    site.pass_seconds()
    site.pass_seconds()
    assert site.count("/sites/blog") == pages
    page.keyboard.press("Escape")
    page.locator("#row").focus()
    site.pass_seconds()
    wait_for(page, lambda: site.count("/sites/blog") == pages + 1)
    site.pass_seconds(0)
    assert page.evaluate("document.activeElement.id") == "row"
    # It was quiet.
    assert page.locator("[role=status]").text_content() == ""
    site.pass_seconds()
    site.pass_seconds()
    assert site.count("/sites/blog") == pages + 1


def test_a_page_of_other_days_stays_as_it_is(site):
    site.newest = "2026-01-10T12:00:00+00:00"
    site.open()
    site.newest = "2026-01-10T12:00:01+00:00"
    site.pass_seconds()
    site.pass_seconds()
    assert site.count("/sites/blog") == 1


# ----- the chart


#: So far below that is what leads to its events.
TARGET = 42


def at(page, number):
    """Where a point of the chart is."""
    box = page.locator(".step").nth(number).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + 40


def test_a_point_of_the_chart_tells_its_number_to_the_pointer_and_to_the_keyboard(site):
    page = site.open()
    page.mouse.move(*at(page, 3))
    readout = page.locator(".readout")
    assert (readout.text_content(), page.locator(".step.at").count()) == ("2026-01-04: 3 views", 1)
    assert page.locator(".chart title").count() == 0
    page.mouse.move(0, 0)
    assert readout.count() == 0
    page.locator(".plot").focus()
    said = []
    for key in ("ArrowRight", "ArrowRight", "End", "ArrowLeft", "Home", "ArrowLeft"):
        page.keyboard.press(key)
        said.append(page.locator("[role=status]").text_content()[:10])
        assert readout.text_content()[:10] == said[-1]
    assert said == [DAYS[place] for place in (0, 1, 9, 8, 0, 0)]
    box, chart = readout.bounding_box(), page.locator(".chart").bounding_box()
    assert chart["x"] <= box["x"] <= box["x"] + box["width"] <= chart["x"] + chart["width"]


def test_days_are_selected_in_the_chart_with_the_mouse(site):
    page = site.open("?interval=day&is.page=/a")
    page.mouse.move(*at(page, 6))
    page.mouse.down()
    page.mouse.move(*at(page, 2), steps=5)
    assert page.locator(".readout").text_content() == "2026-01-03 to 2026-01-07"
    assert page.locator(".step.at").count() == 5
    page.mouse.up()
    shows(page, "is.page=%2Fa&period=custom&since=2026-01-03&until=2026-01-07")
    page.mouse.dblclick(*at(page, 5))
    shows(page, "interval=day&is.page=/a")


def test_a_click_in_the_chart_selects_nothing(site):
    page = site.open()
    page.mouse.click(*at(page, 6))
    page.mouse.dblclick(*at(page, 6))
    page.locator("#row").click()
    shows(page, "is.page=/a")
    assert site.count("custom") == 0


def test_days_are_selected_in_the_chart_with_the_keyboard(site):
    page = site.open()
    page.locator(".plot").focus()
    for key in ("End", "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft", "Enter"):
        page.keyboard.press(key)
    shows(page, "period=custom&since=2026-01-07&until=2026-01-09")


def test_a_point_of_the_chart_leads_to_its_events_unless_it_was_drawn_over(site):
    page = site.open()
    x, y = at(page, 3)
    page.mouse.move(x - 8, y + TARGET)
    page.mouse.down()
    page.mouse.move(x + 8, y + TARGET, steps=4)
    page.mouse.up()
    shows(page, "period=custom&since=2026-01-04&until=2026-01-04")
    x, y = at(page, 3)
    page.mouse.click(x, y + TARGET)
    page.wait_for_url("**/events?day=2026-01-04")


def test_a_key_shows_the_events_behind_a_point(site):
    page = site.open()
    page.locator(".plot").focus()
    page.keyboard.press("e")
    page.keyboard.press("End")
    page.keyboard.press("e")
    page.wait_for_url(f"**/events?day={DAYS[-1]}")


# ----- keys


@pytest.mark.parametrize("key, query", [("7", "period=7d"), ("t", "period=today"), ("Escape", ""), ("ArrowLeft", "")])
def test_a_key_does_what_its_link_does(site, key, query):
    page = site.open("?is.page=/a")
    page.keyboard.press(key)
    shows(page, query)


def test_keys_do_nothing_where_they_mean_something_else(site):
    page = site.open()
    page.keyboard.press("f")
    assert page.evaluate("document.activeElement.name") == "is.page"
    page.keyboard.type("7t?")
    assert page.get_by_label("Page").input_value() == "7t?"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "Filter"
    for key in ("Control+7", "Alt+t", "x", "9"):
        page.keyboard.press(key)
    page.locator("#row").click()
    shows(page, "is.page=/a")
    assert [each for each in site.asked if "period" in each] == []


def test_keys_are_told_and_can_be_turned_off(site):
    page = site.open()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    assert "28 days" in dialog.inner_text()
    page.keyboard.press("7")
    dialog.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    page.keyboard.press("7")
    page.get_by_role("button", name="Keys").click()
    dialog.get_by_label("Use these keys").check()
    dialog.get_by_role("button", name="Close").click()
    assert site.count("?period=7d") == 0
    page.keyboard.press("7")
    shows(page, "period=7d")
