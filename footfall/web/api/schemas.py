"""What is sent to the API and what comes back, as JSON Schema; docs/api.md says what each means."""

from __future__ import annotations

from typing import Any

from footfall.collect.server_events import MAX_EVENTS
from footfall.goals import MAX_NAME, MAX_TEXT
from footfall.reports.goals import MOST_STEPS
from footfall.web.api.query import MOST_ROWS, ROWS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
_DAY: Schema = {**TEXT, "format": "date"}
_TIME: Schema = {**TEXT, "format": "date-time"}
_FORM: Schema = {"type": "object", "additionalProperties": True}
_NAMES: Schema = {"type": "array", "items": TEXT}
#: As a filter is, or the ends of a range: the engine says what is wrong with one.
_ANY: Schema = {}


def _said(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _object(properties: dict[str, Schema], needed: tuple[str, ...] | None = None, *, others: bool = False) -> Schema:
    """Return the schema of an object.

    :param needed: what must be there; everything if not given.
    :param others: whether there may be fields that are not named.
    """
    return {"type": "object", "properties": properties, "additionalProperties": others,
            "required": list(properties if needed is None else needed)}


def _list(of: str) -> Schema:
    return {"type": "array", "items": ref(of)}


def ref(name: str) -> Schema:
    """Return what stands for a schema of a name."""
    return {"$ref": f"#/components/schemas/{name}"}


_SITE = _said(TEXT, "The site; need not be told by a token of one site.")
_RANGE = {
    "since": _said(TEXT, "First instant: a date, or a time, in ISO 8601."),
    "until": _said(TEXT, "The instant that ends the range, itself left out."),
}
_TZ = _said({**TEXT, "default": "UTC"}, "Time zone of dates, and of times without one.")
_WHERE = _said(_ANY, "A filter, such as [\"is\", \"country\", [\"DE\", \"AT\"]].")
_GOAL = _said(_FORM, "{\"page\": PATTERN}, or {\"event\": NAME, \"props\": {…}}.")
_STEPS = _said({"type": "array", "items": _ANY, "minItems": 1, "maxItems": MOST_STEPS}, "Goals or filters, in order.")
_WITHIN = _said(_ANY, "\"visit\", or seconds.")
_NAME = {**TEXT, "minLength": 1, "maxLength": MAX_NAME}
_OF_ALL = {"id": TEXT}
_OF_GOAL = {"name": _NAME, "form": _GOAL}
_OF_FUNNEL = {"name": _NAME, "steps": _STEPS, "within": _WITHIN}
_OF_ANNOTATION = {"day": _said(_DAY, "In the site's time zone."),
                  "text": {**TEXT, "minLength": 1, "maxLength": MAX_TEXT}}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": ROWS}
_OF_SITE = {"id": TEXT, "url": TEXT, "created": _TIME, "timezone": TEXT}
_PAGES = {"type": "array", "items": _object({"page": _said(_or_null(TEXT), "null where the visit began or ended."),
                                             "views": COUNT})}
_ECHO = _said(_FORM, "What was asked, with what went without saying.")

#: By name.
SCHEMAS: dict[str, Schema] = {
    "Problem": _object({"type": TEXT, "title": TEXT, "status": {"type": "integer"},
                        "detail": _said(TEXT, "What is wrong.")}, others=True),
    "Description": _FORM,
    "Query": _object({
        "site": _SITE, "metrics": {**_NAMES, "minItems": 1}, **_RANGE, "by": _said(_NAMES, "Dimensions."),
        "where": _WHERE, "tz": _TZ, "compare": _said(_ANY, "\"previous\", \"year\", or a list of since and until."),
        "order": _said(_ANY, "A list of pairs of a name and \"asc\" or \"desc\"."), "limit": _LIMIT,
        "offset": {**COUNT, "default": 0}, "goal": _said(_ANY, "Of which conversion_rate tells."),
    }, ("metrics", "since", "until")),
    "Result": _object({
        "rows": _said({"type": "array", "items": _FORM}, "An object for each, by the names of dimensions and metrics."),
        "count": _said(COUNT, "How many rows there are without limit and offset."), "query": _ECHO}),
    "FunnelQuery": _object({
        "site": _SITE, "steps": _STEPS, "funnel": _said(TEXT, "The id of a funnel, instead of steps."),
        "within": _WITHIN, **_RANGE, "where": _WHERE, "tz": _TZ}, ("since", "until")),
    "FunnelResult": _object({
        "steps": {"type": "array", "items": _object({
            "step": _ANY, "reached": COUNT, "of_first": _or_null({"type": "number"}),
            "of_before": _or_null({"type": "number"})})}, "query": _ECHO}),
    "RetentionQuery": _object({
        "site": _SITE, **_RANGE, "period": {**TEXT, "enum": ["week", "month"], "default": "week"}, "tz": _TZ},
        ("since", "until")),
    "RetentionResult": _object({
        "cohorts": {"type": "array", "items": _object({
            "period": _said(_DAY, "Its first day."), "counts": {"type": "array", "items": COUNT}})}, "query": _ECHO}),
    "PathsQuery": _object({
        "site": _SITE, "page": _said(TEXT, "Its pattern."), **_RANGE, "where": _WHERE, "tz": _TZ, "limit": _LIMIT},
        ("page", "since", "until")),
    "PathsResult": _object({"before": _PAGES, "after": _PAGES, "query": _ECHO}),
    "Live": _object({"site": TEXT, "at": _TIME, "visitors": COUNT}),
    "Site": _object(_OF_SITE),
    "Sites": _object({"sites": _list("Site")}),
    "SiteInFull": _object({**_OF_SITE, "first_day": _or_null(_DAY), "last_view": _or_null(_TIME)}),
    "Event": _object({
        "id": {**TEXT, "format": "uuid"}, "time": _said(TEXT, "ISO 8601, UTC, to 100 ns."), "family": TEXT,
        "site": TEXT, "fields": _said(_FORM, "As they are stored; bytes in hexadecimal digits.")}),
    "EventBatch": _object({
        "events": {"type": "array", "minItems": 1, "maxItems": MAX_EVENTS, "items": ref("ServerEvent")},
        "all_or_nothing": {"type": "boolean", "default": False}}, ("events",)),
    "ServerEvent": _object({
        **{field: _or_null(TEXT) for field in ("site", "url", "title", "referrer", "event")},
        "props": _or_null(_FORM), "time": {"type": ["string", "integer", "null"]},
        **{field: _or_null(TEXT) for field in ("id", "visitor", "ip", "user_agent", "language")}}, ()),
    "EventResults": _object({
        "results": {"type": "array", "items": _object({
            "status": {**TEXT, "enum": ["stored", "refused"]}, "reason": TEXT}, ("status",))},
        "stored": COUNT, "refused": COUNT}),
    "Goal": _object(_OF_ALL | _OF_GOAL),
    "GoalList": _object({"goals": _list("Goal")}),
    "NewGoal": _object(_OF_GOAL),
    "ChangedGoal": _object(_OF_GOAL, ()),
    "Funnel": _object(_OF_ALL | _OF_FUNNEL),
    "FunnelList": _object({"funnels": _list("Funnel")}),
    "NewFunnel": _object(_OF_FUNNEL, ("name", "steps")),
    "ChangedFunnel": _object(_OF_FUNNEL, ()),
    "Annotation": _object(_OF_ALL | _OF_ANNOTATION | {"by": _said(TEXT, "Who wrote it.")}),
    "AnnotationList": _object({"annotations": _list("Annotation")}),
    "NewAnnotation": _object(_OF_ANNOTATION),
    "ChangedAnnotation": _object(_OF_ANNOTATION, ()),
}
