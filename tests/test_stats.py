"""`footfall stats` as its reader meets it: what it asks for, and how it tells it."""

import csv
import io
import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from footfall import accounts, cli, timeuuid
from footfall.cli import asked, tables, telling
from footfall.cli.stats import TABLES
from footfall.errors import UsageError
from footfall.pageview import event_key, page_fields
from footfall.reports.dimensions import DIMENSIONS
from footfall.stores import open_store

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GOOGLE = "https://www.google.com/search?q=page+views"
#: When, who, page, referrer, event.
EVENTS = (
    ("2026-03-01 10:00", "ann", "/", GOOGLE, None),
    ("2026-03-01 10:02", "ann", "/post", "", None),
    ("2026-03-01 10:03", "ann", "/post", "", "signup"),
    ("2026-03-02 23:30", "ben", "/post", "https://a.example/x", None),
    ("2026-02-28 12:00", "cid", "/", "", None),
)
MARCH = ("--since", "2026-03-01", "--until", "2026-03-02")


@pytest.fixture(autouse=True)
def width(tmp_path, monkeypatch):
    """A data folder of the test's own, and a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOOTFALL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = cli.main(["stats", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def blog():
    """The site blog with four page-views by three visitors, and one custom event."""
    with open_store() as store:
        accounts.add(store, "blog")
        for number, (when, visitor, page, referrer, event) in enumerate(EVENTS):
            name = timeuuid.make(timeuuid.ticks_at(datetime.fromisoformat(when)), number)
            fields = page_fields(f"https://example.com{page}", "", referrer, FIREFOX, "de", "") | {
                "visitor": visitor.encode().ljust(8), "country": "DE" if visitor == "ben" else "AT"}
            fields |= {"event": event, "props": {"plan": "free"}} if event else {}
            store.family("Events" if event else "PageViews").insert(event_key("blog", name), {name: fields})


def told(run, *arguments):
    code, out, err = run("blog", *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_whole_its_course_and_the_best_are_shown(run, blog):
    code, out, _ = run("blog", *MARCH, "--compare", "previous")
    assert code == 0
    assert out.startswith("blog: 2026-03-01 to 2026-03-02 (UTC), beside 2026-02-27 to 2026-02-28\n")
    whole = out.split("\n\n")[1].splitlines()
    assert [re.split(" {3,}", line.strip()) for line in whole] == [
        ["now", "before", "change"], ["views", "3", "1", "+200%"], ["visits", "2", "1", "+100%"],
        ["visitors", "2", "1", "+100%"], ["bounce rate", "50.0%", "100.0%", "-50.0 pp"],
        ["visit duration", "1m 30s", "0s"], ["views per visit", "1.50", "1.00", "+50%"]]
    assert f"\nViews by hour: {'▁' * 10}█{'▁' * 36}▅\n" in out
    assert re.search(r"\nPages +views +change +visits +visitors\n  /post +2 +2 +2 █+\n  / +1 +0% +1 +1 █+", out)
    assert re.findall(r"^(\w.*?)  .*visitors$", out, re.MULTILINE) == [
        "Pages", "Sources", "Search terms", "Countries", "Browsers", "Devices"]


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_is_wider_than_the_terminal(run, blog, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    out = run("blog", "--compare", "previous", "--by", "url", "--by", "browser", "--by", "search_term")[1]
    assert max(map(len, out.splitlines()[2:])) <= columns


def test_every_dimension_has_a_table_under_a_title_of_its_own(run, blog):
    code, out, _ = run("blog", *MARCH, *(argument for name in DIMENSIONS for argument in ("--by", name)))
    assert code == 0
    titles = re.findall(r"^(\w.*?)(?:  .*(?:visitors))?\n  ", out, re.MULTILINE)
    assert len(titles) == len(set(titles)) == len(DIMENSIONS)
    assert {name for name in DIMENSIONS if name not in telling.TITLES} == {"hour", "day", "week", "month"}


def test_as_json(run, blog):
    found = told(run, *MARCH, "--by", "page", "--by", "day", "--compare", "previous")
    assert {name: found[name] for name in ("site", "since", "until", "tz", "views", "visits", "bounce_rate")} == {
        "site": "blog", "since": "2026-03-01T00:00:00+00:00", "until": "2026-03-03T00:00:00+00:00", "tz": "UTC",
        "views": 3, "visits": 2, "bounce_rate": 0.5}
    assert found["compared"]["views"] == 1
    assert found["by"]["page"] == [
        {"value": "/post", "views": 2, "visits": 2, "visitors": 2,
         "compared": {"views": 0, "visits": 0, "visitors": 0}},
        {"value": "/", "views": 1, "visits": 1, "visitors": 1, "compared": {"views": 1, "visits": 1, "visitors": 1}}]
    assert [(row["value"], row["views"]) for row in found["by"]["day"]] == [("2026-03-01", 2), ("2026-03-02", 1)]
    assert list(told(run)["by"]) == ["day", *TABLES]


@pytest.mark.parametrize("arguments, lines", [
    (("--by", "page", "--limit", "1"), ["dimension,value,views,visits,visitors", "page,/post,2,2,2"]),
    (("--by", "page", "--metric", "views", "--order", "page"), ["dimension,value,views", "page,/,1", "page,/post,2"]),
    (("--by", "event", "--by", "page", "--limit", "1"), [
        "dimension,value,events,visits,visitors,views", "event,signup,1,1,1,", "page,/post,,2,2,2"]),
    (("--by", "prop:plan", "--metric", "events", "--compare", "previous"), [
        "dimension,value,events,compared.events", "prop:plan,free,1,0"]),
    (("--by", "page", "--metric", "bounce_rate", "--where", "country is XX"), ["dimension,value,bounce_rate"]),
    (("--by", "day", "--metric", "bounce_rate", "--limit", "1"), [
        "dimension,value,bounce_rate", "day,2026-03-01,0.0", "day,2026-03-02,1.0"]),
])
def test_as_csv(run, blog, arguments, lines):
    assert run("blog", *MARCH, *arguments, "--csv") == (0, "".join(f"{line}\n" for line in lines), "")


def test_csv_is_what_a_spreadsheet_reads(run, blog):
    rows = list(csv.DictReader(io.StringIO(run("blog", *MARCH, "--csv")[1])))
    assert {row["dimension"] for row in rows} == {"day", *TABLES}


def test_as_markdown(run, blog):
    out = run("blog", *MARCH, "--compare", "previous", "--by", "search_term", "--by", "utm_source", "--md")[1]
    assert out.startswith("## blog: 2026-03-01 to 2026-03-02 (UTC), beside 2026-02-27 to 2026-02-28\n\n")
    assert "|  | now | before | change |\n|---|---:|---:|---:|\n| views | 3 | 1 | +200% |\n" in out
    assert ("### Search terms\n\n| search_term | views | change | visits | visitors |\n|---|---:|---:|---:|---:|\n"
            "| page views | 1 |  | 1 | 1 |\n") in out
    assert out.endswith("### Tagged sources\n\nnone\n")


@pytest.mark.parametrize("value, escaped", [
    ("a|b", r"a\|b"), ("<script>", r"\<script\>"), ("_a_*b*`c`", r"\_a\_\*b\*\`c\`"), ("[x](y)", r"\[x\](y)"),
    ("a\\", "a\\\\"), ("a\nb", r"a\\nb")])
def test_what_a_stranger_wrote_means_nothing_in_markdown(value, escaped):
    assert telling.escaped(value) == escaped


@pytest.mark.parametrize("since, until, more, views", [
    ("2026-03-01", "2026-03-01", (), 2),
    ("2026-03-03", "2026-03-03", (), 0),
    ("2026-03-01T10:00", "2026-03-01T10:02", (), 1),
    ("2026-03-01T10:00", "2026-03-01T10:00", (), 0),
    ("2026-03-01T11:02:00+01:00", "2026-03-01T12:00:00+01:00", (), 1),
    ("2026-03-03", "2026-03-03", ("--tz", "Europe/Berlin"), 1),
    ("2026-03-03T00:30", "2026-03-03T00:31", ("--tz", "Europe/Berlin"), 1),
])
def test_a_day_is_meant_whole_and_an_instant_ends_before_itself(run, blog, since, until, more, views):
    assert told(run, "--since", since, "--until", until, *more)["views"] == views


@pytest.mark.parametrize("arguments, views", [
    (("--where", "page matches /p*"), 2),
    (("--where", "page is not /post"), 1),
    (("--where", "page is_not /post"), 1),
    (("--where", "country in DE, FR"), 1),
    (("--where", "country is AT", "--where", "page contains POST"), 1),
    (("--where", "source not contains goo"), 2),
    (("--filter", '["visit", ["is", "event", "signup"]]'), 2),
    (("--filter", '["visit", ["is", "event", "signup"]]', "--where", "page is /"), 1),
])
def test_filters_choose(run, blog, arguments, views):
    assert told(run, *MARCH, *arguments)["views"] == views


@pytest.mark.parametrize("goal, rate", [("signup", 0.5), ("/post", 1.0), ("/p*", 1.0), ('{"page": "/"}', 0.5),
                                        ('["is", "prop:plan", "free"]', 0.5)])
def test_a_goal_gives_its_conversion_rate(run, blog, goal, rate):
    assert told(run, *MARCH, "--goal", goal)["conversion_rate"] == rate


def test_the_last_days_are_those_of_the_time_zone(run, blog):
    assert told(run)["until"] == "2026-03-03T00:00:00+00:00"
    found = told(run, "--tz", "Europe/Berlin")
    assert (found["since"], found["until"]) == ("2026-02-02T00:00:00+01:00", "2026-03-04T00:00:00+01:00")
    assert found["views"] == 4


@pytest.mark.parametrize("arguments, message", [
    (("--by", "colour"), "dimension 'colour': unknown; use hour, day,"),
    (("--by", "address"), "dimension 'address': unknown"),
    (("--by", "prop:"), "dimension 'prop:': unknown"),
    (("--metric", "view"), "metric 'view': unknown; use views,"),
    (("--metric", "conversion_rate"), "metric 'conversion_rate': of which goal?"),
    (("--where", "page"), "--where='page': must be DIM OPERATOR VALUE[,VALUE]"),
    (("--where", "page like x"), "--where='page like x': must be DIM OPERATOR VALUE[,VALUE]"),
    (("--where", "day is 2026-03-01"), "'day' is a time, which cannot be filtered"),
    (("--filter", "{"), "--filter='{': must be JSON"),
    (("--filter", "1"), "where 1: must be a list"),
    (("--goal", "{"), "--goal='{': must be JSON"),
    (("--order", "url"), "--order='url': not asked for; use views,"),
    (("--order", "views up"), "--order='views up': must be a name, and asc or desc"),
    (("--tz", "Berlin"), "tz 'Berlin': unknown time zone"),
    (("--json", "--md"), "--json, --csv and --md: only one of them"),
    (("--since", "yesterday"), "--since='yesterday': must be a day such as"),
    (("--until", "2015-02-30"), "--until='2015-02-30': must be a day"),
    (("--since", "2026-03-02", "--until", "2026-02-28"), "--until=2026-02-28: is before --since=2026-03-02"),
    (("--compare", "last"), "Invalid value for '--compare'"),
])
def test_what_cannot_be_asked_is_told_in_one_line(run, blog, arguments, message):
    code, out, err = run("blog", *arguments)
    assert (code, out, err.count("\n"), err.startswith("footfall: ")) == (2, "", 1, True)
    assert message in err


@pytest.mark.parametrize("days, columns, grain", [
    (1, 80, "hour"), (2, 80, "hour"), (3, 80, "day"), (64, 80, "day"), (65, 80, "week"), (365, 80, "week"),
    (448, 80, "week"), (449, 80, "month"), (90, 120, "day")])
def test_the_course_fits_in_a_line(days, columns, grain):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert asked.grain_of((start, start + timedelta(days=days)), columns) == grain


@pytest.mark.parametrize("numbers, drawn", [
    ([], ""), ([0, 0], "▁▁"), ([0, 1, 1000], "▁▂█"), ([1, 2, 3, 4, 5, 6, 7], "▂▃▄▅▆▇█"), ([0.0, 0.25, 0.5], "▁▅█")])
def test_a_line_of_bars_shows_zero_and_nearly_zero_apart(numbers, drawn):
    assert tables.line(numbers) == drawn


def test_an_order_is_of_names_that_are_there():
    assert asked.order_of(["views", "page", "visits asc"], ["views", "visits"], ["page"]) == [
        ("views", "desc"), ("page", "asc"), ("visits", "asc")]
    with pytest.raises(UsageError):
        asked.order_of(["x"], ["views"], [])


def test_a_day_begins_at_the_zones_midnight():
    assert asked.midnight(date(2026, 3, 1)) == datetime(2026, 3, 1, tzinfo=UTC)
