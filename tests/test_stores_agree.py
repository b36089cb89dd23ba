"""Every store gives the same answers, whatever is asked of it; and so does the order of time UUIDs."""

import itertools
import uuid
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall import timeuuid
from footfall.errors import NotFoundException
from footfall.pageview import row_key
from footfall.storage import Insert, Remove
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from footfall.stores.sqlite import SqliteStore
from footfall.timeuuid import TICKS_PER_SECOND, datetime_of, from_sort_key, make, sort_key, ticks_at
from tests.contract import DAY
from tests.sealing import SealingStore, seal_all, unseal_all

pytestmark = pytest.mark.ours

HOUR = 3600 * TICKS_PER_SECOND
#: Low bytes about the ends of their signed order.
BYTES = st.sampled_from([0x00, 0x01, 0x7F, 0x80, 0x81, 0xFF])
LOW_BITS = st.lists(BYTES, min_size=2, max_size=2).map(bytes).map(int.from_bytes) | st.lists(
    BYTES, min_size=8, max_size=8).map(bytes).map(int.from_bytes)
#: Ticks about the edges of ticks, microseconds, hours and days: few, so that they meet.
TICKS = st.builds(lambda hour, tick: ticks_at(DAY) + hour * HOUR + tick,
                  st.sampled_from([-25, 0, 1, 23, 24, 25, 47]), st.sampled_from([-1, 0, 1, 9, 10]))
TIME_NAMES = st.builds(make, TICKS, LOW_BITS)
TEXT_NAMES = st.text("aAzé\uffff\U0001f600", min_size=1, max_size=2)
TIME_BOUNDS = st.none() | TIME_NAMES | TIME_NAMES.map(datetime_of)
TEXT_BOUNDS = st.none() | TEXT_NAMES
VALUES = st.binary(max_size=3).map(lambda data: b"\x81\xa1n\xc4" + bytes([len(data)]) + data)


def rows_of(start):
    """Row keys of two days and two accounts, one of several shards where a store has some, and one of no day."""
    days = [DAY.date() + timedelta(days=number) for number in (0, 1)]
    return st.sampled_from([*(row_key(account, day) for day in days for account in (start, start + ".wide")),
                            start + "-free"])


@st.composite
def mutations(draw, family, names):
    """One mutation, its row key still without the prefix of the example."""
    key = draw(rows_of("e"))
    kind = draw(st.sampled_from(["insert", "insert", "insert", "insert", "remove", "remove row"]))
    if kind == "insert":
        return Insert(family, key, draw(names), draw(VALUES))
    return Remove(family, key, draw(names) if kind == "remove" else None)


@st.composite
def scenarios(draw):
    """What to do to a family, a list of applies, and the slices to ask of it then."""
    family = draw(st.sampled_from(["PageViews", "PageViews", "Accounts"]))
    names, bounds = (TEXT_NAMES, TEXT_BOUNDS) if family == "Accounts" else (TIME_NAMES, TIME_BOUNDS)
    # Names from a small pool, so that they are met again by later mutations and by slices.
    pool = st.sampled_from(draw(st.lists(names, min_size=1, max_size=12, unique=True)))
    applies = draw(st.lists(st.lists(mutations(family, pool), min_size=1, max_size=8), min_size=1, max_size=6))
    some = pool | bounds
    slices = draw(st.lists(st.tuples(some, some, st.booleans(), st.none() | st.integers(0, 5)), min_size=1, max_size=6))
    asked = draw(st.lists(pool | names, max_size=4))
    return family, applies, slices, asked


