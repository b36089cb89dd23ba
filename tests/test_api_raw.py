"""The stored events through the API: all that map_reduce gets, page by page, in memory that does not grow."""

import io
import json
import tracemalloc
from datetime import date

import pytest

from footfall import accounts, audit, timeuuid, tokens
from footfall.analysis import map_reduce
from footfall.pageview import event_key
from footfall.reports.ranges import moment
from footfall.transfer import export
from tests.api import caller, is_problem

ID = "9cbe8f4a-e7a6-11f0-8f8a-0242ac120002"


@pytest.fixture
def call(settings_of, store):
    return caller(settings_of(), store, "read")


def events(answer):
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def pages(call, path):
    """Every page from one on, as its links lead."""
    found = []
    while path:
        answer = call("GET", path)
        found.append(events(answer))
        link = answer.headers.get("Link", "")
        assert link == "" or (link.startswith("</api/v1/events?") and link.endswith('>; rel="next"'))
        path = link[len("</api/v1"):-len('>; rel="next"')]
    return found


@pytest.mark.parametrize("family, count", [("PageViews", 8), ("Events", 1), ("Filtered", 1)])
def test_all_that_map_reduce_gets_is_there(call, store, family, count):
    moved = timeuuid.make(timeuuid.ticks_at(date(2026, 1, 7)), 9)
    store.family("Filtered").insert(event_key("blog", moved), {moved: {"url": "x", "reason": "bot", "list": [b"\x00"]}})
    wanted = map_reduce("blog", date(2026, 1, 1), date(2026, 2, 1), lambda items: [
        {"site": account, "fields": {**fields, **({"visitor": fields["visitor"].hex()} if "visitor" in fields else {})}}
        for account, _, fields in items], lambda all_, some: all_ + some, [], store=store, family=family)
    found = events(call("GET", f"/events?site=blog&family={family}"))
    if family == "Filtered":
        wanted[0]["fields"]["list"] = ["00"]
    assert [{"site": event["site"], "fields": event["fields"]} for event in found] == wanted
    assert len(found) == count
    assert {event["family"] for event in found} == {family}


def test_an_event_has_its_time_to_the_tick_and_its_name(call, store):
    last = events(call("GET", "/events?site=blog&since=2026-01-05T23:00&until=2026-01-06"))[0]
    name, fields = list(store.family("PageViews").xget("20260105.blog"))[-1]
    assert last == {"id": str(name), "time": "2026-01-05T23:59:59.9999999Z", "family": "PageViews", "site": "blog",
                    "fields": {**dict(fields), "visitor": b"ann     ".hex()}}


@pytest.mark.parametrize("limit", [1, 2, 3, 8, 9])
def test_pages_follow_each_other_and_miss_nothing(call, limit):
    whole = events(call("GET", "/events?site=blog"))
    found = pages(call, f"/events?site=blog&limit={limit}&since=2026-01-01")
    assert [event for page in found for event in page] == whole
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert 1 <= len(found[-1]) <= limit


@pytest.mark.parametrize("asked, count", [
    ("since=2026-01-06", 3), ("since=2026-01-06&until=2026-01-06T00:30", 1), ("until=2026-01-06", 5),
    ("since=2026-01-06&tz=Asia/Tokyo", 4), ("since=2027-01-01", 0), ("since=2026-01-06&until=2026-01-06", 0),
    (f"after={ID}", 8), ("limit=100000", 8),
])
def test_a_range_is_half_open_and_in_the_zone_that_is_named(call, asked, count):
    assert len(events(call("GET", f"/events?site=blog&{asked}"))) == count


def test_events_of_one_tick_are_told_apart_by_their_names(call, store):
    ticks = timeuuid.ticks_at(date(2026, 3, 1))
    names = [timeuuid.make(ticks, bits) for bits in (1, 2 ** 61, 2 ** 62 - 1, 77)]
    for name in names:
        store.family("PageViews").insert(event_key("blog", name), {name: {"url": "x"}})
    found = pages(call, "/events?site=blog&since=2026-03-01&limit=1")
    assert [event["id"] for page in found for event in page] == list(map(str, sorted(names, key=timeuuid.sort_key)))


