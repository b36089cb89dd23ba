"""The pages of a site, asked for through Flask's client by whoever has a role there, and what stands on them."""

import html
import re
from functools import partial

from footfall import accounts, users
from footfall.app import create_app
from footfall.reports.building import build, days_around
from tests.logins import OURS, PASSWORD

#: Two days and the two before them, in the words of a URL.
DAYS = "period=custom&since=2026-01-05&until=2026-01-06"


def clients(settings, store, monkeypatch, site="blog", roles=("viewer", "editor")):
    """A site, and a client that is logged in for each role there."""
    monkeypatch.setattr(users, "HASHING", "scrypt:1024:1:1")
    accounts.add(store, site)
    app = create_app(settings)
    found = []
    for role in roles:
        users.add(store, role, PASSWORD, {site: role})
        client = app.test_client()
        assert client.post("/login", data={"name": role, "password": PASSWORD}, headers=OURS).status_code == 303
        found.append(client)
    return found


def rows(page, number=0):
    """The rows of a table of a page as texts, its head first."""
    table = re.findall("<table.*?</table>", page, re.DOTALL)[number]
    return [[text(cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)]
            for row in re.findall("<tr>(.*?)</tr>", table, re.DOTALL)]


def quantities(page):
    """The numbers of a page that lead to the events behind them: as they are shown, and where they lead."""
    return [(text(number), html.unescape(url)) for url, number in re.findall(
        '<a class="quantity" href="([^"]*)"(?: tabindex="-1")?>(.*?)</a>', page)]


def total(page):
    """The number at the top of a list."""
    return int(re.search(r"<strong>([\d,]+)</strong>", page)[1].replace(",", ""))


def totals(page):
    """How many events a list has, of how many visits and visitors they are."""
    (told,) = re.findall('<p class="total">(.*?)</p>', page)
    found = [int(number.replace(",", "")) for number in re.findall(r"<strong>([\d,]+)</strong>", told)]
    return found if len(found) == 3 else [*found, 0, 0]


def text(markup):
    return " ".join(html.unescape(re.sub("<.*?>", " ", markup, flags=re.DOTALL)).split())


def link(page, words):
    """Where the link with these words leads."""
    found = [html.unescape(url) for url, inner in re.findall(r'<a href="(.*?)".*?>(.*?)</a>', page, re.DOTALL)
             if text(inner) == words]
    assert found, f"no link {words!r}"
    return found[0]


def days_in(store, site="blog"):
    """Gives the days of a site, built from its events each time."""
    def load(day):
        facts = build(store, site, day)
        return facts if len(facts) else None

    return partial(days_around, load)
