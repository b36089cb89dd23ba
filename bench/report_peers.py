"""Whom ``bench.reports`` measures footfall against: plain Python, SQLite and ClickHouse, with the same events.

Plain Python reads the events from the store and answers all questions in one pass. What it read is written to files,
from which the two databases are filled; visits are a table of their own there too, so that nobody makes them while he
is asked.
"""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import merge
from pathlib import Path
from typing import Any

from footfall import timeuuid
from footfall.columns import sort_name
from footfall.pageview import row_key, unpack
from footfall.reports.facts import PASSIVE, Fact, fact_of
from footfall.storage import Store

DAY = 86_400 * timeuuid.TICKS_PER_SECOND
GAP = 1_800 * timeuuid.TICKS_PER_SECOND
TOP = 10
#: What the filtered reports ask for, and the steps of the funnel.
COUNTRY, BROWSER = "DE", "Chrome"
HOME, PRICING, SIGNUP = "/", "/membership/", "signup"

#: The columns of the two tables, in the order of the files. Events of one instant are told apart by their place.
EVENTS = ("place", "ticks", "day", "week", "is_view", "visitor", "visit", "page", "event", "referrer", "browser",
          "country")
VISITS = ("visit", "visitor", "start", "day", "duration", "views", "active", "entry_page", "source", "browser",
          "country")
_TEXTS = {"page", "event", "referrer", "browser", "country", "entry_page", "source"}

Answer = list[tuple[Any, ...]]


@dataclass
class Visit:
    """A visit that plain Python follows."""

    number: int
    visitor: int
    start: int
    end: int
    views: int
    active: int
    entry: Fact
    reached: int = 0


def read(store: Store, account: str, since: date, until: date) -> Iterator[tuple[int, Fact]]:
    """Yield ticks and fact of each event of some days, in order."""
    day = since
    while day < until:
        rows = [store.family(family).xget(row_key(account, day)) for family in ("PageViews", "Events")]
        for name, value in merge(*rows, key=lambda column: sort_name(column[0])):
            yield timeuuid.ticks_of(name), fact_of(unpack(value))
        day += timedelta(days=1)


def by_hand(events: Iterator[tuple[int, Fact]], folder: Path) -> dict[str, Answer]:
    """Answer every question by loops over the events, and write these, and the visits, to files."""
    views = 0
    per_day, pages, referrers, browsers = Counter[Any](), Counter[Any](), Counter[Any](), Counter[Any]()
    some_days, some_pages = Counter[Any](), Counter[Any]()
    daily: defaultdict[int, set[int]] = defaultdict(set)
    weekly: defaultdict[int, set[int]] = defaultdict(set)
    some: set[int] = set()
    open_visits: dict[int, Visit] = {}
    visits: list[Visit] = []
    with ExitStack() as files:
        out = csv.writer(files.enter_context((folder / "events.csv").open("w", newline="")))
        for place, (ticks, fact) in enumerate(events):
            day, (event,), visitor = ticks // DAY, fact.kind, fact.visitor
            week = (day + 3) // 7
            _, page, _ = fact.page
            referrer, browser, country = fact.origin[0], fact.agent[0], fact.place[0]
            visit = open_visits.get(visitor)
            if visit is None or ticks - visit.end > GAP:
                visit = open_visits[visitor] = Visit(len(visits), visitor, ticks, ticks, 0, 0, fact)
                visits.append(visit)
            visit.end = ticks
            daily[day].add(visitor)
            weekly[week].add(visitor)
            is_some = country == COUNTRY and browser == BROWSER
            if is_some:
                some.add(visitor)
            if event is None:
                views += 1
                visit.views += 1
                per_day[day] += 1
                pages[page] += 1
                browsers[browser] += 1
                if referrer is not None:
                    referrers[referrer] += 1
                if is_some:
                    some_days[day] += 1
                    some_pages[page] += 1
            elif event not in PASSIVE:
                visit.active = 1
            steps = (event is None and page == HOME, event is None and page == PRICING, event == SIGNUP)
            if visit.reached < 3 and steps[visit.reached]:
                visit.reached += 1
            out.writerow((place, ticks, day, week, int(event is None), visitor, visit.number, page, event or "",
                          referrer or "", browser, country or ""))
        out = csv.writer(files.enter_context((folder / "visits.csv").open("w", newline="")))
        for visit in visits:
            fact = visit.entry
            out.writerow((visit.number, visit.visitor, visit.start, visit.start // DAY, visit.end - visit.start,
                          visit.views, visit.active, fact.page[1], fact.origin[1] or "", fact.agent[0],
                          fact.place[0] or ""))
    chosen = [visit for visit in visits if visit.entry.agent[0] == BROWSER and visit.entry.place[0] == COUNTRY]
    return {
        "views": [(views,)],
        "views per day": sorted(per_day.items()),
        "visitors per day": [(day, len(who)) for day, who in sorted(daily.items())],
        "visitors": [(len(set().union(*daily.values())),)],
        "top pages": _top(pages),
        "referrers": _top(referrers),
        "browsers": _top(browsers),
        "visits": [_summary(visits)],
        "entry pages": _top(Counter(visit.entry.page[1] for visit in visits)),
        "sources": _top(Counter(visit.entry.origin[1] for visit in visits if visit.entry.origin[1])),
        "some: views per day": sorted(some_days.items()),
        "some: visitors": [(len(some),)],
        "some: top pages": _top(some_pages),
        "some: visits": [_summary(chosen)],
        "funnel": [tuple(sum(visit.reached >= step for visit in visits) for step in (1, 2, 3))],
        "retention": _retention(weekly),
    }


