"""The page where whoever owns every site adds one."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall import accounts
from footfall.collect.beacon import collector
from footfall.pageview import check_account
from footfall.site_settings import SITE_SETTINGS
from footfall.web.auth import audit_here
from footfall.web.settings.frame import Form
from footfall.web.settings.general import time_zones

# Not /sites/new, which is a site's page.
blueprint = Blueprint("adding", __name__, url_prefix="/new-site")


@blueprint.get("")
def form() -> ResponseReturnValue:
    return _page(Form({"timezone": "UTC"}))


@blueprint.post("")
def add() -> ResponseReturnValue:
    form, store = Form(request.form), collector().store()
    with form.blaming("id"):
        check_account(form["id"])
    with form.blaming("url"):
        accounts.check_url(form["url"])
    with form.blaming("timezone"):
        next(each for each in SITE_SETTINGS if each.key == "timezone").parse(form["timezone"])
    if form.problems:
        return _page(form)
    with form.blaming("id"):
        made = accounts.add(store, form["id"], form["url"])
        if form["timezone"] != "UTC":
            accounts.configure(store, made.id, {"timezone": form["timezone"]})
        audit_here("site.add", made.url, site=made.id)
        flash(f"Added {made.id}. Paste the tag below into its pages.")
        return redirect(url_for("settings.installation", site=made.id), 303)
    return _page(form)


def _page(form: Form) -> ResponseReturnValue:
    return render_template("new_site.html", form=form, zones=time_zones()), 400 if form.problems else 200
