"""Prometheus counters of one server: what came in, and what became of it.

``footfall serve`` counts over all its workers; docs/collection.md names every counter.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, generate_latest, multiprocess
from prometheus_client.registry import REGISTRY

#: Hits by what became of them: ``stored``, ``refused`` for good, ``unavailable`` for now.
#: ``reason`` is the field that a refused hit was refused for, as in the X-Footfall header.
HITS = Counter("footfall_hits", "Hits by what became of them", ["result", "reason"])
STORED = HITS.labels("stored", "")
CUT_FIELDS = Counter("footfall_cut_fields", "Fields of stored events that were cut to their limit", ["field"])
COMMITS = Counter("footfall_commits", "Commits that stored events")
COMMITTED_EVENTS = Counter("footfall_committed_events", "Events that commits stored")


def exposition() -> bytes:
    """Return all counters in Prometheus' text format, added up over the workers."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
