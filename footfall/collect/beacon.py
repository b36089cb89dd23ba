"""The beacon's routes: ``/a.js``, ``/a.gif`` and ``/e``."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, request

from footfall.collect import tracker
from footfall.collect.collector import PIXEL, TAKEN, TIME, Answer, Collector
from footfall.collect.hit import MAX_BODY_BYTES

blueprint = Blueprint("beacon", __name__)


def collector() -> Collector:
    """Return the running app's collector."""
    return cast(Collector, current_app.extensions["footfall"])


@blueprint.get("/a.js")
def script() -> Response:
    source, etag = tracker.script()
    response = Response(source, mimetype="text/javascript")
    response.cache_control.public = True
    response.cache_control.max_age = 3600
    response.set_etag(etag)
    # Pages of any site load it, also those that isolate themselves.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.make_conditional(request)
    return response


@blueprint.get("/a.gif")
def pixel() -> Response:
    # HEAD comes from tools that look whether the address answers: no page was viewed.
    if request.method == "HEAD":
        return _response(PIXEL)
    return _response(collector().take_view(request.query_string, request.headers, request.remote_addr or ""))


@blueprint.post("/e")
def events() -> Response:
    body = request.stream.read(MAX_BODY_BYTES + 1)
    response = _response(collector().take_events(body, request.headers, request.remote_addr or ""))
    if response.status_code == TAKEN.status:
        response.headers[TIME] = str(collector().milliseconds())
    return response


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
