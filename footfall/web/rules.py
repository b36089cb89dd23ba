"""Who may reach which route: every endpoint once, with what it takes.

:func:`footfall.web.auth.admit` asks before every request. An endpoint that is not named here is closed to everybody,
and a test says so; one of a site has ``site`` in its path.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Pages of any site reach these, and no session is looked at.
BEACON = "beacon"
#: A program shows a token in a header, which the route looks at itself. A browser's cookies open none of them.
TOKEN = "token"  # noqa: S105 - a word for it
#: Everybody.
OPEN = "open"
#: Whoever is logged in.
USER = "user"
#: Whoever has this role on the site, or a higher one.
VIEWER, EDITOR, OWNER = "viewer", "editor", "owner"
#: Whoever is an owner of every site.
ADMIN = "admin"
#: Whoever has a share link: pages of a site once more, under the link's key.
SHARE = "share"

#: The blueprint of a site's pages, and its name where they are shared.
SITE, SHARED = "site.", "shared."

#: By endpoint; where its methods differ, by "endpoint METHOD" first.
RULES: Mapping[str, str] = {
    "beacon.script": BEACON,
    "beacon.pixel": BEACON,
    "beacon.events": BEACON,
    "api.events": TOKEN,
    # The API: what each token may, footfall.web.api.routes says.
    "api.openapi": OPEN,
    "api.query": TOKEN,
    "api.funnel_query": TOKEN,
    "api.retention": TOKEN,
    "api.paths": TOKEN,
    "api.live": TOKEN,
    "api.sites": TOKEN,
    "api.site": TOKEN,
    "api.raw": TOKEN,
    "api.export": TOKEN,
    "api.goals": TOKEN,
    "api.add_goal": TOKEN,
    "api.goal": TOKEN,
    "api.change_goal": TOKEN,
    "api.remove_goal": TOKEN,
    "api.funnels": TOKEN,
    "api.add_funnel": TOKEN,
    "api.funnel": TOKEN,
    "api.change_funnel": TOKEN,
    "api.remove_funnel": TOKEN,
    "api.annotations": TOKEN,
    "api.add_annotation": TOKEN,
    "api.annotation": TOKEN,
    "api.change_annotation": TOKEN,
    "api.remove_annotation": TOKEN,
    "static": OPEN,
    "health.health": OPEN,
    "health.ready": OPEN,
    "health.exposition": OPEN,
    "auth.login": OPEN,
    "auth.logout": USER,
    "dashboard.index": USER,
    "site.overview": VIEWER,
    # What the pages' script asks for.
    "site.live": VIEWER,
    # The pages behind a site's page.
    "site.panel": VIEWER,
    "site.panel_csv": VIEWER,
    "site.events": VIEWER,
    "site.event": VIEWER,
    "site.filtered": VIEWER,
    "site.goals": VIEWER,
    "site.funnel": VIEWER,
    "site.retention": VIEWER,
    "site.paths": VIEWER,
    "apart.restore": EDITOR,
    # The export of a site.
    "export.download": EDITOR,
    # Reports that come to people. A mail program ends a subscription by a post that comes from no page of ours.
    "unsubscribe.unsubscribe": OPEN,
    "unsubscribe.unsubscribe POST": TOKEN,
    "badge.svg": BEACON,
    "mailing.index": EDITOR,
    "mailing.add": EDITOR,
    "mailing.remove": EDITOR,
    "mailing.send": EDITOR,
    "mailing.add_alert": EDITOR,
    "mailing.remove_alert": EDITOR,
    "mailing.set_badge": EDITOR,
    # Settings of a site. What removes events, and what lets programs in, takes an owner.
    "adding.form": ADMIN,
    "adding.add": ADMIN,
    "settings.index": EDITOR,
    "settings.save_general": EDITOR,
    "settings.remove": OWNER,
    "settings.installation": EDITOR,
    "settings.filters": EDITOR,
    "settings.save_filters": EDITOR,
    "settings.exclude_address": EDITOR,
    "settings.apply_filters": EDITOR,
    "settings.goals": EDITOR,
    "settings.add_goal": EDITOR,
    "settings.goal": EDITOR,
    "settings.change_goal": EDITOR,
    "settings.remove_goal": EDITOR,
    "settings.funnels": EDITOR,
    "settings.add_funnel": EDITOR,
    "settings.funnel": EDITOR,
    "settings.change_funnel": EDITOR,
    "settings.remove_funnel": EDITOR,
    "settings.annotations": EDITOR,
    "settings.add_annotation": EDITOR,
    "settings.annotation": EDITOR,
    "settings.change_annotation": EDITOR,
    "settings.remove_annotation": EDITOR,
    "settings.privacy": EDITOR,
    "settings.save_privacy": EDITOR,
    "settings.save_retention": OWNER,
    "settings.forget": OWNER,
    "settings.tokens": OWNER,
    "settings.add_token": OWNER,
    "settings.remove_token": OWNER,
    "settings.imports": OWNER,
    "settings.upload": OWNER,
    "settings.export": EDITOR,
    "settings.begin_export": EDITOR,
    # People and access.
    "auth.code": OPEN,
    "welcome.page": OPEN,
    "share.unlock": OPEN,
    "account.page": USER,
    "account.password": USER,
    "account.end_session": USER,
    "account.begin_codes": USER,
    "account.confirm_codes": USER,
    "account.new_recovery_codes": USER,
    "account.turn_codes_off": USER,
    "users.page": ADMIN,
    "users.add": ADMIN,
    "users.role": ADMIN,
    "users.password": ADMIN,
    "users.remove": ADMIN,
    "audit.page": ADMIN,
    "people.page": OWNER,
    "people.role": OWNER,
    "sharing.page": OWNER,
    "sharing.add": OWNER,
    "sharing.remove": OWNER,
    "sharing.public": OWNER,
    "audits.of_site": OWNER,
}

#: Pages of a site that others are shown too: whoever has a share link, and everybody where the site is public. They
#: tell sums of many; a page that shows single events or visitors is not one of them.
SHAREABLE = frozenset({
    "site.overview", "site.live", "site.panel", "site.panel_csv", "site.goals", "site.funnel", "site.retention",
    "site.paths",
})


def rule_of(endpoint: str, method: str) -> str | None:
    """Return what it takes to reach an endpoint by a method; ``None`` if nobody may."""
    if endpoint.startswith(SHARED):
        return SHARE if method in ("GET", "HEAD") and is_shareable(endpoint) else None
    return RULES.get(f"{endpoint} {method}", RULES.get(endpoint))


def is_shareable(endpoint: str) -> bool:
    """Return whether an endpoint is a page of :data:`SHAREABLE`, where it is shared or where it is not."""
    return (SITE + endpoint.removeprefix(SHARED) if endpoint.startswith(SHARED) else endpoint) in SHAREABLE
