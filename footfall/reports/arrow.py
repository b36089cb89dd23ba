"""Facts as Arrow tables, from which pandas, polars and DuckDB start; needs the extra ``sql``.

:func:`events` has a row for each event, :func:`visits` one for each visit. A text is a number that stands for it
(Arrow's dictionary), as in the facts themselves, so nothing is spelled out more than once a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from footfall import timeuuid
from footfall.errors import UsageError
from footfall.pageview import check_account
from footfall.reports.arrays import Array
from footfall.reports.cache import FactsCache, default_cache
from footfall.reports.facts import REPORTS, TABLES
from footfall.reports.visits import StitchedDay
from footfall.timeuuid import Moment

if TYPE_CHECKING:
    import pyarrow as pa

#: The dimensions, each with the table and the place in it where facts keep it.
_COLUMNS = {dimension: (table, place) for table, dimensions in TABLES.items()
            for place, dimension in enumerate(dimensions)}
#: Those that tell of a visit: all but what changes from page to page.
_OF_VISITS = [dimension for dimension, (table, _) in _COLUMNS.items() if table not in ("kind", "page", "url", "props")]


def events(id: str, since: Moment, until: Moment, *, cache: FactsCache | None = None) -> pa.Table:  # noqa: A002 - as map_reduce
    """Return an account's events as an Arrow table, in order of time.

    :param id: the account.
    :param since: first instant of the half-open range; naive datetimes are UTC, a date is its midnight.
    :param until: the instant that ends the range, itself left out.
    :param cache: the cache of facts; the settings' own if none is given.
    :returns: ``time`` (to the microsecond below, UTC), ``kind`` (``view``, ``report`` or ``custom``), every dimension
        under its name (docs/metrics.md), ``props`` (JSON), ``engaged`` (milliseconds), ``scroll`` (percent),
        ``visitor`` (eight bytes), ``visit`` (a number within the table), ``entry_page`` and ``exit_page``.
    :raises UsageError: pyarrow is not installed, or an argument is not one it can take.
    :raises StoreUnavailable: the store did not answer.
    """
    first, last, days = _days(cache, id, since, until)
    entries, exits = _ends(days)
    return _table([_events_of(day, slice(day.facts.row_at(first), day.facts.row_at(last)), entries, exits)
                   for day in days], _events_schema)


def visits(id: str, since: Moment, until: Moment, *, cache: FactsCache | None = None) -> pa.Table:  # noqa: A002 - as map_reduce
    """Return the visits that begin in a range as an Arrow table, in order of their beginning.

    :returns: ``visit`` (the number that :func:`events` of the same range has), ``start`` and ``end`` (UTC),
        ``duration`` (seconds), ``visitor``, ``views``, ``is_bounce``, ``entry_page``, ``exit_page``, and the
        dimensions that tell of a visit, as its first event has them.
    :raises UsageError: as :func:`events`.

    The parameters are those of :func:`events`.
    """
    first, last, days = _days(cache, id, since, until)
    entries, exits = _ends(days)
    return _table([_visits_of(day, first, last, entries, exits) for day in days], _visits_schema)


def _days(cache: FactsCache | None, account: str, since: Moment, until: Moment) -> tuple[int, int, list[StitchedDay]]:
    _pyarrow()
    check_account(account)
    for name, moment in (("since", since), ("until", until)):
        if not hasattr(moment, "year"):
            raise UsageError(f"{name}={moment!r}: must be a datetime or a date")
    first, last = timeuuid.ticks_at(since), timeuuid.ticks_at(until)
    if first >= last:
        return first, last, []
    cache = cache or default_cache()
    return first, last, cache.days(account, timeuuid.midnight(first).date(), timeuuid.midnight(last - 1).date())


def _ends(days: Sequence[StitchedDay]) -> tuple[list[str], list[str]]:
    """Return the page of the first and the last event of every visit, by its number among all."""
    places = {day.facts.day: day.facts for day in days}
    entries, exits = list[str](), list[str]()
    for day in days:
        entries += _pages(day.facts, day.visits.first_row)
        own = _pages(day.facts, np.where(day.visits.last_day == 0, day.visits.last_row, 0))
        for number in np.flatnonzero(day.visits.last_day).tolist():
            end = places[type(day.facts.day).fromordinal(day.facts.day.toordinal() + int(day.visits.last_day[number]))]
            own[number], = _pages(end, day.visits.last_row[number:number + 1])
        exits += own
    return entries, exits


def _pages(facts: Any, rows: Array) -> list[str]:
    pages = [page for _, page, _ in facts.tables["page"]]
    return [pages[code] for code in facts.codes["page"][rows].tolist()]


def _events_of(day: StitchedDay, rows: slice, entries: list[str], exits: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield the columns of some of a day's events."""
    pa, facts = _pyarrow(), day.facts
    kinds = ["view" if event is None else "report" if event in REPORTS else "custom"
             for (event,) in facts.tables["kind"]]
    yield "time", _times(facts.ticks[rows])
    yield "kind", _coded(facts.codes["kind"][rows], kinds)
    for dimension in _COLUMNS:
        yield dimension, _dimension(day, dimension, rows)
    yield "engaged", pa.array(facts.engaged[rows].astype(np.uint32))
    yield "scroll", pa.array(facts.scroll[rows].astype(np.uint8))
    local = facts.visit[rows]
    known = local < len(facts.visits)
    number = np.where(known, local, 0)
    visitor = facts.visits.visitor[number] if len(facts.visits) else np.zeros(len(local), dtype=np.uint64)
    visit = day.head[number] if len(facts.visits) else np.zeros(len(local), dtype=np.int64)
    yield "visitor", _visitors(visitor, known)
    yield "visit", pa.array(visit, mask=~known)
    for name, pages in (("entry_page", entries), ("exit_page", exits)):
        yield name, pa.array([pages[each] if is_known else None for each, is_known
                              in zip(visit.tolist(), known.tolist(), strict=True)], pa.string()).dictionary_encode()


