"""Prometheus metrics of one server: what came in, and what became of it.

``footfall serve`` counts over all its workers; docs/collection.md names every one.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.registry import REGISTRY

#: Hits by what became of them: ``stored``, ``refused`` for good, ``unavailable`` for now.
#: ``reason`` is the field that a refused hit was refused for, as in the X-Footfall header.
HITS = Counter("footfall_hits", "Hits by what became of them", ["result", "reason"])
STORED = HITS.labels("stored", "")
CUT_FIELDS = Counter("footfall_cut_fields", "Fields of stored events that were cut to their limit", ["field"])
COMMIT_EVENTS = Histogram("footfall_commit_events", "Events that a commit stored", buckets=(
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
COMMIT_SECONDS = Histogram("footfall_commit_seconds", "Time until a commit was on disk", buckets=(
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10))
WAITING = Gauge("footfall_waiting_events", "Events that wait to be committed", multiprocess_mode="livesum")


def exposition() -> bytes:
    """Return all counters in Prometheus' text format, added up over the workers."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
