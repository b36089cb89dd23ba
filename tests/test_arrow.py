"""Facts as Arrow tables, and DuckDB on them: the same numbers as map_reduce over the raw events."""

from datetime import UTC, date, datetime

import duckdb
import pytest

import footfall
from footfall import recipes, timeuuid
from footfall.analysis import map_reduce
from footfall.errors import UsageError
from footfall.pageview import event_key, page_fields
from footfall.reports import arrow
from footfall.reports.cache import open_cache
from tests.servers import footfall as command

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
DAYS = date(2026, 3, 1), date(2026, 3, 4)
ANN, BEN = b"ann-----", b"ben-----"
# When, who, page, event, properties.
EVENTS = (
    ("2026-03-01 23:50:00", ANN, "/", None, None),
    ("2026-03-02 00:05:00", ANN, "/a", None, None),
    ("2026-03-02 00:06:00.0000015", ANN, "/a", "engagement", None),
    ("2026-03-02 09:00:00", BEN, "/a", None, None),
    ("2026-03-02 09:10:00", None, "/b", None, None),
    ("2026-03-02 10:00:00", ANN, "/a", "signup", {"plan": "pro"}),
    ("2026-03-03 12:00:00", BEN, "/", None, None),
)


@pytest.fixture
def cache(store, settings_of):
    for number, (when, visitor, page, event, props) in enumerate(EVENTS):
        seconds, _, fraction = when.partition(".")
        ticks = timeuuid.ticks_at(datetime.fromisoformat(seconds)) + int(fraction or 0)
        fields = page_fields(f"https://example.com{page}", "", "", FIREFOX, "de", "")
        fields |= {"visitor": visitor} if visitor else {}
        fields |= {"event": event} if event else {}
        fields |= {"props": props} if props else {}
        fields |= {"engaged": 1500, "scroll": 80} if event == "engagement" else {}
        name = timeuuid.make(ticks, number)
        store.family("Events" if event else "PageViews").insert(event_key("blog", name), {name: fields})
    return open_cache(settings_of(), store)


@pytest.fixture
def asked(cache):
    connection = duckdb.connect()
    connection.register("events", arrow.events("blog", *DAYS, cache=cache))
    connection.register("visits", arrow.visits("blog", *DAYS, cache=cache))
    return lambda sql: connection.sql(sql).fetchall()


def test_each_event_is_a_row_with_all_that_it_tells(cache):
    rows = arrow.events("blog", *DAYS, cache=cache).to_pylist()
    assert [row["time"] for row in rows] == [
        datetime.fromisoformat(when[:26]).replace(tzinfo=UTC) for when, *_ in EVENTS]
    assert [(row["page"], row["event"]) for row in rows] == [(page, event) for _, _, page, event, _ in EVENTS]
    assert [row["kind"] for row in rows] == ["view", "view", "report", "view", "view", "custom", "view"]
    assert [row["visitor"] for row in rows] == [visitor for _, visitor, *_ in EVENTS]
    assert (rows[2]["engaged"], rows[2]["scroll"], rows[5]["props"]) == (1500, 80, '{"plan": "pro"}')
    assert {row["browser"] for row in rows} == {"Firefox"}
    assert (rows[4]["visit"], rows[4]["entry_page"]) == (None, None)


def test_a_visit_over_midnight_is_one_row(cache):
    rows = arrow.visits("blog", *DAYS, cache=cache).to_pylist()
    assert [(row["start"].isoformat(" ", "minutes")[:16], row["views"], row["is_bounce"], row["entry_page"],
             row["exit_page"]) for row in rows] == [
        ("2026-03-01 23:50", 2, False, "/", "/a"), ("2026-03-02 09:00", 1, True, "/a", "/a"),
        ("2026-03-02 10:00", 0, False, "/a", "/a"), ("2026-03-03 12:00", 1, True, "/", "/")]
    assert rows[0]["duration"] == 960.0000015


def test_events_and_visits_join_by_their_number(asked):
    assert asked("SELECT count(*), sum(e.time BETWEEN v.start AND v.end AND e.visitor = v.visitor "
                 "AND e.entry_page = v.entry_page AND e.exit_page = v.exit_page) FROM events e "
                 "JOIN visits v USING (visit)") == [(6, 6)]


def test_it_counts_what_map_reduce_counts(asked, store):
    counted = map_reduce("blog", *DAYS, *recipes.views_by_url, {}, store=store)
    assert dict(asked("SELECT url, count(*) FROM events WHERE kind = 'view' GROUP BY url")) == counted


def test_a_part_of_a_day_is_cut_to_the_microsecond(cache):
    cut = datetime(2026, 3, 2, 0, 5), datetime(2026, 3, 2, 9, 10)
    assert arrow.events("blog", *cut, cache=cache).num_rows == 3
    assert arrow.visits("blog", *cut, cache=cache).num_rows == 1


def test_a_range_without_events_has_the_same_columns(cache):
    whole, none = (arrow.events("blog", *days, cache=cache) for days in (DAYS, (date(2020, 1, 1), date(2020, 1, 2))))
    assert (none.num_rows, none.schema) == (0, whole.schema)
    assert arrow.visits("blog", DAYS[1], DAYS[0], cache=cache).num_rows == 0


@pytest.mark.parametrize("account, since, error", [
    ("no site!", date(2026, 1, 1), "account 'no site!'"),
    ("blog", "2026-01-01", "since='2026-01-01': must be a datetime or a date"),
])
def test_what_cannot_be_asked_is_told(cache, account, since, error):
    with pytest.raises(UsageError, match=error):
        arrow.events(account, since, date(2026, 2, 1), cache=cache)


def test_python_and_the_command_find_the_settings_own_store(cache, store, settings_of, monkeypatch):
    monkeypatch.setenv("FOOTFALL_DATA", str(settings_of().data))
    assert footfall.events("blog", *DAYS).num_rows == len(EVENTS)
    command(settings_of().data, "site", "add", "blog")
    answer = command(settings_of().data, "sql", "blog", "--since", "2026-03-01", "--until", "2026-03-03", "--csv", "-c",
                     "SELECT page, count(*) AS views FROM events WHERE kind = 'view' GROUP BY page ORDER BY ALL")
    assert answer.stdout == '"page","views"\n"/",2\n"/a",2\n"/b",1\n'
    wrong = command(settings_of().data, "sql", "blog", "-c", "SELECT nothing", check=False)
    assert (wrong.returncode, "DuckDB: Binder Error" in wrong.stderr) == (2, True)
