"""Lines of files as an import wants them: plain or gzipped, standard input, or followed as they grow."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self, cast

from footfall.errors import UsageError

#: A line longer than this is read in parts, none of which is a line of a log.
MAX_LINE_BYTES = 64 * 1024
POLL_SECONDS = 0.5


class LogFile:
    """A file to import, or standard input as ``-``; gzip is told by its first bytes.

    ``size`` is its length in bytes, ``None`` where that cannot be known, and ``position`` how many
    of them were read, so that progress can be shown for compressed files too.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._raw: BinaryIO = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115 - __exit__ closes it
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        regular = path != "-" and Path(path).is_file()
        self.size = Path(path).stat().st_size if regular else None
        self._bytes_read = _Counting(self._raw)
        buffered = io.BufferedReader(self._bytes_read, MAX_LINE_BYTES)
        try:
            zipped = buffered.peek(2)[:2] == b"\x1f\x8b"
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        self._lines = cast(BinaryIO, gzip.GzipFile(fileobj=buffered)) if zipped else cast(BinaryIO, buffered)

    @property
    def position(self) -> int:
        """How many of the file's bytes were read."""
        return self._bytes_read.count

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines, the last one also without its end.

        :raises UsageError: the file cannot be read on, as when a gzip file is cut off.
        """
        try:
            while line := self._lines.readline(MAX_LINE_BYTES):
                yield line
        except (OSError, EOFError) as error:
            raise UsageError(f"{self.path}: cannot be read on: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.path != "-":
            self._raw.close()


class _Counting(io.RawIOBase):
    """A raw file that counts what is read of it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._raw.read1(len(buffer)) if hasattr(self._raw, "read1") else self._raw.read(len(buffer))
        buffer[:len(data)] = data
        self.count += len(data)
        return len(data)


class FollowedFile:
    """A growing file, followed also across its rotation, until told to stop.

    A file that was renamed is read to its end before its successor is begun; one that was cut to
    nothing and written anew is read from its start.

    :param idle: called whenever all there is has been read.
    :param stop: set it to end; a line that has no end yet is then left for the next time.
    :raises UsageError: the file cannot be opened.
    """

    def __init__(self, path: Path, idle: Callable[[], None], stop: threading.Event) -> None:
        self._path = path
        self._idle = idle
        self._stop = stop
        try:
            self._file: BinaryIO | None = path.open("rb")
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None

    def files(self) -> Iterator[Iterator[bytes]]:
        """Yield the lines of the file, then those of the one that took its place, and so on."""
        while self._file is not None:
            yield self._lines(self._file)

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        rest = b""
        while True:
            while line := file.readline():
                rest += line
                if rest.endswith(b"\n"):
                    yield rest
                    rest = b""
            successor = _successor(self._path, file)
            if successor is not None:
                # Its last lines may have been written between our last look and the renaming.
                yield from (rest + file.read()).splitlines(keepends=True)
            else:
                self._idle()
            if successor is not None or self._stop.wait(POLL_SECONDS):
                file.close()
                self._file = successor
                return


def _successor(path: Path, file: BinaryIO) -> BinaryIO | None:
    """Return the file that has taken the place of ``file``, opened; ``None`` while none has."""
    try:
        there, ours = path.stat(), os.fstat(file.fileno())
        renamed = (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)
        if renamed or there.st_size < file.tell():
            return path.open("rb")
    except FileNotFoundError:
        # Between the renaming and the successor's first line there is no file.
        return None
    return None
