"""The reports at a Python prompt: of the settings' own store, as tables, rows and JSON."""

import ast
import subprocess
import sys
from datetime import date, datetime, timedelta

import pytest

import footfall
from footfall import timeuuid
from footfall.errors import UsageError
from footfall.pageview import event_key, page_fields
from footfall.reports import texts
from footfall.reports.cache import default_cache, open_cache
from footfall.stores import default_store
from tests.conftest import ROOT

DAYS = date(2026, 3, 1), date(2026, 3, 4)
# When, who, page, event.
EVENTS = (
    ("2026-03-01 23:50", "ann", "/", None),
    ("2026-03-02 00:05", "ann", "/a\u202e", None),
    ("2026-03-02 09:00", "ben", "/", None),
    ("2026-03-02 09:01", "ben", "/b", None),
    ("2026-03-02 09:03", "ben", "/b", "signup"),
    ("2026-03-03 12:00", "cid", "/b", None),
)


@pytest.fixture
def cache(store, settings_of):
    for number, (when, visitor, page, event) in enumerate(EVENTS):
        name = timeuuid.make(timeuuid.ticks_at(datetime.fromisoformat(when)), number)
        fields = page_fields(f"https://example.com{page}", "", "", "", "", "") | {"visitor": visitor.encode().ljust(8)}
        store.family("Events" if event else "PageViews").insert(event_key("blog", name), {
            name: {**fields, **({"event": event} if event else {})}})
    return open_cache(settings_of(), store)


def test_a_result_is_a_table_to_look_at(cache):
    found = footfall.query("blog", ["visitors", "bounce_rate"], *DAYS, by=["page"], limit=2, compare="previous",
                           cache=cache)
    assert repr(found) == ("page  visitors  bounce_rate  compared.visitors  compared.bounce_rate\n"
                           "/            2         0.0%                  0                     -\n"
                           "/b           2        50.0%                  0                     -\n"
                           "(2 of 3 rows)")
    assert r"/a\u202e " in repr(footfall.query("blog", "views", *DAYS, by="page", cache=cache))
    assert repr(footfall.query("blog", "views", *DAYS, where=["is", "page", "/x"], cache=cache)) == "views\n    0"


def test_a_result_is_rows_by_name(cache):
    found = footfall.query("blog", ["views", "visits"], *DAYS, by="day", cache=cache)
    assert list(found) == [{"day": date(2026, 3, day), "views": views, "visits": visits}
                           for day, views, visits in ((1, 1, 1), (2, 3, 1), (3, 1, 1))]
    assert (len(found), found[0]["day"]) == (3, DAYS[0])
    assert found.to_json()["rows"][0] == {"day": "2026-03-01", "views": 1, "visits": 1}


def test_a_result_tells_what_it_was_compared_with(cache):
    (row,) = footfall.query("blog", "views", DAYS[0] + timedelta(1), DAYS[1], compare="previous", cache=cache)
    assert row == {"views": 4, "compared": {"views": 1}}


def test_every_report_takes_the_site_first(cache):
    assert footfall.query("blog", ["conversion_rate"], *DAYS, goal={"event": "signup"}, cache=cache)[0] == {
        "conversion_rate": 1 / 3}
    assert [step.reached for step in footfall.funnel("blog", [{"page": "/"}, {"page": "/b"}], *DAYS, cache=cache)] == [
        2, 1]
    assert [cohort.counts for cohort in footfall.cohorts("blog", *DAYS, cache=cache)] == [[1, 1], [2]]
    assert footfall.paths("blog", "/b", *DAYS, cache=cache).before == [("/", 1), (None, 1)]
    assert footfall.live("blog", datetime(2026, 3, 2, 9, 5), cache=cache) == 1
    assert footfall.live("blog", cache=cache) == 0
    assert footfall.query("nobody", "views", *DAYS, cache=cache)[0] == {"views": 0}


def test_who_came_before_the_range_is_in_no_cohort_of_it(cache):
    assert [cohort.counts for cohort in footfall.cohorts("blog", DAYS[0] + timedelta(1), DAYS[1], cache=cache)] == [[2]]


