"""A site's page in Chromium on either store: its numbers are those of the stored events, every way to others works."""

from datetime import date, timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from footfall import recipes
from footfall.reports import texts
from footfall.web.panels import GROUPS
from footfall.web.picking import FIGURES
from tests.browser.conftest import wait_for
from tests.browser.pages import NAME, PASSWORD, made_site, windows
from tests.browsers import browsers
from tests.pages import totals
from tests.servers import fetch, footfall, log_in

pytestmark = pytest.mark.needs("chromium")

#: Recipes of map_reduce that count what panels show.
RECIPES = {"country": recipes.views_by_country, "browser": recipes.views_by_browser}
EVERYTHING = recipes.Recipe(recipes.CountBy(lambda when, view: "all"), recipes.add)


@pytest.fixture(scope="module", params=["sqlite", "cassandra"])
def site(request, tmp_path_factory):
    settings = {}
    if request.param == "cassandra":
        settings["store"] = request.getfixturevalue("cassandra_url")("pages")
    with made_site(tmp_path_factory.mktemp("pages"), **settings) as site:
        yield site


@pytest.fixture
def opened(browser, site):
    with windows(browser, site) as opened:
        yield opened


def figures(page):
    """The numbers at the top, by their names."""
    return {each.locator(".name").text_content().lower(): each.locator("strong").text_content()
            for each in page.locator(".figures li").all()}


def told(numbers):
    """Those numbers of events that were counted."""
    ((_, found),) = numbers
    return {texts.name_of(name): texts.number(name, number) for name, number in zip(FIGURES, found, strict=True)}


def first_row(page, group):
    """The first row of a panel: what its value is, and its numbers without their share."""
    row = page.locator(f"#panel-{group.key} tbody tr").first
    value = row.locator(".label")
    first, _, *more = row.locator("td + td").all_text_contents()
    return value.get_attribute("title"), first, *more


def asked(page):
    """What the address asks for."""
    return dict(parse_qsl(urlsplit(page.url).query))


def settled(page):
    """Wait until what was asked for is there."""
    page.locator("[aria-busy]").wait_for(state="detached")


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_every_number_is_that_of_the_stored_events(opened, site, scripted):
    page = opened(java_script_enabled=scripted)
    shown = figures(page)
    assert shown == told(site.numbers(FIGURES))
    assert site.counted(EVERYTHING) == [{"value": "all", "visitors": shown["visitors"], "views": shown["views"]}]
    for group in GROUPS:
        panel = group.panels[0]
        best = max(site.numbers(panel.metrics, by=(panel.dimension,)), key=lambda row: (row[1], row[0][0] is not None))
        assert first_row(page, group)[1:] == tuple(map(texts.number, panel.metrics, best[1])), group.key
        if panel.dimension in RECIPES:
            row = dict(zip(("value", *panel.metrics), first_row(page, group), strict=True))
            counted = next(each for each in site.counted(RECIPES[panel.dimension]) if each["value"] == row["value"])
            assert [row[name] for name in row if name in counted] == [counted[name] for name in row if name in counted]
    says = page.locator(".step").evaluate_all("steps => steps.map(step => step.dataset.says ?? step.textContent)")
    days = [f"{day[0]:%a} {day[0].day} {day[0]:%b %Y}: {visitors} visitors"
            for day, (visitors,) in site.numbers(("visitors",), by=("day",))]
    assert [text.partition(" (")[0] for text in says] == days


