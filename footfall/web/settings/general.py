"""General: where the site is, in which time zone its days are, and its end."""

from __future__ import annotations

import zoneinfo
from functools import cache

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from footfall import accounts, tokens
from footfall.collect.beacon import collector
from footfall.web.auth import audit_here
from footfall.web.settings.frame import Form, blueprint, change_settings, done, follow, page, present
from footfall.web.sites import account

KEYS = ("timezone",)


@blueprint.get("")
def index(site: str) -> ResponseReturnValue:
    return _page(Form({"url": account().url, **present(KEYS)}))


@blueprint.post("")
def save_general(site: str) -> ResponseReturnValue:
    before, form = account(), Form(request.form)
    with form.blaming("url"):
        accounts.check_url(form["url"])
    if not change_settings(form, KEYS):
        return _page(form)
    if form["url"] != before.url:
        changed = accounts.set_url(collector().store(), site, form["url"])
        audit_here("site.set", f"url: {before.url or 'empty'} → {changed.url or 'empty'}")
    return done("Saved. Running servers follow within ten seconds.", "settings.index")


@blueprint.post("/remove")
def remove(site: str) -> ResponseReturnValue:
    account()
    removal = Form(request.form)
    if removal["confirm"] != site:
        removal.problems["confirm"] = f"must be {site}, the site's id, to show that it is this site that you mean"
        return _page(Form({"url": account().url, **present(KEYS)}), removal)
    store, with_events = collector().store(), removal["events"] == "remove"
    rows = accounts.remove(store, site, with_events=with_events)
    tokens.remove_all_of(store, site)
    follow()
    audit_here("site.remove", f"with its events, {rows:,} rows" if with_events else "without its events")
    flash(f"Removed {site}" + (f" and {rows:,} rows of events." if with_events else "; its events are kept."))
    return redirect(url_for("dashboard.index"), 303)


def _page(form: Form, removal: Form | None = None) -> ResponseReturnValue:
    return page("settings_general.html", "settings.index", form=form, removal=removal or Form(), zones=time_zones())


@cache
def time_zones() -> list[str]:
    """Return the names of all time zones that this machine knows."""
    return sorted({"UTC", *zoneinfo.available_timezones()})
