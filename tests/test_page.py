"""The page of a site: the engine's numbers, and links and forms that lead to the page with something else chosen."""

import html
import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from footfall import accounts, goals, timeuuid
from footfall.pageview import row_key
from footfall.reports.properties import properties
from footfall.reports.query import query
from footfall.web import charts, names, overview, worldmap
from footfall.web.charts import Note, Point
from footfall.web.panels import GROUPS
from footfall.web.view import parse_view
from tests.conftest import ROOT
from tests.pages import DAYS, clients, days_in, link, quantities, rows, text, total, totals
from tests.streams import fill

EVENTS = """
2026-01-03 10:00 ann /a
2026-01-03 10:01 ann /b
2026-01-05 10:00 ann /a country=DE ref=https://www.google.com/
2026-01-05 10:01 ann /b country=DE
2026-01-05 10:02 ann signup /b prop.plan="pro"
2026-01-05 11:00 bob /b country=AT
2026-01-05 11:01 bob signup /b prop.plan="free" prop.seats=3
2026-01-06 09:00 cid /c country=DE
2026-01-06 09:05 cid /b
"""
PAGE = f"/sites/blog?{DAYS}"
HOSTILE = ('"><script>alert(1)</script>', "javascript:alert(2)", "//evil.example/", "a\u202eb", "{{ 7*7 }}",
           "&is.page=/x", "")
FIGURES = ("visitors", "visits", "views", "views_per_visit", "bounce_rate", "engaged_time")


@pytest.fixture
def viewer(settings_of, store, monkeypatch):
    fill(store, EVENTS)
    return clients(settings_of(), store, monkeypatch, roles=("viewer",))[0]


def figures(page):
    """The numbers at the top: name, number, what is seen of the change, its verdict."""
    found = re.findall(r'<span class="name">(.*?)</span>\s*<strong>(.*?)</strong>(.*?)</li>', page, re.DOTALL)
    return {name: (number, text(rest), (re.findall(r'class="change (\w*)"', rest) or [None])[0])
            for name, number, rest in found}


def panel(page, key):
    """A panel's HTML."""
    return re.search(rf'<section class="panel" id="panel-{key}".*?</section>', page, re.DOTALL)[0]


def labels(page, key):
    """The label and URL of each row of a panel, and the row's numbers."""
    number = r'<td(?: class="[^"]*")?>(?:<a [^>]*>)?([^<]+)(?:</a>)?</td>'
    return [(html.unescape(label), html.unescape(url), re.findall(number, row))
            for row, url, label in
            re.findall(r'(<tr><td><div class="row">.*?<a class="label" href="(.*?)".*?<bdi>(.*?)</bdi>.*?</tr>)',
                       panel(page, key), re.DOTALL)]


def filters(url):
    fields = parse_qsl(urlsplit(url).query)
    return [(name, value) for name, value in fields if name.partition(".")[0] in names.OPERATORS]


# ----- numbers


def test_the_numbers_at_the_top_are_the_engines_with_their_change(viewer, store):
    told = query(days_in(store), FIGURES, date(2026, 1, 5), date(2026, 1, 7), compare="previous")[0]
    assert (told["visitors"], told["views"], told["compared"]["views"]) == (3, 5, 2)
    shown = figures(viewer.get(PAGE).text)
    assert list(shown) == ["Visitors", "Visits", "Views", "Views per visit", "Bounce rate", "Engaged time"]
    assert shown["Visitors"] == ("3", "↑ +200% against 1", "good")
    assert shown["Views"] == ("5", "↑ +150% against 2", "good")
    assert shown["Views per visit"] == ("1.67", "↓ -17% against 2.00", "bad")
    assert shown["Engaged time"] == ("0s", "0% against 0s", "")
    assert figures(viewer.get(f"{PAGE}&compare=none").text)["Visitors"] == ("3", "", None)


