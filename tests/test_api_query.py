"""What programs ask of the engine through the API: its numbers are the engine's own, and map_reduce's."""

import json
from collections import Counter
from datetime import date, datetime

import pytest

from footfall import goals, tokens
from footfall.analysis import map_reduce
from footfall.errors import StoreError, StoreUnavailable
from footfall.reports import asking
from footfall.reports.cache import open_cache
from footfall.web.api import query
from tests.api import SINCE, UNTIL, caller, is_problem

RANGE = {"since": SINCE, "until": UNTIL}
VIEWS = {"site": "blog", "metrics": ["views"], **RANGE}
STEPS = [{"page": "/pricing"}, {"event": "signup", "props": {"plan": "pro"}}]


@pytest.fixture
def call(settings_of, store):
    return caller(settings_of(), store, "read")


@pytest.fixture
def cache(call, settings_of, store):
    return open_cache(settings_of(), store)


@pytest.mark.parametrize("more", [
    {},
    {"by": ["page"], "metrics": ["views", "visitors", "visits", "bounce_rate"]},
    {"by": ["day", "country"], "tz": "Asia/Tokyo", "order": [["views", "asc"], ["day", "desc"]]},
    {"where": ["is", "country", ["DE", "AT"]], "compare": "previous", "by": ["page"]},
    {"compare": ["2025-01-05", "2025-01-19"], "by": ["week"]},
    {"metrics": ["conversion_rate"], "goal": {"event": "signup"}},
    {"by": ["page"], "limit": 2, "offset": 1},
    {"since": "1900-01-01", "until": "2200-01-01"},
])
def test_a_query_has_the_engines_answer_and_says_what_was_asked(call, cache, more):
    form = {**VIEWS, **more}
    answer = call("POST", "/query", form)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    told = answer.json
    echo = {"by": [], "where": None, "tz": "UTC", "compare": None, "order": None, "limit": 1000, "offset": 0,
            "goal": None, **form}
    assert told.pop("query") == echo
    asked = {name: value for name, value in echo.items() if name not in ("site", "metrics", "since", "until")}
    assert told == asking.query("blog", echo["metrics"], echo["since"], echo["until"], **asked, cache=cache).to_json()
    assert told["count"] >= 1


def test_views_by_page_are_those_that_map_reduce_counts(call, store):
    counted = map_reduce("blog", date(2026, 1, 5), date(2026, 1, 19),
                         lambda views: Counter(view["url"] for _, _, view in views), lambda total, more: total + more,
                         Counter(), store=store)
    rows = call("POST", "/query", {**VIEWS, "by": ["url"]}).json["rows"]
    assert {row["url"]: row["views"] for row in rows} == dict(counted)
    assert sum(counted.values()) == 8


def test_an_answer_has_so_many_rows_at_most_and_offset_gives_the_others(call, monkeypatch):
    monkeypatch.setattr(query, "ROWS", 2)
    form = {**VIEWS, "by": ["page"]}
    first = call("POST", "/query", form).json
    others = call("POST", "/query", {**form, "offset": 2, "limit": 10_000}).json
    assert (len(first["rows"]), first["count"], len(others["rows"])) == (2, 4, 2)
    assert len({row["page"] for row in first["rows"] + others["rows"]}) == 4


def test_funnels_retention_paths_and_who_is_there_are_the_engines_too(call, cache, store):
    steps = call("POST", "/funnel", {"site": "blog", "steps": STEPS, **RANGE}).json["steps"]
    reached = asking.funnel("blog", STEPS, SINCE, UNTIL, cache=cache)
    assert steps == [{"step": step, **told._asdict()} for step, told in zip(STEPS, reached, strict=True)]
    assert [step["reached"] for step in steps] == [2, 1]
    kept = goals.add_funnel(store, "blog", "Sign-up", STEPS, 86_400)
    by_id = call("POST", "/funnel", {"site": "blog", "funnel": kept.id, **RANGE, "where": ["is", "country", "DE"]}).json
    assert ([step["reached"] for step in by_id["steps"]], by_id["query"]["within"]) == ([1, 1], 86_400)
    cohorts = call("POST", "/retention", {"site": "blog", **RANGE}).json["cohorts"]
    assert cohorts == [{"period": cohort.period.isoformat(), "counts": cohort.counts}
                       for cohort in asking.cohorts("blog", SINCE, UNTIL, cache=cache)]
    assert cohorts == [{"period": "2026-01-05", "counts": [3, 1]}, {"period": "2026-01-12", "counts": [0]}]
    found = call("POST", "/paths", {"site": "blog", "page": "/pricing", **RANGE}).json
    assert found["before"] == [{"page": "/", "views": 1}, {"page": None, "views": 1}]
    assert found["after"] == [{"page": None, "views": 2}]
    live = call("GET", "/live?site=blog").json
    assert (live["site"], live["visitors"], datetime.fromisoformat(live["at"]).tzinfo is not None) == ("blog", 0, True)


