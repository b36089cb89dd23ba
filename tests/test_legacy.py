"""The import of the table of 2012: every view keeps its account and its UUID, once, whatever befalls the import."""

import re
import signal
import uuid
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import msgpack
import pytest

from footfall import accounts, cli, timeuuid
from footfall.analysis import map_reduce
from footfall.pageview import unpack
from footfall.recipes import views_by_url
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from footfall.transfer import legacy
from footfall.transfer.importing import Importer, Summary
from footfall.transfer.legacy import Column, LegacyTable, Sites, import_table, read_views
from footfall.transfer.positions import Mark
from tests.servers import footfall, start
from tests.waiting import until

live = pytest.mark.needs("java", "mvn")

NOON = datetime(2012, 11, 29, 12, tzinfo=UTC)
KEY = "20121129.blog"
VIEW = {"url": "http://blog.example.com/", "title": "A post", "ip": "192.0.2.7", "referrer": "", "user_agent": "Moz",
        "language": "en"}


def at(moment, number=0):
    """The name that pycassa gave a view: all of the original's share their low bits."""
    return timeuuid.make(timeuuid.ticks_at(moment) + 10 * number, 0x8080_8080_8080_8080)


def packed(view):
    """A value as it was written then: text as raw bytes, which need not be UTF-8."""
    return msgpack.packb(view, use_bin_type=False)


# ----- what a column becomes


def read(*columns, ip="full"):
    summary, notes = Summary(shown=legacy.REASONS), Counter()
    return list(read_views(columns, ip, summary.skip, notes)), summary, +notes


@pytest.mark.parametrize("view, stored", [
    (VIEW, VIEW),
    ({**VIEW, "title": "Fußnote"}, {**VIEW, "title": "Fußnote"}),
    ({**VIEW, "title": "Fußnote".encode("latin-1")}, {**VIEW, "title": "Fu\ufffdnote"}),
    ({}, dict.fromkeys(VIEW, "")),
    ({**VIEW, "referrer": None}, VIEW),
    ({"url": "/", "screen": b"\xff", "clicks": 3, "more": {"a": [1, "x"]}},
     dict.fromkeys(VIEW, "") | {"url": "/", "screen": "\ufffd", "clicks": 3, "more": {"a": [1, "x"]}}),
    ({**VIEW, "url": "/" + "x" * 3000}, {**VIEW, "url": "/" + "x" * 2047, "cut": ["url"]}),
    ({**VIEW, "title": "two\n lines", "language": "en\x1b[31m"}, {**VIEW, "title": "two lines", "language": "en[31m"}),
])
def test_a_view_is_stored_with_its_fields(view, stored):
    (event,), _, _ = read(Column(KEY.encode(), at(NOON), packed(view)))
    assert (event.family, event.account, event.id, event.row_key) == ("PageViews", "blog", at(NOON), KEY)
    assert event.fields == stored


def test_a_view_that_was_packed_as_bytes_is_text_too():
    value = msgpack.packb({field.encode(): text.encode() for field, text in VIEW.items()} | {b"\xff": b"\xff"},
                          use_bin_type=True)
    (event,), _, _ = read(Column(KEY, at(NOON), value))
    assert event.fields == {**VIEW, "\ufffd": b"\xff"}


@pytest.mark.parametrize("address, ip, kept, noted", [
    ("192.0.2.7", "full", "192.0.2.7", 0),
    ("192.0.2.7", "truncated", "192.0.2.0", 0),
    ("192.0.2.7", "none", "", 0),
    ("192.0.2.7, 198.51.100.1", "full", "192.0.2.7, 198.51.100.1", 0),
    ("192.0.2.7, 198.51.100.1", "truncated", "", 1),
])
def test_of_an_address_is_kept_what_the_settings_say(address, ip, kept, noted):
    (event,), _, notes = read(Column(KEY, at(NOON), packed({**VIEW, "ip": address})), ip=ip)
    assert event.fields["ip"] == kept
    assert notes["address"] == noted


GOOD = packed(VIEW)


