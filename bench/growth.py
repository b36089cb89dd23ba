"""What reports over a month take of a processor, and how that grows: ``python -m bench.growth``.

Each is asked several times of days that lie in files, as the cache of facts has them, with what was counted of each
beside it; first of 5 million page-views, then of ten times as many. The first time, when pages and visitors get their
numbers, is told apart: a process that has just begun. One thread; its own time is told, which other processes hardly
change.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from time import thread_time
from typing import Any

from bench.days import FIRST, make_days
from bench.rig import report
from footfall.reports import segment
from footfall.reports.funnels import funnel
from footfall.reports.live import live
from footfall.reports.paths import paths
from footfall.reports.prepared import prepare
from footfall.reports.query import query
from footfall.reports.retention import retention
from footfall.reports.visits import StitchedDay, stitch

FILTER = ["and", ["is", "country", "C1"], ["is", "browser", ["Browser 1", "Browser 2"]]]
STEPS = [{"page": "/posts/0"}, {"page": "/posts/1*"}, {"event": "signup"}]
ALL = ("visitors", "visits", "views")


#: What the first screen of a site's page asks for.
SCREEN = ("headline, compared", "all three per day", "top pages by visitors", "sources by visitors",
          "countries by visitors", "browsers by visitors", "devices by visitors", "live")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, nargs="+", default=[5_000_000, 50_000_000])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    screens = {}
    for views in asked.views:
        with tempfile.TemporaryDirectory() as folder:
            days = _in_files(make_days(asked.days, views), Path(folder))
            for name, ask in _reports(days, asked.days).items():
                first = _milliseconds(ask)
                # As the cache does before it gives the days for another question.
                for day in days:
                    day.facts.tallies.save(day.facts.day)
                rows.setdefault(name, {}).update({
                    f"{_size(views)}, first": first, _size(views): min(_milliseconds(ask) for _ in range(asked.times))})
        screens[_size(views)], screens[f"{_size(views)}, first"] = (
            sum(rows[name][f"{_size(views)}{which}"] for name in SCREEN) / 1000 for which in ("", ", first"))
    small, large = _size(asked.views[0]), _size(asked.views[-1])
    for row in rows.values():
        row["grows"] = row[large] / row[small]
    report("growth", rows, {"views": asked.views, "days": asked.days, "first screen, s": screens,
                            "grows at most": max(row["grows"] for row in rows.values()), "MB": _memory()})


def _in_files(days: Sequence[StitchedDay], folder: Path) -> list[StitchedDay]:
    """Write days, and what is counted of each when it is built, to files, and return them as they lie there."""
    found = []
    for day in days:
        path = folder / f"{day.facts.day:%Y%m%d}-made.facts"
        segment.write(path, day.facts)
        prepare(path)
        found.append(segment.read(path))
    return stitch(found)


def _reports(days: Any, count: int) -> dict[str, Callable[[], Any]]:
    """Return the questions by their names."""
    since, until = FIRST, FIRST + timedelta(days=count)

    def days_of(*_: Any) -> Any:
        return days

    def ask(metrics: Any, **more: Any) -> Callable[[], Any]:
        return lambda: query(days_of, metrics, since, until, **more)

    reports: dict[str, Callable[[], Any]] = {
        "views": ask("views"),
        "views per day": ask("views", by="day"),
        "views per day, Berlin": ask("views", by="day", tz="Europe/Berlin"),
        "views per hour": ask("views", by="hour"),
        "visitors": ask("visitors"),
        "visitors per day": ask("visitors", by="day"),
        "visitors per day, Berlin": ask("visitors", by="day", tz="Europe/Berlin"),
        "top pages by views": ask("views", by="page", limit=10),
        "top pages by visitors": ask(ALL, by="page", limit=10),
        "top pages by visits": ask("visits", by="page", limit=10),
        "referrers by views": ask("views", by="referrer", limit=10),
        "referrers by visitors": ask("visitors", by="referrer", limit=10),
        "browsers by views": ask("views", by="browser", limit=10),
        "browsers by visitors": ask(ALL, by="browser", limit=10),
        "visits, bounce rate, duration": ask(("visits", "bounce_rate", "visit_duration")),
        "the same per day": ask(("visits", "bounce_rate", "visit_duration"), by="day"),
        "entry pages": ask("visits", by="entry_page", limit=10),
        "exit pages": ask("visits", by="exit_page", limit=10),
        "exit rate by page": ask("exit_rate", by="page", limit=10),
        "country and browser: all three": ask(ALL, where=FILTER),
        "country and browser: visits": ask("visits", where=FILTER),
        "a page's visits: all three": ask(ALL, where=["visit", ["is", "page", "/posts/0"]]),
        "country by browser": ask(ALL, by=("country", "browser"), limit=10),
        "all three per day": ask(ALL, by="day"),
        "conversion rate by source": ask("conversion_rate", by="source", goal={"event": "signup"}, limit=10),
        "compared": ask(ALL, by="day", compare="previous"),
        "headline, compared": ask((*ALL, "bounce_rate", "visit_duration", "views_per_visit"), compare="previous"),
        "sources by visitors": ask(ALL, by="source", limit=10),
        "countries by visitors": ask(ALL, by="country", limit=10),
        "devices by visitors": ask(ALL, by="device", limit=10),
    }
    reports |= {
        "three-step funnel, visits": lambda: funnel(days_of, STEPS, since, until),
        "three-step funnel, within a day": lambda: funnel(days_of, STEPS, since, until, within=timedelta(days=1)),
        "weekly retention": lambda: retention(days_of, since, until, oldest=since),
        "paths of a page": lambda: paths(days_of, "/posts/0", since, until, limit=10),
        "live": lambda: live(lambda *_: days[-1:], datetime.combine(until, time.min) - timedelta(hours=1)),
    }
    return reports


def _size(views: int) -> str:
    return f"{views // 1_000_000} M"


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _milliseconds(report: Callable[[], Any]) -> float:
    begin = thread_time()
    report()
    return (thread_time() - begin) * 1000


if __name__ == "__main__":
    main()