#: Pages behind a site's page that have numbers, with what is asked of them.
NUMBERED = ("", "/goals", "/funnel?step=page:/*&step=page:/*&within=1d", "/retention?period=7d", "/paths?page=/*")
#: Numbers of each that are followed.
SOME = 8


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_the_numbers_of_every_page_lead_to_as_many_events(opened, site, scripted):
    footfall(site.server.data, "goal", "add", NAME, f"Read {scripted}", "/*", **site.server.settings)
    page = opened(java_script_enabled=scripted)
    for path in NUMBERED:
        page.goto(site.url + path)
        links = page.locator("a.quantity").evaluate_all(
            "links => links.map(link => [link.textContent, link.href, link.parentNode.title])")
        assert links, path
        for shown, url, title in links[::-(-len(links) // SOME)]:
            behind = page.request.get(url).text()
            counts = totals(behind)
            number = title.partition(" of ")[0] or shown
            if not number.endswith("%"):
                assert number.replace(",", "") == str(counts[0]), (path, url)
            kind = parse_qs(urlsplit(url).query).get("kind", [""])[0]
            assert counts[0] == {"visits": counts[1], "visitors": counts[2]}.get(kind, counts[0]), (path, url)


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_a_point_of_the_chart_and_its_row_in_the_table_lead_to_its_events(opened, site, scripted):
    page = opened("?metric=views", java_script_enabled=scripted)
    stops = page.locator(".chart a, details:not([open]) a.quantity").evaluate_all(
        "links => links.filter(link => link.tabIndex >= 0 && link.checkVisibility()).length")
    assert stops == 0
    page.locator("summary", has_text="As a table").press("Enter")
    row = page.locator("details tbody tr", has=page.locator("td:nth-child(2) a")).nth(10)
    number = row.locator("a").first.text_content()
    row.locator("a").first.press("Enter")
    page.wait_for_url("**/events?*")
    asked_by_table, count = page.url, page.locator(".total strong").first.text_content()
    page.go_back()
    page.locator(".chart a").nth(10).click()
    page.wait_for_url("**/events?*")
    assert (page.url, count) == (asked_by_table, number)


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
def test_a_row_filters_the_page_and_the_chip_takes_the_filter_away(opened, site, scripted):
    page = opened(java_script_enabled=scripted)
    for group in GROUPS:
        dimension = group.panels[0].dimension
        link = page.locator(f"#panel-{group.key} tbody .label").first
        value = link.get_attribute("title")
        link.click()
        page.wait_for_url(lambda url: "is." in url)
        assert asked(page) == {f"is.{dimension}": value}
        page.locator(".chips li").wait_for()
        assert page.locator(".chips li").count() == 1
        assert figures(page) == told(site.numbers(FIGURES, where=["is", dimension, [value]])), dimension
        assert first_row(page, group)[0] == value
        page.locator(".chip a").click()
        page.wait_for_url(lambda url: "is." not in url)
        page.locator(".chips").wait_for(state="detached")
    assert figures(page) == told(site.numbers(FIGURES))


def test_filters_add_up_and_back_undoes_the_last(opened, site):
    page = opened()
    page.evaluate("window.stayed = true")
    page.locator("#panel-technology .label").first.click()
    page.locator(".chip").wait_for()
    page.locator("#panel-places tbody .label").first.click()
    page.locator(".chip").nth(1).wait_for()
    (browser, chosen), (country, other) = asked(page).items()
    where = ["and", [*browser.split("."), [chosen]], [*country.split("."), [other]]]
    assert figures(page) == told(site.numbers(FIGURES, where=where))
    page.go_back()
    page.wait_for_url(lambda url: "country" not in url)
    page.locator(".chip").nth(1).wait_for(state="detached")
    assert figures(page) == told(site.numbers(FIGURES, where=where[1]))
    assert page.evaluate("window.stayed")


def test_a_filter_is_written_in_the_form(opened, site):
    page = opened()
    page.keyboard.press("f")
    page.keyboard.type("browser")
    page.locator("[name=operator]").select_option("contains")
    page.locator("[name=value]").fill("fire")
    page.keyboard.press("Enter")
    page.locator(".chip").first.wait_for()
    assert asked(page) == {"contains.browser": "fire"}
    assert figures(page) == told(site.numbers(FIGURES, where=["contains", "browser", ["fire"]]))


def test_other_days_are_chosen_and_compared(opened, site):
    page = opened()
    page.locator(".picks summary").first.click()
    page.get_by_role("link", name="7 days", exact=True).click()
    page.wait_for_url("**?period=7d")
    settled(page)
    week = site.ending(7)
    assert figures(page) == told(site.numbers(FIGURES, week))
    before = {name: day - timedelta(days=7) for name, day in week.items()}
    ((_, now),), ((_, then),) = (site.numbers(FIGURES, days) for days in (week, before))
    changes = [texts.change(*each) for each in zip(FIGURES, now, then, strict=True)]
    shown = [" ".join(text.split()) for text in page.locator(".change").all_text_contents()]
    for text, change in zip(shown, changes, strict=True):
        assert change in text
    page.keyboard.press("c")
    page.wait_for_url("**compare=none*")
    page.locator(".change").first.wait_for(state="detached")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**since=*")
    settled(page)
    assert asked(page)["since"] == str(before["since"])
    assert figures(page) == told(site.numbers(FIGURES, before))


def test_days_that_are_drawn_over_in_the_chart_are_looked_at(opened, site):
    page = opened()
    since = page.locator(".step").evaluate_all("steps => steps.map(step => step.dataset.since)")
    days = [date.fromisoformat(day) for day in since]
    first, last = (page.locator(".step").nth(place).bounding_box() for place in (3, 9))
    page.mouse.move(first["x"] + first["width"] / 2, first["y"] + 50)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] / 2, last["y"] + 60, steps=4)
    page.mouse.up()
    page.wait_for_url("**period=custom*")
    settled(page)
    assert asked(page) == {"period": "custom", "since": str(days[3]), "until": str(days[9])}
    assert figures(page) == told(site.numbers(FIGURES, {"since": days[3], "until": days[10]}))
    page.mouse.click(first["x"] + 5, first["y"] + 50)
    page.wait_for_url("**/events?*")
    page.go_back()
    settled(page)
    page.mouse.dblclick(first["x"] + 5, first["y"] + 50)
    page.wait_for_url(site.url)
    settled(page)
    assert figures(page) == told(site.numbers(FIGURES))