@pytest.mark.parametrize("column, reason", [
    (Column(b"20121129", at(NOON), GOOD), "row key"),
    (Column(b"20121131.blog", at(NOON), GOOD), "row key"),
    (Column("٢٠١٢١١٢٩.blog", at(NOON), GOOD), "row key"),
    (Column(b"20121129.two words", at(NOON), GOOD), "row key"),
    (Column(b"\xff", at(NOON), GOOD), "row key"),
    (Column(KEY, uuid.UUID(int=4 << 76 | 1 << 63), GOOD), "name"),
    (Column(KEY, b"20121129", GOOD), "name"),
    (Column(KEY, None, GOOD), "name"),
    (Column(KEY, at(NOON), None), "value"),
    (Column(KEY, at(NOON), b""), "value"),
    (Column(KEY, at(NOON), b"not msgpack"), "value"),
    (Column(KEY, at(NOON), GOOD[:-1]), "value"),
    (Column(KEY, at(NOON), msgpack.packb([1])), "value"),
    (Column(KEY, at(NOON), b"\x91" * 100_000), "value"),
    (Column(KEY, at(NOON), msgpack.packb({"when": msgpack.Timestamp(1)})), "value"),
    (Column(KEY, at(NOON), packed({"notes": "x" * (1 << 20)})), "size"),
])
def test_what_is_no_view_is_counted_and_shown(column, reason):
    events, summary, _ = read(column, Column(KEY.encode(), at(NOON).bytes, GOOD))
    assert [event.fields for event in events] == [VIEW]
    assert summary.skipped == {reason: 1}
    assert len(summary.examples[reason]) == 1


# ----- an import that is cut off


class ATable:
    """A table in a list."""

    def __init__(self, *columns):
        self.all = columns

    def columns(self, account, after):
        begin = 1 + max((number for number, column in enumerate(self.all) if after and column[:2] == after[:2]),
                        default=-1)
        return (column for column in self.all[begin:] if account in (None, legacy.account_of(column.key)))


class Parted(MemoryStore):
    """A store that does not write things together, and that a kill can cut off after so many writes."""

    atomic = False
    left = 1000

    def apply(self, mutations):
        for mutation in mutations:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            super().apply([mutation])


def take(store, table):
    summary, sites = Summary(shown=legacy.REASONS), Sites(store, add=False)
    import_table(table, None, Mark(store, "legacy"), Importer(store, summary), summary, sites, "full",
                 lambda rows: None)
    return summary, sites


def test_killed_after_any_write_an_import_goes_on_and_no_view_is_missing_or_twice(monkeypatch):
    monkeypatch.setattr(legacy, "BATCH", 2)
    table = ATable(*(Column(f"20121129.{account}".encode(), at(NOON, number), GOOD)
                     for account in ("a", "b", "c") for number in range(3)))
    lines_read = set()
    # Nine views, a mark after every second, and the end.
    for allowed in range(15):
        store = Parted()
        store.left = allowed
        with pytest.raises(KeyboardInterrupt):
            take(store, table)
        store.left = 1000
        summary, sites = take(store, table)
        lines_read.add(summary.lines)
        for account in ("a", "b", "c"):
            assert list(store.family("PageViews").xget(f"20121129.{account}")) == [
                (at(NOON, number), msgpack.packb(VIEW)) for number in range(3)]
        assert sorted(sites.missing) == ["a", "b", "c"]
        assert list(store.family("Positions").row_keys()) == []
    assert lines_read == {9, 7, 5, 3, 1, 0}


def test_an_import_that_came_to_its_end_looks_at_everything_again_the_next_time():
    store = MemoryStore()
    first = Column(KEY, at(NOON), GOOD)
    take(store, ATable(first))
    summary, _ = take(store, ATable(Column("20121128.blog", at(NOON - timedelta(days=1)), GOOD), first))
    assert (summary.taken, summary.skipped) == (1, {"there already": 1})


# ----- real tables


COUNT = 2500
KEYSPACE = "Analytics2012"
TABLES = [(kind, compact) for kind in ("blob", "text") for compact in (True, False)]


@pytest.fixture(scope="module")
def old(cassandra, cassandra_url):
    """The URL of the original's keyspace, and what runs CQL in it."""
    from footfall.config import load
    from footfall.stores.cassandra_connection import Connection

    url = cassandra_url(KEYSPACE)
    with closing(Connection(url, load(environ={}), foreign=True)) as connection:
        connection.change(f'CREATE KEYSPACE "{KEYSPACE}" WITH replication = '
                          "{'class': 'SimpleStrategy', 'replication_factor': 1}")
        yield url, connection


