"""Following a log: every line is taken once, whatever becomes of its files and whenever its follower ends."""

import gzip
import os
import shutil
from datetime import UTC, datetime

import pytest

from footfall import timeuuid
from footfall.errors import StoreUnavailable, UsageError
from footfall.pageview import Event, page_fields
from footfall.stores.memory import MemoryStore
from footfall.transfer import following
from footfall.transfer.accesslog import EqualLines, LineReader, read_views
from footfall.transfer.following import FollowedLog
from footfall.transfer.importing import Importer, Summary
from footfall.transfer.positions import Positions

NOON = timeuuid.ticks_at(datetime(2026, 1, 2, 12, tzinfo=UTC))


class Site:
    """A log, its store, and followers of it, one after the other."""

    def __init__(self, folder):
        self.log = folder / "footfall.log"
        self.old = folder / "footfall.log.1"
        self.store = MemoryStore()
        #: Every line that was taken, in the order of the taking.
        self.taken = []
        self.said = []
        self.clock = 1_700_000_000
        self.followers = []

    def write(self, *lines, end="\n", path=None):
        path = path or self.log
        with path.open("a") as file:
            file.write("\n".join(lines) + end)
        self.touch(path)

    def touch(self, path):
        """Let time go by: two files written to by a test within one tick of the machine would be equally old."""
        self.clock += 1
        os.utime(path, (self.clock, self.clock))

    def follower(self, wait=None, new_reader=None, remembers=False):
        self.summary = Summary()
        importer = Importer(self.store, self.summary, wait)
        follower = FollowedLog(self.log, Positions(self.store, "log"), new_reader or (lambda: self.read), importer,
                               self.summary, self.said.append, remembers=remembers)
        self.followers.append(follower)
        follower.begin()
        return follower

    def read(self, lines, skipped):
        for line in lines:
            self.taken.append(line.decode())
            if line.startswith(b"junk"):
                skipped("malformed", line)
                continue
            name = timeuuid.make(NOON, int.from_bytes(line[:7]))
            yield Event("PageViews", "blog", name, page_fields(line.decode(), "", "", "", "", ""))

    def stored(self):
        return sorted(value["url"] for _, value in self.store.family("PageViews").xget("20260102.blog"))


@pytest.fixture
def empty(tmp_path):
    """A site that has no log yet."""
    site = Site(tmp_path)
    yield site
    for follower in site.followers:
        follower.close()


@pytest.fixture
def site(empty):
    """A site whose log has two lines."""
    empty.write("1", "2")
    return empty


def drain(follower):
    """Let a follower take all there is; a step that found a rotation may leave the rest to the next."""
    for _ in range(4):
        follower.step()


def test_whole_lines_are_taken_as_they_come(site):
    follower = site.follower()
    drain(follower)
    site.write("3", "4 has no", end="")
    drain(follower)
    assert site.taken == ["1", "2", "3"]
    site.write(" end until now")
    drain(follower)
    assert site.taken[3:] == ["4 has no end until now"]
    assert (site.summary.lines, site.summary.taken) == (4, 4)


def test_a_follower_goes_on_where_the_one_before_it_ended(site):
    drain(site.follower())
    site.write("3", "junk")
    drain(site.follower())
    assert site.summary.skipped["malformed"] == 1
    site.write("4")
    drain(site.follower())
    assert site.taken == ["1", "2", "3", "junk", "4"]
    assert site.said == [f"{site.log}: goes on behind byte 4", f"{site.log}: goes on behind byte 11"]


def rename(site):
    site.log.rename(site.old)


def rename_and_zip(site):
    zipped = site.old.with_name("footfall.log-20260102.gz")
    zipped.write_bytes(gzip.compress(site.log.read_bytes()))
    shutil.copystat(site.log, zipped)
    site.log.unlink()


def copy_and_truncate(site):
    shutil.copy(site.log, site.old)
    site.touch(site.old)
    os.truncate(site.log, 0)


