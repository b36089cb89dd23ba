"""Sixteen reports over a month of made-up traffic, asked of footfall and of its peers in turn.

``python -m bench.reports``: ``footfall demo`` writes the events, and footfall keeps its facts of them as always. The
peers are plain Python, which reads the raw events and answers all in one pass; ClickHouse in this process (chdb);
and an SQLite table with columns and indexes. All must give the same answers, each has one thread. A folder that is
named by ``--folder`` is kept for the next time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import pickle
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.report_peers import (
    BROWSER,
    COUNTRY,
    HOME,
    PRICING,
    SIGNUP,
    TOP,
    Answer,
    ClickHouse,
    Sqlite,
    by_hand,
    read,
)
from bench.rig import median, report
from footfall import timeuuid
from footfall.reports.cache import FactsCache
from footfall.reports.funnels import funnel
from footfall.reports.query import query
from footfall.reports.retention import retention
from footfall.storage import Store
from footfall.stores import open_store
from footfall.transfer import demo

SITE = "demo"
UNTIL = date(2026, 3, 31)
SEED = 7
SOME = ["and", ["is", "country", COUNTRY], ["is", "browser", BROWSER]]
#: Of these the peers tell sums, from which the means are made.
SUMMED = {"visits", "some: visits"}
EPOCH = date(1970, 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=5_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the events and the peers' tables are kept for the next time")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(exist_ok=True)
        since, until = UNTIL - timedelta(days=asked.days - 1), UNTIL + timedelta(days=1)
        store = stack.enter_context(open_store(f"sqlite:///{folder}/footfall.db"))
        _write(store, asked.days, asked.views)
        cache = FactsCache(store, folder / "cache")
        build_rate = _build(cache)
        by_python, python_seconds = _read_by_hand(store, folder, since, until)
        ours = reports_of(cache, since, until)
        bounds = {"since": timeuuid.ticks_at(since), "until": timeuuid.ticks_at(until)}
        clickhouse, sqlite = ClickHouse(folder), Sqlite(folder)
        idle = _memory()
        seconds: dict[str, dict[str, list[float]]] = {}
        answers: dict[str, dict[str, str]] = {}
        for round_ in range(asked.rounds):
            for name, ask in ours.items():
                peers: dict[str, Callable[[], Answer]] = {"footfall": ask}
                for who, database in (("ClickHouse", clickhouse), ("SQLite", sqlite)):
                    # One round of SQLite's takes minutes.
                    if database is clickhouse or not round_:
                        peers[who] = _asking(database, database.sql[name].format(**bounds))
                for who, answer in peers.items():
                    began = time.perf_counter()
                    told = answer()
                    seconds.setdefault(name, {}).setdefault(who, []).append(time.perf_counter() - began)
                    is_sums = who != "footfall" and name in SUMMED
                    answers.setdefault(name, {})[who] = _checksum(_means(told) if is_sums else told)
        _check(answers, by_python)
        _report(asked, seconds, {"facts built, views/s": build_rate, "plain Python, s": python_seconds,
                                 "MB above idle, both databases included": _memory() - idle})


def _write(store: Store, days: int, views: int) -> None:
    plan = demo.Plan(SITE, UNTIL, days, views, SEED, "monthly")
    keys = plan.row_keys()
    if set(store.family("PageViews").row_keys(keys[0], keys[-1])).issuperset(keys):
        return
    demo.write(store, plan, demo.begin(store, plan, 0, force=False), 0, lambda written: None)


def _build(cache: FactsCache) -> float:
    began, events = time.process_time(), 0

    def told(done: int, of: int, counted: int) -> None:
        nonlocal events
        events = counted

    cache.build(SITE, progress=told)
    return events / (time.process_time() - began)


def _read_by_hand(store: Store, folder: Path, since: date, until: date) -> tuple[dict[str, Answer], float]:
    kept = folder / "by hand.pickle"
    if not kept.exists():
        began = time.perf_counter()
        kept.write_bytes(pickle.dumps((by_hand(read(store, SITE, since, until), folder), time.perf_counter() - began)))
    return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]


def reports_of(cache: FactsCache, since: date, until: date) -> dict[str, Callable[[], Answer]]:
    """Return the questions as they are asked of footfall, each giving what the peers' SQL gives."""

    def days(first: date, last: date) -> Any:
        return cache.days(SITE, first, last)

    def ask(metrics: Any, as_answer: Callable[[Any], Answer], **more: Any) -> Callable[[], Answer]:
        return lambda: as_answer(query(days, metrics, since, until, **more).rows)

    top = {"limit": TOP}
    return {
        "views": ask("views", _counts),
        "views per day": ask("views", _by_day, by="day"),
        "visitors per day": ask("visitors", _by_day, by="day"),
        "visitors": ask("visitors", _counts),
        "top pages": ask("views", _ranked, by="page", **top),
        "referrers": ask("views", _ranked, by="referrer", **top),
        "browsers": ask("views", _ranked, by="browser", **top),
        "visits": ask(("visits", "bounce_rate", "visit_duration"), _counts),
        "entry pages": ask("visits", _ranked, by="entry_page", **top),
        "sources": ask("visits", _ranked, by="source", **top),
        "some: views per day": ask("views", _by_day, by="day", where=SOME),
        "some: visitors": ask("visitors", _counts, where=SOME),
        "some: top pages": ask("views", _ranked, by="page", where=SOME, **top),
        "some: visits": ask(("visits", "bounce_rate", "visit_duration"), _counts, where=SOME),
        "funnel": lambda: [tuple(step.reached for step in funnel(
            days, [{"page": HOME}, {"page": PRICING}, {"event": SIGNUP}], since, until))],
        "retention": lambda: _cohorts(retention(days, since, until, oldest=since)),
    }


