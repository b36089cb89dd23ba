"""Funnels: steps that readers take one after the other, each tried on the last days before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import g, request
from flask.typing import ResponseReturnValue

from footfall import goals as defined
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.goals import Funnel
from footfall.reports.funnels import funnel as count_steps
from footfall.reports.goals import filter_of, steps_of
from footfall.web.auth import audit_here
from footfall.web.conversions import window_of, window_text
from footfall.web.reports import days
from footfall.web.settings.frame import Form, blueprint, done, found, page
from footfall.web.sites import view


class Meant(NamedTuple):
    """What a form describes."""

    steps: list[Any]
    within: str | int


@blueprint.get("/funnels")
def funnels(site: str) -> ResponseReturnValue:
    return _page(Form({"within": "visit"}))


@blueprint.post("/funnels")
def add_funnel(site: str) -> ResponseReturnValue:
    return _save(site, None)


@blueprint.get("/funnels/<funnel>")
def funnel(site: str, funnel: str) -> ResponseReturnValue:
    old = found(defined.find_funnel, funnel)
    steps = "\n".join(map(defined.described, old.steps))
    return _page(Form({"name": old.name, "steps": steps, "within": window_text(old.within)}), old)


@blueprint.post("/funnels/<funnel>")
def change_funnel(site: str, funnel: str) -> ResponseReturnValue:
    return _save(site, found(defined.find_funnel, funnel))


@blueprint.post("/funnels/<funnel>/remove")
def remove_funnel(site: str, funnel: str) -> ResponseReturnValue:
    removed = defined.remove_funnel(collector().store(), site, found(defined.find_funnel, funnel).id)
    audit_here("funnel.remove", f"{removed.id} {removed.name}")
    return done(f"Removed the funnel {removed.name}.", "settings.funnels")


def meant_by(form: Form) -> Meant:
    """Return the funnel that a form describes; its problems say why it is none."""
    steps: list[Any] = []
    within: str | int = "visit"
    for number, line in enumerate(filter(None, map(str.strip, form["steps"].splitlines())), 1):
        try:
            steps.append(defined.read(line))
            filter_of(steps[-1], name="it")
        except (UsageError, ValueError) as error:
            form.problems.setdefault("steps", f"step {number}, {line}: {error}")
    if "steps" not in form.problems:
        with form.blaming("steps"):
            steps_of(steps)
    with form.blaming("within"):
        within = window_of(form["within"] or "visit")
    return Meant(steps, within)


def _save(site: str, old: Funnel | None) -> ResponseReturnValue:
    form, store = Form(request.form), collector().store()
    meant = meant_by(form)
    if form.problems:
        return _page(form, old)
    if form["try"]:
        return _page(form, old, meant)
    with form.blaming("name"):
        if old is None:
            made, action = defined.add_funnel(store, site, form["name"], *meant, g.user.name), "funnel.add"
        else:
            made, action = defined.change_funnel(store, site, old.id, form["name"], *meant), "funnel.set"
        audit_here(action, f"{made.id} {made.name}: {_told(made.steps)}")
        return done(f"Saved the funnel {made.name}.", "settings.funnels")
    return _page(form, old)


def _page(form: Form, old: Funnel | None = None, tried: Meant | None = None) -> ResponseReturnValue:
    shown, counted = view(), []
    if tried is not None:
        reached = count_steps(days(shown.site), tried.steps, shown.range.since, shown.range.until, within=tried.within,
                              tz=shown.zone)
        counted = [(defined.described(form), step) for form, step in zip(tried.steps, reached, strict=True)]
    return page("settings_funnels.html", "settings.funnels", form=form, old=old, tried=counted,
                who="visits" if tried is None or tried.within == "visit" else "visitors",
                funnels=[(each, _told(each.steps), window_text(each.within))
                         for each in defined.funnels(collector().store(), shown.site)])


def _told(steps: Sequence[Any]) -> str:
    return " → ".join(map(defined.described, steps))
