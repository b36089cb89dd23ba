"""The questions that :mod:`footfall.reports.verify` asks: every metric, every dimension, filters, zones, odd ranges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

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
    """What is asked of both; the goal and the range are those of all.

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
        text += f" where {self.where}" if self.where else ""
        return f"{text} in {self.tz}" + (f" less {self.inset} at both ends" if self.inset else "")


QUESTIONS = (
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
)


def filled(question: Question, events: Sequence[PlainEvent]) -> Question:
    """Return a question with what is commonest among events in place of :data:`MOST`."""
    props = Counter(name for event in events for name in event.props)
    prop = f"prop:{_first(props)}"

    def fill(part: Filter) -> Filter:
        if not isinstance(part[1], str):
            return [part[0], *(fill(each) for each in part[1:])]
        operator, dimension, wanted = part
        dimension = prop if dimension == PROP else dimension
        if MOST not in wanted:
            return [operator, dimension, wanted]
        own = "page" if dimension in ENDS else dimension
        most = _first(Counter(value for event in events if (value := event.value(own)) is not None))
        return [operator, dimension, most if wanted == MOST else [most if each == MOST else each for each in wanted]]

    return question._replace(by=tuple(prop if dimension == PROP else dimension for dimension in question.by),
                             where=question.where and fill(question.where), goal=fill(question.goal))


def _first(counts: Counter[str]) -> str:
    """Return the commonest, of several the first in order; a word that nothing is called if there is none."""
    return min(counts, key=lambda name: (-counts[name], name), default="none")
