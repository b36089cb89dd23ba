"""An export holds everything of a site, is the same bytes from wherever it is got, and comes back as it was."""

import contextlib
import csv
import gzip
import io
import json
import os
import signal
import tracemalloc
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import accounts, cli, definitions, tokens, users
from footfall.app import create_app
from footfall.batch import Batch
from footfall.collect import moving
from footfall.collect.filters import Lists, Rules
from footfall.columns import FAMILIES
from footfall.errors import StoreUnavailable, UsageError
from footfall.packing import packed
from footfall.pageview import Event, event_key, pack
from footfall.reports.questions import QUESTIONS
from footfall.reports.verify import _read, by_events
from footfall.site_settings import parsed
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from footfall.stores.sqlite import SqliteStore
from footfall.timeuuid import make, ticks_at
from footfall.transfer import demo, export, restoring
from footfall.transfer.extract import Extract, Found
from footfall.transfer.formats import flat, jsonl, parquet
from tests.sealing import seal_all
from tests.servers import Server, ask, footfall, log_in, start
from tests.waiting import until

DAY = datetime(2026, 1, 2, tzinfo=UTC)
PASSWORD = "correct horse battery"
FIELDS = {"url": "https://blog.example.com/", "title": "Hi", "ip": "192.0.2.0", "referrer": "", "user_agent": "x",
          "language": "en"}
RESTORED = ("PageViews", "Events", "Filtered", "Visitors", "Retries", "Accounts", "Definitions")


def at(hours, number=0):
    return make(ticks_at(DAY + timedelta(hours=hours)) + number, number)


def fill(store, views=400):
    """A site with all that there can be: demo traffic, bots, retries, events out of their day, and a second site."""
    plan = demo.Plan("blog", date(2026, 1, 4), 3, views, 7, "daily")
    demo.write(store, plan, demo.begin(store, plan, 0, force=True), 0, lambda written: None)
    for site in ("blog", "my.shop"):
        accounts.add(store, site, "https://blog.example.com", "2026-01-01T00:00:00+00:00")
        store.apply(packed([Event("PageViews", site, at(1, 5), FIELDS | {"visitor": b"\0" * 8}),
                            Event("Filtered", site, at(2, 6), FIELDS | {"reason": "bot: x"})]))
    accounts.configure(store, "blog", {"timezone": "Europe/Berlin", "rate": "100"})
    views = store.family("PageViews")
    # The second repeats the first, across midnight; the third stands where nobody looks for it.
    store.apply(packed([Event("PageViews", "blog", at(23.95, 77), FIELDS)]))
    views.insert("20260103.blog", {at(24.05, 77): FIELDS, at(-30, 8): FIELDS})
    store.family("Retries").insert("PageViews 20260103.blog", {str(at(24.05, 77)): b"\x80"})
    views.insert("no row key", {at(1): FIELDS})
    definitions.add(store, "blog", "goal", {"name": "Bought", "form": {"event": "buy"}}, "anna")
    definitions.add(store, "blog", "annotation", {"day": "2026-01-03", "text": "New look"})
    definitions.add(store, "blog", "share", {"key": "not to be told"})


def contents(store, families=RESTORED, site="blog"):
    """All that a store has of a site, as it lies."""
    found = {}
    for name in families:
        for key in store.family(name).row_keys():
            for column, value in store.family(name).stored(key):
                owner = str(column) if name == "Accounts" else key if name == "Definitions" else key.partition(".")[2]
                if owner == site and not (name == "Definitions" and column.startswith("share")):
                    found[name, key, column] = bytes(value)
    return found


def exported(store, form="jsonl", since=None, until=None, **more):
    account = accounts.find(store, "blog")
    return b"".join(export.chunks(store, account, form, since, until, **more))


def lines_of(data):
    return io.BytesIO(data).readlines()


def take(data, store, site="blog", retention=0):
    header = restoring.examine(lines_of(data), "a file")
    restoring.restore_definitions(store, header, site)
    return restoring.restore(lines_of(data), "a file", store, site, retention, lambda done: None)


