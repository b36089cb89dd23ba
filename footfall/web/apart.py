"""What is kept apart of a site: how much, why, which hits, and the way back for whoever may edit the site."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, timedelta
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall import timeuuid
from footfall.collect import moving
from footfall.collect.beacon import collector
from footfall.collect.filters import RULES, by_rule
from footfall.collect.moving import Range
from footfall.errors import UsageError
from footfall.pageview import Event
from footfall.reports.buckets import instant, local
from footfall.web import sites
from footfall.web.auth import audit_here
from footfall.web.raw import name_of
from footfall.web.view import View

PER_PAGE = 100

#: What changes something; whoever only looks at a page of the site has nothing of it.
changes = sites.site_blueprint("apart")


class Line(NamedTuple):
    """A hit that is kept apart, as the list shows it."""

    event: Event
    time: str
    why: str


class Count(NamedTuple):
    """How many are kept apart for a reason, or by a rule.

    :param url: of the list of these.
    """

    reason: str
    words: str
    hits: int
    url: str


@sites.blueprint.get("/filtered")
def filtered(site: str) -> ResponseReturnValue:
    shown, reason = sites.view(), request.args.get("reason") or None
    store, within = collector().store(), days_shown(shown)
    by_reason = moving.count_filtered(store, shown.site, within)
    before = name_of("before", request.args.get("before", ""))
    page = list(islice(_newest(shown, reason, before), PER_PAGE + 1))
    lines = [Line(event, shown.clock(timeuuid.datetime_of(event.id)), words(event.fields["reason"]))
             for event in page[:PER_PAGE]]
    older = shown.search(*_said(reason), ("before", str(lines[-1].event.id))) if len(page) > PER_PAGE else ""
    return render_template(
        "filtered.html", view=shown, reason=reason, lines=lines, total=by_reason.total(),
        by_rule=_counts(shown, by_rule(by_reason)), by_reason=_counts(shown, by_reason), is_first=before is None,
        everything=url_for(".filtered") + shown.search(), older=older and url_for(".filtered") + older,
        restore=url_for("apart.restore") + shown.search(*_said(reason)), may_restore=sites.may("editor"))


@changes.post("/filtered/restore")
def restore(site: str) -> ResponseReturnValue:
    shown, store = sites.view(), collector().store()
    name, reason = name_of("event", request.form.get("event", "")), request.form.get("reason", "")
    if (name is None) == (not reason):
        raise UsageError("event, reason: give one of them")
    if name is not None:
        if moving.restore_one(store, shown.site, name):
            audit_here("filtered.restore", f"event {name}")
        return redirect(url_for("site.filtered") + shown.search(*_said(request.args.get("reason"))), 303)
    restored = moving.restore(store, shown.site, lambda fields: moving.is_for(fields, reason), days_shown(shown))
    last = shown.range.until - timedelta(days=1)
    audit_here("filtered.restore", f"{restored.total()} for {reason}, {shown.range.since} to {last}")
    return redirect(url_for("site.filtered") + shown.search(), 303)


def days_shown(shown: View) -> Range:
    """Return the range of time that a view is about."""
    since, until = (local(instant(day, ZoneInfo(shown.zone)), UTC) for day in shown.range)
    return Range(since, until)


def words(reason: str) -> str:
    """Return why a hit is kept apart, in words: what the rule finds, and what was found."""
    rule, _, what = reason.partition(": ")
    return f"{RULES.get(rule, rule)}{f' ({what})' if what else ''}"


def _newest(shown: View, reason: str | None, before: uuid.UUID | None) -> Iterator[Event]:
    """Yield what is kept apart, from the newest on, or from the one before an event on."""
    since, until = days_shown(shown)
    if before is not None and until is not None:
        until = min(until, timeuuid.datetime_of(before) + timedelta(microseconds=1))
    for event in moving.filtered(collector().store(), shown.site, Range(since, until), newest_first=True):
        is_older = before is None or timeuuid.sort_key(event.id) < timeuuid.sort_key(before)
        if is_older and moving.is_for(event.fields, reason):
            yield event


def _counts(shown: View, counts: Counter[str]) -> list[Count]:
    return [Count(reason, words(reason), count, url_for(".filtered") + shown.search(("reason", reason)))
            for reason, count in counts.most_common()]


def _said(reason: str | None) -> list[tuple[str, str]]:
    return [("reason", reason)] if reason else []