def rename_and_leave_a_half_zipped_copy(site):
    rename(site)
    half = site.old.with_name("footfall.log.1.gz")
    half.write_bytes(gzip.compress(site.old.read_bytes())[:-9])
    shutil.copystat(site.old, half)


ROTATIONS = pytest.mark.parametrize("rotate", [
    rename, rename_and_zip, copy_and_truncate, rename_and_leave_a_half_zipped_copy])


@ROTATIONS
@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_written_before_a_rotation_and_not_read_yet_is_read_first(site, rotate, restarted):
    follower = site.follower()
    drain(follower)
    site.write("3", "4")
    rotate(site)
    if restarted:
        follower = site.follower()
    drain(follower)
    site.write("5")
    drain(follower)
    site.write("6")
    drain(follower)
    assert site.taken == ["1", "2", "3", "4", "5", "6"]
    assert not [said for said in site.said if "LOST" in said]


@ROTATIONS
def test_a_generation_that_came_and_went_while_nobody_looked_is_read_too(site, rotate):
    drain(site.follower())
    site.write("3")
    rename(site)
    site.old.rename(site.old.with_name("footfall.log.2"))
    site.write("4", "5")
    rotate(site)
    site.write("6")
    drain(site.follower())
    assert site.taken == ["1", "2", "3", "4", "5", "6"]


def test_a_log_that_grew_past_its_old_length_after_being_emptied_is_known_for_another(site):
    follower = site.follower()
    drain(follower)
    copy_and_truncate(site)
    site.write("a much longer line than those before it", "and one more")
    drain(follower)
    assert site.taken[2:] == ["a much longer line than those before it", "and one more"]


def test_a_server_that_goes_on_writing_to_the_renamed_file_is_still_read(site):
    follower = site.follower()
    drain(follower)
    rename(site)
    site.write("first of the new")
    drain(follower)
    site.write("late", path=site.old)
    drain(follower)
    drain(site.follower())
    assert site.taken == ["1", "2", "first of the new", "late"]


def test_a_renamed_file_that_was_silent_long_enough_is_over_and_its_last_line_taken(site, monkeypatch):
    monkeypatch.setattr(following, "SILENT_SECONDS", -1)
    follower = site.follower()
    drain(follower)
    site.write("3 without an end", end="")
    rename(site)
    site.write("4")
    drain(follower)
    assert sorted(site.taken) == ["1", "2", "3 without an end", "4"]
    site.write("too late", path=site.old)
    drain(site.follower())
    assert len(site.taken) == 4


def test_what_was_there_before_the_first_following_is_left_alone(empty, tmp_path):
    site = empty
    site.write("years ago", path=tmp_path / "footfall.log.2")
    site.write("long ago", path=site.old)
    site.log.touch()
    site.touch(site.log)
    drain(site.follower())
    site.write("1")
    site.old.rename(tmp_path / "footfall.log.3")
    rename(site)
    site.write("2")
    drain(site.follower())
    assert site.taken == ["1", "2"]


def test_other_files_beside_the_log_are_not_its_generations(site):
    drain(site.follower())
    site.write("not ours", path=site.log.with_name("footfall.log.old-notes"))
    site.write("nor this", path=site.log.with_name("footfall.logistics.1"))
    (site.log.parent / "footfall.log.7").mkdir()
    rename(site)
    site.write("3")
    drain(site.follower())
    assert site.taken == ["1", "2", "3"]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("lose", [lambda site: site.log.unlink(), lambda site: os.truncate(site.log, 0)])
def test_a_file_that_went_without_a_trace_is_told_of_once(site, lose, restarted):
    follower = site.follower()
    drain(follower)
    if restarted:
        lose(site)
        site.write("3")
        follower = site.follower()
    else:
        lose(site)
        drain(follower)
        site.write("3")
    drain(follower)
    drain(site.follower())
    assert site.taken == ["1", "2", "3"]
    assert len([said for said in site.said if "LOST" in said]) == 1


