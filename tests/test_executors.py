"""map_reduce side by side: threads, processes, loky and Dask give what serial gives, whatever dies or raises."""

import operator
import os
import re
import signal
import sys
import threading
import time
import traceback
import weakref
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import active_children, get_context

import loky
import pytest
from distributed import Client, LocalCluster

from footfall import analysis, executors, recipes
from footfall.analysis import map_reduce
from footfall.errors import StoreError, StoreUnavailable, UsageError
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from footfall.timeuuid import make, ticks_at
from tests.servers import footfall
from tests.test_originals import map_fn, reduce_fn
from tests.waiting import until

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 6
SPAN = FIRST, FIRST + timedelta(days=DAYS)
ROWS = [f"2026010{day}.blog" for day in range(1, DAYS + 1)]
VIEWS = 40


def processes():
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def loky_pool():
    return loky.get_reusable_executor(max_workers=2)


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """A client of a Dask cluster: two worker processes of one thread, and nannies that start them again."""
    # Its HTTP server cannot be left out: here it listens on loopback only, as the rest does.
    with (LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
                       local_directory=str(tmp_path_factory.mktemp("dask"))) as cluster, Client(cluster) as client):
        yield client


@pytest.fixture(scope="module", params=["threads", "processes", "loky", "dask"])
def executor(request):
    """An executor of each kind with two workers."""
    if request.param == "dask":
        yield request.getfixturevalue("dask").get_executor()
        return
    with {"threads": lambda: ThreadPoolExecutor(2), "processes": processes, "loky": loky_pool}[request.param]() as pool:
        yield pool


def fill(store):
    for number in range(VIEWS):
        moment = FIRST + timedelta(hours=3 * number)
        store.family("PageViews").insert(f"{moment:%Y%m%d}.blog", {
            make(ticks_at(moment), number): {"url": f"/{number % 7}", "n": number}})
    return store


@pytest.fixture
def views(store):
    """An SQLite store with a view every three hours."""
    return fill(store)


@pytest.fixture(scope="module")
def cassandra_views(cassandra_url):
    """The same in the live Cassandra."""
    with open_store(cassandra_url("executors")) as store:
        store.init()
        yield fill(store)


@pytest.mark.parametrize("where", ["views", pytest.param("cassandra_views", marks=pytest.mark.needs("java", "mvn"))])
@pytest.mark.parametrize("split", ["day", "hour"])
@pytest.mark.parametrize("question", [
    (map_fn, reduce_fn, {}),
    (lambda views: [data["n"] for _, _, data in views], operator.add),
    (*recipes.views_by_hour, {}),
], ids=["function", "lambda", "recipe"])
def test_every_executor_gives_what_serial_gives(request, executor, where, split, question):
    store = request.getfixturevalue(where)
    serial, side_by_side = [], []
    expected = map_reduce("blog", *SPAN, *question, store=store, split=split,
                          progress=lambda *step: serial.append(step))
    assert map_reduce("blog", *SPAN, *question, store=store, split=split, executor=executor,
                      progress=lambda *step: side_by_side.append(step)) == expected
    assert side_by_side == serial
    slices = DAYS * (24 if split == "hour" else 1)
    assert (serial[0], serial[-1]) == ((1, slices, ROWS[0]), (slices, slices, ROWS[-1]))


