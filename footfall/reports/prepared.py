"""What is counted of a day as soon as its facts are built: what the first look at a site's page asks for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from footfall.reports import query, segment
from footfall.reports.visits import stitch

#: By which dimensions, and which metrics of each; what else is asked for is counted and kept then.
PREPARED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ("visitors", "visits", "views")),
    *(((name,), ("visitors", "visits", "views")) for name in ("page", "source", "country", "browser", "device")),
    *(((name,), ("visits", "views")) for name in ("channel", "referrer", "os")),
    *(((name,), ("visits",)) for name in ("entry_page", "exit_page")),
    (("event",), ("visits", "events")),
)


def prepare(path: Path) -> None:
    """Count what the first look asks for, and write it beside a day's facts.

    :param path: of the file of the facts.
    :raises OSError: it cannot be written.
    """
    day = segment.read(path)
    days = stitch([day])
    for by, metrics in PREPARED:
        query.query(lambda *_: days, metrics, day.day, day.day + timedelta(days=1), by=by)
    day.tallies.save(day.day)
