"""The original's own snippets, typed as they were in 2012, give the right answers on SQLite and on Cassandra."""

from datetime import datetime, timedelta

import msgpack
import pytest

from footfall.analysis import map_reduce, prep_query
from footfall.stores import open_store
from footfall.timeuuid import convert_time_to_uuid, convert_uuid_to_time

BEGIN = datetime(2012, 11, 29, 22, 30)


@pytest.fixture
def cassandra_store(cassandra_url):
    """An empty keyspace on the live Cassandra."""
    with open_store(cassandra_url("originals")) as store:
        store.init()
        store.family("PageViews").truncate()
        yield store


@pytest.fixture(params=["sqlite", "cassandra"])
def page_views(request):
    """The family PageViews of each store, with a view every 20 minutes for two days from :data:`BEGIN`."""
    store = request.getfixturevalue("store" if request.param == "sqlite" else "cassandra_store")
    family = store.family("PageViews")
    for number in range(144):
        moment = BEGIN + timedelta(minutes=20 * number)
        page_view = {"url": f"/{number % 5}", "title": "A post", "ip": "192.0.2.0", "referrer": "",
                     "user_agent": "", "language": "en"}
        family.insert(f"{moment:%Y%m%d}.blog", {convert_time_to_uuid(moment, randomize=True): msgpack.packb(page_view)})
    return family


def map_fn(columns):
    results = {}
    for _id, _ts, data in columns:
        results.setdefault(data["url"], 0)
        results[data["url"]] += 1
    return results


def reduce_fn(accum, item):
    for key, value in item.items():
        accum.setdefault(key, 0)
        accum[key] += value
    return accum


def test_a_days_row_and_an_hours_slice(page_views):
    day = list(page_views.xget("20121130.blog"))
    assert len(day) == 72
    assert [msgpack.unpackb(data)["title"] for _, data in day] == ["A post"] * 72
    times = [convert_uuid_to_time(name) for name, _ in day]
    assert times == sorted(times)
    start = convert_time_to_uuid(datetime(2012, 11, 30, 7))
    finish = convert_time_to_uuid(datetime(2012, 11, 30, 8), lowest_val=False)
    hour = [convert_uuid_to_time(name) - 1354258800
            for name, _ in page_views.xget("20121130.blog", column_start=start, column_finish=finish)]
    assert hour == [600, 1800, 3000]


def test_prep_query_and_map_reduce(page_views):
    # Begins late in the evening, ends early in the morning: the last day counts.
    start, end = datetime(2012, 11, 29, 23), datetime(2012, 12, 1, 2)
    column_start, column_finish, row_keys = prep_query("blog", start, end)
    assert row_keys == ["20121129.blog", "20121130.blog", "20121201.blog"]
    counted = sum(1 for key in row_keys for _ in page_views.xget(key, column_start, column_finish))
    result = map_reduce("blog", start, end, map_fn, reduce_fn, {}, store=page_views.store)
    moments = [BEGIN + timedelta(minutes=20 * number) for number in range(144)]
    inside = [number for number, moment in enumerate(moments) if start <= moment < end]
    assert result == {f"/{page}": sum(1 for number in inside if number % 5 == page) for page in range(5)}
    assert sum(result.values()) == counted == len(inside) == 81
