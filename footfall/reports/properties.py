"""Which properties an event has: what can be asked for as ``prop:NAME``."""

from __future__ import annotations

import json

import numpy as np

from footfall.reports.frame import Days, Frame
from footfall.reports.ranges import span_between
from footfall.timeuuid import Moment


def properties(days: Days, event: str, since: Moment | str, until: Moment | str, tz: str = "UTC") -> list[str]:
    """Return the names of the properties that events of a name have in a range, in order.

    :param days: gives the days, as :func:`footfall.reports.query.run` takes it.
    """
    span = span_between(since, until, tz)
    frame = Frame.over(days, span)
    names: set[str] = set()
    for place, day in enumerate(frame.days):
        facts, rows = day.facts, frame.rows(place, *span)
        kinds = [code for code, (name,) in enumerate(facts.tables["kind"]) if name == event]
        codes = facts.codes["props"][rows][np.isin(facts.codes["kind"][rows], kinds)]
        told = (facts.tables["props"][code][0] for code in np.unique(codes).tolist())
        names.update(name for text in told if text for name in json.loads(text))
    return sorted(names)