def test_positions_of_files_that_are_over_and_gone_are_cleared_away(site, monkeypatch):
    monkeypatch.setattr(following, "SILENT_SECONDS", -1)
    follower = site.follower()
    for number in range(5):
        rename(site)
        site.write(f"generation {number}")
        drain(follower)
    positions = Positions(site.store, "log").read()
    assert len(positions) <= 4
    assert site.taken == ["1", "2", *(f"generation {number}" for number in range(5))]


@pytest.mark.parametrize("after", [["3"], ["3", "4", "5", "6", "7", "8"]])
def test_a_log_whose_end_a_power_cut_took_back_is_read_from_its_start(site, after):
    site.write("lost", "in the power cut")
    drain(site.follower())
    os.truncate(site.log, len("1\n2\n"))
    site.write(*after)
    drain(site.follower())
    assert site.stored() == sorted(["1", "2", "lost", "in the power cut", *after])
    assert "does not hold what was read of it" in site.said[0]


def test_a_broken_gzip_file_is_told_of_and_the_rest_goes_on(site):
    drain(site.follower())
    site.write(*(os.urandom(200).hex() for _ in range(5000)))
    rename_and_zip(site)
    zipped = site.log.with_name("footfall.log-20260102.gz")
    os.truncate(zipped, zipped.stat().st_size // 2)
    site.write("new")
    drain(site.follower())
    assert site.taken[-1] == "new"
    assert "cannot be read on behind byte" in site.said[-1]
    assert "LOST" in site.said[-1]


def test_a_line_of_more_than_a_megabyte_stops_nothing(site):
    site.write("x" * 3_000_000, "after it")
    drain(site.follower())
    assert site.taken[-1] == "after it"
    assert sum(map(len, site.taken[2:-1])) == 3_000_000


class AwayAfter(MemoryStore):
    """A store that is away for every second call."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def apply(self, mutations):
        self.calls += 1
        if self.calls % 2:
            raise StoreUnavailable("away")
        super().apply(mutations)


def test_a_store_that_is_away_is_waited_for(site):
    site.store = AwayAfter()
    waited = []
    drain(site.follower(wait=waited.append))
    assert site.stored() == ["1", "2"]
    assert waited


class Parted(MemoryStore):
    """A store that does not write things together, and that a kill can cut off after so many writes."""

    atomic = False

    def __init__(self):
        super().__init__()
        self.left = 0

    def apply(self, mutations):
        for mutation in mutations:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            super().apply([mutation])


def test_killed_after_any_write_of_a_store_that_writes_nothing_together_no_view_is_missing_or_twice(site):
    for allowed in range(12):
        site.store = Parted()
        site.store.left = allowed
        killed = None
        try:
            follower = site.follower()
            follower.step()
        except KeyboardInterrupt:
            killed = allowed
        site.store.left = 1000
        drain(site.follower())
        assert site.stored() == ["1", "2"], killed


def test_equal_lines_of_an_access_log_stay_apart_across_a_restart(site):
    line = '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /post HTTP/1.1" 200 2326'
    site.log.unlink()

    def new_reader():
        equal = EqualLines()
        return lambda lines, skipped: read_views(lines, LineReader(), "blog", "full", skipped, equal)

    for _ in range(4):
        site.write(line, line)
        drain(site.follower(new_reader=new_reader, remembers=True))
        assert site.summary.taken == 2
    names = [event.id for event in read_views([line.encode()] * 8, LineReader(), "blog", "full", None)]
    assert set(site.store.family("PageViews").get("20150517.blog")) == set(names)


def test_there_must_be_a_log(empty):
    with pytest.raises(UsageError, match=r"footfall\.log: No such file"):
        empty.follower()
    empty.log.mkdir()
    with pytest.raises(UsageError, match=r"footfall\.log: is not a file"):
        empty.follower()
