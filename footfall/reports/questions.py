"""The questions that :mod:`footfall.reports.verify` asks: every metric, every dimension, filters, zones, odd ranges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from footfall.reports.plain import METRICS, Filter, PlainEvent
from footfall.reports.plain.events import PLACES
from footfall.reports.plain.filters import ENDS
from footfall.reports.plain.times import TIMES

#: Stands, in a filter, for the commonest value of its dimension, and in ``prop:…`` for the commonest property.
MOST = "<the commonest>"
PROP = f"prop:{MOST}"
#: One that clocks are set forward and back in, and one half an hour off the others'.
ZONES = ("Europe/Berlin", "Asia/Kolkata")
ALL = tuple(METRICS)
#: Every dimension but time.
DIMENSIONS = (*PLACES, *ENDS, PROP)
GOAL: Filter = ["is", "event", MOST]
#: A range that begins and ends nowhere in particular, when so much is taken off both ends of whole days.
ODD = timedelta(hours=7, minutes=13, microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FILTERS: tuple[Filter, ...] = (
    ["is", "page", MOST],
    ["is_not", "page", [MOST, "/nowhere"]],
    ["contains", "title", "E"],
    ["not_contains", "source", "oo"],
    ["matches", "page", ["/*e*", "/"]],
    ["not_matches", "page", "/*o*"],
    ["not", ["is", "country", MOST]],
    ["is", PROP, MOST],
    ["is", "entry_page", MOST],
    ["is_not", "exit_page", MOST],
    ["and", ["is", "source", MOST], ["is", "event", MOST]],
    ["or", ["is", "channel", "direct"], ["is", "browser", MOST]],
    ["visit", ["is", "event", MOST]],
    ["visit", ["is", "source", MOST]],
    ["not", ["visit", ["is", "page", MOST]]],
    ["and", ["visit", ["is_not", "page", MOST]], ["is", "device", MOST]],
)


class Question(NamedTuple):
    """Metrics by dimensions, asked of both; the goal and the range are those of all.

    :param inset: what is taken off both ends of the range.
    """

    metrics: tuple[str, ...] = ALL
    by: tuple[str, ...] = ()
    where: Filter | None = None
    tz: str = "UTC"
    inset: timedelta = timedelta()
    goal: Filter = GOAL

    def __str__(self) -> str:
        text = "all metrics" if self.metrics == ALL else ", ".join(self.metrics)
        text += f" by {', '.join(self.by)}" if self.by else ""
        return _described(text, self.where, self.tz, self.inset)


class Funnel(NamedTuple):
    """How far visits, or visitors, get.

    :param within: ``visit``, or the longest time that a visitor may take.
    """

    steps: tuple[Mapping[str, Any] | Filter, ...]
    within: str | timedelta = "visit"
    where: Filter | None = None
    tz: str = "UTC"
    inset: timedelta = timedelta()

    @property
    def metrics(self) -> tuple[str, ...]:
        """What a row tells of a step."""
        return "reached", "of_first", "of_before"

    def __str__(self) -> str:
        return _described(f"funnel of {list(self.steps)} within {self.within}", self.where, self.tz, self.inset)


class Retention(NamedTuple):
    """Who comes again."""

    period: str
    tz: str = "UTC"
    inset: timedelta = timedelta()

    @property
    def metrics(self) -> tuple[str, ...]:
        """What a row tells of a cohort and a later period."""
        return ("visitors",)

    def __str__(self) -> str:
        return _described(f"retention by {self.period}", None, self.tz, self.inset)


class Paths(NamedTuple):
    """What is viewed before and after a page."""

    page: str
    where: Filter | None = None
    tz: str = "UTC"
    inset: timedelta = timedelta()

    @property
    def metrics(self) -> tuple[str, ...]:
        """What a row tells of a page."""
        return ("views",)

    def __str__(self) -> str:
        return _described(f"paths of {self.page}", self.where, self.tz, self.inset)


class Live(NamedTuple):
    """Who is there, so long after an event that is as far in the range as ``place`` says, from 0 to 1."""

    place: float
    later: timedelta = timedelta()
    now: datetime = _EPOCH
    inset: timedelta = timedelta()

    @property
    def metrics(self) -> tuple[str, ...]:
        """What the row tells."""
        return ("visitors",)

    def __str__(self) -> str:
        return f"live at {self.now.isoformat()}"


Asked = Question | Funnel | Retention | Paths | Live

#: Steps of funnels: goals, filters on events, on what is a visit's, and on visits.
STEPS: tuple[tuple[Mapping[str, Any] | Filter, ...], ...] = (
    ({"page": MOST}, {"event": MOST}),
    ({"page": "/*"}, {"page": "/*"}, {"page": "*e*"}),
    (["is", "source", MOST], ["is_not", "page", MOST], {"event": MOST}),
    (["visit", ["is", "event", MOST]], ["is_not", "event", []], ["is", "country", MOST]),
)
WITHIN = ("visit", timedelta(seconds=600), timedelta(days=2))

QUESTIONS: tuple[Asked, ...] = (
    Question(),
    Question(inset=ODD),
    *(Question((metric,), ("page",)) for metric in ALL),
    *(Question((metric,)) for metric in ALL),
    *(Question(by=(dimension,)) for dimension in (*DIMENSIONS, *TIMES)),
    *(Question(by=(time,), tz=zone) for zone in ZONES for time in TIMES),
    *(Question(by=by, tz=zone, inset=ODD) for zone in ZONES for by in ((), ("hour",), ("day",), ("page",))),
    *(Question(by=by, tz=ZONES[0]) for by in (
        ("page", "source"), ("source", "page"), ("day", "page"), ("hour", "event"), ("page", "event"), ("week", "day"),
        ("entry_page", "exit_page"), ("country", "city"), ("day", "channel", "device"), ("event", PROP))),
    *(Question(by=by, where=where) for where in FILTERS for by in ((), ("page",), ("source",))),
    *(Question(by=("day",), where=where, tz=ZONES[1]) for where in FILTERS),
    *(Funnel(steps, within) for steps in STEPS for within in WITHIN),
    *(Funnel(STEPS[0], within, where, ZONES[0], ODD) for within in WITHIN for where in FILTERS[::5]),
    *(Retention(period, tz, inset) for period in ("week", "month") for tz in ("UTC", *ZONES)
      for inset in (timedelta(), ODD)),
    *(Paths(page, where) for page in (MOST, "/*e*") for where in (None, FILTERS[8], FILTERS[13])),
    Paths(MOST, tz=ZONES[1], inset=ODD),
    *(Live(place, later) for place in (0.0, 0.5, 1.0) for later in (
        timedelta(), timedelta(seconds=300), timedelta(seconds=300, microseconds=1))),
)


def filled(asked: Asked, events: Sequence[PlainEvent]) -> Asked:
    """Return a question with what is commonest among events in place of :data:`MOST`, and with the time of an event."""
    fill = _Fill(events)
    match asked:
        case Question():
            return asked._replace(by=tuple(map(fill.dimension, asked.by)), where=fill.optional(asked.where),
                                  goal=fill.filter(asked.goal))
        case Funnel():
            return asked._replace(steps=tuple(map(fill.step, asked.steps)), where=fill.optional(asked.where))
        case Paths():
            return asked._replace(page=fill.value("page", asked.page), where=fill.optional(asked.where))
        case Live():
            # Moments are told to the microsecond: an event that lies on one is the first or the last that counts.
            times = [event.ticks for event in events if event.visitor and event.ticks % 10 == 0] or [0]
            ticks = times[int(asked.place * (len(times) - 1))]
            return asked._replace(now=_EPOCH + timedelta(microseconds=ticks // 10) + asked.later)
        case Retention():
            return asked


class _Fill:
    """What is commonest among some events."""

    def __init__(self, events: Sequence[PlainEvent]) -> None:
        self._events = events
        self._prop = f"prop:{_first(Counter(name for event in events for name in event.props))}"

    def dimension(self, name: str) -> str:
        return self._prop if name == PROP else name

    def value(self, dimension: str, wanted: str) -> str:
        if wanted != MOST:
            return wanted
        own = "page" if dimension in ENDS else dimension
        return _first(Counter(value for event in self._events if (value := event.value(own)) is not None))

    def filter(self, part: Filter) -> Filter:
        if not isinstance(part[1], str):
            return [part[0], *map(self.filter, part[1:])]
        operator, dimension, wanted = part[0], self.dimension(part[1]), part[2]
        return [operator, dimension, self.value(dimension, wanted) if isinstance(wanted, str)
                else [self.value(dimension, each) for each in wanted]]

    def optional(self, where: Filter | None) -> Filter | None:
        return None if where is None else self.filter(where)

    def step(self, step: Mapping[str, Any] | Filter) -> Mapping[str, Any] | Filter:
        if isinstance(step, Mapping):
            return {name: self.value(name, wanted) for name, wanted in step.items()}
        return self.filter(step)


def _described(text: str, where: Filter | None, tz: str, inset: timedelta) -> str:
    text += f" where {where}" if where else ""
    return f"{text} in {tz}" + (f" less {inset} at both ends" if inset else "")


def _first(counts: Counter[str]) -> str:
    """Return the commonest, of several the first in order; a word that nothing is called if there is none."""
    return min(counts, key=lambda name: (-counts[name], name), default="none")
