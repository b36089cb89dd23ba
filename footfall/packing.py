"""From events to the columns that hold them: each event's own, and the step in its visitor's trail."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from footfall import pageview
from footfall.columns import Insert, Mutation, Once
from footfall.pageview import Event

#: The family of the trails.
TRAILS = "Visitors"
#: The family of events that are kept apart; no trail leads to them.
FILTERED = "Filtered"
# The same bytes as msgpack's, in half the time.
_encode = msgspec.msgpack.Encoder().encode


def packed(events: Sequence[Event]) -> list[Mutation]:
    """Return events as columns, the steps of their visitors after them.

    One that may be there already is written only if it is not. One that is kept apart takes no step.
    """
    mutations: list[Mutation] = []
    for event in events:
        column = Insert(event.family, event.row_key, event.id, _encode(event.fields))
        step = step_of(event.account, event.id, event.fields) if event.family != FILTERED else ()
        if event.retry:
            mutations.append(Once(column, step))
        else:
            mutations += (column, *step)
    return mutations


def steps(columns: Sequence[Insert]) -> list[Insert]:
    """Return the steps of the visitors of events, which are told by the events' own columns."""
    found: list[Insert] = []
    for column in columns:
        if isinstance(column.name, uuid.UUID) and column.family != FILTERED:
            found += step_of(pageview.split_row_key(column.key)[1], column.name, pageview.unpack(column.value))
    return found


def step_of(account: str, name: uuid.UUID, fields: Mapping[str, Any]) -> tuple[Insert, ...]:
    """Return the step of an event in its visitor's trail: none for an event that has no visitor."""
    visitor = fields.get("visitor")
    if visitor is None:
        return ()
    step = {"url": fields["url"], "event": fields["event"]} if "event" in fields else {"url": fields["url"]}
    return (Insert(TRAILS, pageview.trail_key(account, name), (visitor, name), _encode(step)),)
