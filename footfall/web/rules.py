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

#: By endpoint; where its methods differ, by "endpoint METHOD" first.
RULES: Mapping[str, str] = {
    "beacon.script": BEACON,
    "beacon.pixel": BEACON,
    "beacon.events": BEACON,
    "api.events": TOKEN,
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
}


def rule_of(endpoint: str, method: str) -> str | None:
    """Return what it takes to reach an endpoint by a method; ``None`` if nobody may."""
    return RULES.get(f"{endpoint} {method}", RULES.get(endpoint))
