"""Follow logs as they grow, each line taken exactly once, also across rotation and restarts.

How far a file was read is committed with the events that were taken from it. So whoever begins again, after an
end, a kill or a power cut, goes on behind the last line that is in the store. The files of a log are told apart as
:mod:`~footfall.transfer.generations` says; those that were rotated while nobody looked are found, and read, first.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from footfall.errors import UsageError
from footfall.pageview import Event
from footfall.storage import Mutation
from footfall.transfer.generations import BROKEN, CHUNK_BYTES, Generation, generations, is_rotated
from footfall.transfer.importing import Importer, Summary
from footfall.transfer.positions import Position, Positions, tail_hash

POLL_SECONDS = 0.5
#: How long a file that has a successor must be silent until it is over: a server may go on writing to it for a while.
SILENT_SECONDS = 60.0

#: Stands among a log's positions from the first time that it was followed: what was there before is not ours.
BEGUN = "begun"

#: Yields the events of lines, and calls what it is given with the reason and the line of each that is none.
Read = Callable[[Iterable[bytes], Callable[[str, bytes], None]], Iterator[Event]]


@dataclass
class _Reading:
    """A file that is read: what with, and when there was last something new, by the monotonic clock."""

    generation: Generation
    read: Read
    grown: float = field(default_factory=time.monotonic)


class FollowedLog:
    """One log, followed.

    :param path: the file that is written to; its older ones are looked for beside it.
    :param positions: where it is kept how far they were read.
    :param new_reader: makes what reads the lines of one file, from its first to its last.
    :param remembers: whether what a line gives depends on those before it, which must then be read again at a start.
    :param say: called with what the owner should know.
    """

    def __init__(self, path: Path, positions: Positions, new_reader: Callable[[], Read], importer: Importer,
                 summary: Summary, say: Callable[[str], None], *, remembers: bool = False) -> None:
        self._path = path.absolute()
        self._positions = positions
        self._new_reader = new_reader
        self._remembers = remembers
        self._importer = importer
        self._summary = summary
        self._say = say
        self._host = socket.gethostname()
        self._known: dict[str, Position] = {}
        #: The oldest first; the last is the one that is written to.
        self._readings: list[_Reading] = []

    def begin(self) -> None:
        """Find out how far it was read, and open what is to be read on.

        :raises UsageError: there is no such file, or it cannot be opened.
        """
        self._importer.patiently(lambda: self._known.update(self._positions.read()))
        # One that is known may be away for the moment of its rotation.
        if not self._known and not self._path.exists():
            raise UsageError(f"{self._path}: No such file or directory")
        self._look_around()

    def step(self) -> bool:
        """Take a part of what is new, and tell whether there is probably more.

        :raises UsageError: the log can no longer be opened.
        :raises StoreUnavailable: the store is away and the importer would not wait.
        """
        if self._is_rotated():
            self._look_around()
        # A list of its own: what is over leaves the readings.
        more = [self._take(reading) for reading in list(self._readings)]
        return any(more)

    def close(self) -> None:
        """Let go of the files."""
        for reading in self._readings:
            reading.generation.close()

    def _is_rotated(self) -> bool:
        """Tell whether a file that is read was cut, or one that is not read has come to be the log."""
        if not all(reading.generation.is_itself() for reading in self._readings):
            return True
        try:
            there = self._path.stat()
            if any(reading.generation.inode == (there.st_dev, there.st_ino) for reading in self._readings):
                return False
            current = Generation(self._path)
        except FileNotFoundError:
            # Between the renaming and the successor's making there is none.
            return False
        current.close()
        return bool(current.identity)

    def _look_around(self) -> None:
        """Open the files that hold lines to be taken, and write down that they are known from now on."""
        found = generations(self._path)
        here, latest = set(found), max((each.written for each in found.values()), default=time.time_ns())
        self._keep_or_replace(found)
        known = [position for identity, position in self._known.items()
                 if identity in here or position.host == self._host]
        newest = max((position.written for position in known), default=None)
        opened, changes = [], dict[str, Position | None]()
        for generation in sorted(found.values(), key=self._age):
            if self._is_wanted(generation, newest):
                position = self._known.get(generation.identity) or Position(0, 0, False, "", "")
                changes[generation.identity] = self._at(generation, position)
                opened.append(_Reading(generation, self._new_reader()))
            else:
                generation.close()
        if not known:
            changes[BEGUN] = Position(0, latest, True, str(self._path), self._host)
        changes |= dict.fromkeys(self._gone(here))
        self._readings += opened
        self._write([], changes)
        for reading in opened:
            self._go_to(reading)
        for reading in self._readings:
            reading.grown = time.monotonic()

    def _is_wanted(self, generation: Generation, newest: int | None) -> bool:
        """Tell whether a file holds lines to be taken; ``newest`` is when any that we know was last written to."""
        if generation.path == self._path:
            return True
        position = self._known.get(generation.identity)
        if position:
            return not position.done
        # Of the files that nobody knows, those written to after the last look came in between.
        return newest is not None and generation.written > newest and is_rotated(generation.path.name, self._path)

    def _age(self, generation: Generation) -> tuple[bool, int]:
        """The key that sorts files from the oldest to the log itself."""
        return generation.path == self._path, generation.written

    def _keep_or_replace(self, found: dict[str, Generation]) -> None:
        """Go on in a copy where a file was cut; take from what was found all that is read already."""
        kept = []
        for reading in self._readings:
            ours = reading.generation
            other = found.pop(ours.identity, None)
            if other and (not ours.is_itself() or (other.path == self._path and other.inode != ours.inode)):
                ours.close()
                reading.generation = other
            elif other:
                other.close()
            if reading.generation.is_itself():
                kept.append(reading)
            else:
                reading.generation.close()
        self._readings = kept

    def _gone(self, here: set[str]) -> list[str]:
        """Return the files of this machine that are no more, having told of those that had not been read to the end."""
        read = {reading.generation.identity for reading in self._readings}
        gone = [identity for identity, position in self._known.items()
                if identity not in here | read | {BEGUN} and position.host == self._host]
        for position in (self._known[identity] for identity in gone):
            if not position.done:
                self._say(f"{self._path}: the file that was read up to byte {position.offset:,} is gone or was "
                          "emptied, and no copy of it is beside; what was written to it after that, if anything, is "
                          "LOST to the import")
        return gone

    def _go_to(self, reading: _Reading) -> None:
        """Make ready to read a file on from its position."""
        generation = reading.generation
        position = self._known[generation.identity]
        if not position.offset:
            return
        try:
            if generation.holds(position):
                self._say(f"{generation.path}: goes on behind byte {position.offset:,}")
                self._remember(reading, position.offset)
            else:
                self._say(f"{generation.path}: does not hold what was read of it up to byte {position.offset:,}, as "
                          "after a power cut; it is read from its start, and what is in the store is not taken again")
                self._known[generation.identity] = position._replace(offset=0, tail="")
        except BROKEN as error:
            self._say(f"{generation.path}: cannot be read up to byte {position.offset:,}: {error}")

    def _remember(self, reading: _Reading, offset: int) -> None:
        """Let the reader see the lines that were taken before, if what it gives depends on them."""
        behind = 0
        while self._remembers and behind < offset and (data := reading.generation.lines(behind)[:offset - behind]):
            for _ in reading.read(_split(data), lambda reason, line: None):
                pass
            behind += len(data)

    def _take(self, reading: _Reading) -> bool:
        generation = reading.generation
        offset = self._known[generation.identity].offset
        try:
            data = generation.lines(offset)
            over = not data and self._is_over(reading)
            # The last line of what is over may have no end: nothing will be written to it any more.
            data = generation.rest(offset) if over else data
        except BROKEN as error:
            if not generation.zipped:
                raise
            self._say(f"{generation.path}: cannot be read on behind byte {offset:,}: {error}; "
                      "what is after that is LOST to the import")
            data, over = b"", True
        if not generation.is_itself():
            # What was read may be its successor's; the next step finds out where it went.
            return True
        if data or over:
            reading.grown = time.monotonic()
            self._store(reading, data, done=over)
        return len(data) > CHUNK_BYTES // 2

    def _is_over(self, reading: _Reading) -> bool:
        if reading.generation.zipped:
            return True
        return reading is not self._readings[-1] and time.monotonic() - reading.grown > SILENT_SECONDS

    def _store(self, reading: _Reading, data: bytes, *, done: bool) -> None:
        """Commit the events of some lines and, with them, that they were read."""
        generation = reading.generation
        lines = _split(data)
        events: list[Event] = []
        skipped: list[tuple[str, bytes]] = []

        def read() -> None:
            skipped.clear()
            events[:] = reading.read(lines, lambda reason, line: skipped.append((reason, line)))

        self._importer.patiently(read)
        position = self._known[generation.identity]
        if data:
            position = position._replace(offset=position.offset + len(data), tail=tail_hash(data))
        self._write(events, {generation.identity: self._at(generation, position, done=done)})
        self._summary.lines += len(lines)
        for reason, line in skipped:
            self._summary.skip(reason, line)
        if done:
            generation.close()
            self._readings.remove(reading)

    def _at(self, generation: Generation, position: Position, *, done: bool = False) -> Position:
        """Return a position as one in this file, as the file is now."""
        return position._replace(written=generation.written, done=done, path=str(generation.path), host=self._host)

    def _write(self, events: Sequence[Event], changes: dict[str, Position | None]) -> None:
        also: list[Mutation] = [self._positions.insert(identity, position) if position
                                else self._positions.remove(identity) for identity, position in changes.items()]
        if also:
            self._importer.commit(events, also)
        for identity, position in changes.items():
            if position:
                self._known[identity] = position
            else:
                del self._known[identity]


def follow(logs: Sequence[FollowedLog], stop: threading.Event) -> None:
    """Take what the logs hold and what is written to them, until told to stop.

    :raises UsageError: a log is not there, or can no longer be opened.
    :raises StoreUnavailable: the store is away and the importer would not wait.
    """
    try:
        for log in logs:
            log.begin()
        while not stop.is_set():
            more = [log.step() for log in logs]
            if not any(more):
                stop.wait(POLL_SECONDS)
    finally:
        for log in logs:
            log.close()


def _split(data: bytes) -> list[bytes]:
    """Return the lines of some bytes, without their ends; what stands behind the last end is one too."""
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines
