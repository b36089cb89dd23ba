"""The raw events behind a page: as many as the headline says, as they are stored, and of whom they may be seen."""

import html
import re
from datetime import date
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall import accounts
from footfall.analysis import map_reduce
from footfall.reports.query import query
from footfall.timeuuid import make, sort_key
from footfall.web import raw
from tests.pages import DAYS, clients, days_in, link, rows, text, total
from tests.streams import fill

EVENTS = """
2026-01-05 10:00:00.1234567 ann /a?x=1 country=DE ref=https://www.google.com/ title="A"
2026-01-05 10:01 ann /b country=AT
2026-01-05 10:02 ann signup /b prop.plan="pro" country=DE
2026-01-05 11:00 bob /b country=AT
2026-01-05 11:01 bob engagement /b engaged=3000
2026-01-06 09:00 - /c country=DE
2026-01-06 23:59 ann /c country=DE
2026-01-07 00:01 ann /a country=DE
"""
FILTERS = ("is.country=DE", "is_not.country=DE", "is.page=/b", "contains.page=A", "is.event=signup", "is.source=Google",
           "is.entry_page=/a", "matches.exit_page=/*", "is.prop:plan=pro", "not_matches.event=*")


@pytest.fixture
def viewer(settings_of, store, monkeypatch):
    fill(store, EVENTS)
    return clients(settings_of(), store, monkeypatch, roles=("viewer",))[0]


def test_without_a_filter_they_are_what_map_reduce_sees(viewer, store):
    page = viewer.get(f"/sites/blog/events?{DAYS}").text
    seen = [fields["url"] for family in ("PageViews", "Events") for fields in map_reduce(
        "blog", date(2026, 1, 5), date(2026, 1, 7), lambda events: [fields for *_, fields in events],
        lambda some, more: some + more, [], family=family, store=store)]
    assert total(page) == len(seen) == 7
    assert sorted(row[2] for row in rows(page)[1:]) == sorted(seen)
    assert rows(page)[-1] == ["2026-01-05 10:00:00.123", "page-view", "https://blog.example.com/a?x=1", "A",
                              "https://www.google.com/", "616e6e20", "DE", "other", "other", "other", ""]
    assert rows(page)[5][-1] == '{"plan": "pro"}'


def test_the_total_is_the_metric_under_any_filters(viewer, store):
    days = days_in(store)
    forms = {form: [form.partition(".")[0], *form.partition(".")[2].split("=")] for form in FILTERS}

    @given(st.lists(st.sampled_from(FILTERS), unique_by=lambda form: form.partition("=")[0], max_size=3),
           st.sampled_from(("views", "events", "visits", "visitors")))
    @settings(max_examples=40, deadline=None)
    def check(chosen, kind):
        where = ["and", *(forms[form] for form in chosen)] if chosen else None
        expected = query(days, [kind], date(2026, 1, 5), date(2026, 1, 7), where=where)[0][kind]
        page = viewer.get(f"/sites/blog/events?{'&'.join((DAYS, f'kind={kind}', *chosen))}").text
        assert total(page) == expected
        assert len(rows(page)) - 1 == expected if expected else "<table" not in page
        # What the other lists hold is told beside them, and is the same.
        kinds = page.partition('class="choices"')[2]
        assert text(re.search(r'aria-current="true"(>.*?)</a>', kinds, re.DOTALL)[1]).endswith(f" {expected}")

    check()


@pytest.mark.parametrize("asked", ["", "&is.country=DE", "&is.page=/b"])
def test_the_page_of_the_site_leads_to_the_events_behind_its_numbers(viewer, store, asked):
    page = viewer.get(f"/sites/blog?{DAYS}{asked}").text
    where = ["is", *asked.removeprefix("&is.").split("=")] if asked else None
    for kind in ("visitors", "visits", "views", "events"):
        number = query(days_in(store), [kind], date(2026, 1, 5), date(2026, 1, 7), where=where)[0][kind]
        found = [url for url in re.findall('<a href="(/sites/blog/events.*?)"', page.partition("The events behind:")[2])
                 if f"kind={kind}" in url]
        assert total(viewer.get(html.unescape(found[0])).text) == number


def test_they_come_in_pages_by_name_the_newest_first(settings_of, store, monkeypatch):
    fill(store, "\n".join(f"2026-01-05 10:{number % 7:02} - /{number:03}" for number in range(230)))
    viewer, = clients(settings_of(), store, monkeypatch, roles=("viewer",))
    first = page = viewer.get(f"/sites/blog/events?{DAYS}&kind=views").text
    seen = [row[2] for row in rows(page)[1:]]
    for shown in ("101–200 of 230", "201–230 of 230"):
        page = viewer.get(link(page, "Older")).text
        assert shown in page
        seen += [row[2] for row in rows(page)[1:]]
    assert ">Older<" not in page
    assert [url[-3:] for url in seen] == [f"{number:03}" for number in sorted(
        range(230), key=lambda number: (number % 7, sort_key(make(0, number))), reverse=True)]
    middle = viewer.get(link(page, "Newer")).text
    assert [row[2] for row in rows(middle)[1:]] == seen[100:200]
    assert rows(viewer.get(link(middle, "Newest")).text) == rows(first)
    assert rows(viewer.get(link(middle, "Newer")).text) == rows(first)


