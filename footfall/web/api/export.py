"""``GET /api/v1/export``: a site as one file, the bytes that ``footfall export`` writes."""

from __future__ import annotations

from footfall.reports.ranges import moment
from footfall.tokens import READ, Token
from footfall.transfer import export as exports
from footfall.web.api.access import site_of
from footfall.web.api.routes import SITE, Given, Parameter, Route, asked, route
from footfall.web.export import sent

_TEXT = {"type": "string"}
_FIELDS = (
    SITE,
    Parameter("format", "The form of the file.", {**_TEXT, "enum": list(exports.FORMATS), "default": "jsonl"}),
    Parameter("since", "First instant, a date or a time in ISO 8601, UTC. All there is if not given.", _TEXT),
    Parameter("until", "The instant that ends the range, itself left out. All there is if not given.", _TEXT),
)


@route(Route("GET", "/export", "export", READ, "Give a site as one file", _FIELDS,
             media=tuple(exports.FORMATS.values()), problems=(404,)))
def export(token: Token) -> Given:
    fields = asked(_FIELDS)
    account, format_ = site_of(token, fields.get("site")), fields.get("format", "jsonl")
    since, until = (moment(fields[name], name) if name in fields else None for name in ("since", "until"))
    return sent(account, format_, since, until, until, by=f"token {token.id}")
