import pickle
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from footfall import timeuuid
from footfall.columns import Once
from footfall.errors import StoreError, StoreUnavailable
from footfall.storage import FAMILIES, Change, Insert, Remove
from footfall.stores import cassandra_changes, open_store
from tests.contract import KEY, OTHER, StoreContract, at, row, value
from tests.live.cassandra import Cluster

live = pytest.mark.needs("java", "mvn")


@pytest.fixture(scope="module")
def keyspace(cassandra_url):
    """The URL of a keyspace with its tables, which the file's tests share."""
    url = cassandra_url("contract")
    with open_store(url) as store:
        store.init()
    return url


@pytest.fixture(scope="module")
def shared(keyspace):
    with open_store(keyspace) as store:
        yield store


@pytest.fixture
def store(shared):
    return empty(shared)


@pytest.fixture(scope="module")
def sharded(cassandra_url):
    """A store whose accounts have three shards an hour, from the first day: set_shards refuses days past."""
    with open_store(cassandra_url("sharded")) as store:
        store.init()
        for account in ("blog", "other.blog", "a", "b"):
            store.connection.run("INSERT INTO sharded.shards (account, day, shards) VALUES (?, '20000101', 3)", account)
        yield store


def empty(store):
    """Remove each row, since truncating takes a second a family."""
    for family in map(store.family, FAMILIES):
        for key in family.row_keys():
            family.remove(key)
    return store


@live
class TestCassandra(StoreContract):
    @pytest.fixture
    def store(self, store):
        return store


@live
class TestCassandraOfThreeShards(StoreContract):
    @pytest.fixture
    def store(self, sharded):
        return empty(sharded)

    def test_an_hour_lies_in_three_partitions(self, store, views):
        views.insert(KEY, {at(1, bits): value(bits) for bits in range(30)})
        assert sorted(partition for partition in views._scan()) == [(KEY, 3), (KEY, 4), (KEY, 5)]
        assert list(views.get(KEY)) == [at(1, bits) for bits in range(30)]


# ----- opening


@pytest.mark.parametrize("rest, message", [
    ("", "the keyspace must be"),
    ("h", "the keyspace must be"),
    ("h/", "the keyspace must be"),
    ("h/Big", "small letters"),
    ("h/a/b", "the keyspace must be"),
    ("h/" + "k" * 49, "1 to 48"),
    ("/k", "'': must be host or host:port"),
    ("h,/k", "'': must be host or host:port"),
    ("h:0/k", "'h:0': must be host or host:port"),
    ("h:70000/k", "must be host or host:port"),
    ("h i/k", "'h i': must be host"),
    ("h/k?rf=3", "rf: unknown; there are dc, replication and retention_days"),
    ("h/k?dc", "bad query field"),
    ("h/k?dc='", "dc=': must be letters"),
    ("h/k?replication=0", "replication=0: must be a whole number from 1 to 99"),
    ("h/k?replication=x", "replication=x: must be a whole number"),
    ("h/k?retention_days=9999", "from 0 to 7300"),
    ("h/k#f", "not such a URL"),
    ("me@h/k", "a login is user:password@"),
])
def test_a_url_that_is_none_is_refused(rest, message):
    with pytest.raises(StoreError, match=message) as refusal:
        open_store(f"cassandra://{rest}")
    assert "cassandra://[user:password@]host[:port],…/keyspace?dc=…" in str(refusal.value)


def test_a_url_names_hosts_ports_login_and_options():
    store = open_store("cassandra://me:p%40ss%2F@h1:9043,[::1],h3/k_1?dc=dc-1&replication=3&retention_days=30")
    assert store.place == ([("h1", 9043), ("::1", 9042), ("h3", 9042)], "k_1", "me", "p@ss/", "dc-1", 3, 30)


def test_a_password_is_never_shown():
    store = open_store("cassandra://me:sesame@h/k")
    assert "sesame" not in repr(store)
    assert "me:…@h/k" in repr(store)
    for url in ("me:sesame@h/K", "me:ses/sesame@h/k", "me:sesame@h/k?x=1", "me:ses/k?sesame=1@h/k", "me:sesame℀@h/k",
                "me:#sesame@h/k", "me:[sesame@h/k"):
        with pytest.raises(StoreError, match="cassandra://me:…@h/") as refusal:
            open_store(f"cassandra://{url}")
        assert "sesame" not in str(refusal.value)