@pytest.fixture
def source():
    store = MemoryStore()
    fill(store)
    return store


@pytest.fixture
def run(capsysbinary, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = cli.main([str(each) for each in arguments])
        printed = capsysbinary.readouterr()
        return code, printed.out, printed.err.decode()

    return run


# ----- JSON lines, and back


@pytest.mark.parametrize("kind", ["memory", "sqlite", "cassandra"])
def test_what_is_taken_back_is_what_was_exported(source, empty):
    data = exported(source)
    done = take(data, empty)
    expected = contents(source)
    assert contents(empty) == expected
    assert done.taken == {name: sum(key[0] == name for key in expected)
                          for name in ("PageViews", "Events", "Filtered", "Retries")}
    assert done.taken["Filtered"] > 1
    assert exported(empty) == data
    # What repeats an event is left out as it was.
    assert at(24.05, 77) not in dict(empty.family("PageViews").xget("20260103.blog"))
    ours, theirs = (_read(store, "blog", date(2026, 1, 2), date(2026, 1, 5), 0) for store in (source, empty))
    assert len(ours.events) > 400
    for question in QUESTIONS[::7]:
        span = date(2026, 1, 2), date(2026, 1, 5)
        assert by_events(question, ours, *span) == by_events(question, theirs, *span)
    assert take(data, empty).taken == {}
    assert contents(empty) == expected


class Cut(MemoryStore):
    """A store that does not write things together, and that a kill can cut off after so many writes."""

    atomic = False
    left = 1 << 40

    def apply(self, mutations):
        for mutation in mutations:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            super().apply([mutation])


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.5, 0.99])
def test_an_import_that_was_cut_off_is_begun_again(source, share, monkeypatch):
    monkeypatch.setattr(restoring, "BATCH", 50)
    target = Cut()
    target.left = int(len(contents(source)) * share)
    with pytest.raises(KeyboardInterrupt):
        take(exported(source), target)
    assert contents(target) != contents(source)
    target.left = 1 << 40
    take(exported(source), target)
    assert contents(target) == contents(source)


@pytest.mark.ours
def test_an_import_that_is_killed_is_begun_again(run, tmp_path):
    data, new, file = tmp_path / "ours", tmp_path / "theirs", tmp_path / "blog.jsonl"
    run("demo", "--data", data, "--site", "blog", "--views", 12_000, "--days", 4, "--until", "2026-01-05")
    assert run("export", "--data", data, "--site", "blog", "--output", file)[0] == 0
    process = start(new, "import", "export", file, "--definitions")
    with process:
        until((new / "footfall.db").exists)
        with open_store(f"sqlite:///{new}/footfall.db") as store, open_store(f"sqlite:///{data}/footfall.db") as source:
            until(lambda: next(store.family("PageViews").row_keys(), None))
            process.send_signal(signal.SIGKILL)
            process.wait(30)
            expected = contents(source)
            assert 0 < len(contents(store)) < len(expected)
            code, out, _ = run("import", "export", file, "--data", new)
            assert code == 0
            assert b"skipped: there already" in out
            assert contents(store) == expected


