"""The goals, funnels and annotations of a site, as its people define them.

They are :mod:`footfall.definitions`, checked when they are written as the reports check what they are asked, so that
what is kept can be asked for. docs/goals.md says what each is.
"""

# Without `from __future__ import annotations`: that is a name of ours here.
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from footfall import accounts, definitions
from footfall.definitions import Definition
from footfall.errors import UsageError
from footfall.reports.goals import filter_of, steps_of, window_of
from footfall.storage import Store

GOAL, FUNNEL, ANNOTATION = "goal", "funnel", "annotation"
#: Of a kind and a site: a page that shows them asks the engine about each.
MOST = 100
MAX_NAME, MAX_TEXT, MAX_FORM = 64, 500, 4_096


class Goal(NamedTuple):
    """What a site wants its readers to do.

    :param form: ``{"page": pattern}`` or ``{"event": name, "props": {…}}``, as
        :func:`footfall.reports.goals.filter_of` takes it.
    """

    id: str
    name: str
    form: Mapping[str, Any]


class Funnel(NamedTuple):
    """Steps that readers take one after the other.

    :param steps: goals or filters, as :func:`footfall.reports.funnels.funnel` takes them.
    :param within: ``visit``, or in how many seconds a visitor must take them all.
    """

    id: str
    name: str
    steps: Sequence[Any]
    within: str | int | float


class Annotation(NamedTuple):
    """What happened on a day, to be seen beside its numbers.

    :param day: in the site's time zone.
    :param by: the user who wrote it; empty if the command line did.
    """

    id: str
    day: date
    text: str
    by: str


def goals(store: Store, site: str) -> list[Goal]:
    """Return a site's goals, in order of their names."""
    return sorted(map(_goal, definitions.all_of(store, site, GOAL)), key=_by_name)


def find_goal(store: Store, site: str, goal_id: str) -> Goal:
    """Return a goal.

    :raises UsageError: there is none of that id.
    """
    return _goal(definitions.find(store, site, GOAL, goal_id))


def add_goal(store: Store, site: str, name: str, form: object, by: str = "") -> Goal:
    """Add a goal, and return it.

    :param form: see :class:`Goal`.
    :raises UsageError: there is no such site, the name or the form cannot be one, or another goal has the name.
    """
    return _goal(_add(store, site, GOAL, _goal_fields(store, site, name, form), by))


def change_goal(store: Store, site: str, goal_id: str, name: str, form: object) -> Goal:
    """Give a goal another name and form, and return it.

    :raises UsageError: as :func:`add_goal`, or there is none of that id.
    """
    return _goal(definitions.change(store, site, GOAL, goal_id, _goal_fields(store, site, name, form, goal_id)))


def remove_goal(store: Store, site: str, goal_id: str) -> Goal:
    """Remove a goal, and return what it was.

    :raises UsageError: there is none of that id.
    """
    return _goal(definitions.remove(store, site, GOAL, goal_id))


def funnels(store: Store, site: str) -> list[Funnel]:
    """Return a site's funnels, in order of their names."""
    return sorted(map(_funnel, definitions.all_of(store, site, FUNNEL)), key=_by_name)


def find_funnel(store: Store, site: str, funnel_id: str) -> Funnel:
    """Return a funnel.

    :raises UsageError: there is none of that id.
    """
    return _funnel(definitions.find(store, site, FUNNEL, funnel_id))


def add_funnel(store: Store, site: str, name: str, steps: object, within: object = "visit", by: str = "") -> Funnel:
    """Add a funnel, and return it.

    :param steps: see :class:`Funnel`; ``within`` too.
    :raises UsageError: there is no such site, something is not what it may be, or another funnel has the name.
    """
    return _funnel(_add(store, site, FUNNEL, _funnel_fields(store, site, name, steps, within), by))


def change_funnel(store: Store, site: str, funnel_id: str, name: str, steps: object,
                  within: object = "visit") -> Funnel:
    """Give a funnel another name and other steps, and return it.

    :raises UsageError: as :func:`add_funnel`, or there is none of that id.
    """
    fields = _funnel_fields(store, site, name, steps, within, funnel_id)
    return _funnel(definitions.change(store, site, FUNNEL, funnel_id, fields))


def remove_funnel(store: Store, site: str, funnel_id: str) -> Funnel:
    """Remove a funnel, and return what it was.

    :raises UsageError: there is none of that id.
    """
    return _funnel(definitions.remove(store, site, FUNNEL, funnel_id))


def annotations(store: Store, site: str) -> list[Annotation]:
    """Return a site's annotations, in order of their days, those of one day in the order in which they were written."""
    return sorted(map(_annotation, definitions.all_of(store, site, ANNOTATION)), key=lambda each: each.day)


def find_annotation(store: Store, site: str, annotation_id: str) -> Annotation:
    """Return an annotation.

    :raises UsageError: there is none of that id.
    """
    return _annotation(definitions.find(store, site, ANNOTATION, annotation_id))


