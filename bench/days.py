"""Days of facts made up in memory, much faster than events could be: what the reports' benchmark reads.

``make_days(30, 5_000_000)`` gives thirty days in which a visitor reads two or three pages a visit, most come on one day
only, pages, referrers and places have a few favourites and many others, and a quarter of all events are reports of
engaged time or custom events.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from footfall.reports.day import Array, Day
from footfall.reports.visits import StitchedDay, stitch, visits_of
from footfall.timeuuid import TICKS_PER_SECOND, ticks_at

FIRST = date(2026, 1, 1)
VISITS_PER_VIEW = 0.4
_SECONDS = 86_400


def make_days(count: int, views: int, *, pages: int = 3000, first: date = FIRST) -> list[StitchedDay]:
    """Return days of facts, stitched.

    :param count: how many days.
    :param views: page-views on all of them together.
    :param pages: different pages of a day.
    """
    random = np.random.default_rng(7)
    return stitch([_day(first + timedelta(days=number), views // count, pages, random) for number in range(count)])


def _day(day: date, views: int, pages: int, random: np.random.Generator) -> Day:
    visits = int(views * VISITS_PER_VIEW)
    of_visit = np.concatenate((np.arange(visits), random.integers(0, visits, views - visits)))
    begin = random.integers(0, _SECONDS * TICKS_PER_SECOND, visits)
    ticks = begin[of_visit] + random.integers(0, 1500 * TICKS_PER_SECOND, views)
    others = views // 3
    source = random.integers(0, views, others)
    of_visit = np.concatenate((of_visit, of_visit[source]))
    ticks = np.concatenate((ticks, ticks[source] + random.integers(0, 60 * TICKS_PER_SECOND, others)))
    kind = np.concatenate((np.zeros(views, np.uint8), random.choice([1, 1, 1, 2], others).astype(np.uint8)))
    page = _favourites(random, pages, views)
    page = np.concatenate((page, page[source]))
    last = _SECONDS * TICKS_PER_SECOND - 1
    order = np.argsort(np.minimum(ticks, last), kind="stable")
    ticks, of_visit, kind, page = np.minimum(ticks, last)[order], of_visit[order], kind[order], page[order]
    visitor = random.integers(1, 1 << 63, visits, dtype=np.uint64)
    # One in twenty is known from other days.
    visitor[:visits // 20] = random.integers(1, visits // 10, visits // 20)
    tables: dict[str, list[tuple[str | None, ...]]] = {
        "kind": [(None,), ("engagement",), ("signup",)],
        "page": [("blog.example.com", f"/posts/{number}", f"Post {number}") for number in range(pages)],
        "url": [(f"https://blog.example.com/posts/{number}",) for number in range(pages)],
        "origin": [(f"{number}.example.org", f"Source {number}", "referral", None, None, None, None, None, None)
                   for number in range(200)],
        "referrer_url": [(f"https://{number}.example.org/",) for number in range(200)],
        "agent": [(f"Browser {number % 12}", f"Browser {number % 12} {number}", f"System {number % 5}", "desktop")
                  for number in range(100)],
        "place": [(f"C{number % 60}", f"C{number % 60} R{number}", None) for number in range(500)],
        "language": [(f"l{number}",) for number in range(40)],
        "screen": [(f"{number}x{number}",) for number in range(30)],
        "props": [(None,), ('{"plan": "free"}',)],
    }
    codes: dict[str, Array] = {"kind": kind, "page": page.astype(np.uint16), "url": page.astype(np.uint16),
                               "props": (kind == 2).astype(np.uint8)}
    for table in ("origin", "referrer_url", "agent", "place", "language", "screen"):
        size = len(tables[table])
        small: Any = np.uint8 if size <= 256 else np.uint16
        codes[table] = _favourites(random, size, visits)[of_visit].astype(small)
    ticks = ticks + ticks_at(day)
    visit, found = visits_of(ticks, visitor[of_visit], kind == 0, kind == 2)
    engaged = np.where(kind == 1, random.integers(0, 60_000, len(kind)), 0).astype(np.uint32)
    return Day(day, ticks, codes, tables, engaged, np.zeros(len(kind), np.uint8), visit, found)


def _favourites(random: np.random.Generator, size: int, count: int) -> Array:
    """Return numbers below ``size``, of which few are frequent."""
    return np.minimum((random.random(count) ** 3 * size).astype(np.int64), size - 1)
