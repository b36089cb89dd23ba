"""Which events the page of raw events lists: by its URL, those behind one number of another page.

Beside the :class:`~footfall.web.view.View` and the kind, these fields tell of what a number is:

=================================  ==================================================
``goal=ID``                        what reaches a goal
``hour=TIME``                      one hour of the days shown
``now=TIME``                       the five minutes until then
``cohort=DAY&every=week&later=2``  the visitors of a cohort, so many periods later
``funnel=ID&at=2``                 the events by which a step was reached; ``step`` and ``within`` tell of a funnel that
                                   is not the site's, ``lost=yes`` asks for who got no farther than the step before
``page=PATTERN``                   the views that paths count; ``side=before&other=PAGE`` those of one row
=================================  ==================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from flask import abort
from werkzeug.datastructures import MultiDict

from footfall import goals as defined
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.reports import recent
from footfall.reports.behind import KINDS, Behind, of_visitor
from footfall.reports.buckets import buckets, zone_of
from footfall.reports.frame import Days, Frame
from footfall.reports.funnels import at_step
from footfall.reports.goals import form_of
from footfall.reports.listed import Listed
from footfall.reports.live import span_of_now
from footfall.reports.paths import on_path
from footfall.reports.query import run
from footfall.reports.ranges import Span, moment, span_of, spans_of
from footfall.reports.retention import cell
from footfall.web.conversions import course_of
from footfall.web.view import View

#: The fields of a URL that tell of what a number is.
FIELDS = ("goal", "hour", "now", "cohort", "every", "later", "funnel", "step", "within", "at", "lost", "page", "side",
          "other")

#: The kinds of events that are counted by a metric of that name.
METRICS = tuple(kind for kind in KINDS if kind != "all")

Fields = MultiDict[str, str]


class Listing(NamedTuple):
    """The events of a page.

    :param counts: how many each kind has; none where one kind alone is to be had, or not each is a metric.
    :param what: which events of the days shown they are, in words; empty for all that the filters choose.
    """

    events: Listed
    counts: Mapping[str, int]
    what: str = ""


def listing(shown: View, kind: str, visitor: str, fields: Fields, of_site: Days) -> Listing:
    """Return the events that a URL asks for.

    :param kind: one of :data:`~footfall.reports.behind.KINDS`.
    :param visitor: only this one's, as hexadecimal digits; empty for everybody's.
    :param fields: those of :data:`FIELDS`.
    :raises UsageError: it asks for what cannot be.
    """
    about = [name for name in ("now", "cohort", "at", "page") if fields.get(name)]
    given = [*about, *(name for name in ("goal", "hour") if fields.get(name)), *(["visitor"] if visitor else [])]
    if len(given) > 1 and given != ["goal", "hour"]:
        raise UsageError(f"{', '.join(given)}: each is about other events; give one of them")
    if "at" in about:
        return _of_step(shown, fields, of_site)
    if "page" in about:
        return _of_path(shown, fields, of_site)
    if "cohort" in about:
        return _of_cohort(shown, kind, fields, of_site)
    return _of_view(shown, kind, visitor, fields, of_site)


def _of_view(shown: View, kind: str, visitor: str, fields: Fields, of_site: Days) -> Listing:
    """Return the events of the days shown, of an hour of them, or of now; all of them, or those that reach a goal."""
    span, words = _days(shown), []
    for name, part in (("now", _now), ("hour", _hour)):
        if fields.get(name):
            span, word = part(shown, fields[name])
            words.append(word)
    of_events: object = shown.where
    of_visits = of_events
    if fields.get("goal"):
        known = defined.goals(collector().store(), shown.site)
        goal = next((each for each in known if each.id == fields["goal"]), None)
        if goal is None:
            abort(404)
        form = form_of(goal.form)
        # Of the visits that the filters choose, those that reached the goal by whichever of their events.
        of_events, of_visits = _and(shown.where, form), _and(shown.where, ["visit", form])
        words.insert(0, f"what reaches the goal {goal.name}")
    frame = Frame.over(of_site, span)
    whose = of_visitor(frame, bytes.fromhex(visitor)) if visitor else None

    def behind(kind: str) -> Listed:
        return Behind(frame, kind, span, where=of_visits if kind == "visits" else of_events, whose=whose)

    if words:
        return Listing(behind(kind), _counts(behind), f"Only {', in '.join(words)}.")
    # Of one visitor there are no metrics.
    return Listing(behind(kind), {} if visitor else run(shown.query(METRICS), of_site)[0])


def _of_cohort(shown: View, kind: str, fields: Fields, of_site: Days) -> Listing:
    every, later = fields.get("every") or "week", _number("later", fields.get("later") or "0")
    oldest = recent.oldest_day(collector().store(), shown.site) or shown.range.since
    found = cell(of_site, shown.range.since, shown.range.until, cohort=fields["cohort"], later=later, oldest=oldest,
                 period=every, tz=shown.zone)

    def behind(kind: str) -> Listed:
        return Behind(found.frame, kind, found.span, where=shown.where, whose=found.whose)

    return Listing(behind(kind), _counts(behind), f"Only those, in {every} {later}, of the visitors who came first "
                                                  f"in the {every} of {fields['cohort']}.")


def _of_step(shown: View, fields: Fields, of_site: Days) -> Listing:
    course = course_of(shown.site, fields.get("funnel", ""), [step for step in fields.getlist("step") if step],
                       fields.get("within") or "visit")
    at, is_lost = _number("at", fields["at"]), fields.get("lost") == "yes"
    found = at_step(of_site, course.steps, shown.range.since, shown.range.until, number=at, lost=is_lost,
                    within=course.within, where=shown.where, tz=shown.zone)
    who, step = "visit" if course.within == "visit" else "visitor", defined.described(course.steps[at - 1])
    if is_lost:
        before = defined.described(course.steps[at - 2])
        return Listing(found, {}, f"Of each {who} that did not reach step {at}, {step}, the event by which it reached "
                                  f"step {at - 1}, {before}.")
    return Listing(found, {}, f"Of each {who} that reached step {at}, {step}, the first event by which it did.")


def _of_path(shown: View, fields: Fields, of_site: Days) -> Listing:
    page, side, other = fields["page"], fields.get("side", ""), fields.get("other")
    found = on_path(of_site, page, shown.range.since, shown.range.until, side=side, other=other, where=shown.where,
                    tz=shown.zone)
    words = {"": "", "before": "with which the visit began" if other is None else f"that came after {other}",
             "after": "that no other followed" if other is None else f"that {other} came after"}[side]
    return Listing(found, {}, " ".join(filter(None, (
        f"Only the views of {page} in visits that began in these days", words and f"and {words}"))) + ".")


def _now(shown: View, text: str) -> tuple[Span, str]:
    """Return the minutes that end at a time, and what they are called."""
    try:
        now = moment(text, "now")
    except UsageError:
        now = None
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise UsageError(f"now={text!r}: must be a time with its offset, such as 2026-01-31T12:00:00+00:00")
    return span_of_now(now), f"what came in the five minutes until {shown.clock(now)}"


def _hour(shown: View, text: str) -> tuple[Span, str]:
    """Return an hour of the days shown, as it is a row of a table by hours, and what it is called."""
    span = _days(shown)
    hours = spans_of(buckets("hour", zone_of(shown.zone), *span), span)
    if text not in hours:
        raise UsageError(f"hour={text!r}: must be an hour of the days shown, such as 2026-01-31T12:00:00+00:00")
    return hours[text], f"the hour from {datetime.fromisoformat(text):%Y-%m-%d %H:%M}"


def _days(shown: View) -> Span:
    return span_of(shown.range.since, shown.range.until, zone_of(shown.zone))


def _counts(behind: Callable[[str], Listed]) -> dict[str, int]:
    return {kind: len(behind(kind)) for kind in METRICS}


def _and(where: object, form: object) -> object:
    return form if where is None else ["and", where, form]


def _number(name: str, text: str) -> int:
    if re.fullmatch("[0-9]{1,4}", text) is None:
        raise UsageError(f"{name}={text!r}: must be a whole number")
    return int(text)
