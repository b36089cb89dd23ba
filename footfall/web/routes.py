"""The routes of the pages and of the API: every blueprint there is."""

from __future__ import annotations

from footfall.web import (
    account,
    apart,
    api,
    audits,
    badge,
    conversions,
    dashboard,
    export,
    journeys,
    live,
    login,
    mailing,
    overview,
    people,
    raw,
    settings,
    sharing,
    sites,
    tables,
    welcome,
)

#: Modules whose routes are of the blueprint of a site's pages: they need only be imported before it is registered.
PAGES_OF_A_SITE = (conversions, journeys, live, overview, raw, tables)

BLUEPRINTS = (
    api.blueprint,
    login.blueprint,
    welcome.blueprint,
    account.blueprint,
    people.everybody,
    people.blueprint,
    sharing.blueprint,
    sharing.door,
    audits.everything,
    audits.blueprint,
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
