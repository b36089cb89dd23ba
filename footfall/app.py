"""The Flask application: the beacon's routes, the API, the owner's pages, headers that protect them."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, request

from footfall import config as configuration
from footfall.collect import beacon, health
from footfall.collect.access_log import masked
from footfall.collect.collector import Collector
from footfall.collect.tracker import SHARE, Paths
from footfall.config import Config
from footfall.errors import StoreError, StoreUnavailable
from footfall.web import api, auth, badge, mailing, reports, roles, sending, settings, shared, sites
from footfall.web.routes import BLUEPRINTS
from footfall.web.throttle import Throttle

#: No page of ours has inline code or loads anything from elsewhere.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
                               "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    # Nobody who opens one of our windows, or is opened by one, gets hold of it.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_app(config: Config | None = None) -> Flask:
    """Make the application.

    :param config: the settings; ``None`` to read them from the environment and footfall.toml.
    :raises ConfigError: a setting is unknown or has a bad value, or a path is taken.
    """
    config = config or configuration.load()
    app = Flask("footfall", static_folder=str(SHARE / "static"), template_folder=str(SHARE / "templates"))
    app.extensions["footfall"] = collector = Collector(config)
    app.extensions[settings.EXTENSION] = config
    app.extensions["footfall.uploads"] = settings.imports.Uploads(app)
    app.extensions[reports.EXTENSION] = reports.Reports(config, collector.store)
    app.extensions[badge.EXTENSION] = badge.Badges(collector.store)
    app.extensions[mailing.EXTENSION] = Throttle()
    # Before the door: what another server has is not to be asked a login for.
    roles.divide(app, config.role)
    api.install(app, config, collector.store)
    auth.protect(app, config)
    for blueprint in (*BLUEPRINTS, health.blueprint):
        app.register_blueprint(blueprint)
    app.register_blueprint(sites.blueprint, name=shared.NAME, url_prefix="/share/<key>")
    beacon.add_routes(app, Paths.of(config))
    sending.install(app)
    app.register_error_handler(StoreError, store_failed)
    app.after_request(add_security_headers)
    # Flask names the address of a page that failed.
    app.logger.addFilter(mask_keys)
    return app


def store_failed(error: StoreError) -> Response:
    """Answer for a page whose store did not."""
    status = 503 if isinstance(error, StoreUnavailable) else 500
    # Whoever has not logged in is not told where the store is.
    why = f": {error}" if g.get("user") else "; please try again in a minute"
    return Response(f"The store cannot be read now{why}\n", status=status, mimetype="text/plain")


def add_security_headers(response: Response) -> Response:
    if request.blueprint == shared.NAME:
        # The address is all it takes to see the page.
        response.headers.setdefault("Referrer-Policy", "no-referrer")
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if embedders := g.get("embedders"):
        policy = response.headers["Content-Security-Policy"]
        response.headers["Content-Security-Policy"] = policy.replace(
            "frame-ancestors 'none'", f"frame-ancestors {' '.join(embedders)}")
    return response


def mask_keys(record: logging.LogRecord) -> bool:
    """Take the keys of share links out of what is logged."""
    record.msg, record.args = masked(record.getMessage()), None
    return True