@pytest.mark.parametrize("pool", [
    "from concurrent.futures import ProcessPoolExecutor; from multiprocessing import get_context\n"
    "executor = ProcessPoolExecutor(2, mp_context=get_context('spawn'))",
    "import loky; executor = loky.get_reusable_executor(max_workers=2)",
    "from distributed import Client, LocalCluster\n"
    "cluster = LocalCluster(n_workers=1, host='127.0.0.1', dashboard_address='127.0.0.1:0')\n"
    "client = Client(cluster); executor = client.get_executor()",
], ids=["processes", "loky", "dask"])
def test_what_is_typed_at_a_shell_travels_and_comes_back(views, settings_of, pool):
    typed = f"""{pool}
class Seen:
    def __init__(self, pages):
        self.pages = pages
    def __add__(self, other):
        return Seen(self.pages + other.pages)
class Odd(Exception):
    pass
def odd(views):
    raise Odd("odd")
start, end = date(2026, 1, 1), date(2026, 1, 7)
seen = map_reduce("blog", start, end, lambda views: Seen([data["n"] for _, _, data in views]), Seen.__add__,
                  executor=executor)
try:
    map_reduce("blog", start, end, odd, Seen.__add__, executor=executor)
except Odd as error:
    print(type(seen) is Seen and seen.pages == list(range({VIEWS})), error, *error.__notes__)
if "client" in globals():
    client.close(); cluster.close()
"""
    done = footfall(settings_of().data, "shell", "-c", typed)
    assert done.stdout == "True odd while mapping row 20260101.blog of PageViews\n"


def test_each_process_opens_the_store_once(views):
    def opened(_):
        return {(os.getpid(), analysis._opened.cache_info().misses)}

    with processes() as pool:
        seen = map_reduce("blog", *SPAN, opened, operator.or_, store=views, executor=pool, split="hour")
    assert os.getpid() not in dict(seen)
    assert [times for _, times in seen] == [1] * len(dict(seen))


class Fussy(Exception):
    """Pickles, but cannot be made again: it is given two arguments and keeps one."""

    def __init__(self, number, why):
        super().__init__(f"{why} {number}")


def raise_fussy(_):
    raise Fussy(7, "no")


def lookup(_):
    return {}["nothing"]


@pytest.mark.parametrize("fails, kind, elsewhere, message", [
    (lookup, KeyError, KeyError, "'nothing'"),
    (lambda _: 1 / 0, ZeroDivisionError, ZeroDivisionError, "division by zero"),
    (raise_fussy, Fussy, UsageError, "no 7"),
], ids=["function", "lambda", "fussy"])
def test_what_map_fn_raises_comes_with_its_row_and_its_traceback(views, executor, fails, kind, elsewhere, message):
    expected = kind if isinstance(executor, ThreadPoolExecutor) else elsewhere
    with pytest.raises(expected, match=re.escape(message)) as raised:
        map_reduce("blog", *SPAN, fails, operator.add, store=views, executor=executor)
    assert raised.value.__notes__ == ["while mapping row 20260101.blog of PageViews"]
    text = "".join(traceback.format_exception(raised.value))
    assert f"in {fails.__name__}\n" in text
    assert f"{kind.__name__}: {message}" in text


def test_when_a_slice_fails_those_not_begun_are_cancelled(views, executor, dask, tmp_path):
    def begins(views):
        slice_ = next((str(when) for _, when, _ in views), "none")
        if slice_.startswith("2026-01-01 00"):
            raise ValueError("the first")
        (tmp_path / f"begun {os.getpid()} {threading.get_ident()} {time.monotonic_ns()}").touch()
        until((tmp_path / "failed").exists)

    with pytest.raises(ValueError, match="the first"):
        map_reduce("blog", *SPAN, begins, operator.add, store=views, executor=executor, split="hour")
    # Dask's workers hear of it a moment later.
    until(lambda: sum(map(len, dask.processing().values())) <= 2)
    (tmp_path / "failed").touch()
    # Asked last of all: what was there to do before it is done.
    assert executor.submit(os.getpid).result()
    assert len(list(tmp_path.glob("begun *"))) < 10 < DAYS * 24