@pytest.mark.parametrize("value, body", [
    (pack({"url": "/", "title": "é\u2028\0", "n": [1, -2, 2.5, 1e300, True, None, {"a": {}}]}), "fields"),
    (pack({}), "fields"),
    (pack({"url": "/", "visitor": bytes(range(8))}), "fields"),
    (pack({"big": 2**64 - 1, "small": -2**63}), "fields"),
    (pack({"visitor": "no hex"}), "fields"),
    (pack({"visitor": "00ff"}), "raw"),
    (pack({"url": b"bytes"}), "raw"),
    (pack({"x": float("nan")}), "raw"),
    (pack({"x": float("-inf")}), "raw"),
    (pack({"x": msgpack.Timestamp(1, 2)}), "raw"),
    (pack({"x": msgpack.ExtType(5, b"y")}), "raw"),
    (msgpack.packb({1: 2}), "raw"),
    (msgpack.packb([1]), "raw"),
    (msgpack.packb({"url": 1.5}, use_single_float=True), "raw"),
    (b"\x81\xd9\x01a\x01", "raw"),
    (b"\x81\xa1a\xcd\x00\x01", "raw"),
    (b"\x82\xa1a\x01\xa1a\x02", "raw"),
    (b"\x81\xa1a\xa2\xff\xfe", "raw"),
    (b"\x81\xa1a", "raw"),
    (b"\x91" * 5000 + b"\xc0", "raw"),
    (b"no map", "raw"),
    (b"", "raw"),
    (pack({"title": "\0" * (1 << 20 - 1)}), "fields"),
], ids=range(23))
def test_every_value_comes_back_to_the_byte(value, body):
    source, target = MemoryStore(), MemoryStore()
    accounts.add(source, "blog")
    source.family("PageViews").insert("20260102.blog", {at(1): value})
    data = exported(source)
    assert set(json.loads(lines_of(data)[1])) == {"family", "id", "time", body}
    take(data, target)
    assert contents(target, ["PageViews"]) == {("PageViews", "20260102.blog", at(1)): value}
    for form in ("csv", "parquet"):
        assert exported(source, form)


_SCALARS = (st.none() | st.booleans() | st.integers(-2**63, 2**64 - 1) | st.floats() | st.text(max_size=9)
            | st.binary(max_size=9))
_EIGHT = st.binary(min_size=8, max_size=8)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.text(max_size=5) | st.integers(0, 9), inner, max_size=3), max_leaves=9)


@given(st.binary(max_size=30) | _VALUES.map(msgpack.packb) | st.dictionaries(
    st.sampled_from(["visitor", "url", "props", "engaged", "x"]), _VALUES | _EIGHT).map(pack))
def test_whatever_bytes_are_stored_come_back(value):
    line = jsonl._body(Found("PageViews", "20260102.blog", at(1), value))
    told = json.loads(b"{%s}" % line)
    again = jsonl.value_of(line.removeprefix(b'"fields":')) if "fields" in told else b64decode(told["raw"])
    assert again == value
    assert flat._cells(value).keys() <= set(flat.COLUMNS)


def test_a_time_is_told_to_the_last_digit_and_a_row_where_it_is_another_days():
    store = MemoryStore()
    accounts.add(store, "blog")
    store.family("Events").insert("20260102.blog", {at(0, 1_234_567): {}})
    store.family("Events").insert("20260103.blog", {at(0): {}})
    first, second = map(json.loads, lines_of(exported(store))[1:3])
    assert (first["time"], first.get("row")) == ("2026-01-02T00:00:00.1234567Z", None)
    assert (second["time"], second["row"]) == ("2026-01-02T00:00:00.0000000Z", "20260103")


def test_settings_and_definitions_go_with_it_and_nothing_that_is_secret(source):
    users.add(source, "anna", PASSWORD)
    tokens.add(source, "blog", "ci")
    header = json.loads(lines_of(exported(source))[0])
    assert header["settings"] == {"timezone": "Europe/Berlin", "rate": "100"}
    assert [each["kind"] for each in header["definitions"]] == ["goal", "annotation"]
    target = MemoryStore()
    accounts.add(target, "blog", "https://other.example.com")
    for name in ("Ours", "Bought"):
        definitions.add(target, "blog", "goal", {"name": name})
    take(exported(source), target)
    assert accounts.find(target, "blog").url == "https://other.example.com"
    theirs, ours = (definitions.all_of(store, "blog", "goal") for store in (target, source))
    assert sorted(each.fields["name"] for each in theirs) == ["Bought", "Ours"]
    assert ours[0] in theirs
    assert {name for name in FAMILIES if next(target.family(name).row_keys(), None)} == set(RESTORED)