def _top(counts: Counter[Any]) -> Answer:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP]


def _summary(visits: list[Visit]) -> tuple[int, int, int]:
    bounces = sum(visit.views == 1 and not visit.active for visit in visits)
    return len(visits), bounces, sum(visit.end - visit.start for visit in visits)


def _retention(weekly: dict[int, set[int]]) -> Answer:
    answer, seen = [], set[int]()
    for first in sorted(weekly):
        cohort = weekly[first] - seen
        seen |= cohort
        answer += [(first, week, len(cohort & weekly[week])) for week in sorted(weekly)
                   if week >= first and cohort & weekly[week]]
    return answer


_SOME = f"browser = '{BROWSER}' AND country = '{COUNTRY}'"
_RANGE = "ticks >= {since} AND ticks < {until}"
_BEGAN = "start >= {since} AND start < {until}"
_VISITS = f"FROM visits WHERE {_BEGAN}"
_SUMMARY = "SELECT count(*), sum(CASE WHEN views = 1 AND active = 0 THEN 1 ELSE 0 END), sum(duration)"


def _ranked(column: str, table: str, where: str) -> str:
    return (f"SELECT {column}, count(*) AS n FROM {table} WHERE {where} AND {column} <> '' GROUP BY {column} "
            f"ORDER BY n DESC, {column} LIMIT {TOP}")


#: The questions in SQL that both databases understand.
SQL = {
    "views": f"SELECT count(*) FROM events WHERE {_RANGE} AND is_view = 1",
    "views per day": f"SELECT day, count(*) FROM events WHERE {_RANGE} AND is_view = 1 GROUP BY day ORDER BY day",
    "visitors per day": f"SELECT day, count(DISTINCT visitor) FROM events WHERE {_RANGE} GROUP BY day ORDER BY day",
    "visitors": f"SELECT count(DISTINCT visitor) FROM events WHERE {_RANGE}",
    "top pages": _ranked("page", "events", f"{_RANGE} AND is_view = 1"),
    "referrers": _ranked("referrer", "events", f"{_RANGE} AND is_view = 1"),
    "browsers": _ranked("browser", "events", f"{_RANGE} AND is_view = 1"),
    "visits": f"{_SUMMARY} {_VISITS}",
    "entry pages": _ranked("entry_page", "visits", _BEGAN),
    "sources": _ranked("source", "visits", _BEGAN),
    "some: views per day": f"SELECT day, count(*) FROM events WHERE {_RANGE} AND is_view = 1 AND {_SOME} "
                           "GROUP BY day ORDER BY day",
    "some: visitors": f"SELECT count(DISTINCT visitor) FROM events WHERE {_RANGE} AND {_SOME}",
    "some: top pages": _ranked("page", "events", f"{_RANGE} AND is_view = 1 AND {_SOME}"),
    "some: visits": f"{_SUMMARY} {_VISITS} AND {_SOME}",
}
_STEPS = (f"is_view = 1 AND page = '{HOME}'", f"is_view = 1 AND page = '{PRICING}'", f"event = '{SIGNUP}'")
CLICKHOUSE_SQL = SQL | {
    "funnel": "SELECT countIf(level >= 1), countIf(level >= 2), countIf(level >= 3) FROM (SELECT visit, "
              f"windowFunnel(1000000000000)(place, {', '.join(_STEPS)}) AS level FROM events "
              f"WHERE {_RANGE} AND ({' OR '.join(f'({step})' for step in _STEPS)}) GROUP BY visit)",
    "retention": "SELECT first, week, count() FROM (SELECT min(week) AS first, groupUniqArray(week) AS weeks "
                 f"FROM events WHERE {_RANGE} GROUP BY visitor) ARRAY JOIN weeks AS week "
                 "GROUP BY first, week ORDER BY first, week",
}
SQLITE_SQL = SQL | {
    "funnel": "WITH one AS (SELECT visit, min(place) AS t FROM events WHERE " + _RANGE + f" AND {_STEPS[0]} "
              "GROUP BY visit), two AS (SELECT e.visit, min(e.place) AS t FROM one JOIN events AS e "
              f"ON e.visit = one.visit AND e.place > one.t WHERE e.{_STEPS[1].replace('AND ', 'AND e.')} "
              "GROUP BY e.visit), three AS (SELECT DISTINCT e.visit FROM two JOIN events AS e "
              f"ON e.visit = two.visit AND e.place > two.t WHERE e.{_STEPS[2]}) "
              "SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two), (SELECT count(*) FROM three)",
    "retention": f"WITH pairs AS (SELECT DISTINCT visitor, week FROM events WHERE {_RANGE}), "
                 "firsts AS (SELECT visitor, min(week) AS first FROM pairs GROUP BY visitor) "
                 "SELECT first, week, count(*) FROM pairs JOIN firsts USING (visitor) "
                 "GROUP BY first, week ORDER BY first, week",
}


