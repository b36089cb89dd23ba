"""Goals, funnels, retention and paths on their pages: the engine's numbers, compared, filtered, and linked."""

import re
from datetime import date
from functools import partial

import pytest

from footfall import goals
from footfall.reports.building import build, days_around
from footfall.reports.funnels import funnel
from footfall.reports.paths import paths
from footfall.reports.query import query
from footfall.reports.retention import retention
from footfall.web.names import shown
from tests.pages import DAYS, clients, link, quantities, rows, text, total, totals
from tests.streams import fill

EVENTS = """
2026-01-03 10:00 old /a country=DE
2026-01-03 10:01 old signup /a prop.plan="pro"
2026-01-05 10:00 ann / country=DE ref=https://www.google.com/
2026-01-05 10:01 ann /pricing country=AT
2026-01-05 10:02 ann signup /pricing prop.plan="pro"
2026-01-05 10:03 ann signup /pricing prop.plan="free"
2026-01-05 11:00 bob / country=DE
2026-01-05 11:01 bob /blog
2026-01-05 11:02 bob /pricing
2026-01-05 12:00 cid /pricing country=AT
2026-01-05 12:05 cid /
2026-01-05 12:10 cid /pricing
2026-01-06 09:00 dan / country=AT
2026-01-06 20:00 dan signup / prop.plan="pro"
2026-01-06 21:00 - /pricing
2026-01-13 10:00 ann /
"""
SPAN = (date(2026, 1, 5), date(2026, 1, 7))


@pytest.fixture
def viewer(settings_of, store, monkeypatch):
    fill(store, EVENTS)
    return clients(settings_of(), store, monkeypatch, roles=("viewer",))[0]


@pytest.fixture
def days(store):
    def load(day):
        facts = build(store, "blog", day)
        return facts if len(facts) else None

    return partial(days_around, load)


@pytest.fixture
def signup(viewer, store):
    return goals.add_goal(store, "blog", "Signed up", {"event": "signup", "props": {"plan": "pro"}})


# ----- goals


def test_goals_have_the_numbers_of_the_engine_and_how_they_changed(viewer, signup, store):
    goals.add_goal(store, "blog", "Pricing <b>", {"page": "/pric*"})
    page = viewer.get(f"/sites/blog/goals?{DAYS}").text
    assert rows(page) == [
        ["Goal", "visits that reached it", "visitors", "times", "share of visits"],
        ["Pricing <b> /pric*", "3", "3", "5", "60.0% +60.0 pp"],
        ['Signed up {"event": "signup", "props": {"plan": "pro"}}', "2 +100%", "2 +100%", "2 +100%", "40.0% -60.0 pp"]]
    assert "<b>" not in page
    page = viewer.get(f"/sites/blog/goals?{DAYS}&is.country=DE&compare=none").text
    assert [row[1:] for row in rows(page)[1:]] == [["2", "0", "0", "100.0%"], ["1", "0", "0", "50.0%"]]


@pytest.mark.parametrize("where", [
    None, ["is", "country", "DE"], ["is", "page", "/pricing"], ["is", "event", "signup"]])
@pytest.mark.parametrize("by", ["source", "page", "country", "day", "entry_page", "prop:plan"])
def test_a_goal_by_a_dimension_is_the_engines_rate(viewer, signup, days, by, where):
    asked = f"&is.{where[1]}={where[2]}" if where else ""
    page = viewer.get(f"/sites/blog/goals?{DAYS}&compare=none&goal={signup.id}&by={by}{asked}").text
    found = query(days, ["visits", "conversion_rate"], *SPAN, by=by, where=where, goal=dict(signup.form))
    expected = [[shown(by, str(row.values[0])), str(row.metrics[0]),
                 str(round(row.metrics[0] * (row.metrics[1] or 0))),
                 "-" if row.metrics[1] is None else f"{row.metrics[1]:.1%}"] for row in found.rows]
    assert (rows(page, 1)[1:] if expected else []) == expected
    assert f'<option value="{by}" selected>' in page


def test_a_goal_leads_to_its_table_and_keeps_what_is_shown(viewer, signup):
    page = viewer.get(f"/sites/blog/goals?{DAYS}&is.country=AT").text
    assert "is.country=AT" in link(page, "Signed up")
    page = viewer.get(link(page, "Signed up")).text
    assert "Signed up by Source" in text(page)
    assert '<input type="hidden" name="is.country" value="AT">' in page


def follow(viewer, numbers):
    """Follow the links of a page's numbers: how many events, visits and visitors each leads to."""
    return [totals(viewer.get(url).text) for _, url in numbers]