def test_what_the_numbers_at_the_top_are_compared_with_leads_to_the_events_behind_it(viewer, store):
    told = query(days_in(store), FIGURES, date(2026, 1, 5), date(2026, 1, 7), compare="previous")[0]["compared"]
    shown = re.search('<ul class="figures".*?</ul>', viewer.get(PAGE).text, re.DOTALL)[0]
    # Nothing is behind a bounce rate and an engaged time of nothing.
    numbers, urls = zip(*quantities(shown), strict=True)
    assert numbers == ("1", "1", "2", "2.00")
    events, visits, visitors = zip(*(totals(viewer.get(url).text) for url in urls), strict=True)
    assert events[:3] == (told["visitors"], told["visits"], told["views"])
    assert set(visits) == {told["visits"]}
    assert set(visitors) == {told["visitors"]}


@pytest.mark.parametrize("change, verdict, of_bounces", [
    ("+12%", "good", "bad"), ("-2.5 pp", "bad", "good"), ("0%", "", ""), ("", "", "")])
def test_a_bounce_rate_that_falls_is_good(change, verdict, of_bounces):
    assert (overview._verdict("views", change), overview._verdict("bounce_rate", change)) == (verdict, of_bounces)


@pytest.mark.parametrize("metric", FIGURES)
def test_each_number_chooses_what_the_chart_shows(viewer, metric):
    page = viewer.get(PAGE).text
    name = metric.replace("_", " ").capitalize()
    (url,) = re.findall(rf'<a href="([^"]*)"[^>]*><span class="name">{name}<', page)
    page = viewer.get(html.unescape(url)).text
    assert f'data-metric="{metric}"' in page
    assert re.findall(r'aria-current="true">\s*<span class="name">(.*?)<', page) == [name]
    assert rows(page)[0] == ["Hour", name, "The days before"]


def test_the_chart_shows_each_day_and_the_day_it_is_compared_with(viewer):
    page = viewer.get(f"{PAGE}&metric=views&interval=day").text
    assert re.findall('<g class="step" data-since="(.*?)" data-until="(.*?)"><title>(.*?)</title>', page) == [
        ("2026-01-05", "2026-01-05", "Mon 5 Jan 2026: 3 views (the days before: 2)"),
        ("2026-01-06", "2026-01-06", "Tue 6 Jan 2026: 2 views (the days before: 0)")]
    assert rows(page) == [["Day", "Views", "The days before"],
                          ["Mon 5 Jan 2026", "3", "2"], ["Tue 6 Jan 2026", "2", "0"]]


@pytest.mark.parametrize("metric", ["visitors", "visits", "views", "bounce_rate"])
@pytest.mark.parametrize("asked", [
    f"{DAYS}&interval=hour", f"{DAYS}&interval=day&is.country=DE", f"{DAYS}&interval=hour&is.page=/b",
    "since=2026-01-04&until=2026-01-06&interval=week", "since=2025-12-31&until=2026-01-31&interval=month",
    "since=2027-01-05&until=2027-01-06&interval=day&compare=year",
    "since=2026-01-06&until=2026-01-06&interval=hour&compare=previous", f"{DAYS}&interval=day&compare=none"])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_every_point_of_the_chart_leads_to_the_events_behind_it(viewer, store, metric, asked, zone):
    accounts.configure(store, "blog", {"timezone": zone})
    page = viewer.get(f"/sites/blog?{asked}&metric={metric}").text
    table = re.search("<table.*?</table>", page, re.DOTALL)[0]
    numbers = [number for row in rows(page)[1:] for number in row[1:] if number not in ("0", "0.0%", "-")]
    found = quantities(table)
    assert [number for number, _ in found] == numbers
    for number, url in found:
        shown = viewer.get(url).text
        events, visits, visitors = totals(shown)
        if metric == "bounce_rate":
            assert events == visits > 0
            assert "kind=visits" in url
        else:
            assert number == str(events)
            assert events == {"visits": visits, "visitors": visitors}.get(metric, events)
    # The picture has the same links as the first column, and stops nobody who goes by the keyboard.
    in_picture = re.findall('<a href="([^"]*)" tabindex="-1"><rect class="target"', page)
    assert set(map(html.unescape, in_picture)) <= {url for _, url in found}
    assert len(in_picture) == len([row for row in rows(page)[1:] if row[1] not in ("0", "0.0%", "-")])