class Sqlite:
    """A table with columns and indexes, which is what small products ask."""

    sql = SQLITE_SQL

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "peer.db")
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -262144", "mmap_size = 34359738368"):
            self._connection.execute(f"PRAGMA {pragma}")
        if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
            self._fill(folder)

    def _fill(self, folder: Path) -> None:
        for table, columns in (("events", EVENTS), ("visits", VISITS)):
            kinds = ", ".join(f"{column} {'TEXT' if column in _TEXTS else 'INTEGER'}" for column in columns)
            self._connection.execute(f"CREATE TABLE {table} ({kinds})")
            with (folder / f"{table}.csv").open(newline="") as file:
                self._connection.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(columns))})",
                                             map(_signed, csv.reader(file)))
        for table, columns in (("events", "ticks"), ("events", "day, visitor"), ("events", "visitor, week"),
                               ("events", "page, is_view"), ("events", "referrer, is_view"),
                               ("events", "browser, country"), ("events", "visit, place"), ("events", "event"),
                               ("visits", "start"), ("visits", "entry_page"), ("visits", "source"),
                               ("visits", "browser, country")):
            self._connection.execute(f"CREATE INDEX \"{table} {columns}\" ON {table} ({columns})")
        self._connection.execute("ANALYZE")
        self._connection.execute("PRAGMA user_version = 1")
        self._connection.commit()

    def ask(self, sql: str) -> Answer:
        return self._connection.execute(sql).fetchall()


def _signed(row: list[str]) -> list[str]:
    """Return a row whose numbers all fit SQLite's integers: a visitor has 64 bits, and SQLite 63 and a sign."""
    return [str(int(value) - (1 << 64)) if (len(value) == 20 and value.isdigit()) or (len(value) == 19
            and value.isdigit() and int(value) >= 1 << 63) else value for value in row]


class ClickHouse:
    """ClickHouse in this process (chdb), MergeTree tables, texts as codes, one thread."""

    sql = CLICKHOUSE_SQL

    def __init__(self, folder: Path) -> None:
        from chdb import session

        self._session = session.Session(str(folder / "chdb"))
        filled = folder / "chdb.filled"
        if not filled.exists():
            self._fill(folder)
            filled.touch()
        self._session.query("USE peer")

    def _fill(self, folder: Path) -> None:
        self._session.query("CREATE DATABASE peer")
        for table, columns, key in (("events", EVENTS, "ticks"), ("visits", VISITS, "start")):
            kinds = ", ".join(f"{column} {_clickhouse_type(column)}" for column in columns)
            self._session.query(f"CREATE TABLE peer.{table} ({kinds}) ENGINE = MergeTree ORDER BY {key}")
            file = f"file('{folder / table}.csv', 'CSV', '{kinds}')"
            self._session.query(f"INSERT INTO peer.{table} SELECT * FROM {file}")
            self._session.query(f"OPTIMIZE TABLE peer.{table} FINAL")

    def ask(self, sql: str) -> Answer:
        told = str(self._session.query(f"{sql} SETTINGS max_threads = 1", "TSV"))
        return [tuple(int(value) if value.isdigit() else value for value in line.split("\t"))
                for line in told.splitlines()]


def _clickhouse_type(column: str) -> str:
    if column in _TEXTS:
        return "LowCardinality(String)"
    return {"day": "UInt16", "week": "UInt16", "is_view": "UInt8", "active": "UInt8", "visit": "UInt32",
            "views": "UInt32"}.get(column, "UInt64")
