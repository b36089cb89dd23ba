"""What is asked for by flags: ranges of time, filters, goals, orders."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

from footfall import goals
from footfall.errors import UsageError
from footfall.reports.filters import OPERATORS

_WORDS = "|".join(sorted(OPERATORS, key=len, reverse=True)).replace("_", "[_ ]")
_CONDITION = re.compile(rf"\s*(\S+)\s+({_WORDS})\s+(.+)")


def moment(flag: str, given: str, *, end: bool = False, zone: tzinfo = UTC) -> datetime:
    """Return the instant that a flag names: a day's midnight, with ``end`` the next one's, or the instant itself.

    :param zone: the time zone of what is given without an offset, and of what is returned.
    :raises UsageError: it is neither a day nor an instant in ISO 8601.
    """
    try:
        if len(given) == len("2026-01-02"):
            return midnight(date.fromisoformat(given) + timedelta(days=end), zone)
        instant = datetime.fromisoformat(given)
    except (ValueError, OverflowError):
        raise UsageError(f"{flag}={given!r}: must be a day such as 2026-01-02, or an instant "
                         "such as 2026-01-02T15:00") from None
    return instant.replace(tzinfo=zone) if instant.tzinfo is None else instant.astimezone(zone)


def midnight(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the instant at which a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def grain_of(span: tuple[datetime, datetime], width: int) -> str:
    """Return the shortest time by which a range fits in a line of the terminal."""
    days, most = (span[1] - span[0]) / timedelta(days=1), width - len("Views by month: ")
    if days <= 2:
        return "hour"
    return "day" if days <= most else "week" if days <= 7 * most else "month"


def filter_of(conditions: Sequence[str], form: str | None) -> object:
    """Return the filter that flags describe, all of them to be satisfied; ``None`` if there are none.

    :param conditions: of ``--where``, each ``DIMENSION OPERATOR VALUE[,VALUE]``.
    :param form: of ``--filter``, JSON.
    :raises UsageError: one is none.
    """
    parts = [*map(_condition, conditions), *([_json("--filter", form)] if form is not None else [])]
    return ["and", *parts] if len(parts) > 1 else parts[0] if parts else None


def goal_of(given: str, flag: str = "--goal") -> object:
    """Return the goal that a flag names: a page's pattern, an event's name, or JSON.

    :param flag: what errors call it.
    :raises UsageError: it is meant as JSON, and is none.
    """
    try:
        return goals.read(given)
    except ValueError as error:
        raise UsageError(f"{flag}={given!r}: {error}") from None


def order_of(given: Sequence[str], metrics: Sequence[str], dimensions: Sequence[str]) -> list[tuple[str, str]]:
    """Return the order that flags ask for: pairs of a name and ``asc`` or ``desc``, of a metric ``desc`` unless said.

    :param given: of ``--order``, each ``NAME``, ``NAME asc`` or ``NAME desc``.
    :raises UsageError: one is none, or names something else than a metric or dimension that is asked for.
    """
    pairs = []
    for each in given:
        name, _, direction = each.strip().partition(" ")
        direction = direction or ("desc" if name in metrics else "asc")
        if direction not in ("asc", "desc"):
            raise UsageError(f"--order={each!r}: must be a name, and asc or desc")
        if name not in (*metrics, *dimensions):
            raise UsageError(f"--order={each!r}: not asked for; use {', '.join((*metrics, *dimensions))}")
        pairs.append((name, direction))
    return pairs


def _condition(given: str) -> list[object]:
    found = _CONDITION.fullmatch(given)
    if found is None:
        raise UsageError(f"--where={given!r}: must be DIM OPERATOR VALUE[,VALUE], such as 'page matches /blog/*', by "
                         f"{', '.join(OPERATORS)}")
    dimension, operator, values = found.groups()
    return [operator.replace(" ", "_"), dimension, [value.strip() for value in values.split(",")]]


def _json(flag: str, given: str) -> object:
    try:
        found: object = json.loads(given)
    except (ValueError, RecursionError):
        raise UsageError(f"{flag}={given!r}: must be JSON, such as '[\"is\", \"country\", [\"DE\", \"AT\"]]'") from None
    return found
