"""What the tests of the API share: a client that shows a token, and a few events of a site."""

from itertools import count
from typing import NamedTuple

from footfall import accounts, tokens
from footfall.app import create_app
from footfall.web.api import access
from tests.streams import fill

PREFIX = "/api/v1"
EVENTS = """
    10:00 ann / country=DE ref=https://www.google.com/
    10:05 ann /pricing country=DE
    10:06 ann signup /pricing country=DE prop.plan="pro"
    11:00 ben / country=FR
    11:10 ben /blog/a country=FR
    23:59:59.9999999 ann /blog/b country=DE
    2026-01-06 00:00:00 cid /pricing country=AT
    2026-01-06 00:30:00 - /
    2026-01-14 09:00 ann / country=DE
"""
SINCE, UNTIL = "2026-01-05", "2026-01-19"


class Caller(NamedTuple):
    """A client of an application, with a token."""

    client: object
    token: str

    def __call__(self, method, path, body=None, *, token=None, **more):
        headers = {"Authorization": f"Bearer {token or self.token}", **more.pop("headers", {})}
        return self.client.open(f"{PREFIX}{path}", method=method, json=body, headers=headers, **more)


def caller(settings, store, *scopes, site="*"):
    """A caller of a new application, whose sites are ``blog``, which has :data:`EVENTS`, and ``shop``."""
    for account in ("blog", "shop"):
        accounts.add(store, account)
    fill(store, EVENTS)
    fill(store, "12:00 eve /shop", "shop")
    app = create_app(settings)
    # So that a token that a test adds is known at once.
    app.extensions[access.EXTENSION]._clock = count(step=10).__next__
    return Caller(app.test_client(), tokens.add(store, site, scopes=scopes)[0])


def is_problem(answer, status, detail):
    told = answer.json
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    assert detail in told["detail"], told
    return True
