"""The routes of the pages and of the API: every blueprint there is."""

from __future__ import annotations

from footfall.web import (
    apart,
    api,
    auth,
    badge,
    conversions,
    dashboard,
    export,
    journeys,
    live,
    mailing,
    overview,
    raw,
    settings,
    sites,
    tables,
)

#: Modules whose routes are of the blueprint of a site's pages: they need only be imported before it is registered.
PAGES_OF_A_SITE = (conversions, journeys, live, overview, raw, tables)

BLUEPRINTS = (
    api.blueprint,
    auth.blueprint,
    badge.blueprint,
    dashboard.blueprint,
    sites.blueprint,
    settings.blueprint,
    settings.adding.blueprint,
    apart.changes,
    export.blueprint,
    mailing.blueprint,
    mailing.ending,
)