def _visits_of(day: StitchedDay, first: int, last: int, entries: list[str], exits: list[str],
               ) -> Iterator[tuple[str, Any]]:
    """Yield the columns of those of a day's visits that begin in a range."""
    pa, all_ = _pyarrow(), day.visits
    mine = np.flatnonzero(day.is_head & (all_.start >= first) & (all_.start < last))
    yield "visit", pa.array(day.offset + mine)
    yield "start", _times(all_.start[mine])
    yield "end", _times(all_.end[mine])
    yield "duration", pa.array((all_.end[mine] - all_.start[mine]) / timeuuid.TICKS_PER_SECOND)
    yield "visitor", _visitors(all_.visitor[mine], np.ones(len(mine), dtype=bool))
    yield "views", pa.array(all_.views[mine].astype(np.uint32))
    yield "is_bounce", pa.array(all_.is_bounce[mine])
    for name, pages in (("entry_page", entries), ("exit_page", exits)):
        yield name, pa.array([pages[day.offset + each] for each in mine.tolist()], pa.string()).dictionary_encode()
    for dimension in _OF_VISITS:
        yield dimension, _dimension(day, dimension, all_.first_row[mine])


def _dimension(day: StitchedDay, dimension: str, rows: Array | slice) -> Any:
    table, place = _COLUMNS[dimension]
    return _coded(day.facts.codes[table][rows], [row[place] for row in day.facts.tables[table]])


def _coded(codes: Array, values: Sequence[str | None]) -> Any:
    """Return texts by their codes; Arrow wants no two alike in a dictionary, and no null."""
    pa = _pyarrow()
    known: dict[str, int] = {}
    numbers = np.array([-1 if value is None else known.setdefault(value, len(known)) for value in values],
                       dtype=np.int32)
    indices = numbers[codes] if len(numbers) else np.zeros(0, dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(indices, mask=indices < 0), pa.array(list(known), pa.string()))


def _times(ticks: Array) -> Any:
    pa = _pyarrow()
    # DuckDB hardly reckons with nanoseconds, and Python's datetimes have none.
    return pa.array(ticks // 10, pa.timestamp("us", tz="UTC"))


def _visitors(numbers: Array, known: Array) -> Any:
    """Return visitors as the eight bytes that the events have."""
    pa = _pyarrow()
    raw = numbers.astype(">u8").tobytes()
    whole = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), len(numbers), [None, pa.py_buffer(raw)])
    return pa.compute.if_else(pa.array(known), whole, pa.scalar(None, pa.binary(8)))


def _text() -> Any:
    pa = _pyarrow()
    return pa.dictionary(pa.int32(), pa.string())


def _events_schema() -> list[tuple[str, Any]]:
    pa = _pyarrow()
    return [("time", pa.timestamp("us", tz="UTC")), ("kind", _text()), *((name, _text()) for name in _COLUMNS),
            ("engaged", pa.uint32()), ("scroll", pa.uint8()), ("visitor", pa.binary(8)), ("visit", pa.int64()),
            ("entry_page", _text()), ("exit_page", _text())]


def _visits_schema() -> list[tuple[str, Any]]:
    pa = _pyarrow()
    moment = pa.timestamp("us", tz="UTC")
    return [("visit", pa.int64()), ("start", moment), ("end", moment), ("duration", pa.float64()),
            ("visitor", pa.binary(8)), ("views", pa.uint32()), ("is_bounce", pa.bool_()), ("entry_page", _text()),
            ("exit_page", _text()), *((name, _text()) for name in _OF_VISITS)]


def _table(days: Sequence[Iterator[tuple[str, Any]]], schema: Any) -> pa.Table:
    pa = _pyarrow()
    whole = pa.schema(schema())
    return pa.concat_tables([pa.table(dict(columns), schema=whole) for columns in days] or [whole.empty_table()])


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.compute
    except ImportError:
        raise UsageError("pyarrow is not installed: pip install 'footfall[sql]'") from None
    return pa
