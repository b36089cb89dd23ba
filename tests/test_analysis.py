import operator
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import msgpack
import pytest

import analysis as analysis_door
import footfall.analysis
import footfall.storage
import storage as storage_door
from footfall import recipes, stores
from footfall.analysis import map_reduce, prep_query
from footfall.errors import StoreError, UsageError
from footfall.stores.memory import MemoryStore
from footfall.timeuuid import make, ticks_at
from tests.test_originals import map_fn, reduce_fn

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def fill(store, *moments, account="blog", family="PageViews"):
    for number, moment in enumerate(moments):
        store.family(family).insert(f"{moment:%Y%m%d}.{account}", {
            make(ticks_at(moment), number): {"url": f"/{number}", "n": number}})


def count(views):
    return sum(1 for _ in views)


@pytest.fixture(params=["memory", "sqlite"])
def any_store(request, store):
    return MemoryStore() if request.param == "memory" else store


def test_the_doors_open_on_the_package():
    assert analysis_door.map_reduce is footfall.analysis.map_reduce
    assert analysis_door.prep_query is footfall.analysis.prep_query
    assert storage_door.ColumnFamily is footfall.storage.ColumnFamily
    assert storage_door.PageViews is stores.PageViews


@pytest.mark.parametrize("start, end, keys", [
    (FIRST, FIRST + timedelta(days=2), ["20260101.blog", "20260102.blog"]),
    # The end's clock time is before the start's: its day is wanted all the same.
    (FIRST.replace(hour=18), FIRST + timedelta(days=1, hours=3), ["20260101.blog", "20260102.blog"]),
    (FIRST.replace(hour=18), FIRST.replace(hour=19), ["20260101.blog"]),
    (date(2026, 1, 31), date(2026, 2, 2), ["20260131.blog", "20260201.blog"]),
    (datetime(2026, 1, 1, 23), datetime(2026, 1, 2), ["20260101.blog"]),
    (datetime(2026, 1, 1, 23, tzinfo=timezone(timedelta(hours=-5))), datetime(2026, 1, 2, 6), ["20260102.blog"]),
    (FIRST, FIRST, []),
    (FIRST, FIRST - timedelta(days=3), []),
])
def test_prep_query_names_every_row_of_a_range(start, end, keys):
    assert prep_query("blog", start, end).row_keys == keys


def test_prep_query_gives_a_slice_that_the_original_can_use(any_store):
    moments = [FIRST + timedelta(hours=hour) for hour in (1, 2, 3)]
    fill(any_store, *moments)
    column_start, column_finish, row_keys = prep_query("blog", moments[1], moments[2])
    views = any_store.family("PageViews")
    found = [msgpack.unpackb(data)["n"] for key in row_keys
             for _, data in views.xget(key, column_start=column_start, column_finish=column_finish)]
    assert found == [1]


