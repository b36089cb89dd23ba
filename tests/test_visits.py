"""Visits are a visitor's events with gaps of at most half an hour, whatever the day."""

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.reports import segment
from footfall.reports.arrays import looked_up
from footfall.reports.building import days_around
from footfall.reports.frame import Frame
from footfall.reports.visits import GAP, Visits, stitch
from tests.happenings import DAY, DAY_TICKS, EVENTS, MIDNIGHT, busy_day, facts, later, shown

#: Events of five days, some of them without any.
DAYS = st.lists(st.one_of(st.just([]), EVENTS), min_size=5, max_size=5).map(
    lambda days: [later(events, number) for number, events in enumerate(days)])
VIEW = {"visitor": b"visitor1"}


def visits_by_hand(days):
    """The visits of some days one after the other, each as (where, ticks and fields) of its events."""
    trails = defaultdict(list)
    for number, events in enumerate(days):
        for row, (ticks, fields) in enumerate(events):
            visitor = fields.get("visitor")
            if isinstance(visitor, bytes) and len(visitor) == 8:
                trails[visitor].append(((number, row), ticks, fields))
    found = []
    for trail in trails.values():
        visit = [trail[0]]
        for before, event in pairwise(trail):
            if event[1] - before[1] > GAP:
                found.append(visit)
                visit = []
            visit.append(event)
        found.append(visit)
    return sorted(found)


def told(visits):
    """What is told of each visit, by hand."""
    rows = []
    for visit in visits:
        names = [event if isinstance(event, str) else "" for _, _, fields in visit for event in [fields.get("event")]]
        (first_day, first_row), (last_day, last_row) = visit[0][0], visit[-1][0]
        is_active = any(name not in ("", "404", "engagement", "vitals") for name in names)
        rows.append((int.from_bytes(visit[0][2]["visitor"]), first_row, last_row, last_day - first_day, visit[0][1],
                     visit[-1][1], names.count(""), is_active))
    return rows


def columns(visits, rows=slice(None)):
    return list(zip(*(getattr(visits, name)[rows].tolist() for name in Visits.__dataclass_fields__), strict=True))


@pytest.mark.ours
@given(events=EVENTS)
def test_visits_of_a_day_are_those_found_by_hand(events):
    day, expected = facts(events), visits_by_hand([events])
    assert columns(day.visits) == told(expected)
    where = {row: number for number, visit in enumerate(expected) for (_, row), _, _ in visit}
    assert day.visit.tolist() == [where.get(row, len(expected)) for row in range(len(events))]


@pytest.mark.ours
@given(days=DAYS, from_files=st.booleans())
def test_visits_of_stitched_days_are_those_found_by_hand(tmp_path_factory, days, from_files):
    made = [facts(events, DAY + timedelta(number)) for number, events in enumerate(days)]
    if from_files:
        for number, day in enumerate(made):
            path = tmp_path_factory.getbasetemp() / f"{number}.facts"
            segment.write(path, day)
            made[number] = segment.read(path)
    expected = visits_by_hand(days)
    kept = [number for number, events in enumerate(days) if events]
    stitched = stitch([made[number] for number in kept])
    assert [row for day in stitched for row in columns(day.visits, day.is_head)] == told(expected)
    # Each event leads to its visit: by the number of the visit in its day, and that one's head.
    heads = [event for day in stitched for event in np.flatnonzero(day.is_head) + day.offset]
    for number, visit in enumerate(expected):
        for (day, row), _, _ in visit:
            owner = stitched[kept.index(day)]
            own = owner.facts.visit[row]
            assert owner.head[own] == heads[number]
            assert owner.heads_of(np.array([own]))[0] == heads[number]
    for day, number in zip(stitched, kept, strict=True):
        assert shown(day.facts) == shown(made[number])


