"""The beacon's routes: ``/a.js``, ``/a.gif`` and ``/e``, and beside them the paths that the settings give them."""

from __future__ import annotations

from typing import cast

from flask import Flask, Response, abort, current_app, request

from footfall.collect import tracker
from footfall.collect.collector import PIXEL, TAKEN, TIME, Answer, Collector
from footfall.collect.hit import MAX_BODY_BYTES
from footfall.collect.tracker import DEFAULT, Paths
from footfall.errors import ConfigError


def collector() -> Collector:
    """Return the running app's collector."""
    return cast(Collector, current_app.extensions["footfall"])


def add_routes(app: Flask, paths: Paths) -> None:
    """Give the app the beacon's routes, after all others.

    :param paths: those of the settings; the default ones work as well.
    :raises ConfigError: a path is one of the app's already.
    """
    added = set()
    for each in (DEFAULT, paths):
        for setting, path, name, view, method in (
            ("SCRIPT_PATH", each.script, "script", script, "GET"),
            ("SCRIPT_PATH", each.build("<build>"), "script", script, "GET"),
            ("PIXEL_PATH", each.pixel, "pixel", pixel, "GET"),
            ("EVENT_PATH", each.event, "events", events, "POST"),
        ):
            if (name, path) in added:
                continue
            if app.url_map.bind("").allowed_methods(path):
                raise ConfigError(f"FOOTFALL_{setting}={path!r}: is a page of footfall's own; take another")
            app.add_url_rule(path, f"beacon.{name}", view, methods=[method])
            added.add((name, path))


def script(build: str = "") -> Response:
    found = tracker.scripts().get(build)
    if found is None:
        abort(404)
    response = Response(found.source, mimetype="text/javascript")
    response.vary.add("Accept-Encoding")
    etag = found.etag
    if request.accept_encodings["gzip"]:
        response.set_data(found.gzipped)
        response.headers["Content-Encoding"] = "gzip"
        etag += "-gzip"
    response.cache_control.public = True
    response.cache_control.max_age = 365 * 86_400 if found.is_frozen else 3600
    response.cache_control.immutable = found.is_frozen
    response.set_etag(etag)
    # Pages of any site load it, also those that isolate themselves or check its hash.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.make_conditional(request)
    return response


def pixel() -> Response:
    # HEAD comes from tools that look whether the address answers: no page was viewed.
    if request.method == "HEAD":
        return _response(PIXEL)
    return _response(collector().take_view(request.query_string, request.headers, request.remote_addr or ""))


def events() -> Response:
    body = request.stream.read(MAX_BODY_BYTES + 1)
    response = _response(collector().take_events(body, request.headers, request.remote_addr or ""))
    if response.status_code == TAKEN.status:
        response.headers[TIME] = str(collector().milliseconds())
    return response


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
