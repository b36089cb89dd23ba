"""``GET /api/v1/openapi.json``: the API's description in OpenAPI 3.1, made of the table of routes."""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus
from typing import Any

from flask import Response

from footfall import __version__
from footfall.tokens import SCOPES
from footfall.web.api.limits import Left
from footfall.web.api.routes import JSON, ROUTES, Route, add, as_json, blueprint
from footfall.web.api.schemas import SCHEMAS, TEXT, ref

PROBLEM = "application/problem+json"


def openapi() -> Response:
    return as_json(description())


@cache
def description() -> dict[str, Any]:
    """Return the description of every route."""
    paths: dict[str, dict[str, Any]] = {}
    for each in ROUTES:
        path = re.sub(r"<(\w+)>", r"{\1}", f"{blueprint.url_prefix}{each.path}")
        paths.setdefault(path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "footfall", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"},
                 "description": "Web analytics that you run yourself: numbers, events, and what is defined."},
        # Where the description itself came from.
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {
                "type": "http", "scheme": "bearer",
                "description": f"Made by `footfall token add`; its scopes are some of {', '.join(SCOPES)}."}},
        },
    }


def _operation(described: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": described.endpoint, "summary": described.summary}
    parameters = [{"name": name, "in": "path", "required": True, "schema": TEXT}
                  for name in re.findall(r"<(\w+)>", described.path)]
    parameters += [{"name": field.name, "in": "query", "description": field.description, "schema": dict(field.schema)}
                   for field in described.fields]
    if parameters:
        operation["parameters"] = parameters
    if described.body:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": ref(described.body)}}}
    good: dict[str, Any] = {"description": HTTPStatus(described.status).phrase}
    if described.status != HTTPStatus.NO_CONTENT:
        good["content"] = {media: {"schema": _schema(described, media)} for media in described.media}
    operation["responses"] = {str(described.status): good}
    if described.scope:
        operation["security"] = [{"token": []}]
        operation["description"] = f"With a token for `{described.scope}`."
        if described.limited:
            good["headers"] = {name: {"schema": TEXT} for name in Left(0, 0, 0).headers()}
        for status in sorted({400, 401, 403, 500, 503, *described.problems, *((429,) if described.limited else ())}):
            operation["responses"][str(status)] = {"description": HTTPStatus(status).phrase,
                                                   "content": {PROBLEM: {"schema": ref("Problem")}}}
    return operation


def _schema(described: Route, media: str) -> dict[str, Any]:
    if media == JSON:
        return ref(described.answer)
    # OpenAPI 3.1 cannot say what a line is.
    return {**TEXT, "description": f"Lines, each of them JSON: {described.answer}."} if described.answer else TEXT


add(Route("GET", "/openapi.json", "openapi", "", "Describe this API in OpenAPI", answer="Description"), openapi)
