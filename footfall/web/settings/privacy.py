"""Privacy: what is kept of readers and for how long, and forgetting them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from flask import request
from flask.typing import ResponseReturnValue

from footfall import erasure
from footfall.collect import forgetting
from footfall.collect.beacon import collector
from footfall.config import BY_KEY, Config
from footfall.erasure import Selection
from footfall.timeuuid import as_utc
from footfall.web.auth import audit_here
from footfall.web.settings.frame import Form, blueprint, change_settings, day_of, done, follow, page, present
from footfall.web.settings.frame import server as settings_of_server
from footfall.web.sites import account

#: Settings of the server that say what is kept of a reader.
SERVER_KEYS = ("ip", "visitors", "retention")
#: Which events are to be forgotten: by one of these fields.
BY = ("visitor", "address", "before")


@blueprint.get("/privacy")
def privacy(site: str) -> ResponseReturnValue:
    return _page()


@blueprint.post("/privacy")
def save_privacy(site: str) -> ResponseReturnValue:
    form = Form(request.form)
    if not change_settings(form, ("dnt",)):
        return _page(form=form)
    return done("Saved. Running servers follow within ten seconds.", "settings.privacy")


@blueprint.post("/privacy/retention")
def save_retention(site: str) -> ResponseReturnValue:
    form, store = Form(request.form), collector().store()
    before = _days(present(("retention_days",))["retention_days"])
    after = _days(form["retention_days"])
    if after and (not before or after < before) and form["sure"] != "yes":
        over = erasure.count(store, Selection(site, before=datetime.now(UTC) - timedelta(days=after)))
        if over.total():
            return _page(retention=form, over=over)
    if not change_settings(form, ("retention_days",)):
        return _page(retention=form)
    return done("Saved. What is over is removed " + (
        "by its own time; what was stored before, by `footfall store expire`." if store.by_ttl else "within the hour."),
        "settings.privacy")


@blueprint.post("/privacy/forget")
def forget(site: str) -> ResponseReturnValue:
    form = Form(request.form)
    selection = _selection(site, form)
    if form.problems:
        return _page(forget=form)
    store, server = collector().store(), settings_of_server()
    if form["sure"] != "yes":
        found = forgetting.count(server, store, selection)
        return _page(forget=form, found=found, meant=selection)
    removed = forgetting.forget(server, store, selection)
    follow()
    # Of whom, the log is not to say: it would keep what was to be forgotten.
    by = next(name for name in BY if form[name])
    what = f"before {form['before']}" if by == "before" else f"one {by}"
    counts = ", ".join(f"{count:,} {meaning}" for meaning, count in forgetting.told(removed))
    audit_here("forget", f"{what}: {counts}")
    return done(f"Removed for good: {counts}.", "settings.privacy")


def _selection(site: str, form: Form) -> Selection:
    """Return which events a form means; its problems say why it means none."""
    selection = Selection(site)
    given = [name for name in BY if form[name]]
    if len(given) != 1:
        form.problems["forget"] = "fill in one of the three"
    with form.blaming("visitor"):
        if form["visitor"]:
            selection = selection._replace(visitor=forgetting.visitor_of(form["visitor"]))
    with form.blaming("address"):
        if form["address"]:
            selection = selection._replace(network=forgetting.network_of(form["address"]))
    with form.blaming("before"):
        if form["before"]:
            selection = selection._replace(before=as_utc(day_of(form["before"])))
    return selection


def _days(text: str) -> int:
    """Return for how many days events are kept with a retention as it was typed, 0 for ever or if it cannot be."""
    own = int(text) if text.isascii() and text.isdigit() and int(text) <= 7300 else 0
    return own or settings_of_server().retention


def _page(form: Form | None = None, retention: Form | None = None, over: Counter[str] | None = None,
          forget: Form | None = None, found: Counter[str] | None = None, meant: Selection | None = None,
          ) -> ResponseReturnValue:
    server = settings_of_server()
    return page(
        "settings_privacy.html", "settings.privacy", form=form or present(("dnt",)),
        retention=retention or present(("retention_days",)), over=over and forgetting.told(over),
        forget=forget or Form(), found=None if found is None else forgetting.told(found), total=found and found.total(),
        meant=meant and forgetting.shown(meant), hint=meant and forgetting.hint(server, meant),
        told=[(BY_KEY[key], _text(server, key), server.sources.get(key, "default")) for key in SERVER_KEYS],
        kept=_days(account().given.get("retention_days", "")))


def _text(server: Config, key: str) -> str:
    return server.texts.get(key, BY_KEY[key].default)
