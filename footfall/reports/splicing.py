"""Splicing: events of a day put in the place of others, without a look at the rest.

That is how facts follow what happens: a few hundred events at the end of today, one that comes late, some that are
removed. Columns are copied, which takes some milliseconds a million events; visits are made anew only for visitors who
have events among those that come or go, and only within half an hour of these.
"""

from __future__ import annotations

import numpy as np

from footfall.reports.arrays import Array, kind_for, narrow
from footfall.reports.day import Day, Table, kinds_of
from footfall.reports.facts import TABLES
from footfall.reports.visits import GAP, Visits, visits_of

_COLUMNS = tuple(Visits.__dataclass_fields__)


def spliced(day: Day, low: int, high: int, part: Day) -> Day:
    """Return a day with other events from one moment to another. Text that no event has any more is gone from it.

    :param low: ticks since 1970 of the first events that are replaced.
    :param high: ticks since 1970 of the last events that are replaced.
    :param part: the facts of all events that are there instead, none of them before ``low`` or after ``high``.
    """
    first, last = day.row_at(low), day.row_at(high + 1)
    codes, tables = {}, {}
    for name in TABLES:
        own = day.codes[name]
        tables[name], new = _joined(day.tables[name], part.tables[name], part.codes[name])
        # Narrow from the start: to copy millions of numbers twice is most of the time.
        codes[name] = np.concatenate((own[:first], new, own[last:]), dtype=kind_for(len(tables[name])),
                                     casting="unsafe")
        gone = np.setdiff1d(own[first:last], new)
        if len(gone):
            tables[name], codes[name] = _without_unused(tables[name], codes[name], gone)
    ticks, engaged, scroll = (np.concatenate((old[:first], new, old[last:])) for old, new in (
        (day.ticks, part.ticks), (day.engaged, part.engaged), (day.scroll, part.scroll)))
    visit, visits = _visits(day, part, first, last, _changed(day, low, high, first, last, part), ticks, codes, tables)
    return Day(day.day, ticks, codes, tables, narrow(engaged), narrow(scroll), visit, visits)


def visitors_of(day: Day, rows: Array | slice = slice(None)) -> Array:
    """Return the visitor of some events, or of all, 0 for none; uint64."""
    visit = day.visit[rows]
    has_one = visit < len(day.visits)
    visitors = np.zeros(len(visit), dtype=np.uint64)
    visitors[has_one] = day.visits.visitor[visit[has_one]]
    return visitors


def _joined(table: Table, more: Table, codes: Array) -> tuple[Table, Array]:
    """Return a table with the rows of another after its own, and the codes of the other's rows in it."""
    wanted = set(more)
    known = {row: number for number, row in enumerate(table) if row in wanted}
    new = [row for row in more if row not in known]
    known |= zip(new, range(len(table), len(table) + len(new)), strict=True)
    numbers = np.array([known[row] for row in more], dtype=np.uint32)
    return table + new, numbers[codes]


def _without_unused(table: Table, codes: Array, suspected: Array) -> tuple[Table, Array]:
    """Return a table without those of some rows that no code stands for, and the codes in it."""
    used = np.ones(len(table), dtype=bool)
    used[suspected] = False
    used[codes] = True
    if used.all():
        return table, codes
    numbers = np.cumsum(used, dtype=kind_for(len(table))) - 1
    return [row for row, is_used in zip(table, used.tolist(), strict=True) if is_used], numbers[codes]


def _changed(day: Day, low: int, high: int, first: int, last: int, part: Day) -> Array:
    """Return for each visit, and for those events that have none, whether it is to be made anew."""
    visits = day.visits
    touched = np.union1d(visitors_of(day, slice(first, last)), part.visits.visitor)
    until = np.searchsorted(visits.start, high + GAP, "right")
    near = np.flatnonzero(visits.end[:until] >= low - GAP)
    changed = np.zeros(len(visits) + 1, dtype=bool)
    changed[near[np.isin(visits.visitor[near], touched)]] = True
    return changed


def _visits(day: Day, part: Day, first: int, last: int, changed: Array, ticks: Array, codes: dict[str, Array],
            tables: dict[str, Table]) -> tuple[Array, Visits]:
    """Return the number of each event's visit, and the visits.

    :param changed: those of the day that are made anew.
    :param ticks: of all events that there are now; codes and tables likewise.
    """
    shift = len(part) - (last - first)
    own = {name: getattr(day.visits, name) for name in _COLUMNS}
    if shift:
        own |= {name: own[name].astype(np.int64) + shift * (own[name] >= last) for name in ("first_row", "last_row")}
    # Visits that began before all that changes keep their numbers.
    start = first if not changed.any() else min(first, int(own["first_row"][np.argmax(changed)]))
    cut = int(np.searchsorted(day.visits.first_row, start))

    rows = start + np.flatnonzero(changed[day.visit[start:]])
    before, after = rows[rows < first], rows[rows >= last]
    anew = np.concatenate((before, np.arange(first, first + len(part)), after + shift))
    visitors = np.concatenate((visitors_of(day, before), visitors_of(part), visitors_of(day, after)))
    number, made = visits_of(ticks[anew], visitors, *kinds_of({"kind": codes["kind"][anew]}, tables))
    new = {name: getattr(made, name) for name in _COLUMNS}
    new |= {name: anew[new[name]] for name in ("first_row", "last_row")}

    kept = cut + np.flatnonzero(~changed[cut:-1])
    count = cut + len(kept) + len(made)
    new_numbers = cut + np.searchsorted(own["first_row"][kept], new["first_row"]) + np.arange(len(made))
    is_new = np.zeros(count, dtype=bool)
    is_new[new_numbers] = True
    visits = {name: np.empty(count, np.result_type(own[name], new[name])) for name in _COLUMNS}
    for name, column in visits.items():
        column[:cut] = own[name][:cut]
        column[cut:][~is_new[cut:]], column[new_numbers] = own[name][kept], new[name]
    numbers = np.full(len(changed), count, dtype=np.uint32)
    numbers[:cut] = np.arange(cut)
    numbers[kept] = cut + np.flatnonzero(~is_new[cut:])
    visit = np.concatenate((numbers[day.visit[:first]], np.empty(len(part), np.uint32), numbers[day.visit[last:]]))
    visit[anew] = np.append(new_numbers, count)[number]
    return narrow(visit, count), Visits(**visits | {name: narrow(visits[name])
                                                    for name in ("first_row", "last_row", "views")})