def test_a_setting_that_is_none_here_is_refused_before_the_site_is_made(source):
    data = exported(source).replace(b'"rate":"100"', b'"colour":"9"')
    header = restoring._header(lines_of(data)[0], "a file", 1)
    target = MemoryStore()
    with pytest.raises(UsageError, match="colour: unknown setting of a site"):
        restoring.restore_definitions(target, header, "blog")
    assert accounts.all_accounts(target) == []


def test_what_was_moved_since_is_not_taken_twice(source):
    data = exported(source)
    before = contents(source)
    rules = Rules(parsed({"bots": "count", "exclude_pages": "/"}), Lists())
    assert moving.apply_rules(source, "blog", rules, moving.Range()).total() > 0
    moved = contents(source)
    assert moved != before
    assert take(data, source).taken == {}
    assert contents(source) == moved


def test_what_is_no_longer_kept_is_not_taken(source):
    target = MemoryStore()
    done = take(exported(source), target, retention=1)
    assert done.taken == {}
    assert done.skipped["retention"] == done.lines


class ByTtl(MemoryStore):
    """A store whose events leave by the time that they are written with."""

    by_ttl = True

    def __init__(self):
        super().__init__()
        self.ttls = []

    def apply(self, mutations):
        self.ttls += [(each.family, each.ttl) for each in mutations]
        super().apply(mutations)


def test_a_store_that_keeps_by_the_ttl_gets_one_for_all_of_an_event(source):
    target = ByTtl()
    take(exported(source), target, retention=7000)
    families = ("PageViews", "Events", "Filtered", "Visitors", "Retries")
    assert {name for name, ttl in target.ttls if ttl} == set(families)
    assert all(0 < ttl < 7000 * 86_400 for name, ttl in target.ttls if name in families)


def test_events_can_become_another_sites(source):
    target = MemoryStore()
    take(exported(source), target, "copy")
    theirs = contents(target, RESTORED[:5], "copy")
    assert {(name, key.replace("copy", "blog"), column): value for (name, key, column), value in theirs.items()
            } == contents(source, RESTORED[:5])


# ----- files that are not whole


def summed_up(lines):
    """What an export's last lines would be of these: of whoever knows how."""
    digest = jsonl.sha256(b"".join(lines))
    return [*lines, b'{"lines":%d,"sha256":"%s","end":true}\n' % (len(lines), digest.hexdigest().encode())]


def without_sums(lines):
    return [line for line in lines if not line.startswith(jsonl.CHECK)]


BROKEN = [
    (lambda lines: lines[:-1], "line {n}: is missing, the file was cut off"),
    (lambda lines: lines[:30], "line 31: is missing, the file was cut off"),
    (lambda lines: [*lines[:30], lines[30][:50]], "line 31: is cut off"),
    (lambda lines: [*lines[:30], *lines[31:]], "line 50: the lines 1 to 49 before it are not as they were written"),
    (lambda lines: [*lines[:60], lines[60].replace(b"https", b"http"), *lines[61:]],
     "line 102: the lines 52 to 101 before it are not as they were written"),
    (lambda lines: [*lines[:10], lines[11], lines[10], *lines[12:]], "line 51: the lines 1 to 50"),
    (lambda lines: [*lines, lines[10]], "line {more}: stands behind the last one"),
    (lambda lines: lines[1:], "is no export of footfall's in JSON lines"),
    (lambda lines: [b"hello\n"], "is no export of footfall's in JSON lines"),
    (lambda lines: [], "line 1: is missing"),
    (lambda lines: [lines[0].replace(b'"version":1', b'"version":9'), *lines[1:]], "version=9: is of a newer footfall"),
    (lambda lines: summed_up([lines[0], b'{"family":"Users","id":"%s","fields":{}}\n' % str(at(1)).encode()]),
     "line 2: family 'Users': is none of events"),
    (lambda lines: summed_up([lines[0], b'{"family":"Events","id":"%s"}\n' % str(at(1)).encode()]),
     "line 2: it has neither fields nor raw"),
    (lambda lines: summed_up([lines[0], b'{"family":"Events","id":"%s","fields":[]}\n' % str(at(1)).encode()]),
     "line 2: "),
    (lambda lines: summed_up([lines[0], b'{"family":"Events","id":"%s","fields":{},"row":"2026"}\n'
                              % str(at(1)).encode()]), "line 2: row key '2026.blog': must be"),
    (lambda lines: summed_up([lines[0], lines[1].replace(b"-11f0-", b"-41f0-")]), "line 2: column name"),
    (lambda lines: summed_up([lines[0], b"no json\n"]), "line 2: JSON is malformed"),
]