@pytest.mark.parametrize("asked, status, detail", [
    ("site=blog&family=Tokens", 400, "family 'Tokens': unknown; use PageViews, Events, Filtered"),
    ("site=blog&family=Users", 400, "family 'Users': unknown"),
    ("site=blog&limit=0", 400, "limit '0': must be a whole number from 1 to 100000"),
    ("site=blog&limit=many", 400, "limit 'many'"),
    ("site=blog&after=x", 400, "after 'x': must be the id of an event"),
    ("site=blog&after=00000000-0000-4000-8000-000000000000", 400, "must be the id of an event"),
    ("site=blog&since=then", 400, "since 'then': must be a date"),
    ("site=blog&since=2026-01-02&until=2026-01-01", 400, "lies before since"),
    ("site=blog&tz=Mars", 400, "tz 'Mars': unknown time zone"),
    ("site=blog&sinse=2026-01-01", 400, "'sinse': unknown field; use site, family, since"),
    ("site=nowhere", 404, "site 'nowhere': unknown"),
    ("", 400, "site: missing"),
])
def test_what_cannot_be_is_refused(call, asked, status, detail):
    assert is_problem(call("GET", f"/events?{asked}"), status, detail)


def test_another_sites_events_are_not_the_tokens(call, store):
    blog, _ = tokens.add(store, "blog", scopes=["read"])
    assert {event["site"] for event in events(call("GET", "/events", token=blog))} == {"blog"}
    assert is_problem(call("GET", "/events?site=shop", token=blog), 403, "not one for the site 'shop'")


def test_many_events_take_no_more_memory_than_few(call, store):
    def sent(count):
        """The bytes that are held at most while so many events are sent."""
        answer = call("GET", f"/events?site=blog&since=2026-02-01&limit={count}", buffered=False)
        tracemalloc.start()
        lines = sum(chunk.count(b"\n") for chunk in answer.iter_encoded())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert lines == count
        return most

    first = timeuuid.ticks_at(date(2026, 2, 1))
    for start in range(0, 10_000, 1_000):
        names = [timeuuid.make(first + number, number) for number in range(start, start + 1_000)]
        store.family("PageViews").insert("20260201.blog", {name: {"url": "x" * 1000} for name in names})
    sent(10)
    assert sent(10_000) < 2 * sent(1_000)


# ----- as a file


@pytest.mark.parametrize("form, range_", [
    ("jsonl", ()), ("csv", ()), ("csv", ("2026-01-06", "2026-01-14")), ("jsonl", ("2026-01-05T10:00", "2026-01-06")),
])
def test_an_export_is_the_file_that_the_command_writes(call, store, form, range_):
    asked = "".join(f"&{name}={value}" for name, value in zip(("since", "until"), range_, strict=False))
    answer = call("GET", f"/export?site=blog&format={form}{asked}")
    file = io.BytesIO()
    moments = [moment(value, "") for value in range_] or [None, None]
    export.write(store, accounts.find(store, "blog"), form, *moments, file)
    assert (answer.status_code, answer.data) == (200, file.getvalue())
    assert answer.headers["Content-Type"] == export.FORMATS[form]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="blog')
    assert next(audit.entries(store)).action == "export.download"


@pytest.mark.parametrize("asked, status, detail", [
    ("site=blog&format=xml", 400, "format 'xml': must be jsonl, csv, parquet"),
    ("site=blog&since=2026-02-01&until=2026-01-01", 400, "is before since"),
    ("site=blog&since=then", 400, "since 'then': must be a date"),
    ("site=blog&plain=1", 400, "'plain': unknown field; use site, format, since, until"),
    ("site=nowhere", 404, "site 'nowhere': unknown"),
])
def test_an_export_that_cannot_be_is_refused(call, asked, status, detail):
    assert is_problem(call("GET", f"/export?{asked}"), status, detail)
