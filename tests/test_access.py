"""Who reaches what: every route by every method, for every kind of visitor, held against the rules."""

import re

import pytest

from footfall import accounts, shares, tokens, users
from footfall.app import create_app
from footfall.users import ROLES
from footfall.web import rules
from footfall.web.rules import RULES, SHAREABLE
from tests.logins import OURS, PASSWORD

pytestmark = pytest.mark.usefixtures("cheap_hashes")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: What a page's function is replaced by answers so: the door let the request in.
IN = 299

#: The kinds of visitors who have a login, with their roles; ``blog`` is the site that is asked for.
PEOPLE = {
    "viewer": {"blog": "viewer"},
    "editor": {"blog": "editor"},
    "owner": {"blog": "owner"},
    "viewer of all": {"*": "viewer"},
    "owner of another site": {"shop": "owner"},
    "without a role": {},
    "admin": {"*": "owner"},
}
VISITORS = ("nobody", "program with a token", "visitor with a link", "visitor of a public site", *PEOPLE)

#: What is open to everybody, so that nothing becomes so by mistake.
OPEN = {"beacon.script", "beacon.pixel", "beacon.events", "static", "health.health", "health.ready",
        "health.exposition", "auth.login", "auth.code", "welcome.page", "share.unlock", "badge.svg",
        "unsubscribe.unsubscribe", "api.openapi"}
#: What needs no header with a token, but has one in its path.
TOKEN_IN_PATH = {"unsubscribe.unsubscribe"}


@pytest.fixture
def app(settings_of, store):
    for site in ("blog", "shop"):
        accounts.add(store, site)
    users.add(store, "keeper", PASSWORD)
    return create_app(settings_of())


def endpoints(app):
    """Every path with the endpoint of each of its methods."""
    paths = {}
    for rule in app.url_map.iter_rules():
        paths.setdefault(rule.rule, {}).update(dict.fromkeys(rule.methods, rule.endpoint))
    return paths


def filled_in(path, key=""):
    """A path that a route has, with something for each of its variables."""
    filled = path.replace("<site>", "blog").replace("<key>", key)
    return re.sub(r"<[^>]*>", "1", re.sub(r"<uuid:[^>]*>", "10f1d4a0-0000-11ef-8000-000000000000", filled))


def rank(visitor):
    """How much a visitor may do on the site that is asked for; -1 for nothing."""
    roles = PEOPLE.get(visitor, {})
    return max((ROLES.index(role) for site, role in roles.items() if site in ("blog", "*")), default=-1)


def expected(visitor, path, endpoint, method):
    """The status that the rules give, :data:`IN` where the door lets in."""
    takes = rules.rule_of(endpoint, method) if endpoint else None
    is_shown = endpoint in SHAREABLE and method in ("GET", "HEAD") and visitor == "visitor of a public site"
    lets_in = {
        rules.BEACON: True, rules.OPEN: True, rules.TOKEN: True,
        rules.SHARE: visitor == "visitor with a link",
        rules.USER: visitor in PEOPLE,
        rules.ADMIN: visitor == "admin",
        **{role: rank(visitor) >= place for place, role in enumerate(ROLES)},
    }.get(takes, False)
    return IN if lets_in or is_shown else refusal(visitor, path, endpoint, method, takes)


def refusal(visitor, path, endpoint, method, takes):
    """The status for whom the door does not let in."""
    if endpoint and endpoint.startswith("shared."):
        return 404
    if endpoint is None and path.startswith("/api/"):
        return 405
    if visitor not in PEOPLE:
        reading = 404 if path.startswith("/share/") else 303
        return reading if method in ("GET", "HEAD") else 403
    if endpoint is None:
        return 405
    # Whether there is a site that one may not see, one is not told.
    return 404 if takes != rules.ADMIN and rank(visitor) < 0 else 403


@pytest.mark.parametrize("visitor", VISITORS)
def test_every_route_is_open_to_those_whom_the_rules_let_in_and_to_nobody_else(app, store, visitor):
    client, headers, key = app.test_client(), dict(OURS), "x" * 22
    if visitor in PEOPLE:
        users.add(store, "anna", PASSWORD, PEOPLE[visitor])
        answer = client.post("/login", data={"name": "anna", "password": PASSWORD}, headers=OURS)
        assert answer.status_code == 303
    elif visitor == "program with a token":
        headers["Authorization"] = f"Bearer {tokens.add(store, 'blog')[0]}"
    elif visitor == "visitor with a link":
        key, _ = shares.add(store, "blog")
    elif visitor == "visitor of a public site":
        accounts.configure(store, "blog", {"public": "yes"})
    paths = endpoints(app)
    for name in app.view_functions:
        app.view_functions[name] = lambda **_: ("", IN)
    told, wanted = {}, {}
    for path, methods in paths.items():
        asked = filled_in(path, key)
        for method in METHODS:
            status = client.open(asked, method=method, headers=headers).status_code
            # Which methods there are, Flask answers by itself.
            told[method, path] = IN if method == "OPTIONS" and status == 200 else status
            wanted[method, path] = expected(visitor, path, methods.get(method), method)
    assert told == wanted


def test_every_route_has_its_rule_and_those_that_are_open_are_known(app):
    routed = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("shared.")}
    assert {name.partition(" ")[0] for name in RULES} == routed
    assert {endpoint for endpoint, rule in RULES.items() if rule in (rules.BEACON, rules.OPEN)} == OPEN
    assert all(RULES[endpoint] == rules.VIEWER for endpoint in SHAREABLE)


def test_what_takes_a_token_is_refused_without_one_whoever_is_logged_in(app):
    client = app.test_client()
    client.post("/login", data={"name": "keeper", "password": PASSWORD}, headers=OURS)
    for rule in app.url_map.iter_rules():
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            if rules.rule_of(rule.endpoint, method) == rules.TOKEN:
                path = filled_in(rule.rule)
                expected = 404 if rule.endpoint in TOKEN_IN_PATH else 401
                assert client.open(path, method=method, headers=OURS).status_code == expected, (method, path)


def test_a_route_of_a_site_has_the_site_in_its_path(app):
    for rule in app.url_map.iter_rules():
        if {RULES.get(rule.endpoint), *(RULES.get(f"{rule.endpoint} {each}") for each in METHODS)} & set(ROLES):
            assert "<site>" in rule.rule, rule.endpoint


def test_what_changes_something_takes_more_than_to_look_at_a_site(app):
    for rule in app.url_map.iter_rules():
        for method in rule.methods - {"GET", "HEAD", "OPTIONS"}:
            takes = rules.rule_of(rule.endpoint, method)
            assert takes not in (None, rules.VIEWER, rules.SHARE), (method, rule.rule)
            assert takes not in (rules.BEACON, rules.OPEN) or rule.endpoint in OPEN, (method, rule.rule)