def test_all_can_be_done_with_the_keyboard(opened, site):
    page = opened("?is.device=desktop")

    def tab_to(selector):
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab does not get to {selector}")

    tab_to(".picks .pick summary")
    page.keyboard.press("Enter")
    tab_to(".pick[open] a[aria-keyshortcuts='7']")
    page.keyboard.press("Enter")
    page.wait_for_url("**period=7d*")
    settled(page)
    tab_to(".chip a")
    page.keyboard.press("Enter")
    page.wait_for_url("**?period=7d")
    settled(page)
    tab_to(".plot")
    page.keyboard.press("End")
    assert page.locator(".readout").text_content() == page.locator(".step").last.get_attribute("data-says")
    tab_to("#panel-pages tbody .label")
    value = page.evaluate("document.activeElement.title")
    page.keyboard.press("Enter")
    page.wait_for_url("**is.page=*")
    settled(page)
    assert asked(page) == {"period": "7d", "is.page": value}
    page.keyboard.press("Escape")
    page.wait_for_url("**?period=7d")
    page.keyboard.press("9")
    page.wait_for_url("**?period=90d")


def test_a_share_link_shows_the_same_numbers_to_somebody_without_a_login(browser, site):
    said = footfall(site.server.data, "share", "add", NAME, **site.server.settings).stdout
    shared = site.server.url + urlsplit(said.split()[-1]).path
    with windows(browser, site, cookie="") as opened:
        page = opened(shared)
        page.evaluate("window.stayed = true")
        assert figures(page) == told(site.numbers(FIGURES))
        page.locator("#panel-technology .label").first.click()
        page.locator(".chip").wait_for()
        (filtered,) = asked(page).items()
        assert page.url.startswith(f"{shared}?")
        assert figures(page) == told(site.numbers(FIGURES, where=["is", "browser", [filtered[1]]]))
        assert page.evaluate("window.stayed")
        leads = page.locator("a[href^='/']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        assert [link for link in leads if link.startswith("/sites/")] == []
        page.goto(site.url)
        assert "/login?" in page.url


def test_who_may_only_see_is_shown_no_way_to_change(browser, opened, site):
    owner = opened()
    footfall(site.server.data, "user", "add", "guest", "--role", "viewer", "--site", NAME, "--password-stdin",
             stdin=f"{PASSWORD}\n", **site.server.settings)
    with windows(browser, site, cookie=log_in(site.server.url, "guest", PASSWORD)) as opened_by_guest:
        page = opened_by_guest()
        assert figures(page) == figures(owner)
        tabs = [each.locator(".site-tabs a").all_text_contents() for each in (owner, page)]
        assert set(tabs[0]) - set(tabs[1]) == {"Settings"}
        answer = page.request.get(f"{site.url}/settings")
        assert answer.status == 403


def test_who_comes_now_is_seen_without_a_reload(opened, site):
    page = opened()
    page.evaluate("window.stayed = true")
    number, before = page.locator("[data-number]"), figures(page)
    assert number.text_content() == "0"
    agent = next(agent for agent, _ in browsers())
    hit = f"{site.server.url}/a.gif?id={NAME}&url=https://blog.example.com/new"
    assert fetch(hit, **{"User-Agent": agent, "Accept-Language": "en"})[0] == 200

    def asks_and_shows(condition):
        # As when its window is looked at again, and not ten seconds later.
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        return condition()

    wait_for(page, lambda: asks_and_shows(lambda: number.text_content() == "1"))
    wait_for(page, lambda: figures(page) != before)
    site.read()
    assert figures(page) == told(site.numbers(FIGURES))
    assert page.evaluate("window.stayed")
