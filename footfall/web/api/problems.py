"""What the API answers when something is wrong: ``application/problem+json``, as in RFC 9457."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from footfall.collect.collector import RETRY_SECONDS
from footfall.errors import StoreError, StoreUnavailable, UsageError

PREFIX = "/api/"
MAX_DETAIL = 500


class Refused(Exception):
    """A request that is not carried out.

    :param detail: what is wrong.
    :param status: the HTTP status that says so.
    :param headers: what else the answer says.
    """

    def __init__(self, detail: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.headers = headers


def problem(status: int, detail: str, more: Mapping[str, Any] | None = None,
            headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that says what is wrong.

    :param more: what it says beside that.
    """
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
            **(more or {})}
    return Response(json.dumps(told), status, headers, mimetype="application/problem+json")


def turn_away() -> Response | None:
    """Answer what is asked for below ``/api/`` and is not there, or not by that method."""
    error = request.routing_exception
    if not request.path.startswith(PREFIX) or not isinstance(error, HTTPException):
        return None
    return of_http(error)


def of_refused(error: Refused) -> Response:
    return problem(error.status, error.detail, headers=error.headers)


def of_usage(error: UsageError) -> Response:
    # It names what was sent, which may be long.
    return problem(400, str(error)[:MAX_DETAIL])


def of_store(error: StoreError) -> Response:
    # Where the store is, and what ails it, is for the log alone.
    current_app.logger.error("%s %s: %s", request.method, request.path, error)
    if isinstance(error, StoreUnavailable):
        return problem(503, "the store cannot be read now; please try again",
                       headers={"Retry-After": str(RETRY_SECONDS)})
    return problem(500, "the store cannot do this; the server's log says why")


def of_http(error: HTTPException) -> Response:
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    status = error.code or 500
    details = {404: "there is nothing at this address", 405: f"{request.method} is not for this address"}
    return problem(status, details.get(status, error.description or ""), headers=headers)
