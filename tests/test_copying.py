"""Copying a store into another: everything gets there, and what did not is told of."""

import re
import signal
from datetime import UTC, date, datetime, timedelta

import pytest

from footfall import accounts, cli, users
from footfall.storage import FAMILIES, Remove
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from footfall.stores.sqlite import SqliteStore
from footfall.timeuuid import make, ticks_at
from footfall.transfer import copying
from footfall.transfer.copying import Comparison, Counts, Difference
from tests.servers import footfall, start
from tests.waiting import until

live = pytest.mark.needs("java", "mvn")

DAY = datetime(2026, 1, 2, tzinfo=UTC)
URL = {"url": "http://blog.example.com/"}


def at(hours, number=0):
    return make(ticks_at(DAY + timedelta(hours=hours)) + number, number)


def fill(store, views=30):
    """A store with something in every family: sites, a user, a position, and events in and beside their days."""
    accounts.add(store, "blog", "https://blog.example.com")
    users.add(store, "owner", "long enough")
    store.family("Positions").insert("log beacon * /a.log", {"id": {"offset": 7}})
    for name in ("PageViews", "Events", "Filtered"):
        family = store.family(name)
        for account in ("blog", "my.shop"):
            family.insert(f"20260102.{account}", {at(number % 24, number): URL for number in range(views)})
        family.insert("20260103.blog", {at(-30): URL, at(25): {"url": "/" + "x" * 5000}})
    store.family("PageViews").insert("no row key", {at(1): b"no map"})


def contents(store, families=FAMILIES):
    return {(name, key): list(store.family(name).stored(key)) for name in families if name != "Salts"
            for key in store.family(name).row_keys()}


def copy(source, target):
    counts = Counts()
    copying.copy(source, target, copying.mark_of(source, target), counts, lambda family: None)
    return counts


def compare(source, target):
    return copying.compare(source, target, lambda family, rows, columns: None)


def test_trails_and_what_repeats_an_event_are_copied_as_they_are_and_salts_are_not(source, target):
    source.family("PageViews").remove("20260102.blog")
    source.family("Visitors").insert("202601.blog", {(bytes([n]) * 8, at(1)): URL for n in range(0, 256, 15)})
    source.family("PageViews").insert("20260102.blog", {at(3, 3): URL, at(3.1, 3): URL})
    source.family("Retries").insert("PageViews 20260102.blog", {str(at(3.1, 3)): b"\x80"})
    source.family("Salts").insert("salts", {"daily 2026-01-02": b"secret"})
    copy(source, target)
    assert contents(target) == contents(source)
    assert list(target.family("Salts").row_keys()) == []
    assert list(target.family("PageViews").get("20260102.blog")) == [at(3, 3)]
    assert compare(source, target).wrong_rows == 0


@pytest.fixture(scope="module", autouse=True)
def _cheap_hashes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "HASHING", "scrypt:1024:1:1")
        yield


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = cli.main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def source():
    store = MemoryStore()
    fill(store)
    return store


