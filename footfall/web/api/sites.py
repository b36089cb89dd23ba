"""Which sites there are."""

from __future__ import annotations

from typing import Any

from footfall import accounts
from footfall.accounts import Account
from footfall.collect.beacon import collector
from footfall.reports import recent
from footfall.tokens import READ, Token
from footfall.web.api.access import site_of
from footfall.web.api.routes import Given, Route, route


@route(Route("GET", "/sites", "sites", READ, "List the sites that the token is for", answer="Sites"))
def sites(token: Token) -> Given:
    return {"sites": [_told(account) for account in accounts.all_accounts(collector().store())
                      if token.may(READ, account.id)]}


@route(Route("GET", "/sites/<site>", "site", READ, "Tell of a site, and since when it has events",
             answer="SiteInFull", problems=(404,)))
def site(token: Token, site: str) -> Given:
    account, store = site_of(token, site), collector().store()
    oldest, newest = recent.oldest_day(store, account.id), recent.newest_view(store, account.id)
    return {**_told(account), "first_day": oldest.isoformat() if oldest else None,
            "last_view": newest.isoformat() if newest else None}


def _told(account: Account) -> dict[str, Any]:
    return {"id": account.id, "url": account.url, "created": account.created,
            "timezone": account.settings["timezone"]}
