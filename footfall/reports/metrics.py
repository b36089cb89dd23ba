"""What reports count, and the numbers they make of it. docs/metrics.md defines each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from footfall.timeuuid import TICKS_PER_SECOND

#: What is counted of events.
OF_EVENTS = frozenset({"views", "events", "visitors", "engaged_time"})
#: What is counted of visits.
OF_VISITS = frozenset({"visits", "bounces", "duration", "views_of_visits", "conversions"})

Number = int | float | None


@dataclass(frozen=True)
class Metric:
    """A number of a report: a count, or one count divided by another.

    :param counts: the count, or the two of them.
    :param divisor: what the ratio is divided by, besides.
    """

    counts: tuple[str, ...]
    divisor: int = 1

    def of(self, counts: Mapping[str, int]) -> Number:
        """Return the number; ``None`` where it is divided by nothing."""
        first, *others = (counts[name] for name in self.counts)
        if not others:
            return first
        return first / others[0] / self.divisor if others[0] else None

    @property
    def of_nothing(self) -> Number:
        """What it is where there is nothing to count."""
        return 0 if len(self.counts) == 1 else None


#: Every metric, by name.
METRICS: Mapping[str, Metric] = {
    "views": Metric(("views",)),
    "events": Metric(("events",)),
    "visitors": Metric(("visitors",)),
    "engaged_time": Metric(("engaged_time",)),
    "visits": Metric(("visits",)),
    "bounce_rate": Metric(("bounces", "visits")),
    "visit_duration": Metric(("duration", "visits"), TICKS_PER_SECOND),
    "views_per_visit": Metric(("views_of_visits", "visits")),
    "entries": Metric(("entries",)),
    "exits": Metric(("exits",)),
    "conversion_rate": Metric(("conversions", "visits")),
    "exit_rate": Metric(("exits", "views")),
}