@pytest.mark.parametrize("account, metrics, error", [
    ("no site!", ["views"], "account 'no site!'"),
    ("blog", ["view"], "metric 'view': unknown"),
])
def test_what_cannot_be_asked_is_told(cache, account, metrics, error):
    with pytest.raises(UsageError, match=error):
        footfall.query(account, metrics, *DAYS, cache=cache)


def test_the_settings_own_store_is_asked_by_one_cache_and_what_comes_meanwhile_is_seen(cache, settings_of, monkeypatch):
    monkeypatch.setenv("FOOTFALL_DATA", str(settings_of().data))
    monkeypatch.setattr("footfall.stores._default", {})
    with default_store() as store:
        assert footfall.query("blog", "views", *DAYS)[0]["views"] == 5
        assert default_cache() is default_cache()
        name = timeuuid.make(timeuuid.ticks_at(datetime(2026, 3, 3)), 99)
        store.family("PageViews").insert(event_key("blog", name), {name: {"url": "https://example.com/"}})
        assert footfall.query("blog", "views", *DAYS)[0]["views"] == 6


def test_the_package_alone_imports_none_of_it():
    code = "import sys, footfall; print([name for name in sys.modules if name.startswith(('footfall.', 'numpy'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == []
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        footfall.nothing  # noqa: B018 - that it is not there


@pytest.mark.parametrize("metric, value, text", [
    ("views", 0, "0"), ("views", 1234567, "1,234,567"), ("views_per_visit", 2.889, "2.89"),
    ("bounce_rate", 0.4251, "42.5%"), ("bounce_rate", None, "-"), ("exit_rate", 1.0, "100.0%"),
    ("visit_duration", 0.4, "0s"), ("visit_duration", 59.6, "1m 00s"), ("visit_duration", 133.2, "2m 13s"),
    ("visit_duration", 3900.0, "1h 05m"), ("engaged_time", 61000, "1m 01s"),
])
def test_numbers_are_written_as_they_are_read(metric, value, text):
    assert texts.number(metric, value) == text


@pytest.mark.parametrize("metric, value, before, text", [
    ("views", 112, 100, "+12%"), ("views", 3, 4, "-25%"), ("views", 1000, 1001, "0%"), ("views", 0, 0, "0%"),
    ("views", 3, 0, ""), ("views", 2300, 100, "+2,200%"), ("bounce_rate", 0.4, 0.425, "-2.5 pp"),
    ("bounce_rate", 0.4, 0.4, "0.0 pp"), ("bounce_rate", None, 0.4, ""), ("visit_duration", 90.0, 60.0, "+50%"),
])
def test_changes_are_in_percent_and_of_shares_in_points(metric, value, before, text):
    assert texts.change(metric, value, before) == text


@pytest.mark.parametrize("text, columns, fitted", [
    ("short", 7, "short  "), ("just so", 7, "just so"), ("too long", 7, "too lo…"), ("日本語", 7, "日本語 "),
    ("日本語です", 7, "日本語…"),
])
def test_texts_fit_their_columns_of_the_terminal(text, columns, fitted):
    assert texts.fitted(text, columns) == fitted
    assert texts.width(fitted) == columns


@pytest.mark.parametrize("text, seen", [
    ("/a b/ü", "/a b/ü"), ("a\x1b[31mb", r"a\x1b[31mb"), ("a\nb", r"a\nb"), ("a\u202eb", r"a\u202eb")])
def test_what_cannot_be_seen_is_spelled_out(text, seen):
    assert texts.visible(text) == seen


@pytest.mark.parametrize("since, until, views", [
    ("1900-01-01", "2200-01-01", 5), ("1900-01-01", "2026-03-02", 1), ("2026-03-02", "2200-01-01", 4),
    ("1900-01-01", "2026-03-01", 0), ("2026-03-04", "2200-01-01", 0),
])
def test_a_range_of_centuries_has_the_numbers_of_its_days(cache, since, until, views):
    assert footfall.query("blog", ["views"], since, until, cache=cache)[0] == {"views": views}
    assert footfall.query("nowhere", ["views"], since, until, cache=cache)[0] == {"views": 0}
    # What is known of each day takes room, also of one without events.
    assert len(cache._site("blog").fresh) < 100