@pytest.mark.parametrize("asked", ["", "&is.country=DE", "&is_not.page=/blog", "&is.event=signup", "&is.page=/pricing"])
def test_behind_every_number_of_a_goal_are_as_many_events(viewer, signup, store, asked):
    goals.add_goal(store, "blog", "Pricing", {"page": "/pric*"})
    page = viewer.get(f"/sites/blog/goals?{DAYS}&compare=none{asked}").text
    links, seen = iter(quantities(page)), 0
    for row in rows(page)[1:]:
        for metric, number in zip(("visits", "visitors", "times", "rate"), row[1:], strict=True):
            if number in ("0", "0.0%", "-"):
                continue
            shown, url = next(links)
            events, visits, visitors = totals(viewer.get(url).text)
            assert (shown, str(events)) == (number, row[1] if metric == "rate" else number), url
            assert events == {"visitors": visitors, "times": events}.get(metric, visits)
            seen += 1
    assert seen
    assert next(links, None) is None


@pytest.mark.parametrize("asked", ["", "&is.country=DE", "&is.page=/pricing"])
@pytest.mark.parametrize("by", ["source", "page", "country", "day", "hour", "entry_page"])
def test_behind_every_number_of_a_goal_by_a_dimension_are_as_many_visits(viewer, signup, by, asked):
    page = viewer.get(f"/sites/blog/goals?{DAYS}&compare=none&goal={signup.id}&by={by}{asked}").text
    table = re.findall("<table.*?</table>", page, re.DOTALL)[1]
    expected = [count for _, visits, reached, rate in rows(page, 1)[1:] for count, number in (
        (visits, visits), (reached, reached), (reached, rate)) if number not in ("0", "0.0%", "-")]
    assert expected
    assert follow(viewer, quantities(table)) == [[int(count), int(count), visitors] for count, (_, _, visitors) in zip(
        expected, follow(viewer, quantities(table)), strict=True)]


def test_the_list_behind_a_goal_says_so_and_a_goal_that_is_gone_has_none(viewer, signup, store):
    page = viewer.get(f"/sites/blog/goals?{DAYS}").text
    (_, url) = quantities(page)[2]
    page = viewer.get(url).text
    assert "Only what reaches the goal Signed up." in text(page)
    assert [row[-1] for row in rows(page)[1:]] == ['{"plan": "pro"}'] * 2
    kinds = page.partition('<ul class="choices">')[2].partition("</ul>")[0]
    assert text(kinds) == ("all events page-views 0 custom events 2 the first event of each visit 2 "
                           "the newest event of each visitor 2")
    assert total(viewer.get(link(page, "the first event of each visit 2")).text) == 2
    goals.remove_goal(store, "blog", signup.id)
    assert viewer.get(url).status_code == 404


def test_a_site_without_goals_says_so_and_whoever_may_adds_some(settings_of, store, monkeypatch):
    viewer, editor = clients(settings_of(), store, monkeypatch)
    page = viewer.get("/sites/blog/goals").text
    assert ("No goals yet" in page, "Add or change" in page) == (True, False)
    page = editor.get("/sites/blog/goals").text
    for words in ("Add or change goals", "Add or change funnels"):
        assert editor.get(link(page, words)).status_code == 200


# ----- funnels

STEPS = [{"page": "/"}, {"page": "/pricing"}, {"event": "signup"}]
WORDS = "step=page:/&step=page:/pricing&step=event:signup"


@pytest.mark.parametrize("within, seconds", [("visit", "visit"), ("1d", 86_400), ("90s", 90), ("30m", 1800)])
@pytest.mark.parametrize("where", [None, ["is", "country", "DE"]])
def test_a_funnel_of_the_url_has_the_numbers_of_the_engine(viewer, days, within, seconds, where):
    expected = funnel(days, STEPS, *SPAN, within=seconds, where=where)
    asked = f"&is.{where[1]}={where[2]}" if where else ""
    page = viewer.get(f"/sites/blog/funnel?{DAYS}&{WORDS}&within={within}{asked}").text
    found = rows(page)
    assert found[0] == ["Step", "how far", "visits" if within == "visit" else "visitors", "lost", "of the step before",
                        "of the first"]
    assert [row[2] for row in found[1:]] == [str(step.reached) for step in expected]
    assert [row[5] for row in found[1:]] == [f"{step.of_first:.1%}" for step in expected]
    assert [row[4] for row in found[2:]] == [f"{step.of_before:.1%}" for step in expected[1:]]
    assert [float(width) for width in re.findall('class="reached" width="(.*?)"', page)] == [
        pytest.approx(100 * step.of_first, rel=1e-3) for step in expected]