class Killing:
    """A map_fn that ends its own process in the middle of the fourth day, as often as it is told."""

    def __init__(self, folder, times):
        self.folder = folder
        self.times = times

    def __call__(self, views):
        numbers = []
        for _, _, data in views:
            numbers.append(data["n"])
            killed = len(list(self.folder.glob("killed *")))
            if data["n"] == 27 and killed < self.times:
                (self.folder / f"killed {killed}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return numbers


@pytest.fixture
def again(request, dask):
    """What map_reduce is given so that it outlives a worker's death."""
    return {"dask": dask.get_executor(), "loky": loky_pool, "processes": processes}[request.param]


@pytest.mark.parametrize("again", ["dask", "loky", "processes"], indirect=True)
@pytest.mark.parametrize("split", ["day", "hour"])
def test_a_worker_that_dies_is_run_again_and_the_result_is_exact(views, again, split, tmp_path):
    numbers = map_reduce("blog", *SPAN, Killing(tmp_path, 1), operator.add, store=views, executor=again, split=split)
    assert numbers == list(range(VIEWS))
    assert len(list(tmp_path.glob("killed *"))) == 1


@pytest.mark.parametrize("again", ["dask", "loky", "processes"], indirect=True)
def test_a_slice_that_kills_every_worker_ends_the_job(views, again, tmp_path):
    with pytest.raises(Exception, match=r"died|terminated|workers") as raised:
        map_reduce("blog", *SPAN, Killing(tmp_path, 99), operator.add, store=views, executor=again)
    # Dask blames whatever a dead worker had at hand, so the slice that is waited for may be one of the days before.
    assert re.fullmatch("while mapping row 2026010[1-4].blog of PageViews", raised.value.__notes__[-1])
    # And so it is with pools: their deaths count against the slice that is waited for.
    assert 3 <= len(list(tmp_path.glob("killed *"))) <= 6


@pytest.mark.parametrize("make", [processes, loky_pool])
def test_a_pool_that_broke_says_what_would_have_helped(views, make, tmp_path):
    with pytest.raises(BrokenExecutor) as raised, make() as pool:
        map_reduce("blog", *SPAN, Killing(tmp_path, 1), operator.add, store=views, executor=pool)
    assert "executor=loky.get_reusable_executor" in raised.value.__notes__[0]


def test_pools_that_map_reduce_made_end_by_themselves(views):
    before = set(active_children())
    assert map_reduce("blog", *SPAN, map_fn, reduce_fn, store=views, executor=processes) == (
        map_reduce("blog", *SPAN, map_fn, reduce_fn, store=views))
    assert until(lambda: set(active_children()) <= before)


@pytest.mark.parametrize("refused, message", [
    (4, "executor=4: must be a concurrent.futures.Executor"),
    (dict, "executor={}: must be a concurrent.futures.Executor"),
])
def test_what_is_no_executor_is_refused(views, refused, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        map_reduce("blog", *SPAN, map_fn, reduce_fn, store=views, executor=refused)


def test_a_dask_client_is_told_where_its_executor_is(views, dask):
    with pytest.raises(UsageError, match="a Dask client has get_executor"):
        map_reduce("blog", *SPAN, map_fn, reduce_fn, store=views, executor=dask)


def unpicklable(thing):
    return lambda views: (thing, *views)[:0]


@pytest.mark.parametrize("asked, message", [
    (unpicklable(threading.Lock()), "map_fn cannot be sent to another process: TypeError: cannot pickle"),
    (unpicklable(sys.stderr), "make locks, files and connections inside of it"),
    (lambda _: threading.Lock(), "what map_fn returned cannot be sent from its process: TypeError: cannot pickle"),
], ids=["lock", "file", "result"])
def test_what_cannot_travel_is_told_with_the_remedy(views, executor, asked, message):
    if isinstance(executor, ThreadPoolExecutor):
        assert map_reduce("blog", *SPAN, asked, lambda a, b: 1, store=views, executor=executor) == 1
        return
    with pytest.raises(UsageError, match=re.escape(message)):
        map_reduce("blog", *SPAN, asked, lambda a, b: 1, store=views, executor=executor)


def test_without_cloudpickle_a_lambda_is_told_to_want_it(views, monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with processes() as pool:
        assert map_reduce("blog", *SPAN, map_fn, reduce_fn, store=views, executor=pool)
        with pytest.raises(UsageError, match=re.escape("pip install 'footfall[parallel]'")):
            map_reduce("blog", *SPAN, lambda views: 1, operator.add, store=views, executor=pool)


def test_a_memory_store_refuses_to_be_sent_to_another_process(executor):
    store = fill(MemoryStore())
    if isinstance(executor, ThreadPoolExecutor):
        assert map_reduce("blog", *SPAN, *recipes.views_by_url, {}, store=store, executor=executor).total() == VIEWS
        return
    with pytest.raises(StoreError, match="lives in one process"):
        map_reduce("blog", *SPAN, map_fn, reduce_fn, store=store, executor=executor)


def test_a_store_that_a_worker_cannot_open_is_no_dead_worker(views, executor, tmp_path):
    gone = open_store(f"sqlite:///{tmp_path}/gone/gone.db")
    gone.close()
    (tmp_path / "gone").rename(tmp_path / "moved")
    (tmp_path / "gone").touch()
    with pytest.raises(StoreUnavailable, match=re.escape(f"{tmp_path}/gone")) as raised:
        map_reduce("blog", *SPAN, map_fn, reduce_fn, store=gone, executor=executor)
    assert raised.value.__notes__[0] == "while mapping row 20260101.blog of PageViews"
    assert map_reduce("blog", *SPAN, map_fn, reduce_fn, store=views, executor=executor)


def test_dask_is_asked_anew_although_it_knows_the_slice(views, dask):
    """The first time's slices are still held by the client while the second time's are asked for."""
    totals = []

    def twice(total, result):
        if not totals:
            until(lambda: all(future.done() for future in dask.futures.values()))
            last = FIRST + timedelta(days=DAYS - 1, hours=1)
            views.family("PageViews").insert(ROWS[-1], {make(ticks_at(last), 99): {"url": "/late"}})
            totals.append(map_reduce("blog", *SPAN, *recipes.views_by_url, store=views, executor=dask.get_executor()))
        return total + result

    totals.append(map_reduce("blog", *SPAN, recipes.views_by_url[0], twice, store=views, executor=dask.get_executor()))
    assert [total.total() for total in totals] == [VIEWS + 1, VIEWS]


def test_results_are_reduced_in_order_whatever_order_they_come_in(views):
    done = {key: threading.Event() for key in ROWS}
    ended = []

    def backwards(views):
        key = f"{next(views)[1]:%Y%m%d}.blog"
        if key != ROWS[DAYS - 2]:
            until(done[ROWS[ROWS.index(key) + 1]].is_set)
        ended.append(key)
        done[key].set()
        return [key]

    with ThreadPoolExecutor(DAYS) as pool:
        # The last day has views for half of the range only: five days are enough.
        seen = map_reduce("blog", FIRST, FIRST + timedelta(days=DAYS - 1), backwards, operator.add, store=views,
                          executor=pool)
    assert seen == ended[::-1] == ROWS[:-1]


class Inline(Executor):
    """Runs a call as soon as it is handed over, and counts them."""

    def __init__(self):
        self.handed = 0

    def submit(self, fn, /, *args, **kwargs):
        self.handed += 1
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_only_so_many_slices_are_handed_over_and_results_are_let_go(views, monkeypatch):
    monkeypatch.setattr(executors, "AHEAD", 10)

    class Result:
        pass

    pool, alive, seen = Inline(), weakref.WeakSet(), []

    def result(_):
        one = Result()
        alive.add(one)
        return one

    map_reduce("blog", *SPAN, result, lambda _, __: seen.append((pool.handed, len(alive))), None, store=views,
               executor=pool, split="hour")
    assert len(seen) == DAYS * 24
    assert max(handed - reduced for reduced, (handed, _) in enumerate(seen)) == 10
    # Those, and the one that was reduced last.
    assert max(held for _, held in seen) <= 11