def test_without_the_driver_the_error_says_what_to_install(monkeypatch):
    for module in ("cassandra", "cassandra_connection"):
        monkeypatch.delitem(sys.modules, f"footfall.stores.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "cassandra", None)
    with pytest.raises(StoreError, match=r"not installed: pip install 'footfall\[cassandra\]'"):
        open_store("cassandra://h/k")


def test_a_server_that_is_not_there_is_unavailable():
    with open_store("cassandra://127.0.0.1:1/k") as store, pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
        store.family("PageViews").get_count(KEY)


def test_an_authority_that_is_no_file_is_refused(settings_of):
    config = settings_of(cassandra_ca="/nowhere/ca.pem")
    refusal = r"FOOTFALL_CASSANDRA_CA='/nowhere/ca\.pem': must be a file"
    with open_store("cassandra://127.0.0.1:1/k", config) as store, pytest.raises(StoreError, match=refusal):
        store.info()


# ----- the keyspace and its tables


@live
def test_only_init_makes_the_keyspace_and_its_tables(cassandra_url):
    with open_store(cassandra_url("fresh")) as store:
        views, users = store.family("PageViews"), store.family("Users")
        for use in (lambda: views.insert(KEY, row(1)), lambda: users.get_count("k")):
            with pytest.raises(StoreError, match="run `footfall store init`"):
                use()
        made = store.init()
        assert made[0] == "keyspace fresh: made"
        assert made[1:] == [f"table fresh.{name}: made" for name in ("shards", "changes", *FAMILIES)]
        assert store.init() == []
        store.family("PageViews").insert(KEY, row(1))
        assert store.family("PageViews").get_count(KEY) == 1


# ----- the log of changes


@live
@pytest.mark.parametrize("seconds", [-50, 0, 50, 3000])
def test_changes_by_a_machine_whose_clock_differs_are_told(store, monkeypatch, seconds):
    _, cursor = store.changes()
    monkeypatch.setattr(cassandra_changes, "_clock", timeuuid.Clock(lambda: time.time_ns() + seconds * 10**9))
    store.family("PageViews").insert(f"20260102.clock{seconds}", row(1))
    change = Change("PageViews", f"20260102.clock{seconds}", at(1), at(1))
    assert change in store.changes(cursor)[0]
    # Also the next time, since what it tells of may come a little later.
    assert change in store.changes(store.changes(cursor)[1])[0]


@pytest.fixture
def statements(store, monkeypatch):
    """What is sent to the cluster."""
    session, sent = store.connection.session(), []
    send = session.execute_async
    monkeypatch.setattr(session, "execute_async", lambda statement, *rest, **more: sent.append(statement) or send(
        statement, *rest, **more))
    return sent


@live
@pytest.mark.parametrize("is_marked", [False, True], ids=["plain", "with a retry"])
def test_however_many_hits_came_in_the_last_minute_a_look_takes_few_queries(store, statements, is_marked):
    key = f"20260102.busy{is_marked:d}"
    store.changes()
    _, cursor = store.changes()
    views = [at(1 + second / 3600, second) for second in range(60)]
    for name in views:
        event = Insert("PageViews", key, name, value(1))
        store.apply([Once(event) if is_marked and name == views[30] else event])
    statements.clear()
    changes, _ = store.changes(cursor)
    # What other tests wrote in that minute is told of as well.
    about = [each for each in statements if f".busy{is_marked:d}".encode() in b"".join(filter(None, each.values))]
    assert 0 < len(about) < 12
    (whole,) = [change for change in changes if change.key == key and change.low != change.high]
    assert (whole.low, whole.high) == (views[0], views[-1])


@live
def test_a_row_that_is_not_there_takes_few_queries(store, statements):
    store.family("PageViews").insert("20260102.shy", row(5))
    store.shards("shy", "20260102")
    statements.clear()
    assert list(store.family("PageViews").blocks("20260106.shy")) == []
    assert len(statements) < 8
    (block,) = store.family("PageViews").blocks("20260102.shy")
    assert len(block) == 1


@live
def test_what_takes_long_to_write_is_told_again_and_what_fails_is_told(store, monkeypatch):
    monkeypatch.setattr(cassandra_changes, "LONG", -1.0)
    told = []
    monkeypatch.setattr(store.log, "_write", lambda entries: told.append([entry.key for entry in entries]))

    def fail(_):
        raise StoreUnavailable("away")

    store.family("PageViews").insert(KEY, row(1))
    monkeypatch.setattr(store, "_write", fail)
    with pytest.raises(StoreUnavailable):
        store.family("PageViews").insert(OTHER, row(1))
    store.claim("Salts", "salts", "day", b"first")
    assert told == [[KEY], [KEY], [OTHER], [OTHER]]


@live
def test_a_cursor_that_is_older_than_the_log_tells_of_everything(store):
    store.family("PageViews").insert(KEY, row(1))
    owner, _, position = store.changes()[1].partition(".")
    for days, expected in ((6, False), (7, True)):
        cursor = f"{owner}.{int(position) - days * 86_400 * timeuuid.TICKS_PER_SECOND}"
        assert (store.changes(cursor)[0] == [Change("PageViews", None), Change("Events", None)]) is expected


@live
def test_a_retention_is_in_the_tables_of_events_alone(cassandra_url):
    with open_store(cassandra_url("kept", "retention_days=90")) as store:
        store.init()
        options = dict(store.connection.run("SELECT table_name, default_time_to_live FROM system_schema.tables "
                                 "WHERE keyspace_name = 'kept'"))
        assert (options["PageViews"], options["Accounts"]) == (90 * 86400, 0)
        store.family("PageViews").insert(KEY, row(1))
        store.family("PageViews").insert(KEY, row(2), ttl=100)
        ttls = [ttl for ttl, in store.connection.run(
            'SELECT ttl(data) FROM kept."PageViews" WHERE row_key = ? AND bucket IN (1, 2)', KEY)]
        assert ttls[0] > 89 * 86400
        assert ttls[1] <= 100


@live
def test_a_ttl_beyond_2038_says_what_the_cluster_needs(store):
    days = (datetime(2038, 2, 1, tzinfo=UTC) - datetime.now(UTC)).days
    with pytest.raises(StoreError, match="storage_compatibility_mode: NONE"):
        store.family("PageViews").insert(KEY, row(1), ttl=days * 86400)


# ----- writing and reading


@live
def test_what_is_applied_at_once_takes_effect_in_its_order(store):
    views = store.family("PageViews")
    views.insert(KEY, row(1, 2))
    for number in range(50):
        store.apply([Insert("PageViews", KEY, at(1), value(number)), Remove("PageViews", KEY),
                     Insert("PageViews", KEY, at(3), value(number)), Remove("PageViews", KEY, at(3)),
                     Insert("PageViews", KEY, at(3), value(number + 1))])
        assert views.get(KEY) == {at(3): value(number + 1)}


@live
def test_many_large_columns_are_written_in_batches_that_the_server_takes(store):
    views = store.family("PageViews")
    big = {at(1, number): bytes([number]) * 200_000 for number in range(20)} | {at(2): bytes(1 << 20)}
    views.insert(KEY, big)
    assert dict(views.xget(KEY)) == big


@live
def test_a_column_of_each_hour_and_the_next_day_is_found_by_any_slice(store):
    views = store.family("PageViews")
    hours = [*range(24), 0.999_999, 23.999_999, 24, -0.000_001]
    views.insert(KEY, row(*hours))
    ordered = sorted(row(*hours), key=timeuuid.sort_key)
    for first in range(0, len(ordered), 5):
        for last in range(first, len(ordered), 7):
            part = ordered[first:last + 1]
            assert list(views.get(KEY, column_start=part[0], column_finish=part[-1])) == part
            assert views.get_count(KEY, column_start=part[0], column_finish=part[-1]) == len(part)
            assert [name for name, _ in views.xget(KEY, part[-1], part[0], column_reversed=True)] == part[::-1]


@live
def test_rows_whose_columns_were_removed_or_have_expired_have_no_key(store, wait_until):
    views = store.family("PageViews")
    views.batch_insert({KEY: row(1, 2, 30), OTHER: row(3)})
    views.insert("20260103.blog", {at(25): value(1)}, ttl=1)
    views.remove(KEY, [at(1), at(2), at(30)])
    wait_until(lambda: list(views.row_keys()) == [OTHER])
    assert store.info()["families"]["PageViews"] == {"rows": 1, "columns": 1}


@live
def test_shards_hold_from_a_day_that_is_yet_to_come(store):
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(days=1)):
        with pytest.raises(StoreError, match=r"must begin on .* or later"):
            store.set_shards("busy", 4, day)
    with pytest.raises(StoreError, match="shards=0: must be 1 to 256"):
        store.set_shards("busy", 0, today + timedelta(days=2))
    store.set_shards("busy", 4, today + timedelta(days=2))
    store.set_shards("busy", 2, today + timedelta(days=9))
    found = [store.shards("busy", f"{today + timedelta(days=days):%Y%m%d}") for days in (0, 1, 2, 8, 9, 99)]
    assert found == [1, 1, 4, 4, 2, 2]


