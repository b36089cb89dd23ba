"""Annotations: what happened on a day, to be seen beside its numbers."""

from __future__ import annotations

from flask import g, request
from flask.typing import ResponseReturnValue

from footfall import goals as defined
from footfall.collect.beacon import collector
from footfall.goals import Annotation
from footfall.web.auth import audit_here
from footfall.web.settings.frame import Form, blueprint, day_of, done, found, page
from footfall.web.sites import view


@blueprint.get("/annotations", endpoint="annotations")
def all_annotations(site: str) -> ResponseReturnValue:
    return _page(Form({"day": str(view().today)}))


@blueprint.post("/annotations")
def add_annotation(site: str) -> ResponseReturnValue:
    return _save(site, None)


@blueprint.get("/annotations/<annotation>")
def annotation(site: str, annotation: str) -> ResponseReturnValue:
    old = found(defined.find_annotation, annotation)
    return _page(Form({"day": str(old.day), "text": old.text}), old)


@blueprint.post("/annotations/<annotation>")
def change_annotation(site: str, annotation: str) -> ResponseReturnValue:
    return _save(site, found(defined.find_annotation, annotation))


@blueprint.post("/annotations/<annotation>/remove")
def remove_annotation(site: str, annotation: str) -> ResponseReturnValue:
    removed = defined.remove_annotation(collector().store(), site, found(defined.find_annotation, annotation).id)
    audit_here("annotation.remove", f"{removed.id} {removed.day}: {removed.text}")
    return done(f"Removed the annotation of {removed.day}.", "settings.annotations")


def _save(site: str, old: Annotation | None) -> ResponseReturnValue:
    form, store = Form(request.form), collector().store()
    with form.blaming("day"):
        day_of(form["day"])
    if form.problems:
        return _page(form, old)
    with form.blaming("text"):
        if old is None:
            made, action = defined.add_annotation(store, site, form["day"], form["text"], g.user.name), "annotation.add"
        else:
            made, action = defined.change_annotation(store, site, old.id, form["day"], form["text"]), "annotation.set"
        audit_here(action, f"{made.id} {made.day}: {made.text}")
        return done(f"Saved the annotation of {made.day}.", "settings.annotations")
    return _page(form, old)


def _page(form: Form, old: Annotation | None = None) -> ResponseReturnValue:
    shown = view()
    every = defined.annotations(collector().store(), shown.site)
    return page("settings_annotations.html", "settings.annotations", form=form, old=old,
                annotations=list(reversed(every)))