def test_the_point_of_an_hour_that_comes_twice_has_its_own_events(settings_of, store, monkeypatch):
    fill(store, "2026-10-25 00:30 ann /a\n2026-10-25 01:30 bob /b\n2026-10-25 01:40 cid /c\n")
    (viewer,) = clients(settings_of(), store, monkeypatch, roles=("viewer",))
    accounts.configure(store, "blog", {"timezone": "Europe/Berlin"})
    page = viewer.get("/sites/blog?since=2026-10-25&until=2026-10-25&interval=hour&metric=views&compare=none").text
    assert [(number, total(viewer.get(url).text)) for number, url in quantities(
        re.search("<table.*?</table>", page, re.DOTALL)[0])] == [("1", 1), ("2", 2)]


def test_who_is_there_now_leads_to_the_events_of_the_last_minutes(viewer, store):
    now = datetime.now(UTC)
    fill(store, "\n".join(f"{now - timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S} {event}" for minutes, event in (
        (9, "ann /old"), (2, "ann /x"), (1, "ann /y"), (1, "bob /z"), (1, "- /"))))
    shown = viewer.get(f"{PAGE}&is.country=DE").text
    url, number = re.search('<a class="quantity" href="(.*?)" data-number>(.*?)</a>', shown).groups()
    page = viewer.get(html.unescape(url)).text
    assert (number, totals(page)) == ("2", [2, 2, 2])
    assert [row[2].rpartition("/")[2] for row in rows(viewer.get(link(page, "all events")).text)[1:]] == [
        "", "z", "y", "x"]
    assert "Only what came in the five minutes until" in page
    assert total(viewer.get(link(page, "All events of these days")).text) == 7
    assert "now=" not in link(page, "Yesterday")


def test_whoever_sees_a_shared_page_has_no_way_to_events(viewer, store):
    goals.add_goal(store, "blog", "Sign up", {"event": "signup"})
    goals.add_funnel(store, "blog", "To sign up", [{"page": "/*"}, {"event": "signup"}])
    accounts.configure(store, "blog", {"public": "yes"})
    anybody = viewer.application.test_client()
    for path in ("", "/goals", "/funnel", "/retention", "/paths", "/panel/hour", "/panel/page"):
        asked = f"/sites/blog{path}?{DAYS}&step=page:/*&page=/b"
        page = anybody.get(asked).text
        assert "/events" not in page
        assert "/events?" in viewer.get(asked).text
        assert rows(page) == rows(viewer.get(asked).text)


def test_an_annotation_is_marked_and_told(viewer, store):
    goals.add_annotation(store, "blog", date(2026, 1, 6), 'New <b>theme</b>')
    goals.add_annotation(store, "blog", date(2026, 1, 7), "Later")
    page = viewer.get(PAGE).text
    assert "<g><title>Tue 6 Jan 2026: New &lt;b&gt;theme&lt;/b&gt;</title>" in page
    assert "<bdi>New &lt;b&gt;theme&lt;/b&gt;</bdi>" in page
    assert "Later" not in page


def test_each_goal_has_its_visits_and_rate(viewer, store):
    goals.add_goal(store, "blog", "Sign up", {"event": "signup"})
    goals.add_goal(store, "blog", "See c", {"page": "/c*"})
    page = viewer.get(PAGE).text
    assert labels(page, "goals") == [("See c", labels(page, "goals")[0][1], ["1", "33.3%"]),
                                     ("Sign up", labels(page, "goals")[1][1], ["2", "66.7%"])]
    assert [filters(url) for _, url, _ in labels(page, "goals")] == [
        [("matches.page", "/c*")], [("is.event", "signup")]]
    assert [totals(viewer.get(url).text)[:2] for _, url in quantities(panel(page, "goals"))] == [
        [1, 1], [1, 1], [2, 2], [2, 2]]