# ----- the store


@live
def test_info_names_the_place_and_the_version(store):
    info = store.info()
    assert info["url"] == store.url
    assert info["engine"].startswith("Cassandra 5.")
    assert list(info["families"]) == list(FAMILIES)


@live
def test_a_store_pickles_to_its_url(store):
    store.family("PageViews").insert(KEY, row(1))
    with pickle.loads(pickle.dumps(store)) as again:
        assert (again.url, again.family("PageViews").get_count(KEY)) == (store.url, 1)


@live
def test_closing_twice_does_nothing(keyspace):
    store = open_store(keyspace)
    store.init()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed; open it again"):
        store.family("PageViews").insert(KEY, row(1))


# ----- faults


@pytest.fixture
def wait_until():
    """Waits for a condition, for as long as a busy machine may take."""
    def wait(condition):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, "waited for 60 seconds"
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A Cassandra of its own that asks for a password and speaks nothing but TLS; also its authority's file."""
    home = tmp_path_factory.mktemp("guarded")
    keystore, ca = home / "node.p12", home / "ca.pem"
    keytool = ("keytool", "-alias", "node", "-storetype", "PKCS12", "-storepass", "changeit",
               "-keystore", str(keystore))
    for command in (("-genkeypair", "-keyalg", "EC", "-dname", "CN=node", "-ext", "san=ip:127.0.0.1", "-validity", "9"),
                    ("-exportcert", "-rfc", "-file", str(ca))):
        subprocess.run([*keytool, *command], check=True, capture_output=True)
    with Cluster(home, settings={
        "authenticator": "PasswordAuthenticator",
        "client_encryption_options": {"enabled": True, "optional": False, "store_type": "PKCS12",
                                      "keystore": str(keystore), "keystore_password": "changeit"},
    }) as cluster:
        yield cluster, ca


