"""The export of a site, sent as it is made: the bytes that ``footfall export`` writes."""

from __future__ import annotations

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from footfall.accounts import Account
from footfall.collect.beacon import collector
from footfall.reports.ranges import moment
from footfall.timeuuid import Moment
from footfall.transfer import export
from footfall.web import sites
from footfall.web.auth import audit_here

blueprint = sites.site_blueprint("export")


@blueprint.get("/export.<format>")
def download(site: str, format: str) -> ResponseReturnValue:  # noqa: A002 - its name in URLs
    """Send everything of a site, or of the days from ``since`` to ``until``, both included."""
    if format not in export.FORMATS:
        abort(404)
    since, until = (moment(text, name) if (text := request.args.get(name)) else None for name in ("since", "until"))
    return sent(sites.account(), format, since, until, export.end_of(until))


def sent(account: Account, format: str, since: Moment | None, until: Moment | None,  # noqa: A002 - its name
         end: Moment | None, by: str | None = None) -> Response:
    """Return an export as an answer, and note who took it.

    :param until: as it was asked for; ``end`` is the instant that ends the range.
    :param by: who asked; whoever is logged in if not given.
    """
    chunks = export.chunks(collector().store(), account, format, since, end)
    audit_here("export.download", f"{format}, {since or 'the first'} to {until or 'the last'}", by=by, site=account.id)
    return Response(chunks, content_type=export.FORMATS[format], headers={
        "Content-Disposition": f'attachment; filename="{export.file_name(account.id, format, since, until)}"'})