def make_table(connection, name, kind="blob", names="timeuuid", compact=True, order="ASC"):
    connection.change(f'CREATE TABLE "{KEYSPACE}"."{name}" (key {kind}, column1 {names}, value blob, '
                      f"PRIMARY KEY (key, column1)) WITH CLUSTERING ORDER BY (column1 {order})"
                      f"{' AND COMPACT STORAGE' if compact else ''}")


def write(connection, name, kind, columns):
    cql = f'INSERT INTO "{KEYSPACE}"."{name}" (key, column1, value) VALUES (?, ?, ?)'
    for _ in connection.answers(connection.bind(cql, key.encode() if kind == "blob" else key, column, value)
                                for key, column, value in columns):
        pass


def views_of(account, count=COUNT):
    """Views on three days, a third of each page, as (key, name, value)."""
    for number in range(count):
        moment = NOON + timedelta(days=number % 3, seconds=number)
        title = b"\xe4 post" if number % 100 == 0 else "A post"
        yield f"{moment:%Y%m%d}.{account}", at(moment), packed({**VIEW, "url": f"/{number % 3}", "title": title})


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = cli.main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@live
@pytest.mark.parametrize("kind, compact", TABLES)
def test_a_table_is_imported_each_view_once(old, run, kind, compact):
    url, connection = old
    name = f"PageViews{kind}{compact}"
    make_table(connection, name, kind, compact=compact)
    odd = [("nonsense", at(NOON), GOOD), (KEY, at(NOON + timedelta(hours=1), 7), b"junk"),
           # The evening of the 29th where the server stood, the 30th in UTC.
           (KEY, at(datetime(2012, 11, 30, 3, tzinfo=UTC)), packed({**VIEW, "url": "/late"}))]
    write(connection, name, kind, [*views_of("blog"), *views_of("my.shop"), *odd])
    code, out, err = run("import", "legacy", url, "--table", name, "--progress")
    assert code == 0
    for line in (f"{2 * COUNT + 3:,} columns read", f"{2 * COUNT + 1:,} page-views taken", "1 skipped: row key (",
                 "1 skipped: value (", "The first 1 columns skipped as row key:\n  b'nonsense ", " junk'",
                 "1 of the page-views read lie in the row of their own UTC day",
                 "These are no sites yet, and their page-views are in the store: blog, my.shop.\n"):
        assert line in out
    assert re.fullmatch(r"7 rows, 5,003 views, [\d,]+ views/s\n", err)
    with open_store() as store:
        views = store.family("PageViews")
        for account in ("blog", "my.shop"):
            for day in range(3):
                expected = [(each, value) for key, each, value in views_of(account)
                            if key == f"{NOON + timedelta(days=day):%Y%m%d}.{account}"]
                found = [each for each in views.xget(f"{NOON + timedelta(days=day):%Y%m%d}.{account}")
                         if each[1]["url"] != "/late"]
                assert [each for each, _ in found] == [each for each, _ in expected]
                assert [value["title"] for _, value in found] == [unpack(value)["title"] for _, value in expected]
        for split in ("day", "hour"):
            counted = map_reduce("blog", date(2012, 11, 30), date(2012, 12, 1), *views_by_url, {}, store=store,
                                 split=split)
            assert counted == {"/1": 833, "/late": 1}
    again = run("import", "legacy", url, "--table", name)[1]
    assert "0 page-views taken" in again
    assert f"{2 * COUNT + 1:,} skipped: there already" in again


@live
def test_one_site_of_a_table_is_imported_and_added(old, run):
    url, connection = old
    make_table(connection, "PageViews")
    write(connection, "PageViews", "blob", [*views_of("blog", 30), *views_of("my.shop", 30)])
    code, out, err = run("import", "legacy", url, "--account", "my.shop", "--add-sites")
    assert (code, err) == (0, "")
    assert "30 page-views taken" in out
    assert "Added the sites my.shop." in out
    assert run("site", "list")[1].startswith("my.shop\t")
    with open_store() as store:
        assert {key.partition(".")[2] for key in store.family("PageViews").row_keys()} == {"my.shop"}


