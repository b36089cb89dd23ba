"""The frame of the settings pages: which sections there are, who may see them, and how a form is answered.

What was good is answered by 303 to a page that says so once. What was not is shown again, as it was typed, with what is
wrong beside each field; nothing was changed then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, NamedTuple, TypeVar, cast

from flask import abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall import accounts
from footfall.collect.beacon import collector
from footfall.config import Config
from footfall.errors import UsageError
from footfall.site_settings import SITE_SETTINGS
from footfall.storage import Store
from footfall.web.auth import audit_here
from footfall.web.reports import reports
from footfall.web.rules import EDITOR, rule_of
from footfall.web.sites import account, site_blueprint

T = TypeVar("T")


class Section(NamedTuple):
    """A page of settings, as every other one leads to it."""

    title: str
    url: str
    is_current: bool


#: The sections in their order: title and endpoint, whose rule says who sees it.
SECTIONS: list[tuple[str, str]] = [
    ("General", "settings.index"),
    ("Installation", "settings.installation"),
    ("Filters", "settings.filters"),
    ("Goals", "settings.goals"),
    ("Funnels", "settings.funnels"),
    ("Annotations", "settings.annotations"),
    ("Privacy", "settings.privacy"),
    ("Tokens", "settings.tokens"),
    ("Import", "settings.imports"),
    ("Export", "settings.export"),
    ("Reports and alerts", "mailing.index"),
    ("People", "people.page"),
    ("Sharing", "sharing.page"),
    ("Audit log", "audits.of_site"),
]

EXTENSION = "footfall.web.settings"

blueprint = site_blueprint("settings", "/settings")
# Whoever has a section on a blueprint of its own shows the same list.
blueprint.app_context_processor(lambda: {"settings_sections": sections})


def sections() -> list[Section]:
    """Return the sections that the user may see."""
    here = g.get("section", request.endpoint)
    return [Section(title, url_for(endpoint), endpoint == here) for title, endpoint in SECTIONS
            if endpoint in current_app.view_functions
            and g.user.may(rule_of(endpoint, "GET") or EDITOR, g.site)]


class Form(dict[str, str]):
    """What was typed into a form, or stands in it to begin with, and what is wrong with it, by field."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        super().__init__({name: text.strip() for name, text in (values or {}).items()})
        self.problems: dict[str, str] = {}

    def __missing__(self, name: str) -> str:
        return ""

    def __bool__(self) -> bool:
        # One without fields is one all the same: what was sent had none.
        return True

    def over(self, other: Mapping[str, str]) -> Form:
        """Return it with the fields of another that it has not."""
        whole = Form({**other, **self})
        whole.problems = self.problems
        return whole

    @contextmanager
    def blaming(self, field: str) -> Iterator[None]:
        """Take a refusal as what is wrong with a field; several of one field are told by the first."""
        try:
            yield
        except (UsageError, ValueError) as error:
            self.problems.setdefault(field, str(error))


def page(template: str, section: str, **shown: Any) -> ResponseReturnValue:
    """Return the page of a section; 400 if a form that it shows has problems.

    :param section: the endpoint in :data:`SECTIONS`.
    """
    g.section = section
    has_problems = any(isinstance(each, Form) and each.problems for each in shown.values())
    return render_template(template, site=account(), refused=has_problems, **shown), 400 if has_problems else 200


def done(message: str, endpoint: str, **values: Any) -> ResponseReturnValue:
    """Return the answer to what was carried out: to a page, which says so once."""
    flash(message)
    return redirect(url_for(endpoint, **values), 303)


def present(keys: Collection[str]) -> Form:
    """Return a form with settings of the site as they are."""
    given = account().given
    return Form({each.key: given.get(each.key, each.default) for each in SITE_SETTINGS if each.key in keys})


def change_settings(form: Form, keys: Collection[str]) -> bool:
    """Give the site the settings that were typed, if each can be; return whether that was so.

    :param keys: of those that the form has. What is empty, or typed as the default is, takes the default.
    """
    before, changes = present(keys), {}
    for setting in (each for each in SITE_SETTINGS if each.key in keys):
        # Lists may be typed line by line.
        text = ", ".join(form[setting.key].splitlines()) or setting.default
        with form.blaming(setting.key):
            setting.parse(text)
        if text != before[setting.key]:
            changes[setting.key] = "" if text == setting.default else text
    if form.problems:
        return False
    if changes:
        site = accounts.configure(collector().store(), g.site, changes)
        audit_here("site.set", "; ".join(
            f"{key}: {before[key] or 'empty'} → {site.given.get(key, 'the default')}" for key in changes))
    return True


@blueprint.app_template_filter()
def counted(number: int, what: str) -> str:
    """Return a number with what it counts, such as ``1 event`` or ``2,000 events``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def day_of(text: str) -> date:
    """Return the day that a field names.

    :raises ValueError: it names none.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 1970 <= day.year < 2200:
        raise ValueError("must be a day such as 2026-01-31")
    return day


def found(find: Callable[[Store, str, str], T], definition_id: str) -> T:
    """Return a definition of the site, as a function of :mod:`footfall.goals` finds it; 404 if there is none."""
    try:
        return find(collector().store(), g.site, definition_id)
    except UsageError:
        abort(404)


def follow() -> None:
    """Bring the facts of the site on disk up to date: nothing is left there of events that are no more."""
    if server().facts.is_dir():
        reports().cache().refresh(g.site)


def server() -> Config:
    """Return the settings of the server, which no page can change."""
    return cast(Config, current_app.extensions[EXTENSION])
