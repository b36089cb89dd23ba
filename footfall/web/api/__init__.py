"""The API: what programs ask of footfall, each with a token of its own.

A token counts in the header ``Authorization`` alone: a URL is logged and kept by browsers, and a cookie is sent by
them for whoever asks. docs/api.md is the reference; each route is described where it stands, by
:func:`footfall.web.api.routes.route`, and ``/api/v1/openapi.json`` is made of that.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from footfall.config import Config
from footfall.storage import Store
from footfall.tokens import KnownTokens
from footfall.web.api import access, defined, events, export, limits, openapi, problems, query, raw, sites
from footfall.web.api.routes import ROUTES, blueprint

__all__ = ["ROUTES", "blueprint", "defined", "events", "export", "install", "openapi", "query", "raw", "sites"]


def install(app: Flask, config: Config, store: Callable[[], Store]) -> None:
    """Give an application what the API's routes need.

    :param store: gives the store, opened anew where that was needed.
    """
    app.extensions[access.EXTENSION] = KnownTokens(store)
    app.extensions[limits.EXTENSION] = limits.Buckets(config.api_rate)
    # Before the door, which would send whoever asks for what is not there to a login.
    app.before_request(problems.turn_away)
