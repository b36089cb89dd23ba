"""Goals: what readers are to do, each tried on the last days before it is saved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from footfall import goals as defined
from footfall.collect.beacon import collector
from footfall.goals import Goal
from footfall.reports import texts
from footfall.reports.goals import filter_of
from footfall.web.auth import audit_here
from footfall.web.conversions import reached
from footfall.web.reports import days
from footfall.web.settings.frame import Form, blueprint, done, found, page
from footfall.web.sites import view

KINDS = {"page": "A page is viewed", "event": "An event happens"}


@blueprint.get("/goals")
def goals(site: str) -> ResponseReturnValue:
    return _page(Form())


@blueprint.post("/goals")
def add_goal(site: str) -> ResponseReturnValue:
    return _save(site, None)


@blueprint.get("/goals/<goal>")
def goal(site: str, goal: str) -> ResponseReturnValue:
    old = found(defined.find_goal, goal)
    return _page(_as_form(old), old)


@blueprint.post("/goals/<goal>")
def change_goal(site: str, goal: str) -> ResponseReturnValue:
    return _save(site, found(defined.find_goal, goal))


@blueprint.post("/goals/<goal>/remove")
def remove_goal(site: str, goal: str) -> ResponseReturnValue:
    removed = defined.remove_goal(collector().store(), site, found(defined.find_goal, goal).id)
    audit_here("goal.remove", _described(removed))
    return done(f"Removed the goal {removed.name}.", "settings.goals")


def form_of(form: Form) -> dict[str, Any]:
    """Return the goal that a form describes; its problems say why it is none."""
    kind = form["kind"] if form["kind"] in KINDS else "page"
    meant: dict[str, Any] = {kind: form["what"]}
    if not form["what"]:
        form.problems["what"] = "must be a page such as /thanks, or the name of an event"
    with form.blaming("props"):
        if kind == "event" and form["props"]:
            meant["props"] = dict(map(_property, filter(None, map(str.strip, form["props"].splitlines()))))
    if not form.problems:
        with form.blaming("what"):
            filter_of(meant)
    return meant


def _save(site: str, old: Goal | None) -> ResponseReturnValue:
    form, store = Form(request.form), collector().store()
    meant = form_of(form)
    if form.problems:
        return _page(form, old)
    if form["try"]:
        return _page(form, old, meant)
    with form.blaming("name"):
        if old is None:
            made, action = defined.add_goal(store, site, form["name"], meant, g.user.name), "goal.add"
        else:
            made, action = defined.change_goal(store, site, old.id, form["name"], meant), "goal.set"
        audit_here(action, _described(made))
        return done(f"Saved the goal {made.name}.", "settings.goals")
    return _page(form, old)


def _page(form: Form, old: Goal | None = None, tried: Mapping[str, Any] | None = None) -> ResponseReturnValue:
    # The days that a site's pages show unasked: what a form sends is no part of an address.
    shown = view()
    store = collector().store()
    return page("settings_goals.html", "settings.goals", form=form, old=old, kinds=KINDS,
                goals=[(each, defined.described(each.form)) for each in defined.goals(store, shown.site)],
                tried=None if tried is None else [texts.number(name, row[name]) for name, row in
                                                  reached(shown, tried, days(shown.site))])


def _as_form(goal: Goal) -> Form:
    kind = "page" if "page" in goal.form else "event"
    props = "\n".join(f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
                      for name, value in (goal.form.get("props") or {}).items())
    return Form({"name": goal.name, "kind": kind, "what": goal.form[kind], "props": props})


def _property(line: str) -> tuple[str, Any]:
    name, equals, text = (part.strip() for part in line.partition("="))
    if not name or not equals:
        raise ValueError(f"{line!r}: must be name=value, such as plan=pro")
    if text.startswith("["):
        return name, json.loads(text)
    return name, text


def _described(goal: Goal) -> str:
    return f"{goal.id} {goal.name}: {defined.described(goal.form)}"