def test_sites_are_those_of_the_token(call, store):
    assert [site["id"] for site in call("GET", "/sites").json["sites"]] == ["blog", "shop"]
    own, _ = tokens.add(store, "blog", scopes=["read"])
    (site,) = call("GET", "/sites", token=own).json["sites"]
    assert site | {"created": ""} == {"id": "blog", "url": "", "created": "", "timezone": "UTC"}
    assert call("GET", "/sites/blog", token=own).json == site | {
        "first_day": "2026-01-05", "last_view": "2026-01-14T09:00:00+00:00"}
    assert is_problem(call("GET", "/sites/nowhere"), 404, "site 'nowhere': unknown")


# ----- what is refused


@pytest.mark.parametrize("path, body, status, detail", [
    ("/query", {**VIEWS, "metrics": ["view"]}, 400, "metric 'view': unknown; use views"),
    ("/query", {**VIEWS, "colour": 1}, 400, "query: 'colour': unknown"),
    ("/query", {"site": "blog", "metrics": ["views"], "since": SINCE}, 400, "query: until: missing"),
    ("/query", {**VIEWS, "since": 7}, 400, "since 7: must be a date"),
    ("/query", {**VIEWS, "tz": ["UTC"]}, 400, "tz ['UTC']: unknown time zone"),
    ("/query", {**VIEWS, "limit": 10_001}, 400, "limit 10001: must be a whole number from 1 to 10000"),
    ("/query", {**VIEWS, "limit": True}, 400, "limit True"),
    ("/query", {**VIEWS, "where": ["is", "page"]}, 400, "where: 'is' with 1 arguments"),
    ("/query", {**VIEWS, "by": ["hour"], "since": "1900-01-01", "until": "2200-01-01"}, 400, "hour"),
    ("/query", {**VIEWS, "site": "nowhere"}, 404, "site 'nowhere': unknown"),
    ("/query", {**VIEWS, "site": {}}, 400, "site: missing; the token is for every site"),
    ("/query", {**VIEWS, "site": ["blog"]}, 400, "site ['blog']: must be the id of a site"),
    ("/query", {name: value for name, value in VIEWS.items() if name != "site"}, 400, "site: missing"),
    ("/query", [VIEWS], 400, "body: must be an object"),
    ("/funnel", {"site": "blog", **RANGE}, 400, "give either steps, or the id of a funnel"),
    ("/funnel", {"site": "blog", **RANGE, "steps": STEPS, "funnel": "x"}, 400, "give either steps"),
    ("/funnel", {"site": "blog", **RANGE, "funnel": "x"}, 404, "funnel 'x': unknown; blog has none yet"),
    ("/funnel", {"site": "blog", **RANGE, "steps": [{}]}, 400, "step 1 {}: must be"),
    ("/funnel", {"site": "blog", **RANGE, "steps": "x" * 5000}, 400, "steps 'xxx"),
    ("/retention", {"site": "blog", **RANGE, "period": ["week"]}, 400, "period ['week']: unknown"),
    ("/retention", {"site": "blog", "since": "1900-01-01", "until": "2200-01-01"}, 400, "ask for 600 at most"),
    ("/retention", {"site": "blog"}, 400, "since: missing; give since, until"),
    ("/paths", {"site": "blog", **RANGE, "page": 7}, 400, "page: value 7"),
    ("/paths", {"site": "blog", **RANGE, "page": "/", "limit": 0}, 400, "limit 0"),
])
def test_what_cannot_be_answered_is_refused_with_the_reason(call, path, body, status, detail):
    answer = call("POST", path, body)
    assert is_problem(answer, status, detail)
    assert len(answer.json["detail"]) <= 500