@pytest.fixture(params=["memory", "sqlite"])
def target(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    with SqliteStore(f"sqlite:///{tmp_path}/target.db") as store:
        yield store


def test_everything_is_copied_once_and_late_columns_the_next_time(source, target):
    source.probe()
    counts = copy(source, target)
    assert contents(target) == contents(source)
    assert counts.columns == counts.written
    assert (counts.rows["PageViews"], counts.columns["PageViews"]) == (4, 63)
    # Before all that was read, between it, and another value.
    source.family("PageViews").insert("20250101.blog", {at(-8760): URL})
    source.family("PageViews").insert("20260102.blog", {at(5, 100): URL})
    source.family("Accounts").insert(accounts.ROW, {"blog": {"url": "https://new.example.com", "created": ""}})
    assert copy(source, target).written == {"PageViews": 2, "Accounts": 1}
    assert contents(target) == contents(source)
    assert copy(source, target).written == {}
    compared = compare(source, target)
    assert compared == Comparison(rows=14, columns=sum(map(len, contents(source).values())))


class Killed(MemoryStore):
    """A store that does not write things together, and that a kill can cut off after so many writes."""

    atomic = False
    left = 10_000

    def apply(self, mutations):
        for mutation in mutations:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            super().apply([mutation])


def test_a_copy_that_was_cut_off_goes_on_where_it_was(source, monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 10)
    whole = copy(source, MemoryStore()).columns.total()
    read = []
    for allowed in range(0, whole + whole // 10, 7):
        target = Killed()
        target.left = allowed
        with pytest.raises(KeyboardInterrupt):
            copy(source, target)
        target.left = 10_000
        read.append(copy(source, target).columns.total())
        assert contents(target) == contents(source)
    assert read == sorted(read, reverse=True)
    assert read[0] == whole
    assert read[-1] < 20


def test_a_row_that_went_meanwhile_does_not_stop_a_copy_that_goes_on(source, monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 10)
    target = Killed()
    target.left = 60
    with pytest.raises(KeyboardInterrupt):
        copy(source, target)
    mark = copying.mark_of(source, target).read()
    source.family(mark["family"]).remove(mark["key"])
    target.left = 10_000
    copy(source, target)
    assert compare(source, target).wrong == []


def test_every_difference_is_found(source, target):
    copy(source, target)
    views = target.family("PageViews")
    views.remove("20260102.blog", [at(0, 0), at(1, 1)])
    views.insert("20260102.blog", {at(2, 2): b"\x80", at(3, 1000): URL})
    target.family("Events").remove("20260103.blog")
    target.family("Users").insert(users.ROW, {"removed": {}})
    compared = compare(source, target)
    assert compared.wrong == [Difference("PageViews", "20260102.blog", 30, 2, 1, 1),
                              Difference("Events", "20260103.blog", 2, 2, 0, 0)]
    assert compared.more == [Difference("Users", "users", 1, 0, 0, 1)]
    assert (compared.wrong_rows, compared.more_rows) == (2, 1)


def test_the_first_ten_differences_are_kept_and_all_are_counted(source, target):
    source.family("PageViews").batch_insert({f"202601{day:02}.blog": {at(0): URL} for day in range(4, 20)})
    compared = compare(source, target)
    assert compared.wrong_rows == 3 + 3 * 3 + 1 + 16
    assert len(compared.wrong) == 10


@pytest.mark.parametrize("one, other, same", [
    ("sqlite:////srv/a.db", "sqlite:////srv/a.db", True),
    ("sqlite:////srv/a.db", "sqlite:////srv/b.db", False),
    ("cassandra://u:p@a/k?dc=x", "cassandra://a/k", True),
    ("cassandra://a/k", "cassandra://b/k", False),
])
def test_a_mark_is_that_of_its_source_and_tells_no_login(one, other, same):
    target, marks = MemoryStore(), []
    for url in (one, other):
        source = MemoryStore(url)
        marks.append(copying.mark_of(source, target).at({}).key)
    assert (marks[0] == marks[1]) is same


def test_the_command_copies_compares_and_says_what_differs(run, tmp_path):
    ours, theirs = f"sqlite:///{tmp_path}/ours.db", f"sqlite:///{tmp_path}/theirs.db"
    with open_store(ours) as store:
        fill(store)
    assert run("copy", "--verify-only", ours, theirs)[0] == 2
    code, out, err = run("copy", ours, theirs, "--progress")
    assert code == 0
    for line in (r"PageViews +4 +63 +63", r"Users +1 +1 +1", r"Compared 13 rows, 190 columns\.",
                 r"The second store has everything that the first has, and nothing else\."):
        assert re.search(f"^{line}$", out, re.MULTILINE), out
    assert "Copying Users: 13 rows, 190 columns, " in err
    with open_store(theirs) as store:
        store.family("Filtered").insert("20260104.blog", {at(49): URL})
        assert run("copy", ours, theirs)[0] == 0
        store.apply([Remove("Events", "20260102.blog", at(4, 4))])
    code, out, err = run("copy", "--verify-only", ours, theirs)
    assert code == 1
    assert "  Events['20260102.blog']: of 30 columns 1 are missing and 0 different; 0 are in the second alone\n" in out
    assert "  Filtered['20260104.blog']: of 0 columns 0 are missing and 0 different; 1 are in the second alone\n" in out
    assert "the stores differ" in err


@pytest.mark.parametrize("urls, message", [
    (("sqlite:///none.db", "sqlite:///b.db"), "sqlite:///none.db: there is no file"),
    (("sqlite:///b.db", "sqlite:///b.db"), "FROM_URL and TO_URL: are the same store"),
    (("mysql://a", "sqlite:///b.db"), "'mysql://a': unknown store"),
])
def test_what_cannot_be_copied_is_refused(run, urls, message):
    code, out, err = run("copy", *urls)
    assert (code, out) == (2, "")
    assert message in err


# ----- with Cassandra


@live
def test_from_a_file_to_a_cluster_and_back(run, cassandra_url, tmp_path):
    ours, cluster, back = f"sqlite:///{tmp_path}/ours.db", cassandra_url("copied"), f"sqlite:///{tmp_path}/back.db"
    with open_store(ours) as store:
        fill(store, 2500)
        expected = contents(store)
        code, _, err = run("copy", ours, cluster)
        assert code == 1
        assert "run `footfall store init`" in err
        assert run("store", "init", "--store", cluster)[0] == 0
        assert run("copy", ours, cluster)[0] == 0
        store.family("PageViews").insert("20260102.blog", {at(12, 5000): URL})
        late = run("copy", ours, cluster)[1]
        assert "Compared 13 rows, 15,011 columns.\nThe second store has everything" in late
    with open_store(cluster) as store:
        expected["PageViews", "20260102.blog"] = list(store.family("PageViews").xget("20260102.blog"))
        assert len(expected["PageViews", "20260102.blog"]) == 2501
        assert contents(store) == expected
    assert run("copy", cluster, back)[0] == 0
    with open_store(back) as store:
        assert contents(store) == expected


@live
def test_a_copy_killed_in_the_middle_goes_on_and_ends_equal(cassandra_url, tmp_path):
    ours, cluster = f"sqlite:///{tmp_path}/footfall.db", cassandra_url("copykilled")
    days = [date(2026, 1, 2) + timedelta(days=number) for number in range(20)]
    with open_store(ours) as store:
        for number, day in enumerate(days):
            store.family("PageViews").insert(f"{day:%Y%m%d}.blog", {
                at(24 * number + views / 100, views): URL for views in range(2000)})
    footfall(tmp_path, "store", "init", store=cluster)
    process = start(tmp_path, "copy", ours, cluster)
    try:
        with open_store(cluster) as store:
            until(lambda: process.poll() is not None or list(store.family("Positions").row_keys()))
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
            had = list(store.family("PageViews").row_keys())
            assert process.returncode == -signal.SIGKILL
            assert 1 <= len(had) < 20
    finally:
        process.kill()
        process.wait()
    resumed = footfall(tmp_path, "copy", ours, cluster)
    assert "goes on in PageViews['202601" in resumed.stderr
    assert "The second store has everything that the first has, and nothing else." in resumed.stdout
    assert " 40,000 " not in resumed.stdout.partition("Compared")[0]
    again = footfall(tmp_path, "copy", ours, cluster).stdout
    assert [line.split() for line in again.splitlines() if line.startswith("PageViews")] == [
        ["PageViews", "20", "40,000", "0"]]
