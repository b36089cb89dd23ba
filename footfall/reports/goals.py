"""Goals: what a site wants its readers to do, as a filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from footfall.errors import UsageError
from footfall.reports.dimensions import PROP
from footfall.reports.filters import Filter, parse

#: Page-views are the only events without a name.
_PAGE_VIEW = ["not_matches", "event", "*"]


def filter_of(goal: object, *, name: str = "goal") -> Filter:
    """Return the filter that a goal stands for.

    :param goal: ``{"page": pattern}``: a view of a matching page; ``{"event": name, "props": {…}}``: an event of that
        name, with these properties; or a filter, as :func:`footfall.reports.filters.parse` takes it.
    :param name: what errors call it.
    :raises UsageError: it is none of these.
    """
    if not isinstance(goal, Mapping):
        return parse(goal, name=name)
    form: list[Any]
    if set(goal) == {"page"} and isinstance(goal["page"], str):
        form = ["and", _PAGE_VIEW, ["matches", "page", goal["page"]]]
    elif "event" in goal and set(goal) <= {"event", "props"} and isinstance(goal["event"], str):
        props = goal.get("props") or {}
        if not isinstance(props, Mapping):
            raise UsageError(f"{name}: props {props!r}: must be properties and their values")
        form = ["and", ["is", "event", goal["event"]], *(["is", f"{PROP}{key}", value] for key, value in props.items())]
    else:
        raise UsageError(f"{name} {dict(goal)!r}: must be {{'page': PATTERN}}, {{'event': NAME, 'props': {{…}}}} "
                         "or a filter")
    return parse(form, name=name)