# ----- panels


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.key)
def test_every_row_of_every_panel_has_the_engines_numbers_and_filters_by_its_value(viewer, store, group):
    asked = {"since": date(2026, 1, 5), "until": date(2026, 1, 7)}
    days = days_in(store)
    for dimension, metrics, *_ in group.panels:
        told = [row for row in query(days, metrics, by=(dimension,), limit=9, **asked) if row[metrics[0]]]
        found = labels(viewer.get(f"{PAGE}&{group.field}={dimension}").text, group.key)
        assert [(label, int(numbers[0])) for label, _, numbers in found] == [
            (names.shown(dimension, row[dimension]), row[metrics[0]]) for row in told]
        for row, (label, url, _) in zip(told, found, strict=True):
            where = ["is", dimension, row[dimension]]
            assert filters(url) == [(f"is.{dimension}", row[dimension])]
            page = viewer.get(url).text
            assert figures(page)["Visitors"][0] == str(query(days, ("visitors",), where=where, **asked)[0]["visitors"])
            chip = re.search(r'<li class="chip"><bdi.*?</bdi>', page)[0]
            assert text(chip) == f"{names.titled(dimension)} is {label}"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.key)
def test_every_number_of_a_row_leads_to_the_events_behind_it(viewer, group):
    for dimension, metrics, *_ in group.panels:
        found = panel(viewer.get(f"{PAGE}&{group.field}={dimension}").text, group.key)
        assert quantities(found) or dimension != group.panels[0].dimension
        before = ""
        for number, url in quantities(found):
            if not number.endswith("%"):
                assert str(total(viewer.get(url).text)) == number, (dimension, metrics, url)
                before = url
            else:
                # A share leads where the number does that it is of, a bounce rate to the visits.
                assert url == before


def test_there_is_something_in_the_panels_that_are_looked_through(viewer):
    page = viewer.get(PAGE).text
    assert [label for label, _, _ in labels(page, "pages")] == ["/b", "/a", "/c"]
    assert {label for label, _, _ in labels(page, "sources")} == {"Direct", "Search"}
    assert [label for label, _, _ in labels(page, "places")] == ["Germany", "Austria"]
    assert [(label, numbers) for label, _, numbers in labels(page, "events")] == [("signup", ["2", "100%", "2"])]


def test_tabs_of_panels_are_kept_by_every_link(viewer):
    url = link(panel(viewer.get(PAGE).text, "pages"), "Entry page")
    assert url.endswith("&tab.pages=entry_page#panel-pages")
    page = viewer.get(url).text
    assert "tab.pages=entry_page" in labels(page, "places")[0][1]
    assert "tab.pages=entry_page" not in link(panel(page, "pages"), "Page")
    assert f"/sites/blog/panel/entry_page?{DAYS}" in html.unescape(panel(page, "pages"))


def test_an_event_that_is_looked_at_shows_its_properties(viewer, store):
    (_, url, _), = labels(viewer.get(PAGE).text, "events")
    events = panel(viewer.get(url).text, "events")
    assert {"plan", "seats"} <= set(re.findall("<li><a .*?>(.*?)</a>", events))
    page = viewer.get(link(events, "plan")).text
    assert [(label, filters(url)[-1]) for label, url, _ in labels(page, "events")] == [
        ("free", ("is.prop:plan", "free")), ("pro", ("is.prop:plan", "pro"))]
    assert properties(days_in(store), "signup", date(2026, 1, 6), date(2026, 1, 7)) == []


@pytest.mark.parametrize("dimension, value, shown", [
    ("country", "DE", "Germany"), ("country", "ZZ", "ZZ"), ("city", "NL Limburg", "Limburg, Netherlands"),
    ("city", "Limburg", "Limburg"), ("language", "de-AT", "German (Austria)"), ("language", "en", "English"),
    ("language", "zh-Hant-TW", "Chinese (Taiwan)"), ("language", "x1", "x1"), ("channel", "direct", "Direct"),
    ("page", "/%D0%B2", "/в"), ("page", "/%ff", "/%ff"), ("page", "/%E2%80%AEgpj", "/%E2%80%AEgpj"),
    ("browser", "de", "de"),
])
def test_codes_are_shown_as_words(dimension, value, shown):
    assert names.shown(dimension, value) == shown


@pytest.mark.parametrize("url, value, out", [
    ("https://blog.example.com", "/a?b", "https://blog.example.com/a%3Fb"),
    ("https://blog.example.com/x", "//evil.example/", "https://blog.example.com//evil.example/"),
    ("https://blog.example.com", "javascript:alert(1)", ""), ("https://blog.example.com", '/"><i>',
                                                              "https://blog.example.com/%22%3E%3Ci%3E"),
    ("", "/a", ""),
])
def test_a_page_is_opened_at_its_site_alone(url, value, out):
    assert overview._out(GROUPS[0].panels[0], value, accounts.Account("blog", url, "")) == out


