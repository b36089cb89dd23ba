"""The whole table of a dimension: the engine's numbers, in any order, searched, by pages, and as a file."""

import csv
import io
import re
from datetime import date

import pytest

from footfall.reports.query import query
from footfall.transfer.formats.sheet import guarded
from footfall.web.tables import METRICS
from tests.pages import DAYS, clients, days_in, link, quantities, rows, total
from tests.streams import fill

EVENTS = """
2026-01-03 10:00 ann /a
2026-01-05 10:00 ann /a country=DE ref=https://www.google.com/
2026-01-05 10:01 ann /b country=DE
2026-01-05 10:02 ann signup /b prop.plan="pro"
2026-01-05 11:00 bob /b country=AT
2026-01-06 09:00 cid /c country=DE
2026-01-06 09:05 cid /b
"""
HOSTILE = ("=1+1", "+1", "-1", "@sum", "\tx", '"><script>alert(1)</script>', "a,b\r\nc", "ünï", "")


@pytest.fixture
def viewer(settings_of, store, monkeypatch):
    fill(store, EVENTS)
    return clients(settings_of(), store, monkeypatch, roles=("viewer",))[0]


def test_a_table_has_the_numbers_of_the_engine_and_how_they_changed(viewer):
    page = viewer.get(f"/sites/blog/panel/page?{DAYS}").text
    assert rows(page) == [
        ["Page", "visitors", "visits", "views", "bounce rate", "engaged time", "events"],
        ["/b", "3", "3", "3", "33.3%", "0s 0%", "1"],
        ["/a", "1 0%", "1 0%", "1 0%", "0.0% -100.0 pp", "0s 0%", "0 0%"],
        ["/c", "1", "1", "1", "0.0%", "0s 0%", "0 0%"]]
    assert "1–3 of 3" in page


@pytest.mark.parametrize("name, kind", [
    ("page", "page"), ("event", "page"), ("prop:plan", "page"), ("country", "visit"), ("source", "visit"),
    ("entry_page", "end"), ("day", "time"), ("hour", "time"), ("week", "time"),
])
def test_every_kind_of_dimension_has_its_table_and_its_file(viewer, store, name, kind):
    metrics = METRICS[kind]
    found = query(days_in(store), metrics, date(2026, 1, 5), date(2026, 1, 7), by=(name,), compare="previous")
    answer = viewer.get(f"/sites/blog/panel/{name}.csv?{DAYS}")
    assert (answer.mimetype, answer.headers["Content-Disposition"]) == (
        "text/csv", f'attachment; filename="blog-{name.replace(":", "-")}-2026-01-05-2026-01-06.csv"')
    written = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert written[0] == [name, *metrics, *(f"compared.{metric}" for metric in metrics)]
    assert [line[1:] for line in written[1:]] == [
        ["" if number is None else str(number) for number in (*row.metrics, *row.compared)] for row in found.rows]
    assert answer.text.count("\r\n") == len(written)
    assert len(rows(viewer.get(f"/sites/blog/panel/{name}?{DAYS}").text)) == len(written)


@pytest.mark.parametrize("asked, expected", [
    ("sort=views", ["/a", "/c", "/b"]),
    ("sort=-views", ["/b", "/a", "/c"]),
    ("sort=page", ["/a", "/b", "/c"]),
    ("sort=-page", ["/c", "/b", "/a"]),
    ("sort=-bounce_rate", ["/b", "/a", "/c"]),
    ("search=B", ["/b"]),
    ("search=nowhere", []),
    ("is.country=AT", ["/b"]),
    ("from=101", []),
])
def test_order_and_search_are_in_the_url(viewer, asked, expected):
    page = viewer.get(f"/sites/blog/panel/page?{DAYS}&{asked}").text
    assert [row[0] for row in rows(page)[1:]] == expected if expected else "<table" not in page
    assert [line[0] for line in csv.reader(io.StringIO(
        viewer.get(f"/sites/blog/panel/page.csv?{DAYS}&{asked}").text))][1:] == (
        ["/b", "/a", "/c"] if asked == "from=101" else expected)


@pytest.mark.parametrize("search, expected", [
    ("germ", ["DE"]), ("DE", ["DE"]), ("a", ["DE", "AT"]), ("austria", ["AT"]), ("united", []),
])
def test_what_is_shown_is_searched_as_well_as_what_is_stored(viewer, search, expected):
    written = viewer.get(f"/sites/blog/panel/country.csv?{DAYS}&search={search}").text
    assert [line[0] for line in csv.reader(io.StringIO(written))][1:] == expected


def test_a_click_on_a_head_orders_and_another_reverses(viewer):
    page = viewer.get(f"/sites/blog/panel/page?{DAYS}&is_not.country=FR").text
    page = viewer.get(link(page, "views")).text
    assert ([row[0] for row in rows(page)[1:]], page.count('aria-sort="descending"')) == (["/b", "/a", "/c"], 1)
    page = viewer.get(link(page, "views")).text
    assert ([row[0] for row in rows(page)[1:]], page.count('aria-sort="ascending"')) == (["/a", "/c", "/b"], 1)
    assert "is_not.country=FR" in link(page, "views")