@pytest.mark.parametrize("broken, message", BROKEN, ids=[message[:40] for _, message in BROKEN])
def test_a_file_that_is_not_whole_is_refused_and_nothing_taken(source, run, tmp_path, monkeypatch, broken, message):
    monkeypatch.setattr(jsonl, "LINES", 50)
    lines = lines_of(exported(source))
    (tmp_path / "blog.jsonl").write_bytes(b"".join(broken(lines)))
    store = f"sqlite:///{tmp_path}/new.db"
    run("site", "add", "blog", "--store", store)
    code, out, err = run("import", "export", "blog.jsonl", "--store", store)
    assert (code, out) == (2, b"")
    assert f"blog.jsonl: {message.format(n=len(lines), more=len(lines) + 1)}" in err
    with open_store(store) as target:
        assert [*contents(target)] == [("Accounts", "accounts", "blog")]


# ----- the command, the page


@pytest.fixture
def owner(settings_of, store, monkeypatch):
    """A client of the pages of a filled store that is logged in."""
    monkeypatch.setattr(users, "HASHING", "scrypt:1024:1:1")
    fill(store, 300)
    users.add(store, "owner", PASSWORD)
    client = create_app(settings_of()).test_client()
    assert client.post("/login", data={"name": "owner", "password": PASSWORD},
                       headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
    return client


@pytest.mark.parametrize("form", export.FORMATS)
@pytest.mark.parametrize("since, last", [(None, None), ("2026-01-03", None), (None, "2026-01-03"),
                                         ("2026-01-03", "2026-01-03"), ("2026-01-03T01:30:00", "2026-01-03T04:00:00")])
def test_command_page_api_and_library_give_the_same_bytes(owner, store, run, tmp_path, settings_of, form, since, last):
    asked = {key: text for key, text in (("since", since), ("until", last)) if text}
    page = owner.get(f"/sites/blog/export.{form}", query_string=asked)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == export.FORMATS[form]
    assert page.is_streamed
    name = page.headers["Content-Disposition"].partition("filename=")[2].strip('"')
    data = settings_of().data
    flags = [part for key, text in asked.items() for part in (f"--{key}", text)]
    assert run("export", "--data", data, "--site", "blog", "--format", form, *flags, "--output", name)[0] == 0
    assert run("export", "--data", data, "--site", "blog", "--format", form, *flags)[1] == page.data
    assert (tmp_path / name).read_bytes() == page.data
    assert [path.name for path in tmp_path.glob("*blog*")] == [name]
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    first = datetime.fromisoformat(since) if since else None
    end = export.end_of(datetime.fromisoformat(last) if last and "T" in last else last and date.fromisoformat(last))
    # As in all of the API, the end itself is left out.
    ends = {key: moment.isoformat() for key, moment in (("since", first), ("until", end)) if moment}
    token, _ = tokens.add(store, "blog", scopes=[tokens.READ])
    answer = owner.get("/api/v1/export", query_string={"format": form, **ends},
                       headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.data) == (200, page.data)
    file = io.BytesIO()
    assert export.write(store, accounts.find(store, "blog"), form, first, end, file) == len(page.data)
    assert file.getvalue() == page.data


def test_a_server_sends_them_too_chunk_by_chunk_and_not_packed_once_more(run, tmp_path):
    run("demo", "--data", tmp_path / "data", "--site", "blog", "--views", 4000, "--days", 2, "--until", "2026-01-03")
    footfall(tmp_path / "data", "user", "add", "owner", "--password-stdin", stdin=f"{PASSWORD}\n")
    with Server(tmp_path / "data") as server:
        cookie = log_in(server.url, "owner", PASSWORD)
        for form in export.FORMATS:
            status, headers, body = ask(f"{server.url}/sites/blog/export.{form}", Cookie=cookie,
                                        **{"Accept-Encoding": "gzip"})
            assert (status, headers["Transfer-Encoding"], headers["Content-Encoding"]) == (200, "chunked", None)
            assert body == run("export", "--data", tmp_path / "data", "--site", "blog", "--format", form)[1]


@pytest.mark.parametrize("path, status", [
    ("/sites/blog/export.xlsx", 404),
    ("/sites/none/export.csv", 404),
    ("/sites/blog/export.csv?since=yesterday", 400),
    ("/sites/blog/export.csv?since=2026-01-03&until=2026-01-01", 400),
])
def test_the_page_refuses_what_cannot_be(owner, path, status):
    assert owner.get(path).status_code == status


def test_an_export_is_for_editors_and_is_noted(owner, store, run, settings_of):
    users.add(store, "vera", PASSWORD, {"blog": "viewer"})
    viewer = owner.application.test_client()
    viewer.post("/login", data={"name": "vera", "password": PASSWORD}, headers={"Sec-Fetch-Site": "same-origin"})
    assert viewer.get("/sites/blog/export.csv").status_code == 403
    owner.get("/sites/blog/export.csv?since=2026-01-03")
    shown = run("audit", "list", "--data", settings_of().data)[1].decode()
    assert "export.download" in shown
    assert "csv, 2026-01-03 to the last" in shown


def test_a_store_that_is_away_is_503(owner, monkeypatch):
    def away(*_):
        raise StoreUnavailable("away")
        yield

    monkeypatch.setattr(Extract, "events", away)
    monkeypatch.setattr(Extract, "stored", away)
    assert [owner.get(f"/sites/blog/export.{form}").status_code for form in export.FORMATS] == [503] * 3


def test_gzip_is_the_same_each_time_and_is_taken_back(run, store, settings_of, tmp_path):
    fill(store, 100)
    data = settings_of().data
    for name in ("one.gz", "two.gz"):
        assert run("export", "--data", data, "--site", "blog", "--gzip", "--output", name)[0] == 0
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()) == exported(store)
    new = f"sqlite:///{tmp_path}/new.db"
    code, out, _ = run("import", "export", "one.gz", "--definitions", "--store", new)
    assert code == 0
    assert b"blog: settings, and 2 goals, funnels and annotations.\n" in out
    assert b"export.import" in run("audit", "list", "--store", new)[1]
    with open_store(new) as target:
        assert contents(target) == contents(store)