def add_annotation(store: Store, site: str, day: date | str, text: str, by: str = "") -> Annotation:
    """Add an annotation, and return it.

    :param day: in the site's time zone; a text is in ISO's form.
    :raises UsageError: there is no such site, or the day or the text cannot be one.
    """
    return _annotation(_add(store, site, ANNOTATION, _annotation_fields(day, text), by))


def change_annotation(store: Store, site: str, annotation_id: str, day: date | str, text: str) -> Annotation:
    """Give an annotation another day and text, and return it.

    :raises UsageError: as :func:`add_annotation`, or there is none of that id.
    """
    return _annotation(definitions.change(store, site, ANNOTATION, annotation_id, _annotation_fields(day, text)))


def remove_annotation(store: Store, site: str, annotation_id: str) -> Annotation:
    """Remove an annotation, and return what it was.

    :raises UsageError: there is none of that id.
    """
    return _annotation(definitions.remove(store, site, ANNOTATION, annotation_id))


def described(form: object) -> str:
    """Return a goal, or a step of a funnel, in a line: its page, its event, or else JSON."""
    if isinstance(form, Mapping):
        if "page" in form:
            return str(form["page"])
        if not form.get("props"):
            return str(form["event"])
    return json.dumps(form, ensure_ascii=False)


def read(text: str) -> Any:
    """Return the goal, or the step of a funnel, that a line describes: a page's pattern, an event's name, or JSON.

    :raises ValueError: it is meant as JSON, and is none.
    """
    if not text.startswith(("{", "[")):
        return {"page": text} if text.startswith(("/", "*")) else {"event": text}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("must be JSON, such as '[\"is\", \"country\", [\"DE\", \"AT\"]]'") from None


def _add(store: Store, site: str, kind: str, fields: Mapping[str, Any], by: str) -> Definition:
    accounts.find(store, site)
    if len(definitions.all_of(store, site, kind)) >= MOST:
        raise UsageError(f"{kind}: {site} has {MOST} already; remove one first")
    return definitions.add(store, site, kind, fields, by)


def _goal_fields(store: Store, site: str, name: str, form: object, own: str = "") -> dict[str, Any]:
    if not isinstance(form, Mapping):
        raise UsageError(f"goal {form!r}: must be {{'page': PATTERN}} or {{'event': NAME, 'props': {{…}}}}")
    filter_of(form)
    return {"name": _name(store, site, GOAL, name, own), "form": _bounded("goal", dict(form))}


def _funnel_fields(store: Store, site: str, name: str, steps: object, within: object, own: str = "") -> dict[str, Any]:
    steps_of(steps)
    if window_of(within) is not None and not isinstance(within, int | float):
        raise UsageError(f"within {within!r}: must be 'visit' or seconds")
    return {"name": _name(store, site, FUNNEL, name, own), "steps": _bounded("steps", steps), "within": within}


def _annotation_fields(day: date | str, text: str) -> dict[str, Any]:
    return {"day": _day(day).isoformat(), "text": _line("text", text, MAX_TEXT)}


def _name(store: Store, site: str, kind: str, name: str, own: str) -> str:
    """Return the name of a goal or funnel as it is kept.

    :param own: the id of the one that it is for, which may have it already.
    """
    name = _line("name", name, MAX_NAME)
    for other in definitions.all_of(store, site, kind):
        if other.id != own and other.fields["name"] == name:
            raise UsageError(f"name {name!r}: {kind} {other.id} has it; take another")
    return name


def _line(what: str, given: object, most: int) -> str:
    text = " ".join(given.split()) if isinstance(given, str) else ""
    if not text or len(text) > most or not text.isprintable():
        raise UsageError(f"{what} {given!r}: must be text of 1 to {most} characters")
    return text


def _bounded(what: str, form: Any) -> Any:
    """Return what a form says as JSON has it, so that it comes back as it was written."""
    text = json.dumps(form)
    if len(text) > MAX_FORM:
        raise UsageError(f"{what}: {len(text)} characters as JSON; write at most {MAX_FORM}")
    return json.loads(text)


def _day(given: object) -> date:
    try:
        day = date.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        day = None
    if type(day) is not date or not 1970 <= day.year < 2200 or (isinstance(given, str) and day.isoformat() != given):
        raise UsageError(f"day {given!r}: must be a day such as 2026-01-31")
    return day


def _by_name(each: Goal | Funnel) -> tuple[str, str]:
    return each.name.casefold(), each.id


def _goal(found: Definition) -> Goal:
    return Goal(found.id, found.fields["name"], found.fields["form"])


def _funnel(found: Definition) -> Funnel:
    return Funnel(found.id, found.fields["name"], found.fields["steps"], found.fields["within"])


def _annotation(found: Definition) -> Annotation:
    return Annotation(found.id, date.fromisoformat(found.fields["day"]), found.fields["text"], found.by)
