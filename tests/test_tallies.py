"""What was counted of a day comes back from its file as it was, or is counted anew."""

import numpy as np
import pytest

from footfall import metrics
from footfall.reports import tallies
from footfall.reports.tallies import SUFFIX, Tallies
from tests.happenings import DAY
from tests.killing import kill_while_writing

VIEWS, PAIRS = ("events", "page"), ("visitors", "prop:a \"b\"\n")


def some(count, kind=np.uint16):
    return {"rows.0": np.arange(count, dtype=kind), "counts.views": np.full(count, 7, np.uint8),
            "counts.duration": np.arange(count, dtype=np.int64) << 40}


def shown(found):
    return found and {name: (numbers.dtype.str, numbers.tolist()) for name, numbers in found.items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / f"20260102-0a1b{SUFFIX}"


def test_what_was_counted_comes_back(path):
    known = Tallies(path)
    assert known.get(VIEWS) is None
    known.put(VIEWS, some(300), lasting=True)
    known.put(PAIRS, some(0), lasting=True)
    known.put(("by visitor",), some(5), lasting=False)
    assert known.is_unsaved
    assert not path.exists()
    known.save(DAY)
    assert not known.is_unsaved
    for read in (known, Tallies(path)):
        assert shown(read.get(VIEWS)) == shown(some(300))
        assert shown(read.get(PAIRS)) == shown(some(0))
    assert shown(known.get(("by visitor",))) == shown(some(5))
    assert Tallies(path).get(("by visitor",)) is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_others_wrote_meanwhile_stays(path):
    one, other = Tallies(path), Tallies(path)
    for known, key in ((one, VIEWS), (other, PAIRS)):
        assert known.get(key) is None
        known.put(key, some(9), lasting=True)
    one.save(DAY)
    other.save(DAY)
    assert shown(Tallies(path).get(VIEWS)) == shown(Tallies(path).get(PAIRS)) == shown(some(9))


def test_counts_of_other_facts_are_none(path):
    other = Tallies(path, 2**64 - 1)
    other.put(VIEWS, some(9), lasting=True)
    other.save(DAY)
    known = Tallies(path, 1)
    assert known.get(VIEWS) is None
    known.put(PAIRS, some(3), lasting=True)
    known.save(DAY)
    read = Tallies(path, 1)
    assert (read.get(VIEWS), shown(read.get(PAIRS))) == (None, shown(some(3)))


def test_a_day_that_is_in_no_file_keeps_its_counts_in_memory():
    known = Tallies()
    known.put(VIEWS, some(9), lasting=True)
    assert not known.is_unsaved
    known.save(DAY)
    assert shown(known.get(VIEWS)) == shown(some(9))


def test_what_is_damaged_is_told_and_counted_anew(path):
    known = Tallies(path)
    known.put(VIEWS, some(40), lasting=True)
    known.put(PAIRS, some(3), lasting=True)
    known.save(DAY)
    whole, expected = path.read_bytes(), shown(some(40))
    told = metrics.DAMAGED_FACTS._value.get()
    lost = 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1:])
        found = shown(Tallies(path).get(VIEWS))
        assert found in (expected, None), place
        lost += found is None
    assert lost > 30
    assert metrics.DAMAGED_FACTS._value.get() - told == lost
    for length in range(0, len(whole), 25):
        path.write_bytes(whole[:length])
        again = Tallies(path)
        assert again.get(VIEWS) is None
    again.put(VIEWS, some(40), lasting=True)
    again.save(DAY)
    assert shown(Tallies(path).get(VIEWS)) == expected


def test_what_is_in_memory_is_bounded_and_what_is_in_files_is_not(path, monkeypatch):
    monkeypatch.setattr(tallies, "MOST_BYTES", 100_000)
    stored = Tallies(path)
    stored.put(VIEWS, some(5_000), lasting=True)
    stored.save(DAY)
    known = [Tallies() for _ in range(20)]
    for each in known:
        each.put(VIEWS, some(1_000), lasting=False)
        known[0].get(VIEWS)
    kept = [each.get(VIEWS) is not None for each in known]
    assert kept[0]
    assert kept[-1]
    assert 5 < sum(kept) < 11
    assert shown(stored.get(VIEWS)) == shown(some(5_000))


def test_a_folder_that_cannot_be_written_costs_no_number(tmp_path):
    known = Tallies(tmp_path / "nowhere" / f"20260102{SUFFIX}")
    known.put(VIEWS, some(9), lasting=True)
    with pytest.raises(OSError, match="nowhere"):
        known.save(DAY)
    assert not known.is_unsaved
    assert shown(known.get(VIEWS)) == shown(some(9))


def test_what_went_into_the_file_takes_no_memory_any_more(path):
    before, known = tallies._memory._bytes, Tallies(path)
    known.put(VIEWS, some(300), lasting=True)
    assert tallies._memory._bytes > before
    known.save(DAY)
    assert tallies._memory._bytes == before
    assert shown(known.get(VIEWS)) == shown(some(300))


WRITER = """
import sys
from pathlib import Path
from tests.test_tallies import *
print("ready", flush=True)
while True:
    for count in (500, 700):
        known = Tallies(Path(sys.argv[1]))
        known.put(VIEWS, some(count), lasting=True)
        known.save(DAY)
"""


def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new(path):
    expected, told = [shown(some(count)) for count in (500, 700)], metrics.DAMAGED_FACTS._value.get()
    for _ in range(5):
        kill_while_writing(WRITER, path)
        assert shown(Tallies(path).get(VIEWS)) in expected
    assert metrics.DAMAGED_FACTS._value.get() == told
