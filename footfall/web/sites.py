"""The pages of a site, under ``/sites/<site>``: every one shows a :class:`~footfall.web.view.View`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from flask import Blueprint, abort, current_app, g, request, url_for
from flask.typing import ResponseReturnValue

from footfall import accounts
from footfall.accounts import Account
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.web import names
from footfall.web.rules import is_shareable
from footfall.web.view import COMPARISONS, PERIODS, View, is_field, parse_view, today_in

PREFIX = "/sites/<site>"


class Tab(NamedTuple):
    """A page of a site, as every other one leads to it."""

    title: str
    url: str
    is_current: bool


#: The pages that every page of a site leads to: the endpoint, in the blueprint that is shown or in one of its own, and
#: the role that it takes. One that is not there, as on a page that is shared, is left out.
TABS: Sequence[tuple[str, str, str]] = (
    ("Overview", ".overview", "viewer"),
    ("Goals", ".goals", "viewer"),
    ("Retention", ".retention", "viewer"),
    ("Paths", ".paths", "viewer"),
    ("Events", ".events", "viewer"),
    ("Filtered", ".filtered", "viewer"),
    ("Settings", "settings.index", "editor"),
)

#: Fields of a URL that say how far one has gone in a list.
POSITIONS = ("from", "before", "after")
#: Fields that mean something in the days that are shown alone.
OF_DAYS = ("hour", "now", "cohort")


def site_blueprint(name: str, under: str = "") -> Blueprint:
    """Return a blueprint of pages of a site, which keep the site of their URL in ``g.site``.

    :param under: the path below the site's that they are at, such as ``/settings``.

    ``url_for`` needs no site there.
    """
    made = Blueprint(name, __name__, url_prefix=PREFIX + under)
    made.url_value_preprocessor(_take_site)
    made.url_defaults(_give_site)
    made.register_error_handler(UsageError, cannot_be)
    made.context_processor(lambda: {
        "site_tabs": tabs, "here": here, "fields_but": fields_but, "names": names, "PERIODS": PERIODS,
        "COMPARISONS": COMPARISONS, "OF_DAYS": OF_DAYS})
    return made


def _take_site(_: str | None, values: dict[str, Any] | None) -> None:
    values = values or {}
    # Whose site a share link is of, the door finds out.
    g.share_key = values.pop("key", None)
    g.site = values.setdefault("site", "")


def _give_site(endpoint: str, values: dict[str, Any]) -> None:
    for name, value in (("site", g.get("site")), ("key", g.get("share_key"))):
        if value and current_app.url_map.is_endpoint_expecting(endpoint, name):
            values.setdefault(name, value)


def cannot_be(error: UsageError) -> ResponseReturnValue:
    """Answer what asks for what cannot be."""
    return f"{error}\n", 400, {"Content-Type": "text/plain; charset=utf-8"}


blueprint = site_blueprint("site")


def tabs() -> list[Tab]:
    """Return the pages that the one of the request leads to: with what it shows, those that the reader may see."""
    found = []
    for title, name, role in TABS:
        endpoint = f"{_pages()}{name}" if name.startswith(".") else name
        if endpoint in current_app.view_functions and (may(role) or is_shareable(endpoint)):
            url = url_for(endpoint) + _shown()
            # A section of the settings may have a blueprint of its own.
            is_current = request.endpoint == endpoint or (not name.startswith(".") and (
                request.blueprint == endpoint.partition(".")[0] or "section" in g))
            found.append(Tab(title, url, is_current))
    return found


def here(shown: View) -> str:
    """Return the URL of the page of the request that shows something else, a list of it from its beginning on."""
    endpoint = request.endpoint or ""
    # Of a page that is shared the URL does not have the site that its function is given.
    values = {name: value for name, value in (request.view_args or {}).items()
              if current_app.url_map.is_endpoint_expecting(endpoint, name)}
    path = url_for(endpoint, **values)
    is_other = "view" in g and (g.view.period, g.view.range) != (shown.period, shown.range)
    without = OF_DAYS if is_other else ()
    return path + shown.search(*((name, value) for name, value in _asked()
                                 if not is_field(name) and name not in without))


def fields_but(*left_out: str) -> list[tuple[str, str]]:
    """Return what the request asks for, for a form to carry along, but for some fields."""
    return [(name, value) for name, value in _asked() if name not in left_out]


def _asked() -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in request.args.items(multi=True) if value and name not in POSITIONS)


def _pages() -> str:
    """Return the blueprint with the pages of the site, which is shared under another name."""
    here = request.blueprint or ""
    return here if f"{here}.overview" in current_app.view_functions else blueprint.name


def may(role: str) -> bool:
    """Tell whether whoever looks at the site's pages has a role there."""
    user = g.get("user")
    return user is not None and user.may(role, g.site)


def _shown() -> str:
    """Return the end of a URL with the view of the request, if it has one."""
    return g.view.search() if "view" in g else ""


def account() -> Account:
    """Return the site of the request, as it was when it was first asked for; it is kept in ``g.account``."""
    if "account" not in g:
        try:
            g.account = accounts.find(collector().store(), g.site)
        except UsageError:
            abort(404)
    return cast(Account, g.account)


def view() -> View:
    """Return what the request asks to be shown; it is kept in ``g.view``, for the links to other pages.

    :raises UsageError: it asks for what cannot be.
    """
    site = account()
    zone = site.settings["timezone"]
    g.view = parse_view(request.args.items(multi=True), site.id, zone, today_in(zone))
    return cast(View, g.view)