def _counts(rows: Any) -> Answer:
    return [row.metrics for row in rows]


def _by_day(rows: Any) -> Answer:
    return [((row.values[0] - EPOCH).days, *row.metrics) for row in rows if any(row.metrics)]


def _ranked(rows: Any) -> Answer:
    return [(*row.values, *row.metrics) for row in rows]


def _means(answer: Answer) -> Answer:
    """Return visits, bounce rate and mean duration of visits, bounces and the ticks that the visits lasted."""
    return [(visits, bounces / visits, ticks / visits / timeuuid.TICKS_PER_SECOND) for visits, bounces, ticks in answer]


def _cohorts(cohorts: Any) -> Answer:
    found = []
    for cohort in cohorts:
        first = ((cohort.period - EPOCH).days + 3) // 7
        found += [(first, first + number, count) for number, count in enumerate(cohort.counts) if count]
    return found


def _asking(database: Any, sql: str) -> Callable[[], Answer]:
    return lambda: database.ask(sql)  # type: ignore[no-any-return]


def _checksum(answer: Answer) -> str:
    rounded = [[float(f"{value:.12g}") if isinstance(value, float) else value for value in row] for row in answer]
    return hashlib.blake2b(json.dumps(rounded).encode(), digest_size=8).hexdigest()


def _check(answers: Mapping[str, Mapping[str, str]], by_python: Mapping[str, Answer]) -> None:
    for name, told in answers.items():
        right = _checksum(_means(by_python[name]) if name in SUMMED else by_python[name])
        if set(told.values()) != {right}:
            raise SystemExit(f"{name}: plain Python says {right}, but {told}")


def _memory() -> float:
    """Return the most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _report(asked: argparse.Namespace, seconds: Mapping[str, Mapping[str, list[float]]], figures: Mapping[str, float],
            ) -> None:
    rows: dict[str, dict[str, float]] = {}
    for name, told in seconds.items():
        times = {who: median(some) * 1000 for who, some in told.items()}
        rows[name] = {f"{who}, ms": each for who, each in times.items()} | {
            f"{who} ÷": each / times["footfall"] for who, each in times.items() if who != "footfall"}
    means = {}
    for who in ("ClickHouse", "SQLite"):
        ratios = [row[f"{who} ÷"] for row in rows.values()]
        means |= {f"{who} / footfall": math.exp(sum(map(math.log, ratios)) / len(ratios)),
                  f"{who} / footfall at least": min(ratios)}
    report("reports", rows, {"views": asked.views, "days": asked.days, **means, **figures})


if __name__ == "__main__":
    main()