@pytest.mark.parametrize("within", ["visit", "1d", "90s"])
@pytest.mark.parametrize("asked", ["", "&is.country=DE"])
@pytest.mark.parametrize("is_kept", [False, True], ids=["of the address", "of the site"])
def test_behind_every_number_of_a_funnel_are_the_events_that_reached_it(viewer, store, within, asked, is_kept):
    seconds = {"visit": "visit", "1d": 86_400, "90s": 90}[within]
    path = f"/funnel/{goals.add_funnel(store, 'blog', 'F', STEPS, seconds).id}?" if is_kept else (
        f"/funnel?{WORDS}&within={within}&")
    page = viewer.get(f"/sites/blog{path}{DAYS}{asked}").text
    expected = [int(count) for _, _, reached, lost, of_before, of_first in rows(page)[1:] for count, seen in (
        (reached, reached), (lost, lost), (reached, of_before), (reached, of_first)) if seen and count != "0"]
    found = quantities(page)
    told = follow(viewer, found)
    assert [counts[0] for counts in told] == expected
    assert [counts[1 if within == "visit" else 2] for counts in told] == expected
    if within == "visit" and not asked:
        first = viewer.get(found[0][1]).text
        assert {row[2].removeprefix("https://blog.example.com") for row in rows(first)[1:]} == {"/"}
        lost = viewer.get(next(url for _, url in found if url.endswith("lost=yes"))).text
        assert "did not reach step 2, /pricing, the event by which it reached step 1, /." in text(lost)
        assert {row[2].removeprefix("https://blog.example.com") for row in rows(lost)[1:]} == {"/"}


def test_a_funnel_of_the_site_is_the_same(viewer, store):
    made = goals.add_funnel(store, "blog", "To sign up", STEPS)
    page = viewer.get(link(viewer.get(f"/sites/blog/goals?{DAYS}").text, "To sign up")).text
    assert rows(page) == rows(viewer.get(f"/sites/blog/funnel?{DAYS}&{WORDS}").text)
    assert "To sign up" in page
    assert made.id in link(viewer.get("/sites/blog/goals").text, "To sign up")


def test_steps_are_added_in_a_form(viewer):
    page = viewer.get(link(viewer.get(f"/sites/blog/goals?{DAYS}").text, "Another, of steps that you name")).text
    assert page.count('id="step-') == 1
    page = viewer.get(f"/sites/blog/funnel?{DAYS}&step=page:/&step=&within=7d").text
    assert re.findall('id="step-.*?" name="step" value="(.*?)"', page) == ["page:/", ""]
    assert 'name="within" value="7d"' in page
    assert '<input type="hidden" name="since" value="2026-01-05">' in page
    assert "within 7 days" in page
    assert len(rows(page)) == 2


# ----- retention


@pytest.mark.parametrize("every", ["week", "month"])
def test_retention_is_the_engines(viewer, days, every):
    page = viewer.get(f"/sites/blog/retention?period=custom&since=2026-01-05&until=2026-01-20&every={every}").text
    expected = retention(days, date(2026, 1, 5), date(2026, 1, 21), oldest=date(2026, 1, 3), period=every)
    found = rows(page)
    assert found[0] == ["First came", "visitors", *(f"{every} {number}" for number in range(len(expected)))]
    assert [(row[0], row[1]) for row in found[1:]] == [
        (str(cohort.period)[:10 if every == "week" else 7], str(cohort.counts[0])) for cohort in expected]
    assert [row[2:] for row in found[1:]] == [
        [f"{count / cohort.counts[0]:.1%}" if cohort.counts[0] else "" for count in cohort.counts]
        for cohort in expected]
    assert page.count('class="shade-8"') == sum(1 for cohort in expected if cohort.counts[0])


@pytest.mark.parametrize("every", ["week", "month"])
@pytest.mark.parametrize("since", ["2025-12-24", "2026-01-01", "2026-01-05"])
def test_behind_every_cell_are_the_events_of_as_many_visitors(viewer, every, since):
    page = viewer.get(f"/sites/blog/retention?period=custom&since={since}&until=2026-01-20&every={every}").text
    came = [int(count) for sizes in re.findall("<tr>.*?</tr>", page, re.DOTALL)[1:]
            for place, count in enumerate(re.findall('title="(.*?) of ', sizes)) for _ in range(1 + (place == 0))]
    found = quantities(page)
    assert len(found) == len([count for count in came if count])
    for count, (_, url) in zip(filter(None, came), found, strict=True):
        shown = viewer.get(url).text
        assert totals(shown)[::2] == [count, count]
        assert totals(viewer.get(link(shown, "all events")).text)[2] == count


