"""An account's events in order, as they are stored, and the visits that they make."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from footfall import pageview, timeuuid
from footfall.reports.facts import TABLES, Fact, fact_of
from footfall.storage import Store

#: The families that are counted.
FAMILIES = ("PageViews", "Events")
#: The tracker's reports on a page: neither events nor a reader's acts.
REPORTS = ("engagement", "vitals")
#: The longest time between two events of one visit: 30 minutes, in ticks of 100 ns. Exactly so much is still one visit.
LONGEST_GAP = 1_800 * 10_000_000
#: Where a fact holds a dimension: its table, and the place in the table's row.
PLACES = {dimension: (table, place) for table, dimensions in TABLES.items() if table != "props"
          for place, dimension in enumerate(dimensions)}
_DAY = timedelta(days=1)


class PlainEvent(NamedTuple):
    """One event.

    :param name: its time UUID.
    :param order: bytes whose order is that of the names: by time, those of one instant as Cassandra has them.
    :param ticks: its time, in ticks of 100 ns since 1970.
    :param visitor: whose it is; 0 for nobody's.
    :param fact: what it tells.
    :param props: its properties, as they are stored.
    """

    name: uuid.UUID
    order: bytes
    ticks: int
    visitor: int
    fact: Fact
    props: Mapping[str, Any]

    @property
    def is_view(self) -> bool:
        """Whether it is a page-view, which has no name."""
        return self.fact.kind[0] is None

    @property
    def is_custom(self) -> bool:
        """Whether it is a custom event: no page-view, and no report of the tracker."""
        return not self.is_view and self.fact.kind[0] not in REPORTS

    @property
    def is_active(self) -> bool:
        """Whether its reader brought it about: a custom event, but that a page was not found."""
        return self.is_custom and self.fact.kind[0] != "404"

    def value(self, dimension: str) -> str | None:
        """Return its own value of a dimension, ``None`` for a missing one. Time and a visit's ends are none of them."""
        if dimension.startswith("prop:"):
            return prop_text(self.props.get(dimension.removeprefix("prop:")))
        table, place = PLACES[dimension]
        text: str | None = getattr(self.fact, table)[place]
        return text


class Visit(NamedTuple):
    """A visitor's events of one visit, in order."""

    events: Sequence[PlainEvent]

    @property
    def first(self) -> PlainEvent:
        """The event by which it belongs to an instant, an hour, a day."""
        return self.events[0]

    @property
    def last(self) -> PlainEvent:
        """The event it ends with."""
        return self.events[-1]

    @property
    def views(self) -> int:
        """How many page-views it has."""
        return sum(event.is_view for event in self.events)

    @property
    def is_bounce(self) -> bool:
        """Whether it is exactly one page-view on which its reader did nothing."""
        return self.views == 1 and not any(event.is_active for event in self.events)

    @property
    def duration(self) -> int:
        """The time from its first event to its last, in ticks."""
        return self.last.ticks - self.first.ticks


def prop_text(value: Any) -> str | None:
    """Return a property as text: text as it is, numbers and booleans as JSON writes them, null as missing."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def event_of(name: uuid.UUID, fields: Mapping[str, Any]) -> PlainEvent:
    """Return a stored event.

    :param fields: what its column's value holds.
    """
    fact, props = fact_of(fields), fields.get("props")
    return PlainEvent(name, timeuuid.sort_key(name), timeuuid.ticks_of(name), fact.visitor, fact,
                      props if isinstance(props, dict) else {})


def in_order(events: Iterable[PlainEvent]) -> list[PlainEvent]:
    """Return events in order of time; those of one instant in the order of their names."""
    return sorted(events, key=lambda event: event.order)


def read(store: Store, account: str, since: date | None = None, until: date | None = None) -> list[PlainEvent]:
    """Return an account's events of some days, and as many before and after as the visits of those days take.

    :param since: the first day, in whatever time zone; ``None`` for the first there is.
    :param until: the day after the last; ``None`` for all to the last there is.
    :returns: the events in order. Which of them a question is about is the question's to say.
    """
    if since is None or until is None:
        days = _days(store, account)
        if not days:
            return []
        since, until = since or min(days), until or max(days) + _DAY
    # A day somewhere in the world begins up to 14 hours before UTC's and ends up to 12 hours after it.
    first, last = since - _DAY, until
    asked = timeuuid.ticks_at(first), timeuuid.ticks_at(last + _DAY)
    events = [event for number in range((last - first).days + 1)
              for event in _day(store, account, first + number * _DAY)]
    while any(_touches(visit, *asked) and visit.first.ticks - timeuuid.ticks_at(first) <= LONGEST_GAP
              for visit in visits(events)):
        first -= _DAY
        events = [*_day(store, account, first), *events]
    while any(_touches(visit, *asked) and timeuuid.ticks_at(last + _DAY) - visit.last.ticks <= LONGEST_GAP
              for visit in visits(events)):
        last += _DAY
        events = [*events, *_day(store, account, last)]
    return events


def visitors_before(store: Store, account: str, day: date, since: int = 0) -> set[int]:
    """Return the visitors of an account's events before a UTC day.

    :param since: ticks since 1970 of the first event that counts.
    """
    return {event.visitor for each in sorted(_days(store, account)) if each < day
            for event in _day(store, account, each) if event.visitor and event.ticks >= since}


def visits(events: Iterable[PlainEvent]) -> list[Visit]:
    """Return the visits that events make: a visitor's, with no gap above :data:`LONGEST_GAP`.

    :param events: in any order.
    """
    of_visitor: defaultdict[int, list[PlainEvent]] = defaultdict(list)
    for event in in_order(events):
        if event.visitor:
            of_visitor[event.visitor].append(event)
    found = []
    for theirs in of_visitor.values():
        visit = [theirs[0]]
        for event in theirs[1:]:
            if event.ticks - visit[-1].ticks > LONGEST_GAP:
                found.append(Visit(visit))
                visit = []
            visit.append(event)
        found.append(Visit(visit))
    return found


def with_visits(events: Sequence[PlainEvent], made: Sequence[Visit]) -> Iterator[tuple[PlainEvent, Visit | None]]:
    """Yield each event with its visit; with ``None`` if it has no visitor.

    :param made: the visits that the events make.
    """
    for visit in made:
        for event in visit.events:
            yield event, visit
    for event in events:
        if not event.visitor:
            yield event, None


def _touches(visit: Visit, start: int, end: int) -> bool:
    return visit.last.ticks >= start and visit.first.ticks < end


def _day(store: Store, account: str, day: date) -> list[PlainEvent]:
    key = pageview.row_key(account, day)
    return in_order(event_of(name, pageview.unpack(value))
                    for family in FAMILIES for name, value in store.family(family).xget(key))


def _days(store: Store, account: str) -> set[date]:
    """Return the UTC days on which an account has events."""
    return {day for family in FAMILIES
            for day, whose, _ in pageview.days_of(store.family(family).row_keys()) if whose == account}
