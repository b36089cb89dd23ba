"""Goals: what a site wants its readers to do, as a filter; and the steps that lead there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from footfall.errors import UsageError
from footfall.reports.dimensions import PROP
from footfall.reports.filters import Filter, parse
from footfall.timeuuid import TICKS_PER_SECOND

#: More steps than a funnel can show.
MOST_STEPS = 20

#: Page-views are the only events without a name.
_PAGE_VIEW = ["not_matches", "event", "*"]


def filter_of(goal: object, *, name: str = "goal") -> Filter:
    """Return the filter that a goal stands for.

    :param goal: ``{"page": pattern}``: a view of a matching page; ``{"event": name, "props": {…}}``: an event of that
        name, with these properties; or a filter, as :func:`footfall.reports.filters.parse` takes it.
    :param name: what errors call it.
    :raises UsageError: it is none of these.
    """
    return parse(form_of(goal, name=name), name=name)


def form_of(goal: object, *, name: str = "goal") -> Any:
    """Return the filter that a goal stands for as it is written, to be one of several in a question.

    :param goal: as :func:`filter_of` takes it; a filter is returned as it is.
    :raises UsageError: it is a mapping and no goal.
    """
    if not isinstance(goal, Mapping):
        return goal
    if set(goal) == {"page"} and isinstance(goal["page"], str):
        return ["and", _PAGE_VIEW, ["matches", "page", goal["page"]]]
    if "event" in goal and set(goal) <= {"event", "props"} and isinstance(goal["event"], str):
        props = goal.get("props") or {}
        if not isinstance(props, Mapping):
            raise UsageError(f"{name}: props {props!r}: must be properties and their values")
        return ["and", ["is", "event", goal["event"]], *(["is", f"{PROP}{key}", value] for key, value in props.items())]
    raise UsageError(f"{name} {dict(goal)!r}: must be {{'page': PATTERN}}, {{'event': NAME, 'props': {{…}}}} "
                     "or a filter")


def steps_of(steps: object) -> list[Filter]:
    """Return the filters that the steps of a funnel stand for.

    :param steps: goals or filters, as :func:`filter_of` takes them.
    :raises UsageError: one is none, or there are none or too many.
    """
    if not isinstance(steps, list | tuple) or not 1 <= len(steps) <= MOST_STEPS:
        raise UsageError(f"steps {steps!r}: must be a list of one to {MOST_STEPS} goals or filters")
    return [filter_of(step, name=f"step {number}") for number, step in enumerate(steps, 1)]


def window_of(within: object) -> int | None:
    """Return within how many 100-ns ticks the steps of a funnel must be taken, ``None`` for a visit.

    :param within: ``visit``, a timedelta, or seconds.
    :raises UsageError: it is none of these.
    """
    if within == "visit":
        return None
    seconds: Any = within.total_seconds() if isinstance(within, timedelta) else within
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= 1e9:
        raise UsageError(f"within {within!r}: must be 'visit', a timedelta or seconds")
    return round(seconds * TICKS_PER_SECOND)
