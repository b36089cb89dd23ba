"""The files of a log that is rotated: the one being written to, and the older ones beside it, zipped or not.

A file is known by the hash of its first line, wherever it is and whatever it is called: renamed, copied, zipped, on
another disk. What nginx writes has a random id in each line, so that no two files begin alike.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, cast

from footfall.errors import UsageError
from footfall.transfer.files import MAX_LINE_BYTES
from footfall.transfer.positions import Position, tail_hash

#: How much is read at once. It becomes one commit, and a tenth of a second's work.
CHUNK_BYTES = 1 << 20
#: What reading a broken gzip file raises.
BROKEN = (OSError, EOFError, zlib.error)

_LOOKS = 5


class Generation:
    """One file of a log, open.

    :raises OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw = path.open("rb")
        status = os.fstat(self._raw.fileno())
        self.inode = status.st_dev, status.st_ino
        self.zipped = os.pread(self._raw.fileno(), 2, 0) == b"\x1f\x8b"
        self._unzipped = cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if self.zipped else None
        self._first = self._first_line()
        #: Tells it from every other file; empty while it has no line.
        self.identity = blake2b(self._first, digest_size=16).hexdigest() if self._first else ""

    @property
    def written(self) -> int:
        """When it was last written to, in nanoseconds since 1970."""
        return os.fstat(self._raw.fileno()).st_mtime_ns

    def lines(self, offset: int) -> bytes:
        """Return the whole lines that come next, a megabyte at most; nothing if there is none yet.

        :raises OSError: it cannot be read, or is a gzip file that is broken (or another of :data:`BROKEN`).
        """
        data = self.rest(offset)
        end = data.rfind(b"\n") + 1
        # What has no end within a megabyte is no line of a log, and must not stop us.
        return data[:end] if end or len(data) < CHUNK_BYTES else data

    def rest(self, offset: int) -> bytes:
        """Return what comes next, also a line that has no end."""
        return self._read(offset, CHUNK_BYTES)

    def holds(self, position: Position) -> bool:
        """Tell whether what stands before a position is what was taken.

        It is not when the machine failed before the file's end was on disk, and the server then wrote on.
        """
        size = int(position.tail.partition(" ")[0] or 0)
        return tail_hash(self._read(position.offset - size, size)) == position.tail

    def is_itself(self) -> bool:
        """Tell whether it still begins as it did: what was read before this was asked is then its own."""
        return os.pread(self._raw.fileno(), len(self._first), 0) == self._first if not self.zipped else True

    def close(self) -> None:
        """Let go of the file."""
        self._raw.close()

    def _read(self, offset: int, size: int) -> bytes:
        if self._unzipped is None:
            return os.pread(self._raw.fileno(), size, offset)
        self._unzipped.seek(offset)
        return self._unzipped.read(size)

    def _first_line(self) -> bytes:
        try:
            beginning = self._unzipped.read(MAX_LINE_BYTES) if self._unzipped else os.pread(
                self._raw.fileno(), MAX_LINE_BYTES, 0)
        except BROKEN:
            return b""
        end = beginning.find(b"\n") + 1
        return beginning[:end] if end or len(beginning) < MAX_LINE_BYTES else beginning


def generations(path: Path) -> dict[str, Generation]:
    """Open the log and every file beside it whose name begins with the log's.

    :returns: them by identity. Of two with the same beginning it is the log itself rather than another, and a plain
        file rather than a zipped one: the other is a copy of it, perhaps half made.
    :raises UsageError: the log is there and cannot be opened.
    """
    for look in range(_LOOKS, 0, -1):
        found: dict[str, Generation] = {}
        try:
            for each in [each for each in path.parent.iterdir() if each.name.startswith(path.name)]:
                if stat.S_ISREG(each.stat().st_mode):
                    _keep(found, Generation(each), path)
                elif each == path:
                    raise UsageError(f"{path}: is not a file")
            break
        except OSError as error:
            for generation in found.values():
                generation.close()
            # What is being rotated is gone, or has another name, at the next look.
            if not isinstance(error, FileNotFoundError) or look == 1:
                raise UsageError(f"{error.filename}: {error.strerror}") from None
    return found


def is_rotated(name: str, path: Path) -> bool:
    """Tell whether a file's name is one that rotation gives: the log's with a number or a date."""
    return re.match(r"[.-]\d", name.removeprefix(path.name)) is not None


def _keep(found: dict[str, Generation], generation: Generation, path: Path) -> None:
    other = found.get(generation.identity)
    if not generation.identity or (other and _rank(other, path) <= _rank(generation, path)):
        generation.close()
        return
    if other:
        other.close()
    found[generation.identity] = generation


def _rank(generation: Generation, path: Path) -> tuple[bool, bool]:
    return generation.path != path, generation.zipped
