import uuid
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import timeuuid
from footfall.timeuuid import (
    HIGHEST_TIME_UUID,
    LOWEST_TIME_UUID,
    Clock,
    as_utc,
    convert_time_to_uuid,
    convert_uuid_to_time,
    datetime_of,
    from_sort_key,
    last_before,
    make,
    slice_bound,
    sort_key,
    ticks_at,
    ticks_of,
)

NOON = datetime(2012, 11, 30, 12, 34, 56, 789012)


# What pycassa 1.11.2's own function gave for these.
@pytest.mark.parametrize("time, lowest, expected", [
    (NOON, True, "59343cc8-3aea-11e2-8080-808080808080"),
    (NOON, False, "59343cc8-3aea-11e2-bf7f-7f7f7f7f7f7f"),
    (NOON.replace(tzinfo=timezone(timedelta(hours=-6))), True, "a3ceacc8-3b1c-11e2-8080-808080808080"),
    (1354278896.789012, True, "59343cc8-3aea-11e2-8080-808080808080"),
    (1354278896, False, "58bbd800-3aea-11e2-bf7f-7f7f7f7f7f7f"),
    (0, True, "13814000-1dd2-11b2-8080-808080808080"),
    (0.0000019, True, "1381400a-1dd2-11b2-8080-808080808080"),
    (-1, True, "12e8a980-1dd2-11b2-8080-808080808080"),
])
def test_convert_time_to_uuid_gives_pycassas_bits(time, lowest, expected):
    assert str(convert_time_to_uuid(time, lowest_val=lowest)) == expected


def test_convert_takes_a_uuid_as_it_is_and_refuses_the_rest():
    name = uuid.uuid1()
    assert convert_time_to_uuid(name) is name
    for wrong in ("2012-11-30", None, True, date(2012, 11, 30)):
        with pytest.raises(ValueError, match="must be a UUID, a datetime or seconds"):
            convert_time_to_uuid(wrong)


def test_randomized_uuids_have_the_time_and_the_variant_and_differ():
    made = {convert_time_to_uuid(NOON, randomize=True) for _ in range(100)}
    assert len(made) == 100
    assert {name.time for name in made} == {convert_time_to_uuid(NOON).time}
    assert {(name.variant, name.version) for name in made} == {(uuid.RFC_4122, 1)}


def test_convert_uuid_to_time_is_its_inverse():
    assert convert_uuid_to_time(convert_time_to_uuid(1354278896.25)) == 1354278896.25


@given(st.integers(0, 2**60 - 1), st.integers(0, 2**64 - 1))
def test_make_keeps_time_and_62_bits(timestamp, low_bits):
    name = make(timestamp - timeuuid.EPOCH_TICKS, low_bits)
    assert (name.version, name.variant, name.time) == (1, uuid.RFC_4122, timestamp)
    assert name.int & (2**62 - 1) == low_bits & (2**62 - 1)
    assert from_sort_key(sort_key(name)) == name
    assert LOWEST_TIME_UUID.time <= name.time <= HIGHEST_TIME_UUID.time


def test_make_refuses_a_time_that_60_bits_cannot_hold():
    with pytest.raises(ValueError, match="1582 to 5236"):
        make(2**60, 0)


def test_a_datetime_bounds_its_whole_microsecond():
    start, finish = slice_bound(NOON, finish=False), slice_bound(NOON, finish=True)
    ticks = ticks_at(NOON)
    assert (ticks_of(start), ticks_of(finish)) == (ticks, ticks + 9)
    for low_bits in (0, 2**62 - 1, 0x7F7F, 0x8080 << 40):
        for tick in (ticks, ticks + 9):
            assert sort_key(start) <= sort_key(make(tick, low_bits)) <= sort_key(finish)
    assert sort_key(last_before(NOON)) < sort_key(start)
    assert ticks_of(last_before(NOON)) == ticks - 1


def test_as_utc_takes_naive_as_utc_and_a_date_as_its_midnight():
    assert as_utc(NOON) == NOON.replace(tzinfo=UTC)
    assert as_utc(datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=2)))) == datetime(2026, 1, 1, 23, tzinfo=UTC)
    assert as_utc(date(2026, 1, 2)) == datetime(2026, 1, 2, tzinfo=UTC)


def test_datetime_of_is_exact_to_the_microsecond():
    moment = datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=UTC)
    assert datetime_of(make(ticks_at(moment) + 9, 0)) == moment


def test_the_clock_rises_when_time_stands_still_or_goes_back():
    times = iter([5000, 5000, 4000, 10_000])
    clock = Clock(lambda: next(times))
    assert [clock.ticks() for _ in range(4)] == [50, 51, 52, 100]


def test_two_ids_of_one_microsecond_differ_in_time():
    clock = Clock(lambda: 1_000)
    assert len({clock.new_id().time for _ in range(20)}) == 20
