"""What ``footfall stats`` found, told as text, JSON, CSV or Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from footfall.cli.tables import Row, line, table
from footfall.reports import texts

if TYPE_CHECKING:
    from footfall.reports.result import Result

TITLES = {"page": "Pages", "url": "Addresses", "host": "Hosts", "title": "Titles", "event": "Events",
          "entry_page": "Entry pages", "exit_page": "Exit pages", "referrer": "Referrers",
          "referrer_url": "Referring addresses", "source": "Sources", "channel": "Channels",
          "search_term": "Search terms", "utm_source": "Tagged sources", "utm_medium": "Tagged mediums",
          "utm_campaign": "Campaigns", "utm_term": "Tagged terms", "utm_content": "Tagged contents",
          "browser": "Browsers", "browser_version": "Browser versions", "os": "Systems", "device": "Devices",
          "country": "Countries", "region": "Regions", "city": "Cities", "language": "Languages", "screen": "Screens"}
#: What in a value would mean something in Markdown.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&#])")
#: Metrics that need no visitor.
_OF_ANYBODY = ("views", "events", "engaged_time")
_NOTE = "No view tells whose it is, as in a log: visits and visitors are not known."


@dataclass(frozen=True)
class Told:
    """What is told of a site.

    :param span: the range.
    :param compared: the range that it is compared with.
    :param grain: what ``course`` is by: ``hour``, ``day``, ``week`` or ``month``.
    :param course: the first metric along time.
    :param tables: by dimension.
    :param knows_visitors: whether what is told of visits and visitors means something.
    """

    site: str
    tz: str
    span: tuple[datetime, datetime]
    compared: tuple[datetime, datetime] | None
    whole: Result
    grain: str
    course: Result
    tables: dict[str, Result]
    knows_visitors: bool = True

    def without_empty(self) -> Told:
        """Return the same without tables in which there is nothing."""
        return replace(self, tables={dimension: found for dimension, found in self.tables.items() if found.rows})

    def without_visitors(self) -> Told:
        """Return the same without visits and visitors if there are views and none tells a visitor, as in a log."""
        (whole,) = self.whole
        return replace(self, knows_visitors=bool(whole["visitors"]) or not whole["views"])

    def shows(self, metric: str) -> bool:
        """Tell whether a metric is shown."""
        return self.knows_visitors or metric in _OF_ANYBODY


def all_of(lists: Iterable[Sequence[str]]) -> list[str]:
    """Return the names of several lists, each once."""
    return list(dict.fromkeys(chain.from_iterable(lists)))


def as_json(told: Told) -> dict[str, Any]:
    """Return what JSON has: the range, the metrics of the whole, and under ``by`` the rows of each dimension."""
    (whole,) = told.whole
    head = {"site": told.site, "since": told.span[0].isoformat(), "until": told.span[1].isoformat(), "tz": told.tz}
    by = {}
    for dimension, found in told.tables.items():
        rows = found.to_json()["rows"]
        by[dimension] = [{"value": row.pop(dimension), **row} for row in rows]
    return {**head, **whole, "by": by}


def as_csv(told: Told) -> Iterator[Sequence[object]]:
    """Yield the rows of a CSV file, of all tables one after the other; empty where a table has no such metric."""
    names = all_of(found.metrics for found in told.tables.values())
    yield ("dimension", "value", *names, *(f"compared.{name}" for name in names if told.compared))
    for dimension, found in told.tables.items():
        for row in found.rows:
            numbers = (dict(zip(found.metrics, each, strict=True)) for each in (row.metrics, row.compared) if each)
            yield (dimension, texts.value(row.values[0]), *(each.get(name) for each in numbers for name in names))


def as_text(told: Told, width: int) -> Iterator[str]:
    """Yield lines for a terminal.

    :param width: of the terminal, in characters.
    """
    yield f"{told.site}: {_heading(told)}\n"
    rows = [["", "now", "before", "change"]] if told.compared else []
    rows += [[texts.name_of(name), *cells] for name, *cells in _whole(told)]
    names, *columns = zip(*rows, strict=True)
    widths = [max(map(len, column)) for column in columns]
    for name, *cells in rows:
        numbers = (f"{cell:>{size}}" for cell, size in zip(cells, widths, strict=True))
        yield f"  {name:{max(map(len, names))}}   {'   '.join(numbers)}".rstrip()
    if not told.knows_visitors:
        yield f"\n{_NOTE}"
    yield f"\n{_course(told)}: {line([row.metrics[0] or 0 for row in told.course.rows])}"
    for dimension, found in told.tables.items():
        titles, drawn = _rows(told, found)
        yield f"\n{table(_title(dimension), titles, drawn, width)}"


def as_markdown(told: Told) -> Iterator[str]:
    """Yield lines of Markdown."""
    yield f"## {escaped(told.site)}: {_heading(told)}\n"
    yield f"|  | now |{' before | change |' if told.compared else ''}"
    yield f"|---|---:|{'---:|---:|' if told.compared else ''}"
    for name, *cells in _whole(told):
        yield f"| {' | '.join((texts.name_of(name), *cells))} |"
    if not told.knows_visitors:
        yield f"\n{_NOTE}"
    yield f"\n{_course(told)}: `{line([row.metrics[0] or 0 for row in told.course.rows])}`"
    for dimension, found in told.tables.items():
        titles, rows = _rows(told, found)
        yield f"\n### {escaped(_title(dimension))}\n"
        yield f"| {' | '.join((dimension, *titles))} |\n|---|{'---:|' * len(titles)}" if rows else "none"
        for row in rows:
            yield f"| {' | '.join((escaped(row.value), *row.cells))} |"


def _heading(told: Told) -> str:
    beside = f", beside {_period(*told.compared)}" if told.compared else ""
    return f"{_period(*told.span)} ({told.tz}){beside}"


def _whole(told: Told) -> Iterator[tuple[str, ...]]:
    """Yield each metric of the whole range: name and number, and what it was and how it has changed."""
    (row,) = told.whole.rows
    for place, (name, number) in enumerate(zip(told.whole.metrics, row.metrics, strict=True)):
        if told.shows(name):
            before = () if row.compared is None else (
                texts.number(name, row.compared[place]), texts.change(name, number, row.compared[place]))
            yield (name, texts.number(name, number), *before)


def _course(told: Told) -> str:
    return f"{texts.name_of(told.course.metrics[0]).capitalize()} by {told.grain}"


def _rows(told: Told, found: Result) -> tuple[list[str], list[Row]]:
    """Return the titles of a table's columns of numbers, and its rows."""
    places = [place for place, name in enumerate(found.metrics) if told.shows(name)]
    names = [found.metrics[place] for place in places]
    rows = []
    for row in found.rows:
        cells = [texts.number(name, row.metrics[place]) for name, place in zip(names, places, strict=True)]
        if row.compared:
            cells.insert(1, texts.change(names[0], row.metrics[places[0]], row.compared[places[0]]))
        rows.append(Row(texts.value(row.values[0]), row.metrics[places[0]] or 0, cells))
    titles = [texts.name_of(name) for name in names]
    return titles[:1] + ["change"] * bool(told.compared) + titles[1:], rows


def _title(dimension: str) -> str:
    return TITLES.get(dimension) or f"By {dimension.removeprefix('prop:')}"


def escaped(value: str) -> str:
    """Return a text that means nothing in Markdown."""
    return _MARKDOWN.sub(r"\\\1", texts.visible(value))


def _period(start: datetime, end: datetime) -> str:
    if start.time() == end.time() == datetime.min.time():
        return f"{start:%Y-%m-%d} to {end - timedelta(days=1):%Y-%m-%d}"
    return f"{start:%Y-%m-%d %H:%M} to before {end:%Y-%m-%d %H:%M}"