# ----- the map


def test_the_map_has_a_darker_shade_for_more_visitors_and_filters(viewer):
    places = panel(viewer.get(PAGE).text, "places")
    shades = dict(re.findall(r'<path id="c-(\w\w)" class="c(\d)"', places))
    assert set(shades) == {"DE", "AT"}
    assert shades["DE"] > shades["AT"]
    url, says = re.search(r'<a href="([^"]*)"><path id="c-DE".*?<title>(.*?)</title>', places).groups()
    assert (filters(html.unescape(url)), says) == ([("is.country", "DE")], "Germany: 2 visits")
    assert '<path id="c-FR" d="' in places


@pytest.mark.parametrize("numbers, bounds", [
    ([], []), ([0], []), ([5], [5, 5, 5]), ([1, 2, 3, 4, 5, 6, 7, 8], [3, 5, 7]), ([1, 1, 1, 9], [1, 9, 9])])
def test_shades_hold_about_as_many_countries_each(numbers, bounds):
    assert worldmap.shades(numbers) == bounds


def test_the_map_is_small_and_knows_its_countries():
    assert (ROOT / "templates" / "world.txt").stat().st_size < 40_000
    assert set(worldmap.shapes()) <= set(names.COUNTRIES)
    assert len(worldmap.shapes()) > 170


# ----- what is chosen


@pytest.mark.parametrize("fields, told", [
    ("is.country=DE", "Country is Germany"), ("in.country=DE&in.country=AT", "Country is Germany or Austria"),
    ("not_contains.page=%2Fa", "Page does not contain /a"), ("matches.prop%3Aplan=p*", "plan matches p*")])
def test_a_filter_is_a_chip_whose_link_removes_it(viewer, fields, told):
    page = viewer.get(f"{PAGE}&{fields}&is.page=%2Fb&metric=views").text
    chips = re.findall(r'<li class="chip"><bdi.*?>(.*?)</bdi><a href="(.*?)"', page)
    assert [chip for chip, _ in chips] == [told, "Page is /b"]
    assert html.unescape(chips[0][1]) == f"/sites/blog?{DAYS}&is.page=%2Fb&metric=views"
    assert link(page, "Remove all") == f"/sites/blog?{DAYS}&metric=views"


@pytest.mark.parametrize("form, found", [
    ("dimension=country&operator=is&value=DE", [("is.page", "/b"), ("is.country", "DE")]),
    ("dimension=page&operator=is&value=/c", [("is.page", "/b"), ("is.page", "/c")]),
    ("dimension=prop:plan&operator=contains&value=+p+", [("is.page", "/b"), ("contains.prop:plan", "p")]),
])
def test_the_form_adds_a_filter(viewer, form, found):
    answer = viewer.get(f"{PAGE}&is.page=/b&{form}")
    assert (answer.status_code, filters(answer.location)) == (303, found)
    assert answer.location.startswith("/sites/blog?")
    assert viewer.get(answer.location).status_code == 200


@pytest.mark.parametrize("asked", [
    "metric=secret", "period=8d", "is.colour=red", "dimension=colour&operator=is&value=x", "interval=hour&period=12m",
    "dimension=page&operator=visit&value=x", "dimension=day&operator=is&value=x", "dimension=page&value=x"])
def test_what_cannot_be_is_answered_with_the_reason(viewer, asked):
    answer = viewer.get(f"/sites/blog?{asked}")
    assert (answer.status_code, answer.mimetype) == (400, "text/plain")


def test_the_ranges_comparisons_and_intervals_are_links_and_a_form(viewer):
    page = viewer.get(f"{PAGE}&is.page=/b").text
    assert link(page, "7 days") == "/sites/blog?period=7d&is.page=%2Fb"
    assert link(page, "a year before") == f"/sites/blog?{DAYS}&compare=year&is.page=%2Fb"
    assert link(page, "by week") == f"/sites/blog?{DAYS}&interval=week&is.page=%2Fb"
    assert re.findall(r'aria-label="Days (?:before|after)"', page)
    before = html.unescape(re.search(r'href="([^"]*)" aria-keyshortcuts="ArrowLeft"', page)[1])
    assert before == "/sites/blog?period=custom&since=2026-01-03&until=2026-01-04&is.page=%2Fb"
    assert re.search(r'name="since" type="date" required min="1970-01-01" value="2026-01-05"', page)
    assert '<input type="hidden" name="is.page" value="/b">' in page


