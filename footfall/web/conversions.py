"""Goals and funnels of a site: how many did what the site wants of them, and where the others stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from footfall import goals as defined
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.goals import Goal
from footfall.reports import texts
from footfall.reports.dimensions import DIMENSIONS, dimension
from footfall.reports.frame import Days
from footfall.reports.funnels import Step
from footfall.reports.funnels import funnel as count_steps
from footfall.reports.goals import form_of
from footfall.reports.query import run
from footfall.web import sites
from footfall.web.names import titled
from footfall.web.reports import days
from footfall.web.tables import Cell, cell, events_url, part, text_of
from footfall.web.view import View

#: Rows of a goal's table.
MOST = 100
#: What goals are told apart by unasked.
BY = "source"
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WITHIN = re.compile(r"([1-9][0-9]{0,5})([smhd])")


class Told(NamedTuple):
    """A goal with its numbers: visits, visitors, events, rate."""

    goal: Goal
    what: str
    cells: list[Cell]
    url: str


class Rung(NamedTuple):
    """A step of a funnel as the page shows it.

    :param lost: how many reached the step before and not this one.
    :param url: of the events by which it was reached; empty if there are none to be seen.
    :param lost_url: of those by which who was lost had reached the step before.
    """

    what: str
    bar: Markup
    step: Step
    lost: int
    url: str
    lost_url: str


class Course(NamedTuple):
    """The steps of a funnel, as a URL asks for them.

    :param name: of one that the site has; empty for one of the URL alone.
    """

    name: str
    steps: Sequence[Any]
    within: str | float


@sites.blueprint.get("/goals")
def goals(site: str) -> ResponseReturnValue:
    shown, store = sites.view(), collector().store()
    of_site, known = days(shown.site), defined.goals(store, shown.site)
    chosen = next((goal for goal in known if goal.id == request.args.get("goal")), None)
    if chosen is None and request.args.get("goal"):
        abort(404)
    by = dimension(request.args.get("by") or BY).name
    return render_template(
        "goals.html", view=shown, is_compared=True, chosen=chosen, by=by, may_edit=sites.may("editor"),
        goals=[_told(shown, goal, of_site) for goal in known],
        by_name=titled(by), choices=[(name, titled(name)) for name in dict.fromkeys((*DIMENSIONS, by))],
        rows=_by(shown, chosen, by, of_site) if chosen else [], most=MOST,
        funnels=[(each, url_for(".funnel", funnel_id=each.id) + shown.search())
                 for each in defined.funnels(store, shown.site)])


@sites.blueprint.get("/funnel", defaults={"funnel_id": ""})
@sites.blueprint.get("/funnel/<funnel_id>")
def funnel(site: str, funnel_id: str) -> ResponseReturnValue:
    shown = sites.view()
    said, within = [step for step in request.args.getlist("step") if step], request.args.get("within") or "visit"
    course = course_of(shown.site, funnel_id, said, within)
    counted = count_steps(days(shown.site), course.steps, shown.range.since, shown.range.until, within=course.within,
                          where=shown.where, tz=shown.zone) if course.steps else []
    who, time = ("visits", "") if course.within == "visit" else ("visitors", _time(course.within))
    asked = [("funnel", funnel_id)] if funnel_id else [*(("step", step) for step in said), ("within", within)]
    return render_template("funnel.html", view=shown, name=course.name, said=said, within=within, who=who,
                           window=time, rungs=_rungs(shown, course.steps, counted, asked))


def course_of(site: str, funnel_id: str, said: Sequence[str], within: str) -> Course:
    """Return the funnel of an id; without one, that of the steps that a URL says.

    :raises UsageError: a step or the time cannot be read.
    """
    if not funnel_id:
        return Course("", [step_of(text) for text in said], window_of(within))
    found = next((each for each in defined.funnels(collector().store(), site) if each.id == funnel_id), None)
    if found is None:
        abort(404)
    return Course(found.name, list(found.steps), found.within)


def step_of(text: str) -> dict[str, str]:
    """Return the goal that a step in a URL stands for.

    :raises UsageError: it is none.
    """
    kind, _, what = text.partition(":")
    if kind not in ("page", "event") or not what:
        raise UsageError(f"step={text!r}: must be page: and a pattern, or event: and a name, such as page:/pricing")
    return {kind: what}


def window_of(text: str) -> str | int:
    """Return how long the steps of a funnel in a URL may take: ``visit``, or seconds.

    :raises UsageError: it is not told so.
    """
    if text == "visit":
        return text
    found = _WITHIN.fullmatch(text)
    if found is None:
        raise UsageError(f"within={text!r}: must be visit, or a time such as 30m, 12h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def window_text(within: str | float) -> str:
    """Return how long the steps of a funnel may take as :func:`window_of` reads it."""
    if isinstance(within, str):
        return within
    return next((f"{within / size:.0f}{unit}" for unit, size in reversed(_UNITS.items()) if within % size == 0),
                f"{within}s")


def bar(step: Step, before: Step) -> Markup:
    """Return a bar as wide as a step's share of the first; what was lost since the step before has another shade."""
    return Markup('<svg class="ladder" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
                  '<rect class="lost" width="{:.4g}" height="1"/>'
                  '<rect class="reached" width="{:.4g}" height="1"/></svg>').format(
                      100 * (before.of_first or 0), 100 * (step.of_first or 0))