def test_the_events_of_a_cohort_are_those_of_its_period(viewer):
    page = viewer.get("/sites/blog/retention?period=custom&since=2026-01-05&until=2026-01-20").text
    (_, url) = next(each for each in quantities(page) if each[0] == "25.0%")
    page = viewer.get(link(viewer.get(url).text, "all events")).text
    assert [row[0][:10] for row in rows(page)[1:]] == ["2026-01-13"]
    assert "Only those, in week 1, of the visitors who came first in the week of 2026-01-05." in text(page)
    # Other days have other cohorts.
    assert "cohort=" not in link(page, "7 days")


def test_a_cell_tells_how_many_and_how_dark_it_is(viewer):
    page = viewer.get("/sites/blog/retention?period=custom&since=2026-01-05&until=2026-01-20").text
    assert re.search('<td class="shade-4" title="1 of 4"><a [^>]*>25.0%</a></td>', page)
    assert rows(viewer.get(link(page, "By month")).text)[1][:2] == ["2026-01", "4"]


# ----- paths


@pytest.mark.parametrize("page", ["/", "/pricing", "/*", "/nowhere"])
@pytest.mark.parametrize("where", [None, ["is", "country", "AT"]])
def test_paths_are_the_engines(viewer, days, page, where):
    expected = paths(days, page, *SPAN, where=where)
    asked = f"&is.{where[1]}={where[2]}" if where else ""
    shown = viewer.get(f"/sites/blog/paths?{DAYS}&page={page}{asked}").text
    views = sum(count for _, count in expected.before)
    assert f"<strong>{views}</strong>" in shown
    for number, (counts, end) in enumerate(((expected.before, "The visit began here"),
                                            (expected.after, "The visit’s last page"))):
        assert (rows(shown, number)[1:] if counts else []) == [
            [end if name is None else name, str(count), f"{count / views:.1%}"] for name, count in counts]


@pytest.mark.parametrize("page", ["/", "/pricing", "/*"])
@pytest.mark.parametrize("asked", ["", "&is.country=AT"])
def test_behind_every_number_of_paths_are_as_many_views(viewer, page, asked):
    shown = viewer.get(f"/sites/blog/paths?{DAYS}&page={page}{asked}").text
    expected = [total(shown), *(int(count) for number in (0, 1) for _, count, _ in rows(shown, number)[1:]
                                for _ in ("count", "share"))]
    assert [counts[0] for counts in follow(viewer, quantities(shown))] == expected
    offered = viewer.get(f"/sites/blog/paths?{DAYS}{asked}").text
    assert [counts[0] for counts in follow(viewer, quantities(offered))] == [int(row[1]) for row in rows(offered)[1:]]


def test_the_views_behind_a_row_are_those_of_the_page_in_the_middle(viewer):
    shown = viewer.get(f"/sites/blog/paths?{DAYS}&page=/pricing").text
    table = rows(shown)
    place = next(number for number, row in enumerate(table[1:]) if row[0] == "/blog")
    page = viewer.get(quantities(shown)[1 + 2 * place][1]).text
    assert [(row[0][11:16], row[2].rpartition("/")[2]) for row in rows(page)[1:]] == [("11:02", "pricing")]
    assert "Only the views of /pricing in visits that began in these days and that came after /blog." in text(page)


def test_one_walks_from_page_to_page(viewer):
    page = viewer.get(f"/sites/blog/paths?{DAYS}&is_not.country=FR").text
    assert rows(page)[1:] == [["/", "4"], ["/pricing", "5"], ["/blog", "1"]] or rows(page)[1] == ["/pricing", "5"]
    page = viewer.get(link(page, "/blog")).text
    assert "through /blog" in text(page)
    page = viewer.get(link(page, "/pricing")).text
    assert "through /pricing" in text(page)
    assert '<input type="hidden" name="is_not.country" value="FR">' in page


def test_hostile_texts_are_texts(viewer, store):
    evil = '"><script>alert(1)</script>'
    made = goals.add_goal(store, "blog", evil[:64], {"event": evil})
    goals.add_funnel(store, "blog", evil[:64], [{"page": evil}])
    for path in (f"goals?goal={made.id}&by=prop:{evil}", f"funnel?step=page:{evil}", f"paths?page={evil}"):
        page = viewer.get(f"/sites/blog/{path}").text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("path, status", [
    ("goals?goal=none", 404), ("goals?by=colour", 400), ("goals?period=x", 400),
    ("funnel/none", 404), ("funnel?step=/a", 400), ("funnel?step=page:", 400), ("funnel?step=page:/&within=x", 400),
    ("funnel?step=page:/&within=0d", 400), ("funnel?" + "&".join(["step=page:/"] * 21), 400),
    ("retention?every=day", 400), ("paths?is.day=x", 400), ("paths", 200), ("funnel", 200), ("retention", 200),
])
def test_what_cannot_be_is_refused(viewer, path, status):
    assert viewer.get(f"/sites/blog/{path}").status_code == status