@live
def test_login_and_tls_from_the_url_and_the_settings(guarded, settings_of, wait_until):
    cluster, ca = guarded
    host = f"127.0.0.1:{cluster.port}"

    def init(url, **settings):
        with open_store(url, settings_of(cassandra_ca=str(ca), **settings)) as store:
            return store.init()

    made = []

    def the_first_login_works():
        # The server makes its first role when it is already up.
        with suppress(StoreError):
            made.append(init(f"cassandra://cassandra:cassandra@{host}/own"))
        return made

    wait_until(the_first_login_works)
    assert made[0][0] == "keyspace own: made"
    assert init(f"cassandra://{host}/own", cassandra_username="cassandra", cassandra_password="cassandra") == []
    with pytest.raises(StoreError, match="password") as refusal:
        init(f"cassandra://cassandra:sesame@{host}/own")
    assert not isinstance(refusal.value, StoreUnavailable)
    assert "sesame" not in str(refusal.value)
    with pytest.raises(StoreError, match="Remote end requires authentication"):
        init(f"cassandra://{host}/own")


@live
def test_a_server_that_goes_is_unavailable_until_it_is_back(guarded, settings_of, wait_until):
    cluster, ca = guarded
    url = f"cassandra://cassandra:cassandra@127.0.0.1:{cluster.port}/away"
    with open_store(url, settings_of(cassandra_ca=str(ca))) as store:
        wait_until(lambda: _is_there(store.init))
        views = store.family("PageViews")
        views.insert(KEY, row(1))
        cluster.kill(1)
        for use in (lambda: views.insert(KEY, row(2)), lambda: list(views.xget(KEY)), lambda: list(views.row_keys())):
            with pytest.raises(StoreUnavailable, match="cassandra:…@"):
                use()
        cluster.restart(1)
        wait_until(lambda: _is_there(lambda: views.insert(KEY, row(3))))
        assert at(1) in views.get(KEY)
        assert at(3) in views.get(KEY)


@live
def test_a_server_that_hangs_is_unavailable_until_it_goes_on(guarded, settings_of, wait_until, monkeypatch):
    cluster, ca = guarded
    monkeypatch.setattr("footfall.stores.cassandra_connection.PAUSES", ())
    monkeypatch.setattr("footfall.stores.cassandra_connection.REQUEST_SECONDS", 1.0)
    url = f"cassandra://cassandra:cassandra@127.0.0.1:{cluster.port}/hung"
    with open_store(url, settings_of(cassandra_ca=str(ca))) as store:
        wait_until(lambda: _is_there(store.init))
        views = store.family("PageViews")
        views.insert(KEY, row(1))
        cluster.pause(1)
        try:
            for use in (lambda: views.insert(KEY, row(2)), lambda: list(views.xget(KEY))):
                with pytest.raises(StoreUnavailable):
                    use()
        finally:
            cluster.resume(1)
        wait_until(lambda: _is_there(lambda: views.insert(KEY, row(2))))
        assert list(views.get(KEY)) == [at(1), at(2)]


def _is_there(use):
    try:
        use()
    except StoreError:
        return False
    return True
