"""Visitors numbered through several days, at once and with a last day that changes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from footfall.reports.visitors import Before, Numbered, _numbers

days = st.lists(st.sets(st.integers(1, 12)), min_size=1, max_size=5)


class Day:
    """As much of what is derived of a day as is numbered; each is equal to itself only."""

    def __init__(self, visitors):
        self.who = np.array(sorted(visitors), dtype=np.uint64)


def check(numbers, found):
    """Each visitor has one number, no two the same one, and those who come on several days the lowest."""
    of_visitor = {}
    for day, of_day, comes_again, again in zip(found, numbers.of_day, numbers.comes_again, numbers.again, strict=True):
        assert np.flatnonzero(comes_again).tolist() == again.tolist()
        for visitor, number, is_again in zip(day.who.tolist(), of_day.tolist(), comes_again.tolist(), strict=True):
            assert of_visitor.setdefault(visitor, number) == number
            assert is_again == (sum(visitor in other.who for other in found) > 1)
            assert (number < numbers.several) == is_again
    assert len(set(of_visitor.values())) == len(of_visitor)
    assert max(of_visitor.values(), default=-1) < numbers.size
    assert numbers.several == sum(np.concatenate(numbers.comes_again)[np.unique(
        np.concatenate([day.who for day in found]), return_index=True)[1]])


@given(days)
def test_each_visitor_has_a_number(visitors):
    found = [Day(each) for each in visitors]
    check(_numbers(found), found)


@given(days, days)
def test_another_last_day_is_put_behind_the_others(visitors, lasts):
    found = [Day(each) for each in visitors]
    before = Before(found)
    for last in map(Day, lasts):
        check(before.and_then(last), [*found, last])


@given(days, days)
def test_lists_that_differ_in_their_last_day_are_numbered_alike(visitors, lasts):
    numbered, found = Numbered(), [Day(each) for each in visitors]
    for last in map(Day, lasts):
        for _ in range(2):
            check(numbered([*found, last]), [*found, last])
