"""The roles of a server: which routes one that only takes hits has, and one that only shows pages.

``footfall serve --role collect`` and ``footfall serve --role web`` are two servers on one data folder, for where both
are busy; ``all`` is the two in one. What is asked of a server of the other role is 404.
"""

from __future__ import annotations

from functools import partial

from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed

COLLECT, WEB = "collect", "web"

#: The roles that have an endpoint, beside ``all``; those that are not named here are pages, of ``web``.
ENDPOINTS = {
    "beacon.script": frozenset({COLLECT}),
    "beacon.pixel": frozenset({COLLECT}),
    "beacon.events": frozenset({COLLECT}),
    "api.events": frozenset({COLLECT}),
    "health.ready": frozenset({COLLECT}),
    "health.health": frozenset({COLLECT, WEB}),
    "health.exposition": frozenset({COLLECT, WEB}),
}

_REASONS = {
    COLLECT: "not here: this server's role is collect, it takes hits and has no pages",
    WEB: "not here: this server's role is web, it shows pages and takes no hits",
}


def of(endpoint: str) -> frozenset[str]:
    """Return the roles that have an endpoint, beside ``all``."""
    return ENDPOINTS.get(endpoint, frozenset({WEB}))


def divide(app: Flask, role: str) -> None:
    """Leave an application no routes but those of a role.

    :param role: ``collect``, ``web``, or ``all``, which leaves everything.
    """
    if role in _REASONS:
        app.before_request(partial(turn_away, role))


def turn_away(role: str) -> ResponseReturnValue | None:
    """Answer what a server of the role does not have, and let pass what it has."""
    endpoints = _endpoints()
    # What has no route at all is a page that does not exist: the door keeps that to those who are logged in.
    is_ours = any(role in of(endpoint) for endpoint in endpoints) if endpoints else role == WEB
    if not is_ours:
        reason = _REASONS[role]
        # Pages of other origins may not see the answer: to their trackers it is no refusal, and they keep their events.
        return Response(f"{reason}\n", 404, {"X-Footfall": reason, "Cache-Control": "no-store"}, mimetype="text/plain")
    if role == COLLECT and request.routing_exception is not None:
        # The door would send it to a login that is not here.
        raise request.routing_exception
    return None


def _endpoints() -> list[str]:
    """Return the endpoint that is asked for, or, if it is asked by a method that the path does not have, the path's."""
    adapter = current_app.create_url_adapter(request)
    if adapter is None or not isinstance(request.routing_exception, MethodNotAllowed):
        return [request.endpoint] if request.endpoint else []
    return [str(adapter.match(method=method)[0]) for method in adapter.allowed_methods()]