@live
def test_columns_not_named_by_time_uuids_are_counted(old, run):
    url, connection = old
    make_table(connection, "Uuids", names="uuid", compact=False)
    write(connection, "Uuids", "blob", [(KEY, at(NOON), GOOD), (KEY, uuid.uuid4(), GOOD)])
    make_table(connection, "Bytes", names="blob")
    write(connection, "Bytes", "blob", [(KEY, at(NOON, 1).bytes, GOOD), (KEY, b"x", GOOD)])
    for table in ("Uuids", "Bytes"):
        out = run("import", "legacy", url, "--table", table)[1]
        assert "1 page-views taken" in out
        assert "1 skipped: name (its name is not a version-1 UUID)" in out


@live
@pytest.mark.parametrize("account, order", [(None, "ASC"), (None, "DESC"), ("blog", "ASC"), ("blog", "DESC")])
def test_a_table_is_gone_on_in_behind_any_column(old, account, order):
    _, connection = old
    name = f"Behind{account}{order}"
    make_table(connection, name, order=order)
    write(connection, name, "blob", [*views_of("blog", 9), *views_of("my.shop", 9)])
    table = LegacyTable(connection, name)
    columns = list(table.columns(account))
    assert len(columns) == (9 if account else 18)
    for number, column in enumerate(columns):
        assert list(table.columns(account, column)) == columns[number + 1:]


@live
def test_an_import_killed_in_the_middle_goes_on(old, cassandra_url, tmp_path):
    url, connection = old
    make_table(connection, "Long")
    write(connection, "Long", "blob", views_of("blog", 30_000))
    process = start(tmp_path, "import", "legacy", url, "--table", "Long")
    try:
        with open_store(f"sqlite:///{tmp_path}/footfall.db") as store:
            until(lambda: process.poll() is not None or list(store.family("Positions").row_keys()))
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
            had = sum(map(store.family("PageViews").get_count, list(store.family("PageViews").row_keys())))
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert 1000 <= had < 30_000
    resumed = footfall(tmp_path, "import", "legacy", url, "--table", "Long")
    assert "goes on in row b'2012" in resumed.stderr
    assert f"{30_000 - had:,} columns read" in resumed.stdout
    assert f"{30_000 - had:,} page-views taken" in resumed.stdout
    assert "in the store: blog." in resumed.stdout
    again = footfall(tmp_path, "import", "legacy", url, "--table", "Long").stdout
    assert "30,000 skipped: there already" in again
    with open_store(f"sqlite:///{tmp_path}/footfall.db") as store:
        views = store.family("PageViews")
        found = [name for key in views.row_keys() for name, _ in views.xget(key)]
    assert sorted(found) == sorted(name for _, name, _ in views_of("blog", 30_000))


@live
def test_a_table_is_imported_into_cassandra(old, run, cassandra_url):
    url, connection = old
    target = cassandra_url("imported2012")
    with open_store(target) as store:
        store.init()
        accounts.add(store, "blog")
        make_table(connection, "ToCassandra")
        write(connection, "ToCassandra", "blob", views_of("blog"))
        for taken in (COUNT, 0):
            out = run("import", "legacy", url, "--table", "ToCassandra", "--store", target)[1]
            assert f"{taken:,} page-views taken" in out
            assert "no sites yet" not in out
        assert store.info()["families"]["PageViews"]["columns"] == COUNT


@live
@pytest.mark.parametrize("table, error", [
    ("pageviews", "--table='pageviews': not in cassandra://"),
    ("Named", "--table='Named': has column1 text (clustering), key blob (partition_key), value blob (regular)"),
])
def test_what_is_no_such_table_is_refused(old, run, table, error):
    url, connection = old
    if table == "Named":
        make_table(connection, table, names="text", compact=False)
    code, out, err = run("import", "legacy", url, "--table", table)
    assert (code, out) == (2, "")
    assert error in err


def test_a_password_in_the_url_is_not_shown(run):
    code, _, err = run("import", "legacy", "cassandra://reader:sesame@127.0.0.1:1/analytics")
    assert code == 1
    assert "cassandra://reader:…@127.0.0.1:1/analytics" in err
    assert "sesame" not in err
