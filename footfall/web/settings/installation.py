"""Installation: the tag to paste into the site's pages, and whether it works, as the newest hits show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote

from flask import request
from flask.typing import ResponseReturnValue

from footfall import pageview, timeuuid
from footfall.collect.beacon import collector
from footfall.collect.filters import RULES, rule_of
from footfall.collect.tracker import tag
from footfall.derive.agents import parse_agent
from footfall.packing import FILTERED
from footfall.pageview import row_key
from footfall.storage import Store
from footfall.web.auth import guard
from footfall.web.settings.frame import blueprint, page, server
from footfall.web.sites import account

#: For how long a hit is shown, and how many.
WINDOW = timedelta(minutes=5)
MOST = 5
#: What the tracker tells on demand: words of ``data-track``, and what each is.
TRACKED = {
    "outbound": "clicks on links to other hosts",
    "downloads": "downloads",
    "forms": "forms that are sent",
    "404": "pages that are not found",
    "vitals": "how fast pages are",
}
#: Attributes that stand in a tag without a value.
OPTIONS = {
    "hash": "The part of the address after # makes another page",
    "local": "Count on localhost too",
}


class Seen(NamedTuple):
    """A hit that has just come in.

    :param seconds: since then.
    :param agent: browser and system, as far as the user agent tells.
    :param why: which rule kept it apart; empty if it was counted.
    """

    url: str
    title: str
    agent: str
    seconds: int
    reason: str = ""

    @property
    def why(self) -> str:
        """What the rule says that kept it apart."""
        return RULES.get(rule_of(self.reason), "")

    @property
    def ago(self) -> str:
        """How long ago it was."""
        return f"{self.seconds} s" if self.seconds < 60 else f"{self.seconds // 60} min {self.seconds % 60} s"


@blueprint.get("/installation")
def installation(site: str) -> ResponseReturnValue:
    found, now = account(), datetime.now(UTC)
    core, integrity = request.args.get("build") == "core", "integrity" in request.args
    options = {f"data-{name}": "" for name in OPTIONS if name in request.args}
    tracked = [word for word in TRACKED if word in request.args.getlist("track")]
    if tracked and not core:
        options["data-track"] = " ".join(tracked)
    if server().visitors == "cookie" and not core:
        options["data-visitors"] = "cookie"
    address, paths = guard().address(), collector().paths
    written = tag(address, site, paths, build="core" if core else "", integrity=integrity, options=options)
    pixel = f"{address}{paths.pixel}?id={site}&url={quote(found.url or 'https://blog.example.com', safe='')}%2Fpost"
    store = collector().store()
    return page("settings_installation.html", "settings.installation", tag=written, pixel=pixel, core=core,
                integrity=integrity, options=OPTIONS, tracks=TRACKED,
                views=list(islice(newest(store, site, "PageViews", now), MOST)),
                apart=list(islice(newest(store, site, FILTERED, now), MOST)))


def newest(store: Store, site: str, family: str, now: datetime) -> Iterator[Seen]:
    """Yield the hits of the last minutes, the newest first."""
    since = now - WINDOW
    for day in dict.fromkeys((now.date(), since.date())):
        for name, value in store.family(family).xget(row_key(site, day), column_finish=since, column_reversed=True):
            yield _seen(pageview.unpack(value), now - timeuuid.datetime_of(name))


def _seen(fields: dict[str, Any], age: timedelta) -> Seen:
    agent = parse_agent(fields["user_agent"])
    return Seen(fields["url"], fields["title"], " on ".join(filter(None, (agent.browser, agent.os))),
                max(0, int(age.total_seconds())), fields.get("reason", ""))