def test_all_links_lead_to_pages_that_are_there(viewer):
    page = viewer.get(f"{PAGE}&is.country=DE").text
    urls = {html.unescape(url).partition("#")[0] for url in re.findall('href="(/sites/[^"]*)"', page)}
    assert len(urls) > 40
    assert [url for url in urls if viewer.get(url).status_code != 200] == []


# ----- whatever is stored


def test_hostile_texts_are_shown_as_text_everywhere(viewer, store):
    for number, value in enumerate(HOSTILE):
        name = timeuuid.make(timeuuid.ticks_at(datetime(2026, 1, 5, 20, tzinfo=UTC)), number)
        fields = dict.fromkeys(("country", "city", "region", "language", "screen", "title", "user_agent"), value)
        for family, more in (("PageViews", {}), ("Events", {"event": value or "empty", "props": {value: value}})):
            store.family(family).insert(row_key("blog", date(2026, 1, 5)), {name: {
                "url": f"https://blog.example.com/{value}", "ip": "", "referrer": f"https://{value}/",
                "visitor": b"ann-----", **fields, **more}})
    for group in GROUPS:
        for each in group.panels:
            answer = viewer.get(f"{PAGE}&{group.field}={each.dimension}")
            assert answer.status_code == 200
            sane(answer.text)
            assert set(re.findall(r'class="open" href="(\w*:)', answer.text)) <= {"https:"}
    sane(viewer.get("/sites/blog", query_string={"is.page": HOSTILE[0], "tab.pages": HOSTILE[0]}).text)


def sane(page):
    """No code, no style within it, nothing from elsewhere."""
    assert not re.search(r"<[^>]*\sstyle=|<style|<img|<iframe", page)
    assert re.findall(r"<script[^>]*>", page) == re.findall(r'<script defer src="/static/page.js[^"]*">', page)
    assert not re.search(r"<[^>\"]*(?:\"[^\"]*\"[^>\"]*)*\son\w+=", page)
    assert not re.search(r"href=\"(?!/|#|https?://)", page)


def test_a_site_without_an_event_shows_its_tag(settings_of, store, monkeypatch):
    (viewer,) = clients(settings_of(), store, monkeypatch, roles=("viewer",))
    page = viewer.get("/sites/blog").text
    assert "data-id=&#34;blog&#34;" in page
    assert figures(page)["Visitors"] == ("0", "0% against 0", "")
    assert "nothing came today or yesterday" in page
    sane(page)


def test_one_event_now_is_there_at_once(settings_of, store, monkeypatch):
    (viewer,) = clients(settings_of(), store, monkeypatch, roles=("viewer",))
    viewer.get("/sites/blog")
    now = datetime.now(UTC)
    fill(store, f"{now:%Y-%m-%d %H:%M:%S} ann /a\n")
    page = viewer.get("/sites/blog").text
    assert text(re.search('<p class="live some".*?</p>', page)[0]) == "1 here now"
    assert figures(page)["Views"] == ("1", "– against 0", "")
    assert re.search(rf'the newest event was .*? ago, at <time datetime="[^"]*">{now:%H:%M:%S}</time>', page)
    assert "data-renew" in page


def test_a_log_without_visitors_is_shown_by_its_views(settings_of, store, monkeypatch):
    fill(store, "2026-01-05 10:00 - /a\n2026-01-05 10:01 - /b\n2026-01-05 10:02 - /b\n")
    (viewer,) = clients(settings_of(), store, monkeypatch, roles=("viewer",))
    page = viewer.get(PAGE).text
    assert 'data-metric="views"' in page
    assert [(label, numbers) for label, _, numbers in labels(page, "pages")] == [
        ("/b", ["2", "67%"]), ("/a", ["1", "33%"])]


