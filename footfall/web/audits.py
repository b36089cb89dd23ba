"""The audit log as pages: all of it, and what is about a site."""

from __future__ import annotations

import re
from itertools import islice

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall import audit
from footfall.collect.beacon import collector
from footfall.web.sites import account, site_blueprint

#: How much a page shows.
SHOWN = 50
_ID = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.+]{15,32}-[0-9a-f]{8}")

everything = Blueprint("audit", __name__)
blueprint = site_blueprint("audits")


@everything.get("/audit")
def page() -> ResponseReturnValue:
    return _page("audit.html", None)


@blueprint.get("/settings/audit")
def of_site(site: str) -> ResponseReturnValue:
    g.section = request.endpoint
    return _page("site_audit.html", account().id)


def _page(template: str, site: str | None) -> str:
    given = request.args.get("before", "")
    before = given if _ID.fullmatch(given) else None
    # One more than is shown tells whether there are older ones.
    found = list(islice(audit.entries(collector().store(), site=site, before=before), SHOWN + 1))
    older = url_for(str(request.endpoint), before=found[SHOWN - 1].id) if len(found) > SHOWN else ""
    return render_template(template, entries=found[:SHOWN], older=older, is_first=before is None)