def _time(seconds: float | str) -> str:
    days, rest = divmod(float(seconds), _UNITS["d"])
    return f"{days:,.0f} {'day' if days == 1 else 'days'}" if days and not rest else texts.duration(float(seconds))


def _rungs(shown: View, steps: Sequence[object], counted: Sequence[Step],
           asked: Sequence[tuple[str, str]]) -> list[Rung]:
    """Return the steps as they are shown.

    :param asked: what a URL says of the funnel.
    """
    rungs = []
    before = [*counted[:1], *counted]
    for number, (form, step, last) in enumerate(zip(steps, counted, before, strict=False), 1):
        url, lost = events_url(shown, "", *asked, ("at", str(number))), last.reached - step.reached
        rungs.append(Rung(defined.described(form), bar(step, last), step, lost, url if step.reached else "",
                          url and f"{url}&lost=yes" if lost else ""))
    return rungs


def reached(shown: View, form: Mapping[str, Any], of_site: Days) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what a goal comes to over what is shown: visits, visitors, times, rate, each by its metric in a row.

    :param form: as :func:`footfall.reports.goals.filter_of` takes it.
    """
    chosen, times = form_of(form), "views" if "page" in form else "events"
    rate = run(shown.query(("conversion_rate",), compared=True, goal=form), of_site)[0]
    visits = run(shown.query(("visits",), compared=True, also=["visit", chosen]), of_site)[0]
    done = run(shown.query(("visitors", times), compared=True, also=chosen), of_site)[0]
    return [("visits", visits), ("visitors", done), (times, done), ("conversion_rate", rate)]


def _told(shown: View, goal: Goal, of_site: Days) -> Told:
    cells = [_cell(row, name, shown, ("goal", goal.id)) for name, row in reached(shown, goal.form, of_site)]
    return Told(goal, defined.described(goal.form), cells, url_for(".goals") + shown.search(("goal", goal.id)))


def _by(shown: View, goal: Goal, by: str, of_site: Days) -> list[tuple[str, list[Cell]]]:
    """Return a goal's table by a dimension: each value with its visits, those of them that reached it, the share."""
    asked = shown.query(("visits", "conversion_rate"), (by,), compared=True, goal=goal.form, limit=MOST)
    found = run(asked, of_site)
    asked = shown.query(("visits",), (by,), compared=True, also=["visit", form_of(goal.form)])
    reached = {row[by]: row for row in run(asked, of_site)}
    rows = []
    for row in found:
        view, fields = part(shown, by, row[by])
        done = *fields, ("goal", goal.id)
        rows.append((text_of(by, row[by]), [
            _cell(row, "visits", view, *fields), _cell(reached.get(row[by], {"visits": 0}), "visits", view, *done),
            _cell(row, "conversion_rate", view, *done)]))
    return rows


def _cell(row: Mapping[str, Any], name: str, behind: View | None, *fields: tuple[str, str]) -> Cell:
    return cell(name, row[name], row.get("compared", {}).get(name), behind, *fields)