def answers(store, scenario, account):
    """Carry a scenario out on the account's rows, and return everything that the store says of them."""
    family_name, applies, slices, asked = scenario
    family = store.family(family_name)

    def mine(key):
        return key.replace("e", account, 1)

    keys = [mine(key) for key in ("20260102.e", "20260102.e.wide", "20260103.e", "20260103.e.wide", "e-free")]
    said = []
    for apply in applies:
        store.apply([mutation._replace(key=mine(mutation.key)) for mutation in apply])
        said.append([list(family.xget(key)) for key in keys])
    for (start, finish, backwards, count), key in itertools.product(slices, keys):
        said.append(list(family.xget(key, start, finish, backwards, count)))
        said.append(family.get_count(key, None, *((finish, start) if backwards else (start, finish))))
        said.append(family.get_count(key, asked))
    said.append(family.multiget(keys, asked))
    said.append(family.multiget(keys, column_reversed=True, column_count=3))
    for key in keys:
        try:
            said.append(list(family.get(key, asked).items()))
        except NotFoundException as error:
            said.append(str(error))
    known = set(keys)
    said.append([key for key in family.row_keys() if key in known])
    said.append([key for key in family.row_keys("20260103.", "20260102.", reverse=True) if key in known])
    said.append([(key, list(columns)) for key, columns in family.get_range("20260102.", "20260103.~") if key in known])
    said.append([(key, list(columns)) for key, columns in family.walk() if key in known])
    return [[(str(key).replace(account, "e"), columns) for key, columns in part.items()] if isinstance(part, dict)
            else repr(part).replace(account, "e") for part in said]


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory):
    with SqliteStore(f"sqlite:///{tmp_path_factory.mktemp('agree')}/footfall.db") as store:
        # Commits that wait for no disk: what is asked here is not whether they outlast a crash.
        store.file._writer.execute("PRAGMA synchronous = OFF")
        yield store


@pytest.fixture(scope="module")
def sealing(tmp_path_factory):
    """A store that seals now and then, and unseals, so that a row's columns lie here and there."""
    then = (lambda _: 0, seal_all, lambda _: 0, seal_all, unseal_all)
    with SealingStore(f"sqlite:///{tmp_path_factory.mktemp('agree')}/sealing.db", then) as store:
        store.file._writer.execute("PRAGMA synchronous = OFF")
        yield store


def clear(store, account):
    for family in ("PageViews", "Accounts"):
        for key in [key for key in store.family(family).row_keys() if account in key]:
            store.family(family).remove(key)


@settings(max_examples=500)
@given(scenario=scenarios())
def test_sqlite_answers_as_memory_does(sqlite, scenario):
    account = uuid.uuid4().hex
    assert answers(sqlite, scenario, account) == answers(MemoryStore(), scenario, account)
    clear(sqlite, account)


@settings(max_examples=300)
@given(scenario=scenarios())
def test_sealed_days_answer_as_memory_does(sealing, scenario):
    account = uuid.uuid4().hex
    assert answers(sealing, scenario, account) == answers(MemoryStore(), scenario, account)
    clear(sealing, account)


@pytest.fixture(scope="module")
def cassandra_store(cassandra_url):
    with open_store(cassandra_url("agree")) as store:
        store.init()
        yield store


@pytest.mark.needs("java", "mvn")
@settings(max_examples=40)
@given(scenario=scenarios(), shards=st.sampled_from([1, 2, 5]))
def test_cassandra_answers_as_memory_and_sqlite_do(cassandra_store, sqlite, scenario, shards):
    account = uuid.uuid4().hex
    # set_shards refuses days that are past; no row of this account is there yet.
    cassandra_store.connection.run("INSERT INTO agree.shards (account, day, shards) VALUES (?, '20260101', ?)",
                        account + ".wide", shards)
    expected = answers(MemoryStore(), scenario, account)
    assert answers(sqlite, scenario, account) == expected
    assert answers(cassandra_store, scenario, account) == expected
    clear(sqlite, account)
    clear(cassandra_store, account)


# ----- the order of time UUIDs


def signed(name):
    """A time UUID's place in Cassandra's order, as Cassandra's documentation words it."""
    return name.time, tuple(byte - 256 if byte > 127 else byte for byte in name.bytes[8:])


ANY_NAME = TIME_NAMES | st.builds(make, st.integers(-timeuuid.EPOCH_TICKS, (1 << 60) - 1 - timeuuid.EPOCH_TICKS),
                                  st.integers(0, (1 << 64) - 1))


@given(ANY_NAME)
def test_a_sort_key_gives_its_name_back(name):
    assert from_sort_key(sort_key(name)) == name


@given(ANY_NAME, ANY_NAME)
def test_sort_keys_are_in_cassandras_order(one, other):
    assert (sort_key(one) < sort_key(other)) == (signed(one) < signed(other))
    assert (sort_key(one) == sort_key(other)) == (one == other)
