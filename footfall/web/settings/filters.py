"""Filters: what is kept apart of what comes in, and the same rules for what is stored."""

from __future__ import annotations

import ipaddress
from collections import Counter
from datetime import UTC, datetime, timedelta

from flask import request
from flask.typing import ResponseReturnValue

from footfall import accounts
from footfall.collect.beacon import collector
from footfall.collect.filters import RULES, Rules, by_rule, lists_of
from footfall.collect.moving import Range, apply_rules, count_filtered
from footfall.reports.recent import ending
from footfall.timeuuid import as_utc
from footfall.web.auth import audit_here, guard
from footfall.web.settings.frame import (
    Form,
    blueprint,
    change_settings,
    counted,
    day_of,
    done,
    follow,
    page,
    present,
    server,
)
from footfall.web.sites import account

KEYS = ("bots", "spam", "exclude_addresses", "exclude_countries", "hosts", "exclude_pages", "rate")
#: Of so many days it is shown what was kept apart.
DAYS = 28


@blueprint.get("/filters")
def filters(site: str) -> ResponseReturnValue:
    return _page(present(KEYS))


@blueprint.post("/filters")
def save_filters(site: str) -> ResponseReturnValue:
    form = Form(request.form)
    if not change_settings(form, KEYS):
        return _page(form)
    return done("Saved. Running servers follow within ten seconds.", "settings.filters")


@blueprint.post("/filters/address")
def exclude_address(site: str) -> ResponseReturnValue:
    present_ones, own = account().given.get("exclude_addresses", ""), guard().client()
    if not own:
        return done("Your address cannot be told.", "settings.filters")
    form = Form({"exclude_addresses": f"{present_ones}, {own}" if present_ones else own})
    if own in (each.strip() for each in present_ones.split(",")):
        return done(f"{own} is left out already.", "settings.filters")
    if not change_settings(form, ("exclude_addresses",)):
        return _page(form.over(present(KEYS)))
    return done(f"What comes from {own} is kept apart within ten seconds.", "settings.filters")


@blueprint.post("/filters/apply")
def apply_filters(site: str) -> ResponseReturnValue:
    form, rules = Form(request.form), [rule for rule in RULES if rule in request.form.getlist("rule")]
    with form.blaming("since"):
        since = day_of(form["since"])
    with form.blaming("until"):
        until = day_of(form["until"])
    if not rules:
        form.problems["rule"] = "choose at least one"
    if form.problems:
        return _page(present(KEYS), applied=form, rules=rules)
    store, is_sure = collector().store(), form["sure"] == "yes"
    wanted = Rules(accounts.find(store, site).settings, lists_of(server()), rules)
    reasons = apply_rules(store, site, wanted, Range(as_utc(since), as_utc(until + timedelta(days=1))),
                          again=bool(form["restored"]), move=is_sure)
    if not is_sure:
        return _page(present(KEYS), applied=form, rules=rules, found=reasons)
    follow()
    moved = counted(reasons.total(), "event")
    audit_here("filtered.move", f"apply {', '.join(rules)} from {since} to {until}: {moved}")
    return done(f"Kept apart: {moved}.", "settings.filters")


def _is_private(address: str) -> bool:
    """Tell whether an address, or a network, is none of the internet's, as a proxy's may be that is not named."""
    return address != "" and ipaddress.ip_network(address).is_private


def _page(form: Form, applied: Form | None = None, rules: list[str] | None = None,
          found: Counter[str] | None = None) -> ResponseReturnValue:
    now, own = datetime.now(UTC), guard().client()
    days = ending(now.date(), DAYS)
    counts = by_rule(count_filtered(collector().store(), account().id, Range(as_utc(days.since))))
    applied = applied or Form({"since": str(days.since), "until": str(now.date())})
    return page("settings_filters.html", "settings.filters", form=form, applied=applied, meanings=RULES,
                rules=list(RULES) if rules is None else rules, found=found, counts=counts.most_common(), days=DAYS,
                own=own, own_is_private=_is_private(own))
