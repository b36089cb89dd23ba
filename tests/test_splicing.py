"""A day that was spliced says what one says that was built of the same events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.reports import segment
from footfall.reports.splicing import spliced
from tests.happenings import DAY_TICKS, EVENTS, MIDNIGHT, busy_day, facts, shown

pytestmark = pytest.mark.ours


def replaced(events, low, high, others):
    """Events with others instead of those from one moment to another."""
    return [*(event for event in events if event[0] < low), *others, *(event for event in events if event[0] > high)]


@st.composite
def changes(draw):
    """Events, and what comes instead of some of them, three times."""
    events = draw(EVENTS)
    ends = st.one_of(st.integers(-1, DAY_TICKS).map(lambda moment: MIDNIGHT + moment),
                     *([st.sampled_from([ticks for ticks, _ in events])] if events else []))
    made = []
    for _ in range(3):
        low, high = sorted((draw(ends), draw(ends)))
        made.append((low, high, [event for event in draw(EVENTS) if low <= event[0] <= high]))
    return events, made


@given(change=changes(), from_file=st.booleans())
def test_random_changes_make_what_building_anew_makes(tmp_path_factory, change, from_file):
    events, made = change
    day = facts(events)
    for low, high, others in made:
        if from_file:
            path = tmp_path_factory.getbasetemp() / "spliced.facts"
            segment.write(path, day)
            day = segment.read(path)
        events = replaced(events, low, high, others)
        day = spliced(day, low, high, facts(others))
        assert shown(day) == shown(facts(events))


@pytest.mark.parametrize("count", [1, 7, 60])
def test_a_day_that_grows_at_its_end_is_the_day_that_was_built_at_once(count):
    events = busy_day(600)
    day = facts([])
    for start in range(0, len(events), count):
        some = events[start:start + count]
        # As a reader of what is new does, which begins a little before where it stopped.
        low = events[max(start - 5, 0)][0]
        part = [event for event in events[:start + count] if low <= event[0] <= some[-1][0]]
        day = spliced(day, low, MIDNIGHT + DAY_TICKS - 1, facts(part))
    assert shown(day) == shown(facts(events))


@pytest.mark.parametrize("visitor", [None, b"12345678"])
def test_a_day_of_nobody_takes_events(visitor):
    events = [(MIDNIGHT + number, {"url": f"/{number}"}) for number in range(300)]
    new = [(MIDNIGHT + 300 + number, {"visitor": visitor}) for number in range(300)]
    assert shown(spliced(facts(events), new[0][0], new[-1][0], facts(new))) == shown(facts([*events, *new]))
    assert shown(spliced(facts(new), MIDNIGHT, MIDNIGHT + 299, facts(events))) == shown(facts([*events, *new]))


def test_what_only_removed_events_said_is_gone():
    secret = (MIDNIGHT + 5, {"url": "https://example.com/secret", "title": "Secret", "visitor": b"12345678"})
    events = busy_day(50)
    day = facts(sorted([*events, secret], key=lambda event: event[0]))
    assert any("Secret" in str(row) for table in day.tables.values() for row in table)
    assert shown(spliced(day, secret[0], secret[0], facts([]))) == shown(facts(events))


def test_what_was_spliced_before_is_left_as_it_was():
    events = busy_day(80)
    day, before = facts(events), shown(facts(events))
    spliced(day, MIDNIGHT, MIDNIGHT + DAY_TICKS // 2, facts([]))
    assert shown(day) == before