@pytest.mark.parametrize("arguments, message", [
    (("a b", FIRST, FIRST), "account 'a b'"),
    (("blog", "2026-01-01", FIRST), "start_date='2026-01-01': must be a datetime or a date"),
    (("blog", FIRST, None), "end_date=None"),
])
def test_prep_query_refuses_what_is_no_account_and_no_date(arguments, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        prep_query(*arguments)


def test_the_originals_map_reduce_counts_by_url(any_store):
    fill(any_store, *[FIRST + timedelta(hours=7 * number) for number in range(10)])
    result = map_reduce("blog", FIRST, FIRST + timedelta(days=3), map_fn, reduce_fn, {}, store=any_store)
    assert result == {f"/{number}": 1 for number in range(10)}


def test_a_range_is_half_open_and_includes_its_last_day(any_store):
    start, end = FIRST.replace(hour=18), FIRST + timedelta(days=2, hours=3)
    inside = [start, FIRST + timedelta(days=1), end - timedelta(microseconds=1)]
    fill(any_store, start - timedelta(microseconds=1), *inside, end)
    seen = map_reduce("blog", start, end, lambda views: [when for _, when, _ in views], operator.add, store=any_store)
    assert seen == inside


def test_naive_times_are_utc_whatever_the_machines_zone(any_store, monkeypatch):
    monkeypatch.setenv("TZ", "America/Chicago")
    fill(any_store, FIRST.replace(hour=12))
    noon = datetime(2026, 1, 1, 12)
    assert map_reduce("blog", noon, noon + timedelta(hours=1), count, operator.add, store=any_store) == 1


def test_map_fn_gets_account_aware_time_and_fields_in_order(any_store):
    fill(any_store, FIRST, FIRST)
    fill(any_store, FIRST, account="other")
    (views,) = map_reduce("blog", FIRST, FIRST + timedelta(hours=1), lambda v: [list(v)], operator.add, store=any_store)
    assert views == [("blog", FIRST, {"url": "/0", "n": 0}), ("blog", FIRST, {"url": "/1", "n": 1})]


def test_fields_are_all_that_map_fn_gets(any_store):
    fill(any_store, FIRST)
    got = map_reduce("blog", FIRST, FIRST + timedelta(hours=1), lambda views: [data for _, _, data in views],
                     operator.add, store=any_store, fields=("url", "nothing"))
    assert got == [{"url": "/0"}]


def test_without_initializer_the_first_result_begins_and_with_none_none_does(any_store):
    fill(any_store, FIRST, FIRST + timedelta(days=1))
    span = FIRST, FIRST + timedelta(days=2)
    assert map_reduce("blog", *span, count, lambda a, b: [a, b], store=any_store) == [1, 1]
    assert map_reduce("blog", *span, count, lambda a, b: [a, b], None, store=any_store) == [[None, 1], 1]


def test_days_without_views_are_mapped_too(any_store):
    span = FIRST, FIRST + timedelta(days=3)
    assert map_reduce("blog", *span, count, lambda a, b: [*a, b], [], store=any_store) == [0] * 3


def test_an_empty_range_gives_the_initializer_or_says_so(any_store):
    assert map_reduce("blog", FIRST, FIRST, count, operator.add, 5, store=any_store) == 5
    with pytest.raises(UsageError, match="give an initializer"):
        map_reduce("blog", FIRST, FIRST, count, operator.add, store=any_store)


def test_other_families_are_read_by_name(any_store):
    fill(any_store, FIRST, family="Events")
    span = FIRST, FIRST + timedelta(days=1)
    assert map_reduce("blog", *span, count, operator.add, store=any_store) == 0
    assert map_reduce("blog", *span, count, operator.add, store=any_store, family="Events") == 1
    with pytest.raises(StoreError, match="'Views': unknown"):
        map_reduce("blog", *span, count, operator.add, store=any_store, family="Views")


def test_splitting_by_hour_gives_the_same_and_one_slice_an_hour(any_store):
    fill(any_store, *[FIRST + timedelta(minutes=17 * number) for number in range(200)])
    span = FIRST + timedelta(hours=2, minutes=30), FIRST + timedelta(days=2, hours=1, minutes=5)
    by_day = map_reduce("blog", *span, map_fn, reduce_fn, {}, store=any_store)
    assert map_reduce("blog", *span, map_fn, reduce_fn, {}, store=any_store, split="hour") == by_day
    slices = map_reduce("blog", *span, count, lambda a, b: [*a, b], [], store=any_store, split="hour")
    assert (len(slices), sum(slices)) == (22 + 24 + 2, sum(by_day.values()))
    with pytest.raises(UsageError, match="split='minute'"):
        map_reduce("blog", *span, count, operator.add, store=any_store, split="minute")


def test_what_map_fn_raises_comes_with_the_row_key_and_stops_the_rest(any_store):
    fill(any_store, FIRST, FIRST + timedelta(days=1))
    reached = []

    def fails(views):
        reached.extend(when for _, when, _ in views)
        raise KeyError("nothing")

    with pytest.raises(KeyError) as raised:
        map_reduce("blog", FIRST, FIRST + timedelta(days=50), fails, operator.add, store=any_store)
    assert raised.value.__notes__ == ["while mapping row 20260101.blog of PageViews"]
    assert reached == [FIRST]


def test_progress_tells_every_slice(any_store, capsys):
    told = []
    span = FIRST, FIRST + timedelta(days=3)
    map_reduce("blog", *span, count, operator.add, store=any_store, progress=lambda *step: told.append(step))
    assert told == [(1, 3, "20260101.blog"), (2, 3, "20260102.blog"), (3, 3, "20260103.blog")]
    map_reduce("blog", *span, count, operator.add, store=any_store, progress=True)
    assert capsys.readouterr().err.endswith("3 of 3 slices, 100 % (20260103.blog)\n")


def test_the_default_store_is_the_settings_own(tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTFALL_STORE", f"sqlite:///{tmp_path}/default.db")
    monkeypatch.setattr(stores, "_default", {})
    stores.PageViews.insert("20260101.blog", {make(ticks_at(FIRST), 0): {"url": "/"}})
    assert map_reduce("blog", FIRST, FIRST + timedelta(days=1), *recipes.views_by_url, {}) == Counter({"/": 1})
    assert "xget" in dir(stores.PageViews)
    stores.default_store().close()