@given(data=st.data(), seen=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3)), min_size=1, max_size=12))
def test_who_is_there_among_some_events_is_who_has_one(data, seen):
    events = [(MIDNIGHT + part * GAP // 2, {"visitor": who.to_bytes(8)} if who < 3 else {})
              for part, who in sorted(seen)]
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(events))] * 2)))
    there = {fields["visitor"] for _, fields in events[first:last] if fields}
    frame = Frame(stitch([facts(events)]))
    for rows in (slice(first, last), np.arange(first, last)):
        assert {int(who).to_bytes(8) for who in frame.derived[0].who[frame.present(0, rows)]} == there


@pytest.mark.parametrize("gap, visits", [(GAP - 1, 1), (GAP, 1), (GAP + 1, 2)])
@pytest.mark.parametrize("first", [DAY_TICKS - 1, DAY_TICKS - GAP // 2, DAY_TICKS - GAP])
def test_half_an_hour_is_a_visit_also_over_midnight(gap, visits, first):
    days = [[(MIDNIGHT + first, VIEW)], [(MIDNIGHT + first + gap, VIEW)]]
    if first + gap < DAY_TICKS:
        days = [days[0] + days[1], []]
    stitched = stitch([facts(events, DAY + timedelta(number)) for number, events in enumerate(days)])
    assert sum(day.is_head.sum() for day in stitched) == visits
    (expected, *_) = told(visits_by_hand(days))
    assert columns(stitched[0].visits)[0] == expected


def days_on(count):
    """Events of a visitor who never leaves for long, on so many days."""
    day = [(MIDNIGHT + moment, VIEW) for moment in range(0, DAY_TICKS, GAP)]
    return [later(day, number) for number in range(count)]


def test_a_visit_of_many_days_is_one_visit():
    stitched = stitch([facts(events, DAY + timedelta(number)) for number, events in enumerate(days_on(9))])
    assert [day.is_head.tolist() for day in stitched] == [[True], *[[False]] * 8]
    assert columns(stitched[0].visits) == told(visits_by_hand(days_on(9)))


@pytest.mark.ours
@given(days=DAYS, ends=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_a_range_of_days_has_its_visits_as_wholes(days, ends):
    first, last = sorted(ends)
    asked = []

    def load(day):
        number = (day - DAY).days
        asked.append(number)
        return facts(days[number], day) if 0 <= number < len(days) and days[number] else None

    stitched = days_around(load, DAY + timedelta(first), DAY + timedelta(last))
    expected = told(visit for visit in visits_by_hand(days) if first <= visit[0][0][0] <= last)
    assert [row for day in stitched if first <= (day.facts.day - DAY).days <= last
            for row in columns(day.visits, day.is_head)] == expected
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("first, last, expected", [(4, 4, range(9)), (0, 0, range(9)), (8, 8, range(9))])
def test_a_range_reaches_as_far_as_its_visits(first, last, expected):
    events = days_on(9)

    def load(day):
        number = (day - DAY).days
        return facts(events[number], day) if 0 <= number < 9 else None

    stitched = days_around(load, DAY + timedelta(first), DAY + timedelta(last))
    assert [(day.facts.day - DAY).days for day in stitched] == list(expected)


def test_days_in_files_stay_there_when_they_are_stitched(tmp_path):
    days = []
    for number in range(2):
        path = tmp_path / f"{number}.facts"
        segment.write(path, facts(later(busy_day(2_000), number), DAY + timedelta(number)))
        days.append(segment.read(path))
    for day in stitch(days):
        assert "ticks" not in vars(day.facts)
        assert {"start", "end"}.isdisjoint(vars(day.facts.visits))


@given(table=st.lists(st.booleans(), min_size=1, max_size=12), data=st.data())
def test_a_table_says_of_codes_what_stands_at_their_places(table, data):
    codes = data.draw(st.lists(st.integers(0, len(table) - 1)))
    found = looked_up(np.array(table), np.array(codes, dtype=np.uint8))
    assert found.tolist() == [table[code] for code in codes]
