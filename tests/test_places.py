"""Places of addresses: what a file tells, and that it may be replaced, broken or gone at any time."""

import itertools
import logging
import os
import uuid

import maxminddb
import pytest

from footfall.cli.check import findings
from footfall.collect.hit import Policy, parse_events, parse_hit
from footfall.derive.places import Places, look_up_in, open_places
from footfall.errors import UsageError
from footfall.pageview import FIELDS
from footfall.timeuuid import Clock
from tests.mmdb import mmdb
from tests.servers import Server, count_all, fetch, footfall

BERLIN = {"country": {"iso_code": "DE", "names": {"en": "Germany"}},
          "subdivisions": [{"iso_code": "BE", "names": {"en": "State of Berlin", "de": "Berlin"}}],
          "city": {"names": {"en": "Berlin"}}}
RECORDS = {
    "192.0.2.0/25": (BERLIN, {"country": "DE", "region": "State of Berlin", "city": "Berlin"}),
    "192.0.2.128/25": ({"country": {"iso_code": "FR"}, "subdivisions": [{"iso_code": "IDF"}]},
                       {"country": "FR", "region": "IDF"}),
    "198.51.100.0/24": ({"country_code": "US", "country": "United States", "state1": "Ohio", "city": "Lima"},
                        {"country": "US", "region": "Ohio", "city": "Lima"}),
    "203.0.113.0/24": ({"country": "Nowhere", "subdivisions": [], "city": {"names": {"de": "Köln"}}}, {}),
    "2001:db8:1::/48": ({"country": {"iso_code": "JP"}, "city": {"names": {"en": "Tōkyō"}}},
                        {"country": "JP", "city": "Tōkyō"}),
}
FILE = mmdb({network: record for network, (record, _) in RECORDS.items()})


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "places.mmdb"
    file.write_bytes(FILE)
    return file


@pytest.fixture
def ticking():
    """A clock by which each look is later than the second until which the file is not looked at again."""
    return itertools.count(0, 2).__next__


@pytest.mark.parametrize("address, expected", [
    ("192.0.2.7", RECORDS["192.0.2.0/25"][1]),
    ("192.0.2.200", RECORDS["192.0.2.128/25"][1]),
    ("198.51.100.7", RECORDS["198.51.100.0/24"][1]),
    ("203.0.113.7", {}),
    ("2001:db8:1:2::3", RECORDS["2001:db8:1::/48"][1]),
    ("2001:db8:2::", {}),
    ("10.0.0.1", {}),
    ("reader.example.com", {}),
    ("", {}),
])
def test_the_place_of_an_address(file, address, expected):
    places = Places(file)
    assert places.look_up(address) == expected
    assert places.look_up(address) == expected


@pytest.mark.parametrize("replace", [
    lambda file, content: (file.with_suffix(".new").write_bytes(content), os.replace(file.with_suffix(".new"), file)),
    lambda file, content: file.write_bytes(content),
], ids=["by another", "in place"])
def test_a_new_file_is_used_and_the_old_one_let_go(file, ticking, replace):
    places = Places(file, ticking)
    assert places.look_up("192.0.2.7")["country"] == "DE"
    replace(file, mmdb({"192.0.2.0/24": {"country": {"iso_code": "AT"}}}))
    assert places.look_up("192.0.2.7") == {"country": "AT"}
    assert len(mapped_files()) == 1


def test_the_reader_without_its_extension_tells_the_same(file, ticking, monkeypatch):
    monkeypatch.setattr(maxminddb, "_extension", None)
    places = Places(file, ticking)
    assert places.look_up("192.0.2.7") == RECORDS["192.0.2.0/25"][1]
    file.write_bytes(mmdb({"192.0.2.0/24": {"country": {"iso_code": "AT"}}}))
    assert places.look_up("192.0.2.7") == {"country": "AT"}


def mapped_files():
    with open("/proc/self/maps") as maps:
        return {line.split()[4] for line in maps if "footfall-" in line}


def test_the_file_is_looked_at_once_a_second(file):
    now = 0.0
    places = Places(file, lambda: now)
    file.write_bytes(mmdb({"192.0.2.0/24": {"country": {"iso_code": "AT"}}}))
    now = 0.9
    assert places.look_up("192.0.2.7")["country"] == "DE"
    now = 1.0
    assert places.look_up("192.0.2.7")["country"] == "AT"