def test_days_are_those_of_the_sites_time_zone(viewer, store):
    accounts.configure(store, "blog", {"timezone": "Pacific/Auckland"})
    page = viewer.get(f"{PAGE}&metric=views&interval=day").text
    assert [row[1] for row in rows(page)[1:]] == ["2", "3"]
    assert "Days are those of Pacific/Auckland" in page


# ----- pictures


@pytest.mark.parametrize("metric, numbers, marks", [
    ("views", [34], ["0", "10", "20", "30", "40"]), ("bounce_rate", [0.5], ["0%", "10%", "20%", "30%", "40%", "50%"]),
    ("engaged_time", [7_200_000], ["0h", "1h", "2h"]), ("engaged_time", [200_000], ["0m", "1m", "2m", "3m", "4m"]),
    ("engaged_time", [0], ["0s", "1s"]), ("views_per_visit", [1.5], ["0", "0.5", "1", "1.5"]),
    ("views_per_visit", [12.0], ["0", "5", "10", "15"]), ("views", [], ["0", "1"]),
])
def test_the_axis_has_round_marks_of_each_metric(metric, numbers, marks):
    assert re.findall('text-anchor="end">(.*?)<', charts.over_time(points(*numbers), metric)) == marks


def points(*numbers, others=(), begun=()):
    return [Point(charts.long_day(day), charts.short_day(day), day, day, number, other, begun=is_begun)
            for place, number in enumerate(numbers)
            for day in [date(2026, 1, 1) + timedelta(days=place)]
            for other in [others[place] if others else None]
            for is_begun in [begun[place] if begun else True]]


@pytest.mark.parametrize("numbers, begun, lines, dots", [
    ([1, 2, 3], (), {"now": 1}, 0), ([1], (), {}, 1), ([], (), {}, 0), ([1, None, 3, 4], (), {"now": 1}, 1),
    ([1, 2, 0, 0], (True, True, False, False), {"now": 1}, 0),
])
def test_a_line_has_a_gap_where_there_is_no_number_and_ends_today(numbers, begun, lines, dots):
    drawn = charts.over_time(points(*numbers, begun=begun), "views")
    assert len(re.findall('<path class="now"', drawn)) == lines.get("now", 0)
    assert len(re.findall("<circle", drawn)) == dots
    assert len(re.findall('<g class="step"', drawn)) == len(numbers)
    if len(begun) == 4:
        assert drawn.count("not yet") == 2
        assert re.search('class="now" d="M[^L]*L[^L]*"/>', drawn)


def test_what_may_still_rise_and_what_it_is_compared_with_are_other_lines():
    drawn = charts.over_time(points(1, 2, 3, others=(2, 2, None)), "views", against="before", unfinished=True,
                             notes=[Note(date(2026, 1, 2), "<b>"), Note(date(2026, 2, 2), "not here")])
    assert [drawn.count(f'<path class="{name}"') for name in ("now", "unfinished", "then", "area")] == [1, 1, 1, 1]
    assert "&lt;b&gt;" in drawn
    assert "not here" not in drawn
    assert " style=" not in drawn


@pytest.mark.parametrize("fields, label", [
    ([("period", "today")], "Wed 18 Mar 2026, 00:00"), ([], "Thu 19 Feb 2026"),
    ([("interval", "week")], "Week of Mon 16 Feb 2026"),
    ([("interval", "month")], "Feb 2026")])
def test_steps_are_named_by_their_interval_and_lie_in_the_range(store, fields, label):
    view = parse_view(fields, "blog", "UTC", date(2026, 3, 18))
    found = overview.points_of(view, "views", days_in(store), datetime(2026, 3, 18, 12, tzinfo=UTC))
    assert found[0].label == label
    assert (found[0].since, found[-1].until) == (view.range.since, view.range.until - timedelta(days=1))
    assert [point.begun for point in found].count(False) == (11 if fields == [("period", "today")] else 0)


def test_the_styles_have_a_dark_side_and_need_no_other_server():
    style = (ROOT / "static" / "style.css").read_text()
    assert "prefers-color-scheme: dark" in style
    assert "@import" not in style
    assert re.findall(r"url\((.*?)\)", style) == ['"favicon.svg"']
