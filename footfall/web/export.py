"""The export of a site, sent as it is made: the bytes that ``footfall export`` writes."""

from __future__ import annotations

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from footfall.collect.beacon import collector
from footfall.reports.ranges import moment
from footfall.transfer import export
from footfall.web import sites
from footfall.web.auth import audit_here

blueprint = sites.site_blueprint("export")


@blueprint.get("/export.<format>")
def download(site: str, format: str) -> ResponseReturnValue:  # noqa: A002 - its name in URLs
    """Send everything of a site, or of the days from ``since`` to ``until``, both included."""
    if format not in export.FORMATS:
        abort(404)
    account = sites.account()
    since, until = (moment(text, name) if (text := request.args.get(name)) else None for name in ("since", "until"))
    chunks = export.chunks(collector().store(), account, format, since, export.end_of(until))
    audit_here("export.download", f"{format}, {since or 'the first'} to {until or 'the last'}")
    return Response(chunks, content_type=export.FORMATS[format], headers={
        "Content-Disposition": f'attachment; filename="{export.file_name(site, format, since, until)}"'})
