"""The plain path: every number of docs/metrics.md, counted from the stored events by loops that anyone can check.

It is the second opinion of :mod:`footfall.reports.verify`: no columns, no cache, nothing kept from one
question to the next. It has nothing in common with the engine but the store's own ``xget`` and what a dimension's value
is (:func:`~footfall.reports.facts.fact_of`). It reads an account's events into a list and walks through them::

    events = read(store, "blog", date(2026, 1, 1), date(2026, 2, 1))
    answer(events, metrics=["views", "visits"], since=date(2026, 1, 1), until=date(2026, 2, 1), by=["page"])

It is slow, and means to be right.
"""

from footfall.reports.plain.answers import METRICS, Row, answer
from footfall.reports.plain.events import PlainEvent, Visit, event_of, read, visitors_before, visits
from footfall.reports.plain.filters import Filter, goal_filter
from footfall.reports.plain.journeys import Cohort, Paths, Step, funnel, live, paths, retention

__all__ = ["METRICS", "Cohort", "Filter", "Paths", "PlainEvent", "Row", "Step", "Visit", "answer", "event_of", "funnel",
           "goal_filter", "live", "paths", "read", "retention", "visitors_before", "visits"]