@pytest.mark.parametrize("damage", [
    lambda file: file.write_bytes(b"not an .mmdb file"),
    lambda file: file.write_bytes(FILE[:-40]),
    lambda file: file.write_bytes(b""),
    lambda file: file.unlink(),
    lambda file: (file.unlink(), file.mkdir()),
], ids=["text", "cut", "empty", "gone", "a folder"])
def test_a_broken_new_file_keeps_the_old_one_and_is_logged_once(file, ticking, damage, caplog):
    places = Places(file, ticking)
    damage(file)
    assert places.look_up("192.0.2.7")["country"] == "DE"
    assert places.look_up("192.0.2.8")["country"] == "DE"
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert str(file) in message


def test_a_file_that_comes_later_is_used(tmp_path, ticking, caplog):
    places = Places(tmp_path / "later.mmdb", ticking)
    assert places.look_up("192.0.2.7") == {}
    (tmp_path / "later.mmdb").write_bytes(FILE)
    assert places.look_up("192.0.2.7")["country"] == "DE"
    assert "later.mmdb: cannot be read" in caplog.text


def test_a_damaged_record_is_no_place_and_no_address_is_logged(file, caplog):
    at = FILE.index(b"\x47country", FILE.index(bytes(16)))
    file.write_bytes(FILE[:at - 1] + b"\xff" * 8 + FILE[at + 7:])
    assert Places(file).look_up("192.0.2.7") == {}
    assert "192.0.2.7" not in caplog.text
    assert "could not be looked up" in caplog.text


def test_no_setting_no_places():
    assert look_up_in(None) is None


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.mmdb: cannot be read as an \.mmdb file: .*FOOTFALL_GEOIP"):
        open_places(tmp_path / "none.mmdb")


@pytest.mark.parametrize("ip, kept", [("truncated", "192.0.2.0"), ("none", ""), ("full", "192.0.2.200")])
def test_the_place_is_that_of_the_whole_address(file, ip, kept):
    policy = Policy({"blog"}, ip, (), look_up_in(file))
    (event,) = parse_events(b'{"id": "blog", "url": "x"}', {}, "192.0.2.200", policy=policy, clock=Clock())
    assert event.fields["ip"] == kept
    assert {field: event.fields[field] for field in ("country", "region")} == RECORDS["192.0.2.128/25"][1]


def test_nothing_is_stored_of_a_place_that_is_not_known(file):
    policy = Policy({"blog"}, "full", (), look_up_in(file))
    event = parse_hit(b"id=blog&url=x", {}, "10.0.0.1", policy=policy, name=uuid.uuid1())
    assert set(event.fields) == set(FIELDS)


def test_the_server_and_the_import_look_places_up(file, tmp_path):
    data = tmp_path / "data"
    footfall(data, "site", "add", "blog")
    count_all(data)
    with Server(data, geoip=file) as server:
        hit = f"{server.url}/a.gif?id=blog&url=https://blog.example.com/"
        assert fetch(hit, **{"X-Real-IP": "192.0.2.7"})[0] == 200
    log = tmp_path / "access.log"
    log.write_text("".join(f'{host} - - [01/Jan/2026:07:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"\n'
                           for host in ("2001:db8:1::1", "reader.example.com")))
    footfall(data, "import", "log", str(log), "--site", "blog", "--geoip", str(file))
    asked = "--since", "2026-01-01", "--by", "country", "--by", "city", "--metric", "views"
    assert footfall(data, "stats", "blog", *asked, "--csv").stdout == (
        "dimension,value,views\ncountry,DE,1\ncountry,JP,1\ncity,DE Berlin,1\ncity,JP Tōkyō,1\n")


def test_check_tells_whether_the_file_can_be_read(settings_of, file, tmp_path):
    def places(path):
        return [finding for finding in findings(settings_of(geoip=str(path))) if finding.what.startswith("places")]

    assert [finding.right for finding in places(file)] == [True]
    assert [finding.right for finding in places(tmp_path / "none.mmdb")] == [False]
