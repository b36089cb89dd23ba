"""A site to look at in Chromium: a real server, made-up traffic in a real store, and what is stored there, counted."""

import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta

from footfall.analysis import map_reduce
from footfall.reports import plain
from footfall.stores import open_store
from tests.conftest import ROOT
from tests.servers import Server, footfall, log_in

SCREENSHOTS = ROOT / "build" / "screenshots"
NAME, PASSWORD = "blog", "correct horse battery"
VIEWS, DAYS = 2_000, 30
DESKTOP, PHONE = (1280, 900), (390, 844)


class Site:
    """A site with made-up views of a month that ended yesterday, and a server that shows it.

    :ivar today: the day on which it was made.
    :ivar url: of its page.
    """

    def __init__(self, server, store_url, today):
        self.server, self.store_url, self.today = server, store_url, today
        self.url = f"{server.url}/sites/{NAME}"
        self.cookie = log_in(server.url, "owner", PASSWORD)
        self.read()

    def read(self):
        """Read what is stored."""
        with open_store(self.store_url) as store:
            self.events = plain.read(store, NAME, self.today - timedelta(days=2 * DAYS), self.today + timedelta(days=1))

    def ending(self, days=28):
        """The ends of so many days of which today is the last."""
        return {"since": self.today - timedelta(days=days - 1), "until": self.today + timedelta(days=1)}

    def numbers(self, metrics, days=None, **more):
        """What the events are when they are counted one by one: [(values, numbers)]."""
        return plain.answer(self.events, metrics=metrics, **{**(days or self.ending()), **more})

    def counted(self, recipe):
        """What map_reduce counts in the page's days by a recipe, for each value, as it is shown."""
        days, key_of = self.ending(), recipe.map_fn.key_fn

        def pairs(events):
            return {(key_of(when, event), event["visitor"]) for _, when, event in events if "visitor" in event}

        with open_store(self.store_url) as store:
            views = map_reduce(NAME, days["since"], days["until"], *recipe, {}, store=store)
            there = {pair for family in ("PageViews", "Events") for pair in map_reduce(
                NAME, days["since"], days["until"], pairs, set.union, set(), store=store, family=family)}
        visitors = Counter(value for value, _ in there if value is not None)
        return [{"value": value, "visitors": f"{count:,}", "views": f"{views[value]:,}"}
                for value, count in visitors.items()]


@contextlib.contextmanager
def made_site(data, **settings):
    """Make a site in a folder and serve it."""
    today = datetime.now(UTC).date()
    if "store" in settings:
        footfall(data, "store", "init", **settings)
    footfall(data, "demo", "--site", NAME, "--views", str(VIEWS), "--days", str(DAYS),
             "--until", str(today - timedelta(days=1)), **settings)
    footfall(data, "user", "add", "owner", "--password-stdin", stdin=f"{PASSWORD}\n", **settings)
    with Server(data, **settings) as server:
        yield Site(server, settings.get("store", f"sqlite:///{data}/footfall.db"), today)


@contextlib.contextmanager
def windows(browser, site, cookie=None):
    """Give what opens a page of a site in a window of its own, with what a browser's context takes.

    At the end nothing may have gone wrong on any of them.

    :param cookie: of the reader's session; the owner's if none is given, empty for somebody without one.
    """
    pages = []
    name, _, value = (site.cookie if cookie is None else cookie).partition("=")

    def opened(path="", size=DESKTOP, **more):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
        if name:
            context.add_cookies([{"name": name, "value": value, "url": site.server.url}])
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: page.problems.append(request.url)
                if not request.url.startswith(site.server.url) else None)
        pages.append(page)
        page.goto(path if path.startswith("http") else site.url + path)
        return page

    yield opened
    assert site.server.process.poll() is None, site.server.printed()
    problems = [page.problems for page in pages]
    for page in pages:
        page.context.close()
    assert problems == [[]] * len(pages)