def test_a_packed_file_that_was_cut_off_is_refused(run, store, settings_of, tmp_path):
    fill(store, 100)
    (tmp_path / "blog.jsonl.gz").write_bytes(gzip.compress(exported(store))[:-500])
    new = f"sqlite:///{tmp_path}/new.db"
    code, out, err = run("import", "export", "blog.jsonl.gz", "--definitions", "--store", new)
    assert (code, out) == (2, b"")
    assert "blog.jsonl.gz: cannot be read on: Compressed file ended before" in err
    with open_store(new) as target:
        assert contents(target) == {}


def test_verify_and_statistics_are_the_same_of_what_was_taken_back_from_standard_input(run, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    run("demo", "--data", ours, "--site", "blog", "--views", 200, "--days", 2, "--until", "2026-01-03")
    file = run("export", "--data", ours, "--site", "blog")[1].decode()
    footfall(theirs, "import", "export", "-", "--definitions", stdin=file)
    span = "--since", "2026-01-02", "--until", "2026-01-03"
    for asked in (("cache", "verify", *span, "--json"), ("stats", "blog", *span, "--json")):
        code, told, _ = run(*asked, "--data", ours)
        assert (code, len(told) > 200) == (0, True)
        assert run(*asked, "--data", theirs) == (0, told, "")


@pytest.mark.parametrize("arguments, message", [
    (["export", "--site", "none"], "site 'none': unknown"),
    (["export"], "--site ID or --all: one of them"),
    (["export", "--site", "blog", "--all"], "--site ID or --all: one of them"),
    (["export", "--all"], "--output: is missing; --all writes a file for each site"),
    (["export", "--site", "blog", "--plain"], "--plain: is for --format csv"),
    (["export", "--site", "blog", "--since", "2026-01-05", "--until", "2026-01-01"], "is before since"),
    (["export", "--site", "blog", "--since", "9000-01-05"], "outside the years"),
    (["export", "--site", "blog", "--output", "."], "--output='.': is a folder"),
    (["import", "export", "none.jsonl"], "none.jsonl: No such file"),
    (["import", "export", "blog.jsonl", "--site", "a/b"], "account 'a/b': must be"),
    (["import", "export", "blog.jsonl", "--site", "new"], "site 'new': unknown; add it with --definitions, or"),
])
def test_the_command_says_what_is_wrong(run, store, settings_of, tmp_path, arguments, message):
    fill(store, 10)
    (tmp_path / "blog.jsonl").write_bytes(exported(store))
    code, out, err = run(*arguments, "--data", settings_of().data)
    assert (code, out) == (2, b"")
    assert message in err


def test_every_site_is_exported_into_a_folder(run, store, settings_of, tmp_path):
    fill(store, 10)
    assert run("export", "--data", settings_of().data, "--all", "--gzip", "--output", "some/folder") == (0, b"", "")
    files = {path.name: gzip.decompress(path.read_bytes()) for path in (tmp_path / "some/folder").iterdir()}
    assert files.keys() == {"blog.jsonl.gz", "my.shop.jsonl.gz"}
    assert files["blog.jsonl.gz"] == exported(store)


def test_a_link_and_a_pipe_stay_what_they_are(run, store, settings_of, tmp_path):
    fill(store, 10)
    flags = "export", "--site", "blog", "--data", settings_of().data, "--output"
    (tmp_path / "link").symlink_to("file.jsonl")
    os.mkfifo(tmp_path / "pipe")
    assert run(*flags, "link")[0] == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file.jsonl").read_bytes() == exported(store)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit((tmp_path / "pipe").read_bytes)
        assert run(*flags, "pipe")[0] == 0
        assert read.result(30) == exported(store)
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_is_replaced_when_the_new_one_is_whole_and_not_before(run, store, settings_of, tmp_path, monkeypatch):
    fill(store, 10)
    (tmp_path / "blog.csv").write_bytes(b"the old one")

    def cut_off(*arguments, **more):
        arguments[5].write(b"half")
        raise StoreUnavailable("away")

    monkeypatch.setattr(export, "write", cut_off)
    flags = "export", "--site", "blog", "--format", "csv", "--output", "blog.csv", "--data", settings_of().data
    assert run(*flags)[0] == 1
    assert (tmp_path / "blog.csv").read_bytes() == b"the old one"
    assert [path.name for path in tmp_path.iterdir() if "blog" in path.name] == ["blog.csv"]
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert run(*flags)[0] == 0
    assert (tmp_path / "blog.csv").read_bytes().startswith(b"time,id,")


# ----- ranges, sealed days, memory


def test_parts_hold_together_what_counts(source):
    target = MemoryStore()
    days = [None, date(2026, 1, 3), date(2026, 1, 4), None]
    for since, end in pairwise(days):
        take(exported(source, since=since, until=end), target)
    for name in ("PageViews", "Events", "Filtered"):
        for key in (f"2026010{day}.blog" for day in (2, 3, 4)):
            ours, theirs = ([column for column in store.family(name).xget(key) if event_key("blog", column[0]) == key]
                            for store in (source, target))
            assert theirs == ours
    assert len(list(target.family("PageViews").xget("20260103.blog"))) > 50


def test_sealed_days_are_exported_as_others(tmp_path):
    with SqliteStore(f"sqlite:///{tmp_path}/sealed.db") as store:
        fill(store)
        before = {form: exported(store, form) for form in export.FORMATS}
        assert seal_all(store) > 400
        assert {form: exported(store, form) for form in export.FORMATS} == before
        target = MemoryStore()
        take(before["jsonl"], target)
        assert contents(target) == contents(store)


@pytest.mark.parametrize("form", export.FORMATS)
def test_memory_does_not_grow_with_the_site(tmp_path, monkeypatch, form):
    monkeypatch.setattr(parquet, "GROUP", 500)
    with SqliteStore(f"sqlite:///{tmp_path}/big.db") as store:
        accounts.add(store, "blog")

        def peak(views):
            with Batch(store.family("PageViews"), 1000) as batch:
                for number in range(views):
                    batch.insert("20260102.blog", {at(0, number): FIELDS | {"title": f"Page {number}"}})
            tracemalloc.start()
            with contextlib.ExitStack() as stack:
                stack.callback(tracemalloc.stop)
                size = sum(map(len, export.chunks(store, accounts.find(store, "blog"), form)))
                return size, tracemalloc.get_traced_memory()[1]

        small, of_small = peak(4_000)
        large, of_large = peak(16_000)
        assert large > 3 * small
        assert of_large < 1.5 * of_small


# ----- CSV and Parquet


def test_csv_has_a_row_for_each_event_that_counts_and_a_column_for_each_field(source):
    rows = list(csv.DictReader(io.StringIO(exported(source, "csv", plain=True).decode(), newline="")))
    assert tuple(rows[0]) == flat.COLUMNS
    expected = [(name, str(column), value) for name in ("PageViews", "Events")
                for key in source.family(name).row_keys() if key.endswith(".blog")
                for column, value in source.family(name).xget(key)]
    assert [(row["family"], row["id"]) for row in rows] == [each[:2] for each in expected]
    for row, (_, _, value) in zip(rows, expected, strict=True):
        fields = msgpack.unpackb(value)
        known = {name: str(fields.pop(name, "")) for name in flat.TEXTS + flat.NUMBERS if name != "visitor"}
        assert {name: row[name] for name in known} == known
        assert row["visitor"] == fields.pop("visitor", b"").hex()
        assert json.loads(row["props"] or "{}") == fields.pop("props", {})
        assert json.loads(row["other"] or "{}") == fields


@pytest.mark.parametrize("title, cell", [
    ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "'\tx"), ("\rx", '"\'\rx"'),
    ("a=1", "a=1"), ("'", "'"), ('say "hi", you', '"say ""hi"", you"'), ("two\nlines", '"two\nlines"'),
])
def test_a_text_that_a_spreadsheet_would_reckon_with_is_marked(title, cell):
    store = MemoryStore()
    accounts.add(store, "blog")
    store.family("PageViews").insert("20260102.blog", {at(1): {"url": "/", "title": title}})
    guarded, plain = (exported(store, "csv", plain=plain).decode() for plain in (False, True))
    assert f",/,{cell},,".encode() in guarded.encode()
    assert next(csv.DictReader(io.StringIO(plain, newline="")))["title"] == title
    assert guarded.endswith("\r\n")


def test_parquet_has_the_rows_of_csv_with_times_and_numbers(source, monkeypatch):
    from pyarrow import parquet as reader

    monkeypatch.setattr(parquet, "GROUP", 100)
    file = reader.ParquetFile(io.BytesIO(exported(source, "parquet")))
    assert file.metadata.num_row_groups > 3
    rows = file.read().to_pylist()
    told = list(csv.DictReader(io.StringIO(exported(source, "csv", plain=True).decode(), newline="")))
    assert len(rows) == len(told) > 400
    for row, texts in zip(rows, told, strict=True):
        assert row.pop("time") == datetime.fromisoformat(texts.pop("time"))
        assert {name: str(cell if cell is not None else "") for name, cell in row.items()} == texts


def test_a_format_that_is_none_is_refused_before_anything_is_read(source):
    with pytest.raises(UsageError, match=r"format 'xml': must be jsonl, csv, parquet"):
        exported(source, "xml")
