"""Prometheus metrics of one server: what came in, and what became of it.

``footfall serve`` counts over all its workers; docs/collection.md names every one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY

#: Hits by what became of them: ``stored``, ``filtered`` (stored apart), ``declined`` by who does not want to be
#: counted, ``refused`` for good, ``unavailable`` for now. ``reason`` is the field that a refused hit was refused for,
#: as in the X-Footfall header, the rule that keeps a hit apart, or the header that declines.
HITS = Counter("footfall_hits", "Hits by what became of them", ["result", "reason"])
STORED = HITS.labels("stored", "")
CUT_FIELDS = Counter("footfall_cut_fields", "Fields of stored events that were cut to their limit", ["field"])
COMMIT_EVENTS = Histogram("footfall_commit_events", "Events that a commit stored", buckets=(
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
COMMIT_SECONDS = Histogram("footfall_commit_seconds", "Time until a commit was on disk", buckets=(
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10))
WAITING = Gauge("footfall_waiting_events", "Events that wait to be committed", multiprocess_mode="livesum")


FORWARDED = Counter("footfall_forwarded_events", "Events of the outbox that the cluster acknowledged")
EXPIRED = Counter("footfall_expired_events", "Events of the outbox that were older than their site keeps them, "
                  "and were not sent")
MESSAGES = Counter("footfall_messages", "Reports and alerts by their way and what became of them", ["way", "result"])
DAMAGED_FACTS = Counter("footfall_damaged_facts_files", "Files of cached facts that were damaged, and built anew")
FORWARD_ERRORS = Counter("footfall_forward_errors", "Failures to send the outbox's events")


#: What is read of an outbox when the metrics are asked for: by the field of its status, name and meaning.
OUTBOX = {
    "waiting": ("footfall_outbox_waiting_events", "Events that the cluster does not have yet"),
    "oldest_seconds": ("footfall_outbox_oldest_seconds", "Age of the oldest event that the cluster does not have yet"),
    "kept": ("footfall_outbox_kept_events", "Events that the cluster has, kept until the grace is over"),
    "aside": ("footfall_outbox_aside_events", "Events that the cluster cannot hold"),
    "bytes": ("footfall_outbox_bytes", "Size of the outbox on disk"),
}


class _Readings:
    def __init__(self, gauges: list[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> list[GaugeMetricFamily]:
        return self._gauges


def exposition(outbox: Mapping[str, float]) -> bytes:
    """Return all counters, added up over the workers, in Prometheus' text format.

    :param outbox: the status of an outbox, by the fields of :data:`OUTBOX`; empty where there is none.
    """
    counters = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counters = CollectorRegistry()
        multiprocess.MultiProcessCollector(counters)  # type: ignore[no-untyped-call]
    gauges = CollectorRegistry()
    gauges.register(_Readings([GaugeMetricFamily(*OUTBOX[field], value) for field, value in outbox.items()]))
    return generate_latest(counters) + generate_latest(gauges)