def test_a_long_table_comes_in_pages_and_whole_in_the_file(settings_of, store, monkeypatch):
    fill(store, "\n".join(f"2026-01-05 10:00 - /{number:04}" for number in range(230)))
    viewer, = clients(settings_of(), store, monkeypatch, roles=("viewer",))
    page = viewer.get(f"/sites/blog/panel/page?{DAYS}&sort=page").text
    seen = [row[0] for row in rows(page)[1:]]
    assert "1–100 of 230" in page
    page = viewer.get(link(page, "Next")).text
    seen += [row[0] for row in rows(page)[1:]]
    assert "101–200 of 230" in page
    assert [row[0] for row in rows(viewer.get(link(page, "Previous")).text)[1:]] == seen[:100]
    page = viewer.get(link(page, "Next")).text
    seen += [row[0] for row in rows(page)[1:]]
    assert seen == [f"/{number:04}" for number in range(230)]
    assert ">Next<" not in page
    assert [row[0] for row in rows(viewer.get(link(page, "First")).text)[1:]] == seen[:100]
    assert viewer.get(f"/sites/blog/panel/page.csv?{DAYS}").text.count("\r\n") == 231


def test_a_value_leads_to_the_site_seen_by_it_and_to_its_events(viewer):
    page = viewer.get(f"/sites/blog/panel/country?{DAYS}&is.browser=other").text
    narrowed = "period=custom&since=2026-01-05&until=2026-01-06&is.browser=other&is.country=DE"
    assert link(page, "Germany") == f"/sites/blog?{narrowed}"
    assert quantities(page)[0] == ("2", f"/sites/blog/events?{narrowed}&kind=visitors")
    page = viewer.get(f"/sites/blog/panel/week?{DAYS}").text
    assert link(page, "2026-01-05") == "/sites/blog?period=custom&since=2026-01-05&until=2026-01-06"


@pytest.mark.ours
@pytest.mark.parametrize("name", ["page", "country", "event", "prop:plan", "entry_page", "exit_page", "day", "hour"])
@pytest.mark.parametrize("asked", ["", "&is_not.country=AT", "&contains.page=b"])
def test_behind_every_number_are_as_many_events(viewer, name, asked):
    numbers = quantities(viewer.get(f"/sites/blog/panel/{name}?{DAYS}{asked}").text)
    assert numbers
    for number, url in numbers:
        found = total(viewer.get(url).text)
        # Of ratios and times there are visits, or all events, behind them.
        assert found == int(number) if number.isdigit() else found


def test_what_is_shown_is_picked_on_the_page_and_the_rest_of_the_address_stays(viewer):
    page = viewer.get(f"/sites/blog/panel/prop:a%2Fb?{DAYS}&is.country=DE&contains.page=/&sort=-views&from=101").text
    assert link(page, "7 days") == ("/sites/blog/panel/prop:a/b?period=7d&is.country=DE&contains.page=%2F&sort=-views")
    assert link(page, "a year before").endswith("&compare=year&is.country=DE&contains.page=%2F&sort=-views")
    assert link(page, "×").endswith("&until=2026-01-06&contains.page=%2F&sort=-views")
    assert "is.country=DE" not in link(page, "×")
    form = page.partition('class="pick"')[2].partition("<form")[2].partition("</form>")[0]
    assert re.findall('name="(.*?)" value="(.*?)"', form) == [
        ("is.country", "DE"), ("contains.page", "/"), ("sort", "-views"), ("since", "2026-01-05"),
        ("until", "2026-01-06")]


def test_hostile_values_are_text_on_the_page_and_no_formulas_in_the_file(settings_of, store, monkeypatch):
    fill(store, "\n".join(f"2026-01-05 10:00 - / title=x{number}" for number in range(len(HOSTILE))))
    for key, row in list(store.family("PageViews").get_range()):
        for number, (name, value) in enumerate(row.items()):
            store.family("PageViews").insert(key, {name: dict(value) | {"title": HOSTILE[number]}})
    viewer, = clients(settings_of(), store, monkeypatch, roles=("viewer",))
    page = viewer.get(f"/sites/blog/panel/title?{DAYS}").text
    assert "<script>alert" not in page
    assert "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in page
    written = list(csv.reader(io.StringIO(viewer.get(f"/sites/blog/panel/title.csv?{DAYS}").text, newline="")))
    assert {line[0] for line in written[1:]} == {guarded(value) for value in HOSTILE if value}
    assert not any(line[0].startswith(("=", "+", "-", "@", "\t")) for line in written[1:])


@pytest.mark.parametrize("path, status", [
    ("panel/colour", 404), ("panel/prop:", 404), ("panel/colour.csv", 404),
    ("panel/page?sort=colour", 400), ("panel/page?sort=--views", 400), ("panel/page.csv?sort=-", 400),
    ("panel/page?from=0", 400), ("panel/page?from=x", 400), ("panel/day?search=1", 400), ("panel/page?is.day=1", 400),
    (f"panel/page?search={'x' * 3000}", 400), ("panel/page?period=never", 400), ("panel/prop:a/b", 200),
])
def test_what_cannot_be_is_refused(viewer, path, status):
    assert viewer.get(f"/sites/blog/{path}").status_code == status


def test_who_has_no_role_on_the_site_gets_nothing(viewer):
    for path in ("panel/page", "panel/page.csv"):
        assert viewer.get(f"/sites/shop/{path}").status_code == 404
