"""The Flask application: the beacon's routes, the owner's pages, headers that protect both."""

from __future__ import annotations

from flask import Flask, Response, request

from footfall import config as configuration
from footfall import metrics
from footfall.collect import beacon
from footfall.collect.collector import Collector
from footfall.collect.hit import client_address
from footfall.collect.tracker import SHARE
from footfall.config import Config
from footfall.errors import StoreError, StoreUnavailable
from footfall.web import auth, dashboard

#: No page of ours has inline code or loads anything from elsewhere.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
                               "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_app(config: Config | None = None) -> Flask:
    """Make the application.

    :param config: the settings; ``None`` to read them from the environment and footfall.toml.
    :raises ConfigError: a setting is unknown or has a bad value.
    """
    config = config or configuration.load()
    app = Flask("footfall", static_folder=str(SHARE / "static"), template_folder=str(SHARE / "templates"))
    app.extensions["footfall"] = Collector(config)
    auth.protect(app, config)
    app.register_blueprint(beacon.blueprint)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(dashboard.blueprint)
    app.add_url_rule("/metrics", "metrics", exposition)
    app.register_error_handler(StoreError, store_failed)
    app.after_request(add_security_headers)
    return app


def exposition() -> Response:
    """Show the counters to whoever asks from this machine: they are no reader's business."""
    address = client_address(request.headers, request.remote_addr or "", beacon.collector().policy.trusted_proxies)
    if address not in ("127.0.0.1", "::1", ""):
        return Response("only from this machine\n", status=403, mimetype="text/plain")
    return Response(metrics.exposition(), mimetype="text/plain; version=0.0.4; charset=utf-8")


def store_failed(error: StoreError) -> Response:
    """Answer for a page whose store did not."""
    status = 503 if isinstance(error, StoreUnavailable) else 500
    return Response(f"The store cannot be read now: {error}\n", status=status, mimetype="text/plain")


def add_security_headers(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
