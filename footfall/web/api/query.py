"""What the engine is asked: metrics, funnels, retention, paths, and who is there now."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import request

from footfall import goals
from footfall.errors import UsageError
from footfall.tokens import READ, Token
from footfall.web.api.access import kept, site_of
from footfall.web.api.bodies import only, read, whole
from footfall.web.api.routes import SITE, Given, Route, route
from footfall.web.reports import reports

if TYPE_CHECKING:
    from footfall.reports.cache import FactsCache

#: Rows of an answer, unless fewer are asked for, and at most.
ROWS, MOST_ROWS = 1_000, 10_000
_RANGE = ("since", "until")


@route(Route("POST", "/query", "query", READ, "Ask for metrics by dimensions", body="Query", answer="Result",
             problems=(404, 413, 415)))
def query(token: Token) -> Given:
    from footfall.reports.asking import days_of
    from footfall.reports.query import Query, run

    form = read()
    site = site_of(token, form.pop("site", None)).id
    form["limit"] = _limit(form)
    asked = Query.parse(form)
    return {**run(asked, days_of(_cache(), site)).to_json(), "query": {"site": site, **asdict(asked)}}


@route(Route("POST", "/funnel", "funnel_query", READ, "Ask how far the steps of a funnel are reached",
             body="FunnelQuery", answer="FunnelResult", problems=(404, 413, 415)))
def funnel(token: Token) -> Given:
    from footfall.reports.asking import funnel as ask

    form = read()
    only(form, ("site", "steps", "funnel", "within", *_RANGE, "where", "tz"), _RANGE)
    site, cache = site_of(token, form.pop("site", None)).id, _cache()
    if ("funnel" in form) == ("steps" in form):
        raise UsageError("steps: give either steps, or the id of a funnel as funnel")
    if "funnel" in form:
        found = kept(goals.find_funnel, site, str(form.pop("funnel")))
        form = {"steps": found.steps, "within": found.within} | form
    reached = ask(site, **form, cache=cache)
    return {"steps": [{"step": step, **told._asdict()} for step, told in zip(form["steps"], reached, strict=True)],
            "query": {"site": site, **form}}


@route(Route("POST", "/retention", "retention", READ, "Ask how many come again", body="RetentionQuery",
             answer="RetentionResult", problems=(404, 413, 415)))
def retention(token: Token) -> Given:
    from footfall.reports.asking import cohorts

    form = read()
    only(form, ("site", *_RANGE, "period", "tz"), _RANGE)
    site = site_of(token, form.pop("site", None)).id
    found = cohorts(site, **form, cache=_cache())
    return {"cohorts": [{"period": cohort.period.isoformat(), "counts": cohort.counts} for cohort in found],
            "query": {"site": site, **form}}


@route(Route("POST", "/paths", "paths", READ, "Ask what is viewed before and after a page", body="PathsQuery",
             answer="PathsResult", problems=(404, 413, 415)))
def paths(token: Token) -> Given:
    from footfall.reports.asking import paths as ask

    form = read()
    only(form, ("site", "page", *_RANGE, "where", "tz", "limit"), ("page", *_RANGE))
    site = site_of(token, form.pop("site", None)).id
    form["limit"] = _limit(form)
    found = ask(site, **form, cache=_cache())
    return {**{side: [{"page": page, "views": views} for page, views in pages]
               for side, pages in found._asdict().items()}, "query": {"site": site, **form}}


@route(Route("GET", "/live", "live", READ, "Tell how many visitors are there now", (SITE,), answer="Live",
             problems=(404,)))
def live(token: Token) -> Given:
    from footfall.reports.asking import live as ask

    site, now = site_of(token, request.args.get("site")).id, datetime.now(UTC)
    return {"site": site, "at": now.isoformat(), "visitors": ask(site, now, cache=_cache())}


def _cache() -> FactsCache:
    return reports().cache()


def _limit(form: dict[str, Any]) -> int:
    given = form.get("limit")
    return ROWS if given is None else whole("limit", given, 1, MOST_ROWS)
