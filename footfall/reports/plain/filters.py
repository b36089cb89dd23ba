"""What a filter means: of an event by its own values, and of an event as a part of its visit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from footfall.errors import UsageError
from footfall.reports.plain.events import PLACES, PlainEvent, Visit, prop_text
from footfall.reports.plain.times import TIMES

Filter = Sequence[Any]

#: A visit's ends, by their pages.
ENDS = ("entry_page", "exit_page")
#: What changes within a visit: each event has its own. All others but time are the visit's, by its first event.
PAGE_DIMENSIONS = ("page", "host", "title", "url", "event")
#: The operators that a missing value satisfies, and the ones that they deny.
NEGATIVE = {"is_not": "is", "not_contains": "contains", "not_matches": "matches"}
POSITIVE: Mapping[str, Callable[[str, str], bool]] = {
    "is": lambda value, wanted: value == wanted,
    "in": lambda value, wanted: value == wanted,
    "contains": lambda value, wanted: wanted.casefold() in value.casefold(),
    "matches": lambda value, wanted: _pattern(wanted).fullmatch(value) is not None,
}


def is_page_dimension(dimension: str) -> bool:
    """Tell whether a dimension is of the page, and so may have several values in a visit."""
    return dimension in PAGE_DIMENSIONS or dimension.startswith("prop:")


def own_value(dimension: str, event: PlainEvent, visit: Visit | None) -> str | None:
    """Return an event's own value of a dimension; a visit's ends are those of its visit, if it has one."""
    if dimension in ENDS:
        if visit is None:
            return None
        return (visit.first if dimension == "entry_page" else visit.last).value("page")
    return event.value(dimension)


def visit_value(dimension: str, event: PlainEvent, visit: Visit) -> str | None:
    """Return the value of an event as a part of its visit: what is the visit's is told by the visit's first event."""
    if is_page_dimension(dimension) or dimension in ENDS:
        return own_value(dimension, event, visit)
    return visit.first.value(dimension)


def is_chosen(where: Filter | None, event: PlainEvent, visit: Visit | None) -> bool:
    """Tell whether an event satisfies a filter by its own values."""
    return where is None or _satisfies(where, lambda dimension: own_value(dimension, event, visit),
                                       lambda part: visit is not None and is_visit_chosen(part, visit))


def is_chosen_in_visit(where: Filter | None, event: PlainEvent, visit: Visit) -> bool:
    """Tell whether an event satisfies a filter as a part of its visit."""
    return where is None or _satisfies(where, lambda dimension: visit_value(dimension, event, visit),
                                       lambda part: is_visit_chosen(part, visit))


def chosen_events(where: Filter | None, visit: Visit) -> list[PlainEvent]:
    """Return the events of a visit that satisfy a filter as its parts."""
    return [event for event in visit.events if is_chosen_in_visit(where, event, visit)]


def is_visit_chosen(where: Filter | None, visit: Visit) -> bool:
    """Tell whether a visit has an event that satisfies a filter as its part."""
    return any(is_chosen_in_visit(where, event, visit) for event in visit.events)


def goal_filter(goal: Mapping[str, Any] | Filter) -> Filter:
    """Return the filter that a goal stands for.

    :param goal: ``{"page": pattern}``, ``{"event": name, "props": {name: value}}``, or a filter, which is itself.
    """
    if not isinstance(goal, Mapping):
        return goal
    if "page" in goal:
        # Only a page-view has no name, and a missing value satisfies only what is negative.
        return ["and", ["not_matches", "event", "*"], ["matches", "page", goal["page"]]]
    return ["and", ["is", "event", goal["event"]],
            *(["is", f"prop:{name}", prop_text(value)] for name, value in goal.get("props", {}).items())]


def check_dimension(dimension: str, more: Sequence[str] = ()) -> None:
    """Pass over a dimension that there is.

    :param more: others that may be used here.
    :raises UsageError: there is none of that name.
    """
    if not (dimension in PLACES or dimension in ENDS or dimension.startswith("prop:") or dimension in more):
        raise UsageError(f"{dimension!r}: no dimension here; use {', '.join((*more, *PLACES, *ENDS))} or prop:NAME")


def check_filter(where: Filter, *, in_visit: bool = False) -> None:
    """Pass over a filter that can be used.

    :param in_visit: it stands in a ``visit`` already.
    :raises UsageError: it cannot; the message says why.
    """
    match where:
        case ["and" | "or", *parts]:
            for part in parts:
                check_filter(part, in_visit=in_visit)
        case ["not", part]:
            check_filter(part, in_visit=in_visit)
        case ["visit", part]:
            if in_visit:
                raise UsageError(f"filter {where!r}: a visit cannot stand in a visit; leave the inner one out")
            check_filter(part, in_visit=True)
        case [str(operator), str(dimension), wanted] if operator in POSITIVE or operator in NEGATIVE:
            if dimension in TIMES:
                raise UsageError(f"filter {where!r}: time is not filtered; choose a range by since and until")
            check_dimension(dimension)
            kinds = str | bool | int | float if dimension.startswith("prop:") else str
            if not all(isinstance(each, kinds) for each in _listed(wanted)):
                raise UsageError(f"filter {where!r}: {wanted!r} must be text, of a property also a number, or a list")
        case _:
            raise UsageError(f"filter {where!r}: must be [operator, dimension, text or list of texts], with one of "
                             f"{', '.join((*POSITIVE, *NEGATIVE))}; or and, or, not, visit with filters")


def _satisfies(where: Filter, value: Callable[[str], str | None], of_visit: Callable[[Filter], bool]) -> bool:
    """Tell whether what has some values satisfies a filter.

    :param value: gives the value of a dimension.
    :param of_visit: tells whether its visit is chosen by the filter in a ``visit``.
    """
    match where:
        case ["and", *parts]:
            return all(_satisfies(part, value, of_visit) for part in parts)
        case ["or", *parts]:
            return any(_satisfies(part, value, of_visit) for part in parts)
        case ["not", part]:
            return not _satisfies(part, value, of_visit)
        case ["visit", part]:
            return of_visit(part)
    operator, dimension, wanted = where
    if operator in NEGATIVE:
        return not _satisfies([NEGATIVE[operator], dimension, wanted], value, of_visit)
    had = value(dimension)
    return had is not None and any(POSITIVE[operator](had, str(prop_text(each))) for each in _listed(wanted))


def _listed(wanted: Any) -> Sequence[Any]:
    return wanted if isinstance(wanted, list | tuple) else [wanted]


def _pattern(text: str) -> re.Pattern[str]:
    """Return what a pattern stands for: itself, where each ``*`` is any run of characters, also an empty one."""
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)