def test_times_are_those_of_the_site(viewer, store):
    accounts.configure(store, "blog", {"timezone": "Europe/Berlin"})
    page = viewer.get(f"/sites/blog/events?{DAYS}").text
    assert "Time (Europe/Berlin)" in page
    # The last one of the 6th in London is of the 7th in Berlin.
    assert total(page) == 6
    assert rows(page)[-1][0] == "2026-01-05 11:00:00.123"


def test_a_visitor_has_a_trail(viewer):
    page = viewer.get(f"/sites/blog/events?{DAYS}&is.country=AT&kind=views").text
    page = viewer.get(link(page, "616e6e20")).text
    assert [row[2].rpartition("/")[2] for row in rows(page)[1:]] == ["c", "b", "b", "a?x=1"]
    assert "kind=views" in link(page, "page-views")
    assert total(viewer.get(link(page, "page-views")).text) == 3
    assert total(viewer.get(link(page, "Everybody’s")).text) == 7


def test_an_event_is_shown_as_it_is_stored_and_with_what_is_made_of_it(viewer):
    page = viewer.get(link(viewer.get(f"/sites/blog/events?{DAYS}").text, "2026-01-05 10:00:00.123")).text
    stored, derived, place = (dict(rows(page, number)) for number in range(3))
    assert stored == {"url": "https://blog.example.com/a?x=1", "title": "A", "ip": "", "user_agent": "", "language": "",
                      "referrer": "https://www.google.com/", "visitor": "616e6e2020202020", "country": "DE"}
    assert derived | {"page": "/a", "source": "Google", "channel": "search", "referrer": "google.com",
                      "country": "DE"} == derived
    assert (place["family"], place["row"]) == ("PageViews", "20260105.blog")


def test_an_event_that_is_kept_apart_is_shown_with_the_reason(viewer, store):
    name = make(17_676_000_000_000_000, 5)
    store.family("Filtered").insert("20260105.blog", {name: {
        "url": "/<b>", "title": "", "ip": "", "referrer": "", "user_agent": "curl", "language": "",
        "reason": "bot: curl"}})
    page = viewer.get(f"/sites/blog/events/{name}").text
    assert "kept apart, and counted nowhere: bot: curl" in page
    assert ("<b>" in page, "/&lt;b&gt;" in page) == (False, True)


def test_hostile_texts_are_texts(viewer, store):
    evil = '"><script>alert(1)</script>'
    fields = dict.fromkeys(("url", "title", "referrer", "user_agent", "country", "language", "ip", "event"), evil)
    name = make(17_676_000_000_000_000, 5)
    store.family("Events").insert("20260105.blog", {name: fields | {
        "props": {evil: evil}, "visitor": evil, evil: b"\xff", "screen": [evil]}})
    for path in (f"events?{DAYS}", f"events/{name}"):
        page = viewer.get(f"/sites/blog/{path}").text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("path, status", [
    ("events?kind=clicks", 400), ("events?before=x", 400), (f"events?before={uuid4()}", 400), ("events?visitor=1", 400),
    (f"events?before={make(0, 1)}&after={make(0, 1)}", 400), ("events?visitor=ABCDEFABCDEFABCD", 400),
    ("events?goal=none", 404), ("events?hour=2026-01-05T10:30:00%2B00:00", 400), ("events?hour=x", 400),
    ("events?now=2026-01-05", 400), ("events?now=2026-01-05T10:00:00", 400), ("events?now=x", 400),
    ("events?cohort=2026-01-05", 400), ("events?cohort=x&later=%C2%B2", 400), ("events?cohort=x&every=day", 400),
    ("events?at=1", 400), ("events?at=2&step=page:/", 400), (f"events?at={'1' * 5_000}&step=page:/", 400),
    ("events?at=1&lost=yes&step=page:/", 400), ("events?at=1&funnel=none", 404), ("events?at=1&step=x", 400),
    ("events?page=/&side=x", 400), ("events?page=/&goal=x", 400), ("events?page=/&visitor=616e6e2020202020", 400),
    (f"events?{DAYS}&page=/&side=after&other=", 200), (f"events?{DAYS}&at=1&step=page:/&within=1d", 200),
    ("events?is.day=1", 400), (f"events?before={make(0, 1)}", 200), (f"events/{uuid4()}", 404),
    (f"events/{make(0, 1)}", 404), ("events/x", 404),
])
def test_what_cannot_be_is_refused(viewer, path, status):
    assert viewer.get(f"/sites/blog/{path}").status_code == status


def test_nobody_who_is_not_logged_in_sees_who_was_there(viewer, store):
    accounts.configure(store, "blog", {"public": "yes"})
    anybody = viewer.application.test_client()
    assert anybody.get("/sites/blog").status_code == 200
    for path in ("events", f"events/{make(0, 1)}", "filtered"):
        assert anybody.get(f"/sites/blog/{path}").status_code in (303, 404)
    page = anybody.get(f"/sites/blog/panel/page?{DAYS}").text
    assert ("/sites/blog/goals" in page, "/sites/blog/events" in page, ">Filtered<" in page) == (True, False, False)
    assert raw.PER_PAGE == 100
