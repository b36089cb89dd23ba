"""The table of the API's routes: each is described beside the function that answers it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from footfall.errors import StoreError, UsageError
from footfall.web.api import access, limits, problems

JSON = "application/json"
#: What a function of a route gives: an answer, or what is to be one as JSON.
Given = Response | Mapping[str, Any]

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
blueprint.register_error_handler(problems.Refused, problems.of_refused)
blueprint.register_error_handler(UsageError, problems.of_usage)
blueprint.register_error_handler(StoreError, problems.of_store)
blueprint.register_error_handler(HTTPException, problems.of_http)


class Parameter(NamedTuple):
    """A field of a route's query string.

    :param schema: as JSON Schema has it.
    """

    name: str
    description: str
    schema: Mapping[str, Any]


class Route(NamedTuple):
    """One route.

    :param path: below ``/api/v1``, as Flask has it.
    :param endpoint: the name of the function that answers.
    :param scope: what its token must be for; empty if it needs none.
    :param summary: what it does, in a line.
    :param fields: of its query string.
    :param body: name of the schema of what is sent; empty if nothing is.
    :param answer: name of the schema of what comes back, or of a line of it; empty if that is a file, or nothing.
    :param status: of a good answer.
    :param media: types that a good answer may have.
    :param limited: whether it is counted how often a token asks.
    :param problems: statuses of its other answers, beside those of every route.
    """

    method: str
    path: str
    endpoint: str
    scope: str
    summary: str
    fields: tuple[Parameter, ...] = ()
    body: str = ""
    answer: str = ""
    status: int = 200
    media: tuple[str, ...] = (JSON,)
    limited: bool = True
    problems: tuple[int, ...] = ()


def asked(fields: tuple[Parameter, ...]) -> Mapping[str, str]:
    """Return the query string of the request.

    :raises UsageError: it has other fields.
    """
    for name in request.args:
        if name not in [field.name for field in fields]:
            raise UsageError(f"{name!r}: unknown field; use {', '.join(field.name for field in fields)}")
    return request.args.to_dict()


SITE = Parameter("site", "The site; need not be told by a token of one site.", {"type": "string"})

#: Every route, in the order in which they are described.
ROUTES: list[Route] = []


def route(described: Route) -> Callable[[Callable[..., Given]], Callable[..., Given]]:
    """Make a function answer a route; it is called with the token, and with what the path names."""

    def decorate(answer: Callable[..., Given]) -> Callable[..., Given]:

        @wraps(answer)
        def serve(**named: str) -> Response:
            token = access.authorized(described.scope)
            limits.take(token)
            given = answer(token, **named)
            return given if isinstance(given, Response) else as_json(given, described.status)

        add(described, serve)
        return answer

    return decorate


def add(described: Route, serve: Callable[..., Response]) -> None:
    """Add a route to the table and to the blueprint; what the request must show, the function sees to itself."""
    ROUTES.append(described)
    blueprint.add_url_rule(described.path, described.endpoint, serve, methods=[described.method])


def as_json(told: Mapping[str, Any], status: int = 200) -> Response:
    """Return an answer in JSON."""
    return Response(json.dumps(told, ensure_ascii=False), status, mimetype=JSON)


@blueprint.after_request
def tell_limits(response: Response) -> Response:
    """Say how many requests the token has left."""
    for name, value in g.pop("rate_limit", {}).items():
        response.headers[name] = value
    return response