@pytest.mark.parametrize("body, content_type, status, detail", [
    ("{}", "text/plain", 415, "content-type: must be application/json"),
    ("{}", None, 415, "content-type"),
    ("{", "application/json", 400, "body: not JSON in UTF-8"),
    (b'{"site": "\xff"}', "application/json", 400, "body: not JSON in UTF-8"),
    ('{"site": "\\ud800"}', "application/json", 400, "body: not JSON in UTF-8"),
    ('{"limit": NaN}', "application/json", 400, "NaN is no number"),
    ('{"limit": ' + "9" * 5000 + "}", "application/json", 400, "body: not JSON in UTF-8"),
    ('{"where": ' + "[" * 64 + "]" * 64 + "}", "application/json", 400, "body: deeper than 64"),
    ('{"where": ' + "[" * 100_000, "application/json", 400, "body: "),
    (json.dumps({"site": "x" * (256 << 10)}), "application/json", 413, "body: longer than 262144 bytes"),
])
def test_what_is_no_body_is_refused(call, body, content_type, status, detail):
    answer = call.client.post("/api/v1/query", data=body, content_type=content_type,
                              headers={"Authorization": f"Bearer {call.token}"})
    assert is_problem(answer, status, detail)


def test_a_token_is_for_its_site_and_its_scopes(call, store):
    blog, _ = tokens.add(store, "blog", scopes=["read"])
    writes, _ = tokens.add(store, "*", scopes=["write", "events"])
    unsaid = {name: value for name, value in VIEWS.items() if name != "site"}
    assert call("POST", "/query", unsaid, token=blog).json["query"]["site"] == "blog"
    for answer, detail in (
        (call("POST", "/query", {**VIEWS, "site": "shop"}, token=blog), "the token is not one for the site 'shop'"),
        (call("POST", "/query", {**VIEWS, "site": "nowhere"}, token=blog), "not one for the site 'nowhere'"),
        (call("GET", "/sites/shop", token=blog), "not one for the site 'shop'"),
        (call("GET", "/live?site=shop", token=blog), "not one for the site 'shop'"),
        (call("POST", "/query", VIEWS, token=writes), "the token is not one for read"),
        (call("POST", "/events?site=blog", {"events": [{"url": "x"}]}), "the token is not one for events"),
    ):
        assert is_problem(answer, 403, detail)
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="footfall", error="insufficient_scope"'


def test_a_token_of_every_site_sends_events_of_the_one_that_it_names(call, store):
    sends, _ = tokens.add(store, "*", scopes=["events"])
    batch = {"events": [{"url": "https://shop.example.com/sent", "time": "2026-02-01T10:00:00Z", "id": "1"}]}
    assert call("POST", "/events?site=shop", batch, token=sends).json["stored"] == 1
    assert store.family("PageViews").get_count("20260201.shop") == 1
    assert is_problem(call("POST", "/events", batch, token=sends), 400, "site: missing")
    assert is_problem(call("POST", "/events?site=nowhere", batch, token=sends), 404, "site: unknown: nowhere")


@pytest.mark.parametrize("method, path, status, detail, allowed", [
    ("GET", "/nothing", 404, "there is nothing at this address", None),
    ("POST", "/sites/blog/more", 404, "there is nothing at this address", None),
    ("GET", "/query", 405, "GET is not for this address", "OPTIONS, POST"),
    ("DELETE", "/events", 405, "DELETE is not for this address", "GET, HEAD, OPTIONS, POST"),
])
def test_what_is_not_there_is_told_to_everybody_and_needs_no_login(call, method, path, status, detail, allowed):
    answer = call.client.open(f"/api/v1{path}", method=method)
    assert is_problem(answer, status, detail)
    assert answer.headers.get("Allow") == allowed


def test_a_store_that_is_away_is_503_and_what_fails_is_500_without_its_reason(call, monkeypatch, caplog):
    call("GET", "/sites")
    for error, status, detail in ((StoreUnavailable("/srv/secret.db: locked"), 503, "please try again"),
                                  (StoreError("/srv/secret.db: damaged"), 500, "log says why"),
                                  (RuntimeError("/srv/secret.db"), 500, "")):
        def fails(store, error=error):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("footfall.accounts.all_accounts", fails)
            answer = call("GET", "/sites")
        assert is_problem(answer, status, detail)
        assert "secret" not in answer.text
        assert ("Retry-After" in answer.headers) == (status == 503)
    assert caplog.text.count("/srv/secret.db") >= 3
