"""What events and visits can be told apart by. docs/metrics.md defines each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from footfall.errors import UsageError
from footfall.reports.facts import TABLES

Kind = Literal["time", "page", "end", "visit"]
Row = tuple[str | None, ...]

#: How the name of a dimension begins that is a property of events.
PROP = "prop:"


@dataclass(frozen=True)
class Dimension:
    """One thing that events can be told apart by.

    :param kind: ``time``; ``page``: differs from event to event of a visit; ``end``: page that a visit began or ended
        with; ``visit``: what the first event tells holds for the whole visit.
    :param table: the table of :data:`~footfall.reports.facts.TABLES` that has its values; empty for times.
    :param index: its place in a row of the table.
    """

    name: str
    kind: Kind
    table: str = ""
    index: int = 0

    def value(self, row: Row) -> str | None:
        """Return the value that a row of the table has, ``None`` if it is missing."""
        text = row[self.index]
        if not self.name.startswith(PROP):
            return text
        return None if text is None else as_text(json.loads(text).get(self.name.removeprefix(PROP)))


def _known() -> dict[str, Dimension]:
    found = {name: Dimension(name, "time") for name in ("hour", "day", "week", "month")}
    of_page = ("kind", "page", "url")
    for table, names in TABLES.items():
        if table != "props":
            found |= {name: Dimension(name, "page" if table in of_page else "visit", table, index)
                      for index, name in enumerate(names)}
    place = TABLES["page"].index("page")
    return found | {name: Dimension(name, "end", "page", place) for name in ("entry_page", "exit_page")}


#: Every dimension but the properties, by name.
DIMENSIONS = _known()


def dimension(name: object) -> Dimension:
    """Return a dimension by its name.

    :raises UsageError: there is none of that name.
    """
    if isinstance(name, str):
        if name in DIMENSIONS:
            return DIMENSIONS[name]
        if name.startswith(PROP) and name != PROP:
            return Dimension(name, "page", "props")
    raise UsageError(f"dimension {name!r}: unknown; use {', '.join(DIMENSIONS)} or {PROP}NAME")


def as_text(value: object) -> str | None:
    """Return a property as the text that it is counted under: text as it is, anything else as JSON writes it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
