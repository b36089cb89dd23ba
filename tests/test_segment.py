"""Facts come back from a file as they were, or not at all."""

import stat

import numpy as np
import pytest
from hypothesis import given

from footfall.errors import SegmentError
from footfall.reports import mapped, segment
from footfall.reports.facts import TABLES
from tests.happenings import DAY_TICKS, EVENTS, MIDNIGHT, busy_day, facts, shown
from tests.killing import kill_while_writing


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("segments") / "20260102.facts"


@given(events=EVENTS)
def test_facts_come_back_as_they_were(path, events):
    written = facts(events)
    assert segment.write(path, written) == path.stat().st_size
    segment.check(path)
    read = segment.read(path)
    assert shown(read) == shown(written)
    assert len(read) == len(written)
    for column in (read.ticks, *read.codes.values(), read.engaged, read.scroll, read.visit):
        assert len(column) == len(events)


@given(events=EVENTS)
def test_the_event_at_a_moment_is_found_without_all_the_times(path, events):
    segment.write(path, facts(events))
    ticks = np.array([ticks for ticks, _ in events], dtype=np.int64)
    moments = {0, MIDNIGHT, MIDNIGHT + DAY_TICKS, MIDNIGHT + 100 * DAY_TICKS}
    moments |= {int(each) + beside for each in ticks for beside in (-1, 0, 1, 10_000)}
    read = segment.read(path)
    assert {moment: read.row_at(moment) for moment in moments} == {
        moment: int(np.searchsorted(ticks, moment)) for moment in moments}
    assert "ticks" not in vars(read)


def test_events_whose_names_lie_outside_their_row_s_day_keep_their_times(path):
    events = [(MIDNIGHT - 3 * DAY_TICKS, {}), (MIDNIGHT, {}), (MIDNIGHT + 400 * DAY_TICKS + 1, {})]
    segment.write(path, facts(events))
    assert segment.read(path).ticks.tolist() == [ticks for ticks, _ in events]


def test_a_file_is_its_owner_s_alone_and_no_draft_is_left(tmp_path):
    path = tmp_path / "20260102.facts"
    segment.write(path, facts(busy_day(10)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="No such file"):
        segment.write(tmp_path / "nowhere" / "20260102.facts", facts([]))


def test_a_busy_day_takes_few_bytes_a_view(path):
    day = facts(busy_day(5_000))
    size = segment.write(path, day)
    assert size == sum(segment.sizes(path).values())
    assert size / len(day) < 35


def test_what_is_damaged_is_told_or_means_the_same(path):
    written = facts(busy_day(300))
    segment.write(path, written)
    whole, expected = path.read_bytes(), shown(written)
    told = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1:])
        try:
            segment.check(path)
        except SegmentError as error:
            assert str(path) in str(error)
            told += 1
        else:
            assert shown(segment.read(path)) == expected
    assert told > len(whole) / 7 * 0.9


def test_what_is_cut_short_is_told(path):
    segment.write(path, facts(busy_day(50)))
    whole = path.read_bytes()
    for length in range(0, len(whole) - 8, 5):
        path.write_bytes(whole[:length])
        with pytest.raises(SegmentError, match="build the day's facts anew"):
            segment.read(path)


@pytest.mark.parametrize("name", TABLES)
def test_damaged_text_is_told_when_it_is_looked_at(path, name):
    segment.write(path, facts(busy_day(50)))
    file = mapped.Mapped(path, segment._form())
    start = file.start + file.parts[f"table.{name}"].start
    whole = bytearray(path.read_bytes())
    whole[start] ^= 0xFF
    path.write_bytes(whole)
    read = segment.read(path)
    with pytest.raises(SegmentError, match=rf"table\.{name}"):
        read.tables[name]


def test_another_version_is_told(path, monkeypatch):
    segment.write(path, facts([]))
    monkeypatch.setattr(segment, "VERSION", segment.VERSION + 1)
    with pytest.raises(SegmentError, match=f"not facts of version {segment.VERSION}"):
        segment.read(path)


def test_a_reader_keeps_what_it_has_when_the_file_is_replaced(path):
    segment.write(path, facts(busy_day(20)))
    read = segment.read(path)
    segment.write(path, facts([]))
    assert shown(read) == shown(facts(busy_day(20)))


WRITER = """
import sys
from pathlib import Path
from footfall.reports import segment
from tests.happenings import busy_day, facts
days = [facts(busy_day(count)) for count in (500, 700)]
print("ready", flush=True)
while True:
    for day in days:
        segment.write(Path(sys.argv[1]), day)
"""


@pytest.mark.ours
def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new(tmp_path):
    path = tmp_path / "20260102.facts"
    expected = [shown(facts(busy_day(count))) for count in (500, 700)]
    for _ in range(5):
        kill_while_writing(WRITER, path)
        segment.check(path)
        assert shown(segment.read(path)) in expected
